"""
Claims of letters, recorded before they are handed over, so that a crash in between is seen.

The row in the journal says that a letter was sent. A claim without a row is a letter in doubt. A letter is
named ``<case>:<event>``, by its case and by the event that called for it; its claim is found by the event.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from shared.runtime.dataloader import DataLoader
from shared.runtime.mongo import Database, ReturnDocument, insert_new, translated

KEEP = timedelta(days=30)
"""Far longer than a message is retried, and than mail servers take to give a letter back."""


class LetterClaims:
    """The claims of all notifiers."""

    def __init__(self, database: Database) -> None:
        """Keep claims in *database*."""
        self._claims = database["claims"]
        self._claim = DataLoader(self._insert)

    async def prepare(self) -> None:
        """Create the index by which old claims go."""
        with translated("index the claims"):
            await self._claims.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def claim(self, letter: str) -> bool:
        """Claim *letter*, durably; return whether it was not begun before."""
        return await self._claim(letter)

    async def release(self, letter: str) -> None:
        """Take back the claim of a *letter* that was surely not handed over."""
        with translated("release a claim"):
            await self._claims.delete_one({"_id": _event(letter)})

    async def put_off(self, letter: str, now: datetime) -> datetime:
        """Note that *letter* is not let in for now; return when that was first so."""
        with translated("note a letter that waits"):
            noted = await self._claims.find_one_and_update(
                {"_id": f"{_event(letter)}/full"},
                {"$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        at: datetime = noted["at"]
        return at

    async def case_of(self, event: str) -> str | None:
        """Return the case of the letter that *event* called for; None where none was begun, or long ago."""
        with translated("look up a claim"):
            claim = await self._claims.find_one({"_id": event})
        return claim["case"] if claim else None

    async def _insert(self, letters: Sequence[str]) -> Mapping[str, bool]:
        now = datetime.now(UTC)
        claims = [{"_id": _event(letter), "case": letter.partition(":")[0], "at": now} for letter in letters]
        begun = await insert_new(self._claims, claims)
        return {letter: _event(letter) not in begun for letter in letters}


def _event(letter: str) -> str:
    return letter.rpartition(":")[2]
