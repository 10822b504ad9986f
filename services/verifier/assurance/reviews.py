"""Projection of the requests with a proof for the staff to review: listing them reads no decided ones."""

from collections.abc import Sequence

from services.verifier.domain import ProofSpent
from shared.contract.events import IdentityReviewNeeded
from shared.runtime.journal import JournalRow
from shared.runtime.mongo import Database, DeleteOne, UpdateOne, translated


class ReviewQueue:
    """The collection ``reviews``: at least the requests that wait for the staff."""

    def __init__(self, database: Database) -> None:
        """Keep it in *database*."""
        self._reviews = database["reviews"]

    async def follow(self, rows: Sequence[JournalRow]) -> None:
        """Add and remove requests as committed *rows* say; it may be repeated."""
        waits = {row.case: wait for row in rows if (wait := _waits_after(row)) is not None}
        if not waits:
            return
        changes = [
            UpdateOne({"_id": case}, {"$set": {}}, upsert=True) if wait else DeleteOne({"_id": case})
            for case, wait in waits.items()
        ]
        with translated("follow the reviews"):
            await self._reviews.bulk_write(changes, ordered=False)

    async def cases(self) -> list[str]:
        """Return the requests that may wait; some of them may be decided."""
        with translated("read the reviews"):
            return [document["_id"] async for document in self._reviews.find()]


def _waits_after(row: JournalRow) -> bool | None:
    """Return whether a review is needed after *row*; None where it says nothing about it."""
    if row.is_last or any(isinstance(fact, ProofSpent) and fact.reviewed for fact in row.facts):
        return False
    return True if any(isinstance(fact, IdentityReviewNeeded) for fact in row.facts) else None
