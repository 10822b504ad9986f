"""
The index of requesters: the cases of a mailbox.

The entry of a case has the mailboxes of its requester and agent, as keyed hashes. It is written at
registration and removed with the case. Cases from before the index get theirs once, from the sealed requests.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from services.intake.cases.sealed_content import sealed_request
from shared.contract.events import RequestSubmitted
from shared.contract.ports import VaultPort
from shared.errors import Destroyed, Sealed
from shared.matching import mailbox
from shared.runtime.dataloader import DataLoader
from shared.runtime.mongo import Database, Document, Session, create_compressed, insert_new, translated
from shared.runtime.worker import work_forever

MOST_FOUND = 100
"""Cases that a search returns, at most."""
FILLED = "filled"
"""Id of the document that says that older cases have their entries; no case is called so."""
AT_ONCE = 100
LOOK_EVERY_S = 3600.0
RETRY_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class RequesterEntry:
    """The entry of a case."""

    case: str
    hashes: tuple[str, ...]
    at: datetime


async def forget_requesters(database: Database, cases: Sequence[str], session: Session) -> None:
    """Remove the entries of purged *cases*, within the transaction of *session*."""
    await database["requesters"].delete_many({"_id": {"$in": list(cases)}}, session=session)


class RequesterIndex:
    """The collection ``requesters``."""

    def __init__(self, database: Database, vault: VaultPort, key: bytes) -> None:
        """Keep it in *database*; *vault* has the requests of older cases, *key* is hashed with."""
        self._entries = database["requesters"]
        self._rows = database["journal"]
        self._vault = vault
        self._key = key
        self._add: DataLoader[RequesterEntry, None] = DataLoader(self._add_all)

    async def prepare(self) -> None:
        """Create the index."""
        await create_compressed(self._entries)
        with translated("index the requesters"):
            await self._entries.create_index([("mailboxes", 1), ("at", -1)])

    async def add(self, case: str, request: RequestSubmitted, at: datetime) -> None:
        """Add the entry of *case*, received *at*; it may be repeated."""
        if entry := self._entry(case, request, at):
            await self._add(entry)

    async def cases_of(self, address: str) -> list[str]:
        """Return the cases with the mailbox *address*, the newest first, :data:`MOST_FOUND` at most."""
        with translated("search the requesters"):
            found = self._entries.find({"mailboxes": self.hashed(address)}, {"_id": 1}).sort("at", -1)
            return [one["_id"] async for one in found.limit(MOST_FOUND)]

    async def run(self) -> None:
        """Add the entries of older cases once; an outage only delays it."""
        await work_forever(
            self.fill,
            service="intake",
            delayed="index of requesters delayed",
            every_s=LOOK_EVERY_S,
            retry_s=lambda _: RETRY_EVERY_S,
        )

    async def fill(self) -> None:
        """Add the missing entries of all cases, unless it was done before."""
        with translated("read the requesters"):
            if await self._entries.find_one({"_id": FILLED}):
                return
        async for page in self._begun():
            await self._fill(page)
        await insert_new(self._entries, [{"_id": FILLED}])

    async def _begun(self) -> AsyncIterator[Mapping[str, datetime]]:
        """Yield, in batches, all cases with the moments of their first rows."""
        page: dict[str, datetime] = {}
        with translated("read the first rows"):
            rows = self._rows.find({"n": 0}, {"case": 1, "at": 1}, batch_size=AT_ONCE)
            async for row in rows.hint("began"):
                page[row["case"]] = row["at"]
                if len(page) == AT_ONCE:
                    yield page
                    page = {}
        yield page

    async def _fill(self, begun: Mapping[str, datetime]) -> None:
        """Add the missing entries of the cases *begun*; those of cases purged meanwhile go again."""
        known = await self._present(begun)
        missing = [case for case in begun if case not in known]
        read = await asyncio.gather(*(self._read(case, begun[case]) for case in missing))
        entries = [entry for entry in read if entry is not None]
        await self._add_all(entries)
        with translated("check the first rows"):
            rows = self._rows.find({"_id": {"$in": [f"{one.case}:0" for one in entries]}}, {"case": 1})
            left = {row["case"] async for row in rows}
            await self._entries.delete_many({"_id": {"$in": [e.case for e in entries if e.case not in left]}})

    async def _present(self, cases: Mapping[str, datetime]) -> set[str]:
        with translated("read the requesters"):
            return {one["_id"] async for one in self._entries.find({"_id": {"$in": list(cases)}}, {"_id": 1})}

    async def _read(self, case: str, at: datetime) -> RequesterEntry | None:
        """Return the entry of a case by its sealed request; None where it has none."""
        try:
            return self._entry(case, await sealed_request(self._vault, case), at)
        except (KeyError, Destroyed, Sealed):
            return None

    async def _add_all(self, entries: Sequence[RequesterEntry]) -> Mapping[RequesterEntry, None]:
        documents: dict[str, Document] = {
            one.case: {"_id": one.case, "mailboxes": list(one.hashes), "at": one.at} for one in entries
        }
        if documents:
            await insert_new(self._entries, list(documents.values()))
        return dict.fromkeys(entries)

    def _entry(self, case: str, request: RequestSubmitted, at: datetime) -> RequesterEntry | None:
        named = (request.subject.email, request.agent.email if request.agent else None)
        hashes = dict.fromkeys(self.hashed(address) for address in named if address)
        return RequesterEntry(case, tuple(hashes), at) if hashes else None

    def hashed(self, address: str) -> str:
        """Return the keyed hash of the mailbox *address*."""
        plain = mailbox(address) or address
        return hmac.new(self._key, f"mailbox {plain}".encode(), sha256).hexdigest()
