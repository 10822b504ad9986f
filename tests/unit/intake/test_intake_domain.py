from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import (
    PRESUMES_PROOF,
    REMARKS,
    TRANSITIONS,
    Arrival,
    Case,
    DueMoved,
    PackageCodeKept,
    PackageCodeRefused,
    Status,
    evolve,
    outcome_of,
    receive,
    request_id,
    resumed,
)
from services.intake.handlers import SUBSCRIPTIONS
from shared.codes import TRIES
from shared.errors import IllegalTransition, TooEarly
from shared.events import (
    Assurance,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    Fact,
    Flaw,
    IdentityChallenged,
    IdentityClaimed,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    PackageFetched,
    ProofKind,
    ProofReceived,
    ProofRefused,
    ProofSpent,
    RecipientAcknowledged,
    RecipientFailed,
    RequestClosed,
    RequestFulfilled,
    RequestLodged,
    RequestPaused,
    RequestReceived,
    RequestReferred,
    RequestRejected,
    RequestResumed,
    RequestSubmitted,
    RequestWithdrawn,
    Residence,
    Subject,
    WithdrawalLodged,
)
from shared.law import Policies, Regulation, Right
from shared.policies import policies
from tests.unit.fakes import NOW, PRACTICE

CASE = "c" * 32
RECEIVED = RequestReceived(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    policy="gdpr@2018-05-25",
    source="shop.example.com",
    received_at=NOW,
    received_on=date(2026, 3, 5),
    due_on=date(2026, 4, 7),
    internal_due_on=date(2026, 4, 2),
)
CHALLENGED = IdentityChallenged(
    request_id=CASE, kind=ProofKind.EMAIL_CODE, ref="code_0", expires_at=NOW + timedelta(minutes=30)
)
VERIFIED = IdentityVerified(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    received_on=date(2026, 3, 5),
    assurance=Assurance.MAILBOX,
    reasons=("mailbox",),
)
REFUSED = IdentityRefused(request_id=CASE, reasons=("too_many_attempts",))
PROOF_REFUSED = ProofRefused(request_id=CASE, reason="wrong_code", tries_left=2)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
FULFILLED = RequestFulfilled(
    answer="answer", request_id=CASE, right=Right.ACCESS, outcome=Outcome.PARTLY_GRANTED, package="package"
)
REFERRED = RequestReferred(request_id=CASE, right=Right.ACCESS, reason="not_automated")
CLOSED = RequestClosed(request_id=CASE)
KEPT = PackageCodeKept(request_id=CASE, digest="d" * 64, expires_at=NOW)
EXAMPLES: dict[type[Fact], Fact] = {
    type(fact): fact
    for fact in [
        RECEIVED,
        CHALLENGED,
        VERIFIED,
        REFUSED,
        PROOF_REFUSED,
        WITHDRAWN,
        FULFILLED,
        REFERRED,
        CLOSED,
        KEPT,
        NoticeSent(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT),
        NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="mail_refused"),
        RecipientFailed(request_id=CASE, recipient="Bank", notice="n", about="a", reason="refused"),
        RecipientAcknowledged(request_id=CASE, recipient="Bank", notice="n", about="a"),
        PackageCodeIssued(request_id=CASE, ref="package_code_0", expires_at=NOW),
        IdentityReviewNeeded(request_id=CASE, reasons=("unclear",)),
        RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW),
        RequestResumed(request_id=CASE, at=NOW),
        DeadlineCame(request_id=CASE, name="deadline_missed_20260407"),
        DeadlineApproaching(request_id=CASE, due_on=date(2026, 4, 7)),
        DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 7)),
        DueMoved(request_id=CASE, days=3, due_on=date(2026, 4, 10)),
        PackageCodeRefused(request_id=CASE),
        PackageFetched(request_id=CASE),
        ProofReceived(request_id=CASE, proofs=()),
        RequestLodged(request_id=CASE, source="habeas/public", occurred_at=NOW),
        RequestRejected(
            request_id=CASE, publisher_source=None, publisher_id=None, errors=(Flaw(path="", message="no"),)
        ),
        WithdrawalLodged(request_id=CASE),
        # Facts that are none of intake's business.
        IdentityClaimed(request_id=CASE, proofs=()),
        ProofSpent(request_id=CASE, refs=()),
    ]
}
FACTS = st.sampled_from(list(EXAMPLES.values()))


def after(*story: Fact) -> Case:
    return reduce(evolve, story, Case())


