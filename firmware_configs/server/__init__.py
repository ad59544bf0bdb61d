"""What a mall's server is installed from: a compose file and everything that its containers read.

Broker, InfluxDB, Grafana, the gateway, and one door with TLS for browsers. Passwords and tokens are made on
the server itself, by a script of the folder.
"""

from firmware_configs.server.render import Pages, ServerPlan, render_server

__all__ = ["Pages", "ServerPlan", "render_server"]
