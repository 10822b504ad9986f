"""Aliases in records are followed only after the staff confirms them."""

import ast
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self, cast

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.erasure.handlers import await_window
from services.fulfillment.erasure.window import disclosure_timer, releases
from services.fulfillment.handlers import (
    RELEASED,
    SUBSCRIPTIONS,
    answer,
    answer_proven_alias,
    confirm_alias,
    disclose,
    handle_window_end,
)
from services.fulfillment.recipients.handlers import transfer
from services.fulfillment.search.confirmed_aliases import MOST_OFFERED, values_of, window_name
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.state import FulfillmentStatus
from shared.contract.events import (
    AliasConfirmed,
    AliasProven,
    DisclosureDue,
    DisclosureScheduled,
    ErasureDue,
    ErasurePlanned,
    ErasureScheduled,
    Fact,
    MailboxNamed,
    Outcome,
    Requester,
    RequestFulfilled,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
    StopReason,
    TransferOrdered,
)
from shared.errors import RefusedDecision, TooEarly
from shared.law import Right
from tests.runtime_fakes import MemoryTimers
from tests.unit.fulfillment.handler_fakes import CASE, Absent, OneMap, answer_of, stage
from tests.unit.fulfillment.test_disclosure import ADA, HELD, MAP, findings, record

FULFILLMENT = Path(__file__).parents[3] / "services" / "fulfillment"
OTHER, NUMBER = "ada.other@example.net", "+353209100777"
CLAIMING = replace(
    HELD, unconfirmed=("email", "phone_number"), claims={"email": (OTHER,), "phone_number": (NUMBER,)}
)
DAY = timedelta(days=1)
STOPPED = RequestStopped(request_id=CASE, reason=StopReason.NOT_ME)
ERASED = RequestFulfilled(request_id=CASE, right=Right.ERASURE, outcome=Outcome.GRANTED, answer="answer_1")


@dataclass
class Asked(Absent):
    """Records that keep what they are searched by."""

    findings: Findings
    by: list[Identities] = field(default_factory=list)

    def due_on(self, _day: date) -> Self:
        return self

    async def gather(
        self,
        data_map: DataMap,
        identities: Identities,
        claimed: Identities | None = None,
        verified: Identities | None = None,
    ) -> Findings:
        del data_map, claimed, verified
        self.by.append(identities)
        return self.findings


async def answered(
    right: Right = Right.ACCESS, findings: Findings = CLAIMING, *, two: bool = False, with_copy: bool = False
) -> tuple[FulfillmentContext, Asked]:
    """Return an answered request that has offered the claims of *findings*."""
    event, ctx = await stage(MAP, findings, right, with_copy=with_copy)
    records = Asked(findings)
    house = replace(ctx.house, two_deciders=two)
    ctx = replace(ctx, records=cast(Any, records), house=house, timers=MemoryTimers())
    facts = await answer(event, ctx)
    ctx = ctx.after(event, *facts)
    return (ctx.after(ERASED) if right is Right.ERASURE else ctx), records


def confirmation(ctx: FulfillmentContext, number: int = 1, by: str = "dana") -> AliasConfirmed:
    [offer] = ctx.known.offered
    return AliasConfirmed(request_id=CASE, by=by, aliases=offer.ref, number=number)


async def refusal(event: AliasConfirmed, ctx: FulfillmentContext) -> str:
    with pytest.raises(RefusedDecision) as refused:
        await confirm_alias(event, ctx)
    return str(refused.value)


async def test_answer_offers_aliases_by_number_and_seals_their_values() -> None:
    ctx, _ = await answered()
    assert ctx.known.fulfilled is not None
    [offer] = ctx.known.offered
    assert offer.identities == ("email", "phone_number")
    assert OTHER not in ctx.known.fulfilled.model_dump_json()
    sealed = await ctx.vault.open(CASE, offer.ref)
    assert values_of(sealed) == [("email", OTHER), ("phone_number", NUMBER)]


async def test_transfer_offers_aliases_and_their_records_go_to_the_person_alone() -> None:
    event, ctx = await stage(MAP, CLAIMING, Right.PORTABILITY, transfer_to="https://import.example.com/")
    ctx = replace(ctx, records=cast(Any, Asked(CLAIMING)))
    [ordered] = await answer(event, ctx)
    assert isinstance(ordered, TransferOrdered)
    [fulfilled] = await transfer(ordered, ctx.after(event, ordered))
    ctx = ctx.after(event, ordered, fulfilled)
    [*_, further] = await confirm_alias(confirmation(ctx), ctx)
    assert isinstance(further, RequestFulfilled)


