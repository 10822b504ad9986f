"""The window before the disclosure of records with other mailboxes, in which their owners can stop it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

import pytest

from services.fulfillment.context import FoundRequest, FulfillmentContext, PersonRecords
from services.fulfillment.erasure import handlers
from services.fulfillment.erasure.act_marks import HELD_BACK
from services.fulfillment.erasure.completion import Completed, Round
from services.fulfillment.erasure.execution import Remainder, RemainderKind, Remains
from services.fulfillment.erasure.handlers import certify_withdrawn, erase, retry
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.erasure.window import disclosure_timer, releases, round_timer, window_ended
from services.fulfillment.handlers import (
    RELEASED,
    SUBSCRIPTIONS,
    answer,
    approve_correction,
    await_disclosure,
    disclose,
    handle_window_end,
)
from services.fulfillment.search.findings import Coverage, Findings, RecordTuple
from services.fulfillment.search.findings import SearchStatus as Searched
from services.fulfillment.search.named_mailboxes import MOST_NOTIFIED
from services.fulfillment.state import FulfillmentStatus
from shared.contract.answer import outline_of
from shared.contract.events import (
    Assurance,
    ChangePlanned,
    CorrectionApproved,
    DisclosureDue,
    DisclosureScheduled,
    ErasureDue,
    ErasurePlanned,
    ErasureRetried,
    ErasureScheduled,
    Fact,
    FeeAgreed,
    FeeQuoted,
    IdentityVerified,
    MailboxNamed,
    Outcome,
    Requester,
    RequestFulfilled,
    RequestReferred,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
    TransferOrdered,
)
from shared.errors import TooEarly
from shared.law import FeeReason, Money, Right
from tests.runtime_fakes import MemoryTimers
from tests.unit.fulfillment.handler_fakes import CASE, HOUSE, NOW, Counter, Held, answer_of, stage
from tests.unit.fulfillment.test_change_handlers import EDITABLE, PEOPLE
from tests.unit.fulfillment.test_change_handlers import HELD as PERSON
from tests.unit.fulfillment.test_disclosure import HELD, MAP, findings, record
from tests.unit.fulfillment.test_erasure_window import DAY, LATE, after

LOU, KIM = "lou@example.net", "kim@example.net"
OTHERS = findings(record("shop.users"), record("shop.invoices", email=LOU))
MANY = findings(*(record("shop.users", email=f"p{n}@example.net") for n in range(MOST_NOTIFIED + 1)))
DUE = DisclosureDue(request_id=CASE, name="disclosure_window_1")
STOPPED = RequestStopped(request_id=CASE, reason="not_me")
RELEASE = RequestReleased(request_id=CASE)
CORRECTION = [{"field": "users.score", "value": "18"}]


async def asked(
    found: Findings = OTHERS, right: Right = Right.ACCESS, *, window: timedelta = DAY, **details: Any
) -> tuple[IdentityVerified, FulfillmentContext]:
    event, ctx = await stage(MAP, found, right, **details)
    return event, replace(ctx, house=replace(HOUSE, erasure_window=window))


async def held_back(
    right: Right = Right.ACCESS, **details: Any
) -> tuple[FulfillmentContext, Sequence[Fact], DisclosureScheduled]:
    """Return what is known of a request that waits, which facts led there, and its window."""
    event, ctx = await asked(right=right, **details)
    named, window = await answer(event, ctx)
    assert isinstance(named, MailboxNamed)
    assert isinstance(window, DisclosureScheduled)
    return after(ctx, event, named, window), (event, named, window), window


def held(found: Findings) -> PersonRecords:
    return cast("PersonRecords", Held(found))


def kinds(facts: Sequence[Fact]) -> list[type[Fact]]:
    return [type(fact) for fact in facts]


async def test_disclosure_with_another_mailbox_waits_and_stores_nothing() -> None:
    ctx, (_, named, _), window = await held_back()
    assert window.at == NOW + DAY
    assert ctx.known.status is FulfillmentStatus.DISCLOSURE_SCHEDULED
    assert isinstance(named, MailboxNamed)
    assert await ctx.vault.open(CASE, named.ref) == LOU.encode()
    assert ctx.copies == Counter(), "no copy was given yet"


async def test_disclosure_without_another_mailbox_does_not_wait() -> None:
    event, ctx = await asked(HELD)
    assert kinds(await answer(event, ctx)) == [RequestFulfilled]


@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE])
@pytest.mark.parametrize(
    "known_by",
    [
        pytest.param({"reasons": ("three_points",)}, id="data points"),
        pytest.param({"reasons": ("identity_document", "records")}, id="documents"),
        pytest.param({"reasons": ("account",), "proven": ("customer_no",)}, id="log-in without the mailbox"),
    ],
)
async def test_mailbox_that_its_owner_has_not_proven_is_notified(
    known_by: dict[str, Any], right: Right
) -> None:
    event, ctx = await asked(HELD, right)
    update = {"proven": ("email",), "assurance": Assurance.REASONABLY_HIGH, **known_by}
    named, *_ = await answer(event.model_copy(update=update), ctx)
    assert isinstance(named, MailboxNamed)
    assert await ctx.vault.open(CASE, named.ref) == b"ada@example.org"


@pytest.mark.parametrize(
    "known_by",
    [
        pytest.param({"reasons": ("mailbox", "three_points")}, id="code"),
        pytest.param({"reasons": ("account",)}, id="log-in"),
        pytest.param(
            {"reasons": ("confirmation",), "assurance": Assurance.VOUCHED}, id="stated by the source"
        ),
        pytest.param(
            {"reasons": ("vouched",), "assurance": Assurance.VOUCHED, "proven": None}, id="trusted source"
        ),
    ],
)
async def test_mailbox_that_its_owner_has_proven_gets_no_further_letter(known_by: dict[str, Any]) -> None:
    event, ctx = await asked(HELD)
    assert kinds(await answer(event.model_copy(update=known_by), ctx)) == [RequestFulfilled]


async def test_window_before_a_disclosure_ends_before_the_last_day() -> None:
    event, ctx = await asked(window=7 * DAY)
    _, window = await answer(event.model_copy(update={"windows_until": NOW + 2 * DAY}), ctx)
    assert isinstance(window, DisclosureScheduled)
    assert window.at == NOW + 2 * DAY


async def test_disclosure_without_a_window_goes_out_with_the_letters() -> None:
    event, ctx = await asked(window=timedelta())
    assert kinds(await answer(event, ctx)) == [MailboxNamed, RequestFulfilled]


@pytest.mark.parametrize(
    ("right", "details", "end"),
    [
        pytest.param(Right.ACCESS, {}, RequestFulfilled, id="access"),
        pytest.param(
            Right.PORTABILITY, {"transfer_to": "https://next.example/in"}, TransferOrdered, id="transfer"
        ),
    ],
)
async def test_disclosure_follows_the_end_of_its_window(
    right: Right, details: dict[str, Any], end: type[Fact]
) -> None:
    ctx, known, window = await held_back(right, **details)
    facts = await disclose(DUE, replace(ctx, now=window.at))
    assert kinds(facts) == [end], "the letter is not sent again"
    assert after(ctx, *known, window, DUE, *facts, window).known.disclosure_window == window


async def test_forged_or_early_end_of_the_window_discloses_nothing() -> None:
    ctx, _, window = await held_back()
    early = replace(ctx, now=window.at - timedelta(microseconds=1))
    for state in (early, early.after(STOPPED)):
        with pytest.raises(TooEarly):
            await disclose(DUE, state)


async def test_redelivered_end_of_the_window_discloses_nothing_again() -> None:
    ctx, _, window = await held_back()
    late = replace(ctx, now=window.at)
    answered = late.after(DUE, *await disclose(DUE, late))
    assert answered.known.status is FulfillmentStatus.FULFILLED
    assert await disclose(DUE, answered) == []


async def test_stop_in_the_last_moment_of_the_window_holds_the_disclosure_back() -> None:
    ctx, _, window = await held_back()
    ended = replace(ctx.after(STOPPED), now=window.at)
    assert await disclose(DUE, ended) == []
    ended = ended.after(DUE)
    assert ended.after(RequestWithdrawn(request_id=CASE)).known.status is FulfillmentStatus.WITHDRAWN
    assert kinds(await releases(RELEASED)(RELEASE, ended)) == [RequestFulfilled]


async def test_release_within_the_window_discloses_nothing_before_its_end() -> None:
    ctx, _, window = await held_back()
    stopped = ctx.after(STOPPED)
    assert await releases(RELEASED)(RELEASE, stopped) == []
    released = stopped.after(RELEASE)
    assert released.known.status is FulfillmentStatus.DISCLOSURE_SCHEDULED
    assert kinds(await disclose(DUE, replace(released, now=window.at))) == [RequestFulfilled]


async def test_withdrawal_within_the_window_ends_the_request() -> None:
    ctx, _, window = await held_back()
    withdrawn = replace(ctx.after(RequestWithdrawn(request_id=CASE)), now=window.at)
    assert withdrawn.known.status is FulfillmentStatus.WITHDRAWN
    assert await disclose(DUE, withdrawn) == []
    assert withdrawn.after(DUE, window).known.status is FulfillmentStatus.WITHDRAWN


async def test_mailbox_that_comes_into_the_records_meanwhile_has_a_window_of_its_own() -> None:
    ctx, _, first = await held_back()
    more = findings(record("shop.users", email=KIM), record("shop.invoices", email=LOU.upper()))
    late = replace(ctx, now=first.at, records=held(more))
    named, second = facts = await disclose(DUE, late)
    assert isinstance(named, MailboxNamed)
    assert isinstance(second, DisclosureScheduled)
    assert await ctx.vault.open(CASE, named.ref) == KIM.encode()
    assert second.at == first.at + DAY
    assert disclosure_timer(second) != disclosure_timer(first)
    waiting = late.after(DUE, *facts, first, second)
    assert waiting.known.disclosure_window == second
    assert kinds(await disclose(DUE, replace(waiting, now=second.at))) == [RequestFulfilled]


async def test_mailboxes_are_counted_over_all_windows_of_a_request() -> None:
    ctx, _, window = await held_back()
    late = replace(ctx, now=window.at, records=held(findings(*list(MANY.found)[:MOST_NOTIFIED])))
    [fact] = await disclose(DUE, late)
    assert isinstance(fact, RequestReferred)
    assert fact.reason == "many_mailboxes"


@pytest.mark.parametrize(("laws", "proven_at"), LATE)
async def test_disclosure_proven_on_the_last_day_has_its_whole_window(
    laws: tuple[str, ...], proven_at: datetime
) -> None:
    event, ctx = await asked()
    _, window = await answer(event.model_copy(update={"laws": laws}), replace(ctx, now=proven_at))
    assert isinstance(window, DisclosureScheduled)
    assert window.at == proven_at + DAY


async def test_fee_is_agreed_to_before_the_window_begins() -> None:
    quoted = FeeQuoted(
        request_id=CASE,
        fee=Money(amount=5, currency="EUR"),
        reason=FeeReason.FURTHER_COPY,
        answer_by=date(2026, 12, 5),
    )
    event, ctx = await asked()
    [go_on] = [one.handler for one in SUBSCRIPTIONS if one.event is FeeAgreed]
    named, window = await go_on(FeeAgreed(request_id=CASE), after(ctx, event, quoted))
    assert isinstance(named, MailboxNamed)
    assert isinstance(window, DisclosureScheduled)


async def test_end_of_the_window_is_a_timer_of_its_own() -> None:
    ctx, _, window = await held_back()
    timers = MemoryTimers()
    assert await await_disclosure(window, replace(ctx, timers=timers)) == []
    [((case, name), at)] = timers.moments.items()
    assert (case, at) == (CASE, window.at)
    assert isinstance(window_ended(CASE, name), DisclosureDue)
    assert isinstance(window_ended(CASE, "erasure_window"), ErasureDue)


async def test_erasure_has_its_own_window_and_no_second_one() -> None:
    event, ctx = await asked(right=Right.ERASURE, with_copy=True)
    assert kinds(await answer(event, ctx)) == [MailboxNamed, ErasurePlanned, ErasureScheduled]


@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE, Right.RECTIFICATION])
async def test_request_whose_records_name_many_mailboxes_is_referred(right: Right) -> None:
    event, ctx = await asked(MANY, right, corrections=CORRECTION)
    assert kinds(await answer(event, ctx)) == [RequestReferred]


# --- a parent's request: the mailboxes in the records are the child's ---------------------------------------


@pytest.mark.parametrize(
    ("right", "facts"),
    [
        (Right.ACCESS, [RequestFulfilled]),
        (Right.PORTABILITY, [RequestFulfilled]),
        (Right.ERASURE, [ErasurePlanned, ErasureScheduled]),
    ],
)
async def test_parents_request_writes_to_no_mailbox_in_the_records_of_the_child(
    right: Right, facts: list[type[Fact]]
) -> None:
    event, ctx = await asked(right=right)
    parents = event.model_copy(update={"requester": Requester.PARENT})
    assert kinds(await answer(parents, ctx)) == facts


async def test_parents_request_whose_records_name_many_mailboxes_is_referred() -> None:
    event, ctx = await asked(MANY)
    parents = event.model_copy(update={"requester": Requester.PARENT})
    assert kinds(await answer(parents, ctx)) == [RequestReferred]


async def test_later_round_of_a_parents_erasure_writes_to_no_mailbox() -> None:
    _, facts = await second_round(findings(record("shop.users", email=KIM)), Requester.PARENT)
    assert kinds(facts) == [ErasurePlanned]


# --- a controller's instruction: it answers for it (GDPR Art. 28(3)(a)) -------------------------------------


@pytest.mark.parametrize("found", [OTHERS, MANY], ids=["another mailbox", "many"])
@pytest.mark.parametrize(
    ("right", "facts"),
    [
        (Right.ACCESS, [RequestFulfilled]),
        (Right.PORTABILITY, [RequestFulfilled]),
        (Right.ERASURE, [ErasurePlanned, ErasureScheduled]),
    ],
)
async def test_controllers_instruction_notifies_no_mailbox_and_only_its_erasure_waits(
    found: Findings, right: Right, facts: list[type[Fact]]
) -> None:
    event, ctx = await asked(found, right)
    instruction = event.model_copy(update={"requester": Requester.CONTROLLER})
    assert kinds(await answer(instruction, ctx)) == facts


# --- changes: the owners are notified with the act, which can be taken back ---------------------------------


@pytest.mark.parametrize("found", [OTHERS, HELD], ids=["another mailbox", "none"])
async def test_change_has_the_owners_of_other_mailboxes_notified(
    monkeypatch: pytest.MonkeyPatch, found: Findings
) -> None:
    async def planned(found: FoundRequest, *_: object) -> Sequence[Fact]:
        change = ChangePlanned(
            request_id=CASE,
            right=found.event.right,
            plan="change_plan_1",
            regulation=found.event.regulation,
            received_on=found.event.received_on,
        )
        return [change]

    monkeypatch.setattr("services.fulfillment.handlers.plan_change", planned)
    event, ctx = await asked(found, Right.RESTRICTION)
    facts = await answer(event, ctx)
    assert kinds(facts) == [*([MailboxNamed] if found is OTHERS else []), ChangePlanned]
    assert after(ctx, event, *facts).known.status is FulfillmentStatus.EXECUTING


async def test_change_that_is_referred_writes_to_no_other_mailbox() -> None:
    event, ctx = await asked(OTHERS, Right.RECTIFICATION)
    assert kinds(await answer(event, ctx)) == [RequestReferred]


async def test_owners_of_other_mailboxes_are_notified_after_an_approved_correction() -> None:
    correction = {"field": "people.phone", "value": "+353209100143"}
    two = replace(PERSON, document={**PERSON.document, "email": LOU})
    found = Findings(EDITABLE.version, RecordTuple((two,)), (Coverage(PEOPLE.key, Searched.SEARCHED, 1),))
    event, ctx = await stage(EDITABLE, found, Right.RECTIFICATION, corrections=[correction])
    referred = await answer(event, ctx)
    assert kinds(referred) == [RequestReferred]
    approved = CorrectionApproved(request_id=CASE, by="robin")
    waiting = after(ctx, event, *referred)
    facts = await approve_correction(approved, waiting)
    assert kinds(facts) == [MailboxNamed, ChangePlanned]
    assert waiting.after(approved, *facts).known.status is FulfillmentStatus.EXECUTING


# --- later rounds of an erasure -----------------------------------------------------------------------------


@dataclass
class Coming(Held):
    """Records of which *new* ones come while the others are erased."""

    new: Findings = HELD

    async def erase(self, plan: RecordPlan) -> dict[Any, str]:
        del plan
        return {}

    async def verify(self, *_: object) -> Remains:
        item = next(iter(self.new.found))
        left = Remainder(item.collection.key, item.id, RemainderKind.UNPLANNED)
        return Remains((left,), {}, self.new)

    async def plan_again(self, done: Round, data_map: Any, today: date) -> RecordPlan:
        del done
        return plan(self.new, data_map, today)


async def second_round(
    new: Findings, requester: Requester = Requester.PERSON, window: timedelta = timedelta()
) -> tuple[FulfillmentContext, Sequence[Fact]]:
    """Return an erasure after its first round; later windows last *window*."""
    event, ctx = await asked(right=Right.ERASURE, window=timedelta())
    event = event.model_copy(update={"requester": requester})
    facts = await answer(event, ctx)
    ctx = replace(after(ctx, event, *facts), records=cast("PersonRecords", Coming(OTHERS, new)))
    planned = facts[-1]
    assert isinstance(planned, ErasurePlanned)
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=window))
    return ctx, await erase(planned, ctx)


async def test_mailbox_of_records_that_came_after_the_first_round_is_notified_once() -> None:
    new = findings(record("shop.users", email=KIM), record("shop.invoices", email=LOU))
    ctx, facts = await second_round(new)
    assert kinds(facts) == [MailboxNamed, ErasurePlanned]
    assert isinstance(facts[0], MailboxNamed)
    assert await ctx.vault.open(CASE, facts[0].ref) == KIM.encode()
    known = ctx.after(*facts)
    assert (known.known.status, len(known.known.mailboxes)) == (FulfillmentStatus.EXECUTING, 2)
    assert kinds(await erase(facts[-1], known)) == [ErasurePlanned]  # type: ignore[arg-type]


async def test_later_round_whose_records_name_many_mailboxes_needs_approval() -> None:
    ctx, facts = await second_round(MANY)
    assert kinds(facts) == [ErasurePlanned]
    assert ctx.after(*facts).known.status is FulfillmentStatus.AWAITING_FURTHER_APPROVAL
    outline = await answer_of(ctx, outline_of(facts[0].plan))  # type: ignore[attr-defined]
    assert sum(one.records for one in (*outline.erased, *outline.masked)) == MANY.total


async def test_retry_of_an_answered_erasure_notifies_a_mailbox_that_came_meanwhile() -> None:
    ctx, _ = await second_round(findings(record("shop.users", email=KIM)))
    counts = {"left": 1}
    fulfilled = RequestFulfilled(
        request_id=CASE, right=Right.ERASURE, outcome=Outcome.GRANTED, dispositions=counts, answer="answer"
    )
    answered = ctx.after(fulfilled)
    facts = await retry(ErasureRetried(request_id=CASE), answered)
    assert kinds(facts) == [MailboxNamed, ErasurePlanned]
    assert answered.after(ErasureRetried(request_id=CASE), *facts).known.status is FulfillmentStatus.EXECUTING


async def with_window(new: Findings) -> tuple[FulfillmentContext, Sequence[Fact]]:
    """Return an erasure with a waiting second round, and the facts before."""
    ctx, facts = await second_round(new, window=DAY)
    return ctx.after(*facts), facts


@pytest.fixture
def certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue certificates without the registers that they read."""

    async def complete(decided: RecordPlan, *_: object, **__: object) -> Completed:
        return Completed(decided, (), b"certificate")

    monkeypatch.setattr(handlers, "complete", complete)


