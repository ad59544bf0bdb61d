"""Who was there in a period, with which phones, and which of them were heard."""

import numpy as np

from simulators.census import Census


def noted() -> Census:
    """Return notes of three people with three phones, of which two were heard."""
    census = Census()
    census.arrive(np.array([1, 2]), np.array([0.0, 50.0]), np.array([100.0, 300.0]))
    census.arrive(np.array([3]), np.array([200.0]), np.array([400.0]))
    census.carry(np.array([2, 3]))  # both of person 1
    census.carry(np.array([6, 2]))
    census.hear(np.array([3, 3]), 10)
    census.hear(np.array([2]), 59)
    census.hear(np.array([6]), 250)
    return census


def test_people_of_a_period_were_in_the_mall_during_it() -> None:
    """Who left before or came after is not counted; an end is not part of the period."""
    census = noted()
    assert census.people(0, 500).tolist() == [1, 2, 3]
    assert census.people(100, 200).tolist() == [2]
    assert census.people(350, 500).tolist() == [3]
    assert census.people(400, 500).tolist() == []


def test_phones_go_with_their_people() -> None:
    """Both phones of one person count, one noted twice counts once, people without a phone have none."""
    census = noted()
    assert census.phones(0, 50).tolist() == [2, 3]
    assert census.phones(110, 150).tolist() == []
    assert census.phones(0, 500).tolist() == [2, 3, 6]


def test_audible_phones_were_heard_in_the_minutes_of_the_period() -> None:
    """Hearings count by the minute, in any period that has its beginning; asking does not change them."""
    census = noted()
    assert census.audible(0, 60).tolist() == [2, 3]
    assert census.audible(60, 240).tolist() == []
    assert census.audible(240, 300).tolist() == [6]
    census.hear(np.array([2]), 251)
    assert census.audible(240, 300).tolist() == [2, 6]


def test_many_notes_are_kept_together() -> None:
    """Phones noted a thousand times over, as they change their addresses, are all still known."""
    census = Census()
    census.arrive(np.array([0, 5]), np.zeros(2), np.ones(2))
    for number in range(2500):
        census.carry(np.array([10 + number % 2, 0]))
    assert census.phones(0, 1).tolist() == [0, 10, 11]
