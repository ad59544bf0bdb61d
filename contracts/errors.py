"""Errors told apart by what the caller can do about them."""


class MallsenseError(Exception):
    """An expected error: says what happened and where, and in `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigurationError(MallsenseError):
    """Something a person wrote is wrong: stop at once and show file, line and the expected value."""


class MessageError(MallsenseError):
    """A message off the wire is not what its topic promises: count it, log it once per cause, skip it."""


class UnavailableError(MallsenseError):
    """A server, file or device is not there right now: retry later, or ask a person to start it."""
