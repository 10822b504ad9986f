"""Staff asks which data a request means: once, where the law provides it, and never to the person's harm."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.intake.channels.email.replies import named_scope
from services.intake.domain import CaseStatus, request_id
from shared.contract.answer import scope_entries
from shared.contract.events import (
    DeadlineCame,
    DecisionRefused,
    DueMoved,
    Fact,
    IdentityVerified,
    NarrowingDecided,
    RequestPaused,
    RequestResumed,
    RequestWithdrawn,
    ScopeAnswered,
    ScopeAsked,
)
from tests.unit.fakes import ABROAD, NOW, REQUEST_KEY, SOURCE, Office, request
from tests.unit.intake_api import client_of

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
NARROWING = NarrowingDecided(request_id=CASE, by="anna")
BRITAIN = {"residence": {"country": "GB"}}


async def office_with(practice: Any = ABROAD, **data: Any) -> Office:
    """Return an office with an open request for a copy."""
    office = Office(trusted={SOURCE}, practice=practice)
    await office.submit(request(**{"residence": {"country": "DE"}, **data}))
    return office


async def asked(**data: Any) -> Office:
    """Return such an office in which the staff has asked which data is meant."""
    office = await office_with(**data)
    await office.tell(NARROWING, service="intake")
    return office


async def due(office: Office) -> date | None:
    return (await office.requests.case(CASE)).due_on


def refusal(office: Office) -> str:
    return office.facts(DecisionRefused)[-1].reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param({"residence": {"country": "US", "subdivision": "CA"}}, "law_does_not_provide", id="CA"),
        pytest.param({"residence": {"country": "CH"}}, "law_does_not_provide", id="Switzerland"),
        pytest.param({"right": "erasure"}, "law_does_not_provide", id="erasure"),
        pytest.param(
            {"residence": {"country": "US", "subdivision": "CA"}, "regulation": "gdpr"},
            "law_does_not_provide",
            id="one law of two",
        ),
    ],
)
async def test_request_is_narrowed_only_where_every_law_provides_it(
    data: dict[str, Any], reason: str
) -> None:
    office = await asked(**data)
    assert not office.facts(ScopeAsked)
    assert refusal(office) == reason


async def test_gdpr_clock_runs_on_while_the_scope_is_asked() -> None:
    office = await office_with()
    before = await due(office)
    await office.tell(NARROWING, service="intake")
    question = office.the(ScopeAsked)
    assert (question.due_on, question.answer_by) == (before, date(2026, 3, 18))
    office.clock.move(timedelta(days=7))
    await office.requests.specify(CASE, ["orders"])
    await office.work()
    assert not office.facts(DueMoved)
    assert await due(office) == before


async def test_wait_for_the_scope_ends_at_the_target_day_where_the_clock_runs_on() -> None:
    office = await office_with()
    office.clock.now = datetime(2026, 3, 25, 12, tzinfo=UTC)
    await office.tell(NARROWING, service="intake")
    target = office.requests.case(CASE)
    assert office.the(ScopeAsked).until.date() <= ((await target).meant_for or date.min)


async def test_british_clock_stops_until_the_scope_is_answered() -> None:
    office = await asked(**BRITAIN)
    question = office.the(ScopeAsked)
    assert (question.answer_by, question.due_on) == (date(2026, 3, 18), date(2026, 4, 20))
    office.clock.move(timedelta(days=9, hours=5))
    await office.requests.specify(CASE, ["orders"])
    moved = office.records(DueMoved)[-1]
    assert (moved.days, moved.scope_days, moved.due_on) == (0, 9, date(2026, 4, 14))
    assert (await due(office)) == date(2026, 4, 14)
    assert moved.due_on <= question.due_on, "the letter stated no later day than the law sets"


async def test_days_of_both_pauses_count_once() -> None:
    """Proof is awaited from day 2 to day 6, the scope from day 4 to day 10: eight days in all."""
    office = Office(practice=ABROAD)
    await office.submit(request(**BRITAIN))

    async def on(day: int, *facts: Fact, service: str = "verifier") -> None:
        office.clock.now = NOW + timedelta(days=day)
        await office.tell(*facts, service=service)

    await on(2, RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW + timedelta(days=2)))
    await on(4, NARROWING, service="intake")
    await on(6, RequestResumed(request_id=CASE, at=NOW + timedelta(days=6)))
    office.clock.now = NOW + timedelta(days=10)
    await office.requests.specify(CASE, [])
    moved = office.records(DueMoved)[-1]
    assert (moved.days, moved.scope_days) == (4, 4)
    assert moved.due_on == date(2026, 4, 13)


async def test_scope_is_asked_once() -> None:
    office = await asked()
    await office.tell(NARROWING.model_copy(update={"by": "bert"}), service="intake")
    assert len(office.facts(ScopeAsked)) == 1
    assert refusal(office) == "asked_before"
    await office.requests.specify(CASE, [])
    await office.work()
    await office.tell(NARROWING.model_copy(update={"because": "again"}), service="intake")
    assert len(office.facts(ScopeAsked)) == 1


async def test_scope_is_not_asked_when_no_time_is_left() -> None:
    office = await office_with()
    office.clock.now = datetime(2026, 4, 1, 12, tzinfo=UTC)
    await office.tell(NARROWING, service="intake")
    assert not office.facts(ScopeAsked)
    assert refusal(office) == "too_late"


async def test_silence_is_answered_in_full_and_refuses_nothing() -> None:
    office = await asked()
    (name, at) = next((n, at) for (_, n), at in office.deadlines.moments.items() if n.startswith("scope_"))
    office.clock.now = at
    await office.tell(DeadlineCame(request_id=CASE, name=name), service="intake")
    answered = office.the(ScopeAnswered)
    assert (answered.silent, answered.scope) == (True, None)
    assert not office.facts(RequestWithdrawn)
    await office.tell(DeadlineCame(request_id=CASE, name=name), service="intake")
    assert len(office.facts(ScopeAnswered)) == 1


@pytest.mark.parametrize("path", ["/requests/{}/scope", "/v1/requests/{}/scope"])
async def test_answer_by_page_or_api_names_the_scope_once(path: str) -> None:
    office = await asked()
    content: dict[str, Any] = {"data": {"scope_contact": "yes"}}
    if path.startswith("/v1"):
        content = {"json": {"scope": ["user.contact"]}}
    async with client_of(office.requests) as client:
        page = await client.get(f"/requests/{CASE}")
        assert "Which of your data do you mean?" in page.text
        assert (await client.get(f"/v1/requests/{CASE}")).json()["scope_answer_by"] == "2026-03-18"
        assert (await client.post(path.format(CASE), **content)).is_success
        again = await client.post(path.format(CASE), **content)
    assert again.status_code == 409
    await office.work()
    item = office.the(ScopeAnswered).scope
    assert item is not None
    assert scope_entries(office.sealed(CASE)[item].decode()) == ("user.contact",)


async def test_staff_records_an_answer_by_telephone() -> None:
    office = await asked()
    await office.tell(NARROWING.model_copy(update={"answered": True, "by": "bert"}), service="intake")
    assert office.the(ScopeAnswered).by == "bert"


async def test_answer_without_a_question_is_refused() -> None:
    office = await office_with()
    await office.tell(NARROWING.model_copy(update={"answered": True}), service="intake")
    assert refusal(office) == "scope_not_asked"


async def test_withdrawn_request_awaits_no_scope() -> None:
    office = await asked()
    assert office.facts(IdentityVerified)
    await office.requests.withdraw(CASE)
    case = await office.requests.case(CASE)
    assert (case.status, case.awaits_scope) == (CaseStatus.WITHDRAWN, False)


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ("Everything.", ()),
        ("alles", ()),
        ("Contact details\nLocation", ("user.contact", "user.location")),
        ("- Standort", ("user.location",)),
        ("I did not ask for this", None),
        ("Location, and please call me", None),
        ("", None),
    ],
)
def test_reply_names_a_scope_only_if_it_says_nothing_else(words: str, scope: tuple[str, ...] | None) -> None:
    assert named_scope(words) == scope
