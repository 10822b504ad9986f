"""Live counts of waiting work, as server-sent events (HTML Standard, section 9.2)."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction, work_of
from services.console.http.streams import OpenStreams
from services.console.read_model.cases import WaitingWork

T = TypeVar("T")
EVERY_S = 2.0
"""How often counts are read: once for all open pages."""
LONGEST = 150
"""Readings of one answer; then the browser asks again, and its session is checked."""


@dataclass(slots=True)
class SharedReading(Generic[T]):
    """A value that all streams about the same subject read together, at most every two seconds."""

    read: Callable[[str], Awaitable[T]]
    _known: OrderedDict[str, tuple[float, asyncio.Task[T]]] = field(default_factory=OrderedDict)
    """Subject → time and reading, the oldest first."""

    async def current(self, subject: str = "") -> T:
        """Return the value of *subject*, not older than two seconds; raise what its reading raised."""
        now = asyncio.get_running_loop().time()
        while self._known and now - next(iter(self._known.values()))[0] >= EVERY_S:
            self._known.popitem(last=False)
        if subject not in self._known:
            self._known[subject] = now, asyncio.ensure_future(self.read(subject))
        return await asyncio.shield(self._known[subject][1])


def count_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the route of live counts."""
    router = APIRouter(include_in_schema=False)

    async def work(_subject: str) -> WaitingWork:
        return await parts.cases.work(parts.today())

    live = SharedReading(work)

    @router.get("/counts")
    async def counts(
        request: Request, visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST, used=False))]
    ) -> StreamingResponse:
        async def current() -> Mapping[str, int]:
            return counts_for(await live.current(), visitor)

        return event_stream(request, visitor, parts.streams, current)

    return router


def event_stream(
    request: Request,
    visitor: Visitor,
    streams: OpenStreams,
    current: Callable[[], Awaitable[Mapping[str, int]]],
) -> StreamingResponse:
    """Return the stream of the *current* counts for *visitor*, one of the *streams* of its session."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    changes = limited(streams, visitor.session.token, changes_of(request, current))
    return StreamingResponse(changes, media_type="text/event-stream", headers=headers)


async def limited(streams: OpenStreams, session: str, changes: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield *changes*; of a session with too many streams only when to try again."""
    with streams.one_of(session) as allowed:  # while it is sent: a response that never begins holds none
        if not allowed:
            yield b"retry: 60000\n\n"
            return
        async for change in changes:
            yield change


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
