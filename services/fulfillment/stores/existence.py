"""
Separates collections that never existed from those that are gone.

A program may create a collection with its first document: until then it is empty. A collection that was seen
and is gone was dropped or renamed, and a search without it would be incomplete. A collection that was never
seen does not count as empty either if its database has none of the map's collections, since it may be another
database, or if an undeclared collection has nearly its name, since the name may be misspelt.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.domain import lacking_names
from services.fulfillment.stores.mongodb import Stores
from shared.contract.suggestions import nearest_word
from shared.errors import InvalidDataMap, StoreUnavailable
from shared.runtime.log import logger
from shared.runtime.metrics import gauge
from shared.runtime.mongo import Database, insert_new, translated
from shared.runtime.worker import work_forever

ALIKE = 0.8
"""Likeness of two names, of which one may be the other misspelt."""
LOOK_EVERY_S = 10.0
_MISSING = gauge(
    "habeas_missing_collections",
    "Collections that the data map names and the stores lack, and that do not count as empty.",
    "service",
)


class SeenCollectionsPort(Protocol):
    """The collections that were ever seen."""

    async def note(self, places: Iterable[CollectionPlace]) -> None:
        """Remember that there are collections at *places*."""

    async def seen(self, places: Collection[CollectionPlace]) -> frozenset[CollectionPlace]:
        """Return those of *places* at which there was a collection."""


@dataclass(frozen=True, slots=True)
class LackingCollections:
    """The collections of a map that the databases lack, by their keys."""

    missing: frozenset[str] = frozenset()
    """Collections that are gone, or may be: a search without them is incomplete."""
    absent: frozenset[str] = frozenset()
    """Collections that never existed: they count as empty."""


async def lacking_collections(
    data_map: DataMap, keys: Collection[str], stores: Stores, register: SeenCollectionsPort | None
) -> LackingCollections:
    """
    Return which collections *keys* of *data_map* are lacking; without a *register*, all of them are missing.

    Raises:
        StoreUnavailable: A store or the register did not answer.
        ConfigurationError: A store of the map has no URL.
    """
    places = {data_map.by_key[key].place: key for key in keys}
    gone = await stores.lacking(places)
    if register is None:
        return LackingCollections(frozenset(places[place] for place in gone))
    await register.note(places.keys() - gone)
    unseen = gone - await register.seen(gone) if gone else gone
    absent = frozenset([place for place in unseen if await _is_empty(place, data_map, stores)])
    return LackingCollections(
        frozenset(places[place] for place in gone - absent), frozenset(places[place] for place in absent)
    )


@dataclass(slots=True)
class MapReadiness:
    """Looks again and again whether the stores have the collections of the map: requests would be parked."""

    data_map: DataMap
    stores: Stores
    register: SeenCollectionsPort
    _problem: str = field(default="the data map is not compared with the stores yet", init=False)

    async def run(self) -> None:
        """Look for as long as the service runs."""
        delayed = "comparison of the data map with the stores delayed"
        await work_forever(self.look, service="fulfillment", delayed=delayed, every_s=LOOK_EVERY_S)

    async def look(self) -> None:
        """
        Compare map and stores.

        Raises:
            StoreUnavailable: A store did not answer; requests wait for it, so the service is ready.
        """
        by_key = self.data_map.by_key
        try:
            await self.stores.absent([one.place for one in by_key.values()])
            found = await lacking_collections(self.data_map, by_key.keys(), self.stores, self.register)
        except StoreUnavailable:
            self._problem = ""
            raise
        _MISSING.labels("fulfillment").set(len(found.missing))
        problem = lacking_names(found.missing) if found.missing else ""
        if problem and problem != self._problem:
            logger().error("collections are missing", service="fulfillment", reason=problem)
        self._problem = problem

    async def check(self) -> None:
        """Raise InvalidDataMap if a collection of the map is missing."""
        if self._problem:
            raise InvalidDataMap(self._problem)


async def _is_empty(place: CollectionPlace, data_map: DataMap, stores: Stores) -> bool:
    """Return whether the collection at *place*, of which no trace was seen, counts as empty."""
    beside = [one.name for one in data_map.collections if one.place[:2] == place[:2]]
    names = await stores.names(place)
    return not names.isdisjoint(beside) and nearest_word(place.name, names.difference(beside), ALIKE) is None


class NoSeenCollections:
    """The register of a process without a database of its own: it has seen no collection before."""

    async def note(self, places: Iterable[CollectionPlace]) -> None:
        """Remember nothing."""

    async def seen(self, places: Collection[CollectionPlace]) -> frozenset[CollectionPlace]:  # noqa: ARG002
        """Return no place."""
        return frozenset()


class SeenCollections:
    """The collection ``seen_collections``: a document for each collection of a store that was ever seen."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._seen = database["seen_collections"]
        self._noted: set[CollectionPlace] = set()

    async def note(self, places: Iterable[CollectionPlace]) -> None:
        """Remember that there are collections at *places*; only new ones are written."""
        fresh = set(places) - self._noted
        if fresh:
            now = datetime.now(UTC)
            await insert_new(self._seen, [{"_id": "/".join(place), "at": now} for place in sorted(fresh)])
            self._noted |= fresh

    async def seen(self, places: Collection[CollectionPlace]) -> frozenset[CollectionPlace]:
        """Return those of *places* at which there was a collection."""
        names = {"/".join(place): place for place in places}
        with translated("read the collections seen"):
            found = self._seen.find({"_id": {"$in": sorted(names)}}, {"_id": 1})
            return frozenset([names[document["_id"]] async for document in found])