KIMS = findings(record("shop.users", email=KIM))


async def test_later_round_that_names_a_mailbox_waits_for_a_window_of_its_own() -> None:
    ctx, facts = await with_window(KIMS)
    assert kinds(facts) == [MailboxNamed, ErasurePlanned, ErasureScheduled]
    _, planned, window = facts
    assert isinstance(window, ErasureScheduled)
    assert (ctx.known.status, ctx.known.erasure_window, window.letter) == (
        FulfillmentStatus.AWAITING_WINDOW,
        window,
        False,
    )
    assert await erase(planned, ctx) == []  # type: ignore[arg-type]
    due = ErasureDue(request_id=CASE, name=round_timer(window))
    with pytest.raises(TooEarly):
        await handle_window_end(due, replace(ctx, now=window.at - timedelta(seconds=1)))
    ended = replace(ctx, now=window.at)
    assert kinds(await handle_window_end(due, ended)) == [ErasurePlanned]
    assert ended.after(due).known.status is FulfillmentStatus.EXECUTING


async def test_later_round_without_a_new_mailbox_does_not_wait() -> None:
    _, facts = await second_round(findings(record("shop.users", email=LOU)), window=DAY)
    assert kinds(facts) == [ErasurePlanned]


@pytest.mark.usefixtures("certificates")
async def test_stop_before_a_later_round_certifies_the_first_and_leaves_the_rest() -> None:
    ctx, facts = await second_round(KIMS)
    ctx = ctx.after(*facts).after(STOPPED)
    planned = facts[-1]
    certified = await erase(planned, ctx)  # type: ignore[arg-type]
    mark = await ctx.vault.open(CASE, f"act_{ctx.known.plans[1]}")
    assert mark == HELD_BACK, "the round has not begun"
    fulfilled = certified[0]
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.dispositions.get("left")


