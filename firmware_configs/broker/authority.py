"""A mall's certificate authority: a folder that stays with the facilities team.

    ca.crt, ca.key          the authority; whoever has the key can make nodes
    register.json           what was issued, when it ends, what was revoked
    issued/NAME.crt, .key   what the broker, the gateway and each node log in with

Private keys are readable by their owner alone, and nothing that is there is overwritten but by asking for it.
"""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

import msgspec

from contracts.errors import ConfigurationError
from firmware_configs.broker.certificates import (
    RENEW_BEFORE,
    Issued,
    make_authority,
    make_client,
    make_revocations,
    make_server,
)
from firmware_configs.broker.files import locked, write_file, writing
from firmware_configs.broker.register import Entry, Register

SERVER = "server"
"""Name under which the broker's own certificate is kept."""
_BACKUP = "Restore the folder from its backup."
_HINT = "Is it another folder? `mallsense broker render` makes a mall's first authority."


@dataclass(frozen=True, slots=True)
class Authority:
    """A mall's certificate authority in `folder`."""

    folder: Path
    _root: Issued
    _register: Register

    @classmethod
    def create(cls, folder: Path, *, mall: str, now: datetime) -> Self:
        """Make a new one.

        Raises:
            ConfigurationError: the folder holds one already, or cannot be written to.

        """
        if (folder / "ca.key").exists():
            raise ConfigurationError(
                f"{folder}: holds an authority already", "A mall keeps its authority: every node trusts it."
            )
        root, register = make_authority(mall, now=now), Register(mall=mall)
        with writing(folder):
            (folder / "issued").mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
            write_file(folder / "register.json", register.to_json(), mode=0o600)
            write_file(folder / "ca.crt", root.certificate_pem)
            write_file(folder / "ca.key", root.key_pem, mode=0o600)  # last: with it the authority is complete
        return cls(folder, root, register)

    @classmethod
    def open(cls, folder: Path, *, mall: str | None = None) -> Self:
        """Take the one that is in a folder; `mall` is whose it is expected to be.

        Raises:
            ConfigurationError: there is none, it is damaged or another mall's, or others may read its key.

        """
        try:
            key_mode = (folder / "ca.key").stat().st_mode
            root = Issued("", (folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes())
            register = _read_register(folder)
            subject = root.certificate.subject.rfc4514_string()
        except OSError as error:
            raise ConfigurationError(
                f"{error.filename}: cannot read the authority: {error.strerror}", _HINT
            ) from error
        except ValueError as error:
            raise ConfigurationError(f"{folder / 'ca.crt'}: is damaged: {error}", _BACKUP) from error
        if key_mode & 0o077:
            raise ConfigurationError(
                f"{folder / 'ca.key'}: others may read the authority's key",
                f"Mend it: chmod 600 {folder}/ca.key",
            )
        if mall is not None and register.mall != mall:
            raise ConfigurationError(
                f"{folder}: is the authority of the mall {register.mall}, expected {mall}",
                "Name another folder: every mall has an authority of its own.",
            )
        return cls(folder, Issued(subject, root.certificate_pem, root.key_pem), register)

    @classmethod
    def open_or_create(cls, folder: Path, *, mall: str, now: datetime) -> Self:
        """Take a mall's authority, made where the folder holds none; raises as `open` and `create`."""
        if (folder / "ca.key").exists():
            return cls.open(folder, mall=mall)
        return cls.create(folder, mall=mall, now=now)

    @property
    def mall(self) -> str:
        """Id of the mall."""
        return self._register.mall

    @property
    def ca_pem(self) -> bytes:
        """The authority's certificate: public, and on every node."""
        return self._root.certificate_pem

    @property
    def entries(self) -> Sequence[Entry]:
        """What was issued, oldest first."""
        return tuple(self._register.certificates)

    def client(self, name: str, *, now: datetime, renew: bool = False) -> Issued:
        """The certificate that `name` logs in with: the one it has while that is good, else a new one.

        With `renew` a new one in any case; the old one stays good until it ends or is revoked.

        Raises:
            ConfigurationError: it cannot be read or written.

        """
        return self._issue(name, "client", [], now=now, renew=renew)

    def server(self, hosts: Sequence[str], *, now: datetime, renew: bool = False) -> Issued:
        """The broker's certificate for its names and addresses; a new one also where the names have changed.

        Raises:
            ConfigurationError: it cannot be read or written.

        """
        return self._issue(SERVER, "server", list(hosts), now=now, renew=renew)

    def revoke(self, name: str, *, now: datetime) -> int:
        """Take back all certificates of a client; gives how many. The broker has to be given the new list.

        Raises:
            ConfigurationError: it has none that is good, or the register cannot be written.

        """
        with locked(self.folder):
            self._reread()
            return self._revoke(name, now)

    def _revoke(self, name: str, now: datetime) -> int:
        entries = self._register.certificates
        found = [i for i, entry in enumerate(entries) if entry.name == name and entry.good(now)]
        if not found:
            known = sorted({entry.name for entry in entries if entry.good(now)})
            raise ConfigurationError(
                f"{name!r} has no certificate that could be revoked",
                f"Issued to: {', '.join(known) or 'nobody'}.",
            )
        for i in found:
            entries[i] = msgspec.structs.replace(entries[i], revoked=now)
        with writing(self.folder):
            self._save()
            for end in (".crt", ".key"):
                self._path(name, end).unlink(missing_ok=True)
        return len(found)

    def revocations_pem(self, *, now: datetime) -> bytes:
        """The list of revoked certificates, for the broker."""
        revoked = [
            (int(e.serial, 16), e.revoked) for e in self._register.certificates if e.revoked is not None
        ]
        return make_revocations(self._root, revoked, now=now)

    def _issue(
        self, name: str, use: Literal["client", "server"], hosts: list[str], *, now: datetime, renew: bool
    ) -> Issued:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
            raise ConfigurationError(
                f"{name!r} is no name for a certificate", "Letters, digits, - and _ make one."
            )
        with locked(self.folder):
            self._reread()
            return self._issue_locked(name, use, hosts, now=now, renew=renew)

    def _issue_locked(
        self, name: str, use: Literal["client", "server"], hosts: list[str], *, now: datetime, renew: bool
    ) -> Issued:
        if not renew and (kept := self._kept(name, use, hosts, now)) is not None:
            return kept
        if use == "client":
            issued = make_client(self._root, self.mall, name, now=now)
        else:
            issued = dataclasses.replace(make_server(self._root, self.mall, hosts, now=now), name=name)
        parsed = issued.certificate
        entry = Entry(
            serial=f"{parsed.serial_number:x}",
            name=name,
            use=use,
            hosts=hosts,
            issued=now.astimezone(UTC).replace(microsecond=0),
            ends=parsed.not_valid_after_utc,
        )
        self._register.certificates.append(entry)
        with writing(self.folder):
            self._save()  # first: what is out there must be in the register, or it could not be revoked
            write_file(self._path(name, ".key"), issued.key_pem, mode=0o600)
            write_file(self._path(name, ".crt"), issued.certificate_pem)
        return issued

    def _kept(self, name: str, use: str, hosts: list[str], now: datetime) -> Issued | None:
        """The newest certificate of that name, if it is good for long enough and its files are whole."""
        newest = next(
            (e for e in reversed(self._register.certificates) if (e.name, e.use) == (name, use)), None
        )
        if (
            newest is None
            or not newest.good(now)
            or newest.hosts != hosts
            or newest.ends - now <= RENEW_BEFORE
        ):
            return None
        try:
            stored = Issued(
                name, self._path(name, ".crt").read_bytes(), self._path(name, ".key").read_bytes()
            )
            whole = stored.is_pair and f"{stored.certificate.serial_number:x}" == newest.serial
        except (OSError, ValueError):
            return None
        return stored if whole else None

    def _path(self, name: str, end: str) -> Path:
        return self.folder / "issued" / f"{name}{end}"

    def _reread(self) -> None:
        """Take in what another process has issued: what is not in the register cannot be revoked."""
        self._register.certificates = _read_register(self.folder).certificates

    def _save(self) -> None:
        write_file(self.folder / "register.json", self._register.to_json(), mode=0o600)


def _read_register(folder: Path) -> Register:
    path = folder / "register.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Register)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot read the register: {error.strerror}", _BACKUP) from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path}: is damaged: {error}", _BACKUP) from error
