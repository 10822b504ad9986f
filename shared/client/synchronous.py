"""The clients for programs that are not asynchronous: the same methods, run in a thread of their own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from shared.client.amqp import AsyncAmqpClient, ReceivedEvent
from shared.client.fields import (
    AppealFields,
    ProofLiteral,
    ProofSubmissionFields,
    RequestFields,
    WithdrawalFields,
)
from shared.client.http import TRIES, AsyncHttpClient
from shared.client.publisher import TRIES as AMQP_TRIES
from shared.contract.events.base import Fact
from shared.contract.events.submissions import (
    AppealSubmitted,
    ProofSubmitted,
    RequestSubmitted,
    WithdrawalSubmitted,
)
from shared.contract.status import StatusPage
from shared.errors import ConfigurationError
from shared.runtime.broker.messages import Message

T = TypeVar("T")


class LoopThread:
    """A thread with an event loop, for calls from other threads."""

    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread

    def start(self) -> None:
        """Start it; it does not keep the program from ending."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="habeas client", daemon=True)
        self._thread.start()

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """Run *step* in the thread; return its result. An interruption of the caller cancels it."""
        if self._loop is None:
            step.close()
            raise ConfigurationError("the client is not open: use it in a `with` statement")
        running = asyncio.run_coroutine_threadsafe(step, self._loop)
        try:
            return running.result()
        except BaseException:
            running.cancel()
            raise

    def close(self) -> None:
        """End the thread, if it was started."""
        if self._loop is None:
            return
        loop, self._loop = self._loop, None
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()


class AmqpClient:
    """A system that submits by AMQP, connected between the ends of ``with``; see :class:`AsyncAmqpClient`."""

    def __init__(self, amqp_url: str, *, source: str, binary: bool = False, tries: int = AMQP_TRIES) -> None:
        """Remember where the broker is; nothing is connected yet."""
        self._client = AsyncAmqpClient(amqp_url, source=source, binary=binary, tries=tries)
        self._thread = LoopThread()

    def __enter__(self) -> Self:
        """Connect."""
        self._thread.start()
        try:
            self._thread.run(self._client.__aenter__())
        except BaseException:
            self._thread.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        try:
            self._thread.run(self._client.__aexit__(kind, error, trace))
        finally:
            self._thread.close()

    def submit(
        self,
        request: RequestSubmitted | RequestFields,
        *,
        time: datetime | None = None,
        within: float = 30.0,
    ) -> str:
        """Submit a request; return its id."""
        return self._thread.run(self._client.submit(request, time=time, within=within))

    def follow(self, request_id: str, *, within: float | None = None) -> ReceivedEvent:
        """Wait for the end of a request."""
        return self._thread.run(self._client.follow(request_id, within=within))

    def events(self, queue: str, *types: type[Fact]) -> Iterator[ReceivedEvent]:
        """Yield the events of ``habeas.events``, from a durable queue of your own."""
        events = self._client.events(queue, *types)
        try:
            while (event := self._thread.run(_next(events))) is not None:
                yield event
        finally:
            self._thread.run(_closed(events))

    def publish_request(
        self,
        request: RequestSubmitted | RequestFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish a request; return the id of the event."""
        return self._thread.run(self._client.publish_request(request, id=id, time=time))

    def prove(
        self,
        proofs: ProofSubmitted | ProofSubmissionFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish proofs of identity for an earlier request; return the id of the event."""
        return self._thread.run(self._client.prove(proofs, id=id, time=time))

    def withdraw(
        self,
        withdrawal: WithdrawalSubmitted | WithdrawalFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish a withdrawal of a request; return the id of the event."""
        return self._thread.run(self._client.withdraw(withdrawal, id=id, time=time))

    def appeal(
        self,
        appeal: AppealSubmitted | AppealFields,
        *,
        id: str | None = None,  # noqa: A002  CloudEvents' own name
        time: datetime | None = None,
    ) -> str:
        """Publish an appeal against an answer; return the id of the event."""
        return self._thread.run(self._client.appeal(appeal, id=id, time=time))

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish many events at once, made by ``message_of``; return when all are confirmed."""
        self._thread.run(self._client.publish(messages))


async def _next(events: AsyncIterator[ReceivedEvent]) -> ReceivedEvent | None:
    return await anext(events, None)


async def _closed(events: AsyncIterator[ReceivedEvent]) -> None:
    if isinstance(events, AsyncGenerator):
        await events.aclose()


class HttpClient:
    """A system that submits by HTTP, connected between the ends of ``with``; see :class:`AsyncHttpClient`."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 30.0,
        tries: int = TRIES,
    ) -> None:
        """Remember where Habeas is; nothing is connected yet."""
        self._client = AsyncHttpClient(url, key=key, timeout=timeout, tries=tries)
        self._thread = LoopThread()

    def __enter__(self) -> Self:
        """Return this client; it connects at the first call."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        try:
            self._thread.run(self._client.__aexit__(kind, error, trace))
        finally:
            self._thread.close()

    def submit(self, request: RequestSubmitted | RequestFields) -> str:
        """Submit a request; return its id."""
        return self._thread.run(self._client.submit(request))

    def status(self, request_id: str) -> StatusPage:
        """Return the state of a request."""
        return self._thread.run(self._client.status(request_id))

    def find(self, reference: str) -> StatusPage:
        """Return the state of your system's request with *reference*."""
        return self._thread.run(self._client.find(reference))

    def follow(self, request_id: str, *, within: float | None = None) -> StatusPage:
        """Ask for the state of a request until it has ended."""
        return self._thread.run(self._client.follow(request_id, within=within))

    def prove(self, request_id: str, proofs: Sequence[ProofLiteral]) -> None:
        """Offer proofs of identity."""
        self._thread.run(self._client.prove(request_id, proofs))

    def withdraw(self, request_id: str) -> None:
        """Withdraw a request that is not answered yet."""
        self._thread.run(self._client.withdraw(request_id))

    def appeal(self, request_id: str, statement: str) -> None:
        """Disagree with an answer, or with the handling of a request."""
        self._thread.run(self._client.appeal(request_id, statement))
