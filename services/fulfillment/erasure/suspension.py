"""
Suspends a stopped request, and continues it once the staff releases it.

Events that would act on a stopped request are kept (``FulfillmentCase.held``); their acts run at the release.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from services.fulfillment.context import FulfillmentContext
from shared.contract.events import Fact, RequestReleased, RequestStopped
from shared.runtime.log import logger

HeldAct: TypeAlias = Callable[[Any, FulfillmentContext], Awaitable[Sequence[Fact]]]


def unless_stopped(act: HeldAct) -> HeldAct:
    """Return *act* as a handler that does nothing while the request is stopped."""

    async def handler(event: Fact, ctx: FulfillmentContext) -> Sequence[Fact]:
        return [] if ctx.known.stopped else await act(event, ctx)

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
