"""
How many copies a person was given within a year.

It must know people again that nothing else may remember. So it holds keyed hashes of what they are known by,
and no clear data; what is older than the year is deleted.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from services.fulfillment.search.identities import Identities, plain
from shared.mongo import Database, insert_new, translated

WINDOW = timedelta(days=365)
"""The GDPR names no length; Cal. Civ. Code § 1798.130(b) counts requests in periods of twelve months."""


class Copies:
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

    async def count(self, case: str, identities: Identities, at: datetime) -> int:
        """
        Note that *case* gives a copy; return how many the person was given within a year.

        The same case is counted once, however often this is repeated.

        Law:
            GDPR Art. 12(5): the first copy is free. Art. 15(3): for others a reasonable fee may be charged.
            Requests that are repeated may be excessive, which the controller has to show.
        """
        people = list(self._hashes(identities))
        noted = [{"_id": f"{person}/{case}", "person": person, "case": case, "at": at} for person in people]
        await insert_new(self._copies, noted)
        with translated("count copies"):
            await self._copies.delete_many({"at": {"$lte": at - WINDOW}})
            return len(await self._copies.distinct("case", {"person": {"$in": people}}))

    def _hashes(self, identities: Identities) -> Iterator[str]:
        for name, spellings in identities.items():
            for value in dict.fromkeys(plain(name, spelling) for spelling in spellings):
                yield hmac.new(self._key, f"{name}\x00{value}".encode(), sha256).hexdigest()
