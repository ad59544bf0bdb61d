"""Members' phones are named by their digests, nobody else's are, and who opted out is not named either."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from contracts.broker import BrokerAddress
from contracts.control import EnrolledDevices, OptOutList
from contracts.messages import MemberHeard, ObservationBatch, decode, encode
from contracts.topics import Topics
from edge_agent import batcher as batcher_module
from edge_agent.agent import run_agent
from edge_agent.batcher import Batcher
from edge_agent.members import REPEAT_MS, MemberList, Naming, member_digest
from edge_agent.opt_out import key_id, opt_out_digest
from edge_agent.pseudonym import Pseudonyms
from edge_agent.retained_list import retained_list
from edge_agent.sources.pcap import PcapSource
from edge_agent.sources.protocol import Source
from tests.edge_agent.helpers import (
    KEY,
    PHONE,
    ROTATION,
    T0_MS,
    Gateway,
    heard,
    pcap,
    probe,
    write,
)
from tests.support import Mosquitto, wait_until

MEMBER = bytes.fromhex("da3fc411d2e7")
SPARED = bytes.fromhex("40ec99a7b35c")
DIGEST = member_digest(KEY, MEMBER)


def the_list(*addresses: bytes, key: bytes = KEY) -> EnrolledDevices:
    """A list as the gateway retains it."""
    return EnrolledDevices(key=key_id(key), digests=[member_digest(key, a) for a in addresses])


@pytest.fixture
def members(tmp_path: Path) -> MemberList:
    """A list with one member."""
    found = MemberList(KEY, tmp_path / "copy")
    found.take(encode(the_list(MEMBER)))
    return found


def batcher(members: MemberList, hold_ms: int = 0) -> Batcher:
    """Make a batcher that names members."""
    number = count().__next__
    naming = Naming(members)
    return Batcher(Pseudonyms(KEY, ROTATION), boot="0" * 16, number=number, hold_ms=hold_ms, naming=naming)


def test_a_member_is_named_when_first_heard_and_once_a_minute_while_heard(members: MemberList) -> None:
    """In three minutes of a frame a second, the member is named three times and nobody else at all."""
    under_test = batcher(members)
    made = [
        batch
        for second in range(180)
        for batch in under_test.add(heard(second=second, addresses=[PHONE, MEMBER]))
    ]
    said = [member for batch in made for member in batch.members or ()]
    assert [one.t_ms - T0_MS for one in said] == [1, REPEAT_MS + 1, 2 * REPEAT_MS + 1]
    assert {(one.device, one.digest, one.formerly) for one in said} == {(made[0].device[1], DIGEST, UNSET)}
    assert [batch.members for batch in made].count(UNSET) == 177
    assert b"members" not in encode(made[1])
    assert decode(encode(made[0]), ObservationBatch) == made[0]


def test_every_node_names_who_it_hears(members: MemberList) -> None:
    """Nodes do not know what others have said: each names the member once."""
    under_test = batcher(members)
    made = [next(under_test.add(heard(node, addresses=[MEMBER]))) for node in ("n1", "n2", "n1")]
    assert [len(batch.members or ()) for batch in made] == [1, 1, 0]


def test_a_new_pseudonym_is_named_at_once_with_the_former_one(members: MemberList) -> None:
    """When the salt changes, what is said of the member goes on under the new pseudonym."""
    under_test = batcher(members)
    change_ms = ROTATION.period(T0_MS).end_ms
    made: list[ObservationBatch] = []
    for second in (-1, 0):
        block = heard(addresses=[MEMBER])
        block.t_ms, block.complete_to_ms = [change_ms + second * 1000], change_ms + (second + 1) * 1000
        made += under_test.add(block)
    before, after = made
    assert after.members == [
        MemberHeard(t_ms=change_ms, device=after.device[0], formerly=before.device[0], digest=DIGEST)
    ]


@given(st.lists(st.lists(st.booleans(), max_size=25), max_size=8), st.sampled_from([0, 1000, 2500]))
def test_who_is_named_stands_in_the_same_batch(seconds: list[list[bool]], hold_ms: int) -> None:
    """However blocks are split and held, a batch names devices of its own rows, at times of its own rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batcher_module, "MAX_ROWS", 10)
        patch.setattr("edge_agent.members.REPEAT_MS", 1)
        members = MemberList(KEY, Path("/nonexistent/copy"))
        members.names.digests = frozenset({DIGEST})
        under_test = batcher(members, hold_ms)
        made: list[ObservationBatch] = []
        for second, phones in enumerate(seconds):
            addresses = [MEMBER if member else PHONE for member in phones]
            made += under_test.add(heard(second=second, addresses=addresses))
        made += under_test.flush()
    for batch in made:
        rows = set(zip(batch.t_ms, batch.device, strict=True))
        assert {(one.t_ms, one.device) for one in batch.members or ()} <= rows
    assert sum(len(batch.members or ()) for batch in made) == sum(map(sum, seconds))


