"""A publication counts as taken only when the broker has said so."""

import asyncio
from typing import Any, cast

import pytest

from shared.errors import BrokerUnavailable
from shared.runtime.broker import Bus, Message
from shared.runtime.broker.channels import PublishChannel
from shared.runtime.broker.connection import Channel


class LostChannel:
    """A channel without its connection: the driver then cancels tasks that wait for a confirm."""

    is_closed = False

    async def basic_publish(self, *_body: Any, **_options: Any) -> None:
        raise asyncio.CancelledError


async def test_a_publication_that_the_driver_cancelled_is_not_taken_for_confirmed() -> None:
    bus = Bus("amqp://broker.example.org", name="test")
    bus._outlet = PublishChannel(cast("Channel", LostChannel()))
    with pytest.raises(BrokerUnavailable):
        await bus.publish([Message("habeas.events", "key", b"body", "1")])
