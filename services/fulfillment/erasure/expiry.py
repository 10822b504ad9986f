"""
Records of the company past their retention period: found by the data map, and purged when staff approves.

No request is needed. An approved purge registers the records first, then erases them like the retained
records of earlier erasures (:mod:`services.fulfillment.erasure.deferred`), with a certificate for each part.
"""

from collections.abc import AsyncIterator, Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import FROM_ERASURE, Collection, DataMap, Erasure, RetentionRule
from services.fulfillment.datamap.paths import raw_at
from services.fulfillment.domain import LEGAL_HOLD, MONTHS, RETENTION_DUTY, holds_mark, last_day
from services.fulfillment.erasure.deferred import Purging
from services.fulfillment.erasure.execution import remainders_of
from services.fulfillment.erasure.planner import plan_records
from services.fulfillment.erasure.steps import Disposition, RecordName, RecordStep
from services.fulfillment.holds.check import NO_HOLDS, HoldCheck, HoldReader
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.mongodb import Stores, older_than
from services.fulfillment.stores.registers import PurgeOrder, PurgeOrders
from shared.contract.events import Fact, PurgeApproved, PurgeProposed
from shared.errors import RefusedDecision
from shared.portions import in_portions
from shared.runtime.log import logger
from shared.runtime.mongo import Document
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 10.0
TRY_AGAIN_S = 60.0
RECORDS_AT_ONCE = 1_000


@dataclass(slots=True)
class ExpiredCollection:
    """The records of one collection past their retention period."""

    key: str
    because: str
    """The provision that demanded the period."""
    start: str
    """The field that the period runs from."""
    indexed: bool
    """Whether they are found by an index on that field; else the whole collection is read."""
    records: int = 0
    held: int = 0
    """Records past their period that a legal hold keeps; not among the others."""
    oldest: date | None = None
    """Last day of the earliest period."""


def limited_collections(data_map: DataMap) -> tuple[Collection, ...]:
    """Return the collections with a retention period that ends without an erasure."""
    return tuple(collection for collection in data_map.collections if is_limited(collection))


def is_limited(collection: Collection) -> bool:
    """Return whether records of *collection* have a retention period that ends without an erasure."""
    rule = collection.retention
    counts = rule is not None and rule.start != FROM_ERASURE and collection.erasure is not Erasure.KEEP
    return counts and not collection.skipped


def unlimited_collections(data_map: DataMap) -> tuple[str, ...]:
    """Return the keys of collections with personal data that never becomes due."""
    return tuple(
        collection.key
        for collection in data_map.collections
        if not (collection.skipped or is_limited(collection)) and any(f.personal for f in collection.leaves)
    )


async def expired_in(
    collection: Collection, stores: Stores, today: date, zone: tzinfo, holds: HoldReader = NO_HOLDS
) -> ExpiredCollection:
    """
    Return the number of records in *collection* past their period on the day *today* in *zone*.

    Raises:
        StoreUnavailable: The store did not answer.
    """
    rule = _rule_of(collection)
    indexed = (await stores.indexes(collection.place)).answer(rule.start, ignoring_case=False)
    found = ExpiredCollection(collection.key, rule.because, rule.start, indexed)
    async for step in expired(collection, stores, zone, HoldCheck(holds, "", today)):
        if step.reason == LEGAL_HOLD:
            found.held += 1
            continue
        found.records += 1
        found.oldest = min(filter(None, (found.oldest, step.until)), default=None)
    return found


async def expired(
    collection: Collection, stores: Stores, zone: tzinfo, holds: HoldCheck
) -> AsyncIterator[RecordStep]:
    """
    Yield a step for each record of *collection* past its period, with its last day, and the reason.

    The period counts on the day of *holds*, which keep records as the holds of the map do.

    Law:
        GDPR Art. 5(1)(e): personal data is kept for no longer than its purpose needs.
        GDPR Art. 18(1)(b)-(c), (2): a record that a person had restricted stays stored.
    """
    rule, today = _rule_of(collection), holds.day
    old = older_than(rule.start, latest_start(rule, today))
    scan = stores.scan(collection.place, _needed(collection), old)
    async for documents in in_portions(scan, RECORDS_AT_ONCE):
        dated = [(document, last_day(rule, document, today=today, zone=zone)) for document in documents]
        past = [
            (document, day)
            for document, day in dated
            if day is not None and day < today and not _is_restricted(collection, document)
        ]
        found = [_record(collection, document) for document, _ in past]
        planned = _planned(found, today, zone, await holds.found(found, {}))
        for (document, day), step in zip(past, planned, strict=True):
            due = step.disposition is not Disposition.RETAINED and any(remainders_of(step, document))
            if due or step.reason == LEGAL_HOLD:
                yield _registered(step, rule, day)


def latest_start(rule: RetentionRule, today: date) -> date:
    """
    Return a day that every period of *rule* which has ended before *today* has started before.

    It preselects records, and may be later than needed: :func:`last_day` decides about each record.
    """
    try:
        ends = today - timedelta(days=rule.keep.days)
        months = ends.year * MONTHS + ends.month - (rule.keep.years * MONTHS + rule.keep.months)
        year, month = divmod(months, MONTHS)
        # The day of a month may be shortened: the first day of the next one is after all of them.
        return date(year, 1, 1) if rule.year_end else date(year, month + 1, 1)
    except (OverflowError, ValueError):
        return date.min


