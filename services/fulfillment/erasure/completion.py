"""
The course of an erasure: execute the newest plan, verify, plan again, certify.

The service does one round per event, so that an interrupted one can go on; the command line does all rounds
in one call. Both use this definition of a round, and of the registers written before anyone is notified.
"""

import asyncio
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from typing import Protocol

from services.fulfillment.certificate.document import issue, template
from services.fulfillment.certificate.issue import Issue, certificate
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.changes.suppressions import SuppressionPurpose
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.domain import AVOIDABLE, CHANGED_MEANWHILE, CONTRACT
from services.fulfillment.erasure.execution import Refused, Remains, Residue, bears, record_of, reread
from services.fulfillment.erasure.planner import has_contract, plan_records
from services.fulfillment.erasure.steps import (
    SMALL,
    Disposition,
    RecordName,
    RecordPlan,
    RecordStep,
    Steps,
    alike,
    runs_of,
)
from services.fulfillment.holds.check import NOTHING_HELD, HoldCheck, retained, without
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mentions import Needle, needles
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.state import MOST_ROUNDS, united
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.dataloader import in_thread
from shared.runtime.mongo import Document


class SuppressionsPort(Protocol):
    """The suppression list."""

    async def add(
        self, identities: Identities, purpose: str, at: datetime, locked_until: date | None = None
    ) -> None:
        """Add the people with *identities* to the list; they are not asked to opt in until a day is over."""


class ErasureJournalPort(Protocol):
    """The journal of erasures, for the restoration of a backup."""

    async def record(self, plan: RecordPlan, data_map: DataMap, *, erasure: str, at: datetime) -> None:
        """Record an erasure by *plan*; it may be repeated."""


class RetainedRecordsPort(Protocol):
    """The register of records that erasures have left."""

    async def keep(self, decided: RecordPlan, *, erasure: str, at: datetime, asked: bool) -> None:
        """Register the records that *decided* leaves; it may be repeated."""


@dataclass(frozen=True, slots=True)
class Registers:
    """The three registers, for one erasure."""

    kept: RetainedRecordsPort
    erasures: ErasureJournalPort
    suppressions: SuppressionsPort
    erasure: str
    """Id of the request, or number of the certificate if there is no request."""
    at: datetime
    asked: bool
    """Whether it belongs to a request, and a requester waits for the result."""

    async def remember(self, decided: RecordPlan, data_map: DataMap) -> None:
        """
        Write all registers: the person must not return unnoticed, and no remaining record may be forgotten.

        Raises:
            StoreUnavailable: The database did not answer; the call may be repeated.
        """
        await self.kept.keep(decided, erasure=self.erasure, at=self.at, asked=self.asked)
        await self.erasures.record(decided, data_map, erasure=self.erasure, at=self.at)
        if decided.changes and not decided.limited:
            await self.suppressions.add(decided.known_by, SuppressionPurpose.ERASED, self.at)


@dataclass(frozen=True, slots=True)
class Round:
    """One execution of a plan with its verification."""

    plan: RecordPlan
    """All decisions so far."""
    refused: Refused
    remains: Remains

    @property
    def promising(self) -> bool:
        """Whether another round may erase the rest: it came or changed, or needs another mask."""
        left = map(record_of, self.remains.remainders)
        return any(self.refused.get(record, CHANGED_MEANWHILE) in _MAY_PASS for record in left)


_MAY_PASS = AVOIDABLE | {CHANGED_MEANWHILE}


async def plan_again(
    done: Round, data_map: DataMap, stores: Stores, today: date, zone: tzinfo = UTC
) -> RecordPlan:
    """
    Return a plan for the records that *done* has left; masks that a store refused are replaced by others.

    *today* is the day in *zone*, that of the company.

    Raises:
        StoreUnavailable: A store did not answer.
    """
    found, lost = await asyncio.to_thread(_left_of, done)
    gone: list[RecordStep] = []
    by_key: defaultdict[str, list[RecordStep]] = defaultdict(list)
    for step in lost:
        by_key[step.key].append(step)
    for part in await asyncio.gather(*(reread(some, stores) for some in by_key.values())):
        for step, document in part:
            if matches := _matches(step, document):
                found.append(FoundRecord(data_map.by_key[step.key], step.id, document, matches))
            elif step.owned:
                gone.append(replace(step, disposition=Disposition.GONE, deleted=False, masks=(), pulls=()))
    keys = sorted({key for (key, _), reason in done.refused.items() if reason in AVOIDABLE})
    stated = await asyncio.gather(*(stores.rules(data_map.by_key[key].place) for key in keys))
    rules = dict(zip(keys, stated, strict=True))
    before = done.plan
    running = any(step.reason == CONTRACT for step, _ in alike(before.steps)) or has_contract(found)
    replan = partial(plan_records, found, data_map, today, before.targets, rules, zone=zone)
    decided = await asyncio.to_thread(replan, running=running, areas=before.areas, ground=before.ground)
    return replace(
        decided,
        steps=(*decided.steps, *gone),
        identities=before.identities,
        aliases=before.aliases,
        verified=before.verified,
        unconfirmed=before.unconfirmed,
    )


