"""How the agent that runs here is, by its own word: its metrics on 127.0.0.1."""

import urllib.error
import urllib.request
from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from contracts.messages import RadioTrouble
from edge_agent.capture.troubles import WORDS
from edge_agent.checks.finding import Finding, Place, ok, problem

_TIMEOUT_S = 5.0
_MANY_WAITING = 60
_OFF_MS = 1_000.0
"""As in the gateway's advice: what is heard a second off does not fit what the neighbours hear."""
_PREFIX = "mallsense_node_"

Sample = tuple[str, dict[str, str], float]


def ask_agent(place: Place) -> list[Sample] | None:
    """Read the metrics of the agent that runs here; None where none answers, or it is another node's."""
    if not place.metrics_port:
        return None
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{place.metrics_port}/metrics", timeout=_TIMEOUT_S
        ) as answer:
            text = answer.read().decode(errors="replace")
        samples = [
            (sample.name.removeprefix(_PREFIX), dict(sample.labels), float(sample.value))
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]
    except (OSError, urllib.error.URLError, ValueError):
        return None
    mine = [sample for sample in samples if sample[1].get("node") == place.node_id]
    return mine or None


def check_agent(place: Place) -> Iterator[Finding]:
    """Ask the agent how it is: whether it runs, what its radios hear, what waits, what was lost."""
    samples = ask_agent(place)
    if samples is None:
        yield problem(
            "agent",
            "No agent of this node answers here: nothing is heard.",
            "Start it: sudo systemctl start mallsense-edge; then see: sudo journalctl -u mallsense-edge -e",
        )
        return
    values = {name: value for name, labels, value in samples if set(labels) == {"node"}}
    up_s, observations = values.get("uptime_seconds", 0.0), values.get("observations_total", 0.0)
    yield ok("agent", f"Runs since {up_s / 3600:.1f} hours; {observations:,.0f} observations so far.")
    offset_ms = values.get("clock_offset_milliseconds")
    if offset_ms is not None and abs(offset_ms) > _OFF_MS:
        yield problem(
            "clock of the mall",
            f"This node's clock is {abs(offset_ms) / 1000:.1f} s {'behind' if offset_ms > 0 else 'ahead of'}"
            " the gateway's: what it hears does not fit what its neighbours hear.",
            "Let node and gateway ask the same time server; see `timedatectl` on both.",
        )
    yield from _radios(samples)
    yield from _way_out(samples, values)


def _radios(samples: list[Sample]) -> Iterator[Finding]:
    ill = {
        labels["interface"]: labels["reason"]
        for name, labels, value in samples
        if name == "radio_trouble" and value
    }
    for name, labels, channel in samples:
        if name != "radio_channel":
            continue
        interface = labels["interface"]
        about = f"hearing {interface}"
        if interface in ill:
            what, todo = WORDS[RadioTrouble(ill[interface])]
            yield problem(about, f"The agent says: {interface} {what}.", todo)
        else:
            heard = sum(
                v for n, ls, v in samples if n == "radio_frames_total" and ls["interface"] == interface
            )
            yield ok(about, f"On channel {channel:.0f}; {heard:,.0f} frames of phones so far.")
    lost = sum(value for name, _, value in samples if name == "radio_dropped_total")
    if lost:
        yield problem(
            "hearing",
            f"The kernel had no room for {lost:,.0f} frames: the machine is too slow for what is on the air.",
            "See with `top` what else runs; give each radio one channel; use a faster machine.",
        )


def _way_out(samples: list[Sample], values: dict[str, float]) -> Iterator[Finding]:
    waiting, dropped = values.get("spooled_batches", 0.0), values.get("dropped_total", 0.0)
    reasons = [labels["reason"] for name, labels, value in samples if name == "trouble" and value]
    if dropped:
        yield problem(
            "sending",
            f"{dropped:,.0f} batches were given up, since nobody took them until the spool was full.",
            "Mend the way to the broker; what was given up is lost.",
        )
    if reasons:
        yield problem(
            "sending", f"{waiting:,.0f} batches wait: {reasons[0]}.", "See the lines about the broker."
        )
    elif waiting > _MANY_WAITING:
        yield ok("sending", f"{waiting:,.0f} batches wait and are being sent.")
    else:
        yield ok("sending", "What is heard arrives.")
