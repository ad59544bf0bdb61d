"""The fixtures that other tests lean on do what they say."""

from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser

from tests.support import Mosquitto, listens, wait_until


def test_broker_keeps_its_port_over_a_kill(mosquitto_factory: Callable[..., Mosquitto]) -> None:
    """A broker that is killed and started again keeps its retained messages and its port."""
    broker = mosquitto_factory(persistence=True)
    _publish(broker, "mallsense/kept", b"yes")
    wait_until(lambda: broker.database.exists() and b"mallsense/kept" in broker.database.read_bytes())
    broker.kill()
    assert not listens(broker.port)
    broker.start()
    assert _retained(broker, "mallsense/kept") == b"yes"


def test_browser_shows_a_page(browser: Browser) -> None:
    """The browser runs scripts and lays out a page."""
    page = browser.new_page()
    page.set_content("<p id='x'></p><script>x.textContent = 6 * 7</script>")
    assert page.inner_text("#x") == "42"


def _publish(broker: Mosquitto, topic: str, payload: bytes) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def _retained(broker: Mosquitto, topic: str) -> bytes:
    heard: list[bytes] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    client.connect(broker.host, broker.port)
    client.subscribe(topic)
    client.loop_start()
    wait_until(lambda: heard)
    client.disconnect()
    client.loop_stop()
    return heard[0]
