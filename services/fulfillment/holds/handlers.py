"""Handlers for decisions of the staff on legal holds."""

from collections.abc import Sequence

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.holds.check import HoldableRecord, LegalHold
from services.fulfillment.search.confirmed_aliases import with_confirmed
from services.fulfillment.search.identities import Identities, proven_identities, stated_identities
from shared.contract.answer import SUBMISSION
from shared.contract.events import Fact, HoldEnded, HoldLifted, HoldPlaced
from shared.errors import RefusedDecision
from shared.vocabulary import HoldScope


async def place_hold(event: HoldPlaced, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Keep the records of a request, a person or a collection from all erasures and purges.

    The hold of a person counts for all identities of the request that are proven, or stated while none is,
    and for the records that a search finds by them now.

    Law:
        GDPR Art. 17(3)(e), UK GDPR Art. 17(3)(e), Cal. Civ. Code § 1798.145(a): legal claims and proceedings.

    Raises:
        RefusedDecision: The request, the collection or the last day does not allow it.
    """
    if not event.is_complete:
        raise RefusedDecision("hold_unclear")
    if event.until is not None and event.until < ctx.today():
        raise RefusedDecision("hold_over")
    if event.collection is not None and event.collection not in ctx.maps.current.by_key:
        raise RefusedDecision("no_such_collection")
    if event.of_request and not await ctx.vault.holds(ctx.case_id, SUBMISSION):
        raise RefusedDecision("no_request")
    people = await _person(ctx) if event.scope is HoldScope.PERSON else {}
    if event.scope is HoldScope.PERSON and not people:
        raise RefusedDecision("no_identity")
    hold = LegalHold(
        event.hold, event.scope, event.request_id, event.matter, event.by, event.until, event.collection
    )
    if await ctx.holds.find(hold.id) not in {None, hold}:
        raise RefusedDecision("hold_exists")
    # Before the search: the hold counts from now on, also if a store does not answer.
    await ctx.holds.place(hold, people)
    if people:
        findings = await ctx.records.gather(ctx.maps.current, people)
        await ctx.holds.add_records(hold.id, map(HoldableRecord.of, findings.found))
    return []


async def lift_hold(event: HoldLifted, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    End a hold, and name the erasures that it kept records from: the daily job takes these up again.

    Raises:
        RefusedDecision: The request has no such hold, or it is lifted already.
    """
    hold = await ctx.holds.find(event.hold)
    if hold is None or hold.request_id != event.request_id:
        raise RefusedDecision("no_such_hold")
    if hold.lifted not in {None, (event.by, event.reason)}:
        raise RefusedDecision("no_such_hold")
    await ctx.holds.lift(hold.id, event.by, event.reason)
    return [HoldEnded(request_id=ctx.case_id, hold=hold.id, erasures=hold.erasures)]


async def _person(ctx: FulfillmentContext) -> Identities:
    """Return the identities of the person: the proven and confirmed ones, or the stated ones if none is."""
    submitted, verified = await ctx.submission(), ctx.known.verified
    if verified is None or verified.proven is None:
        return stated_identities(submitted, ctx.maps.current)
    return await with_confirmed(proven_identities(submitted, verified.proven, ctx.maps.current), ctx)
