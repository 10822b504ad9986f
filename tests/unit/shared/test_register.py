"""The register: what it says of a request follows from the journal, and agrees with intake's own table."""

from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.retention import RegisterRetention
from services.intake.domain import (
    TRANSITIONS,
    CaseStatus,
    IntakeCase,
    evolve,
    outcome_of,
)
from shared.contract.events import (
    AnswerDelivered,
    AppealAnswered,
    AppealReceived,
    Assurance,
    DeadlineMissed,
    DueMoved,
    Fact,
    HoldLifted,
    HoldPlaced,
    IdentityChallenged,
    IdentityRefused,
    IdentityVerified,
    InquiryLodged,
    LetterKind,
    MessageLodged,
    NoticeFailed,
    NoticeSent,
    Outcome,
    ProofRefused,
    RequestClosed,
    RequestDuplicated,
    RequestExtended,
    RequestForwarded,
    RequestFulfilled,
    RequestReceived,
    RequestReferred,
    RequestRejected,
    RequestRenewed,
    RequestWithdrawn,
    SubjectUnrestricted,
)
from shared.contract.register import (
    CaseHistory,
    CountedRequest,
    RegisterEntry,
    RequestManner,
    RequestResult,
    RetentionReason,
    counted,
    may_be_purged,
)
from shared.law import Regulation, Right
from shared.vocabulary import HoldScope

CASE = "c" * 32
BERLIN = ZoneInfo("Europe/Berlin")
MARCH = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG = timedelta(days=10_000)


def received(right: Right = Right.ERASURE, **changes: object) -> RequestReceived:
    fields = {
        "request_id": CASE,
        "right": right,
        "regulation": Regulation.CCPA,
        "policy": "us-ca-ccpa@2026-01-01",
        "source": "shop",
        "received_at": MARCH,
        "received_on": MARCH.date(),
        "due_on": date(2026, 4, 16),
        "internal_due_on": date(2026, 4, 11),
    }
    return RequestReceived.model_validate(fields | changes)


def fulfilled(outcome: Outcome = Outcome.GRANTED, **changes: object) -> RequestFulfilled:
    fields = {"request_id": CASE, "right": Right.ERASURE, "outcome": outcome, "answer": "answer"}
    return RequestFulfilled.model_validate(fields | changes)


def refused(*reasons: str) -> IdentityRefused:
    return IdentityRefused(request_id=CASE, reasons=reasons)


CLOSED = RequestClosed(request_id=CASE)
DUPLICATED = RequestDuplicated(
    request_id=CASE, first="f" * 32, first_received_on=MARCH.date(), due_on=date(2026, 4, 16)
)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
NO_MAILBOX = NoticeFailed(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT, reason="no_address")
REFUSED_BY_SERVER = NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="unknown_mailbox")
SENT = NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME)
CAME_BACK = NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="bounced")
DELIVERED = AnswerDelivered(request_id=CASE, by="kim", way="post")
FORWARDED = RequestForwarded(
    request_id=CASE, controller="controller", link="link", digest="", expires_at=MARCH + timedelta(days=90)
)


HELD = HoldPlaced(request_id=CASE, by="kim", hold="d" * 32, scope=HoldScope.PERSON, matter="claim_7")
LIFTED = HoldLifted(request_id=CASE, by="kim", hold="d" * 32, reason="claim_ended")
ON_COLLECTION = HELD.model_copy(
    update={"request_id": HELD.hold, "scope": HoldScope.COLLECTION, "collection": "shop.orders"}
)
RENEWED = RequestRenewed(request_id="e" * 32, follows=CASE)


def story(*facts: Fact, apart: timedelta = timedelta(days=1)) -> CaseHistory:
    return CaseHistory.of((MARCH + number * apart, fact) for number, fact in enumerate(facts))


def entry(*facts: Fact, apart: timedelta = timedelta(days=1)) -> RegisterEntry:
    found = story(*facts, apart=apart).entry(BERLIN)
    assert found is not None
    return found


def test_text_of_the_staff_has_no_reader_without_a_mailbox_until_it_is_delivered() -> None:
    by_hand = (received(), NO_MAILBOX, fulfilled(explanation="written_1"))
    assert entry(*by_hand).result is RequestResult.OPEN
    assert story(*by_hand).ended_at is None
    given = entry(*by_hand, DELIVERED)
    assert (given.result, given.answered_on) == (RequestResult.GRANTED, date(2026, 3, 5))
    assert entry(received(), NO_MAILBOX, fulfilled()).result is RequestResult.GRANTED


