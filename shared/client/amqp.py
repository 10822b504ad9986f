"""The asynchronous client by AMQP: requests, followed to their answer, and events of ``habeas.events``."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection, AbstractRobustQueue
from aiormq.exceptions import ChannelAccessRefused
from pydantic import ValidationError
from pydantic_core import from_json

from shared.client.fields import RequestFields
from shared.client.publisher import TRIES, Publisher
from shared.client.submissions import submission_of
from shared.contract.catalogue import catalogue
from shared.contract.correlation import Correlation
from shared.contract.events.base import Fact
from shared.contract.events.requests import (
    RequestClosed,
    RequestReceived,
    RequestRejected,
    RequestWithdrawn,
)
from shared.contract.events.submissions import RequestSubmitted, SubmissionError
from shared.contract.topology import EVENTS
from shared.errors import ConfigurationError, PermanentError, TransientError
from shared.runtime.broker.connection import ANSWER_WITHIN_S, HEARTBEAT_S, translated, user_of

PREFETCH = 100
MOST_FOLLOWED = 10_000
"""Requests of this client with an end that was not fetched; the oldest are forgotten first."""
ENDS = (RequestClosed, RequestWithdrawn)
_MODELS: Mapping[str, type[Fact]] = {model.TYPE: model for model in catalogue() if issubclass(model, Fact)}


class SubmissionRejected(PermanentError):
    """Habeas cannot read a submission, or refuses it; :attr:`errors` names the fields."""

    def __init__(self, errors: tuple[SubmissionError, ...]) -> None:
        """Keep the errors."""
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class NotRegisteredYet(TransientError):
    """The broker has the request, but Habeas has not registered it in time. It is not lost."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of ``habeas.events``. It may arrive twice, with the same id."""

    id: str
    type: str
    source: str
    """The service that published it, as ``habeas/intake``."""
    time: datetime
    request_id: str
    """The request that it is about."""
    correlation: Correlation | None
    """The publisher's source and reference of the request, and the id of its event."""
    data: Fact | None
    """Its content; None if this version of the package does not know its type."""
    content: Mapping[str, Any]
    """The same as JSON."""


def event_of(body: bytes) -> ReceivedEvent:
    """
    Return the event in *body*, a message of ``habeas.events``.

    Raises:
        ValueError: It is no CloudEvent.
    """
    sent = from_json(body)
    if not isinstance(sent, dict) or sent.get("specversion") != "1.0":
        raise ValueError("the message is no CloudEvent")
    return ReceivedEvent(
        id=sent["id"],
        type=sent["type"],
        source=sent["source"],
        time=datetime.fromisoformat(sent["time"]),
        request_id=sent.get("correlationid", ""),
        correlation=Correlation.of(sent),
        data=_fact(sent["type"], sent["data"]),
        content=sent["data"],
    )


def _fact(type_: str, data: object) -> Fact | None:
    """Return *data* as its model; None if a later version of Habeas has written it in another way."""
    model = _MODELS.get(type_)
    with suppress(ValidationError):
        return model.model_validate(data) if model else None
    return None


