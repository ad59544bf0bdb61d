"""Members understood: who is which kind of member, and that withdrawal and erasure take it all."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from contracts.crm import Purpose
from contracts.site import Crm as CrmSettings
from gateway.crm.cli import app
from gateway.crm.consent.withdrawal import Said
from gateway.crm.crm import Crm
from gateway.crm.identity import merges
from gateway.crm.members import clusters, kept
from gateway.crm.merging import Merge
from gateway.figures.period import HOUR_MS
from gateway.people import MallPeople
from gateway.store.promotions import Promotions
from gateway.store.sqlite import SqliteStore
from simulators.mall import site as simulated_mall
from simulators.members.life import live
from simulators.members.population import Population
from tests.gateway.lived import agreeing, keep_life
from tests.gateway.served import served
from tests.gateway.ticks import GRID

DAY_MS = 24 * HOUR_MS
WEEKS, MEMBERS = 12, 300
END_MS = 1_767_196_800_000
"""A midnight in Shanghai."""
START_MS = END_MS - 7 * WEEKS * DAY_MS
SITE = simulated_mall().model_copy(update={"crm": CrmSettings()})


@dataclass
class Mall:
    """Twelve weeks of members' lives, behind the API."""

    client: httpx.Client
    crm: Crm
    path: Path
    persons: list[str]
    types: np.ndarray
    """What was planted."""

    def get(self, path: str) -> httpx.Response:
        """Ask for something of the CRM."""
        return self.client.get(f"/crm/{path}")

    def say(self, number: int, purpose: Purpose, *, given: bool) -> None:
        """Let a member agree, or withdraw."""
        said = Said(f"m-{number:06d}", purpose, given, "v2", "app", END_MS + number)
        self.crm.consents.say([said])


@pytest.fixture(scope="module")
def mall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mall]:
    """Let members live, understand them, and serve it."""
    folder = tmp_path_factory.mktemp("members")
    people = Population.draw(members=MEMBERS, others=0, start_ms=START_MS, days=7.0 * WEEKS, seed=7)
    life = live(SITE, people.members, start_ms=START_MS, days=7 * WEEKS, seed=7)
    store = SqliteStore(folder / "store")
    promotions = Promotions(folder / "store")
    crm = Crm(SITE, folder / "store", bytes(32), history=store, now_ms=lambda: END_MS)
    with crm.file.transaction() as db:
        persons = keep_life(db, life, START_MS - DAY_MS)
    empty = {"fitted_ms": None, "cuts": None, "stability": None, "fitted_on": None}
    with served(SITE, store, GRID, promotions, MallPeople.assumed(), crm=crm) as client:
        assert client.get("/crm/segments").json() == {"tiers": [], "clusters": []} | empty
        with (
            pytest.MonkeyPatch.context() as patch
        ):  # which number of so few is found: benchmarks/crm_segments.py
            patch.setattr(clusters, "NUMBERS", (5,))
            assert client.post("/crm/segments/fit", timeout=60).status_code == 200
        yield Mall(client, crm, folder / "store", persons, life.type)
    crm.stop()
    promotions.close()
    store.close()


def in_tables(mall: Mall, person: str) -> dict[str, int]:
    """Return how many rows of tables of this part are a person's."""
    with closing(sqlite3.connect(mall.path)) as db:
        return {
            table: db.execute(f"SELECT count(*) FROM {table} WHERE person = ?", (person,)).fetchone()[0]
            for table in ("crm_segments", "crm_tags")
        }


def segment_of(mall: Mall, number: int) -> list[str]:
    """Return the clusters that a member's page shows."""
    found: list[str] = mall.get(f"members/m-{number:06d}").json()["segments"]
    return found


def test_planted_types_are_found(mall: Mall) -> None:
    """Five clusters are the five planted types, named after what marks them in both languages."""
    found = mall.get("segments").json()
    assert {"price-sensitive", "grocery", "brand-loyal", "lives-nearby"} < {
        one["id"] for one in found["clusters"]
    }
    assert len(found["clusters"]) == 5
    assert all(one["stability"] > 0.75 and one["description"]["zh"] for one in found["clusters"])
    assert found["stability"] > 0.8
    rows = mall.get("members?search=m-000&limit=1000").json()["members"]
    told = [row["segments"] for row in rows]
    known = [number for number, segments in enumerate(told) if segments]
    assert len(known) > 0.9 * len(told)
    planted = mall.types[known]
    assert adjusted_rand_score(planted, [told[number][0] for number in known]) > 0.8


