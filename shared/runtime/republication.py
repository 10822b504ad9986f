"""
Republication: a service publishes facts again, from its own journal, timers and publications without a row.

They keep the ids they have.

An operator orders it in the service's database, by the ids of events that a listener has not handled
(:mod:`habeas.client.unhandled_facts`). An order names a fact, and has none of its content: it can cause a
repetition, and nothing else. It is there until the broker has confirmed the fact, so a crash loses no order.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson

from shared.contract.envelope import decode
from shared.contract.events import Fact
from shared.errors import HabeasError
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.journal import Journal
from shared.runtime.log import logger
from shared.runtime.mongo import Database, Document, UpdateOne, translated, write_each
from shared.runtime.retry_policy import REPUBLISHED
from shared.runtime.scheduler import Timers
from shared.runtime.service import messages_of
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 5.0
PUBLICATIONS_KEPT = timedelta(days=30)
"""Time in which a fact without a row can be published again."""
MOST_AT_ONCE = 500


class FactSource(StrEnum):
    """The collection of a service that a fact is published from."""

    JOURNAL = "journal"
    TIMERS = "timers"
    PUBLICATIONS = "publications"
    """Facts without a row."""


@dataclass(frozen=True, slots=True)
class RepublicationOrder:
    """A fact that its service is to publish again."""

    id: str
    """Id of its event."""
    source: FactSource
    key: str
    """Id of its row, timer or publication."""


class Publications:
    """The facts that a service has published without a row, for as long as one may be lost."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*, the service's own."""
        self._facts = database["publications"]

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index publications"):
            await self._facts.create_index("at", expireAfterSeconds=int(PUBLICATIONS_KEPT.total_seconds()))
            await self._facts.create_index("case")

    async def add(self, messages: Sequence[Message], at: datetime) -> None:
        """Keep *messages*; it may be repeated. Raises StoreUnavailable if the database does not answer."""
        changes = [
            UpdateOne({"_id": one.message_id}, {"$setOnInsert": _stored(one, at)}, upsert=True)
            for one in messages
        ]
        await write_each(self._facts, changes)

    async def since(self, moment: datetime) -> AsyncIterator[tuple[str, Fact, datetime]]:
        """Yield the facts from *moment* on that read, with id and moment; raises StoreUnavailable."""
        with translated("read publications"):
            async for one in self._facts.find({"at": {"$gte": moment}}):
                if (fact := _fact(one)) is not None:
                    yield one["_id"], fact, one["at"]

    async def messages(self, ids: Sequence[str]) -> list[Message]:
        """Return the messages of *ids* that are there; raises StoreUnavailable."""
        with translated("read publications"):
            found = await self._facts.find({"_id": {"$in": list(ids)}}).to_list(None)
        return [
            Message(Fact.EXCHANGE, one["routing_key"], one["body"], one["_id"], one["content_type"])
            for one in found
        ]


def _stored(message: Message, at: datetime) -> Document:
    case = orjson.loads(message.body)["correlationid"]
    kept = {"routing_key": message.routing_key, "body": message.body, "content_type": message.content_type}
    return {"case": case, **kept, "at": at}


def _fact(stored: Document) -> Fact | None:
    """Return the fact that is *stored*; None if this version cannot read it."""
    try:
        kind = stored["content_type"]
        event = decode(stored["body"], exchange=Fact.EXCHANGE, content_type=kind, headers={}).event
    except (HabeasError, KeyError, TypeError, ValueError):
        return None
    return event if isinstance(event, Fact) else None


