"""
The seals of a service: their key, and how long messages without a seal are believed after an upgrade.

The key follows from that of the service's audit chain, which its key ring has: a rotation changes neither.
A process without keys draws one, and keeps it in its database. Neither is known to the broker's accounts.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.contract.topology import inboxes
from shared.runtime.audit_keys import chain_keys
from shared.runtime.key_rings import KEY_BYTES, RootKey, derived_key
from shared.runtime.log import logger
from shared.runtime.message_origin import OriginSeals
from shared.runtime.mongo import Database, Document, ReturnDocument, translated
from shared.runtime.service_reports import reports_in

PURPOSE: Final = "origins of messages"
TRANSITION: Final = timedelta(hours=25)
"""
Time after the first start of this release in which messages without a seal are believed.

The longest wait for another try is ten minutes; replicas of the earlier release send messages round until
they are replaced, and the staff has a day to replay what these have parked.
"""
_KEY: Final = "key"
_UNSEALED: Final = "unsealed"


def seal_keys(root: RootKey, service: str) -> Sequence[bytes]:
    """
    Return the keys of the seals of *service*, the one that seals first.

    Raises:
        ConfigurationError: The key ring has no key of this service.
    """
    return tuple(derived_key(one, PURPOSE) for one in chain_keys(root, service))


class SealStore:
    """The part of the seals that an account keeps in its database."""

    def __init__(self, database: Database) -> None:
        """Keep it in *database*, the account's own."""
        self._database = database

    async def seals(self, service: str, root: RootKey | None, now: datetime) -> OriginSeals:
        """
        Return the seals of *service*; without a *root* key the account has no keys, and draws one.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        keys = (await self._drawn_key(),) if root is None else seal_keys(root, service)
        until = await self._unsealed_until(now)
        if now < until:
            reason = f"until {until.isoformat(timespec='seconds')}"
            logger().warning("messages without a seal are believed", service=service, reason=reason)
        return OriginSeals(service, keys, until)

    async def _drawn_key(self) -> bytes:
        return bytes((await self._once(_KEY, {"key": secrets.token_bytes(KEY_BYTES)}))["key"])

    async def _unsealed_until(self, now: datetime) -> datetime:
        """Return the end of the transition: *now* on a new installation, which has no earlier messages."""
        known = await self._find()
        if known is None:
            end = now + TRANSITION if await self._has_run_before() else now
            known = await self._once(_UNSEALED, {"until": end})
        # A row that was changed must not extend the transition beyond one.
        until: datetime = min(known["until"], now + TRANSITION)
        return until

    async def _find(self) -> Document | None:
        database = self._database
        with translated("read the transition of seals"):
            found: Document | None = await database["seals"].find_one({"_id": _UNSEALED})
        return found

    async def _has_run_before(self) -> bool:
        """Return whether a service of this account has handled an event, or reported, in this database."""
        database, reported = self._database, {"_id": {"$in": [*inboxes()]}}
        with translated("look for an earlier start"):
            row = await database["journal"].find_one({}, {"_id": 1})
            return row is not None or await reports_in(database).find_one(reported) is not None

    async def _once(self, name: str, content: Document) -> Document:
        """Keep *content* under *name*, unless something is there; return what is there."""
        database = self._database
        with translated("keep a part of the seals"):
            stored: Document = await database["seals"].find_one_and_update(
                {"_id": name}, {"$setOnInsert": content}, upsert=True, return_document=ReturnDocument.AFTER
            )
        return stored
