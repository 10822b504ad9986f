"""
The driver's connection, with frames tapped on the way in and written directly on the way out.

The driver reads from an ``asyncio.StreamReader`` and writes to a ``StreamWriter`` that a transport factory
makes; ours does. Of the broker's bytes, frames that a channel has asked for are handed over at once, many
at a time; the handshake, heartbeats, calls and everything else pass to the driver untouched. Whole frames
are written, so ours and the driver's may follow one another in any order.

It rests on the driver making a connection from the ``transport_factory`` it is given, and on nothing it
keeps to itself. The driver does not document that, so ``pyproject.toml`` permits only the versions that the
contract suite has passed with.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, TypeAlias

import aio_pika
from yarl import URL

from shared.runtime.broker.frames import BEAT, END, HEAD, HEADER, KINDS, METHOD, OVERHEAD, body_size

BEAT_EVERY_S = 1.0
OnMethod: TypeAlias = Callable[[bytes], None]
OnContent: TypeAlias = Callable[[bytes, bytes, bytes], None]


@dataclass(slots=True)
class Tap:
    """The frames that one channel takes from the wire: methods, and methods that content follows."""

    methods: Mapping[bytes, OnMethod]
    contents: Mapping[bytes, OnContent]
    flush: Callable[[], None] = lambda: None
    """Called after the frames that arrived together."""
    _method: bytes = b""
    _header: bytes = b""
    _missing: int = 0
    _pieces: list[bytes] = field(default_factory=list)

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a frame; return whether it was meant for us."""
        if kind == METHOD:
            return self._take_method(payload)
        if not self._method:
            return False
        if kind == HEADER:
            self._header, self._missing = payload, body_size(payload)
        else:
            self._pieces.append(payload)
            self._missing -= len(payload)
        if self._missing <= 0:
            self._complete()
        return True

    def _take_method(self, payload: bytes) -> bool:
        name = payload[:4]
        if name in self.contents:
            self._method = payload
            return True
        handle = self.methods.get(name)
        if handle is not None:
            handle(payload)
        return handle is not None

    def _complete(self) -> None:
        method, self._method = self._method, b""
        pieces, self._pieces = self._pieces, []
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.contents[method[:4]](method, self._header, body)


class Wire(asyncio.StreamReader):
    """The broker's bytes as the driver reads them: without the tapped frames."""

    def __init__(self) -> None:
        """Pass everything on at first."""
        super().__init__()
        self._taps: dict[int, Tap] = {}
        self._rest = b""
        self._broken = False
        self._beaten_at = 0.0

    def tap(self, channel: int, tap: Tap) -> None:
        """Hand over from now on the frames that *tap* takes of *channel*."""
        self._taps[channel] = tap

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take bytes that have arrived, cut anywhere."""
        arrived = self._rest + bytes(data)
        at = 0 if self._broken else self._sort(arrived)
        self._rest = arrived[at:]
        if self._broken:
            self._pass(self._rest)
            self._rest = b""
        for tap in self._taps.values():
            tap.flush()

    def feed_eof(self) -> None:
        """Give the driver the remaining bytes, so that it sees the frame that was cut."""
        if self._rest:
            super().feed_data(self._rest)
        super().feed_eof()

    def _sort(self, data: bytes) -> int:
        """Hand over tapped frames and pass on the rest, frame by frame; return where the last one ends."""
        at = passed = 0
        while (frame := self._frame(data, at)) is not None:
            kind, channel, end = frame
            tap = self._taps.get(channel)
            if tap is not None and tap.take(kind, data[at + HEAD.size : end - 1]):
                self._pass(data[passed:at])
                passed = end
            at = end
        self._pass(data[passed:at])
        if passed:
            self._beat()
        return at

    def _frame(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        """
        Return kind, channel and end of the frame at *at*; None when it is not all there.

        Bytes that are no frame are left to the driver, with all that follows: it reports them.
        """
        if len(data) - at < HEAD.size:
            return None
        kind, channel, size = HEAD.unpack_from(data, at)
        end = at + size + OVERHEAD
        if kind not in KINDS or (end <= len(data) and data[end - 1] != END):
            self._broken = True
            return None
        return (kind, channel, end) if end <= len(data) else None

    def _pass(self, data: bytes) -> None:
        if data:
            super().feed_data(data)

    def _beat(self) -> None:
        """Let the driver see signs of life: it takes a connection without frames for dead."""
        now = asyncio.get_running_loop().time()
        if now - self._beaten_at >= BEAT_EVERY_S:
            self._beaten_at = now
            super().feed_data(BEAT)


class WiredConnection(aio_pika.Connection):
    """A connection with frames that can be tapped."""

    wire: Wire
    writer: asyncio.StreamWriter

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Make a connection as aio-pika does, over our own streams."""
        super().__init__(*arguments, **options)
        self.kwargs["transport_factory"] = self

    async def create(
        self, url: URL, *, ssl_context_provider: Any, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open the streams: the method of a transport factory that the driver calls."""
        loop = asyncio.get_running_loop()
        ssl = await ssl_context_provider.get_context() if url.scheme == "amqps" else None
        self.wire = Wire()
        protocol = asyncio.StreamReaderProtocol(self.wire, loop=loop)
        transport, _ = await loop.create_connection(
            lambda: protocol, url.host or "", url.port or 0, ssl=ssl, **options
        )
        self.writer = asyncio.StreamWriter(transport, protocol, self.wire, loop)
        return self.wire, self.writer