def test_tiers_follow_what_is_spent(mall: Mall) -> None:
    """Who is in a better tier has spent more, in the median; shares add up to one."""
    tiers = mall.get("segments").json()["tiers"]
    assert [one["id"] for one in tiers] == ["best", "regular", "occasional", "rare", "quiet"]
    assert sum(one["share"] or 0 for one in tiers) == pytest.approx(1)
    assert all(one["members"] is None or not 0 < one["members"] < 5 for one in tiers)
    with closing(sqlite3.connect(mall.path)) as db:
        spent = {
            tier: np.median([row[0] for row in db.execute(
                "SELECT sum(amount) FROM crm_sales JOIN crm_segments USING (person)"
                " WHERE part = 'tier' AND segment = ? GROUP BY person", (tier,))])
            for tier in ("best", "regular", "occasional", "rare")
        }  # fmt: skip
    assert list(spent.values()) == sorted(spent.values(), reverse=True)


def test_a_withdrawal_takes_segments_and_tags(mall: Mall) -> None:
    """Without marketing there is neither tier, cluster nor tag, at once; without positions no cluster."""
    number = 11
    path = f"members/m-{number:06d}"
    assert mall.client.put(f"/crm/{path}/tags/红酒-club").json() == {"tags": ["红酒-club"]}
    assert mall.get(path).json()["tags"] == ["红酒-club"]
    assert "crm_tags" in mall.get(f"{path}/export").json()["tables"]
    person = mall.persons[number]
    before = in_tables(mall, person)
    mall.say(number, Purpose.PARKING, given=False)
    assert in_tables(mall, person) == before | {"crm_segments": 1}
    mall.say(number, Purpose.MARKETING, given=False)
    assert in_tables(mall, person) == {"crm_segments": 0, "crm_tags": 0}
    assert mall.client.put(f"/crm/{path}/tags/wine").status_code == 409
    mall.crm.understanding.assign()
    assert in_tables(mall, person) == {"crm_segments": 0, "crm_tags": 0}
    shown = mall.get(path).json()
    assert (shown["tier"], shown["segments"], shown["tags"]) == (None, [], [])


def test_an_erasure_takes_all(mall: Mall) -> None:
    """Who was erased is in no table and no audience, nor after the next assignment."""
    reference, person = "m-000013", mall.persons[13]
    mall.client.put(f"/crm/members/{reference}/tags/wine")
    assert mall.client.delete(f"/crm/members/{reference}").status_code == 200
    mall.crm.understanding.assign()
    assert in_tables(mall, person) == {"crm_segments": 0, "crm_tags": 0}
    everybody = mall.client.post("/crm/audiences", json={"name": "everybody"}).json()
    assert reference not in mall.get(f"audiences/{everybody['id']}.csv").text


def test_what_was_withdrawn_while_it_was_read_is_not_written(mall: Mall) -> None:
    """A consent that went and came again in between founds no segment until the next time."""
    number, person = 17, mall.persons[17]
    understanding = mall.crm.understanding
    with mall.crm.reading() as db:
        tiers, kinds = kept.model(db, kept.TierModel), kept.model(db, kept.ClusterModel)
    assert tiers
    assert kinds
    found = understanding._read()
    assert person in found.done.persons
    mall.say(number, Purpose.MARKETING, given=False)
    mall.crm.consents.say([Said(f"m-{number:06d}", Purpose.MARKETING, True, "v2", "app", END_MS + 1000)])
    understanding._keep(found, tiers, kinds)
    assert in_tables(mall, person)["crm_segments"] == 0
    understanding.assign()
    assert in_tables(mall, person)["crm_segments"] >= 1


