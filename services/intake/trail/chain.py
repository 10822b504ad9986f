"""The chain of one case in intake's journal, verified before its trail is exported."""

from dataclasses import dataclass
from typing import Protocol

from services.intake.trail.document import ChainOfTrail, JournalHeads
from shared.runtime.audit_chain import ChainFault, faults_of
from shared.runtime.audit_heads import signed_heads
from shared.runtime.mongo import Database, translated


class CaseChainPort(Protocol):
    """Verifies the chains of single cases."""

    async def of(self, case_id: str) -> ChainOfTrail:
        """Return the state of the chain of *case_id*."""


@dataclass(frozen=True, slots=True)
class CaseChains:
    """The chains in *database*; *key* is that of the service that keeps it."""

    database: Database
    key: bytes

    async def of(self, case_id: str) -> ChainOfTrail:
        """Return the state of the chain of *case_id*; raises StoreUnavailable."""
        with translated("read the chain of a case"):
            rows = await self.database["journal"].find({"case": case_id}).sort("n", 1).to_list(None)
        faults = list(faults_of(case_id, rows, self.key))
        return ChainOfTrail(
            rows=len(rows),
            unchanged=not faults,
            faults=[_named(n, fault) for n, fault in faults],
            heads=await self._heads(),
        )

    async def _heads(self) -> JournalHeads | None:
        with translated("read the audit heads"):
            found = await self.database["audit_heads"].find().sort("_id", -1).to_list(1)
        newest = [signed_heads(one) for one in found]
        return next((JournalHeads(number=one.number, day=one.day, sha256=one.digest) for one in newest), None)


def _named(n: int | None, fault: ChainFault) -> str:
    return fault.value if n is None else f"{n} {fault.value}"
