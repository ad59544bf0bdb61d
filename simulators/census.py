"""Who was in the mall in a period, with how many phones, and which of these could be heard: the true counts.

Visitors of the mall are people who were in it; people in the street are in none of these counts.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MINUTE_S = 60


class Census:
    """Takes notes of people, phones and hearings; then asked for periods [start_s, end_s) in epoch seconds.

    Ids of phones are those of `Phones.id`: twice that of the person, plus one for a second phone.
    """

    def __init__(self) -> None:
        none, empty = np.empty(0, dtype=np.int64), np.empty(0)
        self._stays: list[tuple[Ints, Floats, Floats]] = [(none, empty, empty)]
        self._phones: list[Ints] = [none]
        self._heard: dict[int, Ints] = {}
        self._minute = -1
        self._hearing: list[Ints] = []

    def arrive(self, person: Ints, enter_s: Floats, leave_s: Floats) -> None:
        """Note people, and when they are in the mall."""
        self._stays.append((person, enter_s, leave_s))

    def carry(self, phone: Ints) -> None:
        """Note phones that are on; those noted before are not noted again."""
        self._phones.append(phone)
        if len(self._phones) > 1000:
            self._phones = [self._all_phones()]

    def hear(self, phone: Ints, t_s: int) -> None:
        """Note phones that at least one node heard in the second `t_s`; seconds in order."""
        minute = t_s // MINUTE_S
        if minute != self._minute:
            self._close()
            self._minute = minute
        self._hearing.append(np.unique(phone))

    def people(self, start_s: float, end_s: float) -> Ints:
        """Return who was in the mall at some time of the period, ascending."""
        person, enter_s, leave_s = (np.concatenate(column) for column in zip(*self._stays, strict=True))
        return np.unique(person[(enter_s < end_s) & (leave_s > start_s)])

    def phones(self, start_s: float, end_s: float) -> Ints:
        """Return the phones, switched on, that these people carried, ascending."""
        phone = self._all_phones()
        return phone[np.isin(phone // 2, self.people(start_s, end_s))]

    def audible(self, start_s: float, end_s: float) -> Ints:
        """Return the phones heard by any node in the minutes that begin in the period, ascending."""
        self._close()
        heard = [ids for minute, ids in self._heard.items() if start_s <= minute * MINUTE_S < end_s]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *heard]))

    def _all_phones(self) -> Ints:
        return np.unique(np.concatenate(self._phones))

    def _close(self) -> None:
        """Put the hearings of a minute together; a minute may be closed more than once."""
        if self._hearing:
            before = self._heard.get(self._minute, np.empty(0, dtype=np.int64))
            self._heard[self._minute] = np.unique(np.concatenate([before, *self._hearing]))
            self._hearing = []
