"""The broker's configuration: TLS alone, everybody by certificate, nothing lost."""

from pathlib import PurePosixPath

from contracts.errors import ConfigurationError
from contracts.site import Broker, Site

INSTALLED = PurePosixPath("/etc/mosquitto/mallsense")
"""Where the rendered folder is copied to on the broker."""
PERSISTENCE = PurePosixPath("/var/lib/mosquitto")
"""Where Debian's mosquitto keeps what has to survive it."""
MAX_PACKET_BYTES = 4 * 1024 * 1024
"""Twice the largest batch of observations; a client that sends more is disconnected."""


def broker_of(site: Site) -> Broker:
    """The site's broker. Raises `ConfigurationError` where the site file names none."""
    if site.broker is None:
        raise ConfigurationError(
            "the site file does not say where the broker is",
            "Add `broker: {host: NAME}` to it: the name or address under which the nodes reach it.",
        )
    return site.broker


def configuration(
    site: Site,
    *,
    installed: PurePosixPath = INSTALLED,
    persistence: PurePosixPath = PERSISTENCE,
) -> str:
    """The text of mosquitto.conf for a site, whose other files will lie in the folder `installed`.

    Raises:
        ConfigurationError: the site file names no broker.

    """
    return _TEMPLATE.format(
        mall=site.mall.id,
        port=broker_of(site).port,
        installed=installed,
        persistence=persistence,
        max_packet_bytes=MAX_PACKET_BYTES,
    )


_TEMPLATE = """\
# The broker of the mall {mall}: mosquitto 2. Rendered from the site file by `mallsense broker render`:
# change the site file and render again. Why each line is there: docs/securing-the-broker.md.

# TLS 1.2 or newer, and nobody without a certificate of the mall that has not been revoked.
listener {port}
tls_version tlsv1.2
cafile {installed}/ca.crt
certfile {installed}/server.crt
keyfile {installed}/server.key
crlfile {installed}/revoked.pem
require_certificate true

# The name in the certificate is the user and the client id: nobody speaks as another, or pushes another out.
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {installed}/acl

# What the gateway has not taken yet waits here, also through a power cut (docs/operations.md).
persistence true
persistence_location {persistence}/
autosave_on_changes true
autosave_interval 1
# As good as no limit; 0 means none, too, but then mosquitto 2.0.11 disconnects whoever is refused a message.
max_queued_messages 1000000000
max_inflight_messages 0
persistent_client_expiration 14d

# A client that sends more at once is disconnected.
max_packet_size {max_packet_bytes}

# The gateway reads the log over MQTT and counts who was refused.
log_dest stderr
log_dest topic
log_type error
log_type warning
log_type notice
connection_messages true
"""
