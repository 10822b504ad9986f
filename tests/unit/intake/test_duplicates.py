"""Duplicates are answered with the first request, and block no other requester."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from services.intake.cases.deadlines import APPROACHING, UNACKNOWLEDGED
from services.intake.cases.fingerprint import duplicate_of
from services.intake.cases.registration import LOST_AFTER
from services.intake.channels.drp.statuses import DrpReason, DrpRequestFacts, DrpStatus, report_of
from services.intake.domain import PUBLIC_SOURCE, CaseStatus, IntakeCase, request_id
from shared.contract.events import (
    DeadlineApproaching,
    DeadlineCame,
    EmailCode,
    Evidence,
    ExtensionDecided,
    ExtensionReason,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityVerified,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    Outcome,
    RequestClosed,
    RequestDuplicated,
    RequestFulfilled,
    RequestReceived,
    RequestRejected,
    RequestRenewed,
    StopReason,
)
from shared.law import Right
from tests.unit.fakes import ABROAD, NOW, PERSON, REQUEST_KEY, SOURCE, Office, request, submission
from tests.unit.intake_api import client_of

FIRST, SECOND, THIRD = (request_id(SOURCE, name, key=REQUEST_KEY) for name in ("r-1", "r-2", "r-3"))
AGENT = {"name": "Kanzlei Muster", "email": "office@agent.example.net", "permission": "She has asked me to."}
CALIFORNIA = {"country": "US", "subdivision": "CA"}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q"}}


async def asked(office: Office, *, name: str = "r-1", source: str = SOURCE, **changes: Any) -> None:
    await office.submit(request(reference=name, **changes), id_=f"{source} {name}", source=source)


async def asked_once(**changes: Any) -> Office:
    office = Office()
    await asked(office, **changes)
    return office


async def asked_twice(**changes: Any) -> Office:
    office = await asked_once()
    await asked(office, name="r-2", **changes)
    return office


def answered(case: str = FIRST) -> tuple[Fact, ...]:
    fulfilled = RequestFulfilled(
        request_id=case, right=Right.ACCESS, outcome=Outcome.NOTHING_HELD, answer="answer"
    )
    return verified(case), fulfilled


def verified(case: str = FIRST) -> IdentityVerified:
    return IdentityVerified.model_validate(
        {
            "request_id": case,
            "right": Right.ACCESS,
            "regulation": "gdpr",
            "received_on": NOW.date(),
            "assurance": "mailbox",
            "reasons": (),
        }
    )


def sent(letter: LetterKind, case: str = FIRST) -> NoticeSent:
    return NoticeSent(request_id=case, letter=letter)


async def test_a_duplicate_is_linked_to_the_first_and_needs_no_proof() -> None:
    office = await asked_twice()
    first = office.facts(RequestReceived)[0]
    reported = office.the(RequestDuplicated)
    assert (reported.request_id, reported.first) == (SECOND, FIRST)
    assert (reported.first_received_on, reported.due_on) == (first.received_on, first.due_on)
    assert office.facts(RequestReceived)[1].repeats == FIRST
    assert {fact.request_id for fact in office.facts(IdentityChallenged)} == {FIRST}
    assert (await office.requests.case(SECOND)).status is CaseStatus.DUPLICATE


async def test_it_is_closed_when_that_letter_is_sent() -> None:
    office = await asked_twice()
    await office.tell(sent(LetterKind.DUPLICATE, SECOND), service="notifier")
    closed = office.the(RequestClosed)
    assert (closed.request_id, closed.outcome) == (SECOND, None)
    assert (await office.requests.case(FIRST)).status is CaseStatus.CHALLENGED


async def test_every_further_one_is_linked_to_the_first_and_to_no_duplicate() -> None:
    office = await asked_twice()
    await asked(office, name="r-3")
    assert [fact.first for fact in office.facts(RequestDuplicated)] == [FIRST, FIRST]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"right": "erasure"}, id="another right"),
        pytest.param({"subject": PERSON | {"email": "other@example.org"}}, id="another mailbox"),
        pytest.param({"subject": PERSON | {"name": "Cem Beispiel"}}, id="another who shares the mailbox"),
        pytest.param({"subject": PERSON | {"identifiers": {"customer_no": "K-1"}}}, id="another number"),
        pytest.param({"subject": PERSON | {"phone": "+49 30 5550100"}}, id="another telephone"),
        pytest.param({"details": {"statement": "All of it, please."}}, id="another wish"),
        pytest.param({"details": {"scope": ["orders"]}}, id="another scope"),
        pytest.param({"details": {"transfer_to": "https://other.example.net"}}, id="for another controller"),
        pytest.param({"role": "employee"}, id="as an employee"),
        pytest.param({"agent": AGENT}, id="an agent"),
        pytest.param({"source": "billing.example.com"}, id="another system"),
        pytest.param({"proofs": [CLAIM]}, id="with a proof"),
        pytest.param({"residence": CALIFORNIA}, id="under other laws"),
    ],
)
async def test_every_field_the_answer_depends_on_is_in_the_fingerprint(changes: dict[str, Any]) -> None:
    office = await asked_twice(**changes)
    assert office.facts(RequestDuplicated) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"subject": PERSON | {"email": str(PERSON["email"]).upper()}}, id="capitals"),
        pytest.param({"subject": PERSON | {"name": " Ottilie  quastenflosser"}}, id="the name typed anew"),
        pytest.param({"residence": {"country": "FR"}}, id="another residence"),
        pytest.param({"locale": "fr"}, id="another language"),
        pytest.param({"received_at": (NOW - timedelta(days=1)).isoformat()}, id="another day"),
    ],
)
async def test_how_and_when_it_is_said_makes_no_other_request(changes: dict[str, Any]) -> None:
    office = await asked_twice(**changes)
    assert office.the(RequestDuplicated).first == FIRST


async def test_an_agents_request_does_not_block_the_persons_own() -> None:
    office = await asked_once(agent=AGENT)
    await asked(office, name="r-2")
    await asked(office, name="r-3", agent=AGENT | {"email": "other@agent.example.net"})
    assert office.facts(RequestDuplicated) == []
    await asked(office, name="r-4", agent=AGENT | {"permission": "As I have written before."})
    assert office.the(RequestDuplicated).first == FIRST


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"right": "opt_out_of_sale"}, id="an opt-out"),
        pytest.param({"right": "objection", "details": {"scope": ["direct_marketing"]}}, id="advertising"),
        pytest.param({"subject": {"name": "Cem Beispiel"}}, id="nobody to write to"),
        pytest.param({"role": "end_user"}, id="an end user's"),
    ],
)
async def test_requests_without_proof_or_address_are_not_compared(changes: dict[str, Any]) -> None:
    office = await asked_once(**changes)
    await asked(office, name="r-2", **changes)
    assert office.facts(RequestDuplicated) == []
    assert office.duplicates.claims == {}


UNDELIVERED = NoticeFailed(request_id=FIRST, letter=LetterKind.OUTCOME, reason="unknown_mailbox")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param([IdentityRefused(request_id=FIRST, reasons=("not_proven_in_time",))], id="lapsed"),
        pytest.param([*answered(), sent(LetterKind.OUTCOME)], id="answered"),
        pytest.param([*answered(), UNDELIVERED], id="answered by a letter that nobody takes"),
    ],
)
async def test_when_the_first_has_ended_the_next_is_the_first_of_its_kind(facts: Sequence[Fact]) -> None:
    office = await asked_once()
    await office.tell(*facts)
    await asked(office, name="r-2")
    assert office.facts(RequestDuplicated) == []
    await asked(office, name="r-3")
    assert office.the(RequestDuplicated).first == SECOND


async def test_a_stopped_request_which_a_stranger_may_have_sent_blocks_no_other() -> None:
    office = await asked_once()
    await office.requests.stop(FIRST, StopReason.NOT_ME)
    await asked(office, name="r-2")
    assert office.facts(RequestDuplicated) == []
    await asked(office, name="r-3")
    assert office.the(RequestDuplicated).first == SECOND


async def test_while_its_letter_is_on_its_way_the_first_is_still_the_answer() -> None:
    office = await asked_once()
    await office.tell(*answered())
    await asked(office, name="r-2")
    assert office.the(RequestDuplicated).first == FIRST


@pytest.mark.slow
async def test_a_flood_in_one_name_is_one_request_and_blocks_no_other() -> None:
    office = Office()
    for day in range(40):
        await asked(office, name=f"flood-{day}", received_at=office.clock.now.isoformat())
        office.clock.move(timedelta(days=1))
    # Late, so the next is a request of its own although the first has not lapsed yet.
    assert len([fact for fact in office.facts(RequestReceived) if fact.repeats is None]) == 2


async def test_a_reminder_of_a_late_request_has_its_own_deadline() -> None:
    office = await asked_once()
    await office.tell(verified())
    due_on = office.the(RequestReceived).due_on
    office.clock.now = NOW.replace(year=due_on.year, month=due_on.month, day=due_on.day)
    await asked(office, name="r-2")
    assert office.the(RequestDuplicated).due_on == due_on
    office.clock.move(timedelta(days=1))
    await asked(office, name="r-3")
    assert len(office.facts(RequestDuplicated)) == 1


async def test_a_duplicate_gets_no_later_deadline_than_its_own() -> None:
    office = await asked_once()
    longer = ExtensionDecided(request_id=FIRST, by="anna", reason=ExtensionReason.COMPLEXITY)
    await office.tell(longer, service="intake")
    office.clock.move(timedelta(days=20))
    await asked(office, name="r-2", received_at=office.clock.now.isoformat())
    assert office.facts(RequestDuplicated) == []
    await asked(office, name="r-3", received_at=office.clock.now.isoformat())
    reported = office.the(RequestDuplicated)
    assert (reported.first, reported.due_on) == (SECOND, office.facts(RequestReceived)[-1].due_on)


async def test_an_earlier_request_keeps_its_own_deadline() -> None:
    office = await asked_twice(received_at=(NOW - timedelta(days=9)).isoformat())
    assert office.facts(RequestDuplicated) == []


async def test_a_law_with_less_time_is_a_request_of_its_own() -> None:
    office = Office(practice=ABROAD)
    await asked(office, residence=None)
    await asked(office, name="r-2", residence={"country": "BR"})
    first, second = office.facts(RequestReceived)
    assert second.due_on < first.due_on
    assert office.facts(RequestDuplicated) == []


async def test_a_request_that_is_taken_up_again_repeats_neither_itself_nor_another_such() -> None:
    office = await asked_once()
    for renewed in ("e" * 32, "f" * 32):
        await office.tell(RequestRenewed(request_id=renewed, follows=FIRST), service="intake")
        assert office.facts(RequestReceived)[-1].follows == FIRST
    assert office.facts(RequestDuplicated) == []


async def test_no_alarm_is_raised_about_a_duplicate() -> None:
    office = await asked_once(residence=CALIFORNIA)
    await asked(office, name="r-2", residence=CALIFORNIA)
    due_on = office.facts(RequestReceived)[-1].due_on
    office.clock.move(timedelta(days=100))
    for kind in (APPROACHING, UNACKNOWLEDGED):
        await office.tell(DeadlineCame(request_id=SECOND, name=f"{kind}_{due_on:%Y%m%d}"), service="intake")
    assert office.facts(DeadlineApproaching) == []
    assert not (await office.requests.case(SECOND)).unanswered


async def test_a_duplicate_takes_no_proofs() -> None:
    office = await asked_twice()
    await office.offer({"kind": "email_code", "code": "123456"}, id_="p", reference="r-2")
    assert office.the(RequestRejected).errors[0].message == "the request is duplicate"


async def test_the_page_of_a_duplicate_does_not_link_to_the_first() -> None:
    office = await asked_twice()
    async with client_of(office.requests) as client:
        page = (await client.get(f"/requests/{SECOND}")).text
        status = (await client.get(f"/v1/requests/{SECOND}")).text
    assert "You have already made this request" in page
    assert FIRST not in page + status


async def test_an_agent_gets_the_status_of_a_duplicate() -> None:
    office = await asked_twice()
    links = "https://privacy.example.com", "https://privacy.example.com"
    asked_of = DrpRequestFacts(SECOND, None, NOW, NOW, NOW, *links)
    reported = report_of(await office.requests.case(SECOND), asked_of, revoked=False)
    assert (reported.standing, reported.reason) == (DrpStatus.DENIED, DrpReason.TOO_MANY_REQUESTS)


def test_a_request_with_more_evidence_does_not_wait_for_an_unproven_first() -> None:
    fields = {
        "request_id": FIRST,
        "right": "erasure",
        "regulation": "gdpr",
        "policy": "gdpr@2018-05-25",
        "source": SOURCE,
        "received_at": NOW,
        "received_on": NOW.date(),
        "due_on": date(2026, 4, 7),
        "internal_due_on": date(2026, 4, 2),
    }
    received = RequestReceived.model_validate(fields)
    attested = received.model_copy(update={"attested": (Evidence.MAILBOX,)})
    today = NOW.date()
    assert duplicate_of(IntakeCase(CaseStatus.CHALLENGED, received), received, today)
    assert not duplicate_of(IntakeCase(CaseStatus.CHALLENGED, received), attested, today)
    assert duplicate_of(IntakeCase(CaseStatus.VERIFIED, received), attested, today)


# --- at the public API ------------------------------------------------------------------------------------


async def asked_by_anybody(*names: str) -> Office:
    office = Office()
    for name in names:
        await office.lodge(request(reference=name), PUBLIC_SOURCE)
    return office


def public(name: str) -> str:
    return request_id(PUBLIC_SOURCE, name, key=REQUEST_KEY)


@pytest.mark.parametrize("how", ["withdrawn", "burned", "left alone"])
async def test_an_unproven_public_request_blocks_no_other(how: str) -> None:
    office = await asked_by_anybody("stranger", "person")
    assert office.facts(RequestDuplicated) == []
    if how == "withdrawn":
        await office.requests.withdraw(public("stranger"))
        await office.work()
    elif how == "burned":
        refused = IdentityRefused(request_id=public("stranger"), reasons=("too_many_attempts",))
        await office.tell(refused, service="verifier")
    code = {"kind": "email_code", "code": office.code_of(public("person"), "code_0")}
    await office.requests.prove(public("person"), [EmailCode.model_validate(code)])
    await office.work()
    assert office.the(IdentityVerified).request_id == public("person")


async def test_a_proven_repeated_request_has_one_answer() -> None:
    office = await asked_by_anybody("once")
    await office.tell(verified(public("once")), service="verifier")
    for name in ("again", "and again"):
        await office.lodge(request(reference=name), PUBLIC_SOURCE)
    assert [fact.first for fact in office.facts(RequestDuplicated)] == [public("once")] * 2


# --- crashes and races -------------------------------------------------------------------------------------


async def claimed(case: str) -> Office:
    """Return an office in which *case* claimed its fingerprint, and crashed."""
    (wish,) = (await asked_once()).duplicates.claims
    office = Office()
    await office.duplicates.claim(wish.encode(), case, NOW)
    return office


async def test_after_a_crash_the_claim_is_kept() -> None:
    office = await claimed(FIRST)
    await asked(office)
    assert office.facts(RequestDuplicated) == []
    assert office.the(RequestReceived).request_id == FIRST


async def test_the_second_waits_until_the_first_is_registered() -> None:
    office = await claimed(FIRST)
    await asked(office, name="r-2")
    assert office.facts(RequestReceived) == []
    await asked(office)
    await office.wait(timedelta(seconds=1))
    assert office.the(RequestDuplicated).request_id == SECOND


async def test_one_that_is_never_registered_is_not_waited_for_for_ever() -> None:
    office = await claimed(FIRST)
    await asked(office, name="r-2")
    while office.clock.now <= NOW + LOST_AFTER:
        await office.wait(timedelta(minutes=10))
    assert office.the(RequestReceived).request_id == SECOND
    await asked(office)
    assert office.the(RequestDuplicated).request_id == FIRST


async def test_two_at_once_are_one_first_and_one_duplicate() -> None:
    office = Office()
    for name in ("r-1", "r-2"):
        await office.broker.publish([submission("request.submitted", request(reference=name), id_=name)])
    await office.work()
    await office.wait(timedelta(seconds=1))
    assert [fact.repeats for fact in office.facts(RequestReceived)] == [None, FIRST]


async def test_of_two_requests_after_an_ended_one_one_is_first() -> None:
    office = await asked_once()
    await office.tell(*answered(), sent(LetterKind.OUTCOME))
    for name in ("r-2", "r-3"):
        await office.broker.publish([submission("request.submitted", request(reference=name), id_=name)])
    await office.work()
    await office.wait(timedelta(seconds=1))
    assert [fact.repeats for fact in office.facts(RequestReceived)] == [None, None, SECOND]
    assert office.the(RequestDuplicated).request_id == THIRD
