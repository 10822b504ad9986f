"""
Runs of steps: consecutive steps that differ in the primary key alone are kept as one, with its keys.

Most of a person's records are treated alike, so that a million of them need the memory of their keys. A run
is also one line of a stored plan.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import accumulate
from operator import is_
from typing import Any, overload

from services.fulfillment.erasure.step import RecordStep, as_document, of_document
from shared.runtime.mongo import to_bson

LONGEST_RUN = 1_000
"""Most steps in one run: a line of a plan is read as a whole."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """Steps that differ in the primary key alone."""

    step: RecordStep
    """The first step."""
    keys: tuple[tuple[Any, ...], ...]
    """For each path of the primary key, its value in every step."""

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.keys[0])

    def __iter__(self) -> Iterator[RecordStep]:
        """Yield every step."""
        paths = tuple(self.step.id)
        # Not by replace(), which reads every field of every step and takes three times as long.
        same = {one.name: getattr(self.step, one.name) for one in fields(RecordStep) if one.name != "id"}
        make = partial(RecordStep, **same)
        for values in zip(*self.keys, strict=True):
            yield make(id=dict(zip(paths, values, strict=True)))


class Steps(Sequence[RecordStep]):
    """A sequence of many steps; they are created at each iteration."""

    __slots__ = ("_ends", "runs")

    def __init__(self, runs: Iterable[StepRun] = ()) -> None:
        """Create the sequence of *runs*."""
        self.runs = tuple(runs)
        self._ends = list(accumulate(map(len, self.runs)))

    def __len__(self) -> int:
        """Return the number of steps."""
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[RecordStep]:
        """Yield every step."""
        for run in self.runs:
            yield from run

    @overload
    def __getitem__(self, place: int) -> RecordStep: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[RecordStep, ...]: ...
    def __getitem__(self, place: int | slice) -> RecordStep | tuple[RecordStep, ...]:
        """Return the step at *place*."""
        if isinstance(place, slice):
            return tuple(self)[place]
        wanted = range(len(self))[place]
        number = bisect_right(self._ends, wanted)
        run = self.runs[number]
        within = wanted - self._ends[number] + len(run)
        return replace(
            run.step,
            id={path: values[within] for path, values in zip(run.step.id, run.keys, strict=True)},
        )

    def __eq__(self, other: object) -> bool:
        """Return whether *other* has the same steps, however they are stored."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Return a hash that equal steps share."""
        return hash(len(self))


def runs_of(steps: Iterable[RecordStep]) -> Iterator[StepRun]:
    """Yield *steps* in runs."""
    begun: _Begun | None = None
    for step in steps:
        if begun is None or not begun.takes(step):
            if begun is not None:
                yield begun.run()
            begun = _Begun(step)
        begun.keys.append(tuple(step.id.values()))
    if begun is not None:
        yield begun.run()


def alike(steps: Sequence[RecordStep]) -> Iterator[tuple[RecordStep, int]]:
    """Yield a step of each run and the number of steps in it, for callers that do not need the keys."""
    if isinstance(steps, Steps):
        yield from ((run.step, len(run)) for run in steps.runs)
    else:
        yield from ((step, 1) for step in steps)


def steps_where(steps: Sequence[RecordStep], wanted: Callable[[RecordStep], bool]) -> Iterator[RecordStep]:
    """Yield the *wanted* steps; *wanted* must not depend on the primary key."""
    if isinstance(steps, Steps):
        yield from (step for run in steps.runs if wanted(run.step) for step in run)
    else:
        yield from filter(wanted, steps)


def steps_in(steps: Sequence[RecordStep], key: str) -> Iterator[RecordStep]:
    """Yield the steps for the collection *key*."""
    return steps_where(steps, lambda step: step.key == key)


def run_as_document(run: StepRun) -> dict[str, Any]:
    """Return *run* in its stored form."""
    return {**as_document(run.step), "keys": [list(values) for values in run.keys]}


def run_of_document(document: Mapping[str, Any]) -> StepRun:
    """Return the run that :func:`run_as_document` wrote."""
    step = of_document(document)
    # One step per line: the format before runs.
    keys = document.get("keys") or [[value] for value in step.id.values()]
    return StepRun(step, tuple(map(tuple, keys)))


@dataclass(slots=True)
class _Begun:
    """A run that may still grow."""

    first: RecordStep
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    content: bytes = b""

    def takes(self, step: RecordStep) -> bool:
        if len(self.keys) >= LONGEST_RUN or step.id.keys() != self.first.id.keys():
            return False
        if _plainly_alike(self.first, step):
            return True
        self.content = self.content or _content(self.first)
        return self.content == _content(step)

    def run(self) -> StepRun:
        return StepRun(self.first, tuple(zip(*self.keys, strict=True)))


def _plainly_alike(one: RecordStep, other: RecordStep) -> bool:
    """Return whether two steps are clearly alike: a search gives alike records identical matches."""
    if one.masks or other.masks or one.pulls or other.pulls or one.sets or other.sets:
        return False
    same = len(one.guard) == len(other.guard) and all(map(is_, one.guard, other.guard))
    return same and _words(one) == _words(other)


def _words(step: RecordStep) -> tuple[Any, ...]:
    held = None if step.hold is None else (step.hold[0], id(step.hold[1]))
    ends = (step.reason, step.because, step.until, step.undeclared, step.left)
    return (step.key, step.place, step.disposition, held, step.deleted, *ends)


def _content(step: RecordStep) -> bytes:
    """Return *step* without its primary key as bytes, types of values included: 1 is not True here."""
    return to_bson({**as_document(step), "id": None})
