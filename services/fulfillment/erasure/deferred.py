"""
Erases the records that earlier erasures had to leave, once the reason has ended; certified as well.

The daily job does it, and retries refused erasures. Letters promise it, so it needs no external schedule. One
of the replicas does it: it registers in the database first, and if it dies, another one goes on after an
hour.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from services.fulfillment.certificate.issue import Certificates
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.context import DataMapPort
from services.fulfillment.datamap.model import FROM_ERASURE, Collection, DataMap
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.domain import CONTRACT, LEGAL_HOLD
from services.fulfillment.erasure.completion import (
    ErasureJournalPort,
    Registers,
    SuppressionsPort,
    run_all_rounds,
)
from services.fulfillment.erasure.execution import reread
from services.fulfillment.erasure.planner import has_contract, plan_records
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, alike
from services.fulfillment.holds.check import HoldCheck, HoldReader
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.registers import (
    DailyJobStates,
    RetainedRecord,
    RetainedRecords,
    by_erasure,
)
from shared.contract.envelope import encode
from shared.contract.events import ErasureRetried
from shared.errors import HabeasError, TransientError
from shared.runtime import log
from shared.runtime.broker import Message
from shared.runtime.scheduler import Correlations
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 600.0
"""Seconds between two checks of the date."""

Publish = Callable[[list[Message]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DueRecords:
    """The records that one erasure had left and that are due now, with their plan."""

    erasure: str
    entries: Sequence[RetainedRecord]
    data_map: DataMap
    plan: RecordPlan
    retried: bool
    """Whether the service retries it: a store had refused it, and a requester waits for the result."""

    @property
    def idle(self) -> bool:
        """Whether nothing can be done today: a hold stands, a contract runs, or the period was prolonged."""
        return all(
            step.disposition is Disposition.RETAINED and (step.reason == CONTRACT or not step.changes)
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
    suppressions: SuppressionsPort
    certificates: Certificates
    maps: DataMapPort
    records: RecordEngine
    controller: str
    signer: CertificateSigner
    zone: tzinfo = UTC
    holds: HoldReader = field(kw_only=True)

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
        return by_erasure([entry async for entry in self.kept.due(today)])

    async def planned(self, entries: Sequence[RetainedRecord], today: date) -> DueRecords:
        """Return the plan for *entries*, all of one erasure; raises like :meth:`due`."""
        first = entries[0]
        data_map = await self.maps.of(first.version)
        plan = await self._plan(entries, data_map, today)
        return DueRecords(first.erasure, entries, data_map, plan, first.retried)

    async def purge(self, item: DueRecords) -> bytes:
        """
        Erase the due records, verify and return the certificate; records that must stay are registered again.

        A purge that was interrupted is continued under the number that it began with: of several processes at
        the same records, the certificate of the first one stands.

        Raises:
            StoreUnavailable: A store does not answer; the call may be repeated.
            TransientError: Another process has begun to erase some of the records.
        """
        number, now = item.entries[0].begun or secrets.token_hex(16), datetime.now(UTC)
        if (issued := await self.certificates.of(number)) is not None:
            await self.kept.forget(item.entries)
            return issued
        if not await self.kept.begin(item.entries, number):
            raise TransientError("another process has begun to erase some of these records")
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
            holds=HoldCheck(self.holds, item.erasure, now.astimezone(self.zone).date()),
        )
        issued = await self.certificates.keep(number, completed.certificate, now, of=item.erasure)
        await self.kept.forget(item.entries)
        return issued

    async def _plan(self, entries: Sequence[RetainedRecord], data_map: DataMap, today: date) -> RecordPlan:
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
                    gone.append(_erased_before(step) if entry.begun and document is None else step)
                else:
                    collection = data_map.by_key[step.key]
                    whole = collection.undivided if is_by_period(collection, entry) else collection
                    found.append(FoundRecord(_after_period(whole, entry), step.id, document, matches))
        persons = not all(is_by_period(data_map.by_key[entry.key], entry) for entry in entries)
        running = persons and await self._has_contract(found, data_map)
        held = await HoldCheck(self.holds, entries[0].erasure, today).found(found, {})
        planned = plan_records(found, data_map, today, zone=self.zone, running=running, held=held)
        again = planned.steps if entries[0].begun is None else map(_masked_before, planned.steps)
        return replace(planned, steps=(*again, *gone))

    async def _has_contract(self, found: Sequence[FoundRecord], data_map: DataMap) -> bool:
        """Return whether the person of the retained records *found* has a running contract, old or new."""
        if has_contract(found) or not any(collection.active for collection in data_map.collections):
            return has_contract(found)
        identities: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for record in found:
            for path, name in record.collection.naming.items() if record.owned else ():
                texts = filter(lambda value: isinstance(value, str), values_at(record.document, path))
                identities[name].update(dict.fromkeys(texts))
        if not identities:
            return False
        held = await self.records.gather(data_map, {name: tuple(some) for name, some in identities.items()})
        return await asyncio.to_thread(has_contract, held.found)


def _after_period(collection: Collection, entry: RetainedRecord) -> Collection:
    """Return *collection* without a period from its erasure that has ended: it does not begin anew."""
    rule = collection.retention
    from_erasure = rule is not None and rule.start == FROM_ERASURE
    return replace(collection, retention=None) if from_erasure and entry.reason != LEGAL_HOLD else collection


def is_by_period(collection: Collection, entry: RetainedRecord) -> bool:
    """Return whether the end of its period made *entry* due, and not the erasure of a person's data."""
    rule = collection.retention
    return rule is not None and {path for path, *_ in entry.marks} == {rule.start}


