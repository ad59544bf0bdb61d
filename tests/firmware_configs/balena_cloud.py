"""A server on the loopback address that answers balena's SDK as balena's API does.

No account was to be had, so nothing here was recorded from the cloud. The requests are what balena-sdk 17.3
really sends; the answers have the shapes of its types and of https://docs.balena.io/reference/api/. It
keeps devices, variables, keys. Who is not logged in is refused; a name that is there already is a conflict
(409), which the SDK answers with a PATCH.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-of-ours"
FLEET = "riverside/nodes"
FLEET_ID = 1204
PROVISIONING_KEY = "a-provisioning-key"
_USER = {"id": 9, "actorType": "user", "actorTypeId": 7, "username": "mall", "email": None}
_ARCHITECTURE = [{"slug": "aarch64"}]


class BalenaCloud:
    """What the cloud knows; a test looks at it and changes it."""

    def __init__(self) -> None:
        self.devices: list[dict[str, Any]] = []
        self.variables: dict[str, list[dict[str, Any]]] = {
            "device_environment_variable": [],
            "application_environment_variable": [],
            "application_config_variable": [],
        }
        self.keys = 0
        self.writes = 0
        self.registering = True
        self.url = ""

    def variables_of(self, resource: str, owner: int) -> dict[str, str]:
        """Give the variables of a device or of the fleet."""
        field = resource.split("_", maxsplit=1)[0]
        return {row["name"]: row["value"] for row in self.variables[resource] if row[field] == owner}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, token: str) -> tuple[int, Any]:
        """Answer a request: status and JSON."""
        if path == "/device/register":
            return self._register(body, token)
        if token != TOKEN:
            return 401, "Unauthorized"
        if path in (fixed := {"/actor/v1/whoami": _USER, "/api-key/v1/": PROVISIONING_KEY}):
            return 200, fixed[path]
        if re.fullmatch(r"/api-key/device/\d+/device-key", path):
            self.keys += 1
            return 200, f"device-key-{self.keys}"
        if path == "/download-config":
            config = {"applicationId": FLEET_ID, "deviceType": body["deviceType"], "apiKey": "for any device"}
            return 200, config | {"apiEndpoint": "https://api.balena-cloud.com", "os": {"sshKeys": []}}
        resource, number = re.fullmatch(r"/v7/(\w+)(?:\((\d+)\))?", path).groups()  # type: ignore[union-attr]
        return self._resource(method, resource, int(number or 0), query.get("$filter", ""), body)

    def _register(self, body: Any, token: str) -> tuple[int, Any]:
        if token != PROVISIONING_KEY or not self.registering:
            return 403, "Forbidden"
        device = {
            "id": 5000 + len(self.devices),
            "uuid": body["uuid"],
            "device_name": "misty-forest",  # balena thinks of a name
            "note": "",
            "is_online": False,
            "overall_status": "configuring",
            "os_version": None,
            "last_connectivity_event": None,
        }
        self.devices.append(device)
        self.writes += 1
        return 201, {"id": device["id"], "uuid": device["uuid"], "api_key": "first-key"}

    def _resource(self, method: str, resource: str, number: int, wanted: str, body: Any) -> tuple[int, Any]:
        if resource == "application":
            known = number == FLEET_ID or f"slug eq '{FLEET}'" in wanted
            kind = [{"slug": "raspberrypi4-64", "is_of__cpu_architecture": _ARCHITECTURE}]
            return 200, {"d": [{"id": FLEET_ID, "slug": FLEET, "is_for__device_type": kind}] if known else []}
        if resource == "device_type":
            slug = re.search(r"alias eq '([^']+)'", wanted)
            found = [{"slug": slug[1], "is_of__cpu_architecture": _ARCHITECTURE}] if slug else []
            return 200, {"d": found}
        rows = self.devices if resource == "device" else self.variables[resource]
        if method == "GET":
            return 200, {"d": [row for row in rows if _meets(row, wanted)]}
        self.writes += 1
        if method == "PATCH":
            for row in rows:
                if row["id"] == number or (wanted and _meets(row, wanted)):
                    row.update(body)
            return 200, {}
        if any(all(row[name] == body[name] for name in body if name != "value") for row in rows):
            return 409, '"Unique key constraint violated"'
        rows.append(body | {"id": 100 + len(rows)})
        return 201, rows[-1]


def _meets(row: dict[str, Any], wanted: str) -> bool:
    """Tell whether a row meets a filter of comparisons joined by `and`."""
    pairs = re.findall(r"(\w+) eq (?:'([^']*)'|(\d+))", wanted)
    return all(str(row.get(name, FLEET_ID)) == (text or number) for name, text, number in pairs)


@contextmanager
def running() -> Iterator[BalenaCloud]:
    """Run a cloud until the block is left."""
    cloud = BalenaCloud()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, answer = cloud.answer(self.command, url.path, query, body, token)
            content = (answer if isinstance(answer, str) and status >= 400 else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815  # the base class calls them so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    cloud.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
