"""A node on plain Raspberry Pi OS: a folder with everything, and `install.sh` that puts it into place."""

from contracts.site import dump_site
from firmware_configs.mall_secrets import NodeSecrets
from firmware_configs.plan import NodePlan
from firmware_configs.templating import render
from firmware_configs.tree import PROGRAM, SECRET, SUMS, File, Tree, sums

ETC = "etc/mallsense"
_TEMPLATES = {
    "etc/systemd/system/mallsense-edge.service": "pi/mallsense-edge.service",
    "etc/systemd/system/mallsense-setup.service": "pi/mallsense-setup.service",
    "etc/systemd/system/mallsense-programs.service": "pi/mallsense-programs.service",
    "etc/systemd/system/systemd-time-wait-sync.service.d/50-mallsense.conf": "pi/time-wait-sync.conf",
    "etc/systemd/journald.conf.d/50-mallsense.conf": "pi/journald.conf",
    "etc/systemd/system.conf.d/50-mallsense.conf": "pi/system.conf",
    "etc/udev/rules.d/70-mallsense-radios.rules": "shared/radios.rules",
    "etc/NetworkManager/conf.d/50-mallsense.conf": "pi/networkmanager.conf",
    "etc/modprobe.d/mallsense.conf": "pi/modprobe.conf",
    f"{ETC}/node.env": "pi/node.env",
    "usr/lib/sysusers.d/mallsense.conf": "pi/sysusers.conf",
    "usr/lib/tmpfiles.d/mallsense.conf": "pi/tmpfiles.conf",
}
_PROGRAMS = {
    "usr/local/bin/mallsense": "pi/mallsense",
    "usr/local/lib/mallsense/setup": "pi/setup",
    "usr/local/lib/mallsense/programs": "pi/programs",
    "usr/local/lib/mallsense/radio-name": "shared/radio-name",
}
_CONNECTIONS = "etc/NetworkManager/system-connections"


def system_files(plan: NodePlan, secrets: NodeSecrets | None = None) -> Tree:
    """Render every file of the node's system, by its path below the root folder."""
    unmanaged = [*plan.listening, *([plan.node.stations] if plan.node.stations else [])]
    values = plan.values | {
        "credentials": secrets is not None,
        "names_from_udev": True,
        "unmanaged": unmanaged or ["mon*"],
    }
    tree = {path: File.of(render(template, **values)) for path, template in _TEMPLATES.items()}
    tree |= {path: File.of(render(template, **values), PROGRAM) for path, template in _PROGRAMS.items()}
    tree[f"{ETC}/site.yaml"] = File.of(dump_site(plan.site))
    if plan.guest is not None:
        tree[f"etc/hostapd/{plan.node.stations}.conf"] = File.of(render("pi/hostapd.conf", **values), SECRET)
        unit = f"etc/systemd/system/hostapd@{plan.node.stations}.service.d/50-mallsense.conf"
        tree[unit] = File.of(render("pi/hostapd-service.conf", **values))
        for name in ("guest-bridge", "guest-vlan"):
            path = f"{_CONNECTIONS}/mallsense-{name}.nmconnection"
            tree[path] = File.of(render(f"pi/{name}.nmconnection", **values), SECRET)
    if secrets is not None:
        tree[f"{ETC}/mall.key"] = File(secrets.mall_key, SECRET)
        tree[f"{ETC}/node.key"] = File(secrets.private_key, SECRET)
        tree[f"{ETC}/node.crt"] = File(secrets.certificate)
        tree[f"{ETC}/ca.crt"] = File(secrets.authority)
    return tree


def bundle(plan: NodePlan, secrets: NodeSecrets | None = None, wheels: Tree | None = None) -> Tree:
    """Render the folder that makes a Raspberry Pi this node: `install.sh`, its files, its packages."""
    system = system_files(plan, secrets)
    units = ["mallsense-setup.service", "mallsense-programs.service", "mallsense-edge.service"]
    if plan.guest is not None:
        units.append(f"hostapd@{plan.node.stations}.service")
    tree: Tree = {f"root/{path}": file for path, file in system.items()}
    tree["MANIFEST"] = File.of("".join(f"{file.mode:o} {path}\n" for path, file in sorted(system.items())))
    tree["install.sh"] = File.of(render("pi/install.sh", **plan.values, units=units), PROGRAM)
    tree |= {f"wheels/{name}": file for name, file in (wheels or {}).items()}
    return tree | {SUMS: sums(tree)}
