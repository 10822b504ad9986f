"""What is due, from the cases of the console."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from habeas.client.deadlines import due_within, line_of
from services.console.state import CaseRow
from shared.contract import events
from tests.unit.console_cases import START, case_of, received, serving

TODAY = date(2026, 4, 7)
UK, CALIFORNIA = "uk-gdpr@2026-02-05", "us-ca-ccpa@2026-01-01"
FIRST, SECOND = "a" * 32, "b" * 32


async def due(*rows: CaseRow) -> list[Mapping[str, Any]]:
    return list(await due_within(serving(*rows), timedelta(days=7), TODAY))


async def test_late_request_names_its_last_day_and_laws_not_accepted() -> None:
    unread = ("us-xx@2026-01-01",)
    [row] = await due(case_of(received(FIRST, not_accepted=unread, incident="spill")))
    assert (row["late"], row["status"], row["stands_still"]) == (True, "received", False)
    assert line_of(row) == (
        f"2026-04-02  late  {FIRST}  erasure, gdpr@2018-05-25: received (spill)"
        "; not accepted: us-xx@2026-01-01"
    )


async def test_request_with_a_target_day_within_the_time_is_listed_and_a_closed_one_is_not() -> None:
    near, far = (
        received(case, due_on=date(2026, 4, 30), internal_due_on=date(2026, 4, day))
        for case, day in ((FIRST, 14), (SECOND, 15))
    )
    withdrawn = events.RequestWithdrawn(request_id=FIRST)
    assert [row["request"] for row in await due(case_of(near), case_of(far))] == [FIRST]
    assert await due(case_of(near, withdrawn)) == []


async def test_request_is_not_late_while_each_of_its_laws_lets_the_period_stand_still() -> None:
    paused = events.RequestPaused(request_id=FIRST, reason="identity", since=START)
    resumed = events.RequestResumed(request_id=FIRST, at=START)
    for laws, facts, expected in (
        ((UK,), [paused], True),
        ((UK,), [paused, resumed], False),
        ((CALIFORNIA,), [paused], False),
        ((UK, CALIFORNIA), [paused], False),
    ):
        first, *others = laws
        [row] = await due(case_of(received(FIRST, first, also=tuple(others)), *facts))
        assert (row["stands_still"], row["late"]) == (expected, not expected), laws


async def test_request_stands_still_until_the_person_has_named_the_data() -> None:
    asked = events.ScopeAsked(
        request_id=FIRST, asked_at=START, until=START, answer_by=TODAY, due_on=date(2026, 4, 2)
    )
    [row] = await due(case_of(received(FIRST, UK), asked))
    assert "the clock is paused" in line_of(row)
    answered = events.ScopeAnswered(request_id=FIRST)
    refused = events.IdentityRefused(request_id=FIRST, reasons=("no_proof",))
    for ending in (answered, refused):
        [row] = await due(case_of(received(FIRST, UK), asked, ending))
        assert row["late"], "nothing is awaited any more"


async def test_unanswered_mail_is_among_them_by_its_last_day() -> None:
    dated = events.MessageLodged(
        request_id=SECOND, message="mail", reason="unanswered", own=False, due_on=date(2026, 4, 1)
    )
    undated = events.MessageLodged(request_id=SECOND, message="mail_2", reason="other", own=False)
    of_request = dated.model_copy(update={"request_id": FIRST})
    found = await due(case_of(received(FIRST), of_request), case_of(dated, undated))
    assert [(row["request"], row["mail"], row["late"]) for row in found] == [
        (SECOND, "mail", True),
        (FIRST, None, True),
    ]
    assert line_of(found[0]) == f"2026-04-01  late  {SECOND}  mail mail: waits for staff"
