"""The report of a replay: numbers of records found and treated, by erasure. Pure."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from services.fulfillment.erasure.journal.returned import ReturnVerdict
from services.fulfillment.erasure.steps import ErasurePlan, RecordStep
from services.fulfillment.search.bson_equality import key_of

Record: TypeAlias = tuple[str, Hashable]
"""Key of a collection, and the comparison key of a record's ``_id``."""


def record_of(key: str, document_id: Any) -> Record:
    """Return the unique name of a record of the collection *key*."""
    return key, key_of(document_id)


def record_of_step(step: RecordStep) -> Record:
    """Return the unique name of the record of *step*."""
    return record_of(step.key, step.id["_id"])


@dataclass
class Examined:
    """The returned records of one erasure."""

    plan: ErasurePlan
    """The steps to repeat."""
    unnamed: set[Record] = field(default_factory=set)
    """Its records that the journal does not name."""
    left: dict[Record, ReturnVerdict | None] = field(default_factory=dict)
    """Records left alone, and why; None: a law requires it."""
    seen: frozenset[Record] = frozenset()
    """All records that exist, in any state."""


@dataclass
class ReplayCounts:
    """Numbers of records of one collection by result."""

    deleted: int = 0
    masked: int = 0
    pulled: int = 0
    """Records from which elements were removed again."""
    unnamed: int = 0
    """Those of the above that the journal did not name: found by the person's identities."""
    kept: int = 0
    """Returned, and retained now because of a law."""
    newer: int = 0
    """Left, because they were made after the erasure."""
    unsure: int = 0
    """Left, because they do not state when they were made: for the staff to check."""
    failed: int = 0
    """Still there after all rounds."""

    def count(self, step: RecordStep, *, failed: bool, unnamed: bool) -> None:
        """Add a returned record."""
        if failed:
            self.failed += 1
            return
        self.deleted += step.deleted
        self.pulled += bool(step.pulls)
        self.masked += bool(step.masks) and not step.pulls
        self.unnamed += unnamed

    def leave(self, verdict: ReturnVerdict | None) -> None:
        """Add a record that is left alone; without a verdict, a law requires it."""
        self.kept += verdict is None
        self.newer += verdict is ReturnVerdict.NEWER
        self.unsure += verdict is ReturnVerdict.UNSURE


@dataclass
class ReplayReport:
    """The result of a replay."""

    erasures: int = 0
    collections: dict[str, ReplayCounts] = field(default_factory=lambda: defaultdict(ReplayCounts))
    unmapped: set[str] = field(default_factory=set)
    """Collections of the journal that the data map no longer names."""
    stopped: str = ""
    """Why the replay ended early."""

    def note(self, rounds: Sequence[Examined], failed: AbstractSet[Record]) -> None:
        """Add the results of an erasure's *rounds*; the *failed* records are still there."""
        steps = {record_of_step(step): step for examined in rounds for step in examined.plan.steps}
        unnamed = {record for examined in rounds for record in examined.unnamed}
        for record, step in steps.items():
            self.collections[step.key].count(step, failed=record in failed, unnamed=record in unnamed)
        for (key, _), verdict in rounds[0].left.items():
            self.collections[key].leave(verdict)

    @property
    def done(self) -> bool:
        """Whether nothing had returned, or everything was erased again."""
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
