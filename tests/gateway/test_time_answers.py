"""The gateway tells a node the time, on the node's own topic, and counts who asks wrongly."""

from collections.abc import Iterator

import pytest

from contracts.control import TimeAnswer, TimeRequest
from contracts.messages import decode, encode
from contracts.topics import Topics
from gateway.intake import Intake
from gateway.link import Delivery
from gateway.refusals import Refusals
from gateway.time_answers import TimeAnswers
from tests.gateway.crowd import small_site

TOPICS = Topics("small")
REQUEST = TimeRequest(node="n10", id="0123456789abcdef")


@pytest.fixture
def said() -> list[tuple[str, bytes]]:
    """Return what the gateway has published."""
    return []


@pytest.fixture
def answers(said: list[tuple[str, bytes]]) -> TimeAnswers:
    """Return the gateway's answers, by a clock that goes on a millisecond at every look."""

    def clock() -> Iterator[int]:
        now_us = 1_772_330_400_000_000
        while True:
            yield now_us
            now_us += 1000

    ticking = clock()
    return TimeAnswers(
        small_site(),
        publish=lambda topic, payload: said.append((topic, payload)),
        now_us=lambda: next(ticking),
    )


def delivery(topic: str, payload: bytes) -> Delivery:
    """Make a message from the broker."""
    return Delivery(topic, payload, mid=0, qos=0, connection=1)


def test_a_request_is_answered(answers: TimeAnswers, said: list[tuple[str, bytes]]) -> None:
    """The answer bears the request's id and both moments, and goes to the node that asked."""
    assert answers.take(delivery(TOPICS.time_request("n10"), encode(REQUEST)))
    ((topic, payload),) = said
    assert topic == TOPICS.time_answer("n10")
    assert decode(payload, TimeAnswer) == TimeAnswer(
        id=REQUEST.id, received_us=1_772_330_400_000_000, sent_us=1_772_330_400_001_000
    )


@pytest.mark.parametrize(
    ("topic", "payload", "cause"),
    [
        (TOPICS.time_request("n11"), encode(REQUEST), "sender"),
        (TOPICS.time_request("n99"), encode(TimeRequest(node="n99", id=REQUEST.id)), "unknown_node"),
        (TOPICS.time_request("n10"), b"{}", "garbage"),
        (TOPICS.time_request("n10"), b"\xff", "garbage"),
        (
            TOPICS.time_request("n10"),
            b'{"v":1,"node":"n10","id":"0123456789abcdef","answer":"a/b"}',
            "garbage",
        ),
        (Topics("other").time_request("n10"), encode(REQUEST), "topic"),
    ],
)
def test_others_are_refused_and_counted(
    answers: TimeAnswers, said: list[tuple[str, bytes]], topic: str, payload: bytes, cause: str
) -> None:
    """Who asks in another's name, or wants the answer elsewhere, gets none; it is counted by cause."""
    refusals = Refusals()
    assert not answers.take(delivery(topic, payload))
    assert Intake(small_site(), refusals).read(delivery(topic, payload)) is None
    assert said == []
    assert refusals.counters == {cause: 1}


def test_other_messages_are_left_alone(answers: TimeAnswers, said: list[tuple[str, bytes]]) -> None:
    """A batch of observations is none of its business."""
    assert not answers.take(delivery(TOPICS.observations("n10"), encode(REQUEST)))
    assert said == []
