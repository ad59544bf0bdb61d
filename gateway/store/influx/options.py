"""What the commands of `mallsense store` are told alike: which file, which server, which login."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import ConfigurationError
from gateway.store.influx.address import InfluxAddress
from gateway.store.place import find_place

File = Annotated[Path, typer.Argument(help="The file of a gateway's --store; only read.", show_default=False)]
Address = Annotated[
    str,
    typer.Argument(
        help="influx://HOST[:PORT]/DATABASE, influxs:// for TLS; 2.x: ?org=ORG", show_default=False
    ),
]
OneSite = Annotated[
    Path, typer.Option("--site", help="Site file of the mall whose history it is.", show_default=False)
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--store-token-file",
        help="File with the token of the gateway, user:password for 1.x; or set MALLSENSE_STORE_TOKEN.",
        show_default=False,
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option(
        "--store-ca", help="With influxs://: certificate of the server's authority.", show_default=False
    ),
]


def gateways_login(address: str, token_file: Path | None, ca: Path | None) -> InfluxAddress:
    """Give the server that an address names, with the login of a gateway.

    Raises `ConfigurationError` when it is no such address, or what is beside it does not go with it.
    """
    place = find_place(address, token_file=token_file, ca=ca).influx
    if place is None:
        raise ConfigurationError(
            f"{address}: not the address of an InfluxDB", "Write it like influx://127.0.0.1:8086/mall."
        )
    return place
