"""
Waits of a case: windows before an erasure or a disclosure that names other mailboxes, and stops.

Events that would act on a stopped request are kept (``FulfillmentCase.held``); their acts run at the release.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.state import FulfillmentStatus
from shared.contract.events import (
    Code,
    DisclosureDue,
    DisclosureScheduled,
    ErasureDue,
    ErasureScheduled,
    Evidence,
    Fact,
    Requester,
    RequestReleased,
    RequestStopped,
)
from shared.law import end_of_wait
from shared.runtime.log import logger

TIMER = "erasure_window"
"""Name of the timer for the end of an erasure's window."""
DISCLOSURE = "disclosure_window_"
"""Prefix of the names of the timers for the end of a disclosure's window."""


def scheduled(ctx: FulfillmentContext) -> ErasureScheduled | None:
    """
    Return the time of a planned erasure; None without a window.

    A window of more than a day is shortened to what the law leaves, and never to less than a day: the
    requester chooses the residence, and with it the law, and the day of the proof. The verifier waits no
    longer for a proof than leaves time for the window (:meth:`shared.law.ClockRules.last_wait`).

    Law:
        GDPR Art. 12(3), 12(6), 32: a late proof is the requester's; the answer goes out once it is safe.
    """
    at = _end(ctx)
    if at is None or _instructed_at_once(ctx):
        return None
    # A person who was asked for a confirmation besides the proof of identity got a letter before.
    verified = ctx.known.verified
    reasons = frozenset(verified.reasons) if verified else frozenset[str]()
    apart = Evidence.CONFIRMATION in reasons and Evidence.MAILBOX not in reasons
    planned = ctx.known.planned
    contract = planned is not None and planned.contract
    return ErasureScheduled(request_id=ctx.case_id, at=at, letter=contract or not apart, contract=contract)


def held_back(ctx: FulfillmentContext) -> DisclosureScheduled | None:
    """
    Return the time of a disclosure of records with other mailboxes; None without a window.

    Law:
        GDPR Art. 15(4), 20(4): a copy must not harm others.
    """
    at = _end(ctx)
    return None if at is None else DisclosureScheduled(request_id=ctx.case_id, at=at)


def _instructed_at_once(ctx: FulfillmentContext) -> bool:
    """
    Return whether a controller has the erasure begin without the window; approval and holds still count.

    Law:
        GDPR Art. 28(3)(a): a processor does as instructed.
    """
    verified = ctx.known.verified
    return verified is not None and verified.at_once and verified.requester is Requester.CONTROLLER


def _end(ctx: FulfillmentContext) -> datetime | None:
    """Return the end of a window that begins now; None if the setting is zero."""
    return window_end(ctx) if ctx.house.erasure_window else None


def window_end(ctx: FulfillmentContext) -> datetime:
    """Return the end of a window that begins now: after the setting, earlier by law."""
    until = ctx.known.verified.windows_until if ctx.known.verified else None
    return end_of_wait(ctx.now, ctx.house.erasure_window, until)


def disclosure_timer(window: DisclosureScheduled) -> Code:
    """Return the name of the timer for the end of *window*; each window of a case has its own."""
    return f"{DISCLOSURE}{window.at:%Y%m%d%H%M%S%f}"


def round_timer(window: ErasureScheduled) -> Code:
    """Return the name of the timer that ends *window*, of a later round of an erasure."""
    return f"{TIMER}_{window.at:%Y%m%d%H%M%S%f}"


def window_ended(request_id: str, name: Code) -> ErasureDue | DisclosureDue:
    """Return the event of the timer *name*."""
    if name.startswith(DISCLOSURE):
        return DisclosureDue(request_id=request_id, name=name)
    return ErasureDue(request_id=request_id, name=name)


HeldAct: TypeAlias = Callable[[Any, FulfillmentContext], Awaitable[Sequence[Fact]]]


def unless_stopped(act: HeldAct) -> HeldAct:
    """Return *act* as a handler that does nothing while the request is stopped."""

    async def handler(event: Fact, ctx: FulfillmentContext) -> Sequence[Fact]:
        return [] if ctx.known.stopped else await act(event, ctx)

    return handler


def while_in(status: FulfillmentStatus, act: HeldAct) -> HeldAct:
    """Return *act* for a release, as a handler that does nothing in another *status*: then it is done."""

    async def handler(event: Fact, ctx: FulfillmentContext) -> Sequence[Fact]:
        return await act(event, ctx) if ctx.known.status is status else []

    return handler


async def stop(event: RequestStopped, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Record that nothing is disclosed or erased from now on."""
    if ctx.known.fulfilled is not None:
        logger().warning("stopped after its answer", request_id=ctx.case_id, reason=event.reason)
    return []


def releases(acts: Mapping[type[Fact], HeldAct]) -> HeldAct:
    """Return the handler that runs *acts* on the events kept for a released request."""

    async def release(event: RequestReleased, ctx: FulfillmentContext) -> Sequence[Fact]:
        facts: list[Fact] = []
        held, ctx = ctx.known.held, ctx.after(event)
        for waiting in held:
            more = await acts[type(waiting)](waiting, ctx)
            facts, ctx = [*facts, *more], ctx.after(*more)
        return facts

    return release
