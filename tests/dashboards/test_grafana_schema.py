"""Every dashboard and panel against Grafana's own schema, of the oldest and the newest version meant."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana.catalogue import Wanted, dashboards
from dashboards.grafana.sources import Kind
from tests.dashboards.grafana import npm
from tests.dashboards.grafana.malls import hillside, riverside

SCHEMAS = {"oldest": "schema-oldest", "newest": "@grafana/schema"}
GATEWAYS = {mall: f"https://{mall}.example" for mall in ("riverside", "hillside")}


def every() -> dict[str, Any]:
    """All dashboards of a mall over both data sources, and that of the group."""
    made: dict[str, Any] = {}
    for kind, words in ((Kind.INFLUXQL, "both"), (Kind.INFINITY, "zh")):
        wanted = Wanted([riverside(), hillside()], kind, words, GATEWAYS)
        for language in wanted.languages:
            made |= {f"{kind}-{board['uid']}": board for board in dashboards(wanted, language)}
    return {name: board for name, board in made.items() if "hillside" not in name}


def complaints(folder: Path, schema: str, boards: dict[str, Any]) -> str:
    """Have TypeScript compare dashboards with a version of the schema; give what it says."""
    packages = npm.installed()
    for name, board in boards.items():
        text = json.dumps(board, ensure_ascii=False)
        code = f'import type {{ Dashboard }} from "{npm.FOLDER}/schema";\n'
        code += f"export const board: Dashboard = {text};\n"
        (folder / f"{name}.ts").write_text(code, encoding="utf-8")
    place = str(packages / SCHEMAS[schema])
    options = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "skipLibCheck": True,
        "types": [],
        # For the schema's own files, too, which name each other like this.
        "paths": {"@grafana/schema": [place], "@grafana/schema/*": [f"{place}/*"]},
    }
    configuration = {"compilerOptions": options, "include": ["*.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(configuration), encoding="utf-8")
    done = npm.run("typescript/bin/tsc", "-p", str(folder), folder=folder)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("schema", SCHEMAS)
def test_all_dashboards_are_as_grafana_wants_them(schema: str, tmp_path: Path) -> None:
    """No field is unknown, none is missing, every value is one of those allowed."""
    boards = every()
    assert len(boards) == 3 * 7 + 2
    assert complaints(tmp_path, schema, boards) == ""


def _panel(board: Any, kind: str) -> Any:
    return next(panel for panel in board["panels"] if panel["type"] == kind)


BREAKS: dict[str, Callable[[Any], Any]] = {
    "panel": lambda board: board["panels"][0].update(titel="x"),
    "kind": lambda board: board["panels"][0].update(type="graph"),
    "option": lambda board: _panel(board, "stat")["options"].update(colourMode="value"),
    "enum": lambda board: _panel(board, "stat")["options"].update(colorMode="colour"),
    "deep-enum": lambda board: _panel(board, "geomap")["options"]["tooltip"].update(mode="all"),
    "layer": lambda board: _panel(board, "geomap")["options"]["layers"][2]["config"].update(size=4),
    "missing": lambda board: _panel(board, "geomap")["options"]["layers"][0]["config"].pop("src"),
    "unit": lambda board: _panel(board, "stat")["fieldConfig"]["defaults"].update(units="s"),
    "threshold": lambda board: _panel(board, "stat")["fieldConfig"]["defaults"]["thresholds"].update(
        mode="abs"
    ),
    "override": lambda board: _panel(board, "table")["fieldConfig"]["overrides"][0]["properties"].append(
        {"id": "custom.widht", "value": 3}
    ),
    "override-value": lambda board: _panel(board, "table")["fieldConfig"]["overrides"][0][
        "properties"
    ].append({"id": "custom.align", "value": "middle"}),
    "query": lambda board: board["panels"][0]["targets"][0].update(resultFormat="rows"),
    "transformation": lambda board: _panel(board, "table")["transformations"][0].update(id="organise"),
    "variable": lambda board: board["templating"]["list"][0].update(type="const"),
    "link": lambda board: board["links"][0].update(placement="top"),
    "dashboard": lambda board: board.update(graphTooltip=3),
}


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """A misspelt field, a wrong value, something missing, at any depth: an error of its own file."""
    wanted = Wanted([riverside()], Kind.INFLUXQL, "en", GATEWAYS)
    good = next(iter(dashboards(wanted, "en")))
    boards = {}
    for name, spoil in BREAKS.items():
        boards[name] = copy.deepcopy(good)
        spoil(boards[name])
    said = complaints(tmp_path, "newest", {"good": good, **boards})
    wrong = {line.partition(".ts(")[0].rpartition("/")[2] for line in said.splitlines() if "error TS" in line}
    assert wrong == set(BREAKS)
