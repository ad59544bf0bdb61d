"""What an authority has issued: the file from which certificates can be listed, renewed and revoked."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct


class Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One certificate that was issued."""

    serial: str
    """Serial number, hex."""
    name: str
    use: Literal["client", "server"]
    hosts: list[str] = []
    """Of a server: the names it was issued for."""
    issued: datetime
    ends: datetime
    revoked: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Tell whether it can be used: neither revoked nor at its end."""
        return self.revoked is None and self.ends > now


class Register(Struct, forbid_unknown_fields=True, kw_only=True):
    """Everything an authority has issued, oldest first."""

    version: Literal[1] = 1
    mall: str
    certificates: list[Entry] = []

    def to_json(self) -> bytes:
        """The register as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
