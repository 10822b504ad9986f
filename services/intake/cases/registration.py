"""Registration of a request: its clock, its duplicates, and forwarding."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe

from services.intake.cases import follow_ups
from services.intake.cases.clock import Arrival, received_request
from services.intake.cases.deadlines import INQUIRY_TIMERS, initial_timers
from services.intake.cases.fingerprint import duplicate_of, fingerprint_of
from services.intake.cases.rate_limit import WaitingRequest, begins_at_once
from services.intake.context import IntakeContext, set_timers
from services.intake.domain import FollowUpKind, RequestLodged
from shared.contract.envelope import derived_id
from shared.contract.events import (
    Fact,
    RequestDuplicated,
    RequestForwarded,
    RequestReceived,
    RequestRenewed,
    RequestSubmitted,
)
from shared.errors import TooEarly
from shared.law import Right
from shared.runtime.log import logger

CONTROLLER, LINK = "controller", "forwarding_link"
"""Names in the vault: the customer that decides about the data, and the secret of their link."""
LINK_BYTES = 24
LINK_LIFETIME = timedelta(days=30)
LOST_AFTER = timedelta(minutes=5)
"""Time after which a first request that was never registered loses its claim."""


async def begin(request: RequestSubmitted, lodged: RequestLodged, ctx: IntakeContext) -> Sequence[Fact]:
    """Return the facts that register a sealed request of any channel; none if it waits in the queue."""
    arrival = Arrival(
        ctx.case_id,
        lodged.source,
        lodged.occurred_at,
        ctx.now,
        lodged.proofs,
        attested=lodged.attested,
        instructed=lodged.instructed,
        at_once=lodged.at_once,
    )
    received = received_request(request, arrival, ctx.practice)
    lane = await ctx.queue.lane(lodged.source, received.received_at, ctx.now)
    at_once = begins_at_once(received, ctx.now, ctx.practice.zone) or bool(ctx.case.follow_ups)
    waiting = WaitingRequest(lodged, received.internal_due_on, received.received_at, at_once)
    if not await ctx.queue.enter(waiting, lane, ctx.now):
        return []
    try:
        return await register_request(request, received.model_copy(update={"incident": lane.incident}), ctx)
    except TooEarly:
        await ctx.queue.hold(waiting, ctx.now)
        return []


async def register_request(
    request: RequestSubmitted, received: RequestReceived, ctx: IntakeContext
) -> Sequence[Fact]:
    """Start the clock of a sealed request, and resume the follow-ups that came before it."""
    withdrawn = any(kept.kind is FollowUpKind.WITHDRAWAL for kept in ctx.case.follow_ups)
    received = received.model_copy(update={"withdrawn": withdrawn})
    facts = await _first_facts(request, received, ctx)
    return [*facts, *await follow_ups.resume(facts, ctx)]


async def _first_facts(
    request: RequestSubmitted, received: RequestReceived, ctx: IntakeContext
) -> Sequence[Fact]:
    """Start the clock of a sealed request, and forward it if another decides about the data and it stands."""
    if received.not_accepted:
        laws = ", ".join(received.not_accepted)
        logger().warning("law not accepted for a request", request_id=ctx.case_id, law=laws)
    if ctx.case.open_messages:  # the request has a last day of its own
        await ctx.timers.cancel(ctx.case_id, INQUIRY_TIMERS)
    # In parallel, for one round trip; the timers of a duplicate have no effect.
    duplicated, *_ = await asyncio.gather(
        _first_request(request, received, ctx),
        set_timers(initial_timers(received, ctx.practice), ctx),
        ctx.requesters.add(ctx.case_id, request, received.received_at),
    )
    if duplicated is not None:
        return [received.model_copy(update={"repeats": duplicated.first}), duplicated]
    if not received.goes_to_customer:
        return [received, *_opt_out_of_child(received)]
    if request.controller is None or received.withdrawn:
        return [received]
    await ctx.vault.seal(ctx.case_id, CONTROLLER, request.controller.model_dump_json().encode())
    return [received, await forwarding(CONTROLLER, ctx)]


def _opt_out_of_child(received: RequestReceived) -> Iterator[Fact]:
    """
    Opt a child's data out of sale at once, for any right and without proof.

    Law:
        Cal. Civ. Code § 1798.120(c); 11 CCR §§ 7070-7072: no sale of a child's data without consent.
    """
    if received.child and received.follows is None and received.right is not Right.OPT_OUT_OF_SALE:
        id_ = derived_id(f"child {received.request_id}", 0)
        yield RequestRenewed(request_id=id_, follows=received.request_id, right=Right.OPT_OUT_OF_SALE)


async def _first_request(
    request: RequestSubmitted, received: RequestReceived, ctx: IntakeContext
) -> RequestDuplicated | None:
    """Return the open request that *request* duplicates; None for the first one and a withdrawn one."""
    fingerprint = None if received.withdrawn else fingerprint_of(request, received)
    if fingerprint is None:
        return None
    held = await ctx.duplicates.claim(fingerprint, ctx.case_id, ctx.now)
    if held.case == ctx.case_id:
        return None
    case = await ctx.duplicates.case(held.case)
    if case.received is None and ctx.now < held.at + LOST_AFTER:
        raise TooEarly("the first request for the same is not registered yet")
    duplicate = duplicate_of(case, received, ctx.now.astimezone(ctx.practice.zone).date())
    if duplicate is None and not await ctx.duplicates.pass_on(held, ctx.case_id, ctx.now):
        raise TooEarly("another request for the same has just arrived")
    return duplicate


async def forwarding(controller: str, ctx: IntakeContext) -> RequestForwarded:
    """Return the fact that forwards a request to the customer sealed as *controller*."""
    link = f"{LINK}_{derived_id(f'{ctx.source} {ctx.event_id}', 0)}"
    await ctx.vault.seal(ctx.case_id, link, token_urlsafe(LINK_BYTES).encode())
    secret = await ctx.vault.open(ctx.case_id, link)  # of two drawn at once, the stored one
    digest = sha256(secret).hexdigest()
    expires_at = ctx.now + LINK_LIFETIME
    return RequestForwarded(
        request_id=ctx.case_id, controller=controller, link=link, digest=digest, expires_at=expires_at
    )
