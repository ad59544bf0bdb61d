"""Put dashboards, data sources and rules into a Grafana that runs already, over its HTTP API.

Whatever is there and the same stays as it is. A dashboard and a rule carry a digest of what they were made
from: Grafana rewrites what it stores, so the stored text says nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

from contracts.errors import ConfigurationError, UnavailableError
from dashboards.grafana.catalogue import (
    FOLDERS,
    GROUP,
    INTERVAL_S,
    Wanted,
    alert_rules,
    dashboards,
    folder_uid,
)
from dashboards.grafana.provisioning import Access, data_sources

TIMEOUT_S = 30.0
DIGEST = "mallsense_version"
"""The hidden variable of a dashboard, and the annotation of a rule, that hold the digest."""


class Outcome(StrEnum):
    """What was done, or would be."""

    MADE = "made"
    CHANGED = "changed"
    SAME = "unchanged"


class Change(NamedTuple):
    """One thing in Grafana."""

    what: str
    name: str
    outcome: Outcome


class Grafana:
    """A running Grafana.

    Methods raise `ConfigurationError` where it refuses (token, rights, what is sent), and
    `UnavailableError` where it cannot be reached.
    """

    def __init__(self, url: str, token: str, *, dry_run: bool = False) -> None:
        """With `dry_run` it is only asked, never changed."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"--url: expected http:// or https://, found {url!r}",
                "Write it as browsers do, like https://grafana.example/ or http://127.0.0.1:3000.",
            )
        if parts.username:
            raise ConfigurationError(
                "--url: a name or password does not belong there",
                "Put a service account's token into --token-file.",
            )
        self._shown = f"{parts.scheme}://{parts.netloc}{parts.path}"
        prefix = parts.path.strip("/")
        self._api = GrafanaApi.from_url(
            f"{parts.scheme}://{parts.netloc}/{prefix + '/' if prefix else ''}", token, TIMEOUT_S
        )
        self._dry_run = dry_run

    def push(self, wanted: Wanted, access: Access, *, renew: bool = False) -> Iterator[Change]:
        """Bring everything up to date, in the order in which it needs each other; tell each as it is done.

        Grafana never tells the secrets it has, so they are written when a data source is made or changed,
        or with `renew`.
        """
        for source in data_sources(wanted, access):
            yield self._data_source(source, renew=renew)
        for language in wanted.languages:
            yield self._folder(folder_uid(language), FOLDERS[language])
            for board in dashboards(wanted, language):
                yield self._dashboard(board, folder_uid(language))
        yield from self._rules(list(alert_rules(wanted)), folder_uid(wanted.languages[0]))

    def _data_source(self, source: dict[str, object], *, renew: bool) -> Change:
        source = {key: value for key, value in source.items() if key != "editable"}  # a word of files
        uid, name = str(source["uid"]), str(source["name"])
        there = self._found(lambda: self._api.datasource.get_datasource_by_uid(uid))
        if there is None:
            self._do(lambda: self._api.datasource.create_datasource(source))
            return Change("data source", name, Outcome.MADE)
        told = {key: value for key, value in source.items() if key != "secureJsonData"}
        if (
            not renew
            and _within(told, there)
            and all(there.get("secureJsonFields", {}).get(key) for key in _secrets(source))
        ):
            return Change("data source", name, Outcome.SAME)
        self._do(lambda: self._api.datasource.update_datasource_by_uid(uid, source))
        return Change("data source", name, Outcome.CHANGED)

    def _folder(self, uid: str, title: str) -> Change:
        there = self._found(lambda: self._api.folder.get_folder(uid))
        if there is None:
            self._do(lambda: self._api.folder.create_folder(title, uid))
            return Change("folder", title, Outcome.MADE)
        if there["title"] == title:
            return Change("folder", title, Outcome.SAME)
        self._do(lambda: self._api.folder.update_folder(uid, title, overwrite=True))
        return Change("folder", title, Outcome.CHANGED)

    def _dashboard(self, board: dict[str, Any], folder: str) -> Change:
        board = marked(board)
        title = str(board["title"])
        there = self._found(lambda: self._api.dashboard.get_dashboard(board["uid"]))
        if (
            there is not None
            and _mark_of(there["dashboard"]) == _mark_of(board)
            and there["meta"].get("folderUid") == folder
        ):
            return Change("dashboard", title, Outcome.SAME)
        body = {
            "dashboard": board,
            "folderUid": folder,
            "overwrite": True,
            "message": "mallsense dashboards push",
        }
        self._do(lambda: self._api.dashboard.update_dashboard(body))
        return Change("dashboard", title, Outcome.MADE if there is None else Outcome.CHANGED)

    def _rules(self, rules: list[dict[str, Any]], folder: str) -> Iterator[Change]:
        provisioning = self._api.alertingprovisioning
        for rule in rules:
            rule["annotations"] = {**rule["annotations"], DIGEST: digest(rule)}
        group = self._found(lambda: provisioning.get_rule_group(folder, GROUP)) or {}
        there = {rule["uid"]: rule.get("annotations", {}).get(DIGEST) for rule in group.get("rules", [])}
        changes = [Change("alert rule", rule["title"], _outcome(there, rule)) for rule in rules]
        if any(change.outcome is not Outcome.SAME for change in changes):
            mine = {rule["uid"] for rule in rules}
            # Rules of other malls, pushed from another place, stay in the group.
            others = [rule for rule in group.get("rules", []) if rule["uid"] not in mine]
            made = [{**rule, "orgID": 1, "folderUID": folder, "ruleGroup": GROUP} for rule in rules]
            body = {"title": GROUP, "folderUid": folder, "interval": INTERVAL_S, "rules": [*others, *made]}
            # Without this header nobody could change a rule in Grafana's own editor, not even its threshold.
            self._do(lambda: provisioning.update_rule_group(folder, GROUP, body, disable_provenance=True))
        yield from changes

    def _found(self, ask: Callable[[], Any]) -> Any:
        """Give the answer, or None where there is no such thing."""
        try:
            return self._told(ask)
        except GrafanaClientError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                return None
            raise self._refused(error) from error

    def _do(self, change: Callable[[], Any]) -> None:
        if self._dry_run:
            return
        try:
            self._told(change)
        except GrafanaClientError as error:
            raise self._refused(error) from error

    def _told(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except requests.RequestException as error:
            raise UnavailableError(
                f"{self._shown}: cannot reach Grafana: {_reason(error)}",
                "Is it running, and is this its address? What was done so far stays; run the command again.",
            ) from error
        except ValueError as error:
            raise ConfigurationError(
                f"{self._shown}: what answers there is no Grafana",
                "Give --url the address that browsers use.",
            ) from error
        except GrafanaException as error:
            if isinstance(error, GrafanaClientError):
                raise
            raise UnavailableError(
                f"{self._shown}: Grafana says: {error.message}", "Look into its log."
            ) from error

    def _refused(self, error: GrafanaClientError) -> ConfigurationError:
        hints: dict[int, str] = {
            HTTPStatus.UNAUTHORIZED: "The token is wrong or has expired; make a new one (docs/grafana.md).",
            HTTPStatus.FORBIDDEN: "The service account needs the role Admin: data sources are made.",
            HTTPStatus.PRECONDITION_FAILED: "Somebody changed it at the same time; run the command again.",
        }
        hint = hints.get(error.status_code, "Does it come from files? Then change the files instead.")
        return ConfigurationError(f"{self._shown}: Grafana refuses: {error.message}", hint)


def digest(thing: Mapping[str, object]) -> str:
    """Digest what something was made from."""
    text = json.dumps(thing, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def marked(board: dict[str, Any]) -> dict[str, Any]:
    """Add the hidden variable that holds the digest."""
    mark = digest(board)
    hidden = {"type": "constant", "name": DIGEST, "hide": 2, "query": mark, "skipUrlSync": True}
    hidden["current"] = {"selected": True, "text": mark, "value": mark}
    variables = [*board["templating"]["list"], hidden]
    return {**board, "templating": {"list": variables}}


def _reason(error: BaseException) -> str:
    """Give what the operating system or OpenSSL said first: requests wraps it three times."""
    first = error
    while inner := first.__cause__ or first.__context__:
        first = inner
    words = first.strerror if isinstance(first, OSError) else None
    return words or type(error).__name__


def _mark_of(board: Mapping[str, Any]) -> str | None:
    variables = board.get("templating", {}).get("list", [])
    return next((each.get("query") for each in variables if each.get("name") == DIGEST), None)


def _outcome(there: Mapping[str, str | None], rule: Mapping[str, Any]) -> Outcome:
    if rule["uid"] not in there:
        return Outcome.MADE
    return Outcome.SAME if there[rule["uid"]] == rule["annotations"][DIGEST] else Outcome.CHANGED


def _secrets(source: Mapping[str, Any]) -> Mapping[str, object]:
    found: Mapping[str, object] = source.get("secureJsonData", {})
    return found


def _within(wanted: object, there: object) -> bool:
    """Tell whether everything wanted is there; Grafana adds much of its own."""
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        return all(_within(value, there.get(key)) for key, value in wanted.items())
    return wanted == there
