"""What a replay found, erasure by erasure, and what it did about it, in numbers. Pure."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from services.fulfillment.erasure.journal.returned import ReturnVerdict
from services.fulfillment.erasure.steps import ErasurePlan, RecordStep
from services.fulfillment.search.bson_equality import key_of

Record: TypeAlias = tuple[str, Hashable]
"""Key of a collection, and what the ``_id`` of one of its records is compared by."""


def record_of(key: str, document_id: Any) -> Record:
    """Return what tells a record of the collection *key* from all others."""
    return key, key_of(document_id)


def record_of_step(step: RecordStep) -> Record:
    """Return what tells the record of *step* from all others."""
    return record_of(step.key, step.id["_id"])


@dataclass
class Examined:
    """What of one erasure has come back."""

    plan: ErasurePlan
    """What is to be done again."""
    unnamed: set[Record] = field(default_factory=set)
    """Those of its records that the journal does not name."""
    left: dict[Record, ReturnVerdict | None] = field(default_factory=dict)
    """Records that are left alone, and why; none: because a law says so."""
    seen: frozenset[Record] = frozenset()
    """All that are there, in whatever state."""


@dataclass
class ReplayCounts:
    """What became of the records of one collection."""

    deleted: int = 0
    masked: int = 0
    pulled: int = 0
    """Records of which elements were taken out again."""
    unnamed: int = 0
    """Those of the above that the journal did not name: they came back by the person's identities."""
    kept: int = 0
    """Back, and kept now, because a law says so."""
    newer: int = 0
    """Left, for they were made after the erasure."""
    unsure: int = 0
    """Left, for nothing in them says when they were made: a person must look."""
    failed: int = 0
    """Still there after all."""

    def count(self, step: RecordStep, *, failed: bool, unnamed: bool) -> None:
        """Add a record that came back."""
        if failed:
            self.failed += 1
            return
        self.deleted += step.deleted
        self.pulled += bool(step.pulls)
        self.masked += bool(step.masks) and not step.pulls
        self.unnamed += unnamed

    def leave(self, verdict: ReturnVerdict | None) -> None:
        """Add a record that is left alone; because a law says so, if there is no verdict."""
        self.kept += verdict is None
        self.newer += verdict is ReturnVerdict.NEWER
        self.unsure += verdict is ReturnVerdict.UNSURE


@dataclass
class ReplayReport:
    """What a replay found and did."""

    erasures: int = 0
    collections: dict[str, ReplayCounts] = field(default_factory=lambda: defaultdict(ReplayCounts))
    unmapped: set[str] = field(default_factory=set)
    """Collections of the journal that the data map does not name any more."""
    stopped: str = ""
    """Why the replay came to an early end."""

    def note(self, rounds: Sequence[Examined], failed: AbstractSet[Record]) -> None:
        """Add what became of an erasure's records in *rounds*; those that *failed* are there still."""
        steps = {record_of_step(step): step for examined in rounds for step in examined.plan.steps}
        unnamed = {record for examined in rounds for record in examined.unnamed}
        for record, step in steps.items():
            self.collections[step.key].count(step, failed=record in failed, unnamed=record in unnamed)
        for (key, _), verdict in rounds[0].left.items():
            self.collections[key].leave(verdict)

    @property
    def done(self) -> bool:
        """Whether nothing had come back, or all of it is gone again."""
        left = any(tally.unsure or tally.failed for tally in self.collections.values())
        return not (left or self.unmapped or self.stopped)

    def plain(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "done": self.done,
            "erasures": self.erasures,
            "collections": {key: asdict(tally) for key, tally in self.collections.items()},
            "unmapped": sorted(self.unmapped),
            "stopped": self.stopped,
        }