def test_a_list_that_is_taken_away_names_nobody(members: MemberList, tmp_path: Path) -> None:
    """Withdrawn members are strangers from the next block on; an empty message is an empty list."""
    under_test = batcher(members)
    assert next(under_test.add(heard(addresses=[MEMBER]))).members
    for gone in (encode(the_list()), b""):
        members.take(encode(the_list(MEMBER)))
        members.take(gone)
        assert len(members) == 0
        assert next(under_test.add(heard(second=100, addresses=[MEMBER]))).members is UNSET
        assert len(MemberList(KEY, tmp_path / "copy")) == 0


def test_the_copy_holds_no_address_and_damaged_lists_change_nothing(
    members: MemberList, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is the owner's, and lasts; what is no list is passed over, one of another key names nobody."""
    path = tmp_path / "copy"
    assert path.stat().st_mode & 0o777 == 0o600
    assert MEMBER not in path.read_bytes()
    assert MEMBER.hex().encode() not in path.read_bytes()
    members.take(encode(the_list(MEMBER))[:-5])
    assert MemberList(KEY, path).names[MEMBER] == DIGEST
    members.take(encode(the_list(MEMBER, key=bytes(32))))
    assert members.names[MEMBER] == ""
    assert "made with another key" in caplog.text


def capture(folder: Path) -> Source:
    """A capture in which a member, a stranger and somebody who opted out are heard for ten seconds."""
    packets = [
        (T0_MS + second * 1000 + i, probe(by=phone))
        for second in range(10)
        for i, phone in enumerate((MEMBER, PHONE, SPARED))
    ]
    return PcapSource("n1", [write(folder / "phones.pcap", pcap(packets))])


def test_a_running_agent_follows_the_list_and_opt_outs_win(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]
) -> None:
    """Of those in a capture the member is named; who opted out is not, nor who has withdrawn since."""
    broker = mosquitto_factory()
    address, topics = BrokerAddress(broker.host, broker.port), Topics("private")
    opted_out = OptOutList(key=key_id(KEY), digests=[opt_out_digest(KEY, SPARED)])
    with retained_list(address, topics.opt_out(), OptOutList) as board:
        board.write(opted_out)

    def run(*members: bytes) -> list[ObservationBatch]:
        with retained_list(address, topics.enrolled_devices(), EnrolledDevices) as board:
            board.write(the_list(*members))
        with Gateway(broker.host, broker.port, topics.mall) as gateway:
            for _ in range(2):  # in the first run the lists arrive and are kept
                gateway.messages.clear()
                run_agent(
                    capture(tmp_path), mall=topics.mall, agent_id="a1", broker=address, speed=None,
                    spool_path=tmp_path / "spool", key=KEY, rotation=ROTATION,
                )  # fmt: skip
                wait_until(lambda: len(gateway.of("status")) >= 2)
            return gateway.batches

    hidden = Pseudonyms(KEY, ROTATION).columns([T0_MS], [MEMBER], [b""])[0][0]
    named = [one for batch in run(MEMBER, SPARED) for one in batch.members or ()]
    assert {(one.device, one.digest) for one in named} == {(hidden, DIGEST)}
    assert not any(batch.members for batch in run(SPARED))
