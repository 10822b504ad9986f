"""Mails for staff and stopped requests, from the cases of the console."""

from datetime import date
from typing import Any

from habeas.client import inbox
from services.console.state import CaseRow
from shared.contract import events
from tests.unit.console_cases import START, case_of, received, serving

DUE = date(2026, 4, 1)
MAIL, REQUEST = "a" * 32, "b" * 32
ASKED = events.InquiryLodged(
    request_id=MAIL, inquiry="inquiry", received_on=START.date(), laws=(), due_on=DUE
)
UNANSWERED = events.MessageLodged(request_id=MAIL, message="mail", reason="unanswered", own=False, due_on=DUE)
HANDLED = events.MessageHandled(
    request_id=MAIL, by="dana.muster", message="mail", outcome=events.MessageOutcome.ANSWERED
)


async def listed(*rows: CaseRow) -> list[dict[str, Any]]:
    return await inbox.waiting(serving(*rows))


async def test_unclear_mail_is_listed_until_it_is_handled_or_a_request() -> None:
    entry = {"request": MAIL, "mail": "mail", "due_on": DUE.isoformat()}
    [row] = await listed(case_of(ASKED))
    assert row == {**entry, "at": "2026-03-02T09:00:00+00:00", "reason": "asked back", "own": None}
    [row] = await listed(case_of(ASKED, UNANSWERED))
    assert row == {**entry, "at": "2026-03-02T10:00:00+00:00", "reason": "unanswered", "own": False}
    assert await listed(case_of(ASKED, HANDLED)) == []
    assert await listed(case_of(ASKED, UNANSWERED, HANDLED)) == []
    assert await listed(case_of(ASKED, received(MAIL))) == []


async def test_stopped_request_and_its_mail_are_listed_by_their_times_until_staff_decides() -> None:
    reply = events.MessageLodged(request_id=REQUEST, message="reply_1", reason="unclear_reply", own=True)
    stopped = events.RequestStopped(request_id=REQUEST, reason=events.StopReason.UNCLEAR_REPLY)
    found = await listed(case_of(received(REQUEST), stopped, reply), case_of(ASKED))
    assert [(row["request"], row["mail"], row["reason"], row["own"], row["due_on"]) for row in found] == [
        (MAIL, "mail", "asked back", None, DUE.isoformat()),
        (REQUEST, "", "stopped: unclear_reply", None, None),
        (REQUEST, "reply_1", "unclear_reply", True, None),
    ]
    released = events.RequestReleased(request_id=REQUEST)
    [left] = await listed(case_of(received(REQUEST), stopped, reply, released))
    assert left["mail"] == "reply_1"
