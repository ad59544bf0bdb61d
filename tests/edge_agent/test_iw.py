"""What iw prints is read, from old versions to Wi-Fi 7, and nothing it prints makes the reader fail."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.capture.iw import (
    Station,
    parse_countries,
    parse_info,
    parse_modes,
    parse_stations,
)
from tests.edge_agent import iw_samples as samples

ALL = [text for name, text in vars(samples).items() if name.isupper() and isinstance(text, str)]


def told(text: str) -> list[tuple[str, int, int | None, int | None]]:
    """Read a station dump; give what is said of each."""
    return [(s.address.hex(":"), s.inactive_ms, s.signal_dbm, s.rx_packets) for s in parse_stations(text)]


def test_stations_of_every_version() -> None:
    """Address, time, signal and count are found among the fields that versions and drivers add."""
    assert told(samples.STATIONS_2017) == [
        ("80:a5:89:00:00:01", 8150, -71, 3550),
        ("00:04:20:00:00:02", 20, -64, 8761),
    ]
    assert told(samples.STATIONS_CHAINS) == [("8c:be:be:f5:8f:59", 120, -57, 296)]
    assert told(samples.STATIONS_ACK) == [("00:03:7f:12:df:df", 75, -16, 99)]
    assert told(samples.STATIONS_2024) == [("b4:8b:95:aa:b8:f0", 9752, -33, 113023)]
    assert told("") == []


def test_a_device_of_several_links_is_told_by_each() -> None:
    """A Wi-Fi 7 phone is given with the address its frames carry on each link."""
    assert told(samples.STATIONS_WIFI7) == [
        ("00:03:7f:04:31:78", 330120, -95, 3),
        ("00:03:7f:04:31:79", 81268, None, 12),
    ]


def test_a_station_without_its_last_frame_is_left_out() -> None:
    """Where a driver does not say when a station was heard, nothing is made up."""
    assert told(samples.STATION_TERSE) == []


def test_the_repr_of_a_station_shows_no_address() -> None:
    """A station that ends up in a log tells nobody who it is."""
    (station,) = parse_stations(samples.STATIONS_ACK)
    assert "7f" not in repr(station)


def test_mode_and_channel_of_an_interface() -> None:
    """An interface that is down, or managed and alone, has no channel."""
    monitor = parse_info(samples.INFO_MONITOR)
    assert (monitor.mode, monitor.channel, monitor.frequency_mhz, monitor.phy) == ("monitor", 149, 5745, 0)
    managed = parse_info(samples.INFO_MANAGED)
    assert (managed.mode, managed.channel, managed.phy) == ("managed", 0, None)


def test_modes_of_each_radio() -> None:
    """The list of modes ends where the next section begins."""
    modes = parse_modes(samples.PHY_NO_MONITOR + samples.PHY_MONITOR)
    assert modes["phy0"] == {"IBSS", "managed", "AP", "P2P-client", "P2P-GO", "P2P-device"}
    assert modes["phy1"] == {"IBSS", "managed", "AP", "AP/VLAN", "monitor", "mesh point"}


def test_countries() -> None:
    """The country that holds for all comes first."""
    assert parse_countries(samples.REG_UNSET) == ["00"]
    assert parse_countries(samples.REG_SET) == ["GB", "99"]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a sample with a stretch cut out, and another text in its place."""
    text = draw(st.sampled_from(ALL))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(st.text(max_size=20) | st.sampled_from(ALL)) + text[end:]


@given(damaged() | st.text())
def test_any_text_is_read(text: str) -> None:
    """Whatever a tool prints, the readers give something of the right kind, or nothing."""
    for station in parse_stations(text):
        assert len(station.address) == 6
        assert station.inactive_ms >= 0
    info = parse_info(text)
    assert 0 <= info.channel <= 999
    assert all(len(country) == 2 for country in parse_countries(text))
    assert all(isinstance(modes, frozenset) for modes in parse_modes(text).values())


@given(
    st.lists(
        st.builds(
            Station,
            st.binary(min_size=6, max_size=6),
            st.integers(0, 10**9),
            st.none() | st.integers(-120, -1),
            st.none() | st.integers(0, 10**9),
        ),
        max_size=5,
    )
)
def test_what_is_printed_is_read_back(stations: list[Station]) -> None:
    """Any list of stations, printed as iw prints it, is the same when it is read."""
    lines = []
    for station in stations:
        lines += [
            f"Station {station.address.hex(':')} (on wlan0)",
            f"\tinactive time:\t{station.inactive_ms} ms",
        ]
        if station.rx_packets is not None:
            lines += ["\trx bytes:\t1", f"\trx packets:\t{station.rx_packets}"]
        if station.signal_dbm is not None:
            lines += [f"\tsignal:  \t{station.signal_dbm} [-60, -61] dBm", "\tlast ack signal:-1 dBm"]
    assert parse_stations("\n".join(lines)) == stations
