"""The HTTP API of an office, and what its problems look like."""

from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from pydantic import SecretStr

from services.intake.api import Callers, create_app
from services.intake.domain import request_id
from services.intake.door import Allowance, Door
from shared.events import (
    Outcome,
    RequestFulfilled,
)
from shared.law import Right
from tests.unit.fakes import (
    REQUEST_KEY,
    SOURCE,
    Office,
    request,
)

API_KEY = "0123456789abcdef0123456789abcdef"
BEARER = {"Authorization": f"Bearer {API_KEY}"}
CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
PACKAGE = b"PK\x03\x04" + b"x" * 3_000_000
UNKNOWN = "0" * 32
ROOT = "https://privacy.example.com"


def app_of(door: Door, *, per_hour: int = 1000) -> FastAPI:
    callers = Callers({SOURCE: SecretStr(API_KEY)}, Allowance(per_hour))
    return create_app(door, callers, public_url=f"{ROOT}/")


def client_of(door: Door, *, per_hour: int = 1000) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app_of(door, per_hour=per_hour)), base_url=ROOT)


def form(**changes: Any) -> dict[str, Any]:
    data = request(**changes)
    del data["reference"]
    return data


async def answered() -> Office:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    office.vault.items[CASE]["package"] = PACKAGE
    outcome = RequestFulfilled(
        answer="answer", request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, package="package"
    )
    await office.tell(outcome)
    return office


def assert_problem(response: Response, status: int) -> dict[str, Any]:
    """Check that *response* is a problem as RFC 9457 wants it, and return it."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem
