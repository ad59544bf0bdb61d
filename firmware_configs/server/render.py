"""The folder that a mall's server is installed from, as a tree of files."""

import hashlib
import ipaddress
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from contracts.errors import ConfigurationError
from contracts.site import Site, dump_site
from firmware_configs.broker import GATEWAY, Authority, acl, client_names, configuration
from firmware_configs.broker.mosquitto import broker_of
from firmware_configs.templating import render
from firmware_configs.tree import PROGRAM, SECRET, File, Tree

HEALTH_CHECK = "health-check"
"""The broker's health check logs in under this name, which has no rights."""
BROKER_CONFIGURATION = PurePosixPath("/mosquitto/config")
BROKER_DATA = PurePosixPath("/mosquitto/data")
IMAGES = {
    "broker": "eclipse-mosquitto:2.0.22",
    "influxdb": "influxdb:2.8.0",
    "grafana": "grafana/grafana:12.3.1",
    "proxy": "caddy:2.10.2-alpine",
    "python": "python:3.13.9-slim-trixie",
}
"""Each by its full version. Digests come from a registry (docs/installing-a-server.md), so none are here."""
MADE = ("console-password", "api-token", "grafana-admin-password", "grafana-secret-key", "influxdb-admin")
"""Secrets that the server makes when it is installed."""
CRM_MADE = ("crm-password", "crm-token")
"""Made, too, where the mall has a CRM: members are for its team and its machines alone."""
GIVEN = ("influxdb-gateway", "influxdb-grafana")
"""Tokens that InfluxDB gives to `mallsense store init`."""
DATABASE = "mallsense"
_PROGRAMS = ("install.sh", "backup.sh", "secrets.sh", "store-init.sh")
UID = 10001
"""Gateway, Grafana and proxy run as this user; secrets are its own."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The certificate that browsers see."""

    certificate_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What a server is rendered from."""

    site: Site
    version: str
    """Of mallsense; the gateway's image is tagged with it."""
    wheel: tuple[str, bytes]
    """Name and content of mallsense's wheel."""
    lock: bytes
    """The packages that the gateway runs with, by their hashes."""
    grafana: Mapping[str, str]
    """Files for Grafana: `provisioning/...`, `dashboards/...`."""
    pages: Pages | None = None
    """Browsers' certificate; None = from the mall's authority."""
    learnt: Mapping[str, bytes] = field(default_factory=dict)
    """Files that the gateway is started with beside the site file: `calibration`, `people`."""

    @property
    def host(self) -> str:
        """The name or address under which nodes and browsers reach the server."""
        return broker_of(self.site).host

    @property
    def alias(self) -> str:
        """The broker's name inside: the one in its certificate."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return self.host
        return ""

    @property
    def url(self) -> str:
        """Where browsers find the console."""
        return page_url(self.site)

    @property
    def made(self) -> tuple[str, ...]:
        """Secrets that the server makes."""
        return MADE if self.site.crm is None else MADE + CRM_MADE

    @property
    def store(self) -> str:
        """The address of the store, inside."""
        return f"influx://influxdb:8086/{DATABASE}?org={self.site.mall.id}"


def page_url(site: Site) -> str:
    """Where browsers find the console. Raises `ConfigurationError` where the site names no broker."""
    host = broker_of(site).host
    return f"https://[{host}]" if ":" in host else f"https://{host}"


def render_server(plan: ServerPlan, authority: Authority, *, now: datetime) -> Tree:
    """Render everything but the passwords and tokens, which are made on the server.

    Raises:
        ConfigurationError: the site names no broker, or a name in it is taken; the wheel is none; the lock
            file lacks what the gateway, or its CRM, needs there.

    """
    site = plan.site
    if HEALTH_CHECK in client_names(site):
        raise ConfigurationError(
            f"a node or reader is called {HEALTH_CHECK}",
            "The broker's health check has that name: use another.",
        )
    if not plan.wheel[0].endswith(".whl"):
        raise ConfigurationError(
            f"{plan.wheel[0]}: expected mallsense's wheel", "Make it: pip wheel --no-deps -w dist ."
        )
    if b"influxdb-client==" not in plan.lock:
        raise ConfigurationError(
            "the lock file names no influxdb-client, which the gateway needs there",
            "Write it anew: make lock. Or name another one with --lock.",
        )
    if site.crm is not None and b"standardwebhooks==" not in plan.lock:
        raise ConfigurationError(
            "the lock file names no standardwebhooks, which the mall's CRM needs there",
            "Name one with the crm extra with --lock, or take the section crm out of the site file.",
        )
    values: dict[str, object] = {
        "plan": plan,
        "site": site,
        "images": IMAGES,
        "uid": UID,
        "port": broker_of(site).port,
        "gateway": _words(_gateway(plan)),
        "store_init": _words(_store_init(plan)),
        "store_init_shell": shlex.join(_store_init(plan)),
        "made": plan.made,
        "given": GIVEN,
        "health": _words(["CMD", *health_check(site)]),
    }
    tree: Tree = {name: File.of(render(f"server/{name}", **values)) for name in ("Caddyfile", "grafana.ini")}
    tree |= {name: File.of(render(f"server/{name}", **values), PROGRAM) for name in _PROGRAMS}
    tree |= {
        "image/Dockerfile": File.of(render("server/Dockerfile", **values)),
        "image/requirements.lock": File(plan.lock),
        f"image/{plan.wheel[0]}": File(plan.wheel[1]),
        "site.yaml": File.of(dump_site(site)),
    }
    tree |= {f"gateway/{name}.json": File(content) for name, content in plan.learnt.items()}
    tree |= {f"grafana/{path}": File.of(text) for path, text in plan.grafana.items()}
    tree |= _certificates(plan, authority, now)
    revoked = " ".join(entry.serial for entry in authority.entries if entry.revoked)
    digests = {
        # Its list of revoked certificates has another date each time.
        "broker": _digest(tree, "broker/", leave_out="broker/revoked.pem", more=revoked),
        "gateway": _digest(tree, "site.yaml", "gateway/"),
        "grafana": _digest(tree, "grafana"),
        "proxy": _digest(tree, "Caddyfile", "pages/"),
    }
    tree["compose.yaml"] = File.of(render("server/compose.yaml", digests=digests, **values))
    return tree


def _digest(tree: Tree, *beginnings: str, leave_out: str = "", more: str = "") -> str:
    """Sum up what a container reads when it starts: compose makes one anew whose labels have changed."""
    summed = hashlib.sha256(more.encode())
    for path, file in sorted(tree.items()):
        if path.startswith(beginnings) and path != leave_out:
            summed.update(path.encode() + b"\0" + file.content)
    return summed.hexdigest()[:16]


def _certificates(plan: ServerPlan, authority: Authority, now: datetime) -> Tree:
    server = authority.server([plan.host], now=now)
    gateway = authority.client(GATEWAY, now=now)
    health = authority.client(HEALTH_CHECK, now=now)
    pages = plan.pages or Pages(server.certificate_pem, server.key_pem)
    conf = configuration(plan.site, installed=BROKER_CONFIGURATION, persistence=BROKER_DATA)
    return {
        "broker/mosquitto.conf": File.of(conf),
        "broker/acl": File.of(acl(plan.site), SECRET),
        "broker/ca.crt": File(authority.ca_pem),
        "broker/server.crt": File(server.certificate_pem),
        "broker/server.key": File(server.key_pem, SECRET),
        "broker/revoked.pem": File(authority.revocations_pem(now=now)),
        "broker/health.crt": File(health.certificate_pem),
        "broker/health.key": File(health.key_pem, SECRET),
        "gateway/ca.crt": File(authority.ca_pem),
        "gateway/gateway.crt": File(gateway.certificate_pem),
        "gateway/gateway.key": File(gateway.key_pem, SECRET),
        "pages/server.crt": File(pages.certificate_pem),
        "pages/server.key": File(pages.key_pem, SECRET),
    }


_CRM = (
    "--crm-password-file", "/run/secrets/crm-password", "--crm-token-file", "/run/secrets/crm-token",
)  # fmt: skip


def _gateway(plan: ServerPlan) -> list[str]:
    broker = broker_of(plan.site)
    name = f"[{broker.host}]" if ":" in broker.host else broker.host
    return [
        "gateway", "--site", "/etc/mallsense/site.yaml",
        "--store", plan.store, "--store-token-file", "/run/secrets/influxdb-gateway",
        "--journal", "/var/lib/mallsense/mallsense.db",
        "--broker", f"mqtts://{name}:{broker.port}", "--ca", "/etc/mallsense/gateway/ca.crt",
        "--cert", "/etc/mallsense/gateway/gateway.crt", "--cert-key", "/etc/mallsense/gateway/gateway.key",
        "--host", "0.0.0.0", "--port", "8000",  # noqa: S104  # inside; only the proxy is published
        "--password-file", "/run/secrets/console-password", "--token-file", "/run/secrets/api-token",
        "--allow-origin", plan.url,
        *(() if plan.site.crm is None else _CRM),
        *(word for name in plan.learnt for word in (f"--{name}", f"/etc/mallsense/gateway/{name}.json")),
    ]  # fmt: skip


def _store_init(plan: ServerPlan) -> list[str]:
    return [
        "store", "init", plan.store, "--site", "/etc/mallsense/site.yaml",
        "--secrets", "/secrets", "--admin-token-file", "/secrets/influxdb-admin",
    ]  # fmt: skip


def health_check(site: Site) -> list[str]:
    """Log in to the broker as a client would, and leave: what tells that TLS and certificates work."""
    folder = BROKER_CONFIGURATION
    return [
        "mosquitto_sub", "-h", "localhost", "-p", str(broker_of(site).port), "--cafile", f"{folder}/ca.crt",
        "--cert", f"{folder}/health.crt", "--key", f"{folder}/health.key", "-V", "mqttv5",
        "-t", HEALTH_CHECK, "-E", "-W", "5",
    ]  # fmt: skip


def _words(command: list[str]) -> str:
    """Write a command as a YAML list; a $ is written twice, since compose replaces variables."""
    return json.dumps(command).replace("$", "$$")
