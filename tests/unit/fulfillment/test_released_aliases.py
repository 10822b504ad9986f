"""Aliases in records are followed only after the staff confirms them."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from services.fulfillment.context import Fulfillment
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.handlers import await_window
from services.fulfillment.erasure.suspension import releases
from services.fulfillment.erasure.window import disclosure_timer
from services.fulfillment.handlers import RELEASED, answer, confirm_alias, disclose, handle_window_end
from services.fulfillment.released_aliases import MOST_OFFERED, values_of, window_name
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.state import FulfillmentStatus
from shared.contract.events import (
    AliasConfirmed,
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
    StopReason,
)
from shared.errors import RefusedDecision, TooEarly
from shared.law import Right
from tests.unit.fulfillment.stage import CASE, Absent, answer_of, stage
from tests.unit.fulfillment.test_disclosure import ADA, HELD, MAP
from tests.unit.fulfillment.test_erasure_window import Clockwork

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
) -> tuple[Fulfillment, Asked]:
    """Return an answered request that has offered the claims of *findings*."""
    event, ctx = await stage(MAP, findings, right, with_copy=with_copy)
    records = Asked(findings)
    house = replace(ctx.house, two_deciders=two)
    ctx = replace(ctx, records=cast(Any, records), house=house, timers=Clockwork())
    facts = await answer(event, ctx)
    ctx = ctx.after(event, *facts)
    return (ctx.after(ERASED) if right is Right.ERASURE else ctx), records


def confirmation(ctx: Fulfillment, number: int = 1, by: str = "dana") -> AliasConfirmed:
    [offer] = ctx.known.offered
    return AliasConfirmed(request_id=CASE, by=by, aliases=offer.ref, number=number)


async def refusal(event: AliasConfirmed, ctx: Fulfillment) -> str:
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


async def test_records_that_name_no_alias_offer_none() -> None:
    ctx, _ = await answered(findings=HELD)
    assert ctx.known.offered == ()


async def test_only_so_many_aliases_are_offered() -> None:
    many = {"email": tuple(f"{n}@example.net" for n in range(MOST_OFFERED + 1))}
    ctx, _ = await answered(findings=replace(HELD, claims=many))
    assert len(ctx.known.offered[0].identities) == MOST_OFFERED


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


async def test_end_of_a_window_without_a_confirmed_alias_answers_nothing_again() -> None:
    ctx, _ = await answered()
    window = DisclosureScheduled(request_id=CASE, at=ctx.now)
    due = DisclosureDue(request_id=CASE, name=disclosure_timer(window))
    assert await disclose(due, ctx.after(window)) == []


async def test_alias_that_is_no_mailbox_waits_for_no_window_before_a_copy() -> None:
    ctx, _ = await answered()
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=DAY))
    [fulfilled] = await confirm_alias(confirmation(ctx, 2), ctx)
    assert isinstance(fulfilled, RequestFulfilled)


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
    assert ctx.known.status is FulfillmentStatus.PLANNED
    assert await refusal(confirmation(ctx), ctx) == "not_answered"


async def test_alias_of_an_erasure_with_a_copy_needs_a_request_of_its_own() -> None:
    ctx, _ = await answered(Right.ERASURE, with_copy=True)
    assert await refusal(confirmation(ctx), ctx) == "copy_wanted"


async def in_window() -> tuple[Fulfillment, AliasConfirmed, ErasureScheduled]:
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
    assert isinstance(ctx.timers, Clockwork)
    assert ctx.timers.moments == {(CASE, window_name(window)): window.at}
    with pytest.raises(TooEarly):
        await handle_window_end(due(window), ctx)
    [planned] = await handle_window_end(due(window), replace(ctx, now=window.at))
    assert isinstance(planned, ErasurePlanned)
    assert ctx.after(planned).known.status is FulfillmentStatus.PLANNED


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
