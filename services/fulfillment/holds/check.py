"""Legal holds, and the records that they keep from an erasure. Pure, but for the port."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

from services.fulfillment.datamap.paths import values_at
from services.fulfillment.domain import LEGAL_HOLD
from services.fulfillment.erasure.steps import (
    Disposition,
    RecordName,
    RecordPlan,
    RecordStep,
    Steps,
    record_named,
    runs_of,
)
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.identities import Identities
from shared.vocabulary import HoldScope


class _EveryRecord(Container[RecordName]):
    def __contains__(self, record: object) -> bool:
        return True


NOTHING_HELD: Container[RecordName] = frozenset()
EVERY_RECORD = _EveryRecord()
"""All records of an erasure: a hold on its request or its person."""


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold that the staff has placed."""

    id: str
    scope: HoldScope
    request_id: str
    """The request that it is about; of a hold on a collection, its own id."""
    matter: str
    by: str
    """The account that has placed it."""
    until: date | None = None
    """Its last day; None: until it is lifted."""
    collection: str | None = None
    lifted: tuple[str, str] | None = None
    """Account and reason, once it is lifted."""
    erasures: tuple[str, ...] = field(default=(), compare=False)
    """Requests and purges that records were kept from."""

    def stands_on(self, day: date) -> bool:
        """Return whether it counts on *day*."""
        return self.lifted is None and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class HoldableRecord:
    """A record that is to be erased, as holds know it."""

    key: str
    id: Mapping[str, Any]
    identities: Identities = field(default_factory=dict, repr=False)
    """The identities that stand in it."""

    @property
    def name(self) -> RecordName:
        """Its unique name."""
        return record_named(self.key, self.id)

    @classmethod
    def of(cls, found: FoundRecord) -> "HoldableRecord":
        """Return the record *found*, with all people's identities in its document."""
        named: dict[str, tuple[str, ...]] = {}
        for leaf in found.collection.identifying:
            texts = tuple(value for value in values_at(found.document, leaf.path) if isinstance(value, str))
            named[leaf.identity or ""] = (*named.get(leaf.identity or "", ()), *texts)
        return cls(found.collection.key, found.id, named)


class HoldReader(Protocol):
    """The holds that stand."""

    async def keeping(
        self, erasure: str, people: Identities, records: Iterable[HoldableRecord], day: date
    ) -> Container[RecordName]:
        """
        Return the records that holds keep on *day* from *erasure*, of a person with the identities *people*.

        The holds note the erasure, unless its id is empty.
        """

    async def that_keep(self, erasure: str) -> tuple[str, ...]:
        """Return the standing holds that have noted *erasure*."""


class HoldsPort(HoldReader, Protocol):
    """The register of holds."""

    async def find(self, hold: str) -> LegalHold | None:
        """Return the hold with this id; None if there is none."""

    async def place(self, hold: LegalHold, people: Identities) -> None:
        """Register *hold*, of a person with the identities *people*; it may be repeated."""

    async def add_records(self, hold: str, records: Iterable[HoldableRecord]) -> None:
        """Register the person's *records* that *hold* keeps; it may be repeated."""

    async def lift(self, hold: str, by: str, reason: str) -> None:
        """End *hold*; it may be repeated."""


class NoHolds:
    """The holds where no database is configured: none."""

    async def keeping(
        self, erasure: str, people: Identities, records: Iterable[HoldableRecord], day: date
    ) -> Container[RecordName]:
        """Return no record."""
        del erasure, people, records, day
        return NOTHING_HELD

    async def that_keep(self, erasure: str) -> tuple[str, ...]:
        """Return no hold."""
        del erasure
        return ()


NO_HOLDS = NoHolds()


@dataclass(frozen=True, slots=True)
class HoldCheck:
    """The holds that count for one erasure on one day."""

    holds: HoldReader
    erasure: str
    day: date

    async def found(self, found: Iterable[FoundRecord], people: Identities) -> Container[RecordName]:
        """Return the names of the held records among *found*."""
        return await self.holds.keeping(self.erasure, people, map(HoldableRecord.of, found), self.day)

    async def standing(self) -> tuple[str, ...]:
        """Return the holds that keep records from the erasure."""
        return await self.holds.that_keep(self.erasure)

    async def planned(self, plans: Sequence[RecordPlan]) -> Container[RecordName]:
        """Return the names of the held records that *plans* change, all of one erasure."""
        steps = (step for plan in plans for step in plan.steps if step.changes)
        records = (HoldableRecord(step.key, step.id) for step in steps)
        people: dict[str, tuple[str, ...]] = {}
        for plan in plans:
            for name, spellings in plan.known_by.items():
                people[name] = (*people.get(name, ()), *spellings)
        return await self.holds.keeping(self.erasure, people, records, self.day)


def without(plan: RecordPlan, held: Container[RecordName]) -> RecordPlan:
    """Return *plan* without the *held* records."""
    if held == NOTHING_HELD:
        return plan
    return replace(plan, steps=Steps(runs_of(step for step in plan.steps if step.record not in held)))


def retained(step: RecordStep) -> RecordStep:
    """
    Return *step* for a record that a hold keeps: it does not change at all.

    Law:
        GDPR Art. 17(3)(e): no erasure where data is needed to establish, exercise or defend legal claims.
    """
    return replace(
        step,
        disposition=Disposition.RETAINED,
        deleted=False,
        masks=(),
        pulls=(),
        sets=(),
        locked=False,
        reason=LEGAL_HOLD,
        because="",
        until=None,
    )
