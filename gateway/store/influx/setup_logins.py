"""Files of logins: one a process, readable by its owner alone, each a single line.

For 2.x and 3.x that line is a token, for 1.x it is `user:password`. They are never printed.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigurationError
from gateway.store.influx.setup import Role, Step

PASSWORD_BYTES = 32


def new_password() -> str:
    """Make one that nobody guesses, of letters, digits, - and _."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


@dataclass(frozen=True, slots=True)
class Logins:
    """A folder with the logins of processes."""

    folder: Path

    def path(self, role: Role) -> Path:
        """Where the login of a process is."""
        return self.folder / f"influxdb-{role}"

    def read(self, role: Role) -> str | None:
        """Give a login; None where there is none yet, or only an empty file.

        Raises `ConfigurationError` when it cannot be read, or others may read it.
        """
        return read_login(self.path(role))

    def write(self, role: Role, login: str) -> None:
        """Keep a login. Raises `ConfigurationError` when it cannot be written."""
        write_login(self.path(role), login)

    def check(self) -> None:
        """See that logins can be written here, before one is made that nobody would know.

        Raises `ConfigurationError` when not.
        """
        probe = self.folder / f".{secrets.token_hex(4)}"
        write_login(probe, "")
        probe.unlink()


def doubtful(what: str, path: Path, *, there: bool, kept: bool) -> Step | None:
    """Say what to do where a server has a login whose file is missing, or the other way round.

    Neither is mended silently: the one would lock a running gateway out, the other lose another login.
    """
    if there and not kept:
        hint = "Name the folder that the login was written to, or make a new one with --renew."
        return Step(what, f"in {path}", "in another place", hint=hint)
    if kept and not there:
        hint = f"{path} holds a login of another database or server: name another folder, or use --renew."
        return Step(what, f"in {path}", "something else in it", hint=hint)
    return None


def read_login(path: Path) -> str | None:
    """Give the one line of a file; None where the file is missing or empty.

    Raises `ConfigurationError` when it cannot be read, or others may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(
                f"{path}: others may read this login",
                f"Close it: chmod 600 {path}. If somebody may have read it, make a new one.",
            )
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{path}: cannot be read: {reason}", "Check path and owner.") from error


def write_login(path: Path, login: str) -> None:
    """Replace a file, readable by its owner alone. Raises `ConfigurationError` when it cannot be."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{login}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{path}: cannot be written: {error.strerror}", "Check the folder, and whose it is."
        ) from error
