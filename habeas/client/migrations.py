"""
The steps that an upgrade leaves to do once all services run the new release.

Each step says what it would change, and is done only if that is something. Steps that leave no trace of their
own are recorded in `migrations`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from habeas.client import read_model
from shared.contract import topology
from shared.contract.contract_version import CONTRACT_NUMBER
from shared.runtime.broker import QueueFault, declare, delete_idle_queue, queue_faults, unbind
from shared.runtime.mongo import Client, Collection, translated

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

    @property
    def done(self) -> Collection:
        """The record of steps that were done."""
        database = self.client[f"{self.prefix}_migrations"]
        return database["migrations"]


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


@dataclass(frozen=True, slots=True)
class Migration:
    """A step with what it changes, or has changed."""

    step: str
    changes: Sequence[str]


async def migrations(at: MigratedInstallation, *, dry_run: bool) -> AsyncIterator[Migration]:
    """
    Do each step that is needed, unless *dry_run*, and yield it; it may be stopped and repeated.

    Raises:
        StoreUnavailable: The database does not answer.
        BrokerUnavailable: The broker does not answer.
        ConfigurationError: A queue that must be replaced is in use.
    """
    with translated("read which migrations were done"):
        done = {one["_id"] async for one in at.done.find()}
    for step in STEPS:
        if step.name in done or not (changes := await step.changes(at)):
            continue
        if not dry_run:
            await step.act(at)
            await _record(step, at)
        yield Migration(step.name, changes)


async def _record(step: MigrationStep, at: MigratedInstallation) -> None:
    if step.once:
        mark = {"$setOnInsert": {"at": datetime.now(UTC)}}
        with translated("record a migration"):
            await at.done.update_one({"_id": step.name}, mark, upsert=True)


async def _faulty_queues(at: MigratedInstallation) -> list[str]:
    return [f"queue {name}: {fault}" for name, fault in (await queue_faults(at.amqp_url)).items()]


async def _renew_queues(at: MigratedInstallation) -> None:
    for name, fault in (await queue_faults(at.amqp_url)).items():
        if fault is QueueFault.OTHER_ARGUMENTS:
            await delete_idle_queue(at.amqp_url, name)
    await declare(at.amqp_url, console=True)


async def _old_bindings(_at: MigratedInstallation) -> list[str]:
    return [f"{queue}: {type_}" for queue, types in topology.OBSOLETE.items() for type_ in types]


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
        intake = at.client[f"{at.prefix}_intake"]
        row = await intake["journal"].find_one({}, {"_id": 1})
    return [] if row is None else ["the console's lists of cases are built anew from the journals"]


async def _rebuild(at: MigratedInstallation) -> None:
    await read_model.rebuild(at.mongo_url, at.prefix, at.zone)


STEPS = (
    MigrationStep("queues", _faulty_queues, _renew_queues),
    MigrationStep("bindings-1", _old_bindings, _unbind, once=True),
    MigrationStep("collections", _unused_collections, _drop_collections),
    MigrationStep("indexes", _unused_indexes, _drop_indexes),
    MigrationStep(f"read-model-{CONTRACT_NUMBER}", _read_model, _rebuild, once=True),
)
"""In this order."""
