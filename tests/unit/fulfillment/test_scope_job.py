"""The tasks that work on the scopes of breaches: how soon a waiting scope is taken."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any, cast

from services.fulfillment.breach.scope_job import BREACHES_AT_ONCE, LOOK_EVERY_S, ScopeJob
from shared.runtime.worker import WakeUp
from tests.waiting import eventually

UNUSED = cast(Any, None)


class EnqueuedScopes:
    """Scopes of which a look never ends, or none."""

    def __init__(self, *, endless: bool) -> None:
        self.enqueued = WakeUp()
        self.looks = 0
        self.endless = endless

    def have_begun(self, count: int) -> bool:
        """Return whether there were so many looks."""
        return self.looks >= count

    async def begin(self, _now: datetime) -> None:
        """Count the look."""
        self.looks += 1
        if self.endless:
            await asyncio.Event().wait()


def job(scopes: EnqueuedScopes) -> ScopeJob:
    return ScopeJob(cast(Any, scopes), UNUSED, UNUSED, UNUSED, UNUSED, UNUSED)


async def test_idle_task_looks_again_after_the_regular_time() -> None:
    assert await job(EnqueuedScopes(endless=False)).take_turn() == LOOK_EVERY_S


async def test_scopes_enqueued_at_the_start_are_worked_on_side_by_side() -> None:
    scopes = EnqueuedScopes(endless=True)
    running = asyncio.create_task(job(scopes).run())
    for number in range(BREACHES_AT_ONCE):  # each begins a scope, and does not look again
        scopes.enqueued.within(0)
        await eventually(partial(scopes.have_begun, number + 1))
    running.cancel()
    assert scopes.looks == BREACHES_AT_ONCE
