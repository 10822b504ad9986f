"""Publishing on the bus."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from aio_pika.abc import AbstractConnection
from aiormq.exceptions import ChannelAccessRefused

from shared.contract.topology import PROBE, REQUESTS, RETRY
from shared.errors import BrokerBlocked, BrokerUnavailable
from shared.runtime.broker.channels import PublishChannel
from shared.runtime.broker.connection import (
    connect,
    is_blocked,
    leave,
    must_be_declared,
    open_channel,
    translated,
    user_of,
)
from shared.runtime.broker.messages import Message

CONFIRM_WITHIN_S = 10.0
LOOK_EVERY_S = 0.05
"""Between two looks for an alarm of the broker, while a confirmation is awaited."""


class Bus:
    """
    A connection to the broker to publish on, re-opened when it is lost.

    It declares nothing: its exchanges must be there (`habeas topology`).
    """

    def __init__(self, url: str, *, name: str) -> None:
        """
        Keep the address of the broker.

        Args:
            url: Where it is, with credentials and virtual host.
            name: Shown on its management page.
        """
        self._url = url
        self._user = user_of(url)
        self._name = name
        self._outlet: PublishChannel | None = None
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish as :class:`Publisher` says; each message names the broker user that it is from."""
        if not messages:
            return
        messages = [replace(message, user_id=message.user_id or self._user) for message in messages]
        outlet = await self._open()
        try:
            async with self._patient("the broker did not confirm"):
                await outlet.publish(messages)
        except BrokerBlocked:
            raise  # on another connection it would be the same
        except BrokerUnavailable:
            await self._abandon(outlet)
            raise

    async def ping(self) -> None:
        """
        Have the broker confirm a message that no queue takes: it reports an alarm to publishers alone.

        Raises:
            BrokerUnavailable: It confirmed none.
        """
        await self._open()
        connection = self._connection
        if connection is None:
            raise BrokerUnavailable("not connected to the broker")
        async with self._patient("the broker does not answer"):
            await _probe(connection)

    @property
    def blocked(self) -> bool:
        """Whether the broker accepts no messages because of an alarm."""
        return self._connection is not None and is_blocked(self._connection)

    @asynccontextmanager
    async def _patient(self, what: str) -> AsyncIterator[None]:
        """
        Wait for an answer of the broker no longer than one can come; *what* opens the message.

        Raises:
            BrokerBlocked: It has an alarm.
            BrokerUnavailable: It did not answer in time.
        """
        self._must_accept()
        try:
            with translated(what):
                async with asyncio.timeout(CONFIRM_WITHIN_S) as patience:
                    looking = asyncio.create_task(self._end_when_blocked(patience))
                    try:
                        yield
                    finally:
                        looking.cancel()
        except BrokerUnavailable:
            self._must_accept()
            raise

    async def _end_when_blocked(self, patience: asyncio.Timeout) -> None:
        while not self.blocked:  # noqa: ASYNC110 - the driver has no event for an alarm
            await asyncio.sleep(LOOK_EVERY_S)
        if not patience.expired():
            patience.reschedule(0)

    def _must_accept(self) -> None:
        if self.blocked:
            raise BrokerBlocked("the broker accepts no messages: it has an alarm of memory or disk")

    async def close(self) -> None:
        """Close the connection; the next publication opens another."""
        connection, self._connection, self._outlet = self._connection, None, None
        await leave(connection)

    async def _open(self) -> PublishChannel:
        async with self._opening:
            if self._outlet is None or self._outlet.closed:
                await self.close()
                self._connection = await connect(self._url, f"{self._name} publishes")
                await must_be_declared(self._connection, REQUESTS)
                with translated("no channel to the broker"):
                    self._outlet = await _outlet(self._connection)
            return self._outlet

    async def _abandon(self, outlet: PublishChannel) -> None:
        """Close the connection of *outlet*, unless another publication has replaced it already."""
        async with self._opening:
            if self._outlet is outlet:
                await self.close()


async def _probe(connection: AbstractConnection) -> None:
    channel = await open_channel(connection, publisher_confirms=True)
    with suppress(ChannelAccessRefused):  # an account with other rights: this is an answer, too
        await channel.basic_publish(b"", exchange=RETRY, routing_key=PROBE)
        await channel.close()


async def _outlet(connection: AbstractConnection) -> PublishChannel:
    channel = await open_channel(connection, publisher_confirms=True, on_return_raises=True)
    return PublishChannel(channel)
