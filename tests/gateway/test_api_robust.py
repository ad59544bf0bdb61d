"""Requests made from the OpenAPI document, right ones and wrong ones: none is a server error.

More of them: `ROBUST_EXAMPLES=200 pytest tests/gateway/test_api_robust.py`.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok

from contracts.site import Crm
from gateway.auth import Credentials
from gateway.runtime import Gateway, Settings
from tests.gateway.crm_feed import put_many
from tests.gateway.parked import site_with_car_park

EXAMPLES = int(os.environ.get("ROBUST_EXAMPLES", "1"))
TOKEN, CRM_TOKEN = "a-token-of-the-console-0123456789", "a-token-of-the-crm-0123456789"
NOT_READY = 503
"""Says that nothing has been heard yet, and when to come again."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway of a mall with a car park and a CRM, all of whose interface is open to a login."""
    site = site_with_car_park().model_copy(update={"crm": Crm()})
    made = Settings(
        site=site, store=tmp_path_factory.mktemp("robust") / "store.db", broker_port=0, port=0,
        credentials=Credentials("correct horse", TOKEN, "battery staple", CRM_TOKEN),
    )  # fmt: skip
    with Gateway(made) as running:
        assert running.crm is not None
        put_many(running.crm.file, range(20))
        yield running


@pytest.fixture(scope="module")
def operations(gateway: Gateway) -> list[APIOperation[Any, Any, Any, Any]]:
    """Return everything that the OpenAPI document describes."""
    headers = {"Authorization": f"Bearer {CRM_TOKEN}"}
    document = requests.get(f"{gateway.url}api/v1/openapi.json", headers=headers, timeout=20).json()
    results = schemathesis.openapi.from_dict(document).get_all_operations()
    return [result.ok() for result in results if isinstance(result, Ok)]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_is_a_server_error(
    gateway: Gateway, operations: list[APIOperation[Any, Any, Any, Any]], mode: GenerationMode
) -> None:
    """Every operation answers requests that fit its description, and such as do not.

    Wrong ones take long to make: unless more are asked for, only for operations that are given a body.
    """
    if mode is GenerationMode.NEGATIVE and EXAMPLES == 1:
        operations = [one for one in operations if one.body]
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {CRM_TOKEN}"
        failures = [failure for one in operations for failure in tried(one, mode, session, gateway.url)]
    assert failures == []


@pytest.mark.parametrize("body", [b'{"password": "\\ud800"}', b'{"password": NaN}', b"\xff", b"[" * 10_000])
def test_what_no_generator_writes(gateway: Gateway, body: bytes) -> None:
    """Half a surrogate pair, no number, no UTF-8 and depth without end are mistakes of the asker."""
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{gateway.url}api/v1/login", body, headers=headers, timeout=20)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(("token", "status"), [("", 401), (TOKEN, 403)])
def test_the_crm_is_closed_to_others(
    gateway: Gateway, operations: list[APIOperation[Any, Any, Any, Any]], token: str, status: int
) -> None:
    """Every operation of the CRM is refused without a login, and with the console's."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        own = [one for one in operations if one.path.startswith("/api/v1/crm/")]
        answers = {
            session.request(one.method, f"{gateway.url.rstrip('/')}{one.path}").status_code for one in own
        }
    assert len(own) > 30
    assert answers == {status}


def tried(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, session: requests.Session, url: str
) -> list[str]:
    """Ask one operation in several ways; gives what it should not have answered."""
    found: list[str] = []

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=url, session=session, headers=dict(session.headers))
        if answer.status_code >= 500 and answer.status_code != NOT_READY:
            found.append(f"{answer.status_code} {case.as_curl_command()}")

    with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
        ask()
    return found
