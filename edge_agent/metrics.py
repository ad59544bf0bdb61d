"""A node's health as Prometheus reads it: text over HTTP, made anew with every question."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from contracts.errors import ConfigurationError
from contracts.messages import NodeHealth, RadioHealth, RadioTrouble, Throttling
from contracts.plates import CameraHealth, CameraTrouble

PORT = 9617
_PREFIX = "mallsense_node_"
_COUNTERS = {
    "frames": "Frames captured since the agent started",
    "observations": "Observations made of them",
    "dropped": "Batches given up since the spool was full",
    "clock_steps": "Times that the machine's clock was set",
}
_CAMERA_COUNTERS = {
    "frames": "Pictures that came",
    "replaced": "Pictures nobody looked at, since a newer one was there",
    "still": "Pictures in which nothing moved in any lane",
    "passages": "Cars that were told of",
    "reconnects": "Times that the camera was opened again",
}
_GAUGES = {
    "uptime_s": ("uptime_seconds", "Time since the agent started"),
    "spooled": ("spooled_batches", "Batches that wait for the broker"),
    "spooled_bytes": ("spooled_bytes", "Bytes of the batches that wait for the broker"),
    "temperature_c": ("temperature_celsius", "The hottest sensor"),
    "disk_free_bytes": ("disk_free_bytes", "Free bytes of the disk that holds the spool"),
    "memory_free_bytes": ("memory_available_bytes", "Memory that programs may still have"),
    "clock_offset_ms": ("clock_offset_milliseconds", "What to add to its clock to get the gateway's"),
    "clock_synchronised": ("clock_synchronised", "1 if the clock follows a time server"),
}


@contextmanager
def metrics_server(read: Callable[[], list[NodeHealth]], *, port: int = PORT) -> Iterator[int]:
    """Serve what `read` gives at http://127.0.0.1:PORT/metrics; gives the port, of which 0 takes a free one.

    Raises:
        ConfigurationError: another program has the port.

    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HealthCollector(read))
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"--metrics-port: cannot listen on 127.0.0.1:{port}: {error.strerror}",
            "Another agent may run here; give this one another port, or 0 for none.",
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class HealthCollector(Collector):
    """Makes metrics of the health of nodes."""

    def __init__(self, read: Callable[[], list[NodeHealth]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Give the metrics; what a machine does not say is left out."""
        healths = self._read()
        for field, words in _COUNTERS.items():
            yield _counter(field, words, ["node"], [([h.node], getattr(h, field)) for h in healths])
        for field, (name, words) in _GAUGES.items():
            values = [([h.node], getattr(h, field)) for h in healths]
            yield _gauge(name, words, ["node"], [(who, v) for who, v in values if v is not None])
        yield _counter(
            "frames_skipped",
            "Frames not used, by cause",
            ["node", "cause"],
            [([h.node, cause], count) for h in healths for cause, count in h.skipped.items()],
        )
        yield _gauge(
            "trouble",
            "1 while batches wait, by the reason in words",
            ["node", "reason"],
            [([h.node, h.trouble], 1.0) for h in healths if h.trouble],
        )
        yield from self._throttling(healths)
        yield from self._cameras([(health.node, camera) for health in healths for camera in health.cameras])
        yield from self._radios([(health.node, radio) for health in healths for radio in health.radios])
        versions = InfoMetricFamily(f"{_PREFIX}versions", "Versions of what runs there", labels=["node"])
        for health in healths:
            versions.add_metric([health.node], health.versions)
        yield versions

    def _throttling(self, healths: list[NodeHealth]) -> Iterator[Metric]:
        labels = ["node", "reason"]
        for name, words, field in (
            ("throttling", "1 while the firmware protects the machine, by reason", "throttling"),
            (
                "throttling_since_boot",
                "1 if it had to since it was switched on",
                "throttling_since_boot",
            ),
        ):
            yield _gauge(
                name,
                words,
                labels,
                [
                    ([health.node, reason.value], float(reason in found))
                    for health in healths
                    if (found := getattr(health, field)) is not None
                    for reason in Throttling
                ],
            )

    def _cameras(self, cameras: list[tuple[str, CameraHealth]]) -> Iterator[Metric]:
        labels = ["node", "camera"]
        for field, words in _CAMERA_COUNTERS.items():
            yield _counter(
                f"camera_{field}", words, labels, [([n, c.camera], getattr(c, field)) for n, c in cameras]
            )
        yield _gauge(
            "camera_trouble",
            "1 if this is what is wrong with the camera",
            [*labels, "reason"],
            [([n, c.camera, t.value], float(c.trouble is t)) for n, c in cameras for t in CameraTrouble],
        )

    def _radios(self, radios: list[tuple[str, RadioHealth]]) -> Iterator[Metric]:
        labels = ["node", "interface"]
        yield _counter(
            "radio_frames",
            "Frames captured behind the kernel's filter, by channel",
            [*labels, "channel"],
            [([n, r.interface, channel], count) for n, r in radios for channel, count in r.frames.items()],
        )
        yield _counter(
            "radio_dropped",
            "Frames that the kernel had no room for",
            labels,
            [([n, r.interface], r.dropped) for n, r in radios],
        )
        yield _gauge(
            "radio_channel",
            "The channel it listens on; 0 if not known",
            labels,
            [([n, r.interface], r.channel) for n, r in radios],
        )
        yield _gauge(
            "radio_trouble",
            "1 if this is what is wrong with the radio",
            [*labels, "reason"],
            [([n, r.interface, t.value], float(r.trouble is t)) for n, r in radios for t in RadioTrouble],
        )


_Samples = list[tuple[list[str], float]]


def _counter(name: str, words: str, labels: list[str], samples: _Samples) -> Metric:
    metric = CounterMetricFamily(_PREFIX + name, words, labels=labels)
    for values, count in samples:
        metric.add_metric(values, count)
    return metric


def _gauge(name: str, words: str, labels: list[str], samples: _Samples) -> Metric:
    metric = GaugeMetricFamily(_PREFIX + name, words, labels=labels)
    for values, value in samples:
        metric.add_metric(values, float(value))
    return metric