async def test_answers_of_a_request_are_numbered_in_their_order() -> None:
    ctx, _ = await answered()
    *_, further = await confirm_alias(confirmation(ctx), ctx)
    assert isinstance(further, RequestFulfilled)
    assert ctx.known.fulfilled is not None
    assert (ctx.known.fulfilled.number, further.number) == (1, 2)
    assert ctx.known.fulfilled.is_replaced_by(further)


def test_no_answer_is_without_a_number() -> None:
    answers = [
        (file, one)
        for file in FULFILLMENT.rglob("*.py")
        for one in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(one, ast.Call) and ast.unparse(one.func) == RequestFulfilled.__name__
    ]
    assert answers
    for file, call in answers:
        assert "number" in {one.arg for one in call.keywords}, f"{file}:{call.lineno}"


async def test_records_that_name_no_alias_offer_none() -> None:
    ctx, _ = await answered(findings=HELD)
    assert ctx.known.offered == ()


async def test_only_so_many_aliases_are_offered() -> None:
    many = {"email": tuple(f"{n}@example.net" for n in range(MOST_OFFERED + 1))}
    ctx, _ = await answered(findings=replace(HELD, claims=many))
    assert len(ctx.known.offered[0].identities) == MOST_OFFERED


@pytest.mark.parametrize(
    "look_alike",
    [
        pytest.param("\N{KELVIN SIGN}im@example.net", id="letter of another script"),
        pytest.param("e\u0301va@example.net", id="not composed"),
        pytest.param(f"kim+{'x' * 70}@example.net", id="local part too long"),
        pytest.param("Kim <kim@example.net>", id="with a name"),
        pytest.param("a@example.net, kim@example.net", id="two"),
    ],
)
async def test_mailbox_with_another_spelling_in_letters_is_not_offered(look_alike: str) -> None:
    ctx, _ = await answered(findings=replace(HELD, claims={"email": (look_alike,)}))
    assert ctx.known.offered == ()


@pytest.mark.parametrize(
    ("alias", "written", "tags", "letters"),
    [
        pytest.param("KIM@Example.NET", "kim@example.net", False, ["kim@example.net"], id="in other case"),
        pytest.param("kim+x@example.net", "kim@example.net", True, ["kim@example.net"], id="tagged"),
        pytest.param("kim+x@example.net", None, True, ["kim@example.net"], id="tagged, not in the records"),
        pytest.param("kim+x@example.net", None, False, ["kim+x@example.net"], id="as it is"),
        pytest.param(
            "ÉVA@example.net", "éva@example.net", False, ["ÉVA@example.net", "éva@example.net"], id="both"
        ),
    ],
)
async def test_letter_about_an_alias_goes_to_the_mailbox_in_the_records(
    alias: str, written: str | None, letters: list[str], *, tags: bool
) -> None:
    ctx, records = await answered(findings=replace(HELD, claims={"email": (alias,)}))
    found = findings(record("shop.users", email=written or ADA))
    records.findings = found
    if tags:
        tagged = replace(MAP, collections=tuple(map(_tagged, MAP.collections)))
        ctx = replace(ctx, maps=cast(Any, OneMap(tagged)))
        records.findings = replace(found, version=tagged.version)
    facts = await confirm_alias(confirmation(ctx), ctx)
    named = [fact for fact in facts if isinstance(fact, MailboxNamed)]
    assert [(await ctx.vault.open(CASE, one.ref)).decode() for one in named] == letters


def _tagged(collection: Collection) -> Collection:
    return replace(collection, fields=tuple(replace(field, plus_tags=True) for field in collection.fields))


async def test_confirmed_alias_is_searched_by_as_if_proven() -> None:
    ctx, records = await answered()
    facts = await confirm_alias(confirmation(ctx), ctx)
    assert records.by == [{"email": (ADA,)}, {"email": (ADA, OTHER)}]
    fulfilled = facts[-1]
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.package is not None
    assert fulfilled.package != ctx.known.fulfilled.package if ctx.known.fulfilled else False


