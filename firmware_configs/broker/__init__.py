"""What the mall's broker is installed from: its configuration, who may do what, and the mall's certificates.

`acl` and `configuration` are pure: a site goes in, the text of a file comes out. `Authority` is the mall's own
certificate authority, a folder that stays with the facilities team:

    authority = Authority.create(folder, mall="riverside", now=now)     # or .open(folder)
    authority.ca_pem                                    # every node and the gateway need it
    issued = authority.client("n01", now=now)           # Issued(certificate_pem, key_pem, ...): kept while it is good
    authority.revoke("n01", now=now)                    # and render the broker's folder again
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
