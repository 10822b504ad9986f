"""Bodies of staff decisions: a package is read only after the proof of its decision is checked."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.intake.http.callers import Callers, SmallBodies
from services.intake.http.staff_decisions import PACKAGE_PATH, PATH, StaffDecisions, staff_decisions
from shared.contract.envelope import MAX_BODY
from shared.contract.events import MOST_DOCUMENT_BYTES, ReferralDecided
from shared.contract.staff import packed_item
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import proof_of

PIECE = 64 * 1024
PACKAGE = b"PK\x03\x04" + bytes(PIECE)


@dataclass
class Register:
    """Refuses every decision for the same reason, or none."""

    reason: str | None = "signature_wrong"

    async def flaw(self, decision: Any, event_id: str, now: datetime) -> str | None:
        del decision, event_id, now
        return self.reason


def client(register: Register) -> AsyncClient:
    app = FastAPI()
    decisions = StaffDecisions(
        cast("Any", None),
        cast("Any", register),
        lambda: datetime.now(UTC),
        Allowance(1000),
        incidents=cast("Any", None),
    )
    app.include_router(staff_decisions(decisions, "https://privacy.example.com"))
    limited = SmallBodies(app, Callers({}, Allowance(1000)))
    return AsyncClient(transport=ASGITransport(limited), base_url="https://privacy.example.com")


def decision() -> bytes:
    data = {"request_id": "a" * 32, "by": "anna", "proof": proof_of("anna"), "outcome": "granted"}
    data |= {"package": packed_item(PACKAGE), "explanation": f"written_{'0' * 64}"}
    return json.dumps({"type": ReferralDecided.TYPE, "data": data}).encode()


@dataclass
class Body:
    """A body of *pieces*, which counts those that were read."""

    pieces: Callable[[], Any]
    read: int = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces():
            self.read += 1
            yield piece


async def test_package_is_not_read_before_the_proof_is_checked() -> None:
    body = Body(lambda: [decision() + b"\n", *[bytes(PIECE)] * 100])
    async with client(Register()) as http:
        answer = await http.post(PACKAGE_PATH, content=body)
    assert (answer.status_code, answer.json()["detail"]) == (403, "signature_wrong")
    assert body.read <= 2


async def test_decision_before_a_package_has_the_size_of_any_decision() -> None:
    body = Body(lambda: [b"x" * PIECE] * 200)
    async with client(Register()) as http:
        answer = await http.post(PACKAGE_PATH, content=body)
    assert answer.status_code == 413
    assert body.read <= MAX_BODY // PIECE + 2


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        pytest.param(PATH, MAX_BODY + 1, 413, id="a decision"),
        pytest.param(PACKAGE_PATH, MOST_DOCUMENT_BYTES + MAX_BODY + 1, 413, id="a package"),
    ],
)
async def test_body_over_the_size_of_its_route_is_refused(path: str, size: int, status: int) -> None:
    content = decision() + b"\n" + bytes(size)
    async with client(Register(reason=None)) as http:
        answer = await http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