async def test_owner_of_a_confirmed_mailbox_is_notified() -> None:
    ctx, _ = await answered()
    [named, _] = await confirm_alias(confirmation(ctx), ctx)
    assert isinstance(named, MailboxNamed)
    assert await ctx.vault.open(CASE, named.ref) == OTHER.encode()


async def test_owner_of_a_mailbox_is_not_notified_of_another_alias_again() -> None:
    ctx, _ = await answered()
    event = confirmation(ctx)
    facts = await confirm_alias(event, ctx)
    later = await confirm_alias(confirmation(ctx, 2), ctx.after(event, *facts))
    assert not any(isinstance(fact, MailboxNamed) for fact in later)


async def test_copy_waits_until_the_owner_of_a_confirmed_mailbox_could_stop_it() -> None:
    ctx, _ = await answered()
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    event = confirmation(ctx)
    named, window = await confirm_alias(event, ctx)
    assert isinstance(named, MailboxNamed)
    assert isinstance(window, DisclosureScheduled)
    ctx = ctx.after(event, named, window)
    due = DisclosureDue(request_id=CASE, name=disclosure_timer(window))
    with pytest.raises(TooEarly):
        await disclose(due, ctx)
    ended = replace(ctx, now=window.at)
    assert await disclose(due, ended.after(STOPPED)) == []
    [fulfilled] = await disclose(due, ended)
    assert isinstance(fulfilled, RequestFulfilled)


async def test_withdrawal_within_the_window_of_an_alias_ends_it() -> None:
    ctx, _ = await answered()
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    event = confirmation(ctx)
    named, window = await confirm_alias(event, ctx)
    assert isinstance(window, DisclosureScheduled)
    ctx = ctx.after(event, named, window, RequestWithdrawn(request_id=CASE))
    due = DisclosureDue(request_id=CASE, name=disclosure_timer(window))
    assert await disclose(due, replace(ctx, now=window.at)) == []
    proven = AliasProven(request_id=CASE, aliases=event.aliases, number=2)
    [further] = await answer_proven_alias(proven, ctx)
    assert isinstance(further, DisclosureScheduled), "what staff confirmed waits, whatever else is proven"


async def test_withdrawal_within_the_window_of_an_alias_erases_nothing_further() -> None:
    ctx, _ = await answered(Right.ERASURE)
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    event = confirmation(ctx)
    facts = await confirm_alias(event, ctx)
    window = facts[-1]
    assert isinstance(window, ErasureScheduled)
    ctx = ctx.after(event, *facts, RequestWithdrawn(request_id=CASE))
    due = ErasureDue(request_id=CASE, name=window_name(window))
    assert await handle_window_end(due, replace(ctx, now=window.at)) == []


async def test_proven_alias_opens_nothing_within_the_window_of_another_proven_one() -> None:
    ctx, _ = await answered()
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    ctx = ctx.after(DisclosureScheduled(request_id=CASE, at=ctx.now + timedelta(hours=1)))
    proven = AliasProven(request_id=CASE, aliases=ctx.known.offered[0].ref, number=2)
    assert [type(fact) for fact in await answer_proven_alias(proven, ctx)] == [DisclosureScheduled]


async def test_end_of_a_window_without_a_confirmed_alias_answers_nothing_again() -> None:
    ctx, _ = await answered()
    window = DisclosureScheduled(request_id=CASE, at=ctx.now)
    due = DisclosureDue(request_id=CASE, name=disclosure_timer(window))
    assert await disclose(due, ctx.after(window)) == []


async def test_copy_waits_after_the_confirmation_of_an_alias_that_is_no_mailbox() -> None:
    ctx, _ = await answered()
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    event = confirmation(ctx, 2)
    [window] = await confirm_alias(event, ctx)
    assert isinstance(window, DisclosureScheduled)
    due = DisclosureDue(request_id=CASE, name=disclosure_timer(window))
    [fulfilled] = await disclose(due, replace(ctx.after(event, window), now=window.at))
    assert isinstance(fulfilled, RequestFulfilled)


