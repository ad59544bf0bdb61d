"""Who may publish and read what: mosquitto's access list, made from the site file.

Everybody logs in with a certificate, and its name is the user (`use_identity_as_username`). Every node is
written out instead of using mosquitto's patterns (`%u`): a node that is taken out of the site file loses its
rights, and what one may do can be read without knowing patterns.
"""

from collections.abc import Iterator

from contracts.errors import ConfigurationError
from contracts.site import Site
from contracts.topics import ROOT, Topics

GATEWAY = "gateway"
"""The mall's gateway."""
OPERATOR = "operator"
"""Whoever changes the desired configuration of nodes."""
_BROKER = "server"
"""Under this name the broker's own certificate is kept."""


def client_names(site: Site) -> tuple[str, ...]:
    """The names that may log in to the mall's broker: gateway, operator, nodes, readers.

    Raises:
        ConfigurationError: two of them share a name, so that one could speak as the other.

    """
    names = [
        GATEWAY,
        OPERATOR,
        *(node.id for node in site.nodes),
        *_readers(site),
    ]
    twice = sorted({name for name in names if [*names, _BROKER].count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"{', '.join(twice)}: more than one node or reader of the site has this name, or it is one of "
            f"{GATEWAY}, {OPERATOR} and {_BROKER}",
            "The name in a certificate decides what its owner may do: every node and reader needs its own.",
        )
    return tuple(names)


def acl(site: Site) -> str:
    """The text of mosquitto's `acl_file` for a site.

    Raises:
        ConfigurationError: as `client_names`.

    """
    client_names(site)
    topics = Topics(site.mall.id)
    parts = [
        _HEAD.format(mall=site.mall.id),
        _user(GATEWAY, _gateway(topics)),
        _user(OPERATOR, _operator(topics)),
        *(_user(node.id, _node(topics, node.id)) for node in site.nodes),
        *(_user(name, _reader(topics, crm=crm)) for name, crm in _readers(site).items()),
    ]
    return "\n".join(parts)


_HEAD = """\
# Who may do what at the broker of the mall {mall}. Rendered from the site file by `mallsense broker render`:
# change the site file and render again. The user is the name in a certificate; others have no rights.
"""

Rule = tuple[str, str]
"""(`read` or `write`, topic or filter)."""


def _user(name: str, rules: Iterator[Rule]) -> str:
    return "\n".join([f"user {name}", *(f"topic {access} {topic}" for access, topic in rules), ""])


def _node(topics: Topics, node: str) -> Iterator[Rule]:
    """A node publishes as itself alone, and reads what is meant for it."""
    yield "write", topics.observations(node)
    yield "write", topics.health(node)
    yield "write", topics.agent_status(node)
    yield "write", topics.configuration_applied(node)
    yield "write", topics.time_request(node)
    yield "read", topics.configuration(node)
    yield "read", topics.time_answer(node)
    yield "read", topics.stored(node)
    yield "read", topics.gateway_status()
    yield "read", topics.opt_out()
    yield "read", topics.enrolled_plates()
    yield "read", topics.enrolled_devices()


def _gateway(topics: Topics) -> Iterator[Rule]:
    """The gateway reads the whole mall, and publishes what it finds out; it does not speak as a node."""
    yield "read", f"{ROOT}/{topics.mall}/#"
    yield "read", "$SYS/broker/log/#"
    yield "write", topics.gateway_status()
    yield "write", topics.positions("+")
    yield "write", topics.all_events
    yield "write", topics.all_crm_events
    yield "write", topics.opt_out()
    yield "write", topics.enrolled_plates()
    yield "write", topics.enrolled_devices()
    yield "write", topics.time_answer("+")
    yield "write", topics.stored("+")


def _operator(topics: Topics) -> Iterator[Rule]:
    """Whoever configures nodes sees how they are, and writes what they shall do."""
    yield "write", topics.configuration("+")
    yield "read", topics.configuration("+")
    yield "read", topics.configuration_applied("+")
    yield "write", topics.opt_out()
    yield "read", topics.opt_out()
    yield "write", topics.enrolled_plates()
    yield "read", topics.enrolled_plates()
    yield "read", topics.all_health
    yield "read", topics.all_agents


def _readers(site: Site) -> dict[str, bool]:
    """By name, whether a reader may also read events that name members."""
    if site.broker is None:
        return {}
    return dict.fromkeys(site.broker.readers, False) | dict.fromkeys(site.broker.crm_readers, True)


def _reader(topics: Topics, *, crm: bool) -> Iterator[Rule]:
    """A reader gets what the gateway has found out, and nothing of single nodes."""
    if crm:
        yield "read", topics.all_crm_events
    yield "read", topics.all_events
    yield "read", topics.positions("+")
    yield "read", topics.gateway_status()
