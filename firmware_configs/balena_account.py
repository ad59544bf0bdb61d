"""One fleet in balena's cloud, through balena's own SDK: devices by the id of their node, variables, cards.

The SDK's plain requests give back whatever the server said, errors too; so every answer is looked at here.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError

HOST = "balena-cloud.com"
_LOGIN_FILE = ".balena/token"
_DEVICE_FIELDS = [
    "id",
    "uuid",
    "device_name",
    "is_online",
    "overall_status",
    "os_version",
    "last_connectivity_event",
]


class Device(NamedTuple):
    """A device of the fleet, as balena sees it."""

    id: int
    uuid: str
    node: str
    """Its name, which is the id of its node."""
    is_online: bool
    status: str
    os_version: str
    last_seen: str
    """RFC 3339; empty where it never connected."""


@dataclass(slots=True)
class Changes:
    """What was changed in the cloud; secrets by name alone."""

    made: list[str]

    def __bool__(self) -> bool:
        return bool(self.made)


class Fleet:
    """A fleet by its slug, such as `org/fleet`.

    Raises:
        ConfigurationError: not logged in, or there is no such fleet.
        UnavailableError: balena's cloud does not answer.

    """

    def __init__(self, sdk: Any, slug: str) -> None:
        self._sdk = sdk
        self.slug = slug
        with _talking(slug):
            found = sdk.models.application.get(slug, {"$select": ["id", "slug"]})
        self._id: int = found["id"]

    def devices(self) -> list[Device]:
        """Every device of the fleet."""
        with _talking(self.slug):
            rows = self._sdk.models.device.get_all_by_application(self._id, {"$select": _DEVICE_FIELDS})
        return [
            Device(
                id=row["id"],
                uuid=row["uuid"],
                node=row["device_name"],
                is_online=bool(row["is_online"]),
                status=row["overall_status"] or "",
                os_version=row["os_version"] or "",
                last_seen=row["last_connectivity_event"] or "",
            )
            for row in rows
        ]

    def device(self, node: str) -> Device | None:
        """Give the device of a node.

        Raises:
            ConfigurationError: several have its name.

        """
        found = [device for device in self.devices() if device.node == node]
        if len(found) > 1:
            raise ConfigurationError(
                f"{self.slug} has {len(found)} devices named {node}: {', '.join(d.uuid for d in found)}",
                "A node is one device: rename or remove the others in balena's dashboard.",
            )
        return found[0] if found else None

    def register(self, node: str, device_type: str, note: str) -> Device:
        """Register a device for a node; it takes its place in the fleet before its hardware is there."""
        models = self._sdk.models
        with _talking(self.slug):
            uuid = models.device.generate_uuid()
            answer = models.device.register(self._id, uuid, device_type)
            if not isinstance(answer, dict) or "id" not in answer:
                raise UnavailableError(
                    f"balena did not register {node}: {answer}", "See that you may, and try again."
                )
            models.device.rename(answer["id"], node)
            if note:
                models.device.set_note(answer["id"], note)
        return Device(answer["id"], uuid, node, is_online=False, status="", os_version="", last_seen="")

    def set_fleet_variables(self, variables: Mapping[str, str], configuration: Mapping[str, str]) -> Changes:
        """Give the fleet variables and configuration; others that are there stay."""
        models = self._sdk.models.application
        changes = self._set(models.env_var, models.env_var.get_all_by_application, self._id, variables)
        changes.made += self._set(
            models.config_var, models.config_var.get_all_by_application, self._id, configuration
        ).made
        return changes

    def set_device_variables(self, device: Device, variables: Mapping[str, str]) -> Changes:
        """Give a device variables; others that are there stay."""
        env_var = self._sdk.models.device.env_var
        return self._set(env_var, env_var.get_all_by_device, device.id, variables)

    def card(self, device: Device, *, device_type: str, os_version: str) -> dict[str, Any]:
        """Issue what makes a card this device: config.json, with a new key. Keys of older cards stay good."""
        with _talking(self.slug):
            configuration = self._sdk.models.os.get_config(
                self._id, {"version": os_version, "deviceType": device_type, "network": "ethernet"}
            )
            key = self._sdk.models.device.generate_device_key(device.id)
        if (
            not isinstance(configuration, dict)
            or "applicationId" not in configuration
            or not isinstance(key, str)
        ):
            raise UnavailableError(
                f"balena did not issue a configuration for {device.node}: {configuration}",
                "See that you may, that there is such an OS version, and try again.",
            )
        configuration.pop("apiKey", None)  # it would register one more device
        return configuration | {"uuid": device.uuid, "deviceId": device.id, "deviceApiKey": key.strip('"')}

    def _set(
        self,
        model: Any,
        get_all: Callable[[int], list[dict[str, Any]]],
        owner: int,
        wanted: Mapping[str, str],
    ) -> Changes:
        made = []
        with _talking(self.slug):
            there = {row["name"]: row["value"] for row in get_all(owner)}
            for name, value in wanted.items():
                if there.get(name) != value:
                    model.set(owner, name, value)
                    made.append(name)
        return Changes(made)


def connect(slug: str) -> Fleet:
    """Log in as `balena login` or BALENA_API_KEY say, and find a fleet.

    BALENARC_BALENA_URL names another server, as it does for balena's command line.

    Raises:
        ConfigurationError: the SDK is not installed, nobody is logged in, or there is no such fleet.
        UnavailableError: balena's cloud does not answer.

    """
    try:
        from balena import Balena  # noqa: PLC0415  # it takes a second to import, and only this needs it
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"--fleet needs balena's SDK ({error.name} is missing)", "pip install 'mallsense[balena]'"
        ) from error
    token = os.environ.get("BALENA_API_KEY") or _token_file()
    if not token:
        raise ConfigurationError(
            "--fleet: nobody is logged in to balena", "Run `balena login`, or set BALENA_API_KEY."
        )
    sdk = Balena({"data_directory": False, "balena_host": os.environ.get("BALENARC_BALENA_URL") or HOST})
    sdk.settings.set("token", token)
    return Fleet(sdk, slug)


def _token_file() -> str:
    """Give the token that balena's command line keeps."""
    try:
        return (Path.home() / _LOGIN_FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@contextmanager
def _talking(slug: str) -> Iterator[None]:
    """Say in words for people what the SDK raises."""
    from balena import exceptions  # noqa: PLC0415  # as above
    from requests import RequestException  # noqa: PLC0415

    try:
        yield
    except MallsenseError:
        raise
    except exceptions.NotLoggedIn as error:
        raise ConfigurationError(
            "balena does not know this login", "Run `balena login` again, or set BALENA_API_KEY."
        ) from error
    except exceptions.ApplicationNotFound as error:
        raise ConfigurationError(
            f"balena has no fleet {slug}, or you may not see it",
            "Write it as ORG/FLEET, as in the address of its dashboard.",
        ) from error
    except exceptions.BalenaException as error:
        message = str(getattr(error, "message", error))
        raise UnavailableError(
            f"balena refuses: {message[:300]}", "See its dashboard, and try again."
        ) from error
    except RequestException as error:
        raise UnavailableError(f"balena's cloud does not answer: {error}", "Is there a way to it?") from error
