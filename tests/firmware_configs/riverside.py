"""A mall for the tests of installing: a node with two radios and the guest network, one that only listens."""

from datetime import UTC, datetime
from pathlib import Path

from contracts.site import Site, parse_site
from firmware_configs import raspberry_pi_os
from firmware_configs.mall_secrets import NodeSecrets, node_secrets
from firmware_configs.plan import NodePlan
from firmware_configs.tree import File, Tree, sums, write_tree

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSPHRASE = "welcome to $HOME"
_EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "small-mall.yaml"
_RADIOS = "stations: ap0, radios: [{interface: mon1, channels: [1]}, {interface: mon6, channels: [6]}]"
_MORE = f"""
broker: {{host: broker.riverside.example}}
wifi:
  country: CN
  guest: {{ssid: "河畔 'Guest' \\"$HOME\\"", channel: 6, vlan: 20, passphrase: "{PASSPHRASE}"}}
"""


def site_text() -> str:
    """The example of the documentation, with what installing needs."""
    text = _EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("{id: n01, ", f"{{id: n01, {_RADIOS}, ")
    text = text.replace("{id: n02, ", "{id: n02, radios: [{interface: wlan1, channels: [1, 6, 11]}], ")
    return text.replace("{id: car-out, ", "{id: car-out, source: /dev/video0, ") + _MORE


def riverside() -> Site:
    """The mall."""
    return parse_site(site_text(), "riverside.yaml")


def plan(node: str = "n01") -> NodePlan:
    """One of its nodes: n01 with everything, n02 with one radio, n03 with none, gate with cameras."""
    return NodePlan.of(riverside(), node)


def secrets_of(authority: Path, node: str = "n01") -> NodeSecrets:
    """The secrets of a node, from an authority of the mall's own."""
    return node_secrets(authority, node, mall="riverside", now=NOW)


def few_packages() -> Tree:
    """A folder of packages with one in it that nobody can install: for what only copies them."""
    wheels = {"mallsense-0.0.0-py3-none-any.whl": File(b"no wheel"), "requirements.lock": File(b"")}
    return wheels | {"SHA256SUMS": sums(wheels)}


def card(folder: Path, node: str = "n01", *, wheels: Tree | None = None) -> Path:
    """Write the folder that makes a Raspberry Pi this node; gives it."""
    secrets = secrets_of(folder / "authority", node)
    target = folder / "cards" / node
    packages = few_packages() if wheels is None else wheels
    write_tree(target, raspberry_pi_os.bundle(plan(node), secrets, packages), replace=True)
    return target
