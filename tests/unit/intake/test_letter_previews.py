"""Previews of letters at intake: who gets one, which decisions have one, and what is left of it."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import Response

from services.intake.http import letter_previews
from services.intake.http.staff_decisions import PREVIEWS_PER_HOUR
from shared.contract.case_openings import EVERYTHING
from shared.contract.events import (
    ContentOpened,
    DeadlineCame,
    PreviewAsked,
    PreviewDrafted,
    RequestExtended,
    StaffRole,
)
from tests.unit.fakes import request
from tests.unit.intake_api import CASE, UNKNOWN, assert_problem
from tests.unit.staff_desk import DANA, StaffDesk

EXTENSION = {"type": "habeas.extension.decided.v1", "data": {"reason": "complexity"}}
WITHDRAWAL = {"type": "habeas.withdrawal.decided.v1", "data": {}}
FEE = {
    "type": "habeas.fee.decided.v1",
    "data": {"fee": {"amount": "20", "currency": "EUR"}, "reason": "excessive"},
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no letter: there is no notifier here."""
    monkeypatch.setattr(letter_previews, "PATIENCE", timedelta())


async def opened() -> StaffDesk:
    desk = StaffDesk()
    await desk.office.submit(request())
    return desk


async def preview(desk: StaffDesk, body: Any, case: str = CASE, **session: Any) -> Response:
    """Return the answer to a preview in a new session, of an account that has opened the case."""
    if case == CASE:
        await desk.office.tell(ContentOpened(request_id=CASE, by=DANA.name, item=EVERYTHING, reason="review"))
    return await unopened(desk, body, case, **session)


async def unopened(desk: StaffDesk, body: Any, case: str = CASE, **session: Any) -> Response:
    async with desk.client(await desk.sign_in(**session)) as http:
        return await http.post(f"/v1/staff/cases/{case}/previews", json=body)


def left(desk: StaffDesk) -> list[str]:
    return [item for item in desk.office.sealed(CASE) if item.startswith("preview_")]


@pytest.mark.parametrize(("body", "kind"), [(EXTENSION, PreviewDrafted), (FEE, PreviewAsked)])
async def test_letter_that_is_not_written_in_time_leaves_nothing_in_the_vault(body: Any, kind: Any) -> None:
    desk = await opened()
    assert_problem(await preview(desk, body), 503)
    assert [one.by for one in desk.office.facts(kind)] == [DANA.name]
    assert desk.office.facts(RequestExtended) == []
    assert left(desk) == []


async def test_preview_sets_no_timer_but_the_one_that_removes_it() -> None:
    desk = await opened()
    before = set(desk.office.deadlines.moments)
    await preview(desk, EXTENSION)
    [(_, name)] = set(desk.office.deadlines.moments) - before
    await desk.office.vault.seal(CASE, "preview_0123456789abcdef_result", b"late")
    assert left(desk) != []
    desk.office.clock.now = desk.office.deadlines.moments[CASE, name]
    await desk.office.tell(DeadlineCame(request_id=CASE, name=name))
    assert left(desk) == []
    assert "submission" in desk.office.sealed(CASE)


async def test_decision_that_its_handler_refuses_has_the_reason() -> None:
    desk = await opened()
    body = {"type": "habeas.stop.decided.v1", "data": {"resume": True}}
    assert (await preview(desk, body)).json() == {"letters": [], "refused": "not_stopped", "reason": None}


async def test_account_that_may_not_decide_gets_the_reason_and_no_letter() -> None:
    desk = await opened()
    answer = await preview(desk, WITHDRAWAL, roles=[StaffRole.VIEWER])
    assert answer.json()["refused"] == "role_missing"
    desk.change(mailboxes=frozenset({"hash"}))
    assert (await preview(desk, WITHDRAWAL)).json()["refused"] == "decider_is_concerned"
    assert desk.office.facts(PreviewDrafted) == []


async def test_preview_needs_an_opened_case_for_letters_name_the_person() -> None:
    desk = await opened()
    answer = await unopened(desk, WITHDRAWAL)
    assert_problem(answer, 403)
    assert answer.json()["detail"] == "not_opened"
    assert desk.office.facts(PreviewDrafted) == []


@pytest.mark.slow
async def test_previews_of_an_account_are_limited() -> None:
    desk = await opened()
    body = {"type": "habeas.stop.decided.v1", "data": {"resume": True}}
    async with desk.client(await desk.sign_in()) as http:
        path = f"/v1/staff/cases/{CASE}/previews"
        statuses = [(await http.post(path, json=body)).status_code for _ in range(PREVIEWS_PER_HOUR + 1)]
    assert statuses[-2:] == [403, 429]  # the case is not opened


async def test_preview_needs_a_session_a_request_and_a_known_decision() -> None:
    desk = await opened()
    async with desk.client() as http:
        answer = await http.post(f"/v1/staff/cases/{CASE}/previews", json=WITHDRAWAL)
        assert_problem(answer, 401)
    assert_problem(await preview(desk, WITHDRAWAL, UNKNOWN), 404)
    assert_problem(await preview(desk, {"type": "habeas.permission.revoked.v1", "data": {}}), 422)
    assert_problem(await preview(desk, {"type": EXTENSION["type"], "data": {"reason": "x"}}), 422)
