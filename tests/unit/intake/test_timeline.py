"""What happened to a request: built from its facts alone, in their order, without personal data."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.errors import CaseError
from services.intake.cases.timeline import TimelineEntry, timeline_of
from services.intake.pages.translations import (
    HAPPENED,
    LETTERS,
    OBSTACLES,
    OPEN_REMEDIES,
    UNOPENED,
)
from shared.contract.codes import CodeVerdict
from shared.contract.events import (
    AppealAnswered,
    AppealReceived,
    DeadlineMissed,
    DeliveryAction,
    DueMoved,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityVerified,
    LetterKind,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    PackageFetched,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    Remedy,
    RequestExtended,
    RequestPaused,
    RequestReceived,
    RequestResumed,
    RequestWithdrawn,
)
from shared.contract.status import TimelineKind
from shared.law import Regulation, Right, TimedDuty
from shared.pages.law_names import RIGHTS, THEIR_RIGHTS
from tests.unit.fakes import NOW, PERSON
from tests.unit.intake_api import CASE, client_of
from tests.unit.intake_states import STATES, documents_asked, in_review

H = TimelineKind
RECEIVED = RequestReceived(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    policy="gdpr@2018-05-25",
    source="shop.example.com",
    received_at=NOW - timedelta(days=1),
    received_on=date(2026, 3, 4),
    due_on=date(2026, 4, 7),
    internal_due_on=date(2026, 4, 1),
)
DOCUMENT = ProofReceived(request_id=CASE, proofs=(ProofRef(kind=ProofKind.DOCUMENT, ref="d"),))
ANOTHER_CODE = ProofReceived(request_id=CASE, proofs=(ProofRef(kind=ProofKind.NEW_CODE, ref="c"),))
PAUSED = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
RESUMED = RequestResumed(request_id=CASE, at=NOW + timedelta(days=2))
ASKED = IdentityChallenged(request_id=CASE, expires_at=NOW)
CODED = IdentityChallenged(request_id=CASE, expires_at=NOW, kind=ProofKind.EMAIL_CODE, ref="c")


def reported(*facts: Fact) -> list[TimelineEntry]:
    """Return the timeline of a received request with *facts*, a day apart."""
    days = [(NOW + timedelta(days=n), fact) for n, fact in enumerate((RECEIVED, *facts))]
    return list(timeline_of(days))


def returned(action: DeliveryAction) -> NoticeReported:
    return NoticeReported(request_id=CASE, letter=LetterKind.OUTCOME, action=action, status="5.1.1")


def refused(reason: str) -> ProofRefused:
    return ProofRefused(request_id=CASE, reason=reason, tries_left=1)


def test_a_request_was_received_when_it_was_and_not_when_that_was_written_down() -> None:
    assert reported() == [TimelineEntry(RECEIVED.received_at, H.RECEIVED)]


@pytest.mark.parametrize(
    ("facts", "happened"),
    [
        pytest.param([ASKED], [H.PROOF_ASKED], id="asked for proof"),
        pytest.param([CODED], [], id="a code is told of by its letter"),
        pytest.param([DOCUMENT], [H.PROOF_CAME], id="proof came"),
        pytest.param([ANOTHER_CODE], [], id="another code is no proof"),
        pytest.param([PAUSED, RESUMED], [H.PROOF_CAME], id="proof that only the verifier saw"),
        pytest.param([PAUSED, DOCUMENT, RESUMED], [H.PROOF_CAME], id="proof that both saw counts once"),
        pytest.param([RESUMED], [], id="nothing was awaited"),
        pytest.param([refused("document_unreadable")], [H.PROOF_REFUSED], id="not convinced"),
        pytest.param([refused("too_many_codes")], [], id="kept waiting for a code"),
        pytest.param([refused("not_needed")], [], id="not needed"),
        pytest.param(
            [NoticeSent(request_id=CASE, letter=LetterKind.LATE)], [H.LETTER_SENT], id="letter sent"
        ),
        pytest.param([returned(DeliveryAction.FAILED)], [H.LETTER_RETURNED], id="letter returned"),
        pytest.param([returned(DeliveryAction.DELAYED)], [], id="a delay is no return"),
        pytest.param(
            [NoticeFailed(request_id=CASE, letter=LetterKind.LATE, reason="no_address")],
            [],
            id="who has no address is written no letter",
        ),
        pytest.param(
            [NoticeFailed(request_id=CASE, letter=LetterKind.LATE, reason="bounced")],
            [H.LETTER_RETURNED],
            id="refused letter",
        ),
        pytest.param(
            [DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 7))], [H.LATE], id="our answer is late"
        ),
        pytest.param(
            [DeadlineMissed(request_id=CASE, duty=TimedDuty.ACKNOWLEDGEMENT, due_on=date(2026, 4, 7))],
            [],
            id="another duty is told by letter",
        ),
        pytest.param(
            [
                DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 7)),
                DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 7), expected_on=date(2026, 4, 20)),
            ],
            [H.LATE],
            id="the day of a late answer is stated",
        ),
        pytest.param(
            [DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 7), awaits_person=True)],
            [],
            id="the person is awaited",
        ),
        pytest.param([PackageFetched(request_id=CASE)], [H.DOWNLOADED], id="downloaded"),
        pytest.param([PackageFetched(request_id=CASE, continued=True)], [], id="a download that goes on"),
        pytest.param(
            [RequestWithdrawn(request_id=CASE), IdentityRefused(request_id=CASE, reasons=("x",))],
            [H.WITHDRAWN],
            id="a decision that crossed the withdrawal",
        ),
    ],
)
def test_callbacks_for_each_status(facts: list[Fact], happened: list[TimelineKind]) -> None:
    assert [entry.what for entry in reported(*facts)[1:]] == happened


def test_configured_days_are_reported() -> None:
    moved = DueMoved(
        request_id=CASE,
        days=2,
        due_on=date(2026, 4, 9),
        meant_for=date(2026, 4, 3),
        policy="gdpr@2018-05-25",
    )
    longer = RequestExtended(
        request_id=CASE,
        reason="complexity",
        promised_on=date(2026, 4, 9),
        due_on=date(2026, 6, 9),
        meant_for=date(2026, 6, 1),
        policy="gdpr@2018-05-25",
    )
    _, first, second = reported(moved, longer)
    assert (first.what, first.until) == (H.DUE_MOVED, date(2026, 4, 9))
    assert (second.what, second.until) == (H.EXTENDED, date(2026, 6, 9))


@pytest.mark.parametrize(
    ("remedy", "made", "decided"),
    [(Remedy.APPEAL, H.APPEALED, H.APPEAL_DECIDED), (Remedy.COMPLAINT, H.COMPLAINED, H.COMPLAINT_DECIDED)],
)
def test_appeals_and_complaints_are_distinguished(
    remedy: Remedy, made: TimelineKind, decided: TimelineKind
) -> None:
    day = date(2026, 3, 6)
    came = AppealReceived(
        request_id=CASE, remedy=remedy, statement="s", received_on=day, due_on=None, policy=None
    )
    answered = AppealAnswered(request_id=CASE, remedy=remedy, received_on=day, granted=True)
    assert [entry.what for entry in reported(came, answered)[1:]] == [made, decided]


@given(st.lists(st.integers(min_value=-5, max_value=5), max_size=8))
def test_the_earliest_comes_first_whenever_it_was_written_down(days: list[int]) -> None:
    at = [datetime(2026, 3, 5, tzinfo=UTC) + timedelta(days=n) for n in days]
    entries = timeline_of([(NOW, RECEIVED), *((one, ASKED) for one in at)])
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


async def test_the_api_returns_the_timeline_of_the_page() -> None:
    async with client_of((await in_review()).requests) as client:
        timeline = (await client.get(f"/v1/requests/{CASE}")).json()["timeline"]
    assert [one["what"] for one in timeline] == [
        "received",
        "letter_sent",
        "proof_asked",
        "letter_sent",
        "proof_came",
        "due_moved",
        "in_review",
        "letter_sent",
    ]
    assert timeline[1]["letter"] == "acknowledgement"
    assert timeline[5]["until"] == "2026-04-09"


@pytest.mark.parametrize("state", STATES)
async def test_no_timeline_holds_personal_data(state: str) -> None:
    async with client_of((await STATES[state]()).requests) as client:
        status = await client.get(f"/v1/requests/{CASE}")
    assert not [
        value for value in ("Quastenflosser", PERSON["email"], "5550147") if str(value) in status.text
    ]


async def test_an_identity_is_reported_once_it_is_proven() -> None:
    office = await documents_asked()
    verified = IdentityVerified(
        request_id=CASE,
        right=Right.ACCESS,
        regulation=Regulation.GDPR,
        received_on=date(2026, 3, 5),
        assurance="reasonable",
        reasons=(),
    )
    await office.tell(verified)
    _, reported_ = await office.requests.history(CASE)
    assert timeline_of(reported_)[-1].what is H.VERIFIED


def test_everything_that_can_happen_has_words() -> None:
    assert set(HAPPENED) == set(TimelineKind)
    assert set(LETTERS) == set(LetterKind)
    assert set(OBSTACLES) == set(CaseError)
    assert set(OPEN_REMEDIES) == set(Remedy)
    assert set(UNOPENED) | {CodeVerdict.MATCHED} == set(CodeVerdict)
    assert set(RIGHTS) == set(THEIR_RIGHTS) == set(Right)
