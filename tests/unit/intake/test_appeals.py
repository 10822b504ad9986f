"""Who disagrees: an appeal where the law knows one, a complaint elsewhere, and what comes of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from services.intake.cases.clock import received_appeal
from services.intake.domain import CaseStatus, IntakeCase, request_id
from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.pages.site import Site
from shared.contract.answer import SUBMISSION
from shared.contract.envelope import derived_id
from shared.contract.events import (
    AppealAnswered,
    AppealDecided,
    AppealReceived,
    Assurance,
    ContentOpened,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    DecisionRefused,
    ErasureApproved,
    Fact,
    IdentityRefused,
    IdentityVerified,
    LetterKind,
    NoticeSent,
    Outcome,
    Remedy,
    RequestFulfilled,
    RequestReceived,
    RequestRejected,
)
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from shared.law import Regulation, Right, TimedDuty
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import ABROAD, NOW, PRACTICE, REQUEST_KEY, SOURCE, Office, request, submission
from tests.unit.intake_api import CLOSED, ROOT, SITE, client_of

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
SAID = "You overlooked my invoices."


def case(*laws: str, status: CaseStatus = CaseStatus.CLOSED) -> IntakeCase:
    received = RequestReceived(
        request_id=CASE,
        right=Right.ACCESS,
        regulation=Regulation.GDPR,
        policy=laws[0],
        also=laws[1:],
        source=SOURCE,
        received_at=NOW,
        received_on=date(2026, 3, 5),
        due_on=date(2026, 4, 7),
        internal_due_on=date(2026, 4, 2),
    )
    return IntakeCase(status=status, received=received)


@pytest.mark.parametrize(
    ("laws", "status", "remedy", "due_on"),
    [
        pytest.param(
            ["us-va@2023-01-01"], CaseStatus.REFUSED, Remedy.APPEAL, date(2026, 5, 1), id="Virginia: 60 days"
        ),
        pytest.param(
            ["us-co@2023-07-01"], CaseStatus.CLOSED, Remedy.APPEAL, date(2026, 4, 17), id="Colorado: 45 days"
        ),
        pytest.param(
            ["uk-gdpr@2026-02-05"],
            CaseStatus.CLOSED,
            Remedy.COMPLAINT,
            date(2026, 4, 2),
            id="United Kingdom: 30 days",
        ),
        pytest.param(
            ["gdpr@2018-05-25"], CaseStatus.CLOSED, Remedy.COMPLAINT, None, id="elsewhere without a period"
        ),
        pytest.param(
            ["us-va@2023-01-01"], CaseStatus.VERIFIED, Remedy.COMPLAINT, None, id="before there is an answer"
        ),
        pytest.param(
            ["us-va@2023-01-01", "uk-gdpr@2026-02-05"],
            CaseStatus.VERIFIED,
            Remedy.COMPLAINT,
            date(2026, 4, 2),
            id="before there is an answer, in the United Kingdom as well",
        ),
    ],
)
def test_the_law_says_what_it_is_and_by_when_it_is_dealt_with(
    laws: list[str], status: CaseStatus, remedy: Remedy, due_on: date | None
) -> None:
    fact = received_appeal(case(*laws, status=status), "appeal_1", NOW, ABROAD)
    assert fact is not None
    assert (fact.remedy, fact.due_on, fact.received_on) == (remedy, due_on, date(2026, 3, 5))


def verified_by(*deciders: str) -> IdentityVerified:
    return IdentityVerified(
        request_id=CASE,
        right=Right.ERASURE,
        regulation=Regulation.GDPR,
        received_on=date(2026, 3, 2),
        assurance=Assurance.MAILBOX,
        reasons=("looked_at",),
        deciders=deciders,
    )


def fulfilled_by(*deciders: str) -> RequestFulfilled:
    outcome = Outcome.NOTHING_HELD
    return RequestFulfilled(
        request_id=CASE, right=Right.ERASURE, outcome=outcome, answer="answer_1", deciders=deciders
    )


async def answered_by(*facts: Fact, **changes: object) -> Office:
    office = Office()
    await office.submit(request(**changes))
    for fact in facts:
        await office.tell(fact, service="verifier" if "identity" in fact.TYPE else "fulfillment")
    return office


async def refused(**changes: object) -> Office:
    """Return an office that has refused a request of a person in Virginia, and sent the letter."""
    office = Office(practice=PRACTICE)
    await office.submit(request(residence={"country": "US", "subdivision": "VA"}, **changes))
    await office.tell(IdentityRefused(request_id=CASE, reasons=("not_proven_in_time",)), service="verifier")
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.REFUSAL), service="notifier")
    return office


async def appeal(office: Office, id_: str = "a") -> None:
    data = {"reference": "r-1", "statement": SAID}
    await office.broker.publish([submission("appeal.submitted", data, id_=id_)])
    await office.work()


async def test_an_appeal_is_sealed_and_its_statement_is_in_no_event() -> None:
    office = await refused()
    await appeal(office)
    received = office.the(AppealReceived)
    assert (received.remedy, received.policy) == (Remedy.APPEAL, "us-va@2023-01-01")
    assert (await office.vault.open(CASE, received.statement)).decode() == SAID
    assert not any(SAID.encode() in message.body for message in office.broker.published[-1:])


async def test_appeal_through_the_service_is_sealed() -> None:
    office = await refused()
    await office.requests.appeal(CASE, SAID)
    await office.work()
    assert (await office.vault.open(CASE, office.the(AppealReceived).statement)).decode() == SAID


async def test_a_second_one_waits_for_the_first() -> None:
    office = await refused()
    await appeal(office)
    await appeal(office, "again")
    assert len(office.facts(AppealReceived)) == 1
    assert [flaw.message for flaw in office.the(RequestRejected).errors] == ["an appeal is open already"]
    await office.tell(
        AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",)), service="intake"
    )
    await appeal(office, "later")
    assert len(office.facts(AppealReceived)) == 2


async def test_appeal_about_an_unknown_id_is_rejected() -> None:
    office = Office()
    data = {"request": CASE, "statement": "You have overlooked my second account."}
    await office.broker.publish([submission("appeal.submitted", data, id_="a")])
    await office.work()
    assert office.the(RequestRejected).errors[0].path == "data.request"


async def test_one_that_is_not_granted_is_answered_with_the_reasons() -> None:
    office = await refused()
    await appeal(office)
    decided = AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",))
    await office.tell(decided, service="intake")
    await office.tell(decided, service="intake")
    answered = office.the(AppealAnswered)
    assert (answered.granted, answered.reasons, answered.renewed) == (False, ("legal_claims",), None)


@pytest.mark.parametrize("sealed", [None, "You owe us money."], ids=["missing", "replaced"])
async def test_decision_with_another_explanation_than_the_signed_text_is_refused(sealed: str | None) -> None:
    office = await refused()
    await appeal(office)
    salt = bytes(TEXT_SALT_BYTES)
    item = written_item(salted(b"There is no second account.", salt))
    if sealed is not None:
        await office.vault.seal(CASE, item, salted(sealed.encode(), salt))
    decided = AppealDecided(request_id=CASE, by="anna", granted=False, explanation=item)
    await office.tell(decided, service="intake")
    assert office.facts(AppealAnswered) == []
    assert office.the(DecisionRefused).reason == "text_differs"


async def test_one_that_is_granted_takes_the_request_up_again_under_a_number_of_its_own() -> None:
    office = await refused()
    await appeal(office)
    await office.tell(AppealDecided(request_id=CASE, by="anna", granted=True), service="intake")
    renewed = office.the(AppealAnswered).renewed
    assert renewed == derived_id(f"renewed {CASE}", 1)
    first, second = office.facts(RequestReceived)
    assert (second.request_id, second.follows, second.right) == (renewed, CASE, first.right)
    assert await office.vault.open(renewed, SUBMISSION) == await office.vault.open(CASE, SUBMISSION)


@pytest.mark.parametrize("item", ["code_0", "package_1", "written_1", "appeal_1"])
async def test_staff_reads_nothing_but_submissions_and_statements(item: str) -> None:
    office = await refused()
    await appeal(office)
    await office.tell(ContentOpened(request_id=CASE, by="anna", item=item, reason="review"), service="intake")
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ["no_such_content"]


BY_ANNA: Mapping[str, tuple[Fact, ...]] = {
    "identity refused": (IdentityRefused(request_id=CASE, reasons=("forged",), deciders=("anna",)),),
    "identity accepted": (verified_by("anna"), fulfilled_by()),
    "erasure approved": (verified_by(), ErasureApproved(request_id=CASE, by="anna"), fulfilled_by()),
    "answered by hand": (verified_by(), fulfilled_by("bruno", "anna")),
}
"""Decisions of one account about a request."""


@pytest.mark.parametrize("facts", BY_ANNA.values(), ids=BY_ANNA)
async def test_appeal_is_decided_by_another_account_than_the_request(facts: Sequence[Fact]) -> None:
    office = await answered_by(*facts, residence={"country": "US", "subdivision": "VA"})
    await appeal(office)
    decision = AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",))
    await office.tell(decision, service="intake")
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ["decider_decided_before"]
    assert office.facts(AppealAnswered) == []
    await office.tell(decision.model_copy(update={"by": "carla"}), service="intake")
    assert len(office.facts(AppealAnswered)) == 1


async def test_complaint_is_decided_by_any_account() -> None:
    office = await answered_by(*BY_ANNA["answered by hand"], residence={"country": "DE"})
    await appeal(office)
    decision = AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",))
    await office.tell(decision, service="intake")
    assert office.facts(DecisionRefused) == []


async def test_second_decision_of_an_appeal_is_refused() -> None:
    office = await refused()
    await appeal(office)
    decision = AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",))
    await office.tell(decision, service="intake")
    await office.tell(decision.model_copy(update={"granted": True}), service="intake")
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ["no_appeal_open"]
    assert [fact.granted for fact in office.facts(AppealAnswered)] == [False]


async def test_undecided_appeal_raises_an_alarm_before_its_last_day() -> None:
    office = await refused()
    await appeal(office)
    [(name, at)] = [
        (name, at)
        for (_, name), at in office.deadlines.moments.items()
        if name.startswith("appeal_approaching")
    ]
    office.clock.now = at
    await office.tell(DeadlineCame(request_id=CASE, name=name), service="intake")
    alarm = office.the(DeadlineApproaching)
    assert (alarm.duty, alarm.due_on) == (TimedDuty.APPEAL, date(2026, 5, 1))
    assert at < datetime(2026, 4, 30, tzinfo=UTC)
    assert office.facts(DeadlineMissed) == []


async def test_an_undecided_appeal_raises_an_alarm() -> None:
    office = await refused()
    await appeal(office)
    (moment,) = [at for (_, name), at in office.deadlines.moments.items() if name.startswith("appeal_missed")]
    assert moment == datetime(2026, 5, 1, 22, tzinfo=UTC)
    office.clock.now = moment
    name = f"appeal_missed_{moment:%Y%m%d}"
    await office.tell(DeadlineCame(request_id=CASE, name=name), service="intake")
    missed = office.the(DeadlineMissed)
    assert (missed.duty, missed.due_on) == (TimedDuty.APPEAL, date(2026, 5, 1))
    await office.tell(
        AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",)), service="intake"
    )
    office.clock.move(timedelta(days=1))
    await office.tell(DeadlineCame(request_id=CASE, name=name), service="intake")
    assert len(office.facts(DeadlineMissed)) == 1


async def test_an_appeal_takes_an_open_complaint_in() -> None:
    """Who complained before there was an answer has the appeal against it all the same."""
    office = Office()
    await office.submit(request(residence={"country": "US", "subdivision": "VA"}))
    await appeal(office, "before")
    await office.tell(IdentityRefused(request_id=CASE, reasons=("not_proven_in_time",)), service="verifier")
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.REFUSAL), service="notifier")
    await office.requests.appeal(CASE, SAID)
    await office.work()
    assert [fact.remedy for fact in office.facts(AppealReceived)] == [Remedy.COMPLAINT, Remedy.APPEAL]
    await office.tell(AppealDecided(request_id=CASE, by="anna", granted=True), service="intake")
    assert office.the(AppealAnswered).remedy is Remedy.APPEAL


async def test_a_complaint_that_is_upheld_before_the_answer_begins_no_second_request() -> None:
    office = Office()
    await office.submit(request())
    await appeal(office)
    await office.tell(AppealDecided(request_id=CASE, by="anna", granted=True), service="intake")
    assert office.the(AppealAnswered).renewed is None
    assert len(office.facts(RequestReceived)) == 1


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_complaint_is_confirmed_in_30_days_by_the_law_of_the_day_it_is_made(confirmed: bool) -> None:
    """Data Protection Act 2018 s. 164A: in force after the request was made."""
    office = Office(practice=ABROAD)
    asked = {"residence": {"country": "GB"}, "received_at": "2026-02-03T12:00:00Z"}
    await office.submit(request(**asked))
    await appeal(office)
    received = office.the(AppealReceived)
    assert (received.policy, received.due_on) == ("uk-gdpr@2026-02-05", date(2026, 4, 2))
    if confirmed:
        sent = NoticeSent(request_id=CASE, letter=LetterKind.COMPLAINT_RECEIVED)
        await office.tell(sent, service="notifier")
    office.clock.now = datetime(2026, 4, 2, 22, tzinfo=UTC)
    await office.tell(DeadlineCame(request_id=CASE, name="appeal_missed_20260402"), service="intake")
    missed = [fact.duty for fact in office.facts(DeadlineMissed)]
    assert missed == ([] if confirmed else [TimedDuty.COMPLAINT])


async def test_the_moment_of_an_appeal_that_is_decided_says_nothing_of_the_next() -> None:
    office = await refused()
    await appeal(office)
    await office.tell(
        AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",)), service="intake"
    )
    office.clock.move(timedelta(days=20))
    await office.requests.appeal(CASE, SAID)
    await office.work()
    office.clock.now = datetime(2026, 5, 1, 22, tzinfo=UTC)
    await office.tell(DeadlineCame(request_id=CASE, name="appeal_missed_20260501"), service="intake")
    assert office.facts(DeadlineMissed) == []


# --- on the page --------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_days_of_a_complaint_follow_the_law_that_judges_it() -> None:
    """Data Protection Act 2018 s. 164A: in force after the request was made."""
    office = Office(practice=ABROAD)
    asked = {"residence": {"country": "GB"}, "received_at": "2026-02-03T12:00:00Z"}
    await office.submit(request(**asked))
    callers, site = Callers({}, Allowance(0)), Site(ABROAD.company, SITE.guard)
    transport = httpx.ASGITransport(create_app(office.requests, callers, site))
    async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
        page = await client.get(f"/requests/{CASE}", params={"lang": "en"})
    assert "30 days to confirm a complaint" in page.text


async def posted(office: Office, statement: str) -> httpx.Response:
    async with client_of(office.requests, public=CLOSED) as client:
        return await client.post(f"/requests/{CASE}/appeal", data={"statement": statement})


@pytest.mark.slow
async def test_an_appeal_on_the_page_keeps_its_text() -> None:
    office = await refused()
    assert "We will review it" in (await posted(office, SAID)).text
    await office.work()
    assert (await office.vault.open(CASE, office.the(AppealReceived).statement)).decode() == SAID
    page = await posted(office, SAID)
    assert page.status_code == 409
    assert "We are already reviewing it" in page.text


@pytest.mark.parametrize("statement", ["", "  ", "x" * 10_001], ids=["nothing", "blanks", "too much"])
async def test_an_empty_or_long_text_is_a_fault_at_the_field(statement: str) -> None:
    office = await refused()
    page = await posted(office, statement)
    assert page.status_code == 422
    assert 'id="statement-error"' in page.text
    assert office.facts(AppealReceived) == []
