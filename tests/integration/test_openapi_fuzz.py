"""The API called as its own description says: no call ends in a 5xx, and none that is taken is lost."""

import asyncio
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from shared.contract.answer import SUBMISSION
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import Office
from tests.unit.intake_api import BEARER, CASE, answered, app_of

CALLS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
CHECKS = [not_a_server_error, response_schema_conformance]
WITHOUT_LIMIT = 1_000_000


@cache
def office() -> Office:
    """Return an office where one request is answered."""
    return asyncio.run(answered())


@cache
def operations() -> dict[str, Any]:
    requests = replace(office().requests, acts=Allowance(WITHOUT_LIMIT))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app_of(requests))
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


@pytest.mark.parametrize("label", operations())
@CALLS
@given(data=st.data())
def test_no_call_ends_in_a_server_error_or_is_lost(label: str, data: st.DataObject) -> None:
    case = data.draw(operations()[label].as_strategy())
    if "case_id" in (case.path_parameters or {}) and data.draw(st.booleans()):
        case.path_parameters["case_id"] = CASE
    response = case.call_and_validate(headers=BEARER, checks=CHECKS)
    if label == "POST /v1/requests" and response.status_code == 202:
        assert SUBMISSION in office().vault.items[response.json()["id"]]