def _left_of(done: Round) -> tuple[list[FoundRecord], list[RecordStep]]:
    """Return the remaining records as the second search found them, and the steps of those not found."""
    left = {record_of(remainder) for remainder in done.remains.remainders}
    found = {record_of(item): item for item in done.remains.findings.found if record_of(item) in left}
    left.difference_update(found)
    lost = [step for step in done.plan.steps if record_of(step) in left] if left else []
    return list(found.values()), lost


def _matches(step: RecordStep, document: Document) -> tuple[OwnershipMatch, ...]:
    """Return the matches that still make *document*, or elements of it, the person's; our masks count."""
    holding = tuple(match for match in step.reasons if match.holds_of(document))
    if not holding and step.owned and _bears_mask(step, document):
        return (OwnershipMatch("_id", None, (document["_id"],)),)
    return holding


def _bears_mask(step: RecordStep, document: Document) -> bool:
    guards = {path for match in step.guard for path, _ in match.conditions}
    masks = [mask for mask in step.masks if mask.path in guards]
    return bool(masks) and bears(document, masks[0].path, [m for m in masks if m.path == masks[0].path])


def settled(done: Round) -> RecordPlan:
    """
    Return the plan of *done* with final dispositions: records that are left are called left, with the reason.

    Law:
        GDPR Art. 12(4): the person is informed of the actions not taken, and why.
    """
    if done.remains.clean:
        return done.plan
    return replace(done.plan, steps=Steps(runs_of(_settled(done))))


def _settled(done: Round) -> Iterator[RecordStep]:
    left = {record_of(remainder) for remainder in done.remains.remainders}
    unplanned = set(left)
    for step in done.plan.steps:
        record = record_of(step)
        unplanned.discard(record)
        if record in left:
            reason = done.refused.get(record, CHANGED_MEANWHILE)
            yield replace(step, disposition=Disposition.LEFT, reason=reason, because=None, until=None)
        else:
            yield step
    for found in done.remains.findings.found if unplanned else ():
        if record_of(found) in unplanned:
            key, place = found.collection.key, found.collection.place
            yield RecordStep(key, place, found.id, Disposition.LEFT, found.matches, reason=CHANGED_MEANWHILE)


class ErasableRecords(Protocol):
    """The person's records in the stores of the data map."""

    async def erase(self, plan: RecordPlan) -> Refused:
        """Execute *plan*; return the refused records."""

    async def verify(self, plan: RecordPlan, data_map: DataMap, identities: Identities) -> Remains:
        """Search again for the planned records."""

    async def search_texts(
        self, plan: RecordPlan, remains: Remains, data_map: DataMap, wanted: frozenset[Needle]
    ) -> Sequence[Residue]:
        """Return the texts that still name the person."""

    async def plan_again(self, done: Round, data_map: DataMap, today: date) -> RecordPlan:
        """Return a plan for the remaining records."""


class ErasureMemory(Protocol):
    """The registers that outlive a case: retained records, erasure journal, suppression list."""

    async def remember(self, decided: RecordPlan, data_map: DataMap) -> None:
        """Register an erasure by *decided*; it may be repeated."""


@dataclass(frozen=True, slots=True)
class Completed:
    """An erasure that is complete for today."""

    plan: RecordPlan
    """With the final disposition of each record."""
    residues: Sequence[Residue]
    """Texts that still name the person."""
    certificate: bytes
    template: bytes = b""
    """What certificates by the same data map have in common."""


