"""
Groups of requests, defined by controllers.

Stored by a keyed hash: a controller's name for a group may be a person's.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from services.intake.channels.opendsr.controllers import ListedController
from shared.runtime.mongo import Database, translated

KEEP = timedelta(days=2 * 365)
"""The shortest retention of a request's record (docs/reference/register.md)."""
MOST = 1_000
"""Requests of one group in an answer."""


class RequestGroups:
    """The groups of requests."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*, hashed with *key*."""
        self._groups = database["opendsr_groups"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index groups of requests"):
            await self._groups.create_index("group")
            await self._groups.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def add(self, controller: ListedController, group: str, request_id: str, at: datetime) -> None:
        """Add a request to *group*; adding it again has no effect."""
        fresh = {"group": self._hashed(controller, group), "at": at}
        with translated("add to a group of requests"):
            await self._groups.update_one({"_id": request_id}, {"$setOnInsert": fresh}, upsert=True)

    async def of(self, controller: ListedController, group: str) -> list[str]:
        """Return the ids of the requests of *group*, oldest first."""
        with translated("read a group of requests"):
            found = self._groups.find({"group": self._hashed(controller, group)})
            return [str(one["_id"]) async for one in found.sort("at", 1).limit(MOST)]

    def _hashed(self, controller: ListedController, group: str) -> str:
        return hmac.new(self._key, f"{controller.source} {group}".encode(), sha256).hexdigest()
