"""
Who disagrees with what is held about them, and in which case their statement lies.

The statement itself stays sealed with its case. Here are keyed hashes of what the person is known by, so that
whoever answers about the person finds it.
"""

from datetime import datetime
from typing import Final

from services.fulfillment.changes.stop_list import hashed
from services.fulfillment.search.identities import Identities
from shared.runtime.mongo import Database, insert_new, translated

PURPOSE: Final = "disagreements"
"""What the key of the hashes is derived for."""


class Disagreements:
    """The statements of one installation."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Remember in *database*; *key* makes the hashes."""
        self._disagreements = database["disagreements"]
        self._key = key

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the disagreements"):
            await self._disagreements.create_index("person")

    async def keep(self, case: str, identities: Identities, at: datetime) -> None:
        """
        Remember that *case* holds a statement of the person whom *identities* name. May be repeated.

        Law:
            GDPR Art. 16: data is completed by a supplementary statement as well.
            11 CCR § 7023(f): where a correction is denied, the consumer's statement is kept with the data.
        """
        person = [value for _, value in hashed(identities, self._key)]
        await insert_new(self._disagreements, [{"_id": case, "person": person, "at": at}])

    async def of(self, identities: Identities) -> tuple[str, ...]:
        """Return the cases in which statements of the person lie, oldest first."""
        person = [value for _, value in hashed(identities, self._key)]
        with translated("look for disagreements"):
            found = self._disagreements.find({"person": {"$in": person}}, {"_id": 1}).sort("at")
            return tuple([document["_id"] async for document in found])
