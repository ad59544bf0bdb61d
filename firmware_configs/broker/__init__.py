"""What the mall's broker is installed from: its configuration, its access list, and the mall's certificates.

`acl` and `configuration` are pure: a site goes in, the text of a file comes out. `Authority` is the mall's
own certificate authority, in a folder that stays with the facilities team:

    authority = Authority.create(folder, mall="riverside", now=now)  # or .open(folder, mall=...)
    authority.ca_pem  # ca.crt, for every node and the gateway
    issued = authority.client("n01", now=now)  # certificate_pem, key_pem; the same while they are good
    authority.revoke("n01", now=now)  # then render the broker's folder again
"""

from firmware_configs.broker.access import GATEWAY, OPERATOR, acl, client_names
from firmware_configs.broker.authority import Authority
from firmware_configs.broker.certificates import Issued
from firmware_configs.broker.mosquitto import configuration
from firmware_configs.broker.render import render_broker

__all__ = [
    "GATEWAY",
    "OPERATOR",
    "Authority",
    "Issued",
    "acl",
    "client_names",
    "configuration",
    "render_broker",
]
