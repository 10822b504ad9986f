"""A publication counts as taken only when the broker has said so."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from shared.errors import BrokerUnavailable
from shared.runtime.broker import Bus, Message
from shared.runtime.broker.wire_channels import PublishChannel


class LostChannel:
    """A channel without its connection: the driver then cancels tasks that wait for a confirm."""

    closed = False

    async def publish(self, _messages: Sequence[Message]) -> None:
        raise asyncio.CancelledError


async def test_a_publication_that_the_driver_cancelled_is_not_taken_for_confirmed() -> None:
    bus = Bus("amqp://broker.example.org", name="test")
    bus._outlet = cast("PublishChannel", LostChannel())
    with pytest.raises(BrokerUnavailable):
        await bus.publish([Message("habeas.events", "key", b"body", "1")])
