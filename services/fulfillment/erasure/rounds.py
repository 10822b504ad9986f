"""The result of a verification: another round with other masks, or the final dispositions."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.domain import AVOIDABLE, CHANGED_MEANWHILE
from services.fulfillment.erasure.execution import Refused, Remains, bears, record_of, reread
from services.fulfillment.erasure.planner import plan_records
from services.fulfillment.erasure.steps import Disposition, ErasurePlan, RecordStep, Steps, runs_of
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.search.walk import FoundRecord
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.rules import Rules
from shared.runtime.mongo import Document


@dataclass(frozen=True, slots=True)
class Round:
    """One execution of a plan with its verification."""

    plan: ErasurePlan
    """All decisions so far."""
    refused: Refused
    remains: Remains

    @property
    def promising(self) -> bool:
        """Whether another round may erase the rest: it came or changed, or needs another mask."""
        left = map(record_of, self.remains.remainders)
        return any(self.refused.get(record, CHANGED_MEANWHILE) in _MAY_PASS for record in left)


_MAY_PASS = AVOIDABLE | {CHANGED_MEANWHILE}


async def plan_again(done: Round, data_map: DataMap, stores: Stores, today: date) -> ErasurePlan:
    """
    Return a plan for the records that *done* has left; masks that a store refused are replaced by others.

    Raises:
        StoreUnavailable: A store did not answer.
    """
    found, lost = await asyncio.to_thread(_left_of, done)
    by_key, gone = await _sought_by_key(lost, data_map, stores)
    rules = await _rules(done.refused, data_map, stores)
    again = [*found, *by_key]
    decided = await asyncio.to_thread(plan_records, again, data_map, today, done.plan.targets, rules)
    return replace(
        decided,
        steps=(*decided.steps, *gone),
        identities=done.plan.identities,
        aliases=done.plan.aliases,
        verified=done.plan.verified,
        unconfirmed=done.plan.unconfirmed,
    )


def _left_of(done: Round) -> tuple[list[FoundRecord], list[RecordStep]]:
    """Return the remaining records as the second search found them, and the steps of those not found."""
    left = {record_of(remainder) for remainder in done.remains.remainders}
    found = {record_of(item): item for item in done.remains.findings.found if record_of(item) in left}
    left.difference_update(found)
    lost = [step for step in done.plan.steps if record_of(step) in left] if left else []
    return list(found.values()), lost


async def _rules(refused: Refused, data_map: DataMap, stores: Stores) -> Mapping[str, Rules]:
    keys = sorted({key for (key, _), reason in refused.items() if reason in AVOIDABLE})
    found = await asyncio.gather(*(stores.rules(data_map.by_key[key].place) for key in keys))
    return dict(zip(keys, found, strict=True))


async def _sought_by_key(
    steps: Iterable[RecordStep], data_map: DataMap, stores: Stores
) -> tuple[list[FoundRecord], list[RecordStep]]:
    """Return the records of *steps* as a search would, without references, and the missing ones."""
    by_key: defaultdict[str, list[RecordStep]] = defaultdict(list)
    for step in steps:
        by_key[step.key].append(step)
    found, gone = [], []
    for part in await asyncio.gather(*(reread(some, stores) for some in by_key.values())):
        for step, document in part:
            if matches := _matches(step, document):
                found.append(FoundRecord(data_map.by_key[step.key], step.id, document, matches))
            elif step.owned:
                gone.append(replace(step, disposition=Disposition.GONE, deleted=False, masks=(), pulls=()))
    return found, gone


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


def settled(done: Round) -> ErasurePlan:
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
        yield _left(step, done.refused) if record in left else step
    if unplanned:
        yield from (_unplanned(item) for item in done.remains.findings.found if record_of(item) in unplanned)


def _left(step: RecordStep, refused: Refused) -> RecordStep:
    reason = refused.get(record_of(step), CHANGED_MEANWHILE)
    return replace(step, disposition=Disposition.LEFT, reason=reason, because=None, until=None)


def _unplanned(found: FoundRecord) -> RecordStep:
    return RecordStep(
        key=found.collection.key,
        place=found.collection.place,
        id=found.id,
        disposition=Disposition.LEFT,
        guard=found.matches,
        reason=CHANGED_MEANWHILE,
    )
