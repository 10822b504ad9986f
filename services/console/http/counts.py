"""Live counts of waiting work, as server-sent events (HTML Standard, section 9.2)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction, work_of
from services.console.read_model.cases import WaitingWork

EVERY_S = 2.0
"""How often counts are read: once for all open pages."""
LONGEST = 150
"""Readings of one answer; then the browser asks again, and its session is checked."""


@dataclass(slots=True)
class LiveCounts:
    """The counts of all work, read at most every two seconds."""

    parts: ConsoleParts
    _read_at: float = 0.0
    _known: WaitingWork = field(default_factory=lambda: WaitingWork((), 0))
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self) -> WaitingWork:
        """Return the waiting work, not older than two seconds."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= EVERY_S:
                self._known = await self.parts.cases.work(self.parts.today())
                self._read_at = now
        return self._known


def count_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the route of live counts."""
    router = APIRouter(include_in_schema=False)
    live = LiveCounts(parts)

    @router.get("/counts")
    async def counts(
        request: Request, visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST, used=False))]
    ) -> StreamingResponse:
        async def current() -> Mapping[str, int]:
            return counts_for(await live.current(), visitor)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            changes_of(request, current), media_type="text/event-stream", headers=headers
        )

    return router


def counts_for(work: WaitingWork, visitor: Visitor) -> Mapping[str, int]:
    """Return the counts of the work of *visitor*; of all work if its roles can do none."""
    kinds = work_of(visitor.member.roles)
    return work.counts(kinds, visitor.member.name) if kinds else work.counts()


async def changes_of(
    request: Request, current: Callable[[], Awaitable[Mapping[str, int]]]
) -> AsyncIterator[bytes]:
    """Yield the *current* counts whenever they have changed, until the browser leaves."""
    last: Mapping[str, int] | None = None
    for _ in range(LONGEST):
        known = await current()
        if known != last:
            yield b"retry: 3000\ndata: " + orjson.dumps(dict(known)) + b"\n\n"
            last = known
        if await request.is_disconnected():
            return
        await asyncio.sleep(EVERY_S)
