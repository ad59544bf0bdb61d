"""InfluxDB 2.x: organisation, buckets, DBRP mappings and tokens, with influxdb-client's own API classes.

Source: the HTTP API reference of InfluxDB OSS 2 (docs.influxdata.com/influxdb/v2/api). Where that leaves it
open, its source: tenant/service_bucket.go, dbrp/service.go, and `AuthorizeFindDBRPs` for what a token needs
to read through a mapping, which is the right to read the bucket and no more.
"""

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any

from influxdb_client.domain.authorization_post_request import AuthorizationPostRequest
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.dbrp_create import DBRPCreate
from influxdb_client.domain.onboarding_request import OnboardingRequest
from influxdb_client.domain.patch_bucket_request import PatchBucketRequest
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource
from influxdb_client.domain.post_organization_request import PostOrganizationRequest
from influxdb_client.rest import ApiException
from influxdb_client.service.authorizations_service import AuthorizationsService
from influxdb_client.service.buckets_service import BucketsService
from influxdb_client.service.dbr_ps_service import DBRPsService
from influxdb_client.service.organizations_service import OrganizationsService
from influxdb_client.service.setup_service import SetupService

from contracts.errors import ConfigurationError
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.setup import (
    FOREVER_S,
    RENEW,
    Bucket,
    Plan,
    Role,
    Step,
    Wish,
    logged_in,
    reading_steps,
    retention_step,
)
from gateway.store.influx.setup_logins import Logins, doubtful

_API = "/api/v2"
_PAGE = 100


class SetupV2:
    """What a mall needs of a 2.x; `logins` None = tokens are left as they are."""

    def __init__(self, client: InfluxClient, wish: Wish, logins: Logins | None) -> None:
        """Raises `ConfigurationError` where the address names no organisation."""
        self._client = client
        self._wish = wish
        self._logins = logins
        self._org = organisation(client)
        self._found_org_id: str | None = None
        # influxdb-client tells no types
        influx: Any = client.influx
        self._organisations: Any = influx.organizations_api()
        self._buckets: Any = influx.buckets_api()
        self._tokens: Any = _service(AuthorizationsService, client)
        self._mappings: Any = _service(DBRPsService, client)

    @property
    def _plan(self) -> Plan:
        return self._wish.plan

    def steps(self) -> Iterator[Step]:
        """What is needed, in order."""
        found = "there" if self._org_id() else ""
        yield Step(f"organisation {self._org}", "there", found, self._make_organisation)
        for bucket in self._plan.buckets:
            there = self._bucket(bucket)
            yield retention_step(
                bucket,
                None if there is None else _kept_s(there),
                partial(self._make, bucket),
                partial(self._keep, bucket),
                self._wish,
            )
            yield Step(
                f"mapping {bucket.database}.{bucket.policy}", f"bucket {bucket.name}", self._mapped(bucket),
                partial(self._map, bucket),
            )  # fmt: skip
        if self._logins is not None:
            for role in Role:
                yield from self._token_steps(role, self._logins)

    # Organisation, buckets, mappings

    def _org_id(self) -> str | None:
        if self._found_org_id is None:
            with self._client.explained(f"{_API}/orgs"):
                found = self._organisations.find_organizations(limit=_PAGE)
            self._found_org_id = next((str(org.id) for org in found if org.name == self._org), None)
        return self._found_org_id

    def _make_organisation(self) -> None:
        request = PostOrganizationRequest(name=self._org)  # type: ignore[no-untyped-call]
        with self._client.explained(f"{_API}/orgs"):
            _service(OrganizationsService, self._client).post_orgs(post_organization_request=request)

    def _bucket(self, bucket: Bucket) -> Any:
        if (org_id := self._org_id()) is None:
            return None
        with self._client.explained(f"{_API}/buckets"):
            try:
                found = self._buckets.find_buckets(name=bucket.name, org_id=org_id).buckets
            except ApiException as error:  # where name and organisation are given, none is an error
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                return None
        return next((one for one in found if one.name == bucket.name), None)

    def _make(self, bucket: Bucket) -> None:
        with self._client.explained(f"{_API}/buckets"):
            self._buckets.create_bucket(
                bucket_name=bucket.name, retention_rules=_rules(bucket), org=self._org_id()
            )

    def _keep(self, bucket: Bucket) -> None:
        request = PatchBucketRequest(retention_rules=[_rules(bucket)])  # type: ignore[no-untyped-call]
        with self._client.explained(f"{_API}/buckets"):
            _service(BucketsService, self._client).patch_buckets_id(
                bucket_id=self._bucket(bucket).id, patch_bucket_request=request
            )

    def _explicit(self, bucket: Bucket) -> list[Any]:
        """Mappings that somebody made; virtual ones follow from the name, and yield to these."""
        with self._client.explained(f"{_API}/dbrps"):
            found = self._mappings.get_dbr_ps(
                org_id=self._org_id(), db=bucket.database, rp=bucket.policy
            ).content
        return [one for one in found or () if not one.virtual]

    def _mapped(self, bucket: Bucket) -> str:
        there = self._bucket(bucket)
        mapped = [] if there is None else [one.bucket_id for one in self._explicit(bucket)]
        if not mapped:
            return ""
        return f"bucket {bucket.name}" if mapped == [there.id] else f"bucket with the id {mapped[0]}"

    def _map(self, bucket: Bucket) -> None:
        for wrong in self._explicit(bucket):  # a second mapping of one name is refused
            with self._client.explained(f"{_API}/dbrps"):
                self._mappings.delete_dbrpid(dbrp_id=wrong.id, org_id=self._org_id())
        request = DBRPCreate(  # type: ignore[no-untyped-call]
            org_id=self._org_id(),
            bucket_id=self._bucket(bucket).id,
            database=bucket.database,
            retention_policy=bucket.policy,
            default=bucket == self._plan.of_database(bucket.database)[0],
        )
        with self._client.explained(f"{_API}/dbrps"):
            self._mappings.post_dbrp(dbrp_create=request)

    # Tokens

    def _token_steps(self, role: Role, logins: Logins) -> Iterator[Step]:
        name, token = self._plan.account(role), logins.read(role)
        issued, rights = self._issued(name), self._rights(role)
        right = len(issued) == 1 and {_as_text(one) for one in issued[0].permissions} == rights
        doubt = doubtful(f"token {name}", logins.path(role), there=bool(issued), kept=token is not None)
        if doubt and not self._wish.renew:
            yield doubt
            return
        expected = f"{len(rights)} rights"
        found = (expected if right else "other rights") if issued else ""
        if issued and self._wish.renew:
            found = RENEW
        yield Step(
            f"token {name}", expected, found,
            partial(self._issue, role, logins) if found != "other rights" else None,
            "Make a new one with --renew, and start again who uses it.",
        )  # fmt: skip
        if (token := logins.read(role)) is not None:
            yield from reading_steps(self._plan, role, logged_in(self._client.address, token))

    def _issued(self, name: str) -> list[Any]:
        if (org_id := self._org_id()) is None:
            return []
        with self._client.explained(f"{_API}/authorizations"):
            found = self._tokens.get_authorizations(org_id=org_id).authorizations
        return [one for one in found or () if one.description == name]

    def _rights(self, role: Role) -> set[str]:
        """The least that a process needs: its buckets, and nothing of the server."""
        ids = {bucket.name: there.id for bucket in self._plan.buckets if (there := self._bucket(bucket))}
        actions = ("read", "write") if role is Role.GATEWAY else ("read",)
        return {
            f"{action} buckets/{ids[bucket.name]}"
            for bucket in self._plan.buckets
            if bucket.database in self._plan.may_read(role) and bucket.name in ids
            for action in actions
        }

    def _issue(self, role: Role, logins: Logins) -> None:
        name, org_id = self._plan.account(role), self._org_id()
        old = self._issued(name)
        permissions = []
        for right in sorted(self._rights(role)):
            action, _, bucket_id = right.replace("buckets/", "").partition(" ")
            resource = PermissionResource(type="buckets", id=bucket_id, org_id=org_id)  # type: ignore[no-untyped-call]
            permissions.append(Permission(action=action, resource=resource))  # type: ignore[no-untyped-call]
        request = AuthorizationPostRequest(  # type: ignore[no-untyped-call]
            org_id=org_id, description=name, permissions=permissions
        )
        logins.check()
        with self._client.explained(f"{_API}/authorizations"):
            made = self._tokens.post_authorizations(authorization_post_request=request)
            logins.write(role, str(made.token))
            for one in old:
                self._tokens.delete_authorizations_id(auth_id=one.id)


