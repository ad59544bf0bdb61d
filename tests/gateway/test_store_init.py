"""`mallsense store init` against a real InfluxDB 1.x, and against 2.x and 3 as they are documented.

InfluxDB 2 and 3 cannot be run here: `influx_documented` says what stands in for them, and what that shows.
"""

import gzip
import logging
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.influxdb_client import InfluxDBClient
from typer.testing import CliRunner, Result

from contracts.errors import ConfigurationError, UnavailableError
from contracts.site import Retention, dump_site
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.cli import app
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.setup import Bucket, Plan, logged_in, period
from gateway.store.influx.setup_v1 import seconds_of
from tests.gateway.crowd import small_site
from tests.gateway.influx_documented import Influx2, Influx3
from tests.influx import Influxd

POINT = gzip.compress(b"mallsense,mall=small value=1 1700000000000000000")
SELECT = 'SELECT * FROM "{}"."mallsense"'
PERIODS = ("kept 7 d", "kept 90 d", "kept 730 d")


class Init:
    """The command, with its files in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self.admin = folder / "admin"

    def site(self, **days: int) -> str:
        """Write a site file with these periods."""
        path = self.folder / f"{'-'.join(map(str, days.values()))}.yaml"
        site = small_site().model_copy(update={"retention": Retention(**days)})
        path.write_text(dump_site(site), encoding="utf-8")
        return str(path)

    def run(self, address: str, *options: str, sites: tuple[str, ...] = ()) -> Result:
        """Run it with the administrator's login and logins to make."""
        logins = ("--secrets", str(self.secrets), "--admin-token-file", str(self.admin))
        return self.plain(address, *logins, *options, sites=sites)

    def plain(self, address: str, *options: str, sites: tuple[str, ...] = ()) -> Result:
        """Run it as it is."""
        named = [part for path in sites or (self.site(),) for part in ("--site", path)]
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["init", address, *named, *options])

    def login(self, role: str, address: str) -> InfluxClient:
        """Log in as one of the processes."""
        login = (self.secrets / f"influxdb-{role}").read_text(encoding="utf-8").strip()
        return InfluxClient(logged_in(InfluxAddress.parse(address), login))


@pytest.fixture
def init(tmp_path: Path) -> Init:
    """Give the command."""
    return Init(tmp_path)


def may(action: Callable[[], object]) -> bool:
    """Tell whether an InfluxDB lets one do something."""
    try:
        action()
    except ConfigurationError:
        return False
    return True


# InfluxDB 1.x, the real one


@pytest.fixture(scope="module")
def guarded(influxd_factory: Callable[..., Influxd]) -> Influxd:
    """Return an influxd that asks for logins and has no user yet."""
    return influxd_factory(http="auth-enabled = true")


