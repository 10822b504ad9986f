"""`habeas migrate`: what an upgrade leaves to do is listed, done once, and nothing else is touched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import aio_pika
import pytest

from habeas.client.migrations import MigratedInstallation, migrations
from shared.contract import topology
from shared.errors import ConfigurationError, Unroutable
from shared.law import library
from shared.runtime.broker import Bus, Message, declare
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import connect
from tests.conftest import databases
from tests.unit.shared.test_service import CASE, NOW, verified

PARKING = topology.parking_of("intake")
OLD_TYPE = "habeas.request.lodged.v1"
LIMIT: dict[str, Any] = {"x-queue-type": "quorum", "x-max-length": 5}


@asynccontextmanager
async def installation(amqp_url: str, mongo_url: str) -> AsyncIterator[MigratedInstallation]:
    """Yield an installation of this release, with what an earlier one left."""
    await declare(amqp_url, console=True)
    with closing(connect(mongo_url, app_name="habeas-tests")) as client:
        async with databases(client) as prefix:
            zone = library.company(library.EXAMPLE).zone
            yield MigratedInstallation(amqp_url, mongo_url, client, prefix, zone)


async def aged(at: MigratedInstallation) -> None:
    """Have the installation be one that an earlier release made."""
    async with await aio_pika.connect(at.amqp_url) as connection:
        channel = await connection.channel()
        await (await channel.get_queue("intake")).bind(topology.EVENTS, OLD_TYPE)
        await channel.queue_delete(PARKING)
        await channel.declare_queue(PARKING, durable=True, arguments=LIMIT)
    await at.client[f"{at.prefix}_verifier"]["reviews"].insert_one({"_id": CASE})
    await at.client[f"{at.prefix}_vault"]["items"].create_index("case")
    journal = Journal(at.client[f"{at.prefix}_intake"])
    await journal.append([JournalRow(CASE, 0, "1", verified(), (), NOW)])


async def steps(at: MigratedInstallation, *, dry_run: bool = False) -> dict[str, list[str]]:
    return {one.step: list(one.changes) async for one in migrations(at, dry_run=dry_run)}


async def publish_old_type(at: MigratedInstallation) -> None:
    bus = Bus(at.amqp_url, name="test")
    try:
        await bus.publish([Message(topology.EVENTS, OLD_TYPE, b"{}", "1")])
    finally:
        await bus.close()


async def test_migration_lists_its_steps_then_does_each_once(empty_amqp_url: str, mongo_url: str) -> None:
    async with installation(empty_amqp_url, mongo_url) as at:
        await aged(at)
        planned = await steps(at, dry_run=True)
        assert planned["queues"] == [f"queue {PARKING}: has other arguments"]
        assert f"intake: {OLD_TYPE}" in planned["bindings-1"]
        assert planned["collections"] == [f"{at.prefix}_verifier.reviews"]
        assert planned["indexes"] == [f"index case_1 of {at.prefix}_vault.items"]
        assert await at.client[f"{at.prefix}_console"]["histories"].find_one({"_id": CASE}) is None
        await publish_old_type(at)
        assert await steps(at) == planned
        assert await steps(at) == {}
        assert await at.client[f"{at.prefix}_verifier"].list_collection_names() == []
        assert await at.client[f"{at.prefix}_console"]["histories"].find_one({"_id": CASE}) is not None
        with pytest.raises(Unroutable):
            await publish_old_type(at)


async def test_queue_with_messages_is_not_replaced(empty_amqp_url: str, mongo_url: str) -> None:
    async with installation(empty_amqp_url, mongo_url) as at:
        await aged(at)
        bus = Bus(at.amqp_url, name="test")
        await bus.publish([Message("", PARKING, b"{}", "2")])
        await bus.close()
        with pytest.raises(
            ConfigurationError, match=f"{PARKING} must get other arguments, but has 1 messages"
        ):
            await steps(at)
