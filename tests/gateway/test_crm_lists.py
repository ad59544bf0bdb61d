"""From a login to a match: the lists that the gateway keeps at a real broker, and nodes that follow them."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from contracts.broker import BrokerAddress
from contracts.control import EnrolledDevices, EnrolledPlates
from contracts.messages import ObservationBatch
from contracts.topics import Topics
from edge_agent.agent import run_agent
from edge_agent.enrolled import enrolled_digest
from edge_agent.members import member_digest
from edge_agent.members_cli import app as members_app
from edge_agent.opt_out import key_id
from edge_agent.retained_list import retained_list
from gateway.crm.cli import app as crm_app
from gateway.runtime import Gateway, Settings
from tests.edge_agent import helpers as edge
from tests.gateway.crm_mall import crm_site
from tests.support import Mosquitto, wait_until

KEY = edge.KEY
MEMBER = bytes.fromhex("da3fc411d2e7")
WRITTEN = "DA-3F-C4-11-D2-E7"
PLATE, OPERATORS = "浙A12345", "京C67890"
TOPICS = Topics("small")


@dataclass
class Mall:
    """A gateway with a CRM at a real broker, and whoever listens there."""

    gateway: Gateway
    broker: Mosquitto
    api: httpx.Client
    folder: Path

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Ask the CRM to write something down."""
        return self.api.post(f"/api/v1/crm/{path}", json=body)

    def say(self, reference: str, purpose: str, *, given: bool) -> None:
        """Have a member agree or withdraw."""
        said = {"reference": reference, "purpose": purpose, "given": given, "text": "1", "channel": "app"}
        assert self.post("consents", said).status_code in (200, 201)

    def devices(self) -> list[str] | None:
        """The digests on the list of devices that the broker has."""
        found = self._retained(TOPICS.enrolled_devices(), EnrolledDevices)
        return None if found is None else found.digests

    def plates(self) -> tuple[list[str], list[str]] | None:
        """The digests on the list of plates: operators', members'."""
        found = self._retained(TOPICS.enrolled_plates(), EnrolledPlates)
        return None if found is None else (found.digests, found.members or [])

    def _retained(self, topic: str, kind: Any) -> Any:
        with retained_list(BrokerAddress("127.0.0.1", self.broker.port), topic, kind) as board:
            return board.read()

    def heard(self) -> list[ObservationBatch]:
        """The batches of a node that hears the member for some seconds, once it has the list."""
        address = BrokerAddress("127.0.0.1", self.broker.port)
        blocks = [edge.heard("n1", second=second, addresses=[edge.PHONE, MEMBER]) for second in range(3)]
        with edge.Gateway("127.0.0.1", self.broker.port, "small") as listener:
            for _ in range(2):  # in the first run the list arrives and is kept
                listener.messages.clear()
                run_agent(
                    edge.ScriptedSource(blocks), mall="small", agent_id="n1", broker=address, speed=None,
                    spool_path=self.folder / "spool", key=KEY, rotation=edge.ROTATION,
                )  # fmt: skip
                wait_until(lambda: len(listener.of("observations")) >= 1)
            return listener.batches


