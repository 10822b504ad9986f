"""
When to look again at old cases that may not be purged yet: each hour examines what is due, and no other case.

A case is examined once when its beginning is as old as the retention period. One that stays has its next
date here: the day on which it may go, or, while the reason to retain it has no end, some weeks later. A row
that is added to its journal, as when a hold is lifted, has it examined with the next look.
"""

import random
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from shared.portions import in_portions
from shared.runtime.mongo import Database, Document, ReplaceOne, Session, translated

AT_ONCE = 100
"""Cases that are examined together."""
BEGAN = "began"
"""Index of the first rows of cases: a purged case has none."""
SEEN, MOVED = "_began", "_moved"
"""Names of the documents with the moments up to which beginnings and later rows were examined."""
PERIOD = "_period"
"""Name of the document with the retention period that the dates follow."""
LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
SELDOM = timedelta(days=30)
"""How often, on average, a case is looked at whose reason to be retained has no end."""
OVERLAP = timedelta(hours=2)
"""Rows as old as this may have become durable since the last look."""


class PurgeDates:
    """The collection ``purge_dates``."""

    def __init__(self, database: Database) -> None:
        """Keep it in *database*, that of intake."""
        self._dates = database["purge_dates"]
        self._rows = database["journal"]

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the dates of purges"):
            await self._rows.create_index("at", name=BEGAN, partialFilterExpression={"n": 0})
            await self._dates.create_index("look_at", sparse=True)

    async def due(self, before: datetime, now: datetime) -> AsyncIterator[list[str]]:
        """Yield the cases to examine *now*, in batches; those that began *before* a moment are old."""
        async for page in in_portions(self._grown_old(before), AT_ONCE):
            yield page
        await self._reached(SEEN, before)
        async for page in in_portions(self._come_due(now), AT_ONCE):
            yield page
        async for page in self._moved(await self._until(MOVED, now) - OVERLAP):
            yield page
        await self._reached(MOVED, now)

    async def follow(self, months: int, now: datetime) -> None:
        """Have all cases with a date examined *now* if the retention period was not of *months* before."""
        with translated("apply the retention period to dates of cases"):
            noted = await self._dates.find_one({"_id": PERIOD})
            if noted is None or noted["months"] != months:
                await self._dates.update_many({"look_at": {"$gt": now}}, {"$set": {"look_at": now}})
                await self._dates.update_one({"_id": PERIOD}, {"$set": {"months": months}}, upsert=True)

    async def look_again(self, moments: Mapping[str, datetime]) -> None:
        """Have each case examined again at its moment; it may be repeated."""
        changes = [
            ReplaceOne({"_id": case}, {"_id": case, "look_at": at}, upsert=True)
            for case, at in moments.items()
        ]
        if changes:
            with translated("write the next dates of cases"):
                await self._dates.bulk_write(changes, ordered=False)

    async def forget(self, cases: Iterable[str], session: Session | None = None) -> None:
        """Remove the dates of *cases*; it may be repeated."""
        with translated("remove the dates of cases"):
            await self._dates.delete_many({"_id": {"$in": list(cases)}}, session=session)

    async def _grown_old(self, before: datetime) -> AsyncIterator[str]:
        """Yield the cases whose beginning has become older than the retention since the last look."""
        began: Document = {"n": 0, "at": {"$gte": await self._until(SEEN, LONG_AGO), "$lt": before}}
        with translated("find old cases"):
            rows = self._rows.find(began, {"case": 1}, batch_size=AT_ONCE)
            async for document in rows.hint(BEGAN):
                yield document["case"]

    async def _come_due(self, now: datetime) -> AsyncIterator[str]:
        with translated("find cases that are due"):
            found = self._dates.find({"look_at": {"$lte": now}}, {"_id": 1}, batch_size=AT_ONCE)
            async for document in found:
                yield document["_id"]

    async def _moved(self, since: datetime) -> AsyncIterator[list[str]]:
        """Yield the old cases with a row *since* the last look."""
        stages: list[Document] = [{"$match": {"at": {"$gte": since}}}, {"$group": {"_id": "$case"}}]
        with translated("find cases with new rows"):
            moved = self._rows.aggregate(stages, allowDiskUse=True)
            async for page in in_portions((document["_id"] async for document in moved), AT_ONCE):
                known = self._dates.find({"_id": {"$in": list(page)}}, {"_id": 1})
                if old := [document["_id"] async for document in known]:
                    yield old

    async def _until(self, name: str, first: datetime) -> datetime:
        """Return the moment up to which cases were examined; *first* before the first time."""
        with translated("read up to when cases were examined"):
            mark = await self._dates.find_one({"_id": name})
        return mark["until"] if mark else first

    async def _reached(self, name: str, moment: datetime) -> None:
        with translated("write up to when cases were examined"):
            await self._dates.update_one({"_id": name}, {"$max": {"until": moment}}, upsert=True)


def some_weeks_after(now: datetime) -> datetime:
    """Return a moment that differs from case to case: so not all are due in one hour."""
    return now + SELDOM * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
