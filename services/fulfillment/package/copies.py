"""
The number of copies that a person got within a year.

It outlives the case, so it holds keyed hashes of identities and no clear data; entries older than a year are
deleted, at the first copy of a day.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TypeAlias

from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities, plain
from shared.law import GivenCopies
from shared.runtime.bulk_insert import Insertions
from shared.runtime.dataloader import DataLoader
from shared.runtime.mongo import Database, Document, create_compressed, to_bson, translated

WINDOW = timedelta(days=365)
"""The GDPR states no period; Cal. Civ. Code § 1798.130(b) counts requests in periods of twelve months."""


_Counted: TypeAlias = tuple[tuple[str, ...], datetime]
"""The hashes of a person's identities, and the time since which copies count."""


class CopyCounter:
    """The copies given by one installation."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep counts in *database*; identities are hashed with *key*."""
        self._copies = database["copies"]
        self._key = key
        self._insertions = Insertions(self._copies)
        self._cases_of: DataLoader[_Counted, int] = DataLoader(self._count_cases)
        self._deleted_on: date | None = None

    async def prepare(self) -> None:
        """Create the indexes."""
        await create_compressed(self._copies)
        with translated("index the copies"):
            await self._copies.create_index("person")
            await self._copies.create_index("at")

    async def given(self, case: str, identities: Identities, at: datetime, content: bytes) -> GivenCopies:
        """
        Return the copies with known content that other cases than *case* gave the person within a year.

        They are compared with the fingerprint of the new copy's *content* (:func:`content_of`).
        """
        person = {"$in": list(self._hashes(identities))}
        others: Document = {"person": person, "case": {"$ne": case}, "at": {"$gt": at - WINDOW}}
        with translated("look for copies"):
            total = await self._copies.distinct("case", others | {"content": {"$exists": True}})
            same = await self._copies.distinct("case", others | {"content": self._keyed(content)})
        return GivenCopies(len(total), len(same))

    async def count(
        self, case: str, identities: Identities, at: datetime, content: bytes | None = None
    ) -> int:
        """
        Register a copy by *case*; return the number of the person's copies within a year.

        A case is counted once, even if this is repeated. Only a copy with known *content* can make another
        one cost a fee.

        Law:
            GDPR Art. 12(5): the first copy is free. Art. 15(3): for others a reasonable fee may be charged.
            Repeated requests may be excessive, which the controller has to show.
        """
        people = tuple(self._hashes(identities))
        noted = {"case": case, "at": at} | ({"content": self._keyed(content)} if content else {})
        await self._insertions.add([{"_id": f"{one}/{case}", "person": one} | noted for one in people])
        await self._delete_old(at)
        return await self._cases_of((people, at - WINDOW))

    async def _delete_old(self, at: datetime) -> None:
        """Delete entries older than a year, once a day."""
        if self._deleted_on != at.date():
            with translated("delete old copies"):
                await self._copies.delete_many({"at": {"$lte": at - WINDOW}})
            self._deleted_on = at.date()

    async def _count_cases(self, counted: Sequence[_Counted]) -> Mapping[_Counted, int]:
        """Return the number of cases that gave each of *counted* a copy."""
        people = sorted({person for hashes, _ in counted for person in hashes})
        cases: defaultdict[str, list[tuple[str, datetime]]] = defaultdict(list)
        with translated("count copies"):
            async for entry in self._copies.find({"person": {"$in": people}}):
                cases[entry["person"]].append((entry["case"], entry["at"]))
        return {
            (hashes, since): len({case for one in hashes for case, at in cases[one] if at > since})
            for hashes, since in counted
        }

    def _hashes(self, identities: Identities) -> Iterator[str]:
        named = ((name, spelling) for name, spellings in identities.items() for spelling in spellings)
        forms = dict.fromkeys((name, plain(name, spelling)) for name, spelling in named)
        return (self._keyed(f"{name}\x00{value}".encode()) for name, value in forms)

    def _keyed(self, content: bytes) -> str:
        return hmac.new(self._key, content, sha256).hexdigest()


def content_of(findings: Findings) -> bytes:
    """Return a fingerprint that equal records of a person share, in any order."""
    total = 0
    for found in findings.found:
        record = found.collection.key.encode() + b"\x00" + to_bson(found.disclosed)
        total += int.from_bytes(sha256(record).digest())
    return (total % (1 << 256)).to_bytes(32)
