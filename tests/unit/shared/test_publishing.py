"""A publication counts as taken only when the broker has said so."""

import asyncio
from typing import Any, cast

import pytest

from shared.errors import BrokerUnavailable
from shared.runtime.broker import Bus, Message
from shared.runtime.broker.channels import PublishChannel
from shared.runtime.broker.connection import Channel

PERSISTENT = 2
"""Delivery mode of AMQP 0-9-1: a durable queue writes the message to its disk."""


class NotingChannel:
    """A channel that notes the properties of what is published on it."""

    is_closed = False

    def __init__(self) -> None:
        self.modes: list[int | None] = []

    async def basic_publish(self, *_body: Any, properties: Any, **_options: Any) -> None:
        self.modes.append(properties.delivery_mode)


async def test_every_message_is_persistent() -> None:
    channel = NotingChannel()
    await PublishChannel(cast("Channel", channel)).publish([Message("habeas.events", "key", b"body", "1")])
    assert channel.modes == [PERSISTENT]


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
