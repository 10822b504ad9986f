"""
How many copies a person was given within a year.

It must know people again that nothing else may remember. So it holds keyed hashes of what they are known by,
and no clear data; what is older than the year is deleted.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities, plain
from shared.law import GivenCopies
from shared.runtime.mongo import Database, Document, insert_new, to_bson, translated

WINDOW = timedelta(days=365)
"""The GDPR names no length; Cal. Civ. Code § 1798.130(b) counts requests in periods of twelve months."""


class CopyCounter:
    """The copies that one installation has given."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Remember in *database*; people are hashed with *key*."""
        self._copies = database["copies"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the copies"):
            await self._copies.create_index("person")
            await self._copies.create_index("at")

    async def given(self, case: str, identities: Identities, at: datetime, content: bytes) -> GivenCopies:
        """
        Return the copies, of known content, that cases but *case* gave the person within a year.

        Args:
            case: The one that would give another.
            identities: Who the person is.
            at: When.
            content: What that copy would hold (:func:`content_of`).
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
        Note that *case* gives a copy; return how many the person was given within a year.

        The same case is counted once, however often this is repeated. Only a copy of known
        *content* can make another one cost something.

        Law:
            GDPR Art. 12(5): the first copy is free. Art. 15(3): for others a reasonable fee may be charged.
            Requests that are repeated may be excessive, which the controller has to show.
        """
        people = list(self._hashes(identities))
        held = {"content": self._keyed(content)} if content else {}
        noted = [{"_id": f"{person}/{case}", "person": person, "case": case, "at": at} for person in people]
        await insert_new(self._copies, [one | held for one in noted])
        with translated("count copies"):
            await self._copies.delete_many({"at": {"$lte": at - WINDOW}})
            return len(await self._copies.distinct("case", {"person": {"$in": people}}))

    def _hashes(self, identities: Identities) -> Iterator[str]:
        for name, spellings in identities.items():
            for value in dict.fromkeys(plain(name, spelling) for spelling in spellings):
                yield self._keyed(f"{name}\x00{value}".encode())

    def _keyed(self, content: bytes) -> str:
        return hmac.new(self._key, content, sha256).hexdigest()


def content_of(findings: Findings) -> bytes:
    """Return what is the same for the same records of a person, in whatever order they were found."""
    total = 0
    for found in findings.found:
        record = found.collection.key.encode() + b"\x00" + to_bson(found.disclosed)
        total += int.from_bytes(sha256(record).digest())
    return (total % (1 << 256)).to_bytes(32)
