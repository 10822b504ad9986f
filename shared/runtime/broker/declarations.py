"""The topology on the broker: declared, compared with the one that it must have, and rid of old bindings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from functools import partial

from aio_pika.abc import AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from shared.contract import topology
from shared.errors import ConfigurationError
from shared.runtime.broker.connection import Channel, connect, leave, open_channel, translated

DECLARE_WITHIN_S = 60.0
"""How long the broker may take over the whole topology; a queue costs it a flush to disk or more."""


class QueueFault(StrEnum):
    """The reason why a queue is not as it must be."""

    MISSING = "missing"
    OTHER_ARGUMENTS = "has other arguments"


async def declare(url: str, *, console: bool = False) -> list[str]:
    """
    Declare the whole topology, with the queues of the *console* if there is one; existing queues stay.

    Returns:
        The queues that were not there.

    Raises:
        BrokerUnavailable: The broker does not answer.
        ConfigurationError: A queue is there with other arguments than it must have.
    """
    async with _administering(url, "the topology was not declared") as connection:
        queues = (*topology.queues(), *(topology.console_queues() if console else ()))
        created = await _missing(connection, queues)
        await _declare_all(await open_channel(connection), queues)
        return created


async def queue_faults(url: str) -> dict[str, QueueFault]:
    """Return the queues that are not as they must be; raises as :func:`declare`."""
    async with _administering(url, "the queues were not compared") as connection:
        found = [
            (queue.name, await _fault(connection, queue))
            for queue in (*topology.queues(), *topology.console_queues())
        ]
    return {name: fault for name, fault in found if fault is not None}


async def delete_idle_queue(url: str, name: str) -> None:
    """
    Delete the queue *name*, which nothing waits in and nothing consumes from.

    Raises:
        BrokerUnavailable: The broker does not answer.
        ConfigurationError: It is in use.
    """
    async with _administering(url, f"the queue {name} was not deleted") as connection:
        channel = await open_channel(connection)
        there = await channel.queue_declare(name, passive=True)
        if there.message_count or there.consumer_count:
            raise ConfigurationError(
                f"the queue {name} must get other arguments, but has {there.message_count} messages and "
                f"{there.consumer_count} consumers: let the services of the old release empty it, stop them, "
                "then repeat `habeas migrate`"
            )
        await channel.queue_delete(name)


async def unbind(url: str, types: Mapping[str, Iterable[str]]) -> None:
    """Remove the bindings of queues to *types* of facts, where they exist; raises as :func:`declare`."""
    async with _administering(url, "old bindings were not removed") as connection:
        channel = await open_channel(connection)
        for queue, bound in types.items():
            for type_ in bound:
                await channel.queue_unbind(queue, topology.EVENTS, routing_key=type_)


@asynccontextmanager
async def _administering(url: str, failed: str) -> AsyncIterator[AbstractConnection]:
    connection = await connect(url, "habeas declares")
    try:
        with translated(failed):
            async with asyncio.timeout(DECLARE_WITHIN_S):
                yield connection
    finally:
        await leave(connection)


async def _fault(connection: AbstractConnection, queue: topology.Queue) -> QueueFault | None:
    """Return the fault of *queue*; each look takes a channel of its own, which an error closes."""
    if not await _has_queue(connection, queue.name):
        return QueueFault.MISSING
    try:
        channel = await open_channel(connection)
        await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
    except ChannelPreconditionFailed:
        return QueueFault.OTHER_ARGUMENTS
    return None


async def _missing(connection: AbstractConnection, queues: Iterable[topology.Queue]) -> list[str]:
    """Return the names of those of *queues* that are not there; without our exchanges none is."""
    is_new = not await _is_there(connection, partial(Channel.exchange_declare, exchange=topology.EVENTS))
    return [one.name for one in queues if is_new or not await _has_queue(connection, one.name)]


async def _has_queue(connection: AbstractConnection, name: str) -> bool:
    return await _is_there(connection, partial(Channel.queue_declare, queue=name))


async def _is_there(connection: AbstractConnection, declaring: Callable[..., Awaitable[object]]) -> bool:
    """Return whether the broker has what is only asked for; its answer that it has not closes the channel."""
    try:
        await declaring(await open_channel(connection), passive=True)
    except ChannelNotFoundEntity:
        return False
    return True


async def _declare_all(channel: Channel, queues: Iterable[topology.Queue]) -> None:
    for exchange in topology.exchanges():
        with _as_it_must_be(f"exchange {exchange}"):
            await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
    for queue in queues:
        with _as_it_must_be(f"queue {queue.name}"):
            await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for exchange, key in queue.bindings:
            await channel.queue_bind(queue.name, exchange, routing_key=key)


@contextmanager
def _as_it_must_be(what: str) -> Iterator[None]:
    try:
        yield
    except ChannelPreconditionFailed:
        raise ConfigurationError(
            f"the broker has {what} with other arguments than it must have: "
            "`habeas migrate` replaces a queue that is idle (docs/how-to/upgrade.md)"
        ) from None