@pytest.mark.parametrize(
    ("facts", "result", "grounds"),
    [
        pytest.param((), RequestResult.OPEN, (), id="open"),
        pytest.param((fulfilled(),), RequestResult.OPEN, (), id="decided, and the letter is not sent"),
        pytest.param(
            (fulfilled(), REFUSED_BY_SERVER), RequestResult.OPEN, (), id="the letter does not arrive"
        ),
        pytest.param((fulfilled(), CLOSED), RequestResult.GRANTED, (), id="granted"),
        pytest.param((NO_MAILBOX, fulfilled()), RequestResult.GRANTED, (), id="nobody to write to"),
        pytest.param(
            (fulfilled(Outcome.PARTLY_GRANTED, reasons={"tax_law": 3, "contract": 1}), CLOSED),
            RequestResult.PARTLY_GRANTED,
            ("contract", "tax_law"),
            id="in part",
        ),
        pytest.param(
            (fulfilled(Outcome.REFUSED, reasons={"tax_law": 3}), CLOSED),
            RequestResult.REFUSED,
            ("tax_law",),
            id="denied by law",
        ),
        pytest.param(
            (fulfilled(Outcome.NOTHING_HELD), CLOSED), RequestResult.NOTHING_HELD, (), id="nothing held"
        ),
        pytest.param(
            (refused("no_try_left"), CLOSED), RequestResult.REFUSED, ("no_try_left",), id="not identified"
        ),
        pytest.param(
            (refused("not_proven_in_time"), CLOSED),
            RequestResult.LAPSED,
            ("not_proven_in_time",),
            id="lapsed",
        ),
        pytest.param((WITHDRAWN,), RequestResult.WITHDRAWN, (), id="withdrawn"),
        pytest.param((WITHDRAWN, refused("no_try_left"), CLOSED), RequestResult.WITHDRAWN, (), id="crossed"),
        pytest.param((FORWARDED, CLOSED), RequestResult.FORWARDED, (), id="forwarded"),
        pytest.param(
            (DUPLICATED,), RequestResult.DUPLICATE, (), id="a duplicate, whatever becomes of the letter"
        ),
        pytest.param((DUPLICATED, CLOSED), RequestResult.DUPLICATE, (), id="a duplicate"),
        pytest.param((fulfilled(), CLOSED, CAME_BACK), RequestResult.OPEN, (), id="the letter came back"),
        pytest.param((fulfilled(), CLOSED, CAME_BACK, SENT), RequestResult.GRANTED, (), id="sent once more"),
        pytest.param(
            (fulfilled(), CLOSED, CAME_BACK, DELIVERED), RequestResult.GRANTED, (), id="handed over"
        ),
        pytest.param(
            (fulfilled(), REFUSED_BY_SERVER, DELIVERED), RequestResult.GRANTED, (), id="handed over at once"
        ),
        pytest.param(
            (WITHDRAWN, CLOSED, fulfilled()), RequestResult.OPEN, (), id="answered after all, not told"
        ),
        pytest.param((WITHDRAWN, fulfilled(), CLOSED), RequestResult.GRANTED, (), id="answered after all"),
    ],
)
def test_register_has_the_result_of_a_request_and_its_grounds(
    facts: tuple[Fact, ...], result: RequestResult, grounds: tuple[str, ...]
) -> None:
    found = entry(received(), *facts)
    assert found.result is result
    assert found.result is RequestResult.OPEN or found.grounds == grounds


def test_a_controllers_request_is_answered_at_the_decision() -> None:
    asks = received(requester="controller", role="end_user", reachable=False)
    assert entry(asks).result is RequestResult.OPEN
    found = entry(asks, fulfilled())
    assert (found.result, found.received.requester) == (RequestResult.GRANTED, "controller")
    assert found.answered_on == (MARCH + timedelta(days=1)).date()
    assert found.ended_at == MARCH + timedelta(days=1)
    identified = IdentityVerified(
        request_id=CASE, right=Right.ERASURE, regulation=Regulation.CCPA, received_on=MARCH.date(),
        assurance="vouched", reasons=("vouched",),
    )  # fmt: skip
    case = reduce(evolve, (asks, identified, fulfilled()), IntakeCase())
    assert not case.unanswered
    assert case.undelivered == ()


