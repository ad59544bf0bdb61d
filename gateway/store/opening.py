"""Open the store that a gateway is started with; what only an InfluxDB needs is imported only for one."""

from typing import TYPE_CHECKING

from contracts.errors import ConfigurationError
from gateway.store.place import StorePlace
from gateway.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from gateway.store.influx.store import Figures, InfluxStore


def open_store(
    place: StorePlace, mall: str, *, figures: "Figures | None" = None
) -> "SqliteStore | InfluxStore":
    """Open the store of a mall; `figures` makes what an InfluxDB gets besides (see `InfluxStore`).

    Raises `ConfigurationError` when it cannot be used, or a package for it is missing.
    """
    if place.influx is None:
        return SqliteStore(place.file)
    try:
        from gateway.store.influx.client import InfluxClient  # noqa: PLC0415  # an extra
        from gateway.store.influx.store import InfluxStore  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"the store {place.influx} needs the package {error.name}, which is not installed",
            "Install mallsense with its influx extra: pip install 'mallsense[influx]'.",
        ) from error
    return InfluxStore(place.file, InfluxClient(place.influx), mall, figures=figures)
