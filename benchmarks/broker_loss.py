"""What mosquitto loses of what it has acknowledged when it is killed: `python benchmarks/broker_loss.py`.

A publisher sends numbered messages at QoS 1 to a mosquitto with persistence as docs/operations.md sets it; a
subscriber with a session of its own is away, so everything waits in the broker. It is killed (-9) at a random
moment under load and started again; the subscriber comes back. Printed: kills, kills with a loss, messages
acknowledged and lost. No part of mallsense is involved: it is what the chain behind the broker has to bear.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import Mosquitto, find_program  # noqa: E402

SETTINGS = "max_queued_messages 0\nmax_inflight_messages 0"
TOPIC = "numbers"
PAYLOAD = bytes(8_000)
"""As large as a batch of a busy second."""


def client(broker: Mosquitto, name: str) -> mqtt.Client:
    """Connect with a session that outlives the connection."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    made = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    made.connect(broker.host, broker.port, clean_start=False, properties=properties)
    return made


def collect(broker: Mosquitto, *, quiet_s: float = 1.0) -> set[int]:
    """Return the numbers that the subscriber is given until nothing comes any more."""
    found: set[int] = set()
    last_s = [time.monotonic()]

    def take(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        found.add(int(message.payload[:12]))
        last_s[0] = time.monotonic()

    subscriber = client(broker, "subscriber")
    subscriber.on_message = take
    subscriber.subscribe(TOPIC, 1)
    subscriber.loop_start()
    while time.monotonic() - last_s[0] < quiet_s:
        time.sleep(0.05)
    subscriber.disconnect()
    subscriber.loop_stop()
    return found


def kill_once(broker: Mosquitto, first: int, rate_hz: float, after_s: float) -> set[int]:
    """Publish from number `first` on until the broker is killed; return what it acknowledged."""
    mids: dict[int, int] = {}
    acked: set[int] = set()
    lock = threading.Lock()
    early: set[int] = set()

    def taken(_c: mqtt.Client, _d: Any, mid: int, _reason: Any, _p: Any) -> None:
        with lock:
            if mid in mids:
                acked.add(mids.pop(mid))
            else:
                early.add(mid)

    publisher = client(broker, f"publisher-{first}")
    publisher.on_publish = taken
    publisher.loop_start()
    killer = threading.Timer(after_s, broker.kill)
    killer.start()
    number = first
    while killer.is_alive():
        info = publisher.publish(TOPIC, b"%012d" % number + PAYLOAD, qos=1)
        with lock:
            if info.mid in early:
                acked.add(number)
            else:
                mids[info.mid] = number
        number += 1
        time.sleep(1.0 / rate_hz)
    time.sleep(0.1)
    publisher.loop_stop()
    return acked


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=30)
    parser.add_argument("--rate", type=float, default=200.0, help="messages a second")
    args = parser.parse_args()
    program = find_program("mosquitto")
    if program is None:
        sys.exit("mosquitto is not installed")
    draw = random.Random(1)
    acknowledged = lost = bad = 0
    folder = Path(tempfile.mkdtemp(prefix="mallsense-broker-"))
    try:
        broker = Mosquitto(program, folder, persistence=True, settings=SETTINGS).start()
        collect(broker, quiet_s=0.3)
        for number in range(args.tries):
            acked = kill_once(broker, number * 1_000_000, args.rate, draw.uniform(1.0, 4.0))
            broker.start()
            missing = acked - collect(broker)
            acknowledged, lost, bad = acknowledged + len(acked), lost + len(missing), bad + bool(missing)
            print(
                f"{number + 1} kills, {bad} with a loss, {acknowledged} acknowledged, {lost} lost", flush=True
            )
        broker.stop()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
