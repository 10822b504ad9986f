"""
Facts that a listener is expected to handle, and what the watch remembers of them between two looks.

The watch keeps them in a database of its own, which the console reads and no service writes: what stands
there becomes orders to services.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Self

from shared.contract.topology import CONSOLE, LISTENS
from shared.portions import portions
from shared.runtime.accounts import UPKEEP
from shared.runtime.mongo import Client, DeleteMany, Document, UpdateOne, connect, translated, write_each
from shared.runtime.republication import FactSource, RepublicationOrder

STATE = {"_id": "journals"}
AT_ONCE = 1_000
"""Facts in one query."""


@dataclass(frozen=True, slots=True)
class ExpectedFact:
    """A published fact, and a service that listens to it."""

    listener: str
    id: str
    """Id of the event."""
    type: str
    case: str
    """The case in which the listener handles it."""
    request_id: str
    service: str
    """The service that has published it."""
    source: FactSource
    key: str
    """Id of the row or timer that it is published from."""
    at: datetime
    """When it was written down there."""

    @property
    def name(self) -> str:
        """Its identity."""
        return f"{self.listener} {self.id}"

    @property
    def order(self) -> RepublicationOrder:
        """The order to publish it again."""
        return RepublicationOrder(self.id, self.source, self.key)

    def document(self) -> Document:
        """Return it as it is stored."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Document) -> Self:
        """Return the fact in a *stored* document."""
        fields = {name: stored[name] for name in cls.__slots__}
        return cls(**{**fields, "source": FactSource(stored["source"])})


@dataclass(frozen=True, slots=True)
class WatchedFact:
    """A fact that was not handled at the last look."""

    fact: ExpectedFact
    seen_at: datetime
    stalled: bool = False
    """Whether it has stood for long."""
    parked: bool = False
    republished_at: datetime | None = None

    def document(self) -> Document:
        """Return it as it is stored."""
        return {
            **self.fact.document(),
            "seen_at": self.seen_at,
            "stalled": self.stalled,
            "parked": self.parked,
            "republished_at": self.republished_at,
        }

    @classmethod
    def read(cls, stored: Document) -> Self:
        """Return the fact in a *stored* document."""
        own = (stored[name] for name in ("seen_at", "stalled", "parked", "republished_at"))
        return cls(ExpectedFact.read(stored), *own)


class WatchState:
    """What the watch remembers, in its own database."""

    def __init__(self, client: Client, prefix: str) -> None:
        """Keep it in the database of upkeep; *prefix* begins the names of all."""
        database = client[f"{prefix}_{UPKEEP}"]
        self._facts = database["unhandled"]
        self._state = database["watch"]
        self._repairs = client[f"{prefix}_{CONSOLE}"]["repairs"]

    async def prepare(self) -> None:
        """Create the index of the console's list."""
        with translated("index facts that are not handled"):
            await self._facts.create_index([("stalled", 1), ("at", 1)])

    async def read(self) -> tuple[Document, list[WatchedFact]]:
        """Return the state of the last look, and the facts that were not handled then."""
        with translated("read facts that are not handled"):
            state = await self._state.find_one(STATE) or {}
            return state, [WatchedFact.read(one) async for one in self._facts.find()]

    async def write(self, before: Iterable[WatchedFact], after: Iterable[WatchedFact]) -> None:
        """Store what differs between *before* and *after*."""
        old, new = ({one.fact.name: one for one in some} for some in (before, after))
        changes = [
            UpdateOne({"_id": name}, {"$set": one.document()}, upsert=True)
            for name, one in new.items()
            if old.get(name) != one
        ]
        gone = [DeleteMany({"_id": {"$in": [*(old.keys() - new.keys())]}})]
        await write_each(self._facts, [*changes, *gone])

    async def compared(self, to: datetime, *, late: bool) -> None:
        """Record that rows were compared *to* a moment, *late* ones too."""
        marks = {"compared_to": to} | ({"late_at": to} if late else {})
        with translated("record a comparison"):
            await self._state.update_one(STATE, {"$set": marks}, upsert=True)

    async def queues_created(self, queues: Iterable[str], at: datetime) -> None:
        """Record that *queues* were created: messages of before are not in them."""
        marks = {f"queues.{name}": at for name in queues if name in LISTENS}
        if marks:
            with translated("record new queues"):
                await self._state.update_one(STATE, {"$set": marks}, upsert=True)

    async def without_discarded(self, facts: Sequence[ExpectedFact]) -> list[ExpectedFact]:
        """Return *facts* without those whose message to the listener the staff has discarded."""
        discarded: set[tuple[str, str]] = set()
        for some in portions(facts, AT_ONCE):
            wanted = {"message": {"$in": [one.id for one in some]}, "action": "discard"}
            with translated("read the repairs"):
                found = await self._repairs.find(wanted, {"message": 1, "service": 1}).to_list(None)
            discarded |= {(one["service"], one["message"]) for one in found}
        return [one for one in facts if (one.listener, one.id) not in discarded]


async def note_new_queues(mongo_url: str, prefix: str, created: Sequence[str]) -> bool:
    """
    Record for the watch that queues were *created*; return whether the installation has had requests.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with closing(connect(mongo_url, app_name="habeas topology")) as client:
        await WatchState(client, prefix).queues_created(created, datetime.now(UTC))
        with translated("look for requests"):
            return await client[f"{prefix}_intake"]["journal"].find_one({}, {"_id": 1}) is not None