def first_admin(client: InfluxClient, plan: Plan, token: str, password: str) -> bool:
    """Set up a new server: administrator, organisation, first bucket; tells whether it was new.

    `token` becomes the operator token, `password` that of the user `admin` of its web pages.
    """
    setup = _service(SetupService, client)
    first = plan.buckets[0]
    with client.explained(f"{_API}/setup"):
        if not setup.get_setup().allowed:
            return False
        setup.post_setup(
            onboarding_request=OnboardingRequest(  # type: ignore[no-untyped-call]
                username="admin",
                password=password,
                org=organisation(client),
                bucket=first.name,
                retention_period_seconds=first.seconds,
                token=token,
            )
        )
    return True


def organisation(client: InfluxClient) -> str:
    """The organisation that the address names. Raises `ConfigurationError` where it names none."""
    if not client.address.org:
        raise ConfigurationError(
            f"{client.address}: InfluxDB 2.x keeps everything in an organisation, and the address names none",
            f"Write it behind the database: {client.address}?org=ORG",
        )
    return client.address.org


def _service(kind: Any, client: InfluxClient) -> Any:
    return kind(client.influx.api_client)


def _rules(bucket: Bucket) -> Any:
    return BucketRetentionRules(  # type: ignore[no-untyped-call]
        type="expire", every_seconds=bucket.seconds, shard_group_duration_seconds=bucket.shard_s
    )


def _kept_s(bucket: Any) -> int:
    rules = [int(rule.every_seconds) for rule in bucket.retention_rules or () if rule.type == "expire"]
    return min(rules, default=FOREVER_S)


def _as_text(permission: Any) -> str:
    return f"{permission.action} {permission.resource.type}/{permission.resource.id}"
