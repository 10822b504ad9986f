"""
Which letters were begun: claimed before they are handed over, so that a crash in between is seen.

The row in the journal says that a letter was sent. A claim without a row is a letter in doubt.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from shared.coalescing import Coalescer
from shared.mongo import Database, insert_new, translated

KEEP = timedelta(days=30)
"""Far longer than a message is retried."""


class Claims:
    """The claims of all notifiers."""

    def __init__(self, database: Database) -> None:
        """Keep claims in *database*."""
        self._claims = database["claims"]
        self._claim = Coalescer(self._insert)

    async def prepare(self) -> None:
        """Create the index by which old claims go."""
        with translated("index the claims"):
            await self._claims.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def claim(self, letter: str) -> bool:
        """Claim *letter*, durably; return whether nobody had begun it before."""
        return await self._claim(letter)

    async def release(self, letter: str) -> None:
        """Take back the claim of a *letter* that was surely not handed over."""
        with translated("release a claim"):
            await self._claims.delete_one({"_id": letter})

    async def _insert(self, letters: Sequence[str]) -> Mapping[str, bool]:
        now = datetime.now(UTC)
        begun = await insert_new(self._claims, [{"_id": letter, "at": now} for letter in letters])
        return {letter: letter not in begun for letter in letters}
