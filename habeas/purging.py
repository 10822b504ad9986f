"""Erases what earlier erasures had to leave, once the reason has ended: one more erasure, certified too."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from habeas.engine import Engine
from habeas.erasures import Memory
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import reread
from services.fulfillment.erasure.planning import plan_records
from services.fulfillment.erasure.steps import Disposition, Plan, Step
from services.fulfillment.keeping import Entry, Kept, by_erasure
from services.fulfillment.search.stores import Stores
from services.fulfillment.search.walk import Found
from services.fulfillment.signing import Signer
from services.fulfillment.store import Maps


@dataclass(frozen=True, slots=True)
class Due:
    """What one erasure had left and need not stay any longer, and what becomes of it."""

    erasure: str
    entries: Sequence[Entry]
    engine: Engine
    plan: Plan
    retried: bool
    """Whether the service tries it again, because a store had refused it and somebody waits to be told."""

    @property
    def idle(self) -> bool:
        """Whether nothing can be done about it today: a hold stands, or the period was prolonged."""
        return all(step.disposition is Disposition.RETAINED and not step.changes for step in self.plan.steps)

    async def purge(self, memory: Memory, *, controller: str, signer: Signer) -> bytes:
        """
        Erase it, look again and return the certificate; what must stay still is registered anew.

        Raises:
            StoreUnavailable: A store does not answer; the same may be done again.
        """
        certificate = await self.engine.erase(
            self.plan, {}, controller=controller, signer=signer, memory=memory
        )
        await memory.kept.forget(self.entries)
        return certificate

    def summary(self) -> dict[str, Any]:
        """Return what is done about it as plain values."""
        return {"erasure": self.erasure, "retried": self.retried, "records": self.plan.counts()}


async def due(memory: Memory, current: DataMap, stores: Stores, today: date) -> AsyncIterator[Due]:
    """
    Yield what had to stay until yesterday, by erasure; a hold, or a longer period, may keep it still.

    Law:
        GDPR Art. 5(1)(e), 17(1)(a): what was kept for a duty is erased when the duty ends.

    Raises:
        StoreUnavailable: A store, or Habeas' own database, did not answer.
        InvalidDataMap: The map that records were kept by was never used here.
    """
    maps, kept = Maps(memory.database, current), memory.kept
    found = [entry async for entry in kept.due(today)]
    for (erasure, version, retried), entries in by_erasure(found).items():
        engine = Engine(await maps.of(version), stores)
        yield Due(erasure, entries, engine, await _plan(entries, kept, engine, today), retried)


async def _plan(entries: Sequence[Entry], kept: Kept, engine: Engine, today: date) -> Plan:
    by_key: defaultdict[str, list[tuple[Step, Entry]]] = defaultdict(list)
    for entry in entries:
        step = Step(entry.key, entry.place, entry.id, Disposition.GONE, guard=())
        by_key[entry.key].append((step, entry))
    found, gone = [], []
    for some in by_key.values():
        read = {id(step): doc for step, doc in await reread([step for step, _ in some], engine.stores)}
        for step, entry in some:
            document = read.get(id(step))
            matches = () if document is None else kept.matches(entry, document)
            if document is None or not matches:
                gone.append(step)
            else:
                found.append(Found(engine.data_map.by_key[step.key], step.id, document, matches))
    planned = plan_records(found, engine.data_map, today)
    return replace(planned, steps=(*planned.steps, *gone))
