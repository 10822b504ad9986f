"""`habeas migrate`: what an upgrade leaves to do is listed, done once, and nothing else is touched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from habeas.client.migrations import STEPS, MigratedInstallation, migrations, note_topology
from habeas.embedded.parts.broker import USER, Broker
from habeas.embedded.parts.ports import HOST, free_port
from shared.contract import topology
from shared.contract.contract_version import CONTRACT_NUMBER
from shared.errors import ConfigurationError, Unroutable
from shared.law import library
from shared.runtime.broker import Bus, Message, declare
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client, connect
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
    await bind_old_type(at.amqp_url)
    async with await aio_pika.connect(at.amqp_url) as connection:
        channel = await connection.channel()
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
        await bind_old_type(at.amqp_url)  # as going back to the earlier release does
        await publish_old_type(at)
        assert await steps(at, dry_run=True) == {}
        await publish_old_type(at)
        assert await steps(at) == {}
        with pytest.raises(Unroutable):
            await publish_old_type(at)


async def bind_old_type(amqp_url: str) -> None:
    """Do what `habeas topology` of an earlier release does."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await (await channel.get_queue("intake")).bind(topology.EVENTS, OLD_TYPE)


async def test_bindings_of_earlier_releases_are_listed_if_they_are_there(tmp_path: Path) -> None:
    port, distribution, management = free_ports()
    broker = Broker(tmp_path / "broker", port, distribution, f"habeas-{port}@localhost", "sesame")
    process = await broker.start()
    try:
        await manage(broker, management)
        url = f"http://{USER}:sesame@{HOST}:{management}"
        [step] = [one for one in STEPS if one.name == "bindings"]
        with closing(connect("mongodb://127.0.0.1:1", app_name="unused")) as client:
            zone = library.company(library.EXAMPLE).zone
            at = MigratedInstallation(broker.url, "", client, "habeas", zone, url)
            assert await step.changes(at) == []
            await bind_queue(at.amqp_url, "habeas.request.fulfilled.v1")
            assert await step.changes(at) == []
            await bind_queue(at.amqp_url, OLD_TYPE)
            assert await step.changes(at) == [f"intake: {OLD_TYPE}"]
            await step.act(at)
            assert await step.changes(at) == []
            refused = replace(at, management_url=url.replace("sesame", "wrong"))
            with pytest.raises(ConfigurationError, match=r"^HABEAS_MANAGEMENT_URL: .* must be an admin"):
                await step.changes(refused)
    finally:
        await process.kill()


def free_ports() -> tuple[int, int, int]:
    first = free_port()
    second = free_port(besides=frozenset((first,)))
    return first, second, free_port(besides=frozenset((first, second)))


async def bind_queue(amqp_url: str, type_: str) -> None:
    """Bind a queue `intake` to *type_*, with the exchange and the queue if they are not there."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(topology.EVENTS, "topic", durable=True)
        await (await channel.declare_queue("intake", durable=True)).bind(exchange, type_)


async def manage(broker: Broker, port: int) -> None:
    """Start the management plugin of *broker*."""
    plugins = broker.folder / "enabled_plugins"
    plugins.write_text("[rabbitmq_management].\n", encoding="utf-8")
    listener = f'[{{port, {port}}}, {{ip, "{HOST}"}}]'
    await broker._evaluate(
        "rabbit:await_startup(), application:load(rabbitmq_management), "
        f"application:set_env(rabbitmq_management, tcp_config, {listener}), "
        f'{{ok, _, _}} = rabbit_plugins:ensure("{plugins}").'
    )


async def marked(client: Client, prefix: str) -> list[str]:
    """Return the steps that are recorded as done."""
    return [one["_id"] async for one in client[f"{prefix}_migrations"]["migrations"].find()]


async def test_new_installation_has_nothing_to_migrate(
    mongo_url: str, mongo_client: Client, database_prefix: str
) -> None:
    await note_topology(mongo_url, database_prefix, topology.inboxes())
    assert await marked(mongo_client, database_prefix) == [step.name for step in STEPS if step.once]


async def test_installation_with_cases_is_not_new_at_a_broker_that_was_replaced(
    mongo_url: str, mongo_client: Client, database_prefix: str
) -> None:
    await note_topology(mongo_url, database_prefix, [topology.CONSOLE])  # a queue that the release added
    assert await marked(mongo_client, database_prefix) == []
    journal = Journal(mongo_client[f"{database_prefix}_intake"])
    await journal.append([JournalRow(CASE, 0, "1", verified(), (), NOW)])
    await note_topology(mongo_url, database_prefix, topology.inboxes())
    assert await marked(mongo_client, database_prefix) == []


async def test_topology_of_an_earlier_release_forgets_later_steps(
    mongo_url: str, mongo_client: Client, database_prefix: str
) -> None:
    own, later = (f"read-model-{CONTRACT_NUMBER + number}" for number in (0, 1))
    done = mongo_client[f"{database_prefix}_migrations"]["migrations"]
    await done.insert_many([{"_id": own}, {"_id": later}])
    await note_topology(mongo_url, database_prefix, [])
    assert await marked(mongo_client, database_prefix) == [own]


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
