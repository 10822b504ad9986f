"""Deadlines: alarms at their days, once, and only for open requests."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.intake.cases.deadline_handlers import note_letter_failure
from services.intake.cases.deadlines import APPROACHING, MISSED, UNACKNOWLEDGED
from services.intake.domain import request_id
from services.intake.handlers import close
from shared.contract.answer import facts_of
from shared.contract.events import (
    AnswerDelivered,
    AnswerExpected,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    DecisionRefused,
    DeliveryAction,
    ErasureScheduled,
    ExtensionDecided,
    ExtensionReason,
    Fact,
    IdentityReviewNeeded,
    LetterKind,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    PackageExpired,
    PackageExpiring,
    PackageFetched,
    RequestExtended,
    RequestFulfilled,
    RequestPaused,
    RequestReferred,
    RequestResumed,
)
from shared.errors import TooEarly
from shared.law import TimedDuty
from shared.runtime.journal import JournalRow
from shared.runtime.scheduler import Timer, _messages
from shared.runtime.service import Moment
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
DUE_ON = date(2026, 4, 7)
AFTER_TEN_DAYS = date(2026, 4, 15)
"""5 April is Easter Sunday, so the last day was the 7th; ten days after the 5th is a Wednesday."""
A_WEEK_LATER = date(2026, 4, 15)
"""A week after the 8th, the day on which the last day is over."""
AT_MIDNIGHT_IN_BERLIN = datetime(2026, 4, 7, 22, tzinfo=UTC)


@pytest.fixture
async def office() -> Office:
    office = Office()
    await office.submit(request())
    return office


async def come(office: Office, at: datetime) -> None:
    """Let time pass until *at*, and tell intake once of every moment that comes by then."""
    begun, office.clock.now = office.clock.now, at
    for (case, name), moment in list(office.deadlines.moments.items()):
        if begun < moment <= at:
            await office.tell(DeadlineCame(request_id=case, name=name), service="intake")


async def acknowledge(office: Office) -> None:
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT), service="notifier")


async def test_target_day_of_an_answer_is_in_the_zone_of_the_company(
    office: Office,
) -> None:
    assert office.deadlines.moments == {(CASE, APPROACHING): datetime(2026, 4, 1, 22, tzinfo=UTC)}


async def test_a_missed_target_day_raises_an_alarm_and_sets_the_last_day(
    office: Office,
) -> None:
    await come(office, datetime(2026, 4, 1, 22, tzinfo=UTC))
    assert office.the(DeadlineApproaching).due_on == DUE_ON
    assert (CASE, f"{MISSED}_20260407") in office.deadlines.moments
    assert office.deadlines.moments[CASE, f"{MISSED}_20260407"] == AT_MIDNIGHT_IN_BERLIN
    assert office.facts(DeadlineMissed) == []


async def test_the_last_day_is_missed_when_it_is_over_and_not_before(office: Office) -> None:
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(seconds=1))
    await office.tell(DeadlineCame(request_id=CASE, name=MISSED), service="intake")
    assert office.facts(DeadlineMissed) == []
    office.clock.now = AT_MIDNIGHT_IN_BERLIN
    await office.tell(DeadlineCame(request_id=CASE, name=MISSED), service="intake")
    assert office.the(DeadlineMissed).due_on == DUE_ON


async def test_an_answer_counts_when_it_is_sent_and_not_when_it_is_decided(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    answered = RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer")
    await office.tell(answered)
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    assert office.the(DeadlineApproaching).due_on == DUE_ON
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert office.the(DeadlineMissed).due_on == DUE_ON


async def test_an_answered_request_raises_no_alarm(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")
    assert office.deadlines.moments == {}, "a closed case is waited for no more"
    office.clock.now = NOW + timedelta(days=60)
    await office.tell(DeadlineCame(request_id=CASE, name=APPROACHING), service="intake")
    assert office.facts(DeadlineApproaching) == []


async def test_a_better_answer_to_a_closed_case_has_a_deadline_until_its_letter(office: Office) -> None:
    await answered(office)
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer_2"))
    assert [name.rstrip("_0123456789") for _, name in office.deadlines.moments] == [APPROACHING]
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")
    assert office.deadlines.moments == {}


async def publish_timers(office: Office) -> None:
    """Publish the timers that have come as the scheduler does: under ids that follow from their names."""
    for (case, name), moment in list(office.deadlines.moments.items()):
        if moment <= office.clock.now:
            await office.broker.publish(_messages(Timer(case, name, moment), "intake", DeadlineCame))
    await office.work()


@pytest.mark.slow
async def test_deadline_of_a_better_answer_is_missed_though_its_target_day_came_before() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    office.clock.now = datetime(2026, 4, 2, 8, tzinfo=UTC)
    await publish_timers(office)
    assert len(office.facts(DeadlineApproaching)) == 1
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")
    assert office.deadlines.moments == {}
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer_2"))
    await publish_timers(office)
    assert (CASE, f"{MISSED}_20260407") in office.deadlines.moments, "`habeas deadlines` lists the request"
    office.clock.now = AT_MIDNIGHT_IN_BERLIN
    await publish_timers(office)
    assert office.the(DeadlineMissed).due_on == DUE_ON


async def test_answer_that_crossed_an_undeliverable_withdrawal_has_a_deadline(office: Office) -> None:
    await office.requests.withdraw(CASE)
    await office.work()
    failed = NoticeFailed(request_id=CASE, letter=LetterKind.WITHDRAWN, reason="mail_refused")
    await office.tell(failed, service="notifier")
    assert office.deadlines.moments == {}
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    assert [name.rstrip("_0123456789") for _, name in office.deadlines.moments] == [APPROACHING]


@pytest.mark.parametrize(
    ("letter", "handler"),
    [
        pytest.param(NoticeSent(request_id=CASE, letter=LetterKind.WITHDRAWN), close, id="sent"),
        pytest.param(
            NoticeFailed(request_id=CASE, letter=LetterKind.WITHDRAWN, reason="mail_refused"),
            note_letter_failure,
            id="failed",
        ),
        pytest.param(
            NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="mail_refused"),
            note_letter_failure,
            id="the answer's own failed",
        ),
    ],
)
async def test_attempt_that_an_answer_overtakes_leaves_its_deadline(
    office: Office, letter: Any, handler: Any
) -> None:
    await office.requests.withdraw(CASE)
    await office.work()
    before = await office.requests.case(CASE)
    moment = Moment(CASE, office.clock(), before, "letter", "habeas/notifier", office.clock())
    office.deadlines.moments.clear()
    answer = RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer")
    await office.tell(answer)  # by another replica, before the row of the attempt
    with suppress(TooEarly):
        await handler(letter, office.ports.context(moment))
    await office.tell(letter, service="notifier")
    assert APPROACHING in {name.rstrip("_0123456789") for _, name in office.deadlines.moments}


async def test_returned_answer_that_is_sent_once_more_has_a_deadline(office: Office) -> None:
    await answered(office)
    failed = DeliveryAction.FAILED
    report = NoticeReported(
        request_id=CASE, letter=LetterKind.OUTCOME, action=failed, status="4.2.2", again=True
    )
    await office.tell(report, service="notifier")
    assert [name.rstrip("_0123456789") for _, name in office.deadlines.moments] == [APPROACHING]


async def test_paused_clock_misses_nothing_and_is_checked_daily(
    office: Office,
) -> None:
    await office.tell(RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW), service="verifier")
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert (office.facts(DeadlineApproaching), office.facts(DeadlineMissed)) == ([], [])
    again = AT_MIDNIGHT_IN_BERLIN + timedelta(days=1)
    assert office.deadlines.moments[CASE, f"{APPROACHING}_{again:%Y%m%d}"] == again
    await office.tell(RequestResumed(request_id=CASE, at=NOW + timedelta(days=10)), service="verifier")
    await come(office, again)
    assert office.facts(DeadlineApproaching) == []
    await come(office, datetime(2026, 4, 11, 22, tzinfo=UTC))
    assert office.the(DeadlineApproaching).due_on == AFTER_TEN_DAYS


async def test_a_day_that_overtakes_its_request_is_tried_again() -> None:
    """A late request raises the alarm at once."""
    office = Office()
    await office.tell(DeadlineCame(request_id=CASE, name=APPROACHING), service="intake")
    await office.submit(request(received_at=(NOW - timedelta(days=28)).isoformat()))
    await office.wait(timedelta(seconds=5))
    assert office.the(DeadlineApproaching).due_on == date(2026, 3, 5)


async def test_in_california_the_clock_never_stands_so_it_is_missed_all_the_same() -> None:
    """11 CCR § 7021(b): regardless of the time that verification takes."""
    office = Office()
    await office.submit(request(residence={"country": "US", "subdivision": "CA"}))
    await office.tell(RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW), service="verifier")
    await acknowledge(office)
    await come(office, NOW + timedelta(days=30))
    await come(office, NOW + timedelta(days=50))
    assert office.the(DeadlineApproaching).due_on == office.the(DeadlineMissed).due_on


async def test_missed_day_says_whether_the_person_is_awaited(office: Office) -> None:
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert office.the(DeadlineMissed).awaits_person, "the code that was mailed is awaited"


STOPPING = NoticeFailed(request_id=CASE, letter=LetterKind.NAMED_MAILBOX, reason="mail_refused")


@pytest.mark.parametrize(
    "fact",
    [
        pytest.param(IdentityReviewNeeded(request_id=CASE, reasons=("unclear",)), id="the staff looks"),
        pytest.param(STOPPING, id="stopped"),
        pytest.param(
            NoticeFailed(request_id=CASE, letter=LetterKind.CODE, reason="mail_refused"), id="no code"
        ),
        pytest.param(RequestReferred(request_id=CASE, right="access", reason="unclear"), id="referred"),
    ],
)
async def test_person_is_not_awaited_where_the_company_has_to_act(office: Office, fact: Fact) -> None:
    await office.tell(fact)
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert not office.the(DeadlineMissed).awaits_person


@pytest.mark.parametrize("stopped", [False, True])
async def test_missed_day_names_the_end_of_a_window_before_the_answer(stopped: bool) -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request(right="erasure"))
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.tell(ErasureScheduled(request_id=CASE, at=AT_MIDNIGHT_IN_BERLIN + timedelta(hours=12)))
    if stopped:
        await office.tell(STOPPING)
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert office.the(DeadlineMissed).expected_on == (A_WEEK_LATER if stopped else date(2026, 4, 9))


def expected(day: date) -> AnswerExpected:
    return AnswerExpected(request_id=CASE, by="anna", on=day)


async def referred_and_missed(*before: Fact) -> Office:
    """Return an office whose staff is late with an answer, after *before*."""
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await office.tell(RequestReferred(request_id=CASE, right="access", reason="unclear"))
    await office.tell(*before, service="intake")
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    return office


async def test_day_that_the_staff_states_before_the_last_day_is_in_the_report_of_the_delay() -> None:
    office = await referred_and_missed(expected(date(2026, 4, 20)))
    assert office.the(DeadlineMissed).expected_on == date(2026, 4, 20)


async def test_day_that_the_staff_states_after_the_last_day_is_reported_at_once() -> None:
    office = await referred_and_missed()
    assert office.the(DeadlineMissed).expected_on == A_WEEK_LATER
    await office.tell(expected(date(2026, 4, 20)), service="intake")
    missed = office.facts(DeadlineMissed)
    assert [fact.expected_on for fact in missed] == [A_WEEK_LATER, date(2026, 4, 20)]
    assert {fact.due_on for fact in missed} == {DUE_ON}


async def test_day_that_has_passed_is_not_expected_any_more() -> None:
    office = await referred_and_missed(expected(date(2026, 4, 6)))
    assert office.the(DeadlineMissed).expected_on == A_WEEK_LATER


def end_in_berlin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def announced(office: Office) -> list[date | None]:
    """Return the days that the reports of the missed answer name."""
    return [fact.expected_on for fact in office.facts(DeadlineMissed)]


async def test_missed_day_is_reported_again_on_each_day_that_a_letter_has_named() -> None:
    office = await referred_and_missed()
    await come(office, end_in_berlin(A_WEEK_LATER) - timedelta(seconds=1))
    assert announced(office) == [A_WEEK_LATER]
    await come(office, end_in_berlin(A_WEEK_LATER))
    assert announced(office) == [A_WEEK_LATER, date(2026, 4, 23)]
    await come(office, end_in_berlin(date(2026, 4, 23)))
    assert announced(office) == [A_WEEK_LATER, date(2026, 4, 23), date(2026, 5, 1)]
    assert {fact.due_on for fact in office.facts(DeadlineMissed)} == {DUE_ON}


async def test_day_that_the_staff_states_replaces_the_day_of_the_next_letter() -> None:
    office = await referred_and_missed()
    await office.tell(expected(date(2026, 4, 20)), service="intake")
    await come(office, end_in_berlin(date(2026, 4, 20)) - timedelta(seconds=1))
    assert announced(office) == [A_WEEK_LATER, date(2026, 4, 20)]
    await come(office, end_in_berlin(date(2026, 4, 20)))
    assert announced(office) == [A_WEEK_LATER, date(2026, 4, 20), date(2026, 4, 28)]


async def test_decided_request_is_not_reported_again() -> None:
    office = await referred_and_missed()
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    await come(office, end_in_berlin(A_WEEK_LATER))
    assert announced(office) == [A_WEEK_LATER]


async def test_timer_before_the_end_of_the_named_day_is_tried_again() -> None:
    office = await referred_and_missed()
    office.clock.now = end_in_berlin(A_WEEK_LATER) - timedelta(seconds=1)
    await office.tell(DeadlineCame(request_id=CASE, name=f"{MISSED}_20260415"), service="intake")
    assert announced(office) == [A_WEEK_LATER]
    await office.wait(timedelta(seconds=5))
    assert announced(office) == [A_WEEK_LATER, date(2026, 4, 23)]


async def test_named_day_is_reported_again_though_the_person_is_awaited_then(office: Office) -> None:
    await office.tell(NoticeFailed(request_id=CASE, letter=LetterKind.CODE, reason="mail_refused"))
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.CODE), service="notifier")
    await come(office, end_in_berlin(A_WEEK_LATER))
    assert announced(office) == [A_WEEK_LATER, date(2026, 4, 23)]
    assert [fact.awaits_person for fact in office.facts(DeadlineMissed)] == [False, True]


async def test_missed_day_names_no_day_while_the_person_is_awaited(office: Office) -> None:
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert announced(office) == [None]
    assert (CASE, f"{MISSED}_20260415") not in office.deadlines.moments


@pytest.mark.parametrize(("on", "reason"), [(DUE_ON, "day_over"), (date(2026, 4, 20), "not_possible")])
async def test_day_in_the_past_or_of_an_answered_request_cannot_be_stated(on: date, reason: str) -> None:
    office = await referred_and_missed()
    if on > DUE_ON:
        await office.tell(
            RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer")
        )
    await office.tell(expected(on), service="intake")
    assert office.the(DecisionRefused).reason == reason
    assert len(office.facts(DeadlineMissed)) == 1


async def test_the_day_that_the_answer_is_meant_for_moves_as_the_last_day_does(office: Office) -> None:
    await office.tell(RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW), service="verifier")
    await office.tell(RequestResumed(request_id=CASE, at=NOW + timedelta(days=10)), service="verifier")
    await come(office, datetime(2026, 4, 1, 22, tzinfo=UTC))
    assert office.facts(DeadlineApproaching) == []
    await come(office, datetime(2026, 4, 11, 22, tzinfo=UTC))
    assert office.the(DeadlineApproaching).due_on == AFTER_TEN_DAYS


async def test_without_an_address_the_answer_is_on_the_page() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request(right="opt_out_of_sale", subject={"name": "Kim Beispiel"}))
    done = RequestFulfilled(request_id=CASE, right="opt_out_of_sale", outcome="granted", answer="answer")
    await office.tell(done)
    nobody = NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="no_address")
    await office.tell(nobody, service="notifier")
    assert office.deadlines.moments == {}
    office.clock.now = NOW + timedelta(days=60)
    await office.tell(DeadlineCame(request_id=CASE, name=APPROACHING), service="intake")
    assert [*office.facts(DeadlineApproaching), *office.facts(DeadlineMissed)] == []


async def test_an_address_that_refuses_letters_leaves_the_answer_open(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    bounced = NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="mail_refused")
    await office.tell(bounced, service="notifier")
    await come(office, AT_MIDNIGHT_IN_BERLIN - timedelta(days=1))
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert office.the(DeadlineMissed).due_on == DUE_ON


# --- receipt is confirmed (11 CCR § 7021(a)) ---------------------------------------------------------------

CALIFORNIAN = {"residence": {"country": "US", "subdivision": "CA"}}
TEN_BUSINESS_DAYS = datetime(2026, 3, 19, 23, tzinfo=UTC)
"""The end of 19 March, in Berlin."""


ACKNOWLEDGED = NoticeSent(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT)
WITH_CODE = NoticeSent(request_id=CASE, letter=LetterKind.CODE, acknowledges=True)
BOUNCED = NoticeFailed(request_id=CASE, letter=LetterKind.CODE, acknowledges=True, reason="bounced")


@pytest.mark.parametrize(
    ("letters", "confirmed"),
    [
        pytest.param([ACKNOWLEDGED], True, id="acknowledgement"),
        pytest.param([WITH_CODE], True, id="with the code"),
        pytest.param([WITH_CODE.model_copy(update={"acknowledges": False})], False, id="code alone"),
        pytest.param([WITH_CODE, BOUNCED], False, id="came back"),
        pytest.param([BOUNCED.model_copy(update={"reason": "too_many_letters"})], False, id="not sent"),
        pytest.param([], False, id="no letter"),
    ],
)
async def test_a_missing_acknowledgement_after_ten_business_days_raises_an_alarm(
    letters: list[Fact], confirmed: bool
) -> None:
    office = Office()
    await office.submit(request(**CALIFORNIAN))
    await office.tell(*letters, service="notifier")
    await come(office, TEN_BUSINESS_DAYS)
    missed = [(fact.duty, fact.due_on) for fact in office.facts(DeadlineMissed)]
    assert missed == ([] if confirmed else [(TimedDuty.ACKNOWLEDGEMENT, date(2026, 3, 19))])


async def test_without_an_address_no_acknowledgement_is_sent() -> None:
    office = Office()
    await office.submit(request(right="opt_out_of_sale", subject={"name": "Kim Beispiel"}, **CALIFORNIAN))
    assert not any(name.startswith(UNACKNOWLEDGED) for _, name in office.deadlines.moments)


# --- longer ----------------------------------------------------------------------------------------------

LONGER = ExtensionDecided(request_id=CASE, by="anna", reason=ExtensionReason.COMPLEXITY)


async def test_an_extension_moves_the_day_that_is_waited_for(office: Office) -> None:
    await office.tell(LONGER, service="intake")
    assert office.the(RequestExtended).due_on == date(2026, 6, 5)
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.EXTENSION), service="notifier")
    await come(office, datetime(2026, 5, 27, 21, tzinfo=UTC))
    assert [*office.facts(DeadlineApproaching), *office.facts(DeadlineMissed)] == []
    await come(office, datetime(2026, 5, 27, 22, tzinfo=UTC))
    assert office.the(DeadlineApproaching).due_on == date(2026, 6, 5)


async def test_a_late_extension_notice_raises_an_alarm(office: Office) -> None:
    await office.tell(LONGER, service="intake")
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    [missed] = office.facts(DeadlineMissed)
    assert (missed.duty, missed.due_on) == (TimedDuty.EXTENDED_ANSWER, DUE_ON)


async def test_a_second_extension_is_none(office: Office) -> None:
    await office.tell(LONGER, service="intake")
    await office.tell(LONGER, service="intake")
    assert len(office.facts(RequestExtended)) == 1


# --- an answer that came back -----------------------------------------------------------------------------


async def answered(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")


BOUNCED = NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="bounced")


async def test_an_answer_returned_after_closing_raises_an_alarm_at_once(office: Office) -> None:
    await answered(office)
    await office.tell(BOUNCED, service="notifier")
    assert office.the(DeadlineApproaching).due_on == DUE_ON
    assert len(office.deadlines.moments) == 1
    await office.tell(AnswerDelivered(request_id=CASE, by="anna", way="post"), service="intake")
    assert office.deadlines.moments == {}
    office.clock.now = NOW + timedelta(days=90)
    await office.tell(DeadlineCame(request_id=CASE, name=MISSED), service="intake")
    assert office.facts(DeadlineMissed) == []


async def test_an_undelivered_answer_misses_its_deadline(office: Office) -> None:
    await answered(office)
    await office.tell(BOUNCED, service="notifier")
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert office.the(DeadlineMissed).due_on == DUE_ON


async def test_an_answer_that_comes_back_after_the_last_day_is_missed_at_once(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    await come(office, datetime(2026, 4, 1, 22, tzinfo=UTC))
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    assert office.facts(DeadlineMissed) == []
    await office.tell(BOUNCED, service="notifier")
    assert office.the(DeadlineMissed).due_on == DUE_ON


async def test_a_bounce_that_overtakes_its_letter_is_tried_again(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.tell(RequestFulfilled(request_id=CASE, right="access", outcome="granted", answer="answer"))
    await office.tell(BOUNCED, service="notifier")
    assert office.facts(DeadlineApproaching) == []
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")
    await office.wait(timedelta(seconds=5))
    assert office.the(DeadlineApproaching).due_on == DUE_ON


@pytest.mark.parametrize("late", [True, False])
async def test_a_returned_extension_notice_does_not_count(office: Office, late: bool) -> None:
    await office.tell(LONGER, service="intake")
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.EXTENSION), service="notifier")
    bounced = NoticeFailed(request_id=CASE, letter=LetterKind.EXTENSION, reason="bounced")
    if not late:
        await office.tell(bounced, service="notifier")
    await come(office, AT_MIDNIGHT_IN_BERLIN)
    if late:
        await office.tell(bounced, service="notifier")
    missed = office.the(DeadlineMissed)
    assert (missed.duty, missed.due_on) == (TimedDuty.EXTENDED_ANSWER, DUE_ON)


async def test_a_moment_that_comes_to_a_clock_that_is_behind_is_not_lost(office: Office) -> None:
    """Another replica with a fast clock has raised it; it is raised once."""
    await come(office, datetime(2026, 4, 1, 22, tzinfo=UTC))
    office.clock.now = AT_MIDNIGHT_IN_BERLIN - timedelta(seconds=1)
    await office.tell(DeadlineCame(request_id=CASE, name=f"{MISSED}_20260407"), service="intake")
    assert office.facts(DeadlineMissed) == []
    await office.wait(timedelta(seconds=5))
    assert office.the(DeadlineMissed).due_on == DUE_ON


# --- packages are kept as long as was promised --------------------------------------------------------------

EXPIRES = NOW + timedelta(days=30)


async def packed(office: Office) -> None:
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, id_="p")
    await office.vault.seal(CASE, "package", b"everything")
    await office.vault.seal(CASE, facts_of("package"), b"facts")
    answer = RequestFulfilled(
        request_id=CASE,
        right="access",
        outcome="granted",
        answer="answer",
        package="package",
        package_expires_at=EXPIRES,
    )
    await office.tell(answer)
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")


@pytest.mark.parametrize("fetched", [True, False])
async def test_a_package_not_downloaded_is_reminded_of_a_week_before_its_end(
    office: Office, fetched: bool
) -> None:
    await packed(office)
    if fetched:
        journal = office.journals["intake"]
        await journal.append(
            [
                JournalRow(
                    CASE,
                    len((await journal.histories({CASE}))[CASE]),
                    "f",
                    None,
                    (PackageFetched(request_id=CASE),),
                    NOW,
                )
            ]
        )
    await come(office, EXPIRES - timedelta(days=7))
    assert len(office.facts(PackageExpiring)) == (0 if fetched else 1)


async def test_a_package_is_destroyed_when_it_was_kept_as_long_as_was_promised(office: Office) -> None:
    await packed(office)
    await come(office, EXPIRES - timedelta(seconds=1))
    assert await office.vault.holds(CASE, "package")
    await come(office, EXPIRES)
    assert not await office.vault.holds(CASE, "package")
    assert not await office.vault.holds(CASE, facts_of("package"))
    assert len(office.facts(PackageExpired)) == 1
