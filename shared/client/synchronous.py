"""The clients for programs that are not asynchronous: the same methods, run in a thread of their own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from shared.client.amqp import AsyncAmqpClient
from shared.client.http import AsyncHttpClient
from shared.errors import ConfigurationError

S = TypeVar("S")
C_co = TypeVar("C_co", bound=AbstractAsyncContextManager[Any], covariant=True)
P = ParamSpec("P")
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


class SynchronousClient(Generic[C_co]):
    """An asynchronous client in a thread of its own, open between the ends of ``with``."""

    def __init__(self, client: C_co) -> None:
        """Keep *client*, which is not open yet."""
        self._client = client
        self._thread = LoopThread()

    def __enter__(self) -> Self:
        """Open the client."""
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
        """Close the client."""
        try:
            self._thread.run(self._client.__aexit__(kind, error, trace))
        finally:
            self._thread.close()


def constructed_as(
    asynchronous: Callable[P, C_co],
) -> Callable[[Callable[[S, C_co], None]], Callable[Concatenate[S, P], None]]:
    """Return a decorator of a constructor: it takes the arguments of the *asynchronous* client."""

    def decorate(construct: Callable[[S, C_co], None]) -> Callable[Concatenate[S, P], None]:
        @wraps(asynchronous.__init__)
        def constructor(self: S, /, *arguments: P.args, **named: P.kwargs) -> None:
            construct(self, asynchronous(*arguments, **named))

        return constructor

    return decorate


def waited(
    method: Callable[Concatenate[C_co, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SynchronousClient[C_co], P], T]:
    """Return *method* of an asynchronous client as one that waits for the result."""

    @wraps(method)
    def call(self: SynchronousClient[C_co], /, *arguments: P.args, **named: P.kwargs) -> T:
        return self._thread.run(method(self._client, *arguments, **named))

    return call


def iterated(
    method: Callable[Concatenate[C_co, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[SynchronousClient[C_co], P], Iterator[T]]:
    """Return *method* of an asynchronous client, which yields, as one that waits for each item."""

    @wraps(method)
    def call(self: SynchronousClient[C_co], /, *arguments: P.args, **named: P.kwargs) -> Iterator[T]:
        items = method(self._client, *arguments, **named)
        try:
            while True:
                try:
                    yield self._thread.run(anext(items))
                except StopAsyncIteration:
                    return
        finally:
            self._thread.run(items.aclose())

    return call


class AmqpClient(SynchronousClient[AsyncAmqpClient]):
    """A system that submits by AMQP, connected between the ends of ``with``; see :class:`AsyncAmqpClient`."""

    @constructed_as(AsyncAmqpClient)
    def __init__(self, client: AsyncAmqpClient) -> None:
        super().__init__(client)

    submit = waited(AsyncAmqpClient.submit)
    follow = waited(AsyncAmqpClient.follow)
    events = iterated(AsyncAmqpClient.events)
    publish_request = waited(AsyncAmqpClient.publish_request)
    prove = waited(AsyncAmqpClient.prove)
    withdraw = waited(AsyncAmqpClient.withdraw)
    appeal = waited(AsyncAmqpClient.appeal)
    publish = waited(AsyncAmqpClient.publish)


class HttpClient(SynchronousClient[AsyncHttpClient]):
    """A system that submits by HTTP, connected between the ends of ``with``; see :class:`AsyncHttpClient`."""

    @constructed_as(AsyncHttpClient)
    def __init__(self, client: AsyncHttpClient) -> None:
        super().__init__(client)

    submit = waited(AsyncHttpClient.submit)
    status = waited(AsyncHttpClient.status)
    find = waited(AsyncHttpClient.find)
    follow = waited(AsyncHttpClient.follow)
    prove = waited(AsyncHttpClient.prove)
    withdraw = waited(AsyncHttpClient.withdraw)
    appeal = waited(AsyncHttpClient.appeal)