def test_audiences_are_asked_anew(mall: Mall) -> None:
    """An audience is who fits now; it is exported as references, and not where it is smaller than k."""
    made = mall.client.post(
        "/crm/audiences", json={"name": "Shoppers", "cluster": "grocery", "zones": ["mall"], "days": 30}
    )
    assert made.status_code == 201
    row = made.json()
    listed = mall.get(f"audiences/{row['id']}.csv")
    assert listed.headers["cache-control"] == "no-store"
    head, *members = listed.text.split()
    assert head == "reference"
    assert row["members"] == len(members) >= 10
    assert all("grocery" in segment_of(mall, int(one.removeprefix("m-"))) for one in members[:5])
    leaving = int(members[0].removeprefix("m-"))
    mall.say(leaving, Purpose.MARKETING, given=False)
    assert mall.get(f"audiences/{row['id']}.csv").text.split()[1:] == members[1:]
    for one in members[1:4]:
        mall.client.put(f"/crm/members/{one}/tags/few")
    few = mall.client.post("/crm/audiences", json={"name": "few", "tags": ["few"]}).json()
    assert (few["members"], few["suppressed"]) == (None, True)
    refused = mall.get(f"audiences/{few['id']}.csv")
    assert (refused.status_code, "fewer than 5" in refused.json()["detail"]) == (409, True)
    assert mall.client.delete(f"/crm/audiences/{few['id']}").status_code == 204
    assert few["id"] not in [one["id"] for one in mall.get("audiences").json()["audiences"]]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"name": "x", "zones": ["atlantis"]}, "no zone 'atlantis'"),
        ({"name": "x", "tier": "gold"}, "expected one of best"),
        ({"name": "x", "cluster": "golfers"}, "expected one of"),
    ],
)
def test_audiences_of_what_there_is_not_are_refused(
    mall: Mall, asked: dict[str, object], problem: str
) -> None:
    """Unknown zones, tiers and clusters are named."""
    answer = mall.client.post("/crm/audiences", json=asked)
    assert (answer.status_code, problem in answer.json()["detail"]) == (422, True)


def test_merged_members_are_one(mall: Mall) -> None:
    """Two references of one person show the same labels, the tags of both, and are in an audience once."""
    with mall.crm.file.transaction() as db:
        extra = agreeing(db, "m-second-card", START_MS)
    mall.client.put("/crm/members/m-second-card/tags/second")
    mall.client.put("/crm/members/m-000021/tags/first")
    with mall.crm.file.transaction() as db:
        merges.make(db, Merge(extra, mall.persons[21]), "test", END_MS, END_MS)
    mall.crm.understanding.assign()
    one, other = (mall.get(f"members/{each}").json() for each in ("m-000021", "m-second-card"))
    assert (one["tier"], one["segments"], one["tags"]) == (other["tier"], other["segments"], other["tags"])
    assert one["tags"] == ["first", "second"]
    found = mall.client.post("/crm/audiences", json={"name": "all"}).json()
    text = mall.get(f"audiences/{found['id']}.csv").text.split()
    assert "m-000021" in text
    assert "m-second-card" not in text
    assert mall.client.delete("/crm/members/m-000021/tags/second").json() == {"tags": ["first"]}


def test_fits_when_it_is_due(mall: Mall) -> None:
    """Just fitted and assigned, there is nothing to do; an hour later members are assigned anew."""
    understanding = mall.crm.understanding
    assert not understanding.run_if_due()
    understanding._assigned_ms -= HOUR_MS
    assert understanding.run_if_due()
    assert not understanding.run_if_due()


def test_the_command_line(mall: Mall, tmp_path: Path) -> None:
    """Segments and rules are shown, and an audience is written for its owner alone."""
    url = ["--url", str(mall.client.base_url).removesuffix("/api/v1/")]
    runner = CliRunner()
    shown = runner.invoke(app, ["segments", *url], env={"COLUMNS": "200"})
    assert "Price-sensitive" in shown.stdout, shown
    assert runner.invoke(app, ["segments", "rules", *url]).exit_code == 0
    made = mall.client.post("/crm/audiences", json={"name": "for [post]"}).json()
    assert "for [post]" in runner.invoke(app, ["audience", *url]).stdout
    out = tmp_path / "list.csv"
    done = runner.invoke(app, ["audience", made["id"], "--out", str(out), *url])
    assert f"{made['members']} members" in done.stdout.replace("\n", " "), done
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text().splitlines()[0] == "reference"
