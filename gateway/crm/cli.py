"""`mallsense crm`: what the CRM team does at a command line, over HTTP at a running gateway.

Other parts of the CRM add their commands to `app` in modules of their own, imported at the end.
"""

import os
from typing import Annotated, Any

import typer

from gateway.asking import ask

TOKEN = "MALLSENSE_CRM_TOKEN"  # noqa: S105  # the variable's name
HERE = "http://127.0.0.1:8000"

app = typer.Typer(no_args_is_help=True, help="Members who agreed: consent, what is held, erasure.")

Url = Annotated[str, typer.Option(help=f"A gateway's address; {TOKEN} is sent to it.")]


def ask_crm(url: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """Ask the CRM of the gateway at `url` (`path` is below /api/v1/crm/); gives its answer.

    `more` is for `gateway.asking.ask`.

    Raises `UnavailableError` when nobody answers there, `ConfigurationError` when it refuses.
    """
    return ask(url, os.environ.get(TOKEN), method, f"crm/{path}", body, **more)


from gateway.crm.consent import cli as _consent  # noqa: E402, F401  # adds its commands
from gateway.crm.delivery import cli as _delivery  # noqa: E402, F401
from gateway.crm.figures import cli as _figures  # noqa: E402, F401
from gateway.crm.identity import cli as _identity  # noqa: E402, F401
from gateway.crm.members import cli as _members  # noqa: E402, F401
