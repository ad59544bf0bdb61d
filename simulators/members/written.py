"""The truth about people who come again, and what their systems have delivered, as files."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.site import Site
from simulators.members.cars import Cars
from simulators.members.casting import Cast, Casting
from simulators.members.population import Population
from simulators.members.records import Records, write_records
from simulators.members.tills import Tills


class Members:
    """The members of one simulated stretch of time, for whoever wants it in files at its end."""

    def __init__(
        self, site: Site, *, members: int, others: int, start_ms: int, days: float, seed: int = 1
    ) -> None:
        """Draw people; `casting` and `tills` are for the source."""
        self._site, self._start_ms, self._seed = site, start_ms, seed
        self.population = Population.draw(
            members=members, others=others, start_ms=start_ms, days=days, seed=seed
        )
        self.casting = Casting(self.population, seed=seed, endless=True)
        self.tills = Tills(site, seed=seed)

    def cars(self, cast: Cast) -> Cars:
        """Return the cars in which they come.

        Raises:
            ConfigurationError: the site has no car park.

        """
        return Cars(cast, self._site, start_ms=self._start_ms, seed=self._seed)

    def write(self, folder: Path, cast: Cast, key: bytes, until_ms: int) -> None:
        """Write truth_members.csv and truth_appearances.csv, and what was delivered (`records`)."""
        folder.mkdir(parents=True, exist_ok=True)
        until_s = until_ms / 1000
        visits = [visit for visit in cast.visits.values() if visit.enter_s < until_s]
        _write(
            folder / "truth_members.csv",
            ("person", "reference", "behaviour", "visits_a_week", "uses_wifi", "has_car"),
            (
                (
                    one.number,
                    one.reference,
                    one.behaviour,
                    round(one.visits_a_week, 3),
                    int(one.joins),
                    int(one.plate is not None),
                )
                for one in self.population.members
            ),
        )
        _write(
            folder / "truth_appearances.csv",
            ("shopper", "person", "enter_ms", "leave_ms", "joins_ms", "by_car"),
            (
                (
                    visit.shopper,
                    visit.person,
                    round(visit.enter_s * 1000),
                    round(visit.leave_s * 1000),
                    round(visit.join_s * 1000) if visit.join_s < until_s else "",
                    int(visit.by_car),
                )
                for visit in visits
            ),
        )
        delivery = Records(self.population, key).until(until_ms, self.casting.logins)
        write_records(folder, delivery, self.tills.take(cast))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
