"""Is a gateway of this mall there already? The broker knows."""

import threading

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.broker import BrokerAddress
from contracts.errors import MessageError, UnavailableError
from contracts.messages import AgentState, GatewayStatus, decode
from contracts.tls import client_context
from contracts.topics import Topics

ANSWER_S = 2.0
"""How long a broker may take to say what it has retained."""


def gateway_is_online(broker: BrokerAddress, mall: str) -> bool:
    """Tell whether a gateway of this mall is connected to a broker.

    Raises:
        UnavailableError: no broker answers there.

    """
    online, answered = [False], threading.Event()

    def heard(_client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            online[0] = decode(message.payload, GatewayStatus).state == AgentState.ONLINE
        except MessageError:
            return  # somebody else's message: as good as none
        answered.set()

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe(Topics(mall).gateway_status(), qos=1)
    client.on_message = heard
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.tls_set_context(client_context(broker.files))
    try:
        client.connect(broker.host, broker.port)
    except OSError as error:
        raise UnavailableError(
            f"no MQTT broker answers at {broker}: {error.strerror or error}",
            "Start one (`mosquitto`), or leave out --broker to use one that comes with the gateway.",
        ) from error
    client.loop_start()
    answered.wait(ANSWER_S)
    client.disconnect()
    client.loop_stop()
    return online[0]
