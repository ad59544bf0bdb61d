"""The files that Grafana reads when it starts: data sources, folders with dashboards, alert rules.

Format: grafana.com/docs, "Provision Grafana". Secrets are not in them: `$__file{PATH}` lets Grafana read
each from a file of its own when it starts.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigurationError
from contracts.site import Site
from dashboards.grafana import infinity, influxql
from dashboards.grafana.catalogue import (
    FOLDERS,
    GROUP,
    INTERVAL_S,
    Wanted,
    alert_rules,
    dashboards,
)
from dashboards.grafana.sources import Kind, source_of
from dashboards.grafana.words import Language

FIGURES = "_figures"
"""What the name of the database that people may see ends in (docs/influxdb.md)."""
INSTALLED = "/etc/grafana"
"""Where Grafana finds `provisioning` and `dashboards`."""


@dataclass(frozen=True, slots=True)
class Influx:
    """How Grafana reaches InfluxDB."""

    url: str
    database: str
    """The private one's name: Grafana reads the figures beside it."""
    user: str | None = None
    """With a user it logs in with name and password (1.x), else with a token (2.x and 3.x)."""


@dataclass(frozen=True, slots=True)
class Access:
    """How Grafana reaches the data."""

    influx: Influx
    gateways: dict[str, str]
    """Each mall's gateway, as the Grafana server reaches it."""
    secret: str
    """What goes where password or token belong: a reference, or the secret itself for the API."""


def data_sources(wanted: Wanted, access: Access) -> list[dict[str, object]]:
    """Every data source that the dashboards name."""
    if wanted.kind is Kind.INFLUXQL:
        return [_influx(access.influx, access.secret)]
    return [_infinity(site, access) for site in wanted.sites]


def _influx(influx: Influx, secret: str) -> dict[str, object]:
    database = influx.database + FIGURES
    settings: dict[str, object] = {"dbName": database, "httpMode": "POST", "timeInterval": "1m"}
    source: dict[str, object] = {
        "name": "mallsense figures",
        "uid": influxql.UID,
        "type": influxql.TYPE,
        "access": "proxy",
        "url": influx.url,
        "editable": False,
        "jsonData": settings,
    }
    if influx.user:
        return {**source, "user": influx.user, "secureJsonData": {"password": secret}}
    settings["httpHeaderName1"] = "Authorization"
    return {**source, "secureJsonData": {"httpHeaderValue1": f"Token {secret}"}}


def _infinity(site: Site, access: Access) -> dict[str, object]:
    gateway = access.gateways[site.mall.id]
    uid = source_of(Kind.INFINITY, site).ref.uid
    return {
        "name": f"mallsense {site.mall.id}",
        "uid": uid,
        "type": infinity.TYPE,
        "access": "proxy",
        "url": gateway,
        "editable": False,
        "jsonData": {"auth_method": "bearerToken", "allowedHosts": [gateway]},
        "secureJsonData": {"bearerToken": access.secret},
    }


def tree(wanted: Wanted, access: Access, installed: str = INSTALLED) -> dict[str, str]:
    """Every file by its path below the folder that is written."""
    files = {
        "provisioning/datasources/mallsense.yaml": _yaml(
            {"apiVersion": 1, "datasources": data_sources(wanted, access)}
        ),
        "provisioning/dashboards/mallsense.yaml": _yaml(
            {"apiVersion": 1, "providers": [_provider(each, installed) for each in wanted.languages]}
        ),
        "provisioning/alerting/mallsense.yaml": _yaml(
            {"apiVersion": 1, "groups": [alert_group(wanted, alert_rules(wanted))]}
        ),
    }
    for language in wanted.languages:
        for board in dashboards(wanted, language):
            text = json.dumps(board, ensure_ascii=False, indent=1) + "\n"
            files[f"dashboards/mallsense/{language}/{board['uid']}.json"] = text
    return files


def alert_group(wanted: Wanted, rules: Iterable[dict[str, Any]]) -> dict[str, object]:
    """The rules as one group, looked at once a minute."""
    return {
        "orgId": 1,
        "name": GROUP,
        "folder": FOLDERS[wanted.languages[0]],
        "interval": f"{INTERVAL_S}s",
        "rules": [_linked(rule) for rule in rules],
    }


def _linked(rule: dict[str, Any]) -> dict[str, object]:
    """Name dashboard and panel once more: files have fields for them, the API has annotations."""
    annotations = rule["annotations"]
    return {
        **rule,
        "dashboardUid": annotations["__dashboardUid__"],
        "panelId": int(annotations["__panelId__"]),
    }


def _provider(language: Language, installed: str) -> dict[str, object]:
    return {
        "name": f"mallsense {language}",
        "orgId": 1,
        # By its title alone, as rules name it: whichever is read first makes the folder.
        "folder": FOLDERS[language],
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {
            "path": f"{installed}/dashboards/mallsense/{language}",
            "foldersFromFilesStructure": False,
        },
    }


def _yaml(content: object) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    return "# Written by `mallsense dashboards render`; changes here are lost when it is run again.\n" + text


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    """Write what differs; return it. Dashboards that are no longer wanted go.

    Raises:
        ConfigurationError: the folder cannot be written.

    """
    changed = []
    try:
        for name, text in files.items():
            path = folder / name
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
        for old in (folder / "dashboards" / "mallsense").rglob("*.json"):
            if old.relative_to(folder).as_posix() not in files:
                old.unlink()
                changed.append(old)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: cannot write: {error.strerror}", "Name a folder of your own with --out."
        ) from error
    return changed
