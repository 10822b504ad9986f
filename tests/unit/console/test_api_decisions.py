"""Decisions over the API are signed as the account of the session, whatever their data names."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.types import ASGIApp

from services.console.api import review_routes
from services.console.api.app import create_api
from services.console.api.decision_routes import NO_KIND
from services.console.context import MOST_OF_ACCOUNT, MOST_UPLOADED, ConsoleParts
from services.console.decisions.bulk_forms import BULK, JointDecision
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from shared.contract.events import (
    Decision,
    ErasureApproved,
    Event,
    MessageRepaired,
    PackageReviewNeeded,
    StaffSignedIn,
    StopDecided,
)
from shared.contract.events.breaches import BreachDeclared
from shared.law.library import EXAMPLE, company
from shared.runtime.client_limits import BytesInFlight
from shared.runtime.staff_api import DecisionNotAccepted, DecisionState, StaffApiProblem, TakenDecision
from shared.vocabulary import StaffRole

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
CASE, OTHER, DECISION = "ab" * 16, "ba" * 16, "cd" * 16
APPROVAL = {"type": ErasureApproved.TYPE, "data": {"request_id": CASE}}


@dataclass
class Intake:
    """The console of one account, and an intake that remembers what it gets."""

    unlocked: bool = True
    error: Exception | None = None
    taken: list[tuple[Decision, bytes | None, bytes | None]] = field(default_factory=list)
    uploads: BytesInFlight = field(default_factory=lambda: BytesInFlight(MOST_UPLOADED, MOST_OF_ACCOUNT))

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession:
        del now, used
        key = UnlockedKey(Ed25519PrivateKey.generate(), "bearer", UNTIL) if self.unlocked else None
        return ConsoleSession(token, "dana.muster", b"key", NOW, UNTIL, key)

    async def member(self, name: str) -> StaffMember:
        return StaffMember(name, "", frozenset(StaffRole), b"key")

    async def submit(
        self, decision: Decision, text: bytes | None, bearer: str | None, package: bytes | None
    ) -> TakenDecision:
        assert bearer == "bearer"
        if self.error:
            raise self.error
        self.taken.append((decision, text, package))
        return TakenDecision(DECISION, CASE)

    async def submit_batch(
        self, decisions: Sequence[Decision], texts: Sequence[bytes | None], bearer: str | None
    ) -> list[TakenDecision | DecisionNotAccepted]:
        assert bearer == "bearer"
        self.taken += [(one, text, None) for one, text in zip(decisions, texts, strict=True)]
        return [TakenDecision(DECISION, CASE), DecisionNotAccepted("no request has this id")]

    async def effect(self, id_: str, bearer: str | None = None) -> list[str]:
        del id_, bearer
        return ["habeas.erasure.scheduled.v1"]

    async def effects(self, ids: Sequence[str], bearer: str | None = None) -> Mapping[str, DecisionState]:
        del bearer
        return {one: DecisionState("pending") for one in ids}

    async def call(self, method: str, path: str, bearer: str | None) -> dict[str, Any]:
        assert (method, path, bearer) == ("GET", f"/v1/staff/decisions/{DECISION}", "bearer")
        return {"status": "refused", "reason": "not_stopped"}

    async def shown(self, _case: str) -> list[Any]:
        return [
            SimpleNamespace(id=DECISION, at=NOW, fact=SimpleNamespace(TYPE="habeas.erasure.scheduled.v1"))
        ]


@pytest.fixture
def intake() -> Intake:
    return Intake()


@dataclass
class Current:
    """What *chosen* returns at the moment."""

    chosen: Callable[[], Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chosen(), name)


@cache
def application() -> tuple[list[Intake], ASGIApp]:
    """Return the application, and the list whose last intake it calls: to make it takes long."""
    intakes: list[Intake] = []
    every, uploads = Current(lambda: intakes[-1]), Current(lambda: intakes[-1].uploads)
    parts: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__, every)
    settings = SimpleNamespace(company=company(EXAMPLE))
    given = ConsoleParts(**{**parts, "settings": settings, "clock": lambda: NOW, "uploads": uploads})
    return intakes, create_api(given)


async def call(intake: Intake, method: str, path: str, **arguments: Any) -> httpx.Response:
    intakes, app = application()
    intakes[:] = [intake]
    transport, headers = httpx.ASGITransport(app), {"Authorization": "Bearer token"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://console.test", headers=headers
    ) as http:
        return await http.request(method, path, **arguments)


async def made(intake: Intake, *decisions: Mapping[str, Any], **more: Any) -> httpx.Response:
    return await call(intake, "POST", "/decisions", json={"code": "123456", "decisions": decisions, **more})


async def test_decision_is_signed_as_the_account_of_the_session(intake: Intake) -> None:
    forged = {"type": StopDecided.TYPE, "data": {"request_id": CASE, "by": "emil", "resume": True}}
    answer = await made(intake, {**forged, "text": "c2FsdA=="})
    assert answer.json() == [
        {
            "decision": DECISION,
            "case": CASE,
            "status": "accepted",
            "reason": None,
            "results": ["habeas.erasure.scheduled.v1"],
        }
    ]
    [(decision, text, _)] = intake.taken
    assert (decision.by, text) == ("dana.muster", b"salt")
    assert decision.proof is not None
    assert (decision.proof.account, decision.proof.code) == ("dana.muster", "123456")


async def test_one_code_signs_several_decisions_each_with_its_effect(intake: Intake) -> None:
    answer = await made(intake, APPROVAL, {**APPROVAL, "data": {"request_id": OTHER}})
    effects = [(one["case"], one["status"], one["reason"]) for one in answer.json()]
    assert effects == [(CASE, "pending", None), (OTHER, "refused", "no request has this id")]
    proofs = {decision.proof.signature for decision, *_ in intake.taken if decision.proof}
    assert len(proofs) == 1


async def test_package_goes_with_its_decision(intake: Intake) -> None:
    line = json.dumps({"code": "123456", "decisions": [APPROVAL]}).encode()
    content = line + b"\nPK" + b"0" * 300_000
    answer = await call(intake, "POST", "/decisions/package", content=content)
    assert (answer.status_code, intake.taken[0][2]) == (200, content.partition(b"\n")[2])
    assert (await call(intake, "POST", "/decisions", content=content)).status_code == 413


async def test_package_after_a_line_without_end_is_refused(intake: Intake) -> None:
    answer = await call(intake, "POST", "/decisions/package", content=b"[" * 300_000)
    assert (answer.status_code, intake.taken) == (413, [])


async def test_bodies_with_a_file_are_limited_for_each_account(intake: Intake) -> None:
    intake.uploads.take("dana.muster", MOST_OF_ACCOUNT - 200_000)
    line = json.dumps({"code": "123456", "decisions": [APPROVAL]}).encode()
    answer = await call(intake, "POST", "/decisions/package", content=line + b"\nPK" + b"0" * 300_000)
    assert (answer.status_code, intake.taken) == (503, [])
    intake.uploads.give_back("dana.muster", MOST_OF_ACCOUNT - 200_000)
    answer = await call(intake, "POST", "/decisions/package", content=line + b"\nPK")
    assert (answer.status_code, intake.uploads.total) == (200, 0)


async def test_body_of_a_sign_in_is_small(intake: Intake) -> None:
    assert (await call(intake, "POST", "/sessions", content=b"{" + b" " * 5_000)).status_code == 413


@pytest.mark.parametrize("kind", [StaffSignedIn, MessageRepaired, PackageReviewNeeded])
async def test_other_events_are_not_signed(kind: type[Event], intake: Intake) -> None:
    answer = await made(intake, {"type": kind.TYPE, "data": {}})
    assert (answer.status_code, answer.json()["detail"]) == (422, NO_KIND)
    assert not intake.taken


async def test_malformed_decision_is_refused(intake: Intake) -> None:
    answer = await made(intake, {**APPROVAL, "data": {"request_id": "no id"}})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "request_id")
    assert not intake.taken


async def test_session_without_a_key_signs_nothing_without_the_password() -> None:
    locked = Intake(unlocked=False)
    answer = await made(locked, APPROVAL)
    assert (answer.status_code, answer.json()["reason"]) == (403, "no_key")
    declaration = {"type": BreachDeclared.TYPE, "data": {}}
    assert (await made(locked, declaration, password="a long password")).status_code == 422
    assert not locked.taken


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (DecisionNotAccepted("not_stopped"), 403, "the request is not stopped."),
        (StaffApiProblem(404, "No request has this id."), 404, "No request has this id."),
        (StaffApiProblem(400, "no"), 409, "no"),
    ],
)
async def test_refusal_is_an_error_with_its_reason(
    error: Exception, status: int, detail: str, intake: Intake
) -> None:
    intake.error = error
    answer = await made(intake, APPROVAL)
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True)


async def test_effect_of_a_decision_is_shown_by_its_id(intake: Intake) -> None:
    shown = (await call(intake, "GET", f"/decisions/{DECISION}")).json()
    assert (shown["status"], shown["reason"]) == ("refused", "not_stopped")


@pytest.mark.parametrize("preview", [True, False])
async def test_decision_that_no_chosen_case_waits_for_has_its_results(
    preview: bool, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    row: Any = SimpleNamespace(id=CASE)

    async def chosen(*_: object) -> list[Any]:
        return [row]

    async def joint(*_: object) -> JointDecision:
        return JointDecision(BULK["extend"], [], [row])

    monkeypatch.setattr(review_routes, "chosen_cases", chosen)
    monkeypatch.setattr(review_routes, "joint_decision", joint)
    form = {"cases": [CASE], "fields": {}, "preview": preview, "code": "000000"}
    answer = await call(intake, "POST", "/bulk/decisions/extend", json=form)
    assert answer.status_code == 200
    [result] = answer.json()["results"]
    assert (result["case"], result["state"]) == (CASE, "refused")
