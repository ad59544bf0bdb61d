"""InfluxDB 2 and 3 as they are documented: servers that take exactly the requests of their API references.

Neither can be run here, so these stand in for them. What they take and answer is from the OpenAPI documents
of InfluxDB OSS 2 and of InfluxDB 3 Core and Enterprise (docs.influxdata.com), and where these leave it open,
from the servers' published source. They refuse every field that is not there. They show that our requests
have the documented form, and not that a real server takes them.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Documented:
    """What both have: a token in the header, JSON in and out, and a list of what was asked."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.port = 0

    def answer(self, method: str, path: str, query: dict[str, str], token: str, body: Any) -> tuple[int, Any]:
        """Give status and JSON of an answer."""
        raise NotImplementedError

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Run it; gives host and port."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{self.port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        documented = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer

            def _take(self) -> None:
                url = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kind = self.headers.get("Content-Type", "")
                body = json.loads(text) if text and "json" in kind else None
                scheme, _, token = self.headers.get("Authorization", "").partition(" ")
                documented.asked.append(f"{self.command} {url.path}")
                assert scheme in ("", "Token", "Bearer")
                try:
                    status, found = documented.answer(self.command, url.path, query, token, body)
                except RefusalError as error:
                    status, found = error.status, error.body
                content = b"" if found is None else json.dumps(found).encode()
                self.send_response(status)
                for name, value in documented.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _take  # noqa: N815  # so they are called

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def fields(body: Any, required: str, optional: str = "") -> dict[str, Any]:
    """Read a JSON object that must have these fields, and may have those."""
    wanted, allowed = set(required.split()), set(required.split()) | set(optional.split())
    if not isinstance(body, dict) or not wanted <= set(body) <= allowed:
        raise RefusalError(400, {"code": "invalid", "message": f"expected {wanted}, got {body}"})
    return body


