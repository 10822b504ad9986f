"""Every channel called as its description says: it answers as described, and loses no accepted request."""

import asyncio
import re
from functools import cache
from typing import Any

import pytest
import schemathesis
from httpx import ASGITransport, AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.contract.answer import SUBMISSION
from tests.extent import extent
from tests.unit.every_channel import EveryChannel, every_channel
from tests.unit.intake_api import CASE

pytestmark = pytest.mark.campaign
schemathesis.serializer.alias("application/secevent+jwt", "application/octet-stream")
CALLS = settings(max_examples=extent(10, 1_000), deadline=None, suppress_health_check=list(HealthCheck))
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AWAITS_VERIFIER = "POST /fides/api/v1/privacy-request/{request_id}/verify"
"""Waits for the verifier, which does not run here, and answers 503 in the end."""
IDS = {"case_id", "request_id", "agent_id", "subject_request_id", "consent_request_id"}
"""Parameters that name a request or an agent."""


@cache
def channels() -> EveryChannel:
    """Return an office with a request by each channel; the first is answered."""
    return asyncio.run(every_channel())


@cache
def operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", channels().app)
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


@pytest.mark.parametrize("path", sorted({operation.path for operation in operations().values()}))
async def test_wrong_method_is_answered_with_the_described_methods(path: str) -> None:
    described = {one.method.upper() for one in operations().values() if one.path == path}
    async with AsyncClient(transport=ASGITransport(channels().app), base_url="http://localhost") as http:
        answer = await http.put(re.sub("{.*?}", CASE, path))
    assert answer.status_code == 405
    assert described == set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("label", operations())
@CALLS
@given(data=st.data())
def test_call_is_answered_as_described_and_no_request_is_lost(label: str, data: st.DataObject) -> None:
    case = data.draw(operations()[label].as_strategy())
    tag = case.operation.tags[0]
    for name in IDS & set(case.path_parameters or {}):
        if known := channels().ids.get(tag):
            case.path_parameters[name] = data.draw(st.sampled_from([*known, case.path_parameters[name]]))
    response = case.call_and_validate(headers=channels().credential(tag), checks=CHECKS)
    assert response.status_code < 500 or (label == AWAITS_VERIFIER and response.status_code == 503)
    if label == "POST /v1/requests" and response.status_code == 202:
        assert SUBMISSION in channels().office.vault.items[response.json()["id"]]