@pytest.mark.usefixtures("certificates")
async def test_round_that_an_earlier_version_began_is_finished_after_a_stop() -> None:
    ctx, facts = await second_round(KIMS)
    ctx = ctx.after(*facts).after(STOPPED)
    await ctx.vault.seal(CASE, f"erasure_begun_{ctx.known.plans[1]}", b"erasure_begun")
    assert kinds(await erase(facts[-1], ctx)) == [ErasurePlanned], "erased, and looked for later records"  # type: ignore[arg-type]


@pytest.mark.usefixtures("certificates")
async def test_withdrawal_within_the_window_of_a_later_round_certifies_the_first() -> None:
    ctx, _ = await with_window(KIMS)
    withdrawn = RequestWithdrawn(request_id=CASE)
    certified = await certify_withdrawn(withdrawn, ctx)
    assert isinstance(certified[0], RequestFulfilled)
    assert ctx.after(withdrawn, *certified).known.status is FulfillmentStatus.FULFILLED


# --- an erasure and a stop that reach two replicas ----------------------------------------------------------


@dataclass
class Erasing(Coming):
    """Records that count how often they are erased."""

    erasures: int = 0

    async def erase(self, plan: RecordPlan) -> dict[Any, str]:
        self.erasures += 1
        return await super().erase(plan)