async def take_round(
    plans: Sequence[RecordPlan],
    data_map: DataMap,
    records: ErasableRecords,
    held: Container[RecordName] = NOTHING_HELD,
) -> Round:
    """
    Erase by the newest of *plans* but the *held* records, and search again for the records of all of them.

    Raises:
        StoreUnavailable: A store did not answer; the call may be repeated.
    """
    refused = await records.erase(without(plans[-1], held))
    return held_back(await verify_plans(plans, data_map, records, refused), held)


async def verify_plans(
    plans: Sequence[RecordPlan], data_map: DataMap, records: ErasableRecords, refused: Refused | None = None
) -> Round:
    """Search again for the records of all *plans*, and return the result with the *refused* ones."""
    whole = await in_thread(united, plans, small=all(plan.is_small for plan in plans))
    return Round(whole, refused or {}, await records.verify(whole, data_map, whole.identities))


def held_back(done: Round, held: Container[RecordName]) -> Round:
    """
    Return *done* with the planned *held* records that are still there as retained.

    One that is gone was erased before the hold: it stays erased in the certificate.
    """
    left = {record_of(one) for one in done.remains.remainders}
    kept = {step.record for step in done.plan.steps if step.record in left and step.record in held}
    if not kept:
        return done
    steps = (retained(step) if step.record in kept else step for step in done.plan.steps)
    remainders = tuple(one for one in done.remains.remainders if record_of(one) not in kept)
    return replace(
        done,
        plan=replace(done.plan, steps=Steps(runs_of(steps))),
        remains=replace(done.remains, remainders=remainders),
    )


async def plan_next_round(
    done: Round, rounds: int, data_map: DataMap, records: ErasableRecords, today: date
) -> RecordPlan | None:
    """Return a plan for the records that *done* has left; None where a further round would take no more."""
    if not done.promising or rounds >= MOST_ROUNDS:
        return None
    return await records.plan_again(done, data_map, today)


async def final_plan(done: Round) -> RecordPlan:
    """Return the plan of *done* with the final disposition of each record."""
    return await in_thread(settled, done, small=done.plan.is_small)


async def complete(  # noqa: PLR0913 - the parts of a completed erasure
    decided: RecordPlan,
    done: Round,
    data_map: DataMap,
    records: ErasableRecords,
    memory: ErasureMemory,
    *,
    name: str | None,
    details: Issue,
    signer: CertificateSigner,
) -> Completed:
    """
    Register the erasure, search for texts that still name the person, and issue the certificate.

    It is registered before anyone is notified, so that a restored backup is erased again.

    Args:
        decided: The plan with the final dispositions.
        done: The last round.
        data_map: The data map of the plan.
        records: The stores.
        memory: The registers.
        name: The person's full name, where it is known.
        details: Of the certificate.
        signer: Signs the certificate.
    """
    await memory.remember(decided, data_map)
    wanted = needles(decided.known_by, name)
    residues = await records.search_texts(decided, done.remains, data_map, wanted)
    small = decided.is_small and len(residues) <= SMALL
    certified = await in_thread(certificate, decided, done.remains, residues, data_map, details, small=small)
    return Completed(decided, residues, issue(certified, signer), template(certified, signer))


class NoMemory:
    """Registers that keep nothing, where no database is configured."""

    async def remember(self, decided: RecordPlan, data_map: DataMap) -> None:
        """Register nothing."""


async def run_all_rounds(  # noqa: PLR0913 - the parts of an erasure
    decided: RecordPlan,
    data_map: DataMap,
    records: ErasableRecords,
    memory: ErasureMemory,
    *,
    number: str,
    controller: str,
    signer: CertificateSigner,
    zone: tzinfo = UTC,
    holds: HoldCheck,
) -> Completed:
    """
    Run all rounds of an erasure that belongs to no request, under the certificate *number*.

    Refused records are left, and those that *holds* keep. *zone* decides the date.

    Raises:
        StoreUnavailable: A store does not answer; the call may be repeated.
    """
    begun_at, plans = datetime.now(UTC), [decided]
    # Before the first write, too: an erasure that is interrupted must be registered.
    await memory.remember(decided, data_map)
    while True:
        done = await take_round(plans, data_map, records, await holds.planned(plans))
        again = await plan_next_round(done, len(plans), data_map, records, datetime.now(zone).date())
        if again is None:
            break
        plans.append(again)
    truth = await final_plan(done)
    details = Issue(number, number, controller, begun_at, datetime.now(UTC))
    return await complete(truth, done, data_map, records, memory, name=None, details=details, signer=signer)