def test_every_fact_that_intake_hears_has_an_example_here() -> None:
    heard = {s.event for s in SUBSCRIPTIONS if issubclass(s.event, Fact)}
    in_table = {fact for row in TRANSITIONS.values() for fact in row}
    assert heard | in_table | REMARKS <= set(EXAMPLES)


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Status)


@given(status=st.sampled_from(Status), fact=FACTS)
def test_every_fact_in_every_status_is_in_the_table_or_raises(status: Status, fact: Fact) -> None:
    case = Case(status=status)
    expected = status if type(fact) in REMARKS else TRANSITIONS[status].get(type(fact))
    if expected is None:
        unproven = type(fact) in PRESUMES_PROOF and case.awaits_proof
        with pytest.raises(TooEarly if status is Status.UNKNOWN or unproven else IllegalTransition):
            evolve(case, fact)
    else:
        assert evolve(case, fact).status is expected


@given(story=st.lists(FACTS, max_size=12))
def test_no_story_brings_a_case_back_to_life(story: Sequence[Fact]) -> None:
    case, seen = after(RECEIVED), [Status.RECEIVED]
    for fact in story:
        try:
            case = evolve(case, fact)
        except (IllegalTransition, TooEarly):
            continue
        seen.append(case.status)
    ended = [i for i, status in enumerate(seen) if status in {Status.REFUSED, Status.WITHDRAWN}]
    if ended:
        left = set(seen[ended[0] :])
        assert left <= {Status.REFUSED, Status.WITHDRAWN, Status.ANSWERED, Status.CLOSED}


@pytest.mark.parametrize(
    ("story", "status"),
    [
        pytest.param([VERIFIED], Status.VERIFIED, id="believed at once"),
        pytest.param([VERIFIED, CHALLENGED], Status.VERIFIED, id="late challenge, verified"),
        pytest.param([VERIFIED, REFERRED, CHALLENGED], Status.REFERRED, id="late challenge, referred"),
        pytest.param([VERIFIED, FULFILLED, CHALLENGED], Status.ANSWERED, id="late challenge, answered"),
        pytest.param([REFUSED, CHALLENGED], Status.REFUSED, id="late challenge, refused"),
        pytest.param(
            [CHALLENGED, WITHDRAWN, VERIFIED], Status.WITHDRAWN, id="withdrawal crosses verification"
        ),
        pytest.param([CHALLENGED, WITHDRAWN, REFUSED], Status.WITHDRAWN, id="withdrawal crosses refusal"),
        pytest.param([VERIFIED, WITHDRAWN, REFERRED], Status.WITHDRAWN, id="withdrawal crosses referral"),
        pytest.param([VERIFIED, WITHDRAWN, FULFILLED], Status.ANSWERED, id="withdrawal crosses answer"),
        pytest.param([VERIFIED, WITHDRAWN, CLOSED, FULFILLED], Status.ANSWERED, id="answer after closing"),
        pytest.param([VERIFIED, WITHDRAWN, CLOSED, FULFILLED, CLOSED], Status.CLOSED, id="closed twice"),
        pytest.param([WITHDRAWN, CLOSED, VERIFIED], Status.CLOSED, id="verification after closing"),
        pytest.param([WITHDRAWN, FULFILLED, VERIFIED], Status.ANSWERED, id="verification after the answer"),
    ],
)
def test_a_race_comes_out_right(story: Sequence[Fact], status: Status) -> None:
    assert after(RECEIVED, *story).status is status


@pytest.mark.parametrize("fact", [FULFILLED, REFERRED])
@pytest.mark.parametrize("story", [[], [CHALLENGED]])
def test_an_answer_that_overtakes_the_verification_waits_for_it(story: Sequence[Fact], fact: Fact) -> None:
    with pytest.raises(TooEarly):
        after(RECEIVED, *story, fact)
    assert after(RECEIVED, *story, VERIFIED, fact).status in {Status.ANSWERED, Status.REFERRED}


def test_a_withdrawn_request_was_not_refused_by_what_crossed_it() -> None:
    case = after(RECEIVED, CHALLENGED, WITHDRAWN, REFUSED, CLOSED)
    assert outcome_of(case) is None
    assert case.refused_for == ()


def test_an_answer_that_crossed_a_withdrawal_stands() -> None:
    assert outcome_of(after(RECEIVED, VERIFIED, WITHDRAWN, FULFILLED)) is Outcome.PARTLY_GRANTED


def test_a_refusal_says_why() -> None:
    case = after(RECEIVED, CHALLENGED, REFUSED)
    assert (outcome_of(case), case.refused_for) == (Outcome.REFUSED, ("too_many_attempts",))


