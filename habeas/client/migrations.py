"""
The steps that an upgrade leaves to do once all services run the new release.

Each step says what it would change, and is done only if that is something. Steps that leave no trace of their
own are recorded in `migrations`: when they are done, or when the installation is new. After going back to an
earlier release, its `habeas topology` forgets the steps that it does not know.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from habeas.client import read_model
from habeas.client.accounts import vhost_of
from habeas.client.management import bound_keys
from shared.contract import topology
from shared.contract.contract_version import CONTRACT_NUMBER
from shared.runtime.broker import QueueFault, declare, delete_idle_queue, queue_faults, unbind
from shared.runtime.mongo import Client, Collection, connect, translated

UNUSED_INDEXES = (("vault", "items", "case_1"), ("vault", "chunks", "case_1"))
"""Part, collection and index that no release after 0.1.0 uses."""
UNUSED_COLLECTIONS = (("verifier", "reviews"),)
"""Service and collection that no release after 0.1.0 reads."""


@dataclass(frozen=True, slots=True)
class MigratedInstallation:
    """The parts of an installation, reached as administrator."""

    amqp_url: str
    mongo_url: str
    client: Client
    prefix: str
    zone: ZoneInfo
    management_url: str | None = None
    """Of the broker's management plugin, which alone lists bindings."""

    @property
    def done(self) -> Collection:
        """The record of steps that were done."""
        return _marks(self.client, self.prefix)


Changes: TypeAlias = Callable[[MigratedInstallation], Awaitable[Sequence[str]]]
Act: TypeAlias = Callable[[MigratedInstallation], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """A step: what it would change, in words, and the change."""

    name: str
    changes: Changes
    act: Act
    once: bool = False
    """Whether it leaves no trace, so that it is recorded as done."""
    always: bool = False
    """Whether it is done in any case: it changes nothing without need, and the need may not be seen."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A step with what it changes, or has changed."""

    step: str
    changes: Sequence[str]


async def migrations(at: MigratedInstallation, *, dry_run: bool) -> AsyncIterator[Migration]:
    """
    Do each step that is needed, unless *dry_run*, and yield it; it may be stopped and repeated.

    Without the management plugin, bindings of earlier releases are removed, but not yielded.

    Raises:
        StoreUnavailable: The database does not answer.
        BrokerUnavailable: The broker does not answer.
        ConfigurationError: A queue that must be replaced is in use.
    """
    with translated("read which migrations were done"):
        done = {one["_id"] async for one in at.done.find()}
    for step in STEPS:
        if step.name in done:
            continue
        changes = await step.changes(at)
        if not dry_run and (changes or step.always):
            await step.act(at)
            await _record(step, at)
        if changes:
            yield Migration(step.name, changes)


async def _record(step: MigrationStep, at: MigratedInstallation) -> None:
    if step.once:
        with translated("record a migration"):
            await _mark(step, at.done)


async def _mark(step: MigrationStep, done: Collection) -> None:
    await done.update_one({"_id": step.name}, {"$setOnInsert": {"at": datetime.now(UTC)}}, upsert=True)


def _marks(client: Client, prefix: str) -> Collection:
    database = client[f"{prefix}_migrations"]
    return database["migrations"]


async def note_topology(mongo_url: str, prefix: str, created: Iterable[str]) -> None:
    """
    Record that a new installation has nothing to migrate, and forget steps of later releases.

    It is new if all queues are among those that were *created*, and there is no case. A later release does
    its steps again after this one has run. Raises StoreUnavailable if the database does not answer.
    """
    once = [step for step in STEPS if step.once]
    with closing(connect(mongo_url, app_name="habeas topology")) as client, translated("record migrations"):
        done = _marks(client, prefix)
        await done.delete_many({"_id": {"$nin": [step.name for step in once]}})
        if topology.inboxes().keys() <= set(created) and not await _has_cases(client, prefix):
            for step in once:
                await _mark(step, done)


async def _has_cases(client: Client, prefix: str) -> bool:
    return await client[f"{prefix}_intake"]["journal"].find_one({}, {"_id": 1}) is not None


async def _faulty_queues(at: MigratedInstallation) -> list[str]:
    return [f"queue {name}: {fault}" for name, fault in (await queue_faults(at.amqp_url)).items()]


async def _renew_queues(at: MigratedInstallation) -> None:
    for name, fault in (await queue_faults(at.amqp_url)).items():
        if fault is QueueFault.OTHER_ARGUMENTS:
            await delete_idle_queue(at.amqp_url, name)
    await declare(at.amqp_url, console=True)


async def _old_bindings(at: MigratedInstallation) -> list[str]:
    """Return the bindings of earlier releases that are there; none if they cannot be listed."""
    if at.management_url is None:
        return []
    place = at.management_url, vhost_of(at.amqp_url), topology.EVENTS
    bound = {queue: await bound_keys(*place, queue) for queue in topology.OBSOLETE}
    return [
        f"{queue}: {one}"
        for queue, types in topology.OBSOLETE.items()
        for one in types
        if one in bound[queue]
    ]


async def _unbind(at: MigratedInstallation) -> None:
    await unbind(at.amqp_url, topology.OBSOLETE)


async def _unused_collections(at: MigratedInstallation) -> list[str]:
    found: list[str] = []
    with translated("list collections"):
        for service, name in UNUSED_COLLECTIONS:
            database = at.client[f"{at.prefix}_{service}"]
            found += [
                f"{database.name}.{one}"
                for one in await database.list_collection_names(filter={"name": name})
            ]
    return found


async def _drop_collections(at: MigratedInstallation) -> None:
    with translated("drop collections"):
        for service, name in UNUSED_COLLECTIONS:
            await at.client[f"{at.prefix}_{service}"].drop_collection(name)


async def _unused_indexes(at: MigratedInstallation) -> list[str]:
    return [f"index {index} of {place.full_name}" async for place, index in _indexes(at)]


async def _drop_indexes(at: MigratedInstallation) -> None:
    async for collection, index in _indexes(at):
        with translated("drop indexes"):
            await collection.drop_index(index)


async def _indexes(at: MigratedInstallation) -> AsyncIterator[tuple[Collection, str]]:
    """Yield the unused indexes that are there."""
    for part, name, index in UNUSED_INDEXES:
        collection = at.client[f"{at.prefix}_{part}"][name]
        with translated("list indexes"):
            known = await collection.index_information()
        if index in known:
            yield collection, index


async def _read_model(at: MigratedInstallation) -> list[str]:
    with translated("look for cases"):
        found = await _has_cases(at.client, at.prefix)
    return ["the console's lists of cases are built anew from the journals"] if found else []


async def _rebuild(at: MigratedInstallation) -> None:
    await read_model.rebuild(at.mongo_url, at.prefix, at.zone)


STEPS = (
    MigrationStep("queues", _faulty_queues, _renew_queues),
    MigrationStep("bindings", _old_bindings, _unbind, always=True),
    MigrationStep("collections", _unused_collections, _drop_collections),
    MigrationStep("indexes", _unused_indexes, _drop_indexes),
    MigrationStep(f"read-model-{CONTRACT_NUMBER}", _read_model, _rebuild, once=True),
)
"""In this order."""
