"""
Duplicates of open requests: one case for requests that ask for the same, also when replicas race.

A case claims its fingerprint by an insertion that only one can make, and repeats it at each registration.
When the first is answered, its claim passes to the next by a change that only one can make.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from hashlib import sha256

from services.intake.cases.fingerprint import FirstRequest
from services.intake.domain import IntakeCase, evolve
from shared.errors import StoreUnavailable
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import Journal, events_of
from shared.runtime.mongo import Database, UpdateOne, create_compressed, insert_new, translated

KEEP = timedelta(days=365)
"""Retention of a claim: no request waits longer for its answer."""


class FirstRequests:
    """The collection ``firsts``: fingerprints of open requests, as keyed hashes."""

    def __init__(self, database: Database, journal: Journal, key: bytes) -> None:
        """Keep them in *database*; *journal* gives the state of a case, *key* is hashed with."""
        self._firsts = database["firsts"]
        self._journal = journal
        self._key = key
        self._claim: DataLoader[FirstRequest, FirstRequest] = DataLoader(self._claim_all)
        self._pass_on: DataLoader[tuple[FirstRequest, FirstRequest], bool] = DataLoader(self._pass_on_all)
        self._case: DataLoader[str, IntakeCase] = DataLoader(self._load_all)

    async def prepare(self) -> None:
        """Create the index."""
        await create_compressed(self._firsts)
        with translated("index the first requests"):
            await self._firsts.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def claim(self, fingerprint: bytes, case: str, now: datetime) -> FirstRequest:
        """Return the claim that holds *fingerprint*: that of *case*, unless another is first."""
        try:
            return await self._claim(
                FirstRequest(hmac.new(self._key, fingerprint, sha256).hexdigest(), case, now)
            )
        except KeyError:
            raise StoreUnavailable("the first request cannot be read yet") from None

    async def pass_on(self, held: FirstRequest, case: str, now: datetime) -> bool:
        """Give *held* to *case*; return False if another was faster. It may be repeated."""
        return await self._pass_on((held, FirstRequest(held.fingerprint, case, now)))

    async def case(self, case: str) -> IntakeCase:
        """Return the state of *case*."""
        return await self._case(case)

    async def _claim_all(self, claims: Sequence[FirstRequest]) -> Mapping[FirstRequest, FirstRequest]:
        holders: dict[str, FirstRequest] = {}
        for claim in claims:
            holders.setdefault(claim.fingerprint, claim)
        documents = [{"_id": one.fingerprint, "case": one.case, "at": one.at} for one in holders.values()]
        taken = await insert_new(self._firsts, documents)
        if taken:
            holders = {
                fingerprint: claim for fingerprint, claim in holders.items() if fingerprint not in taken
            }
            holders |= await self._held(taken)
        return {claim: holders[claim.fingerprint] for claim in claims if claim.fingerprint in holders}

    async def _pass_on_all(
        self, pairs: Sequence[tuple[FirstRequest, FirstRequest]]
    ) -> Mapping[tuple[FirstRequest, FirstRequest], bool]:
        changes = [
            UpdateOne(
                {"_id": held.fingerprint, "case": held.case}, {"$set": {"case": new.case, "at": new.at}}
            )
            for held, new in pairs
        ]
        with translated("pass claims on"):
            await self._firsts.bulk_write(changes, ordered=False)
        holders = await self._held({held.fingerprint for held, _ in pairs})
        return {(held, new): holders.get(held.fingerprint, held).case == new.case for held, new in pairs}

    async def _held(self, fingerprints: Iterable[str]) -> dict[str, FirstRequest]:
        with translated("read the first requests"):
            found = self._firsts.find({"_id": {"$in": list(fingerprints)}})
            return {one["_id"]: FirstRequest(one["_id"], one["case"], one["at"]) async for one in found}

    async def _load_all(self, cases: Sequence[str]) -> Mapping[str, IntakeCase]:
        histories = await self._journal.histories(cases)
        return {case: reduce(evolve, events_of(histories.get(case, ())), IntakeCase()) for case in cases}
