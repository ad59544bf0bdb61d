"""The mall's secrets, in the folder of its authority: certificates, and the key of the pseudonyms.

mall.key                64 hex digits, the same on every node (`mallsense edge --key`)
ca.crt, ca.key, ...     see `firmware_configs.broker.authority`
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from contracts.errors import ConfigurationError
from firmware_configs.broker import Authority
from firmware_configs.broker.files import write_file, writing

MALL_KEY = "mall.key"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class NodeSecrets:
    """What a node must have and nobody else may. Its `repr` shows none of it."""

    mall_key: bytes = field(repr=False)
    """The file that `--key` takes."""
    authority: bytes = field(repr=False)
    """PEM."""
    certificate: bytes = field(repr=False)
    """PEM."""
    private_key: bytes = field(repr=False)
    """PEM."""


def mall_key(folder: Path) -> bytes:
    """Read the key of the mall's pseudonyms, made where there is none yet.

    Raises:
        ConfigurationError: others may read it, it is damaged, or it cannot be written.

    """
    path = folder / MALL_KEY
    with writing(folder):
        if not path.exists():
            write_file(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode(), mode=0o600)
        mode, content = path.stat().st_mode, path.read_bytes()
    if mode & 0o077:
        raise ConfigurationError(f"{path}: others may read the mall's key", f"Mend it: chmod 600 {path}")
    if not re.fullmatch(rb"[0-9a-fA-F]{%d}\n?" % (2 * KEY_BYTES), content):
        raise ConfigurationError(
            f"{path}: is damaged: expected {2 * KEY_BYTES} hex digits", "Restore it from the backup."
        )
    return content


def node_secrets(folder: Path, node: str, *, mall: str, now: datetime) -> NodeSecrets:
    """Give what a node needs: kept as long as it is good, made anew else.

    Raises:
        ConfigurationError: as `Authority.open_or_create` and `mall_key`.

    """
    authority = Authority.open_or_create(folder, mall=mall, now=now)
    issued = authority.client(node, now=now)
    return NodeSecrets(
        mall_key=mall_key(folder),
        authority=authority.ca_pem,
        certificate=issued.certificate_pem,
        private_key=issued.key_pem,
    )
