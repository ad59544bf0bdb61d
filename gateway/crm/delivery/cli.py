"""`mallsense crm webhooks` and `mallsense crm listen`: who is sent the feed, and a receiver to try it."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import ConfigurationError
from gateway.crm.cli import HERE, Url, app, ask_crm

webhooks = typer.Typer(no_args_is_help=True, help="Who is sent the events of members and zones, signed.")
app.add_typer(webhooks, name="webhooks")

Name = Annotated[str, typer.Argument(help="What the webhook is called.")]
Zone = Annotated[list[str] | None, typer.Option(help="Only this zone; may be repeated.")]
Kind = Annotated[list[str] | None, typer.Option(help="Only this kind of event; may be repeated.")]
Segment = Annotated[
    list[str] | None, typer.Option(help="Only members of this segment, tier or tag; may be repeated.")
]
Private = Annotated[
    bool, typer.Option("--private", help="It is in the mall's own network; http is allowed there.")
]


@webhooks.command()
def add(
    name: Name,
    target: Annotated[str, typer.Argument(metavar="URL", help="Where to send: https://...")],
    *,
    zone: Zone = None,
    kind: Kind = None,
    segment: Segment = None,
    private: Private = False,
    since: Annotated[
        str | None, typer.Option(help="Begin with what happened since, like 2026-11-11T10:00+08:00.")
    ] = None,
    url: Url = HERE,
) -> None:
    """Add a webhook. Its secret is shown this once."""
    asked: dict[str, Any] = {"subscriber": name, "url": target, "private": private}
    asked |= {
        key: words
        for key, words in (("zones", zone), ("kinds", kind), ("segments", segment))
        if words is not None
    }
    if since is not None:
        asked["since_ms"] = moment(since, "--since")
    made = ask_crm(url, "POST", "webhooks", asked)
    typer.echo(f"added {name}; its secret is shown this once:\n{made['secret']}")
    typer.echo(f"Try it with: mallsense crm webhooks test {name}")


@webhooks.command(name="list")
def show(url: Url = HERE) -> None:
    """Show all webhooks, and how they are."""
    found = ask_crm(url, "GET", "webhooks")
    if not found:
        typer.echo("no webhooks; add one with: mallsense crm webhooks add NAME URL")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("name", "state", "waiting", "dead", "last taken"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("waiting", "dead") else "left")
    for heading in ("events", "url", "problem"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(
            one["subscriber"],
            one["state"],
            str(one["waiting"]),
            str(one["dead"]),
            "never" if one["last_ok_ms"] is None else _shown(one["last_ok_ms"]),
            _filters(one),
            one["url"],
            one["last_error"] or "",
        )
    Console(highlight=False).print(table)


@webhooks.command()
def remove(name: Name, url: Url = HERE) -> None:
    """Remove a webhook, with what waits for it and its dead letters."""
    _ask(url, "DELETE", name)
    typer.echo(f"removed {name}")


@webhooks.command()
def pause(name: Name, url: Url = HERE) -> None:
    """Send nothing for now. Events wait for three days, and are dead letters then."""
    _ask(url, "PATCH", name, {"paused": True})
    typer.echo(f"{name} is paused; what happens waits for three days")


@webhooks.command()
def resume(name: Name, url: Url = HERE) -> None:
    """Send again what waits."""
    row = _ask(url, "PATCH", name, {"paused": False})
    typer.echo(f"{name} is sent events again; {row['waiting']} wait")


@webhooks.command()
def secret(name: Name, url: Url = HERE) -> None:
    """Make a new secret, shown this once. The one before signs beside it for a day."""
    made = _ask(url, "POST", name, {}, "/secret")
    typer.echo(made["secret"])
    typer.echo(f"The secret before is valid until {_shown(made['old_until_ms'])}: change the receiver.")


@webhooks.command(name="test")
def try_out(name: Name, url: Url = HERE) -> None:
    """Send a test event now, and show what the receiver answers."""
    answer = _ask(url, "POST", name, {}, "/test", timeout_s=40)
    if not answer["ok"]:
        raise ConfigurationError(
            f"{name} did not take the test event: {answer['reason']} (after {answer['took_ms']} ms)",
            "It needs a certificate that the gateway's system trusts; of an authority of your own, start the"
            " gateway with SSL_CERT_FILE."
            if "certificate" in answer["reason"]
            else "It has to answer 2xx within 15 seconds.",
        )
    typer.echo(f"{name} took the test event in {answer['took_ms']} ms")


@webhooks.command()
def replay(
    name: Name,
    *,
    event: Annotated[str | None, typer.Option(help="Only the event of this id.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters that are still kept.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Everything that happened since, like 2026-11-11T10:00+08:00.")
    ] = None,
    url: Url = HERE,
) -> None:
    """Send events again: one, all dead letters, or everything since a moment."""
    chosen: list[dict[str, Any]] = []
    if event is not None:
        chosen.append({"event": event})
    if dead:
        chosen.append({"dead": True})
    if since is not None:
        chosen.append({"from_ms": moment(since, "--since")})
    if len(chosen) != 1:
        raise ConfigurationError("give one of --event ID, --dead and --since MOMENT")
    found = _ask(url, "POST", name, chosen[0], "/replay")
    if not found["events"]:
        typer.echo(f"nothing is sent: of what {name} asks for, nothing like that is kept")
        return
    typer.echo(f"{found['events']} events are sent to {name} again, those that it asks for")


@webhooks.command()
def dead(
    name: Name,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 100,
    url: Url = HERE,
) -> None:
    """Show what could not be delivered in three days, and why."""
    found = _ask(url, "GET", name, None, "/dead", query=[("limit", str(limit))])
    if not found["dead"]:
        typer.echo(f"no dead letters for {name}")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("event", "kind", "zone", "happened", "given up", "tries", "why"):
        table.add_column(heading, no_wrap=heading != "why", overflow="fold")
    for one in found["dead"]:
        table.add_row(
            f"{one['id']}.{one['revision']}",
            one["kind"],
            one["zone"],
            _shown(one["t_ms"]),
            _shown(one["dead_ms"]),
            str(one["attempts"]),
            one["reason"] if one["kept"] else f"{one['reason']} (cannot be sent again)",
        )
    Console(highlight=False).print(table)


@app.command()
def listen(
    *,
    secret: Annotated[
        str, typer.Option(help="The webhook's secret, whsec_...", envvar="MALLSENSE_WEBHOOK_SECRET")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any.")] = 9000,
) -> None:
    """Receive webhooks here: check their signatures, and print each event as a line of JSON.

    For those who write a receiver. Ctrl-C ends it.
    """
    try:
        from gateway.crm.delivery.listening import Listener  # noqa: PLC0415  # needs the extra crm
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"a package is not installed: {error.name}", "Install it with: pip install 'mallsense[crm]'"
        ) from error

    def take(_name: str, body: bytes) -> None:
        print(json.dumps(json.loads(body), ensure_ascii=False), flush=True)

    with Listener(secret, host, port, take) as listener:
        here = f"http://{host}:{listener.server_port}/"
        typer.echo(f"listening at {here}: mallsense crm webhooks add NAME {here} --private", err=True)
        try:
            listener.serve_forever()
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def moment(text: str, option: str) -> int:
    """Return the epoch milliseconds of a moment with its offset from UTC.

    Raises `ConfigurationError` for anything else.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigurationError(
            f"{option}: expected a moment, found {text!r}", "Write it like 2026-11-11T10:00+08:00."
        ) from error
    if found.tzinfo is None:
        raise ConfigurationError(
            f"{option}: {text!r} does not say in which time zone", "Write it like 2026-11-11T10:00+08:00."
        )
    return round(found.timestamp() * 1000)


def _ask(url: str, method: str, name: str, body: Any = None, rest: str = "", **more: Any) -> Any:
    return ask_crm(url, method, f"webhooks/{name}{rest}", body, **more)


def _filters(one: dict[str, Any]) -> str:
    parts = [", ".join(one[key]) for key in ("zones", "kinds", "segments") if one[key] is not None]
    return "; ".join(parts) or "all"


def _shown(t_ms: int) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