@pytest.mark.parametrize("by_code", [False, True], ids=["confirmed", "proven"])
async def test_second_alias_opens_nothing_within_the_window_of_the_first(*, by_code: bool) -> None:
    ctx, _ = await answered()
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    first = confirmation(ctx, 1)
    ctx = ctx.after(first, *await confirm_alias(first, ctx))
    first_window = ctx.known.disclosure_window
    assert first_window is not None
    ctx = replace(ctx, now=ctx.now + timedelta(minutes=1))
    second = confirmation(ctx, 2)
    if by_code:
        proven = AliasProven(request_id=CASE, aliases=second.aliases, number=2)
        [window] = await answer_proven_alias(proven, ctx)
        ctx = ctx.after(proven, window)
    else:
        [window] = await confirm_alias(second, ctx)
        ctx = ctx.after(second, window)
    assert isinstance(window, DisclosureScheduled)
    with pytest.raises(TooEarly):
        await disclose(DisclosureDue(request_id=CASE, name=disclosure_timer(first_window)), ctx)
    due = DisclosureDue(request_id=CASE, name=disclosure_timer(window))
    assert await disclose(due, replace(ctx, now=window.at).after(STOPPED)) == []
    assert [type(f) for f in await disclose(due, replace(ctx, now=window.at))] == [RequestFulfilled]


async def test_mailbox_that_a_parents_request_leads_to_is_not_notified() -> None:
    ctx, _ = await answered()
    assert ctx.known.verified is not None
    parents = ctx.known.verified.model_copy(update={"requester": Requester.PARENT})
    facts = await confirm_alias(confirmation(ctx), replace(ctx, known=replace(ctx.known, verified=parents)))
    assert not any(isinstance(fact, MailboxNamed) for fact in facts)


@pytest.mark.parametrize("number", [3, 99])
async def test_number_that_was_not_offered_is_refused(number: int) -> None:
    ctx, records = await answered()
    assert await refusal(confirmation(ctx, number), ctx) == "alias_unknown"
    assert len(records.by) == 1


async def test_alias_of_another_offer_is_refused() -> None:
    ctx, _ = await answered()
    foreign = confirmation(ctx).model_copy(update={"aliases": "aliases_0000000000000000"})
    assert await refusal(foreign, ctx) == "alias_unknown"


async def test_alias_is_not_confirmed_twice() -> None:
    ctx, _ = await answered()
    event = confirmation(ctx)
    again = confirmation(ctx, by="robin")
    assert await refusal(again, ctx.after(event)) == "alias_confirmed"


async def test_alias_of_a_stopped_request_is_not_confirmed() -> None:
    ctx, _ = await answered()
    assert await refusal(confirmation(ctx), ctx.after(STOPPED)) == "request_stopped"


async def test_of_two_deciders_both_must_confirm_an_alias() -> None:
    ctx, records = await answered(two=True)
    first = confirmation(ctx)
    assert await confirm_alias(first, ctx) == []
    ctx = ctx.after(first)
    assert await refusal(first, ctx) == "decider_decided_before"
    assert len(records.by) == 1
    other_alias = confirmation(ctx, 2, by="robin")
    assert await confirm_alias(other_alias, ctx) == [], "it is the first decision on that alias"
    ctx = ctx.after(other_alias)
    assert await confirm_alias(confirmation(ctx, by="kim"), ctx)
    assert records.by[-1] == {"email": (ADA, OTHER)}


async def test_decider_of_an_alias_does_not_approve_the_erasure() -> None:
    ctx, _ = await answered(Right.ERASURE)
    assert ctx.known.may_approve("dana")
    assert not ctx.after(confirmation(ctx)).known.may_approve("dana")


async def test_erasure_is_not_answered_before_it_is_done() -> None:
    event, ctx = await stage(MAP, CLAIMING, Right.ERASURE)
    ctx = ctx.after(event, *await answer(event, ctx))
    assert ctx.known.status is FulfillmentStatus.EXECUTING
    assert await refusal(confirmation(ctx), ctx) == "not_answered"


async def test_alias_of_an_erasure_with_a_copy_needs_a_request_of_its_own() -> None:
    ctx, _ = await answered(Right.ERASURE, with_copy=True)
    assert await refusal(confirmation(ctx), ctx) == "copy_wanted"


