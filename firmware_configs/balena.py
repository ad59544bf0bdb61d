"""Nodes under balena: the project that is pushed once for all of them, and what makes a card one of them."""

import base64
import json
from typing import Any

from contracts.site import Site, dump_site
from firmware_configs.mall_secrets import NodeSecrets
from firmware_configs.plan import NodePlan
from firmware_configs.templating import render
from firmware_configs.tree import PROGRAM, File, Tree

RULES = "70"
"""Number of our rules among the host's udev rules: balenaOS writes them to /etc/udev/rules.d/70.rules."""
FLEET_CONFIGURATION = {
    # A node has no screen.
    "BALENA_HOST_CONFIG_gpu_mem": "16",
    # A Pi 5 gives all of USB 600 mA unless its supply says that it has 5 A; few PoE adapters do.
    "BALENA_HOST_CONFIG_usb_max_current_enable": "1",
    # Logs on the card would wear it.
    "BALENA_SUPERVISOR_PERSISTENT_LOGGING": "false",
}
"""Configuration variables of the fleet, see https://docs.balena.io/reference/supervisor/configuration-list/."""


def project(site: Site, *, wheels: Tree | None = None) -> Tree:
    """Render what `balena push` sends: the same for every node of the site."""
    names: dict[str, None] = {}
    for node in site.nodes:
        names |= dict.fromkeys(NodePlan(site, node).radios)
    values = {"site": site, "radios": list(names), "cameras": any(node.cameras for node in site.nodes)}
    tree = {
        "docker-compose.yml": File.of(render("balena/docker-compose.yml", **values)),
        "Dockerfile.template": File.of(render("balena/Dockerfile.template", **values)),
        "balena.yml": File.of(render("balena/balena.yml", **values)),
        ".dockerignore": File.of(render("balena/dockerignore", **values)),
        "start": File.of(render("balena/start", **values), PROGRAM),
        "radio-name": File.of(render("shared/radio-name", **values), PROGRAM),
        "site.yaml": File.of(dump_site(site)),
    }
    return tree | {f"wheels/{name}": file for name, file in (wheels or {}).items()}


def fleet_variables(site: Site) -> dict[str, str]:
    """Environment variables of all nodes."""
    broker = NodePlan(site, site.nodes[0]).broker if site.nodes else ""
    return {"MALLSENSE_BROKER": broker} if broker else {}


def node_variables(plan: NodePlan, secrets: NodeSecrets) -> dict[str, str]:
    """Environment variables of one node, its secrets among them; `start` takes them apart again."""

    def coded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    return {
        "MALLSENSE_NODE": plan.node.id,
        "MALLSENSE_KEY_BASE64": coded(secrets.mall_key),
        "MALLSENSE_CA_BASE64": coded(secrets.authority),
        "MALLSENSE_CERT_BASE64": coded(secrets.certificate),
        "MALLSENSE_CERT_KEY_BASE64": coded(secrets.private_key),
    }


def host_configuration(plan: NodePlan) -> dict[str, Any]:
    """What goes into the card's config.json beside what balena puts there: name, country, udev rules."""
    rules = render("shared/radios.rules", **plan.values | {"access_point": ""}, names_from_udev=False)
    configuration: dict[str, Any] = {"hostname": plan.node.id.lower(), "os": {"udevRules": {RULES: rules}}}
    return configuration | ({"country": plan.country} if plan.country else {})


def config_json(plan: NodePlan, issued: dict[str, Any]) -> File:
    """Join what balena has issued for a device with what the site says of its node."""
    merged = issued | host_configuration(plan)
    merged["os"] = {**issued.get("os", {}), **merged["os"]}
    return File.of(json.dumps(merged, indent=2) + "\n", 0o600)