class Influx2(Documented):
    """InfluxDB OSS 2: /ping, setup, orgs, buckets, dbrps, authorizations, and InfluxQL's rights."""

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"X-Influxdb-Version": "v2.7.12", "X-Influxdb-Build": "OSS"}
        self.operator = ""
        self.orgs: list[dict[str, Any]] = []
        self.buckets: list[dict[str, Any]] = []
        self.mappings: list[dict[str, Any]] = []
        self.tokens: list[dict[str, Any]] = []
        self._ids = 0

    def answer(self, method: str, path: str, query: dict[str, str], token: str, body: Any) -> tuple[int, Any]:
        """As the API reference says."""
        if path == "/ping":
            return 204, None
        if path == "/api/v2/setup":
            return self._setup(method, body)
        known = {one["token"]: one for one in self.tokens}
        if token != self.operator and token not in known:
            raise RefusalError(401, {"code": "unauthorized", "message": "unauthorized access"})
        if path == "/query":
            return self._query(query, known.get(token))
        if token != self.operator:
            raise RefusalError(401, {"code": "unauthorized", "message": "write:buckets is unauthorized"})
        what, _, one = path.removeprefix("/api/v2/").partition("/")
        answers = {
            "orgs": self._orgs,
            "buckets": self._buckets,
            "dbrps": self._dbrps,
            "authorizations": self._authorizations,
        }
        if what not in answers:
            raise RefusalError(404, {"code": "not found", "message": "path not found"})
        return answers[what](method, one, query, body)

    def _id(self) -> str:
        self._ids += 1
        return f"{self._ids:016x}"

    def _setup(self, method: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, {"allowed": not self.operator}
        if self.operator:
            raise RefusalError(422, {"code": "conflict", "message": "onboarding has already been completed"})
        found = fields(body, "username org bucket", "password token retentionPeriodSeconds")
        self.operator = found["token"]
        self.orgs.append({"id": self._id(), "name": found["org"]})
        self._bucket(self.orgs[0]["id"], found["bucket"], found["retentionPeriodSeconds"])
        return 201, {"auth": {"token": self.operator}, "org": self.orgs[0], "bucket": self.buckets[0]}

    def _bucket(self, org_id: str, name: str, every_s: int, shard_s: int = 0) -> dict[str, Any]:
        rule = {"type": "expire", "everySeconds": every_s, "shardGroupDurationSeconds": shard_s or 3600}
        found = {"id": self._id(), "orgID": org_id, "name": name, "retentionRules": [rule] if every_s else []}
        self.buckets.append(found)
        return found

    def _orgs(self, method: str, one: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        assert not one
        if method == "GET":
            return 200, {"orgs": self.orgs}
        self.orgs.append({"id": self._id(), **fields(body, "name")})
        return 201, self.orgs[-1]

    def _buckets(self, method: str, one: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "GET":
            named = [
                found
                for found in self.buckets
                if found["name"] == query["name"] and query.get("orgID") in (None, found["orgID"])
            ]
            if not named and "orgID" in query:
                raise RefusalError(
                    404, {"code": "not found", "message": f'bucket "{query["name"]}" not found'}
                )
            return 200, {"buckets": named}
        if method == "PATCH":
            found = next(found for found in self.buckets if found["id"] == one)
            found["retentionRules"] = fields(body, "retentionRules")["retentionRules"]
            return 200, found
        made = fields(body, "orgID name retentionRules", "rp description schemaType")
        (rule,) = made["retentionRules"]
        fields(rule, "type everySeconds", "shardGroupDurationSeconds")
        if rule["shardGroupDurationSeconds"] > rule["everySeconds"]:
            raise RefusalError(422, {"code": "unprocessable entity", "message": "shard group too long"})
        return 201, self._bucket(
            made["orgID"], made["name"], rule["everySeconds"], rule["shardGroupDurationSeconds"]
        )

    def _dbrps(self, method: str, one: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            assert query["orgID"]
            self.mappings = [found for found in self.mappings if found["id"] != one]
            return 204, None
        if method == "POST":
            made = fields(body, "orgID bucketID database retention_policy", "default")
            names = ("orgID", "database", "retention_policy")
            if any(all(found[name] == made[name] for name in names) for found in self.mappings):
                raise RefusalError(409, {"code": "conflict", "message": "another DBRP mapping exists"})
            self.mappings.append({"id": self._id(), "default": False, "virtual": False, **made})
            return 201, self.mappings[-1]
        wanted = (query["db"], query["rp"])
        ours = [one for one in self.mappings if one["orgID"] == query["orgID"]]
        found = [one for one in ours if (one["database"], one["retention_policy"]) == wanted]
        virtual = [
            {
                "id": one["id"], "orgID": one["orgID"], "bucketID": one["id"], "database": wanted[0],
                "retention_policy": wanted[1], "default": False, "virtual": True,
            }
            for one in self.buckets
            if one["name"] == "/".join(wanted) and one["orgID"] == query["orgID"]
        ]  # fmt: skip
        return 200, {"content": found + virtual}

    def _authorizations(self, method: str, one: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "GET":  # without the token's value, as servers do that keep hashes (2.9)
            ours = [one for one in self.tokens if query.get("orgID") in (None, one["orgID"])]
            return 200, {"authorizations": [{**one, "token": ""} for one in ours]}
        if method == "DELETE":
            self.tokens = [found for found in self.tokens if found["id"] != one]
            return 204, None
        made = fields(body, "orgID permissions", "description status userID")
        for permission in made["permissions"]:
            fields(permission, "action resource")
            fields(permission["resource"], "type", "id orgID name org")
        number = self._id()
        self.tokens.append({"id": number, "token": f"token-{number}==", **made})
        return 201, self.tokens[-1]

    def _query(self, query: dict[str, str], login: dict[str, Any] | None) -> tuple[int, Any]:
        wanted = (query["db"], query.get("rp"))
        ids = {
            one["bucketID"] for one in self.mappings if (one["database"], one["retention_policy"]) == wanted
        }
        if login is not None:  # a mapping to a bucket that one may not read is as if it were not there
            readable = {one["resource"]["id"] for one in login["permissions"] if one["action"] == "read"}
            ids &= readable
        if not ids:
            return 200, {"results": [{"statement_id": 0, "error": f"database not found: {wanted[0]}"}]}
        return 200, {"results": [{"statement_id": 0}]}


class Influx3(Documented):
    """InfluxDB 3, Core or Enterprise: databases, tokens, system tables, and InfluxQL's rights."""

    def __init__(self, build: str = "Core", *, slash: bool = True, changes: bool = True) -> None:
        """`slash`: takes it in a name. `changes`: changes how long a database keeps points."""
        super().__init__()
        self.slash, self.changes = slash, changes
        self.enterprise = build == "Enterprise"
        self.headers = {"x-influxdb-version": "3.9.0", "x-influxdb-build": build}
        self.databases: dict[str, int | None] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self._made = 0

    def answer(self, method: str, path: str, query: dict[str, str], token: str, body: Any) -> tuple[int, Any]:
        """As the API reference says."""
        if (method, path) == ("POST", "/api/v3/configure/token/admin"):
            if "_admin" in self.tokens:
                raise RefusalError(409, {"error": "token already exists, _admin"})
            return 201, self._token("_admin", None)
        login = next((one for one in self.tokens.values() if one["token"] == token), None)
        if login is None:
            raise RefusalError(401, {"error": "the request was not authenticated"})
        if path == "/ping":
            return 200, {"version": "3.9.0", "revision": "0", "process_id": "0"}
        if path == "/query":
            return self._query(query, login)
        if login["permissions"] is not None:
            raise RefusalError(403, {"error": "the request was not authorized"})
        if path == "/api/v3/query_sql":
            return 200, self._sql(fields(query, "db q format"))
        if path == "/api/v3/configure/database":
            return self._database(method, fields(body, "db", "retention_period"))
        return self._tokens(method, path, query, body)

    def _token(self, name: str, permissions: Any) -> dict[str, Any]:
        self._made += 1
        self.tokens[name] = {"id": self._made, "name": name, "token": f"apiv3_{self._made}_{name}"}
        self.tokens[name]["permissions"] = permissions
        return {key: value for key, value in self.tokens[name].items() if key != "permissions"}

    def _tokens(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if (method, path) == ("DELETE", "/api/v3/configure/token"):
            if self.tokens.pop(query["token_name"], None) is None:
                raise RefusalError(404, {"error": "token not found"})
            return 200, None
        named = path == "/api/v3/configure/token/named_admin"
        if method != "POST" or not (
            named or (self.enterprise and path == "/api/v3/enterprise/configure/token")
        ):
            raise RefusalError(404, {"error": "Not found"})
        made = fields(body, "token_name" if named else "token_name permissions", "expiry_secs")
        if made["token_name"] in self.tokens:
            raise RefusalError(409, {"error": "token name already exists"})
        for permission in made.get("permissions", []):
            fields(permission, "resource_type resource_names actions")
        return 201, self._token(made["token_name"], made.get("permissions"))

    def _sql(self, query: dict[str, str]) -> list[dict[str, Any]]:
        assert query["db"] == "_internal"
        if "system.tokens" in query["q"]:
            return [{"name": name} for name in self.tokens]
        rows = []
        for name, days in self.databases.items():  # a column without a value is left out
            row: dict[str, Any] = {"database_name": name, "deleted": False}
            rows.append(row if days is None else {**row, "retention_period_ns": days * 86_400_000_000_000})
        return rows

    def _database(self, method: str, body: dict[str, str]) -> tuple[int, Any]:
        name, period = body["db"], body.get("retention_period")
        days = int(period.removesuffix("d")) if period else None
        if method == "POST" and "/" in name and not self.slash:  # as releases of 2025 do
            raise RefusalError(400, {"error": "invalid character in database name: must be ASCII"})
        if method == "PUT" and not self.changes:
            raise RefusalError(405, {"error": "method not allowed"})
        if method == "POST" and name in self.databases:
            raise RefusalError(409, {"error": "attempted to create a resource that already exists"})
        if method == "POST" and not self.enterprise and len(self.databases) == 5:
            raise RefusalError(422, {"error": "update would exceed the limit of 5 databases"})
        if method == "PUT" and name not in self.databases:
            raise RefusalError(404, {"error": "the requested resource was not found"})
        self.databases[name] = days
        return 200, None

    def _query(self, query: dict[str, str], login: dict[str, Any]) -> tuple[int, Any]:
        if query["db"] not in self.databases:
            raise RefusalError(404, {"error": f"database not found: {query['db']}"})
        permissions = login["permissions"]
        if permissions is not None and not any(
            query["db"] in one["resource_names"] and "read" in one["actions"] for one in permissions
        ):
            raise RefusalError(403, {"error": "the request was not authorized"})
        return 200, {"results": [{"statement_id": 0, "series": []}]}