@pytest.mark.parametrize(
    ("first", "source", "as_event", "manner"),
    [
        pytest.param((), "shop", True, RequestManner.EVENT, id="an event"),
        pytest.param((), "shop", False, RequestManner.API, id="the API"),
        pytest.param((), "habeas/public", False, RequestManner.WEB, id="the page"),
        pytest.param((), "habeas/mail", False, RequestManner.MAIL, id="a mail"),
        pytest.param((), "habeas/post", False, RequestManner.POST, id="a letter"),
        pytest.param((RENEWED,), "habeas/appeal", False, RequestManner.APPEAL, id="an appeal was granted"),
        pytest.param(
            (RENEWED.model_copy(update={"reopened": True}),),
            "shop",
            True,
            RequestManner.REOPENED,
            id="the staff took it up again",
        ),
    ],
)
def test_register_has_the_manner_of_a_request(
    first: tuple[Fact, ...], source: str, as_event: bool, manner: RequestManner
) -> None:
    history = CaseHistory.of(((MARCH, one) for one in (*first, received(source=source))), as_event=as_event)
    found = history.entry(BERLIN)
    assert found is not None
    assert found.manner is manner


def test_an_appeal_that_renews_a_request_leaves_its_own_as_it_was_made() -> None:
    assert entry(received(source="shop"), fulfilled(), CLOSED, RENEWED).manner is RequestManner.API


def test_days_run_from_receipt_to_the_letter_in_the_zone_of_the_company() -> None:
    # In Berlin it is half past midnight then.
    sent = datetime(2026, 4, 1, 22, 30, tzinfo=UTC)
    found = CaseHistory.of([(MARCH, received()), (MARCH, fulfilled()), (sent, CLOSED)]).entry(BERLIN)
    assert found is not None
    assert found.answered_on == date(2026, 4, 2)
    assert found.days == 31


@pytest.mark.parametrize(
    ("days", "late"), [pytest.param(45, False, id="the last day"), pytest.param(46, True, id="the day after")]
)
def test_an_answer_is_late_after_the_last_day(days: int, late: bool) -> None:
    reported = [(MARCH, received()), (MARCH, fulfilled()), (MARCH + timedelta(days=days), CLOSED)]
    found = CaseHistory.of(reported).entry(BERLIN)
    assert found is not None
    assert found.late is late


def test_a_pause_moves_the_last_day_and_no_other_number() -> None:
    moved = DueMoved(
        request_id=CASE,
        days=5,
        due_on=date(2026, 4, 21),
        meant_for=date(2026, 4, 16),
        policy="gdpr@2018-05-25",
    )
    reported = [
        (MARCH, received()),
        (MARCH, moved),
        (MARCH, fulfilled()),
        (MARCH + timedelta(days=50), CLOSED),
    ]
    found = CaseHistory.of(reported).entry(BERLIN)
    assert found is not None
    assert (found.late, found.days, found.paused_days) == (False, 50, 5)


def test_an_extension_moves_the_last_day() -> None:
    extended = RequestExtended.model_validate(
        {
            "request_id": CASE,
            "reason": "complexity",
            "promised_on": date(2026, 4, 16),
            "due_on": date(2026, 5, 31),
            "meant_for": date(2026, 5, 26),
            "policy": "us-ca-ccpa@2026-01-01",
        }
    )
    reported = [
        (MARCH, received()),
        (MARCH, extended),
        (MARCH, fulfilled()),
        (MARCH + timedelta(days=60), CLOSED),
    ]
    found = CaseHistory.of(reported).entry(BERLIN)
    assert found is not None
    assert (found.late, found.extended, found.due_on) == (False, True, date(2026, 5, 31))


def test_a_letter_that_came_back_answered_nothing() -> None:
    days = [timedelta(days=number) for number in (0, 10, 10, 12, 50)]
    facts = (received(), fulfilled(), CLOSED, CAME_BACK, DELIVERED)
    found = CaseHistory.of((MARCH + after, fact) for after, fact in zip(days, facts, strict=True)).entry(
        BERLIN
    )
    assert found is not None
    assert (found.days, found.late) == (50, True)


APPEALED = AppealReceived.model_validate(
    {
        "request_id": CASE,
        "remedy": "appeal",
        "statement": "appeal_0",
        "received_on": date(2026, 5, 1),
        "due_on": date(2026, 6, 15),
        "policy": "us-co@2023-07-01",
    }
)
DENIED = AppealAnswered.model_validate(
    {"request_id": CASE, "remedy": "appeal", "received_on": date(2026, 5, 1), "granted": False}
)


def test_register_has_appeals_and_their_results() -> None:
    found = entry(received(), refused("no_try_left"), CLOSED, APPEALED)
    assert [str(appeal) for appeal in found.appeals] == ["appeal of 2026-05-01: open"]
    found = entry(received(), refused("no_try_left"), CLOSED, APPEALED, DENIED)
    assert [str(appeal) for appeal in found.appeals] == ["appeal of 2026-05-01: denied 2026-03-06"]


