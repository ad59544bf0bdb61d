"""People as figures show them: devices turned into people, with an interval, unless the group is small."""

from gateway.figures.privacy import Anonymity, Count
from gateway.people import MallPeople


class PeopleFigures:
    """Turns devices into people by the mall's model; the k-anonymity holds for devices and for people."""

    def __init__(self, k: int, model: MallPeople | None = None) -> None:
        self._anonymity = Anonymity(k)
        self._model = model or MallPeople.assumed()

    def present(self, devices: float, variance: float) -> Count:
        """People in the whole mall, where so many devices are expected, with that variance."""
        return self._anonymity.count(*self._model.present.people(devices, variance), devices)

    def part(self, devices: float, variance: float = 0.0) -> Count:
        """People in a part of the mall."""
        return self._anonymity.count(*self._model.present.part(devices, variance), devices)

    def entered(self, devices: float) -> Count:
        """People who came into the mall, where so many devices are new."""
        return self._anonymity.count(*self._model.entered.people(devices, 0.0), devices)

    def expected(self, devices: float) -> float:
        """The expected number of people in a part of the mall, as a fraction: to be hidden by the caller."""
        return self._model.present.part(devices, 0.0)[0]

    def scaled(self, devices: int) -> int | None:
        """What people did, where it was seen of devices; a whole number without interval."""
        return self.part(devices).people
