"""What a mall's server is installed from: a compose file and everything that its containers read.

`render` gives it all as a tree of files: broker, InfluxDB, Grafana, the gateway, and one door for people with
TLS in front. `secrets` makes passwords and tokens once, and leaves them alone afterwards.
"""

from firmware_configs.server.logins import SECRETS, make_secrets
from firmware_configs.server.render import Pages, ServerPlan, render_server

__all__ = ["SECRETS", "Pages", "ServerPlan", "make_secrets", "render_server"]
