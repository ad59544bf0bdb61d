"""The folder that a broker is installed from: configuration, access list, certificates."""

from datetime import datetime
from pathlib import Path, PurePosixPath

from contracts.site import Site
from firmware_configs.broker.access import acl
from firmware_configs.broker.authority import Authority
from firmware_configs.broker.files import write_file, writing
from firmware_configs.broker.mosquitto import INSTALLED, broker_of, configuration


def render_broker(
    site: Site, authority: Authority, out: Path, *, now: datetime, installed: PurePosixPath = INSTALLED
) -> list[Path]:
    """Write everything that the broker needs into the folder `out`, which will lie at `installed`.

    Rendering again replaces all of it; the broker's certificate stays the same while it is good. The
    authority's key is not among it.

    Raises:
        ConfigurationError: the site names no broker or one name twice, or the folder cannot be written.

    """
    server = authority.server([broker_of(site).host], now=now)
    files = {
        "mosquitto.conf": (configuration(site, installed=installed).encode(), 0o644),
        "acl": (acl(site).encode(), 0o600),  # mosquitto warns of access lists that others may read
        "ca.crt": (authority.ca_pem, 0o644),
        "server.crt": (server.certificate_pem, 0o644),
        "server.key": (server.key_pem, 0o600),
        "revoked.pem": (authority.revocations_pem(now=now), 0o644),
    }
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, (content, mode) in files.items():
            write_file(out / name, content, mode=mode)
    return [out / name for name in files]