@dataclass(frozen=True, slots=True)
class RecordedPublisher:
    """Publishes facts that have no row, and records them before: one that is lost is published again."""

    database: Database
    publisher: EventPublisher

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish as :class:`EventPublisher` says. Raises StoreUnavailable if they cannot be recorded."""
        facts = [one for one in messages if one.exchange == Fact.EXCHANGE]
        await Publications(self.database).add(facts, datetime.now(UTC))
        await self.publisher.publish(messages)


class Republications:
    """The orders to one service."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*, the service's own."""
        self._orders = database["republications"]

    async def add(self, orders: Sequence[RepublicationOrder]) -> None:
        """Add *orders*; it may be repeated. Raises StoreUnavailable if the database does not answer."""
        await write_each(
            self._orders,
            [
                UpdateOne({"_id": one.id}, {"$set": {"source": one.source, "key": one.key}}, upsert=True)
                for one in orders
            ],
        )

    async def pending(self, most: int = MOST_AT_ONCE) -> list[RepublicationOrder]:
        """
        Return up to *most* orders; those that are none are removed, for they would hold up the others.

        Raises StoreUnavailable if the database does not answer.
        """
        with translated("read orders to publish again"):
            found = await self._orders.find().to_list(most)
            spoilt = [one["_id"] for one in found if not _is_order(one)]
            if spoilt:
                await self._orders.delete_many({"_id": {"$in": spoilt}})
                logger().error("orders to publish again do not read, and are removed", count=len(spoilt))
        orders = [one for one in found if _is_order(one)]
        return [RepublicationOrder(one["_id"], FactSource(one["source"]), one["key"]) for one in orders]

    async def count(self) -> int:
        """Return the number of orders. Raises StoreUnavailable if the database does not answer."""
        with translated("count orders to publish again"):
            return await self._orders.count_documents({})

    async def remove(self, orders: Sequence[RepublicationOrder]) -> None:
        """Remove *orders*; it may be repeated. Raises StoreUnavailable if the database does not answer."""
        with translated("remove orders to publish again"):
            await self._orders.delete_many({"_id": {"$in": [one.id for one in orders]}})


def _is_order(stored: Document) -> bool:
    """Return whether *stored* is an order; texts alone, for another value could match more than one row."""
    texts = (stored["_id"], stored.get("source"), stored.get("key"))
    return all(isinstance(one, str) for one in texts) and stored["source"] in {*FactSource}


@dataclass(slots=True)
class Republisher:
    """Carries out the orders to *service*, in each of its replicas."""

    service: str
    journal: Journal
    publisher: EventPublisher
    _prepared: bool = False

    async def run(self) -> None:
        """Carry them out, for ever; an outage only delays it."""
        delayed = "facts are published again later"
        await work_forever(self.work, service=self.service, delayed=delayed, every_s=LOOK_EVERY_S)

    async def work(self) -> bool:
        """
        Carry out orders; return whether there were some.

        A purged case has no rows and no timers left: an order about it publishes nothing.
        """
        if not self._prepared:
            await Publications(self.journal.database).prepare()
            self._prepared = True
        orders = Republications(self.journal.database)
        pending = await orders.pending()
        if not pending:
            return False
        messages = await self._messages(pending)
        await self.publisher.publish(messages)
        timers = [one.key for one in pending if one.source is FactSource.TIMERS]
        if timers:
            await Timers(self.journal.database).publish_again(timers)
        await orders.remove(pending)
        logger().info("facts published again", service=self.service, facts=len(messages) + len(timers))
        return True

    async def _messages(self, orders: Sequence[RepublicationOrder]) -> list[Message]:
        """
        Return the ordered messages.

        Their header keeps a listener that knows them from publishing its own facts again: those that are
        missing somewhere have orders of their own.
        """
        ids = {one.id for one in orders}
        keys = {one.key for one in orders if one.source is FactSource.JOURNAL}
        rows = await self.journal.rows(keys) if keys else []
        found = [one for row in rows for one in messages_of(row, self.service) if one.message_id in ids]
        others = [one.key for one in orders if one.source is FactSource.PUBLICATIONS]
        found += await Publications(self.journal.database).messages(others) if others else []
        return [replace(message, headers={REPUBLISHED: True}) for message in found]