@pytest.mark.parametrize("fact", [f for f in EXAMPLES.values() if not isinstance(f, RequestReceived)])
def test_nothing_but_its_receipt_starts_a_case(fact: Fact) -> None:
    if type(fact) in REMARKS:
        assert evolve(Case(), fact).status is Status.UNKNOWN
    else:
        with pytest.raises(TooEarly):
            evolve(Case(), fact)


def test_a_new_code_comes_with_new_tries() -> None:
    assert after(RECEIVED, CHALLENGED, PROOF_REFUSED).tries_left == 2
    assert after(RECEIVED, CHALLENGED, PROOF_REFUSED, CHALLENGED).tries_left == TRIES


@pytest.mark.parametrize(
    ("status", "letter"),
    [
        pytest.param(Status.ANSWERED, LetterKind.OUTCOME, id="answered"),
        pytest.param(Status.REFUSED, LetterKind.REFUSAL, id="refused"),
        pytest.param(Status.WITHDRAWN, LetterKind.WITHDRAWN, id="withdrawn"),
    ],
)
def test_a_case_is_closed_by_its_own_letter_alone(status: Status, letter: LetterKind) -> None:
    assert [kind for kind in LetterKind if Case(status=status).is_closed_by(kind)] == [letter]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.ANSWERED, Status.REFUSED, Status.WITHDRAWN}))
def test_no_letter_closes_a_case_that_is_not_decided(status: Status) -> None:
    assert not any(Case(status=status).is_closed_by(kind) for kind in LetterKind)


def test_a_fetched_package_has_spent_its_code() -> None:
    case = after(RECEIVED, VERIFIED, FULFILLED, KEPT, EXAMPLES[PackageFetched])
    assert (case.package_code, case.package_codes, case.downloads) == (None, 1, 1)


# --- ids ----------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=2, max_size=2, unique=True))
def test_two_pairs_of_source_and_reference_never_share_an_id(pairs: list[tuple[str, str]]) -> None:
    one, other = (request_id(source, reference, key=b"k") for source, reference in pairs)
    assert one != other


def test_spaces_and_digits_cannot_make_two_pairs_look_alike() -> None:
    assert request_id("a b", "c", key=b"k") != request_id("a", "b c", key=b"k")
    assert request_id("1 a", "b", key=b"k") != request_id("1", "a b", key=b"k")


def test_the_same_pair_has_the_same_id_under_one_key_only() -> None:
    assert request_id("crm", "7", key=b"k") == request_id("crm", "7", key=b"k")
    assert request_id("crm", "7", key=b"k") != request_id("crm", "7", key=b"other")


# --- receipt ------------------------------------------------------------------------------------------


def submitted(residence: Residence | None = None, **changes: object) -> RequestSubmitted:
    request = RequestSubmitted(reference="r", right=Right.ACCESS, subject=Subject(), residence=residence)
    return request.model_copy(update=changes)


def received(
    request: RequestSubmitted, *, occurred_at: datetime = NOW, now: datetime = NOW
) -> RequestReceived:
    return receive(request, Arrival(CASE, "shop.example.com", occurred_at, now), PRACTICE)


@pytest.mark.parametrize(
    ("residence", "regulation", "due_on"),
    [
        # 5 April 2026 is Easter Sunday: the next working day is Tuesday in Berlin and in England.
        pytest.param(Residence(country="DE"), Regulation.GDPR, date(2026, 4, 7), id="Germany"),
        pytest.param(Residence(country="GB"), Regulation.UK_GDPR, date(2026, 4, 7), id="United Kingdom"),
        # 45 days from 5 March, that day included, end on Saturday 18 April: the Friday before.
        pytest.param(
            Residence(country="US", subdivision="CA"), Regulation.CCPA, date(2026, 4, 17), id="California"
        ),
        pytest.param(
            Residence(country="US", subdivision="TX"), Regulation.GDPR, date(2026, 4, 7), id="the floor"
        ),
        pytest.param(None, Regulation.GDPR, date(2026, 4, 7), id="unknown"),
    ],
)
def test_residence_chooses_the_law_and_the_law_the_last_day(
    residence: Residence | None, regulation: Regulation, due_on: date
) -> None:
    fact = received(submitted(residence))
    assert (fact.regulation, fact.received_on, fact.due_on) == (regulation, date(2026, 3, 5), due_on)
    assert fact.received_on <= fact.internal_due_on <= fact.due_on


def test_a_regulation_that_is_invoked_prevails() -> None:
    request = submitted(Residence(country="DE"), regulation=Regulation.CCPA)
    assert received(request).regulation is Regulation.CCPA