def test_a_case_is_kept_while_an_appeal_is_open_and_two_years_after_it() -> None:
    assert not may_be_purged(story(received(), fulfilled(), CLOSED, APPEALED), MARCH + LONG)
    reported = story(received(), fulfilled(), CLOSED, APPEALED, DENIED)
    assert reported.ended_at == MARCH + timedelta(days=4)


def test_an_open_request_is_late_once_its_deadline_was_missed() -> None:
    missed = DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 16))
    assert entry(received(), missed).late
    assert not entry(received(), missed, WITHDRAWN).late


def test_a_request_counts_under_each_law_that_protects_the_person() -> None:
    found = entry(received(also=("gdpr@2018-05-25", "us-ca-ccpa@2023-01-01")), fulfilled(), CLOSED)
    assert [one.law for one in counted(found)] == ["us-ca-ccpa", "gdpr"]
    assert {one.year for one in counted(found)} == {2026}


def restricted(right: Right, *more: Fact, **changes: object) -> CaseHistory:
    return story(
        received(right, **changes), fulfilled(right=right, dispositions={"marked": 2}), CLOSED, *more
    )


@pytest.mark.parametrize(
    ("reported", "standing"),
    [
        pytest.param(restricted(Right.RESTRICTION), RetentionReason.RESTRICTED, id="a restriction in force"),
        pytest.param(
            restricted(Right.RESTRICTION, SubjectUnrestricted(request_id=CASE, identifiers={})),
            None,
            id="lifted",
        ),
        pytest.param(restricted(Right.OBJECTION), RetentionReason.RESTRICTED, id="an objection restricts"),
        pytest.param(restricted(Right.OBJECTION, direct_marketing=True), None, id="not one to marketing"),
        pytest.param(restricted(Right.OPT_OUT_OF_SALE), None, id="nor an opt-out"),
        pytest.param(
            story(received(Right.RECTIFICATION), fulfilled(statement_kept=True), CLOSED),
            RetentionReason.STATEMENT,
            id="a correction that was declined, with a statement",
        ),
        pytest.param(
            story(received(), fulfilled(dispositions={"left": 1}), CLOSED),
            RetentionReason.LEFT,
            id="records left",
        ),
        pytest.param(
            story(received(), fulfilled(dispositions={"left": 1}), CLOSED, fulfilled(), CLOSED),
            None,
            id="erased at last",
        ),
        pytest.param(story(received(), refused("x"), CLOSED, HELD), RetentionReason.HELD, id="a hold stands"),
        pytest.param(story(received(), fulfilled(), CLOSED, HELD, LIFTED), None, id="the hold is lifted"),
        pytest.param(
            story(received(), fulfilled(), CLOSED, ON_COLLECTION), None, id="a hold of a collection"
        ),
        pytest.param(story(received(), fulfilled(), CLOSED), None, id="nothing"),
    ],
)
def test_a_case_with_a_reason_to_retain_it_is_kept(
    reported: CaseHistory, standing: RetentionReason | None
) -> None:
    assert reported.standing is standing
    assert may_be_purged(reported, MARCH + LONG) is (standing is None)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((), id="received"),
        pytest.param((fulfilled(),), id="decided"),
        pytest.param((fulfilled(), REFUSED_BY_SERVER), id="not delivered"),
        pytest.param((refused("no_try_left"),), id="refused, the letter not sent"),
        pytest.param((RequestReferred(request_id=CASE, right=Right.ERASURE, reason="x"),), id="referred"),
        pytest.param((fulfilled(), CLOSED, fulfilled()), id="opened again"),
    ],
)
def test_an_open_case_is_kept_however_old(facts: tuple[Fact, ...]) -> None:
    assert not may_be_purged(story(received(), *facts), MARCH + LONG)


def test_a_case_is_kept_after_the_last_day_of_its_hold_as_long_as_after_its_end() -> None:
    until = HELD.model_copy(update={"until": date(2027, 1, 9)})
    reported = story(received(), fulfilled(), CLOSED, until)
    assert not may_be_purged(reported, datetime(2027, 1, 9, 12, tzinfo=UTC))
    assert may_be_purged(reported, datetime(2027, 1, 10, 12, tzinfo=UTC))


def test_a_case_is_kept_to_the_very_moment() -> None:
    reported = story(received(), fulfilled(), CLOSED, apart=timedelta())
    assert not may_be_purged(reported, MARCH)
    assert may_be_purged(reported, MARCH + timedelta(microseconds=1))