class AsyncAmqpClient(Publisher):
    """
    A system that submits requests by AMQP and follows them, connected between the ends of ``async with``.

    :meth:`submit`, :meth:`follow` and :meth:`events` read the exchange ``habeas.events`` into queues with
    names that begin with the name of the broker user and a dot: see "Events" in docs/how-to/connect.md for
    the permissions. All other methods need to write to ``habeas.requests`` alone.
    """

    def __init__(self, amqp_url: str, *, source: str, binary: bool = False, tries: int = TRIES) -> None:
        """Remember where the broker is, as :class:`Publisher`."""
        super().__init__(amqp_url, source=source, binary=binary, tries=tries)
        self._url = amqp_url
        self._user = user_of(amqp_url)
        self._connection: AbstractRobustConnection | None = None
        self._opening = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._registered: dict[str, asyncio.Future[str]] = {}
        self._ended: OrderedDict[str, asyncio.Future[ReceivedEvent]] = OrderedDict()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; a temporary queue is deleted by the broker."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._connection is not None:
            with translated("not closed"):
                await self._connection.close()
        await super().__aexit__(kind, error, trace)

    async def submit(
        self,
        request: RequestSubmitted | RequestFields,
        *,
        time: datetime | None = None,
        within: float = 30.0,
    ) -> str:
        """
        Submit a request; return the id that Habeas registered it under.

        Args:
            request: The person's request. The same reference again is no new request: no event follows it.
            time: When the request reached you, unless ``received_at`` is set; now by default.
            within: Seconds to wait for the registration.

        Raises:
            SubmissionRejected: Habeas cannot read it, or does not accept this source from this broker user.
            NotRegisteredYet: Nothing came in time, or the reference was submitted before.
            BrokerUnavailable, ConfigurationError, Unroutable: As :meth:`publish_request`.
        """
        await self._watch()
        submission, event_id = submission_of(RequestSubmitted, request), str(uuid4())
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._registered[event_id] = found
        try:
            await self.publish_one(submission, event_id, time)
            async with asyncio.timeout(within):
                return await found
        except TimeoutError:
            raise NotRegisteredYet(
                f"event {event_id} is on the broker, but was not registered within {within:g} s; "
                "if its reference was submitted before, find it by GET /v1/requests?reference="
            ) from None
        finally:
            del self._registered[event_id]

    async def follow(self, request_id: str, *, within: float | None = None) -> ReceivedEvent:
        """
        Wait for the end of a request: ``habeas.request.closed.v1`` with its outcome, or its withdrawal.

        Ends of requests that this client has submitted are kept until they are fetched; of others the end
        must come after this call. After a restart, read :meth:`events` from a queue, or ask by HTTP.

        Raises:
            TimeoutError: It did not end *within* so many seconds.
        """
        await self._watch()
        ended = self._ended.setdefault(request_id, asyncio.get_running_loop().create_future())
        async with asyncio.timeout(within):
            event = await asyncio.shield(ended)
        self._ended.pop(request_id, None)
        return event

    async def events(self, queue: str, *types: type[Fact]) -> AsyncGenerator[ReceivedEvent, None]:
        """
        Yield the events of ``habeas.events``, from a durable queue of your own; it is declared if missing.

        An event is acknowledged when the next one is asked for, so a crash repeats it. The queue collects
        events while you are away: delete it when it is no longer used.

        Args:
            queue: The name of your queue after the user and a dot: ``orders`` for ``shop.orders``.
            types: The wanted types; all by default.

        Raises:
            BrokerUnavailable: The broker does not answer.
            ConfigurationError: The broker user lacks a permission; the message names it.
        """
        async with (
            self._queue(f"{self._user}.{queue}", types, durable=True) as own,
            own.iterator() as messages,
        ):
            wanted = {one.TYPE for one in types}
            async for message in messages:
                if not wanted or message.routing_key in wanted:
                    yield event_of(message.body)
                await message.ack()

    async def _watch(self) -> None:
        """Read events of own requests from now on, once."""
        async with self._opening:
            if self._watching is None:
                ready = asyncio.Event()
                self._watching = asyncio.create_task(self._read(ready))
                waiting = asyncio.create_task(ready.wait())
                await asyncio.wait({waiting, self._watching}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            if self._watching.done():
                failed, self._watching = self._watching, None
                failed.result()

    async def _read(self, ready: asyncio.Event) -> None:
        types = (RequestReceived, RequestRejected, *ENDS)
        name = f"{self._user}.{uuid4().hex}"
        async with self._queue(name, types, durable=False) as own, own.iterator(no_ack=True) as messages:
            ready.set()
            async for message in messages:
                self._take(event_of(message.body))

    def _take(self, event: ReceivedEvent) -> None:
        names = event.correlation
        match event.data:
            case RequestReceived() if names and names.event in self._registered:
                self._keep(event.request_id)
                _settle(self._registered[names.event], event.request_id)
            case RequestRejected(publisher_id=str(id_)) if id_ in self._registered:
                _fail(self._registered[id_], SubmissionRejected(event.data.errors))
            case RequestClosed() | RequestWithdrawn() if event.request_id in self._ended:
                _settle(self._ended[event.request_id], event)

    def _keep(self, request_id: str) -> None:
        self._ended.setdefault(request_id, asyncio.get_running_loop().create_future())
        while len(self._ended) > MOST_FOLLOWED:
            self._ended.popitem(last=False)

    @asynccontextmanager
    async def _queue(
        self, name: str, types: Collection[type[Fact]], *, durable: bool
    ) -> AsyncIterator[AbstractRobustQueue]:
        """Open a queue with *types* of events; delete it afterwards unless it is *durable*."""
        with translated("the broker does not answer"), self._permitted(name):
            channel = await self._channel()
            exchange = await channel.get_exchange(EVENTS, ensure=False)
            arguments = {"x-queue-type": "quorum"} if durable else None
            own = await channel.declare_queue(
                name, durable=durable, exclusive=not durable, auto_delete=not durable, arguments=arguments
            )
            for key in [one.TYPE for one in types] or ["#"]:
                await own.bind(exchange, key)
        try:
            yield own
        finally:
            with suppress(TransientError), translated("not closed"):
                await channel.close()

    @contextmanager
    def _permitted(self, queue: str) -> Iterator[None]:
        try:
            yield
        except ChannelAccessRefused:
            raise ConfigurationError(
                f"broker user {self._user} may not read {EVENTS} into the queue {queue}: "
                f"it needs to configure, write and read {self._user}.* and to read {EVENTS}"
            ) from None

    async def _channel(self) -> AbstractRobustChannel:
        if self._connection is None:
            self._connection = await aio_pika.connect_robust(
                self._url,
                timeout=ANSWER_WITHIN_S,
                heartbeat=HEARTBEAT_S,
                client_properties={"connection_name": f"habeas client {self._source} reads"},
            )
        channel = await self._connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        return channel


def _settle(future: "asyncio.Future[Any]", value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
