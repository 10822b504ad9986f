"""The end of a bus where events go in."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from aio_pika.abc import AbstractConnection

from shared.bus.connecting import (
    ANSWER_WITHIN_S,
    connect,
    declare,
    leave,
    must_be_declared,
    open_channel,
    translated,
    user_of,
)
from shared.bus.fast import FastOutlet
from shared.bus.messages import Message
from shared.bus.plain import PlainOutlet
from shared.bus.wire import WiredConnection
from shared.errors import BrokerUnavailable
from shared.topology import REQUESTS

CONFIRM_WITHIN_S = 10.0


class Outlet(Protocol):
    """A channel to publish on."""

    @property
    def closed(self) -> bool:
        """Whether it is of no use any more."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish *messages*; return when all are confirmed. Raises what the driver raises, or Unroutable."""


class Bus:
    """
    A connection to the broker to publish on, re-opened when it is lost.

    Each time it opens, the topology is declared: a broker that lost its disk is set up again.
    """

    def __init__(self, url: str, *, name: str, plain: bool = False, guest: bool = False) -> None:
        """
        Remember where the broker is.

        Args:
            url: Where it is, with credentials and virtual host.
            name: What its management page shows.
            plain: Whether the driver alone reads and writes; else ``shared.bus.wire`` may take a part of it.
            guest: Whether it only uses what Habeas has declared: an upstream system's user may be allowed to
                write to one exchange and nothing else.
        """
        self._url = url
        self._user = user_of(url)
        self._name = name
        self._plain = plain
        self._guest = guest
        self._outlet: Outlet | None = None
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish as :class:`Publisher` says; submissions name the broker user that they are from."""
        if not messages:
            return
        messages = [self._signed(message) for message in messages]
        outlet = await self._open()
        try:
            with translated("the broker did not confirm"):
                async with asyncio.timeout(CONFIRM_WITHIN_S):
                    await outlet.publish(messages)
        except BrokerUnavailable:
            await self._abandon(outlet)
            raise

    def _signed(self, message: Message) -> Message:
        """Return *message* with the user of this connection, which intake binds sources to."""
        if message.exchange != REQUESTS or message.user_id is not None:
            return message
        return replace(message, user_id=self._user)

    async def ping(self) -> None:
        """
        Ask the broker for a sign of life on a fresh channel.

        Raises:
            BrokerUnavailable: It gave none.
        """
        await self._open()
        connection = self._connection
        if connection is None:
            raise BrokerUnavailable("not connected to the broker")
        with translated("the broker does not answer"):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                channel = await connection.channel()
                await channel.close()

    async def close(self) -> None:
        """Close the connection; the next publication opens another."""
        connection, self._connection, self._outlet = self._connection, None, None
        await leave(connection)

    async def _open(self) -> Outlet:
        async with self._opening:
            if self._outlet is None or self._outlet.closed:
                await self.close()
                if not self._guest:
                    await declare(self._url)
                self._connection = await connect(self._url, f"{self._name} publishes", plain=self._plain)
                if self._guest:
                    await must_be_declared(self._connection, REQUESTS)
                with translated("no channel to the broker"):
                    self._outlet = await _outlet(self._connection)
            return self._outlet

    async def _abandon(self, outlet: Outlet) -> None:
        """Close the connection of *outlet*, unless another publication has replaced it already."""
        async with self._opening:
            if self._outlet is outlet:
                await self.close()


async def _outlet(connection: AbstractConnection) -> Outlet:
    channel = await open_channel(connection, publisher_confirms=True, on_return_raises=True)
    if isinstance(connection, WiredConnection):
        return FastOutlet(connection, channel)
    return PlainOutlet(channel)
