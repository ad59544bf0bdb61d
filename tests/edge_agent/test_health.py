"""Health says what the node has heard, and what the machine itself says where it does."""

from pathlib import Path

from contracts.messages import NodeHealth, decode, encode
from edge_agent.health import NodeCounters, Vitals, read_vitals
from tests.edge_agent.helpers import T0_MS, heard


def test_counters_become_a_message() -> None:
    """Frames, observations and refusals add up over blocks; the time is the node's own event time."""
    counters = NodeCounters()
    for second in range(3):
        block = heard(second=second)
        block.frames, block.skipped = 5, {"bad_fcs": 3, "control": 1}
        counters.count(block)
    health = counters.health("n1", uptime_s=12.345, spooled=2, dropped=1, vitals=Vitals(temperature_c=55.5))
    assert decode(encode(health), NodeHealth) == NodeHealth(
        node="n1",
        t_ms=T0_MS + 3000,
        uptime_s=12.3,
        frames=15,
        observations=3,
        skipped={"bad_fcs": 9, "control": 3},
        spooled=2,
        dropped=1,
        temperature_c=55.5,
    )


def test_vitals_are_read_where_they_are(tmp_path: Path) -> None:
    """The hottest working sensor counts; memory and disk are read in bytes."""
    for name, text in (("thermal_zone0", "48312"), ("thermal_zone1", "51000"), ("thermal_zone2", "off")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "temp").write_text(text)
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal: 1000 kB\nMemAvailable:  400 kB\n")
    vitals = read_vitals(tmp_path, thermal=tmp_path, memory=memory)
    assert (vitals.temperature_c, vitals.memory_free_bytes) == (51.0, 409_600)
    assert vitals.disk_free_bytes is not None
    assert vitals.disk_free_bytes > 0


def test_vitals_are_none_where_nothing_says_them(tmp_path: Path) -> None:
    """A machine without sensors is no error."""
    gone = tmp_path / "gone"
    assert read_vitals(gone, thermal=gone, memory=gone) == Vitals(None, None, None)
    gone.write_text("nothing about memory")
    assert read_vitals(tmp_path, thermal=tmp_path, memory=gone).memory_free_bytes is None