def test_a_message_that_was_set_aside_is_in_no_count_and_goes_as_well() -> None:
    reported = story(RequestRejected(request_id=CASE, publisher_source=None, publisher_id=None, errors=()))
    assert reported.entry(BERLIN) is None
    assert may_be_purged(reported, MARCH + timedelta(days=1))


@pytest.mark.parametrize(
    "fact",
    [
        InquiryLodged(request_id=CASE, inquiry="inquiry", received_on=MARCH.date(), laws=()),
        MessageLodged(request_id=CASE, message="mail", reason="spam", own=False),
    ],
    ids=["asked back", "set aside"],
)
def test_a_mail_of_which_no_request_came_is_in_no_count_and_goes_as_well(fact: Fact) -> None:
    reported = story(fact)
    assert reported.entry(BERLIN) is None
    assert may_be_purged(reported, MARCH + timedelta(days=1))
    assert not may_be_purged(story(fact, received()), MARCH + timedelta(days=9))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        pytest.param(date(2028, 3, 2), date(2026, 3, 2), id="two years"),
        pytest.param(date(2028, 2, 29), date(2026, 2, 28), id="from a leap day"),
        pytest.param(date(2028, 1, 31), date(2026, 1, 31), id="to another January"),
    ],
)
def test_two_years_are_kept_and_not_a_day_less(now: date, before: date) -> None:
    noon = time(12, tzinfo=BERLIN)
    ended_before = RegisterRetention(24, BERLIN).ended_before(datetime.combine(now, noon))
    assert ended_before == datetime.combine(before, noon)


# --- the register and intake's own table agree on every way that a case can take ------------------------

FACTS: dict[type[Fact], list[Fact]] = {
    RequestReceived: [received(), received(requester="controller", role="end_user", reachable=False)],
    IdentityChallenged: [IdentityChallenged(request_id=CASE, expires_at=MARCH)],
    IdentityRefused: [refused("no_try_left"), refused("not_proven_in_time")],
    IdentityVerified: [
        IdentityVerified(
            request_id=CASE,
            right=Right.ERASURE,
            regulation=Regulation.CCPA,
            received_on=MARCH.date(),
            assurance=Assurance.MAILBOX,
            reasons=(),
        )
    ],
    ProofRefused: [ProofRefused(request_id=CASE, reason="wrong", tries_left=1)],
    RequestClosed: [CLOSED],
    RequestFulfilled: [fulfilled(outcome) for outcome in Outcome],
    RequestForwarded: [FORWARDED],
    RequestDuplicated: [DUPLICATED],
    RequestReferred: [RequestReferred(request_id=CASE, right=Right.ERASURE, reason="x")],
    RequestWithdrawn: [WITHDRAWN],
}


@st.composite
def lives(draw: st.DrawFn) -> list[Fact]:
    """Draw a path through intake's table, with or without a mailbox."""
    addressless = draw(st.booleans())
    facts: list[Fact] = [received(), *([NO_MAILBOX] if addressless else [])]
    status = CaseStatus.RECEIVED
    for _ in range(draw(st.integers(0, 8))):
        written = status is CaseStatus.CLOSED and any(isinstance(fact, RequestFulfilled) for fact in facts)
        if written and not addressless:
            facts += draw(st.lists(st.sampled_from([CAME_BACK, SENT, DELIVERED]), max_size=3))
        known = [kind for kind in TRANSITIONS.get(status, {}) if kind in FACTS]
        kind = draw(st.sampled_from(known))
        facts.append(draw(st.sampled_from(FACTS[kind])))
        status = TRANSITIONS[status][kind]
    return facts


@given(lives())
def test_the_register_agrees_with_the_table_of_intake(facts: list[Fact]) -> None:
    case, reported = reduce(evolve, facts, IntakeCase()), story(*facts)
    assert (reported.ended_at is None) is case.unanswered
    if reported.result not in {
        RequestResult.OPEN,
        RequestResult.WITHDRAWN,
        RequestResult.FORWARDED,
        RequestResult.DUPLICATE,
    }:
        outcome = outcome_of(case)
        assert outcome is not None
        assert (
            RequestResult.REFUSED if reported.result is RequestResult.LAPSED else reported.result
        ) == outcome.value


@given(st.lists(lives(), max_size=3))
def test_each_count_has_its_own_key(several: list[list[Fact]]) -> None:
    kinds: set[CountedRequest] = {one for facts in several for one in counted(entry(*facts))}
    assert len({one.key for one in kinds}) == len(kinds)
