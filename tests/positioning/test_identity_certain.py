"""What a linker does where it cannot be certain, and where twins speak in turns."""

from positioning.identity import Linker
from tests.positioning.identity_traffic import Heard, Sent, form_of

BURST_MS = 20_000


def runner(number: int, bursts: int, *, start_ms: int, first: int) -> list[Sent]:
    """Return bursts of a phone with a new address each, whose numbers run on by 20."""
    return [Sent(number * 1_000 + n, start_ms + n * BURST_MS, (first + 20 * n) % 4096) for n in range(bursts)]


def test_twins_that_speak_in_turns_are_told_apart_from_the_first_numbers_on() -> None:
    """Each number goes on from the address before the last, which is no phone that starts anew."""
    heard = Heard().play(
        runner(1, 30, start_ms=0, first=100) + runner(2, 30, start_ms=BURST_MS // 2, first=2_500)
    )
    one, other = (heard.devices(range(n * 1_000, n * 1_000 + 30)) for n in (1, 2))
    assert len(one) == len(other) == 1
    assert one != other
    assert heard.linker.habits.families[form_of(1) >> 32].runs_on > 0.7


def twins_who_start_anew(certain: float) -> Heard:
    """Play two lasting twins of one family, and then a burst that may be either's."""
    heard = Heard(Linker(certain=certain))
    for t_ms in range(0, 600_000, BURST_MS):
        heard.tick([Sent(1, t_ms, t_ms // 100 % 4096), Sent(2, t_ms, (t_ms // 77 + 2_000) % 4096)])
    heard.tick([Sent(3, 601_000, 1_234)])
    return heard


def test_a_burst_of_either_twin_is_kept_apart_where_certainty_is_asked_for() -> None:
    """Without it the burst is one twin's; with it nobody's, and no later burst is its successor."""
    assert twins_who_start_anew(0.0).device[3] in {1, 2}
    sure = twins_who_start_anew(0.8)
    assert sure.device[3] == 3
    links = sure.tick([Sent(4, 622_000, 1_250)])
    assert links.device.tolist() != [3]


def test_what_was_kept_apart_and_is_heard_again_is_a_phone() -> None:
    """An address that lasts belongs to somebody, and may have successors."""
    sure = twins_who_start_anew(0.8)
    sure.tick([Sent(3, 640_000, 1_300)])
    links = sure.tick([Sent(5, 660_000, 1_310)])
    assert links.device.tolist() == [3]
    assert links.confidence[0] >= 0.8
