"""Connections to the broker, and its driver's errors in our words."""

import asyncio
import random
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from urllib.parse import unquote, urlsplit

import aio_pika
import aiormq.channel
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import AMQPError, ChannelNotFoundEntity, ProbableAuthenticationError

from shared.errors import BrokerUnavailable, ConfigurationError, TopologyMissing
from shared.runtime.tls import cause_of

ANSWER_WITHIN_S = 10.0
HEARTBEAT_S = 10
LEAVE_WITHIN_S = 2.0
Channel: TypeAlias = aiormq.channel.Channel
BROKEN = (AMQPError, OSError, TimeoutError, RuntimeError)
"""Errors of the driver for a lost connection; besides it *cancels*, see :func:`translated`."""
REFUSED_LOGIN = (
    "the broker refuses the user or the password of HABEAS_AMQP_URL: `habeas topology` sets new passwords "
    "where it has HABEAS_MANAGEMENT_URL, `habeas up` at its start"
)
_LEAVING: set[asyncio.Task[None]] = set()
"""Closings of connections that take longer than they are waited for."""


def user_of(url: str) -> str:
    """Return the user that *url* names; the broker's default where it names none."""
    return unquote(urlsplit(url).username or "guest")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """
    Turn the driver's exceptions into ours; *what* opens the message.

    A lost connection *cancels* the waiting task. That is distinguished from a cancellation that was meant
    for this task, which must pass.

    Raises:
        BrokerUnavailable: The broker is away or does not answer.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BrokerUnavailable(f"{what} ({type(error).__name__})") from None
    except BROKEN as error:
        raise BrokerUnavailable(f"{what} ({cause_of(error)})") from None


async def connect(url: str, name: str) -> AbstractConnection:
    """
    Connect to the broker; to one of several nodes, in a random order, the first that answers.

    Args:
        url: Where it is, with credentials and virtual host; nodes are separated by commas.
        name: Shown on its management page.

    Raises:
        BrokerUnavailable: No node answers, or not to these credentials.
        ConfigurationError: The URL is none.
    """
    *others, last = urls_of(url)
    for one in others:
        with suppress(BrokerUnavailable):
            return await _connect(one, name)
    return await _connect(last, name)


def urls_of(url: str) -> list[str]:
    """Return the URL of each node that *url* names, in a random order: the nodes share the connections."""
    parts = urlsplit(url)
    user, at, nodes = parts.netloc.rpartition("@")
    each = nodes.split(",")
    return [parts._replace(netloc=f"{user}{at}{node}").geturl() for node in random.sample(each, len(each))]


async def _connect(url: str, name: str) -> AbstractConnection:
    with translated("cannot connect to the broker"):
        try:
            return await aio_pika.connect(
                url,
                timeout=ANSWER_WITHIN_S,
                client_properties={"connection_name": name},
                heartbeat=HEARTBEAT_S,
            )
        except ValueError:
            raise ConfigurationError("HABEAS_AMQP_URL: is no broker URL") from None
        except ProbableAuthenticationError:
            raise BrokerUnavailable(REFUSED_LOGIN) from None


async def must_be_declared(connection: AbstractConnection, exchange: str) -> None:
    """
    Look for *exchange*, which takes no permission on the broker.

    Raises:
        TopologyMissing: It is not there; the message names the remedy.
        BrokerUnavailable: The broker does not answer.
    """
    with translated("the broker does not answer"):
        channel = await open_channel(connection)
        with declared(f"exchange {exchange}"):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await channel.exchange_declare(exchange, passive=True)
                await channel.close()


@contextmanager
def declared(what: str) -> Iterator[None]:
    """
    Translate the broker's answer that *what* is not there.

    Raises:
        TopologyMissing: It is not.
    """
    try:
        yield
    except ChannelNotFoundEntity:
        raise TopologyMissing(
            f"this broker has no {what}: run `habeas topology` on it, "
            "or see whether the URL names the right virtual host"
        ) from None


async def open_channel(connection: AbstractConnection, **options: bool) -> Channel:
    """Open a channel, below aio-pika's objects: a batch saves a task per message there."""
    async with asyncio.timeout(ANSWER_WITHIN_S):
        return cast("Channel", await (await connection.channel(**options)).get_underlay_channel())


def is_blocked(connection: AbstractConnection) -> bool:
    """Return whether the broker has said that it reads nothing that *connection* publishes."""
    if connection.transport is None:
        return False
    ready = cast("Coroutine[Any, Any, None]", connection.transport.ready())
    try:
        ready.send(None)  # the driver waits for the end of an alarm there, and has no flag
    except StopIteration:
        return False
    ready.close()
    return True


@dataclass(frozen=True, slots=True)
class QueueSize:
    """A queue: the messages that wait in it, and the consumers that take them."""

    name: str
    messages: int
    consumers: int


async def sizes_of(url: str, queues: Iterable[str]) -> list[QueueSize]:
    """
    Return the sizes of *queues*, as any account may ask for.

    Raises:
        BrokerUnavailable: The broker does not answer.
        TopologyMissing: There is no such queue.
    """
    connection = await connect(url, "habeas counts messages")
    try:
        with translated("the queues were not counted"):
            channel = await open_channel(connection)
            found = []
            for name in queues:
                with declared(f"queue {name}"):
                    there = await channel.queue_declare(name, passive=True)
                found.append(QueueSize(name, there.message_count or 0, there.consumer_count or 0))
            return found
    finally:
        await leave(connection)


async def leave(connection: AbstractConnection | None) -> None:
    """
    Close *connection*; one that is broken already, or does not answer, is left behind.

    The driver does not let itself be hurried: while the broker blocks a connection with much unwritten, it
    tries for half a minute to say goodbye.
    """
    if connection is None:
        return
    leaving = asyncio.create_task(_close(connection))
    _LEAVING.add(leaving)
    leaving.add_done_callback(_LEAVING.discard)
    await asyncio.wait([leaving], timeout=LEAVE_WITHIN_S)


async def _close(connection: AbstractConnection) -> None:
    with suppress(BrokerUnavailable), translated("not closed"):
        await connection.close()