@pytest.fixture(scope="module")
def mall(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mall]:
    """Run the gateway of a mall where two members have agreed to everything, and one to nothing."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "key").write_text(KEY.hex())
    (folder / "key").chmod(0o600)
    broker = mosquitto_factory()
    address = BrokerAddress("127.0.0.1", broker.port)
    with retained_list(address, TOPICS.enrolled_plates(), EnrolledPlates) as board:
        board.write(EnrolledPlates(key=key_id(KEY), digests=[enrolled_digest(KEY, OPERATORS)]))
    settings = Settings(site=crm_site(), store=folder / "store.db", broker=address, port=0)
    with Gateway(settings) as gateway, httpx.Client(base_url=gateway.url, timeout=20) as api:
        made = Mall(gateway, broker, api, folder)
        for reference in ("m-1", "m-2"):
            for purpose in ("position", "parking"):
                made.say(reference, purpose, given=True)
        made.say("m-3", "position", given=False)
        yield made
    broker.stop()


def test_from_a_login_to_a_match_and_back(mall: Mall) -> None:
    """Digests are made, imported, put on the lists; nodes name the member, until consent is withdrawn."""
    run, at = CliRunner(), ["--url", mall.gateway.url]
    logins = mall.folder / "logins.csv"
    logins.write_text(
        "reference,kind,value,evidence\n"
        f"m-1,wifi,{WRITTEN},login\nm-1,plate,{PLATE},form\nm-3,wifi,40:ec:99:a7:b3:5c,login\n"
    )
    ids = mall.folder / "identifiers.csv"
    made = run.invoke(
        members_app, ["digest", str(logins), "--key", str(mall.folder / "key"), "--out", str(ids)]
    )
    assert (made.exit_code, made.stdout) == (0, f"{ids}: 1 plate, 2 wifi\n")
    assert WRITTEN.replace("-", "").lower() not in ids.read_text().lower().replace(":", "")
    taken = run.invoke(crm_app, ["import", str(ids), *at])
    assert "3 rows: 2 taken, 0 known, 0 twice in the file, 1 without consent, 0 bad\n" in taken.output
    wait_until(lambda: mall.devices() == [member_digest(KEY, MEMBER)])
    operators = [enrolled_digest(KEY, OPERATORS)]
    wait_until(lambda: mall.plates() == (operators, [enrolled_digest(KEY, PLATE)]))
    named = [one for batch in mall.heard() for one in batch.members or ()]
    assert {one.digest for one in named} == {member_digest(KEY, MEMBER)}

    mall.broker.stop()  # it has no persistence, and loses what it retained
    mall.broker.start()
    wait_until(lambda: mall.devices() == [member_digest(KEY, MEMBER)])
    wait_until(lambda: mall.plates() == (operators, [enrolled_digest(KEY, PLATE)]))

    mall.say("m-1", "position", given=False)
    wait_until(lambda: mall.devices() == [])
    assert mall.plates() == (operators, [enrolled_digest(KEY, PLATE)])
    assert not any(batch.members for batch in mall.heard())
    mall.say("m-1", "parking", given=False)
    wait_until(lambda: mall.plates() == (operators, []))


def test_operators_and_the_gateway_keep_their_hands_off_each_others_plates(mall: Mall) -> None:
    """An operator's list that has lost the members' plates gets them again, and keeps what is new."""
    digest, new = enrolled_digest(KEY, "沪B12345"), enrolled_digest(KEY, "苏C12345")
    row = {"reference": "m-2", "kind": "plate", "digest": digest, "key": key_id(KEY), "evidence": "form"}
    assert mall.post("identifiers", row).json() == {"new": True, "conflict": False}
    assert mall.post("identifiers", row).status_code == 200
    wait_until(lambda: mall.plates() == ([enrolled_digest(KEY, OPERATORS)], [digest]))
    address = BrokerAddress("127.0.0.1", mall.broker.port)
    with retained_list(address, TOPICS.enrolled_plates(), EnrolledPlates) as board:
        board.write(EnrolledPlates(key=key_id(KEY), digests=[new]))
    wait_until(lambda: mall.plates() == ([new], [digest]))


def test_a_row_that_nobody_can_read_keeps_nobody_on_the_list(
    mall: Mall, caplog: pytest.LogCaptureFixture
) -> None:
    """While the file has a kind that is not known the lists stay; afterwards withdrawals count again."""
    mall.say("m-2", "position", given=True)
    row = {"reference": "m-2", "kind": "wifi", "digest": "7" * 32, "key": key_id(KEY), "evidence": "login"}
    mall.post("identifiers", row)
    wait_until(lambda: mall.devices() == ["7" * 32])
    with sqlite3.connect(mall.folder / "store.db", timeout=10) as db:
        db.execute(
            "INSERT INTO crm_claims (person, kind, digest, evidence, confidence, t_ms, recorded_ms)"
            " SELECT person, 'riddle', 'm-2', 'login', 0.9, 0, 0 FROM crm_persons WHERE reference = 'm-2'"
        )
    mall.say("m-2", "marketing", given=True)
    wait_until(lambda: "cannot be made (KeyError)" in caplog.text)
    with sqlite3.connect(mall.folder / "store.db", timeout=10) as db:
        db.execute("DELETE FROM crm_claims WHERE kind = 'riddle'")
    mall.say("m-2", "position", given=False)
    wait_until(lambda: mall.devices() == [])
    mall.say("m-2", "position", given=True)


def test_conflicts_and_merges_over_http(mall: Mall) -> None:
    """A shared phone is shown with what would solve it; references that are one person share it no more."""
    mall.say("m-1", "position", given=True)
    row = {"kind": "wifi", "digest": "9" * 32, "key": key_id(KEY), "evidence": "login"}
    answers = [mall.post("identifiers", {**row, "reference": name}).json() for name in ("m-1", "m-2")]
    assert answers == [{"new": True, "conflict": False}, {"new": True, "conflict": True}]
    (found,) = mall.api.get("/api/v1/crm/conflicts?reference=m-2").json()["conflicts"]
    assert [(one["reference"], one["probability"]) for one in found["members"]] == [
        ("m-1", pytest.approx(99 / 199, abs=1e-3)), ("m-2", pytest.approx(99 / 199, abs=1e-3)),
    ]  # fmt: skip
    run, at = CliRunner(), ["--url", mall.gateway.url]
    listed = run.invoke(crm_app, ["conflicts", *at]).output
    assert "m-1" in listed
    assert "POST /crm/merges" in listed
    merged = run.invoke(crm_app, ["merge", "m-1", "m-2", "--evidence", "form", *at])
    assert "takes it back" in merged.output
    assert mall.api.get("/api/v1/crm/conflicts").json() == {"conflicts": []}
    assert mall.post("merges", {"reference": "m-2", "into": "m-1", "evidence": "form"}).status_code == 409
    number = mall.api.get("/api/v1/crm/merges").json()["merges"][-1]["merge"]
    assert run.invoke(crm_app, ["unmerge", str(number), *at]).exit_code == 0
    assert mall.api.delete(f"/api/v1/crm/merges/{number}").status_code == 404
    claim = next(one for one in found["claims"] if one["reference"] == "m-1")["claim"]
    assert run.invoke(crm_app, ["end", str(claim), "--why", "sold", *at]).exit_code == 0
    assert mall.api.get("/api/v1/crm/conflicts").json() == {"conflicts": []}
    rows = mall.api.get("/api/v1/crm/identifiers?reference=m-1").json()["identifiers"]
    assert [(row["claim"], row["ended_why"]) for row in rows] == [(claim, "sold")]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("identifiers", {"reference": "m-9", "kind": "app", "value": "x"}, 409, "no such member"),
        ("identifiers", {"reference": "m-3", "kind": "app", "value": "x"}, 409, "not agreed"),
        (
            "identifiers",
            {"reference": "m-1", "kind": "plate", "value": PLATE},
            422,
            "mallsense members digest",
        ),
        ("identifiers", {"reference": "m-1", "kind": "plate"}, 422, "expected 32 hex digits"),
        ("identifiers", {"reference": "m-1", "kind": "wifi", "digest": WRITTEN}, 422, "32 hex digits"),
        ("identifiers", {"reference": "m-1", "kind": "wifi", "digest": [WRITTEN]}, 422, "valid string"),
        ("identifiers", {"reference": "m-1", "kind": WRITTEN, "digest": "1"}, 422, "'wifi'"),
        ("merges", {"reference": "m-9", "into": "m-1", "evidence": "form"}, 404, "no member"),
    ],
)
def test_what_is_wrong_is_said_and_not_repeated(
    mall: Mall, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    """A refusal says what is wrong and what to do, without the plate."""
    answer = mall.post(path, body)
    assert answer.status_code == status
    assert says in answer.text
    assert PLATE not in json.dumps(answer.json(), ensure_ascii=False)
    assert WRITTEN not in answer.text


def test_an_import_of_another_key_is_refused_with_advice(mall: Mall) -> None:
    """The command says which keys, and what to do."""
    file = mall.folder / "other.csv"
    file.write_text(f"reference,kind,digest,key\nm-2,wifi,{'8' * 32},ffffffff\n")
    answer = mall.api.post("/api/v1/crm/imports/identifiers", content=file.read_bytes())
    assert answer.status_code == 422
    assert "--new-key" in answer.json()["detail"]
    assert mall.api.post("/api/v1/crm/imports/identifiers", content=b"").status_code == 422


def test_no_address_and_no_plate_is_written(mall: Mall) -> None:
    """Neither the gateway's file nor its list has what a member is recognised by, in clear."""
    written = b"".join(path.read_bytes() for path in mall.folder.glob("store.db*"))
    written += repr((mall.devices(), mall.plates())).encode()
    assert b"9" * 32 in written  # the search does find
    for secret in (MEMBER, MEMBER.hex().encode(), WRITTEN.encode(), PLATE.encode(), OPERATORS.encode()):
        assert secret not in written


def test_a_broker_that_does_not_let_the_gateway_write_is_told_of(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An access list from before there were members is noticed, with what to do."""
    (tmp_path / "acl").write_text("topic read #\ntopic readwrite mallsense/v1/small/gateway/#\n")
    broker = mosquitto_factory(settings=f"acl_file {tmp_path / 'acl'}")
    settings = Settings(
        site=crm_site(), store=tmp_path / "store.db", broker=BrokerAddress("127.0.0.1", broker.port), port=0
    )
    with Gateway(settings) as gateway, httpx.Client(base_url=gateway.url, timeout=20) as api:
        mall = Mall(gateway, broker, api, tmp_path)
        mall.say("m-1", "position", given=True)
        row = {"reference": "m-1", "kind": "wifi", "digest": "1" * 32, "key": key_id(KEY)}
        assert mall.post("identifiers", row).status_code == 201
        wait_until(lambda: "mallsense broker render" in caplog.text)
    broker.stop()
