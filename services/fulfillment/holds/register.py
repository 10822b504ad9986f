"""
The register of legal holds, in Habeas' own database.

It knows a held person by keyed hashes of identities and of primary keys alone.
"""

import hmac
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from hashlib import sha256
from itertools import islice
from typing import Any

from services.fulfillment.erasure.steps import RecordName
from services.fulfillment.holds.check import EVERY_RECORD, NOTHING_HELD, HoldableRecord, LegalHold
from services.fulfillment.search.identities import Identities, plain
from shared.runtime.bulk_insert import Insertions
from shared.runtime.mongo import Database, Document, id_bytes, insert_new, translated
from shared.vocabulary import HoldScope

PURPOSE = b"legal holds"
"""Separates these hashes from those of retained records, which have the same key."""
RECORDS_PER_LOOK = 1_000


class LegalHolds:
    """The collections ``holds`` and ``held_records``."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep holds in *database*; *key* is that of the retained records."""
        self._holds = database["holds"]
        self._records = database["held_records"]
        self._insertions = Insertions(self._records)
        self._key = hmac.digest(key, PURPOSE, sha256)

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the legal holds"):
            await self._holds.create_index("standing", partialFilterExpression={"standing": True})
            await self._records.create_index("record")
            await self._records.create_index("hold")

    async def find(self, hold: str) -> LegalHold | None:
        """Return the hold with this id; None if there is none."""
        with translated("read a legal hold"):
            found = await self._holds.find_one({"_id": hold})
        return None if found is None else _hold(found)

    async def place(self, hold: LegalHold, people: Identities) -> None:
        """Register *hold*, of a person with the identities *people*; it may be repeated."""
        document = {
            "_id": hold.id,
            "scope": hold.scope.value,
            "request_id": hold.request_id,
            "matter": hold.matter,
            "by": hold.by,
            "until": hold.until and hold.until.isoformat(),
            "collection": hold.collection,
            "people": sorted(self._people(people)),
            "standing": True,
        }
        await insert_new(self._holds, [document])

    async def add_records(self, hold: str, records: Iterable[HoldableRecord]) -> None:
        """Register the person's *records* that *hold* keeps; it may be repeated."""
        for some in _portions(records):
            digests = {self._digest(record) for record in some}
            await self._insertions.add(
                [{"_id": f"{hold}/{one}", "hold": hold, "record": one} for one in digests]
            )

    async def lift(self, hold: str, by: str, reason: str) -> None:
        """End *hold*; it may be repeated."""
        ended = {"$set": {"standing": False, "lifted": [by, reason]}}
        with translated("lift a legal hold"):
            await self._holds.update_one({"_id": hold}, ended)
            await self._records.delete_many({"hold": hold})

    async def keeping(
        self, erasure: str, people: Identities, records: Iterable[HoldableRecord], day: date
    ) -> Container[RecordName]:
        """
        Return the records that holds keep on *day* from *erasure*, of a person with the identities *people*.

        The holds note the erasure, unless its id is empty.
        """
        with translated("read the legal holds"):
            found = [one async for one in self._holds.find({"standing": True})]
        standing = [one for one in found if _hold(one).stands_on(day)]
        if not standing:
            return NOTHING_HELD
        hashes = self._people(people)
        whole = [
            one["_id"]
            for one in standing
            if (one["request_id"] == erasure and one["scope"] != HoldScope.COLLECTION)
            or hashes & {*one["people"]}
        ]
        kept, by = (EVERY_RECORD, whole) if whole else await self._among(standing, records)
        if by and erasure:
            with translated("note a held erasure"):
                noted = {"$addToSet": {"erasures": erasure}}
                await self._holds.update_many({"_id": {"$in": list(by)}}, noted)
        return kept

    async def that_keep(self, erasure: str) -> tuple[str, ...]:
        """Return the standing holds that have noted *erasure*."""
        with translated("read the holds of an erasure"):
            found = self._holds.find({"standing": True, "erasures": erasure}, {"_id": 1}).sort("_id")
            return tuple([str(one["_id"]) async for one in found])

    async def _among(
        self, standing: Sequence[Document], records: Iterable[HoldableRecord]
    ) -> tuple[frozenset[RecordName], AbstractSet[str]]:
        """Return the held ones of *records*, and the holds that keep them."""
        held: set[RecordName] = set()
        by: set[str] = set()
        named = _by_name(standing)
        for some in _portions(records):
            of_people = await self._held_by_record(standing, some)
            for record in some:
                names = (record.key, *self._people(record.identities))
                holds = of_people.get(self._digest(record), set()).union(*(named.get(n, ()) for n in names))
                held |= {record.name} if holds else set()
                by |= holds
        return frozenset(held), by

    async def _held_by_record(
        self, standing: Sequence[Document], records: Sequence[HoldableRecord]
    ) -> Mapping[str, set[str]]:
        """Return the holds that were placed on a person with *records*, by the digest of the record."""
        people = [one["_id"] for one in standing if one["scope"] == HoldScope.PERSON]
        holds: defaultdict[str, set[str]] = defaultdict(set)
        if people:
            digests = [self._digest(record) for record in records]
            with translated("read the held records"):
                async for found in self._records.find({"record": {"$in": digests}, "hold": {"$in": people}}):
                    holds[found["record"]].add(found["hold"])
        return holds

    def _people(self, people: Identities) -> set[str]:
        return {
            self._hash(f"{name}\x00{plain(name, spelling)}".encode())
            for name, spellings in people.items()
            for spelling in spellings
        }

    def _digest(self, record: HoldableRecord) -> str:
        identity: list[Any] = [[path, value] for path, value in record.id.items()]
        return self._hash(id_bytes([record.key, *identity]))

    def _hash(self, content: bytes) -> str:
        return hmac.new(self._key, content, sha256).hexdigest()


def _by_name(standing: Sequence[Document]) -> Mapping[str, set[str]]:
    """Return the holds by the key of a collection, and by the hash of an identity."""
    holds: defaultdict[str, set[str]] = defaultdict(set)
    for one in standing:
        for name in (one["collection"], *one["people"]):
            holds[name].add(one["_id"])
    return holds


def _hold(document: Document) -> LegalHold:
    until, lifted = document["until"], document.get("lifted")
    return LegalHold(
        id=document["_id"],
        scope=HoldScope(document["scope"]),
        request_id=document["request_id"],
        matter=document["matter"],
        by=document["by"],
        until=until and date.fromisoformat(until),
        collection=document["collection"],
        lifted=None if lifted is None else (lifted[0], lifted[1]),
        erasures=tuple(document.get("erasures", ())),
    )


def _portions(records: Iterable[HoldableRecord]) -> Iterator[Sequence[HoldableRecord]]:
    rest = iter(records)
    while some := list(islice(rest, RECORDS_PER_LOOK)):
        yield some