@pytest.mark.parametrize(
    ("received_at", "occurred_at", "expected"),
    [
        pytest.param(None, NOW - timedelta(days=2), NOW - timedelta(days=2), id="the event's own time"),
        pytest.param(NOW - timedelta(days=9), NOW, NOW - timedelta(days=9), id="an earlier receipt"),
        pytest.param(NOW + timedelta(days=9), NOW, NOW, id="a receipt in the future"),
        pytest.param(None, NOW + timedelta(days=9), NOW, id="an event from the future"),
        pytest.param(
            datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(2018, 5, 25, tzinfo=UTC), id="before there was a law"
        ),
    ],
)
def test_the_clock_of_the_law_starts_at_receipt_and_never_later_than_now(
    received_at: datetime | None, occurred_at: datetime, expected: datetime
) -> None:
    assert received(submitted(received_at=received_at), occurred_at=occurred_at).received_at == expected


@given(st.datetimes(timezones=st.timezones()))
def test_any_time_of_receipt_has_a_due_date(received_at: datetime) -> None:
    fact = received(submitted(received_at=received_at))
    assert fact.received_at <= NOW
    assert fact.received_on < fact.due_on


def test_a_receipt_at_night_counts_for_the_day_it_is_where_the_answer_is_written() -> None:
    assert received(submitted(received_at=datetime(2026, 1, 30, 23, 30, tzinfo=UTC))).received_on == date(
        2026, 1, 31
    )


def test_who_could_not_be_told_is_remembered_until_they_have_acknowledged() -> None:
    case = Case(status=Status.CLOSED)
    for name in ("Bank", "Courier", "Bank"):
        failed = RecipientFailed(request_id=CASE, recipient=name, notice="n", about="a", reason="refused")
        case = evolve(case, failed)
    assert case.untold == ("Bank", "Courier")
    case = evolve(case, RecipientAcknowledged(request_id=CASE, recipient="Bank", notice="n", about="a"))
    assert (case.untold, case.status) == (("Courier",), Status.CLOSED)


# --- the clock stands still -----------------------------------------------------------------------------


def paused(regulation: Regulation = Regulation.GDPR) -> Case:
    policy = policies().governing(regulation, RECEIVED.received_on).id
    received = RECEIVED.model_copy(update={"regulation": regulation, "policy": policy})
    asked = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
    return reduce(evolve, [received, asked], Case())


@pytest.mark.parametrize(
    ("days", "due_on"),
    [
        pytest.param(1, date(2026, 4, 8), id="a day"),
        pytest.param(4, date(2026, 4, 13), id="to a Saturday, so to Monday"),
        pytest.param(0, None, id="the same day"),
    ],
)
@pytest.mark.parametrize("regulation", [Regulation.GDPR, Regulation.UK_GDPR])
def test_the_last_day_moves_by_as_long_as_proof_was_awaited(
    regulation: Regulation, days: int, due_on: date | None
) -> None:
    moved = resumed(paused(regulation), NOW + timedelta(days=days), PRACTICE)
    assert (None if moved is None else moved.due_on) == due_on


def test_in_california_the_clock_never_stands() -> None:
    assert resumed(paused(Regulation.CCPA), NOW + timedelta(days=9), PRACTICE) is None


def test_a_case_is_judged_to_its_end_by_the_edition_that_it_began_with() -> None:
    """Editions of the same day would differ in nothing but this: a pause that the later one does not know."""
    begun = policies().named("gdpr@2018-05-25").model_copy(update={"model": None})
    later = begun.model_copy(update={"edition": date(2026, 3, 1), "pauses": ()})
    practice = replace(PRACTICE, policies=Policies([begun, later]))
    case = paused()
    assert resumed(case, NOW + timedelta(days=4), practice) is not None
    assert case.received is not None
    received = case.received.model_copy(update={"policy": later.id})
    assert resumed(replace(case, received=received), NOW + timedelta(days=4), practice) is None


def test_two_pauses_add_up_and_the_day_of_receipt_never_moves() -> None:
    case = paused()
    for number in range(2):
        moved = resumed(case, NOW + timedelta(days=10 * number + 3), PRACTICE)
        assert moved is not None
        back = RequestResumed(request_id=CASE, at=NOW)
        again = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW + timedelta(days=10))
        case = reduce(evolve, [back, moved, again], case)
    assert (case.paused_days, case.due_on) == (6, date(2026, 4, 13))
    assert case.received is not None
    assert case.received.received_on == RECEIVED.received_on
