"""Waits for the person end before the law's last day; the refusal and a late proof are in time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.intake.cases.deadlines import APPROACHING
from services.intake.domain import request_id
from services.verifier.assurance.levels import Sensitivity
from services.verifier.handlers import LAPSE, REMINDER
from shared.contract.events import (
    DeadlineApproaching,
    IdentityChallenged,
    IdentityDecided,
    IdentityRefused,
    IdentityReminded,
    IdentityVerified,
    ProofExamined,
    ProofPresented,
    RequestPaused,
    RequestReceived,
    RequestResumed,
    TimeCame,
    Verdict,
)
from shared.law import ClockRules, end_of
from tests.unit.fakes import ABROAD, NOW, PRACTICE, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
BERLIN = ZoneInfo("Europe/Berlin")
BRAZIL: dict[str, Any] = {"country": "BR"}
QUEBEC: dict[str, Any] = {"country": "CA", "subdivision": "QC"}
SWITZERLAND: dict[str, Any] = {"country": "CH"}
GERMANY: dict[str, Any] = {"country": "DE"}
DOCUMENT = {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": "/9g="}


async def opened(
    at: datetime = NOW,
    *,
    sensitivity: Sensitivity = Sensitivity.ORDINARY,
    practice: ClockRules = ABROAD,
    **data: Any,
) -> Office:
    """Return an office with a request of *data* that arrives *at* a moment."""
    office = Office(practice=practice, sensitivity=sensitivity)
    office.clock.now = at
    await office.submit(request(**{"received_at": at.isoformat(), **data}))
    return office


async def due_on(office: Office) -> date:
    """Return the last day of the answer as it is now."""
    case = await office.duplicates.case(CASE)
    assert case.due_on
    return case.due_on


def day(at: datetime) -> date:
    return at.astimezone(BERLIN).date()


@pytest.mark.parametrize(
    ("residence", "practice", "received_at", "last_day"),
    [
        pytest.param(BRAZIL, ABROAD, NOW, date(2026, 3, 19), id="Brazil"),
        pytest.param(QUEBEC, ABROAD, NOW, date(2026, 4, 2), id="Quebec"),
        pytest.param(SWITZERLAND, ABROAD, NOW, date(2026, 4, 3), id="Switzerland"),
        pytest.param(
            GERMANY, PRACTICE, datetime(2027, 2, 1, 8, tzinfo=UTC), date(2027, 3, 1), id="Germany in February"
        ),
    ],
)
async def test_request_without_proof_is_refused_before_its_last_day(
    residence: dict[str, Any], practice: ClockRules, received_at: datetime, last_day: date
) -> None:
    office = await opened(received_at, residence=residence, practice=practice)
    assert office.the(RequestReceived).due_on == last_day
    await office.fire(LAPSE, CASE)
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)
    assert day(office.clock.now) < last_day


async def test_reminder_leaves_half_of_the_time_to_answer() -> None:
    office = await opened(residence=BRAZIL)
    await office.fire(REMINDER, CASE)
    lapses_at = office.the(IdentityReminded).expires_at
    assert office.clock.now - NOW == lapses_at - office.clock.now
    assert day(lapses_at) == date(2026, 3, 14)


@pytest.mark.parametrize("window", [timedelta(0), timedelta(days=1), timedelta(days=7)])
async def test_wait_for_proof_leaves_time_for_the_window_before_an_erasure(window: timedelta) -> None:
    practice = replace(PRACTICE, window=window)
    office = await opened(datetime(2027, 2, 1, 8, tzinfo=UTC), practice=practice, right="erasure")
    await office.fire(LAPSE, CASE)
    assert office.clock.now + window < end_of(date(2027, 3, 1), BERLIN)


async def test_verified_identity_carries_the_end_of_the_time_to_wait_for_a_fee() -> None:
    office = await opened(residence=BRAZIL)
    await prove_mailbox(office)
    assert office.the(IdentityVerified).wait_until == datetime(2026, 3, 13, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("residence", "last_day"), [(BRAZIL, date(2026, 3, 19)), (SWITZERLAND, date(2026, 4, 3))]
)
async def test_verified_identity_carries_the_last_day_as_the_end_of_windows(
    residence: dict[str, str], last_day: date
) -> None:
    office = await opened(residence=residence)
    await prove_mailbox(office)
    verified = office.the(IdentityVerified)
    assert verified.windows_until == end_of(last_day - timedelta(days=1), BERLIN)


async def test_law_that_pauses_for_a_fee_sets_no_end_to_agree() -> None:
    """DPO Art. 19(3)."""
    office = await opened(residence=SWITZERLAND)
    await prove_mailbox(office)
    assert office.the(IdentityVerified).wait_until is None


async def test_patience_shorter_than_the_law_allows_is_kept() -> None:
    office = Office(patience=timedelta(days=4))
    await office.submit(request())
    await office.fire(LAPSE, CASE)
    assert office.clock.now == NOW + timedelta(days=4)


async def test_request_that_reaches_us_on_its_last_day_leaves_the_person_a_day() -> None:
    office = await opened(residence=BRAZIL, received_at=(NOW - timedelta(days=14)).isoformat())
    await office.fire(LAPSE, CASE)
    assert office.clock.now == NOW + timedelta(days=1)


async def test_wait_with_a_paused_clock_lasts_for_the_whole_patience() -> None:
    office = await asked_for_document(GERMANY, PRACTICE)
    assert office.the(RequestPaused).since == NOW
    await office.fire(LAPSE, CASE)
    assert office.clock.now == NOW + timedelta(days=30)
    assert day(office.clock.now) < await due_on(office)


async def test_wait_under_a_law_that_does_not_pause_ends_although_another_law_pauses() -> None:
    office = await asked_for_document(BRAZIL, PRACTICE)  # the GDPR protects them as well
    assert office.the(RequestPaused)
    await office.fire(LAPSE, CASE)
    assert day(office.clock.now) == date(2026, 3, 14)
    assert await due_on(office) == date(2026, 3, 19)


async def test_wait_after_a_pause_is_counted_with_the_days_of_the_pause() -> None:
    office = await asked_for_document(GERMANY, PRACTICE)
    await office.wait(timedelta(days=10))
    await office.offer(DOCUMENT, id_="d")
    await examined(office, Verdict.REFUSED, "image_blurred")
    assert office.the(RequestResumed).at == NOW + timedelta(days=10)
    assert office.facts(IdentityChallenged)[-1].expires_at == NOW + timedelta(days=30)
    await office.fire(LAPSE, CASE)
    assert day(office.clock.now) < await due_on(office)


async def test_end_that_was_set_before_a_pause_is_not_the_end() -> None:
    office = await opened(residence=GERMANY, practice=PRACTICE, sensitivity=Sensitivity.HIGH)
    [first] = [name for _, name in office.timers.moments if name.startswith(LAPSE)]
    await prove_mailbox(office)
    office.clock.now = office.timers.moments[CASE, first]
    await office.tell(TimeCame(request_id=CASE, name=first), service="verifier")
    assert office.facts(IdentityRefused) == []
    await office.fire(LAPSE, CASE)
    assert office.the(IdentityRefused)


async def test_reminder_of_an_earlier_letter_is_not_sent() -> None:
    office = await opened(residence=GERMANY, practice=PRACTICE, sensitivity=Sensitivity.HIGH)
    await prove_mailbox(office)
    await office.tell(TimeCame(request_id=CASE, name=f"{REMINDER}_1"), service="verifier")
    assert office.facts(IdentityReminded) == []
    await office.fire(REMINDER, CASE)
    assert office.the(IdentityReminded)


async def test_confirmation_asked_for_after_the_staff_has_decided_lapses_in_time() -> None:
    office = await asked_for_document(BRAZIL, ABROAD, right="erasure")
    await office.offer(DOCUMENT, id_="d")
    await examined(office, Verdict.UNCLEAR, "name_partial")
    await office.fire(LAPSE, CASE)
    assert office.facts(IdentityRefused) == [], "the staff looks at a proof"
    yes = IdentityDecided(
        request_id=CASE, verified=True, by="dana.muster", reason="looked_at", identities=("customer_no",)
    )
    await office.tell(yes, service="command")
    decided_at = office.clock.now
    await office.fire(LAPSE, CASE)
    assert office.clock.now == decided_at + timedelta(days=1)
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)


async def test_staff_is_alarmed_when_the_wait_ends_and_not_before() -> None:
    office = await opened(residence=BRAZIL)
    alarm = office.deadlines.moments[CASE, APPROACHING]
    await office.fire(LAPSE, CASE)
    assert office.clock.now <= alarm
    assert office.facts(DeadlineApproaching) == []


async def asked_for_document(residence: dict[str, Any], practice: ClockRules, **data: Any) -> Office:
    """Return an office that asks for a document at once, because no code can be mailed."""
    office = await opened(
        residence=residence,
        practice=practice,
        sensitivity=Sensitivity.HIGH,
        subject={"name": "Ottilie Quastenflosser", "identifiers": {"customer_no": "K-7741-Q"}},
        **data,
    )
    assert any("identity_document" in way for way in office.the(IdentityChallenged).wanted)
    return office


async def prove_mailbox(office: Office) -> None:
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="code")


async def examined(office: Office, verdict: Verdict, *reasons: str) -> None:
    presented = office.facts(ProofPresented)[-1]
    fact = ProofExamined(request_id=CASE, proof=presented.proof, verdict=verdict, reasons=reasons)
    await office.tell(fact, service="examiner")