async def test_alias_proven_by_a_code_is_searched_without_a_notice_to_its_owner() -> None:
    ctx, records = await answered(two=True)
    [offer] = ctx.known.offered
    proven = AliasProven(request_id=CASE, aliases=offer.ref, number=1)
    [fulfilled] = await answer_proven_alias(proven, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert records.by[-1] == {"email": (ADA, OTHER)}
    assert await refusal(confirmation(ctx), ctx.after(proven)) == "alias_confirmed"


@pytest.mark.parametrize(("ref", "number"), [("aliases_0", 1), ("", 3)])
async def test_proof_of_an_alias_that_was_not_offered_releases_nothing(ref: str, number: int) -> None:
    ctx, records = await answered()
    [offer] = ctx.known.offered
    proven = AliasProven(request_id=CASE, aliases=ref or offer.ref, number=number)
    assert await answer_proven_alias(proven, ctx) == []
    assert ctx.after(proven).known.confirmed(two=False) == ()
    assert len(records.by) == 1


async def test_alias_proven_while_the_request_is_stopped_waits_for_the_staff() -> None:
    ctx, records = await answered()
    [offer] = ctx.known.offered
    proven = AliasProven(request_id=CASE, aliases=offer.ref, number=1)
    stopped = ctx.after(STOPPED)
    [handler] = [one.handler for one in SUBSCRIPTIONS if one.event is AliasProven]
    assert await handler(proven, stopped) == []
    assert len(records.by) == 1
    released = RequestReleased(request_id=CASE)
    facts = await releases(RELEASED)(released, stopped.after(proven))
    assert any(isinstance(fact, RequestFulfilled) for fact in facts)


async def test_alias_proven_during_another_round_of_the_erasure_waits_for_its_end() -> None:
    ctx, _ = await answered(Right.ERASURE)
    [offer] = ctx.known.offered
    [again] = await confirm_alias(confirmation(ctx, 2), ctx)
    with pytest.raises(TooEarly):
        await answer_proven_alias(
            AliasProven(request_id=CASE, aliases=offer.ref, number=1), ctx.after(confirmation(ctx, 2), again)
        )


async def in_window() -> tuple[FulfillmentContext, AliasConfirmed, ErasureScheduled]:
    ctx, _ = await answered(Right.ERASURE)
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    event = confirmation(ctx)
    [named, window] = await confirm_alias(event, ctx)
    assert isinstance(window, ErasureScheduled)
    assert window.at == ctx.now + DAY
    return ctx.after(event, named, window), event, window


def due(window: ErasureScheduled) -> ErasureDue:
    return ErasureDue(request_id=CASE, name=window_name(window))


async def test_records_of_a_confirmed_alias_are_erased_only_after_a_window_of_their_own() -> None:
    ctx, _, window = await in_window()
    assert ctx.known.status is FulfillmentStatus.FULFILLED
    await await_window(window, ctx)
    assert isinstance(ctx.timers, MemoryTimers)
    assert ctx.timers.moments == {(CASE, window_name(window)): window.at}
    with pytest.raises(TooEarly):
        await handle_window_end(due(window), ctx)
    [planned] = await handle_window_end(due(window), replace(ctx, now=window.at))
    assert isinstance(planned, ErasurePlanned)
    assert ctx.after(planned).known.status is FulfillmentStatus.EXECUTING


async def test_end_of_a_window_that_a_later_one_replaces_erases_nothing() -> None:
    ctx, _, window = await in_window()
    later = window.model_copy(update={"at": window.at + DAY})
    assert await handle_window_end(due(window), replace(ctx.after(later), now=window.at)) == []


async def test_stop_within_the_window_of_an_alias_keeps_its_records() -> None:
    ctx, _, window = await in_window()
    stopped = replace(ctx.after(STOPPED), now=window.at)
    assert await handle_window_end(due(window), stopped) == []
    released = RequestReleased(request_id=CASE)
    facts: list[Fact] = list(await releases(RELEASED)(released, stopped.after(due(window))))
    assert isinstance(facts[0], ErasurePlanned), "the staff lets it go on"


async def test_nothing_found_by_an_alias_is_reported_to_the_decider() -> None:
    ctx, records = await answered(Right.ERASURE)
    records.findings = replace(HELD, coverage=())
    assert await refusal(confirmation(ctx), ctx) == "nothing_found"


async def test_second_answer_says_that_all_was_searched_by() -> None:
    ctx, records = await answered()
    records.findings = HELD
    fulfilled = (await confirm_alias(confirmation(ctx), ctx))[-1]
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.aliases is None
    assert (await answer_of(ctx, fulfilled.answer)).unconfirmed == ()
