"""A stand-in for Grafana's HTTP API: no Grafana server can be installed from the registries that tests have.

Paths, bodies, answers and errors are those of grafana.com/docs, "HTTP API reference": Data source, Folder,
Dashboard and Alerting provisioning. Like the real one it rewrites what it stores and never tells a secret.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeGrafana:
    """What a Grafana holds, and what it was asked."""

    def __init__(self, token: str = "glsa_right") -> None:
        self.token = token
        self.sources: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.groups: dict[tuple[str, str], dict[str, Any]] = {}
        self.changes: list[str] = []
        self.provenance: list[str | None] = []
        self.url = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Give status and answer."""
        if method != "GET":
            self.changes.append(f"{method} {path}")
        for pattern, act in (
            (r"/api/datasources(?:/uid/([^/]+))?", self._source),
            (r"/api/folders(?:/([^/]+))?", self._folder),
            (r"/api/dashboards/(?:uid/([^/]+)|db)", self._dashboard),
            (r"/api/v1/provisioning/folder/([^/]+/rule-groups/[^/]+)", self._group),
        ):
            if found := re.fullmatch(pattern, path):
                return act(method, found[1], body)
        return 404, {"message": "Not found"}

    def _source(self, method: str, uid: str | None, body: Any) -> tuple[int, Any]:
        if method != "GET":
            uid = uid or body["uid"]
            secrets = body.pop("secureJsonData", {})
            self.sources[uid] = {"id": 1, "orgId": 1, "readOnly": False, "basicAuth": False, **body}
            self.sources[uid]["secureJsonFields"] = dict.fromkeys(secrets, True)
            return 200, {"id": 1, "message": "Datasource added"}
        return (
            (200, self.sources[uid]) if uid in self.sources else (404, {"message": "Data source not found"})
        )

    def _folder(self, method: str, uid: str | None, body: Any) -> tuple[int, Any]:
        if method == "POST":
            self.folders[body["uid"]] = {"id": 1, "version": 1, **body}
            return 200, self.folders[body["uid"]]
        if uid not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        if method == "PUT":
            self.folders[uid] |= {"title": body["title"]}
        return 200, self.folders[uid]

    def _dashboard(self, method: str, uid: str | None, body: Any) -> tuple[int, Any]:
        if method == "GET":
            stored = self.dashboards.get(uid or "")
            return (200, stored) if stored else (404, {"message": "Dashboard not found"})
        board = body["dashboard"]
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        known = self.dashboards.get(board["uid"])
        if known and not body["overwrite"]:
            return 412, {"message": "A dashboard with the same uid exists", "status": "name-exists"}
        # Newer servers bring what they store up to date.
        kept = {**board, "id": 7, "version": 1, "schemaVersion": 42, "preload": False}
        self.dashboards[board["uid"]] = {"dashboard": kept, "meta": {"folderUid": body["folderUid"]}}
        return 200, {"uid": board["uid"], "status": "success"}

    def _group(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        folder, _, name = path.partition("/rule-groups/")
        if method == "PUT":
            if folder not in self.folders:
                return 404, {"message": "folder does not exist"}
            for rule in body["rules"]:
                missing = {
                    "uid",
                    "title",
                    "condition",
                    "data",
                    "noDataState",
                    "execErrState",
                    "for",
                    "ruleGroup",
                }
                if missing - set(rule) or rule["folderUID"] != folder or rule["orgID"] != 1:
                    return 400, {"message": f"invalid alert rule {rule.get('title')}"}
            self.groups[folder, name] = body
        group = self.groups.get((folder, name))
        return (200, group) if group else (404, {})


@contextmanager
def serving(grafana: FakeGrafana) -> Iterator[FakeGrafana]:
    """Serve it on a free port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def _act(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
            status, said = 401, {"message": "Invalid API key"}
            if self.headers["Authorization"] == f"Bearer {grafana.token}":
                if self.command == "PUT" and "rule-groups" in self.path:
                    grafana.provenance.append(self.headers["X-Disable-Provenance"])
                status, said = grafana.answer(self.command, self.path, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _act  # noqa: N815  # names of http.server

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    grafana.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