def _rule_of(collection: Collection) -> RetentionRule:
    if collection.retention is None:
        raise ValueError(f"{collection.key} has no retention period")
    return collection.retention


def _is_restricted(collection: Collection, document: Document) -> bool:
    return collection.restriction is not None and holds_mark(collection.restriction, document)


def _needed(collection: Collection) -> Sequence[str]:
    """Return the fields that a decision needs; a field inside another one is left out."""
    declared = (collection.legal_hold, collection.active, collection.restriction)
    marks = [mark.field for mark in declared if mark is not None]
    fields = {_rule_of(collection).start, *collection.primary_key, *marks}
    fields |= {leaf.path for leaf in collection.identifying}
    if collection.erasure is Erasure.MASK:
        fields |= {leaf.path for leaf in collection.leaves if leaf.personal}
    ordered = sorted(fields, key=lambda path: path.split("."))
    inside = {path for above, path in pairwise(ordered) if path.startswith(f"{above}.")}
    return [path for path in ordered if path not in inside]


def _record(collection: Collection, document: Document) -> FoundRecord:
    start = _rule_of(collection).start
    match = OwnershipMatch(start, None, (raw_at(document, start),))
    names = {path: raw_at(document, path) for path in collection.primary_key}
    return FoundRecord(collection.undivided, names, document, (match,))


def _planned(
    found: Sequence[FoundRecord], today: date, zone: tzinfo, held: Container[RecordName]
) -> Sequence[RecordStep]:
    if not found:
        return ()
    alone = DataMap("", (found[0].collection,))
    return tuple(plan_records(found, alone, today, zone=zone, running=False, held=held).steps)


def _registered(step: RecordStep, rule: RetentionRule, day: date | None) -> RecordStep:
    """Return the step that stands for the record in the register of retained records."""
    reason = LEGAL_HOLD if step.reason == LEGAL_HOLD else RETENTION_DUTY
    return RecordStep(
        step.key,
        step.place,
        step.id,
        Disposition.RETAINED,
        guard=step.guard,
        reason=reason,
        because=rule.because,
        until=day,
    )


async def order_purge(event: PurgeApproved, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Enqueue the approved purge of a collection's records past their period; it runs in the background.

    If two must decide, the first approval proposes the purge, and that of another account enqueues it.

    Raises:
        RefusedDecision: The data map changed since, the collection has no period, the day is yet to come, or
          the account approved before, or approves another purge than was proposed.
    """
    data_map = ctx.maps.current
    if event.version != data_map.version:
        raise RefusedDecision("other_data_map")
    collection = data_map.by_key.get(event.collection)
    if collection is None or not is_limited(collection):
        raise RefusedDecision("no_period")
    if event.day > ctx.today():
        raise RefusedDecision("not_due_yet")
    order = _order_of(event)
    earlier = ctx.known.purges_approved
    if any(_order_of(each) != order for each in earlier):
        raise RefusedDecision("other_purge")
    if event.by in {each.by for each in earlier}:
        raise RefusedDecision("decider_decided_before")
    proposed = ctx.house.two_deciders and not earlier
    await ctx.purges.take(replace(order, proposed=proposed))
    content = event.model_dump(include={"request_id", "collection", "day", "version", "records"})
    return [PurgeProposed(**content)] if proposed else []


def _order_of(event: PurgeApproved) -> PurgeOrder:
    return PurgeOrder(event.request_id, event.collection, event.day, event.version, event.records)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ExpiryJob:
    """Executes approved purges, in one replica of fulfillment."""

    orders: PurgeOrders
    purging: Purging
    clock: Callable[[], datetime] = field(default=_now)

    async def run(self) -> None:
        """Execute every approved purge, for ever; the next replica continues failed ones."""
        await work_forever(
            self.work,
            service="fulfillment",
            delayed="a purge is continued later",
            every_s=LOOK_EVERY_S,
            retry_s=lambda _: TRY_AGAIN_S,
            wake=self.orders.enqueued,
        )

    async def work(self) -> bool:
        """
        Execute an approved purge, if one waits; return whether one did.

        Raises:
            StoreUnavailable: A store did not answer. Another call continues.
            InvalidDataMap: The data map of the order is unknown here.
        """
        order = await self.orders.begin(self.clock())
        if order is None:
            return False
        if not order.registered:
            await self._register(order)
        purged = 0
        async for entries in self.purging.kept.parts_of(order.id):
            await self.orders.prolong(order.id, self.clock())
            await self.purging.purge(await self.purging.planned(entries, order.day))
            purged += len(entries)
        await self.orders.end(order.id)
        logger().info("records past their retention purged", request_id=order.id, handled=purged)
        return True

    async def _register(self, order: PurgeOrder) -> None:
        """Register the records of *order*: no more than staff was shown, and none that became due since."""
        data_map = await self.purging.maps.of(order.version)
        collection, left = data_map.by_key[order.key], order.records
        holds = HoldCheck(self.purging.holds, order.id, order.day)
        steps = expired(collection, self.purging.records.stores, self.purging.zone, holds)
        async for some in in_portions(_due(steps), RECORDS_AT_ONCE):
            if left <= 0:
                break
            await self.purging.kept.enlist(some[:left], version=order.version, order=order.id)
            await self.orders.prolong(order.id, self.clock())
            left -= len(some)
        await self.orders.note_registered(order.id)


async def _due(steps: AsyncIterator[RecordStep]) -> AsyncIterator[RecordStep]:
    async for step in steps:
        if step.reason != LEGAL_HOLD:
            yield step
