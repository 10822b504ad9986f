"""Publishing on the bus."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from aio_pika.abc import AbstractConnection

from shared.contract.topology import REQUESTS
from shared.errors import BrokerUnavailable
from shared.runtime.broker.channels import PublishChannel
from shared.runtime.broker.connection import (
    ANSWER_WITHIN_S,
    connect,
    leave,
    must_be_declared,
    open_channel,
    translated,
    user_of,
)
from shared.runtime.broker.messages import Message

CONFIRM_WITHIN_S = 10.0


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
            with translated("the broker did not confirm"):
                async with asyncio.timeout(CONFIRM_WITHIN_S):
                    await outlet.publish(messages)
        except BrokerUnavailable:
            await self._abandon(outlet)
            raise

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


async def _outlet(connection: AbstractConnection) -> PublishChannel:
    channel = await open_channel(connection, publisher_confirms=True, on_return_raises=True)
    return PublishChannel(channel)