async def first_round() -> tuple[ErasurePlanned, FulfillmentContext, Erasing]:
    """Return an erasure that may begin, and its records."""
    event, ctx = await asked(right=Right.ERASURE, window=timedelta())
    facts, records = await answer(event, ctx), Erasing(OTHERS, KIMS)
    planned = facts[-1]
    assert isinstance(planned, ErasurePlanned)
    return planned, replace(after(ctx, event, *facts), records=cast("PersonRecords", records)), records


async def test_replica_that_stood_still_erases_nothing_after_another_held_the_erasure_back() -> None:
    planned, ctx, records = await first_round()
    assert await erase(planned, ctx.after(STOPPED)) == await erase(planned, ctx) == []
    assert records.erasures == 0
    released = ctx.after(STOPPED, planned, RELEASE)
    [begun] = await RELEASED[ErasurePlanned](planned, released)
    assert kinds(await erase(begun, released)) == [MailboxNamed, ErasurePlanned]  # type: ignore[arg-type]
    assert records.erasures == 1


@pytest.mark.usefixtures("certificates")
async def test_erasure_that_has_begun_is_certified_though_it_ends_as_withdrawn_beside_it() -> None:
    planned, ctx, records = await first_round()
    await erase(planned, ctx)
    other = ErasureDue(request_id=CASE, name="erasure_window")
    overtaken = ctx.after(STOPPED, other, RequestWithdrawn(request_id=CASE, stopped=True))
    assert overtaken.known.withdrawn
    facts = await erase(planned, overtaken)
    assert kinds(facts) == [MailboxNamed, ErasurePlanned]
    later = overtaken.after(planned, *facts)
    certified = await erase(facts[-1], later)  # type: ignore[arg-type]
    assert isinstance(certified[0], RequestFulfilled)
    assert later.after(*certified).known.status is FulfillmentStatus.FULFILLED
    assert records.erasures == 2, "no later round begins"
