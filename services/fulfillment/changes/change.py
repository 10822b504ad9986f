"""Marks and corrections of a request: the planned, declined and final ones. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any

from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, Set
from services.fulfillment.search.bson_equality import key_of

NOT_EDITABLE = "not_editable"
"""The map does not allow a request to change the field: the staff decides."""
DONE = frozenset({Disposition.MARKED, Disposition.CORRECTED})


@dataclass(frozen=True, slots=True)
class RefusedCorrection:
    """A correction that is not made in one collection, or in none."""

    field: str
    """The name by which the person named it."""
    reason: str
    key: str | None = None
    """The collection; None if the field is not found at all."""


@dataclass(frozen=True, slots=True)
class MissingChange:
    """A planned value that is missing afterwards."""

    step: RecordStep
    part: Set
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """The marks or corrections of a request, made and declined."""

    plan: RecordPlan
    declined: tuple[RefusedCorrection, ...] = ()

    @property
    def done(self) -> bool:
        """Whether any record is marked or corrected, or was marked before."""
        return any(step.disposition in DONE for step in self.plan.steps)

    @property
    def whole(self) -> bool:
        """Whether everything requested is done."""
        return not self.declined and all(step.disposition in DONE for step in self.plan.steps)

    @property
    def disputed(self) -> bool:
        """Whether the staff must decide about a value that no request may change."""
        return any(item.reason == NOT_EDITABLE for item in self.declined)

    def only(self, disposition: Disposition) -> RecordPlan:
        """Return the plan with the steps of *disposition* alone."""
        steps = tuple(step for step in self.plan.steps if step.disposition is disposition)
        return replace(self.plan, steps=steps)

    def reasons(self) -> dict[str, int]:
        """Return the numbers of unchanged records and declined corrections, by reason."""
        return dict(Counter(self.plan.reasons()) + Counter(item.reason for item in self.declined))

    def after(self, undone: Sequence[MissingChange]) -> "Change":
        """Return the final change: the same without the values *undone*."""
        parts: defaultdict[int, list[MissingChange]] = defaultdict(list)
        for item in undone:
            parts[id(item.step)].append(item)
        steps = tuple(_after(step, parts[id(step)]) for step in self.plan.steps)
        declined = [
            RefusedCorrection(item.part.path, item.reason, item.step.key)
            for item in undone
            if item.step.disposition is Disposition.CORRECTED
        ]
        return Change(replace(self.plan, steps=steps), (*self.declined, *declined))

    def lines(self) -> Iterator[str]:
        """Yield it as JSON with all BSON types: the declined corrections, then the lines of the plan."""
        yield json.dumps([asdict(item) for item in self.declined])
        yield from self.plan.lines()

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> "Change":
        """Return the change that :meth:`lines` wrote."""
        declined, *plan = lines
        items = tuple(RefusedCorrection(**item) for item in json.loads(declined))
        made = RecordPlan.of_lines(plan)
        # Marked records are handled one by one: each step object stays the same.
        return cls(replace(made, steps=tuple(made.steps)), items)


def _after(step: RecordStep, undone: Sequence[MissingChange]) -> RecordStep:
    if not undone:
        return step
    kept = tuple(part for part in step.sets if part not in [item.part for item in undone])
    of_correction = step.disposition is Disposition.CORRECTED
    if of_correction and kept:
        return replace(step, sets=kept)
    reason = None if of_correction else undone[0].reason
    return replace(step, sets=kept, disposition=Disposition.UNCHANGED, reason=reason)


def corrected(change: Change) -> Iterator[tuple[RecordStep, Set]]:
    """Yield every value that was corrected, with its record."""
    steps = (step for step in change.plan.steps if step.disposition is Disposition.CORRECTED)
    yield from ((step, part) for step in steps for part in step.sets)


class Gap(Enum):
    """Why there is no value at a path."""

    MISSING = "missing"
    """The field is absent, and could be added."""
    BLOCKED = "blocked"
    """A value other than an object is in the way."""


def standing(value: Any, path: str) -> Any:
    """Return the value at *path* below *value*, or the :class:`Gap` there."""
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return Gap.BLOCKED
        if part not in value:
            return Gap.MISSING
        value = value[part]
    return value


def same(one: Any, other: Any) -> bool:
    """Return whether two values, or gaps, are equal."""
    if isinstance(one, Gap) or isinstance(other, Gap):
        return one is other
    return key_of(one) == key_of(other)