def _masked_before(step: RecordStep) -> RecordStep:
    """Return the step for a record that an interrupted purge may have masked."""
    unchanged = step.disposition is Disposition.UNCHANGED
    return replace(step, disposition=Disposition.MASKED) if unchanged else step


def _erased_before(step: RecordStep) -> RecordStep:
    """Return the step for a record that an interrupted purge has deleted."""
    guard = (OwnershipMatch("_id", None, (step.id["_id"],)),)
    return replace(step, disposition=Disposition.ERASED, deleted=True, guard=guard)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DailyJob:
    """The daily job, and its connection to the services."""

    days: DailyJobStates
    purging: Purging
    publish: Publish
    correlations: Correlations
    clock: Callable[[], datetime] = _now

    async def run(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Do the job of each day, for ever. A failed one is repeated after an hour."""
        delayed = "daily job is retried later"
        await work_forever(self.once, service="fulfillment", delayed=delayed, every_s=every_s)

    async def once(self) -> None:
        """Do today's job if it is due."""
        await self.work()

    async def work(self) -> bool:
        """Do today's job unless another replica does; return whether it was done here."""
        now = self.clock()
        day = now.astimezone(self.purging.zone).date()
        if not await self.days.begin(day, now):
            return False
        done = True
        for entries in await self.purging.left(day):
            await self.days.prolong(day, self.clock())
            try:
                if entries[0].retried:
                    await self.publish([await self._retry_of(entries[0].erasure, day)])
                elif not (item := await self.purging.planned(entries, day)).idle:
                    await self.purging.purge(item)
            except HabeasError as error:
                # An unavailable store must not keep the records in the others.
                done = False
                log.logger().warning(
                    "retained records stay for now", request_id=entries[0].erasure, reason=str(error)
                )
        if done:
            await self.days.end(day)
        return done

    async def _retry_of(self, case: str, day: date) -> Message:
        """Return the command to retry *case*; all of one day are equal."""
        id_ = uuid5(NAMESPACE_OID, f"{case} {day.isoformat()}").hex
        fact, known = ErasureRetried(request_id=case), await self.correlations([case])
        body = encode(
            fact, id=id_, source="habeas/fulfillment", time=datetime.now(UTC), correlation=known.get(case)
        )
        return Message(fact.EXCHANGE, fact.TYPE, body, id_)
