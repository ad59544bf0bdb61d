"""Passwords and tokens of a mall's server: one file each, made once, readable by their owner alone."""

import secrets
from pathlib import Path

from firmware_configs.broker.files import write_file, writing
from firmware_configs.tree import SECRET

SECRETS = {
    "console-password": "the console's password, for people",
    "api-token": "the HTTP API's token, for machines",
    "grafana-admin-password": "the password of Grafana's user admin; counts at Grafana's first start",
    "grafana-secret-key": "what Grafana encrypts its data sources' secrets with",
    "influxdb-admin": "InfluxDB's operator token",
}
"""Files that are made here, and what each is."""
FOUND_LATER = ("influxdb-gateway", "influxdb-grafana")
"""Tokens that InfluxDB gives to `mallsense store init`; empty until then, so that they can be mounted."""


def make_secrets(folder: Path) -> list[str]:
    """Make what is missing in a folder; gives the names of what was made.

    Raises:
        ConfigurationError: it cannot be written.

    """
    made = []
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        for name in (*SECRETS, *FOUND_LATER):
            path = folder / name
            if path.exists():
                continue
            content = "" if name in FOUND_LATER else f"{secrets.token_urlsafe(32)}\n"
            write_file(path, content.encode(), mode=SECRET)
            made.append(name)
    return made
