"""Staff decisions at intake: bodies, and declarations that the register refuses."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.intake.http.callers import Callers, SmallBodies
from services.intake.http.staff_decisions import PACKAGE_PATH, PATH, StaffDecisions, staff_decisions
from shared.contract.envelope import MAX_BODY
from shared.contract.events import MOST_DOCUMENT_BYTES, MessageWritten, ReferralDecided
from shared.contract.events.breaches import BreachDeclared
from shared.contract.staff import packed_item, salted, written_item
from shared.runtime.broker import Message
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import proof_of
from tests.unit.incident_register_fakes import INCIDENT, declaration

PIECE = 64 * 1024
PACKAGE = b"PK\x03\x04" + bytes(PIECE)


@dataclass
class Register:
    """Refuses every decision for the same reason, or none."""

    reason: str | None = "signature_wrong"

    async def flaw(self, decision: Any, event_id: str, now: datetime) -> str | None:
        del decision, event_id, now
        return self.reason


@dataclass
class Declarations:
    """Refuses declarations for the same reason, or none; keeps those that were published."""

    reason: str | None = None
    published: list[Message] = field(default_factory=list)

    @property
    def publisher(self) -> "Declarations":
        return self

    async def publish(self, messages: list[Message]) -> None:
        self.published += messages

    def incident_of(self, source: str, reference: str, *, drill: bool) -> str:
        del source, reference, drill
        return INCIDENT

    async def refusal(self, id_: str, declared: BreachDeclared) -> str | None:
        assert (id_, declared.reference) == (INCIDENT, "inc-1")
        return self.reason


def client(register: Register, declarations: Declarations | None = None) -> AsyncClient:
    app = FastAPI()
    decisions = StaffDecisions(
        cast("Any", declarations),
        cast("Any", register),
        lambda: datetime.now(UTC),
        Allowance(1000),
        incidents=cast("Any", None),
        breaches=cast("Any", declarations),
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


@pytest.mark.parametrize("reason", ["incident_withdrawn", None])
async def test_declaration_that_the_register_refuses_is_not_published(reason: str | None) -> None:
    data = declaration(by="anna") | {"proof": proof_of("anna")}
    declarations = Declarations(reason)
    async with client(Register(None), declarations) as http:
        answer = await http.post(PATH, json={"type": BreachDeclared.TYPE, "data": data})
    if reason is None:
        assert (answer.status_code, answer.json()["case"]) == (202, INCIDENT)
        assert [one.routing_key for one in declarations.published] == [BreachDeclared.TYPE]
    else:
        assert (answer.status_code, answer.json()["detail"]) == (403, reason)
        assert not declarations.published


class Case:
    """The request of a decision; it has no vault: a sealed text would be an error."""

    status = "referred"

    async def case(self, _case: str, *, mails: bool = False) -> "Case":
        del mails
        return self


async def test_text_of_a_decision_that_is_no_utf_8_is_not_sealed() -> None:
    text = salted("Grüße".encode("latin-1"), bytes(16))
    data = {"request_id": "a" * 32, "by": "anna", "proof": proof_of("anna"), "text": written_item(text)}
    body = {"type": MessageWritten.TYPE, "data": data, "text": b64encode(text).decode()}
    async with client(Register(None), cast("Any", Case())) as http:
        answer = await http.post(PATH, json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, "the text is no UTF-8")
