import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import CaseStatus
from shared.contract.answer import SUBMISSION
from shared.contract.envelope import MAX_BODY
from shared.errors import StoreUnavailable
from tests.unit.fakes import AbsentBroker, Office, request
from tests.unit.intake_api import (
    CASE,
    ROOT,
    UNKNOWN,
    answered,
    app_of,
    assert_problem,
    client_of,
    form,
)

# --- problems -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/requests/{UNKNOWN}"),
        ("DELETE", f"/v1/requests/{UNKNOWN}"),
        ("POST", f"/v1/requests/{UNKNOWN}/package/codes"),
        ("GET", f"/v1/requests/{UNKNOWN}/package?code=123456"),
        ("GET", "/v1/nothing-here"),
    ],
)
async def test_unknown_things_are_a_problem_404(method: str, path: str) -> None:
    async with client_of(Office().requests) as client:
        assert_problem(await client.request(method, path), 404)


async def test_a_method_that_is_not_meant_is_a_problem_405() -> None:
    async with client_of(Office().requests) as client:
        assert_problem(await client.put(f"/v1/requests/{UNKNOWN}"), 405)


async def test_wrong_method_is_answered_with_all_methods_of_the_path() -> None:
    async with client_of(Office().requests) as client:
        answers = [
            await client.put(f"/v1/requests{path}") for path in ("", f"/{UNKNOWN}", f"/{UNKNOWN}/package")
        ]
    assert [answer.headers["allow"] for answer in answers] == ["GET, POST", "GET, DELETE", "GET, HEAD"]


async def test_late_operations_are_a_problem_409() -> None:
    office = await answered()
    proofs = {"proofs": [{"kind": "new_code"}]}
    async with client_of(office.requests) as client:
        assert_problem(await client.delete(f"/v1/requests/{CASE}"), 409)
        assert_problem(await client.post(f"/v1/requests/{CASE}/proofs", json=proofs), 409)


async def test_a_package_that_does_not_exist_is_a_problem_409() -> None:
    office = Office()
    await office.submit(request())
    async with client_of(office.requests) as client:
        assert_problem(await client.post(f"/v1/requests/{CASE}/package/codes"), 409)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(MAX_BODY // 1000 + 2):
        yield b"x" * 1000


@pytest.mark.parametrize("content", [lambda: b"x" * (MAX_BODY + 1), pieces], ids=["whole", "in pieces"])
async def test_a_body_over_the_limit_is_a_problem_413(content: Callable[[], Any]) -> None:
    office = Office()
    async with client_of(office.requests) as client:
        response = await client.post(
            "/v1/requests", content=content(), headers={"Content-Type": "application/json"}
        )
    assert_problem(response, 413)
    assert office.vault.items == {}


async def test_a_body_just_under_the_limit_is_read() -> None:
    body = json.dumps(form()).encode()
    async with client_of(Office().requests) as client:
        response = await client.post(
            "/v1/requests",
            content=body + b" " * (MAX_BODY - len(body)),
            headers={"Content-Type": "application/json"},
        )
    assert response.status_code == 202


async def test_a_request_is_taken_while_the_broker_is_away() -> None:
    office = Office()
    requests = replace(office.requests, publisher=AbsentBroker())
    async with client_of(requests) as client:
        response = await client.post("/v1/requests", json=form())
        assert response.status_code == 202
    case = response.json()["id"]
    assert (await office.requests.case(case)).status is CaseStatus.RECEIVED
    assert office.journals["intake"].owed == {f"{case}:0"}


async def test_a_database_that_is_away_is_a_problem_503() -> None:
    office = await answered()
    office.journals["intake"].refuses.append(StoreUnavailable("away"))
    async with client_of(office.requests) as client:
        assert_problem(await client.get(f"/v1/requests/{CASE}"), 503)


async def test_an_internal_error_is_a_problem_500_without_details() -> None:
    office = Office()
    await office.submit(request())
    await office.vault.destroy(CASE)
    async with client_of(office.requests) as client:
        response = await client.post(f"/v1/requests/{CASE}/proofs", json={"proofs": [{"kind": "new_code"}]})
    assert CASE not in str(assert_problem(response, 500))


CANARY = "Quastenflosser"
KEYS = st.sampled_from(
    [
        *("reference", "right", "subject", "residence", "regulation", "locale", "received_at", "details"),
        *("agent", "proofs", "name", "email", "identifiers", "kind", "code", "points", "country", "scope"),
        *("corrections", "postal_address", "lines", "date_of_birth", CANARY, f"{CANARY} & Co", f"{CANARY}_x"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=10).map(lambda text: CANARY + text),
    st.sampled_from(["email_code", "data_points", "access", "DE", CANARY, "2026-13-45", "\ud800" + CANARY]),
)
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
SLIPS = st.dictionaries(KEYS, BODIES, min_size=1, max_size=3)


@cache
def hostile_ground() -> FastAPI:
    """Return an API on which one request is lodged, made once: making it is what takes long."""
    office = Office()
    office.vault.items[CASE] = {SUBMISSION: b"{}"}
    return app_of(office.requests)


async def hostile(path: str, content: bytes) -> None:
    async with AsyncClient(transport=ASGITransport(hostile_ground()), base_url=ROOT) as client:
        response = await client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert CANARY not in response.text
    assert CANARY not in str(response.headers)
    if response.status_code != 202:
        assert_problem(response, response.status_code)
        assert response.status_code in {400, 422}


@pytest.mark.slow
@given(SLIPS)
async def test_no_problem_repeats_what_a_slightly_wrong_request_said(slips: dict[str, Any]) -> None:
    await hostile("/v1/requests", json.dumps(form() | slips).encode())


@pytest.mark.slow
@given(BODIES)
async def test_no_problem_repeats_what_a_wholly_wrong_request_said(body: Any) -> None:
    await hostile("/v1/requests", json.dumps(body).encode())


@pytest.mark.slow
@given(st.lists(BODIES, max_size=4))
async def test_no_problem_repeats_what_wrong_proofs_said(proofs: list[Any]) -> None:
    await hostile(f"/v1/requests/{CASE}/proofs", json.dumps({"proofs": proofs}).encode())


@pytest.mark.slow
@given(st.binary(max_size=200).map(lambda body: body + CANARY.encode()))
async def test_garbage_is_a_problem_and_not_a_fault(body: bytes) -> None:
    await hostile("/v1/requests", body)


async def test_a_body_nested_without_end_is_a_problem_and_not_a_fault() -> None:
    await hostile("/v1/requests", b'{"subject":' + b"[" * 200_000)


@pytest.mark.parametrize("case_id", [CANARY, "A" * 32, "0" * 31, "0" * 33, "..%2f..", "%00"])
async def test_an_id_that_is_none_is_a_problem(case_id: str) -> None:
    async with client_of(Office().requests) as client:
        response = await client.get(f"/v1/requests/{case_id}")
    assert_problem(response, response.status_code)
    assert response.status_code in {404, 422}
    assert CANARY not in response.text