@pytest.fixture(scope="module")
def administrator(guarded: Influxd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set that server up for a first mall; gives the file with its administrator's login."""
    init = Init(tmp_path_factory.mktemp("first"))
    assert init.run(guarded.address("first")).exit_code == 0
    return init.admin


@pytest.fixture
def known(init: Init, administrator: Path) -> Init:
    """Give the command with the administrator's login."""
    init.admin = administrator
    return init


def test_a_new_server_gets_all_it_needs_at_once(guarded: Influxd, known: Init) -> None:
    """The first run makes everything, a check before finds nothing and makes nothing, one after finds all."""
    address = guarded.address("mall")
    before = known.run(address, "--check")
    assert before.exit_code == 1
    assert "nothing" in before.output
    assert not list(known.folder.glob("secrets/*"))
    assert known.run(address).exit_code == 0
    for options in ((), ("--check",)):
        again = known.run(address, *options)
        assert again.exit_code == 0, again.output
        assert {line.split("│")[-2].strip() for line in again.output.splitlines() if "│" in line} == {"ok"}
        assert all(kept in again.output for kept in PERIODS)


def test_a_folder_of_logins_is_of_one_database(guarded: Influxd, known: Init) -> None:
    """Another database's logins are not written over: the gateway that has them could not write any more."""
    known.run(guarded.address("one"))
    before = {file: file.read_text(encoding="utf-8") for file in known.secrets.iterdir()}
    second = known.run(guarded.address("two"))
    assert second.exit_code == 1
    assert "another folder" in second.output
    assert {file: file.read_text(encoding="utf-8") for file in known.secrets.iterdir()} == before


def test_grafana_cannot_read_single_people(guarded: Influxd, known: Init) -> None:
    """Every way to the private database, to writing and to administration is tried, and closed."""
    address = guarded.address("closed")
    known.run(address)
    gateway, grafana = known.login("gateway", address), known.login("grafana", address)
    for bucket in Plan.of(InfluxAddress.parse(address), [Retention()]).buckets:
        now = gzip.compress(b"mallsense,mall=small value=1")
        assert may(lambda b=bucket, body=now: gateway.write(b.database, b.policy, body))  # type: ignore[misc]
        read = SELECT.format(bucket.policy)
        assert gateway.query(read, database=bucket.database)[0].values
        is_figures = bucket.database == "closed_figures"
        assert may(lambda b=bucket, q=read: grafana.query(q, database=b.database)) is is_figures  # type: ignore[misc]
        assert not may(lambda b=bucket: grafana.write(b.database, b.policy, POINT))  # type: ignore[misc]
    for statement in (
        'SELECT * FROM "closed"."raw"."mallsense"',
        'SELECT * INTO "long"."copy" FROM "closed"."raw"."mallsense"',
        'SELECT * INTO "long"."copy" FROM "long"."mallsense"',
        'DROP SERIES FROM "mallsense"',
        'DELETE FROM "mallsense"',
        'DROP MEASUREMENT "mallsense"',
        'DROP DATABASE "closed"',
        'CREATE DATABASE "more"',
        'ALTER RETENTION POLICY "long" ON "closed_figures" DURATION 1d',
        "SHOW USERS",
        'GRANT ALL ON "closed" TO "closed_grafana"',
        "SET PASSWORD FOR \"closed_gateway\" = 'x'",
        'SHOW GRANTS FOR "closed_gateway"',
    ):
        assert not may(lambda q=statement: grafana.command(q, database="closed_figures")), statement  # type: ignore[misc]
    for statement in ('DROP DATABASE "closed"', 'CREATE DATABASE "more"', "SHOW USERS"):
        assert not may(lambda q=statement: gateway.command(q, database="closed")), statement  # type: ignore[misc]


def test_logins_are_for_their_owner_alone(
    guarded: Influxd, known: Init, caplog: pytest.LogCaptureFixture
) -> None:
    """No password is printed, logged or written anywhere but into files that only their owner reads."""
    caplog.set_level(logging.DEBUG)
    said = known.run(guarded.address("quiet")).output + known.run(guarded.address("quiet"), "--renew").output
    files = [known.admin, *known.secrets.iterdir()]
    assert len(files) == 3
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        _, _, password = file.read_text(encoding="utf-8").strip().partition(":")
        assert len(password) > 30
        assert password not in said + caplog.text + guarded.log
    assert stat.S_IMODE(known.secrets.stat().st_mode) == 0o700
    known.admin.chmod(0o644)
    refused = known.run(guarded.address("quiet"))
    known.admin.chmod(0o600)
    assert isinstance(refused.exception, ConfigurationError)
    assert "others may read this login" in refused.exception.message


def test_a_login_is_renewed_when_asked_to(guarded: Influxd, known: Init) -> None:
    """Without its file a login is not replaced silently, since a gateway runs with it; with --renew it is."""
    address = guarded.address("renewed")
    known.run(address)
    old = known.login("gateway", address)
    (known.secrets / "influxdb-gateway").unlink()
    lost = known.run(address)
    assert lost.exit_code == 1
    assert "--renew" in lost.output
    assert may(lambda: old.query("SHOW MEASUREMENTS", database="renewed"))
    assert known.run(address, "--renew").exit_code == 0
    assert not may(lambda: old.query("SHOW MEASUREMENTS", database="renewed"))
    assert may(lambda: known.login("gateway", address).query("SHOW MEASUREMENTS", database="renewed"))


def test_rights_that_somebody_changed_are_found_and_mended(guarded: Influxd, known: Init) -> None:
    """A check tells of rights too many and too few; the next run takes them away and gives them back."""
    address = guarded.address("rights")
    known.run(address)
    login = known.admin.read_text(encoding="utf-8").strip()
    admin = InfluxClient(logged_in(InfluxAddress.parse(address), login))
    admin.command('GRANT READ ON "rights" TO "rights_grafana"')
    admin.command('REVOKE WRITE ON "rights" FROM "rights_gateway"')
    found = known.run(address, "--check")
    assert found.exit_code == 1
    assert sum("differs" in line for line in found.output.splitlines()) == 3  # two rights, what Grafana reads
    assert known.run(address).exit_code == 0
    assert known.run(address, "--check").exit_code == 0


def test_nothing_is_shortened_silently(influxd: Influxd, init: Init) -> None:
    """Of malls that share a database the longest period counts; a shorter one is set with --shorten alone."""
    address = influxd.address("shared")
    short, long = init.site(positions_d=2, visits_d=30), init.site(positions_d=30, visits_d=10)
    assert init.plain(address, sites=(short, long)).exit_code == 0
    both = init.plain(address, "--check", sites=(long, short))
    assert both.exit_code == 0
    one = init.plain(address, sites=(short,))
    assert one.exit_code == 0  # a server's start must not fail of it
    assert "site files of all malls" in one.output
    assert init.plain(address, "--check", sites=(short,)).exit_code == 1
    assert init.plain(address, "--check", sites=(short, long)).exit_code == 0
    assert init.plain(address, "--shorten", sites=(short,)).exit_code == 0
    assert init.plain(address, "--check", sites=(short,)).exit_code == 0
    assert init.plain(address, sites=(short, long)).exit_code == 0  # longer again, without being asked


def test_a_server_without_logins_is_told(influxd: Influxd, init: Init) -> None:
    """Where nobody has to log in, Grafana reads what it must not: this is a difference, with what to do."""
    found = init.plain(influxd.address("open"), "--secrets", str(init.secrets))
    assert found.exit_code == 1
    assert "auth-enabled = true" in found.output


def test_errors_help(guarded: Influxd, init: Init, administrator: Path) -> None:
    """No login, a login without rights, a missing file, no server: what to do about each is said."""
    address = guarded.address("errors")
    nobody = init.plain(address)
    assert isinstance(nobody.exception, ConfigurationError)
    assert "--admin-token-file" in nobody.exception.hint
    late = init.run(address)
    assert isinstance(late.exception, ConfigurationError)
    assert not init.admin.exists()
    assert "holds no login" in late.exception.hint
    nowhere = init.plain("influx://127.0.0.1:1/mall")
    assert isinstance(nowhere.exception, UnavailableError)
    init.run(address, "--admin-token-file", str(administrator))
    without_rights = init.plain(
        guarded.address("fresh"), "--admin-token-file", str(init.secrets / "influxdb-gateway")
    )
    assert isinstance(without_rights.exception, ConfigurationError)
    assert "admin privilege" in without_rights.exception.message
    encrypted = init.plain(address.replace("influx://", "influxs://"))
    assert isinstance(encrypted.exception, ConfigurationError)
    assert "influx:// instead of influxs://" in encrypted.exception.hint
    renewing = init.plain(address, "--renew")
    assert isinstance(renewing.exception, ConfigurationError)


# InfluxDB 2, as documented


@pytest.fixture
def two() -> Iterator[Influx2]:
    """Return a new InfluxDB 2 as it is documented."""
    server = Influx2()
    with server.serve():
        yield server


def test_a_new_2x_is_set_up(two: Influx2, init: Init) -> None:
    """Operator, organisation, buckets with their periods, mappings, tokens with the least rights; once."""
    address = f"influx://127.0.0.1:{two.port}/mall?org=group"
    made = init.run(address)
    assert made.exit_code == 0, made.output
    periods = {one["name"]: one["retentionRules"][0]["everySeconds"] // 86_400 for one in two.buckets}
    assert periods == {
        "mall/raw": 7, "mall/visits": 90, "mall/rollups": 730,
        "mall_figures/live": 7, "mall_figures/long": 730,
    }  # fmt: skip
    names = {one["id"]: one["name"] for one in two.buckets}
    assert {
        (f"{one['database']}/{one['retention_policy']}", names[one["bucketID"]]) for one in two.mappings
    } == {(name, name) for name in periods}
    rights = {
        one["description"]: {
            (right["action"], names[right["resource"]["id"]]) for right in one["permissions"]
        }
        for one in two.tokens
    }
    assert rights["mall_grafana"] == {("read", "mall_figures/live"), ("read", "mall_figures/long")}
    assert rights["mall_gateway"] == {(action, name) for action in ("read", "write") for name in periods}
    before = (list(two.buckets), list(two.mappings), list(two.tokens))
    assert init.run(address).exit_code == 0
    two.asked.clear()
    assert init.run(address, "--check").exit_code == 0
    assert {asked.partition(" ")[0] for asked in two.asked} == {"GET"}
    assert (two.buckets, two.mappings, two.tokens) == before
    assert (init.folder / "admin-password").read_text(encoding="utf-8").strip()
    assert init.admin.read_text(encoding="utf-8").strip() == two.operator


def test_what_differs_in_a_2x_is_told_and_mended(two: Influx2, init: Init) -> None:
    """Periods, mappings and rights that are others are told; the next run mends what it is asked to."""
    address = f"influx://127.0.0.1:{two.port}/mall?org=group"
    init.run(address)
    two.buckets[0]["retentionRules"][0]["everySeconds"] = 86_400
    two.buckets[1]["retentionRules"] = []
    two.mappings.pop(0)
    two.mappings[0]["bucketID"] = two.buckets[0]["id"]
    two.tokens[1]["permissions"].append(two.tokens[0]["permissions"][0])
    found = init.run(address, "--check")
    assert found.exit_code == 1
    assert "kept forever" in found.output
    assert "other rights" in found.output
    assert sum(word in line for line in found.output.splitlines() for word in ("differs", "missing")) == 6
    assert init.run(address, "--shorten", "--renew").exit_code == 0
    assert init.run(address, "--check").exit_code == 0
    assert len(two.tokens) == 2  # the old ones have ended


def test_organisations_do_not_share(two: Influx2, init: Init) -> None:
    """A second organisation is made with buckets, mappings and tokens of its own, of the same names."""
    init.run(f"influx://127.0.0.1:{two.port}/mall?org=group")
    other = Init(init.folder / "other")
    other.folder.mkdir()
    other.admin = init.admin
    assert other.run(f"influx://127.0.0.1:{two.port}/mall?org=second", "--check").exit_code == 1
    assert other.run(f"influx://127.0.0.1:{two.port}/mall?org=second").exit_code == 0
    assert [org["name"] for org in two.orgs] == ["group", "second"]
    assert (len(two.buckets), len(two.mappings), len(two.tokens)) == (10, 10, 4)
    (other.secrets / "influxdb-gateway").unlink()
    lost = other.run(f"influx://127.0.0.1:{two.port}/mall?org=second")
    assert (lost.exit_code, "--renew" in lost.output) == (1, True)


def test_the_official_client_sees_what_was_made(two: Influx2, init: Init) -> None:
    """influxdb-client reads the same organisation, bucket and tokens from the documented server."""
    init.run(f"influx://127.0.0.1:{two.port}/mall?org=group")
    with InfluxDBClient(f"http://127.0.0.1:{two.port}", token=two.operator, org="group") as client:
        bucket = client.buckets_api().find_bucket_by_name("mall_figures/long")
        assert bucket.retention_rules[0].every_seconds == 730 * 86_400
        assert [org.name for org in client.organizations_api().find_organizations()] == ["group"]
        issued = client.authorizations_api().find_authorizations()
        assert {one.description for one in issued} == {"mall_gateway", "mall_grafana"}


def test_a_2x_needs_an_organisation(two: Influx2, init: Init) -> None:
    """An address without one is refused, with the address to write."""
    refused = init.run(f"influx://127.0.0.1:{two.port}/mall")
    assert isinstance(refused.exception, ConfigurationError)
    assert "holds no login" in refused.exception.hint or "?org=ORG" in refused.exception.hint
    assert "organisation" in refused.exception.message


# InfluxDB 3, as documented


def test_a_new_3_enterprise_is_set_up(init: Init) -> None:
    """Operator token, databases with their periods, tokens with the least rights; once."""
    with (server := Influx3("Enterprise")).serve() as host:
        address = f"influx://{host}/mall"
        made = init.run(address)
        assert made.exit_code == 0, made.output
        assert server.databases == {
            "mall/raw": 7, "mall/visits": 90, "mall/rollups": 730,
            "mall_figures/live": 7, "mall_figures/long": 730,
        }  # fmt: skip
        (permission,) = server.tokens["mall_grafana"]["permissions"]
        assert permission["resource_names"] == ["mall_figures/live", "mall_figures/long"]
        assert permission["actions"] == ["read"]
        server.databases["mall/raw"] = 3
        assert init.run(address, "--check").exit_code == 1
        assert init.run(address, "--renew").exit_code == 0
        assert init.run(address, "--check").exit_code == 0
        assert len(server.tokens) == 3


def test_core_has_no_token_for_grafana(init: Init) -> None:
    """Core's tokens read everything: Grafana gets none, and this is a difference with what to do instead."""
    with (server := Influx3("Core")).serve() as host:
        made = init.run(f"influx://{host}/mall")
        assert made.exit_code == 1
        assert "no such tokens in InfluxDB 3 Core" in made.output
        assert set(server.tokens) == {"_admin", "mall_gateway"}
        assert not (init.secrets / "influxdb-grafana").exists()
        second = init.run(f"influx://{host}/second")
        assert isinstance(second.exception, (ConfigurationError, UnavailableError))
        assert "limit of 5" in second.exception.message


def test_a_3_with_an_administrator_wants_its_token(init: Init) -> None:
    """A server that was set up before gives no second operator token: where to put the first one is said."""
    with Influx3().serve() as host:
        init.run(f"influx://{host}/mall")
        init.admin.unlink()
        refused = init.run(f"influx://{host}/mall")
        assert isinstance(refused.exception, ConfigurationError)
        assert "holds no login" in refused.exception.hint
        assert not init.admin.exists()


@pytest.mark.parametrize("build", ["Core", "Enterprise"])
def test_a_lost_token_of_a_3_is_renewed_when_asked_to(init: Init, build: str) -> None:
    """A token whose file is missing, and a file whose token is missing, are told; --renew mends both."""
    with (server := Influx3(build)).serve() as host:
        address = f"influx://{host}/mall"
        init.run(address)
        file = init.secrets / "influxdb-gateway"
        token = file.read_text(encoding="utf-8")
        file.unlink()
        lost = init.run(address)
        assert (lost.exit_code, "--renew" in lost.output) == (1, True)
        file.write_text(token, encoding="utf-8")
        file.chmod(0o600)
        del server.tokens["mall_gateway"]
        strange = init.run(address)
        assert (strange.exit_code, "another database" in strange.output) == (1, True)
        init.run(address, "--renew")
        assert file.read_text(encoding="utf-8").strip() == server.tokens["mall_gateway"]["token"]


def test_what_a_3_cannot_do_is_told(init: Init) -> None:
    """A release that takes no slash in names, and one that changes no period: what to do instead is said."""
    with Influx3(slash=False).serve() as host:
        old = init.run(f"influx://{host}/mall")
        assert isinstance(old.exception, ConfigurationError)
        assert "too old" in old.exception.hint
    init.admin.unlink()
    with (server := Influx3(changes=False)).serve() as host:
        address = f"influx://{host}/mall"
        init.run(address)
        server.databases["mall/raw"] = None
        forever = init.run(address, "--check")
        assert "kept forever" in forever.output
        server.databases["mall/raw"] = 1
        fixed = init.run(address)
        assert isinstance(fixed.exception, ConfigurationError)
        assert "another DATABASE" in fixed.exception.hint


# What is the same for all


@given(st.integers(1, 100_000))
def test_periods_are_read_as_they_were_written(days: int) -> None:
    """Whatever period a bucket has, Go's way to write it is read back, and its shards fit into it."""
    bucket = Bucket("mall", "raw", days)
    assert seconds_of(f"{days * 24}h0m0s") == bucket.seconds
    assert bucket.shard_s <= bucket.seconds
    assert period(bucket.seconds) == f"kept {days} d"


def test_a_duration_that_is_none_is_refused() -> None:
    """Words that Go does not write are no durations."""
    assert seconds_of("1h30m0.5s") == 5400
    for text in ("", "7", "d", "7d", "1h 2m"):
        with pytest.raises(ValueError, match="no duration"):
            seconds_of(text)
