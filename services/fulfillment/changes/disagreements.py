"""
People who disagree with their data, and the cases with their statements.

The statement itself stays sealed with its case. This collection holds keyed hashes of the person's
identities, so that later answers about the person find it.
"""

from datetime import datetime
from typing import Final

from services.fulfillment.changes.suppressions import hashed
from services.fulfillment.search.identities import Identities
from shared.runtime.mongo import Database, insert_new, translated

DISAGREEMENTS_KEY: Final = "disagreements"
"""Purpose of the key of the hashes."""


class Disagreements:
    """The statements of one installation."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*; *key* makes the hashes."""
        self._disagreements = database["disagreements"]
        self._key = key

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the disagreements"):
            await self._disagreements.create_index("person")

    async def keep(self, case: str, identities: Identities, at: datetime) -> None:
        """
        Remember that *case* holds a statement of the person with *identities*. It may be repeated.

        Law:
            GDPR Art. 16: data is completed by a supplementary statement as well.
            11 CCR § 7023(f): if a correction is denied, the consumer's statement is kept with the data.
        """
        person = [value for _, value in hashed(identities, self._key)]
        await insert_new(self._disagreements, [{"_id": case, "person": person, "at": at}])

    async def of(self, identities: Identities) -> tuple[str, ...]:
        """Return the cases with statements of the person, oldest first."""
        person = [value for _, value in hashed(identities, self._key)]
        with translated("look for disagreements"):
            found = self._disagreements.find({"person": {"$in": person}}, {"_id": 1}).sort("at")
            return tuple([document["_id"] async for document in found])
