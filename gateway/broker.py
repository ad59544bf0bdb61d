"""The embedded MQTT broker: for a demo, a replay or a small mall that runs no broker of its own.

It is rumqttd (inside the package `iotcore`), run as a child process that ends with this one. What it has
taken but not handed on is in its memory alone, so a real site runs mosquitto (docs/operations.md).
"""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from iotcore import Broker

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError, UnavailableError

MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
"""Larger than any batch of `contracts.messages.MAX_BATCH` observations."""

DEFAULT_PORT = 1883

# MQTT 5 wants a listener of its own kind, which only rumqttd's configuration file can describe.
_CONFIGURATION = """
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "{listen}"
next_connection_delay_ms = 1

    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = {payload}
    max_inflight_count = 200
    dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker on the loopback address, for as long as the `with` block lasts."""

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        """Take a port; 0 = any free one."""
        self.address = BrokerAddress("127.0.0.1", port or _free_port())
        self._broker: Broker | None = None

    def start(self) -> Self:
        """Start it and wait until it listens.

        Raises `ConfigurationError` when the port is taken, `UnavailableError` when it does not come up.
        """
        listen = f"{self.address.host}:{self.address.port}"
        descriptor, name = tempfile.mkstemp(prefix="mallsense-broker-", suffix=".toml")
        try:
            os.write(descriptor, _CONFIGURATION.format(listen=listen, payload=MAX_PAYLOAD_BYTES).encode())
            broker = Broker(config_path=name)
            with _without_interrupts():
                broker.start()
        except OSError as error:
            raise ConfigurationError(
                f"port {self.address.port} is in use, so the embedded broker cannot listen there",
                f"If an MQTT broker runs there, use it: --broker mqtt://{listen}."
                " Or choose another port with --broker-port.",
            ) from error
        except RuntimeError as error:
            raise UnavailableError(f"the embedded broker did not start: {error}", "Try again.") from error
        finally:
            os.close(descriptor)
            Path(name).unlink()
        self._broker = broker
        return self

    def stop(self) -> None:
        """Stop it and free the port; what it holds is gone."""
        if self._broker is not None:
            self._broker.stop()
            self._broker = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a child process started inside be deaf to Ctrl-C: this process stops it when it is done itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
