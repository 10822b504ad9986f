"""Erases the records that earlier erasures had to leave, once the reason has ended; certified as well."""

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.certificate.store import Certificates
from services.fulfillment.context import DataMapPort
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.completion import run_all_rounds
from services.fulfillment.erasure.execution import reread
from services.fulfillment.erasure.journal.recorder import ErasureJournalPort, Registers, StopListPort
from services.fulfillment.erasure.planner import plan_records
from services.fulfillment.erasure.steps import Disposition, ErasurePlan, RecordStep, alike
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.walk import FoundRecord
from services.fulfillment.stores.retained_records import RetainedRecord, RetainedRecords, by_erasure


@dataclass(frozen=True, slots=True)
class DueRecords:
    """The records that one erasure had left and that are due now, with their plan."""

    erasure: str
    entries: Sequence[RetainedRecord]
    data_map: DataMap
    plan: ErasurePlan
    retried: bool
    """Whether the service retries it: a store had refused it, and a requester waits for the result."""

    @property
    def idle(self) -> bool:
        """Whether nothing can be done today: a hold stands, or the period was prolonged."""
        return all(
            step.disposition is Disposition.RETAINED and not step.changes
            for step, _ in alike(self.plan.steps)
        )

    def summary(self) -> dict[str, Any]:
        """Return the planned actions as plain values."""
        return {"erasure": self.erasure, "retried": self.retried, "records": self.plan.counts()}


@dataclass(frozen=True, slots=True)
class Purging:
    """The registers of an installation, its stores, and the controller of the data."""

    kept: RetainedRecords
    erasures: ErasureJournalPort
    suppressions: StopListPort
    certificates: Certificates
    maps: DataMapPort
    records: RecordEngine
    controller: str
    signer: CertificateSigner
    zone: tzinfo = UTC

    async def due(self, today: date) -> AsyncIterator[DueRecords]:
        """
        Yield the records retained until yesterday, by erasure; a hold may still keep them.

        Law:
            GDPR Art. 5(1)(e), 17(1)(a): data kept for a duty is erased when the duty ends.

        Raises:
            StoreUnavailable: A store, or Habeas' own database, did not answer.
            InvalidDataMap: The data map of the records is unknown here.
        """
        for entries in await self.left(today):
            yield await self.planned(entries, today)

    async def left(self, today: date) -> Sequence[Sequence[RetainedRecord]]:
        """Return the records retained until yesterday, by erasure."""
        return list(by_erasure([entry async for entry in self.kept.due(today)]).values())

    async def planned(self, entries: Sequence[RetainedRecord], today: date) -> DueRecords:
        """Return the plan for *entries*, all of one erasure; raises like :meth:`due`."""
        first = entries[0]
        data_map = await self.maps.of(first.version)
        plan = await self._plan(entries, data_map, today)
        return DueRecords(first.erasure, entries, data_map, plan, first.retried)

    async def purge(self, item: DueRecords) -> bytes:
        """
        Erase the due records, verify and return the certificate; records that must stay are registered again.

        Raises:
            StoreUnavailable: A store does not answer; the call may be repeated.
        """
        number, now = secrets.token_hex(16), datetime.now(UTC)
        memory = Registers(self.kept, self.erasures, self.suppressions, number, now, asked=False)
        completed = await run_all_rounds(
            item.plan,
            item.data_map,
            self.records,
            memory,
            number=number,
            controller=self.controller,
            signer=self.signer,
            zone=self.zone,
        )
        await self.certificates.keep(number, completed.certificate, now, of=item.erasure)
        await self.kept.forget(item.entries)
        return completed.certificate

    async def _plan(self, entries: Sequence[RetainedRecord], data_map: DataMap, today: date) -> ErasurePlan:
        by_key: defaultdict[str, list[tuple[RecordStep, RetainedRecord]]] = defaultdict(list)
        for entry in entries:
            step = RecordStep(entry.key, entry.place, entry.id, Disposition.GONE, guard=())
            by_key[entry.key].append((step, entry))
        found, gone = [], []
        for some in by_key.values():
            steps = [step for step, _ in some]
            read = {id(step): document for step, document in await reread(steps, self.records.stores)}
            for step, entry in some:
                document = read.get(id(step))
                matches = () if document is None else self.kept.matches(entry, document)
                if document is None or not matches:
                    gone.append(step)
                else:
                    found.append(FoundRecord(data_map.by_key[step.key], step.id, document, matches))
        planned = plan_records(found, data_map, today)
        return replace(planned, steps=(*planned.steps, *gone))
