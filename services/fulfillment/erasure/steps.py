"""
A plan of an erasure, of marks or of corrections: the treatment of each record, decided before any write.

A plan is a value: stored sealed, executed as often as needed, and compared with the records afterwards. A
step names its record by primary key and by the values that make it the person's, never by a position.

Consecutive steps that differ in the primary key alone are kept as one run, with its keys: most of a person's
records are treated alike, so that a million of them need the memory of their keys.
"""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from functools import partial
from itertools import chain
from operator import is_
from typing import Any, TypeAlias, overload

from services.fulfillment.datamap.model import PERSONAL, CollectionPlace
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.ownership import OwnershipMatch, owned
from shared.runtime.mongo import from_bson, to_bson

RecordName: TypeAlias = tuple[str, Hashable]
"""Key of a collection, and the comparison key of a record's primary key."""


def record_named(key: str, identity: Mapping[str, Any]) -> RecordName:
    """Return the unique name of a record of the collection *key*, by its primary key."""
    return key, tuple((path, key_of(value)) for path, value in identity.items())


class Disposition(StrEnum):
    """The treatment of a record."""

    ERASED = "erased"
    """The document is deleted, or the person's elements of it are."""
    MASKED = "masked"
    """The personal data in it is replaced, the rest stays."""
    RETAINED = "retained"
    """It stays, because a law says so."""
    UNCHANGED = "unchanged"
    """It holds no data that the erasure covers."""
    LEFT = "left"
    """It was to be erased and is still there, whole or in part: a store refused, or the map forbids it."""
    GONE = "gone"
    """When it was to be erased, it was no longer the person's."""
    MARKED = "marked"
    """It carries the mark that restricts its use."""
    CORRECTED = "corrected"
    """A wrong value in it was corrected."""


@dataclass(frozen=True, slots=True)
class Mask:
    """The replacement of a field's value."""

    path: str
    arrays: tuple[str, ...]
    """The arrays on the way to it, outermost first, as they are stored."""
    value: Any
    removed: bool = False
    """Whether the field itself is removed; *value* then means nothing."""
    instead_of: tuple[Any, ...] = ()
    """The value that it replaces, where elements get different masks; empty: every value."""
    of: OwnershipMatch | None = None
    """The elements that it applies to; None: all."""
    single: bool = False
    """Whether it replaces an element that stands alone in place of an array."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Elements that are removed from an array."""

    match: OwnershipMatch
    arrays: tuple[str, ...]
    """The arrays on the way to their array."""


@dataclass(frozen=True, slots=True)
class Set:
    """A value written to a field: a mark, or a correction."""

    path: str
    value: Any
    before: Any = None
    created: bool = False
    """Whether the field was absent: neither a value nor null."""
    arrays: tuple[str, ...] = ()
    """The arrays on the way to it, outermost first."""
    of: OwnershipMatch | None = None
    """The elements that it applies to; None: the document, or all elements."""
    instead: bool = False
    """Whether it replaces *before* alone, so that concurrent changes stay."""
    removed: bool = False
    """Whether the field itself is removed; *value* then means nothing."""


@dataclass(frozen=True, slots=True)
class RecordStep:
    """The changes to one record. Repeating them changes nothing more."""

    key: str
    place: CollectionPlace
    id: Mapping[str, Any]
    disposition: Disposition
    guard: tuple[OwnershipMatch, ...]
    """Matches of which at least one must still hold: the document is then still the person's."""
    alone: tuple[str, ...] = ()
    """Arrays and fields of a shared document that must hold no other person at the write."""
    accompanied: tuple[str, ...] = ()
    """Arrays and fields of a shared document of which one must hold another person at the write."""
    hold: tuple[str, Any] | None = None
    """Field and value that mark a hold, which may be set between plan and write."""
    deleted: bool = False
    masks: tuple[Mask, ...] = ()
    pulls: tuple[Pull, ...] = ()
    sets: tuple[Set, ...] = ()
    reason: str | None = None
    because: str | None = None
    until: date | None = None
    undeclared: int = 0
    """Fields of a masked document that the map does not know: they stay, and the staff must check them."""
    locked: bool = False
    """Whether it is retained with the map's mark that locks it for other uses."""
    left: tuple[str, ...] = ()
    """Fields with data of the person that the map forbids to change."""

    @property
    def record(self) -> RecordName:
        """Its record's unique name."""
        return record_named(self.key, self.id)

    @property
    def changes(self) -> bool:
        """Whether it writes anything."""
        return bool(self.deleted or self.masks or self.pulls or self.sets)

    @property
    def incomplete(self) -> bool:
        """Whether it is erased except for fields that the map forbids to change."""
        return bool(self.left) and self.disposition not in (Disposition.RETAINED, Disposition.LEFT)

    @property
    def unchangeable(self) -> bool:
        """Whether data stays in it because the map forbids to change it, and for no other reason."""
        return self.incomplete or (self.disposition is Disposition.LEFT and self.reason == NOT_CHANGEABLE)

    @property
    def owned(self) -> bool:
        """Whether the whole document is the person's."""
        return owned(self.guard)

    @property
    def reasons(self) -> tuple[OwnershipMatch, ...]:
        """All matches that make the record, or elements of it, the person's."""
        pulled = [pull.match for pull in self.pulls]
        masked = [mask.of for mask in self.masks if mask.of is not None]
        return tuple(dict.fromkeys((*self.guard, *pulled, *masked)))


def as_document(step: RecordStep) -> dict[str, Any]:
    """Return *step* in its stored form."""
    return {
        **_members(step),
        "place": list(step.place),
        "id": [[path, value] for path, value in step.id.items()],
        "disposition": step.disposition.value,
        "guard": [_match_as_document(match) for match in step.guard],
        "masks": [_part_as_document(mask) for mask in step.masks],
        "pulls": [[_match_as_document(pull.match), list(pull.arrays)] for pull in step.pulls],
        "sets": [_part_as_document(part) for part in step.sets],
        "until": None if step.until is None else step.until.isoformat(),
    }


def _members(thing: RecordStep | Mask | Set) -> dict[str, Any]:
    return {one.name: getattr(thing, one.name) for one in fields(thing)}


def _part_as_document(part: Mask | Set) -> dict[str, Any]:
    """Return *part* in its stored form, in which BSON writes tuples as arrays."""
    return {**_members(part), "of": None if part.of is None else _match_as_document(part.of)}


def of_document(document: Mapping[str, Any]) -> RecordStep:
    """Return the step that :func:`as_document` wrote."""
    return RecordStep(
        key=document["key"],
        place=CollectionPlace(*document["place"]),
        id=dict(document["id"]),
        disposition=Disposition(document["disposition"]),
        guard=tuple(map(_match_of, document["guard"])),
        alone=tuple(document.get("alone", ())),
        accompanied=tuple(document.get("accompanied", ())),
        hold=None if document["hold"] is None else tuple(document["hold"]),
        deleted=document["deleted"],
        masks=tuple(map(_mask_of, document["masks"])),
        pulls=tuple(Pull(_match_of(match), tuple(arrays)) for match, arrays in document["pulls"]),
        sets=tuple(map(_set_of, document.get("sets", ()))),
        reason=document["reason"],
        because=document["because"],
        until=None if document["until"] is None else date.fromisoformat(document["until"]),
        undeclared=document["undeclared"],
        locked=document.get("locked", False),
        left=tuple(document["left"]),
    )


def _mask_of(document: Mapping[str, Any]) -> Mask:
    return Mask(**{**_placed(document), "instead_of": tuple(document["instead_of"])})


def _set_of(document: Mapping[str, Any]) -> Set:
    return Set(**_placed(document))


def _placed(document: Mapping[str, Any]) -> dict[str, Any]:
    of = None if document["of"] is None else _match_of(document["of"])
    return {**document, "arrays": tuple(document["arrays"]), "of": of}


def _match_as_document(match: OwnershipMatch) -> dict[str, Any]:
    simple = {"path": match.path, "unit": match.unit, "values": list(match.values)}
    if not match.others:
        return simple
    return {**simple, "others": [list(other) for other in match.others], "arrays": list(match.arrays)}


def _match_of(document: Mapping[str, Any]) -> OwnershipMatch:
    return OwnershipMatch(
        document["path"],
        document["unit"],
        tuple(document["values"]),
        tuple((path, value) for path, value in document.get("others", ())),
        tuple(document.get("arrays", ())),
    )


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

    __slots__ = ("_length", "runs")

    def __init__(self, runs: Iterable[StepRun] = ()) -> None:
        """Create the sequence of *runs*."""
        self.runs = tuple(runs)
        self._length = sum(map(len, self.runs))

    def __len__(self) -> int:
        """Return the number of steps."""
        return self._length

    def __iter__(self) -> Iterator[RecordStep]:
        """Yield every step."""
        return chain.from_iterable(self.runs)

    @overload
    def __getitem__(self, place: int) -> RecordStep: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[RecordStep, ...]: ...
    def __getitem__(self, place: int | slice) -> RecordStep | tuple[RecordStep, ...]:
        """Return the step at *place*; all steps are created for it."""
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        """Return whether *other* has the same steps, however they are stored."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Return a hash that equal steps share."""
        return hash(self._length)


def runs_of(steps: Iterable[RecordStep]) -> Iterator[StepRun]:
    """Yield *steps* in runs."""
    begun: _Begun | None = None
    for step in steps:
        if begun is not None and not begun.takes(step):
            yield begun.run()
            begun = None
        begun = begun or _Begun(step)
        begun.keys.append(tuple(step.id.values()))
    if begun is not None:
        yield begun.run()


def alike(steps: Sequence[RecordStep]) -> Iterator[tuple[RecordStep, int]]:
    """Yield a step of each run and the number of steps in it, for callers that do not need the keys."""
    if isinstance(steps, Steps):
        return ((run.step, len(run)) for run in steps.runs)
    return ((step, 1) for step in steps)


def steps_where(steps: Sequence[RecordStep], wanted: Callable[[RecordStep], bool]) -> Iterator[RecordStep]:
    """Yield the *wanted* steps; *wanted* must not depend on the primary key."""
    if isinstance(steps, Steps):
        return (step for run in steps.runs if wanted(run.step) for step in run)
    return filter(wanted, steps)


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
    ends = (step.reason, step.because, step.until, step.undeclared, step.left, step.locked, step.alone)
    return (step.key, step.place, step.disposition, held, step.deleted, *ends)


def _content(step: RecordStep) -> bytes:
    """Return *step* without its primary key as bytes, types of values included: 1 is not True here."""
    return to_bson({**as_document(step), "id": None})


_NAMED = ("identities", "aliases", "verified")
"""Members of a plan that are stored as pairs of a name and its spellings."""
SMALL = 100
"""Steps of a plan that are gone through within a few milliseconds."""


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """The treatment of every record found."""

    version: str
    made_on: date
    targets: tuple[str, ...]
    steps: Sequence[RecordStep]
    """As many as there are records: do not make a list of them without need."""
    order: tuple[tuple[str, ...], ...]
    """Keys of collections; those of one group are erased together, the groups one after the other."""
    missing: tuple[str, ...] = field(default=())
    """Keys of collections that the map names and the database lacks."""
    identities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The identities that the records were found by, for the verification."""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Other identities in the person's records; once these are erased, only the plan has them."""

    verified: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Verified identities among these, searched or not: they separate other people's records."""
    unconfirmed: tuple[str, ...] = ()
    """Names of identities in the person's records that are not verified."""
    areas: tuple[str, ...] = ()
    """Keys of the collections that the request is limited to; empty: all."""
    ground: str = ""
    """The ground that the staff has decided; empty: that of each record follows from the map."""

    @property
    def is_small(self) -> bool:
        """Whether going through all steps takes a few milliseconds at most."""
        return len(self.steps) <= SMALL

    @property
    def limited(self) -> bool:
        """Whether the request is limited to some data, so that the person is still known afterwards."""
        return bool(self.areas) or self.targets != PERSONAL

    def counts(self) -> dict[str, int]:
        """Return the number of records per disposition."""
        return _total((step.disposition.value, number) for step, number in alike(self.steps))

    def reasons(self) -> dict[str, int]:
        """Return the number of records per reason for which they are retained, or left as they are."""
        return _total((step.reason, number) for step, number in alike(self.steps) if step.reason is not None)

    @property
    def undeclared(self) -> int:
        """Fields that stay in masked documents because the map does not know them."""
        return sum(step.undeclared * number for step, number in alike(self.steps))

    @property
    def changes(self) -> int:
        """The number of records that are written."""
        return sum(number for step, number in alike(self.steps) if step.changes)

    @property
    def known_by(self) -> dict[str, tuple[str, ...]]:
        """The person's identities, from the request and from their own records."""
        return {
            name: tuple(dict.fromkeys((*self.identities.get(name, ()), *self.aliases.get(name, ()))))
            for name in dict.fromkeys((*self.identities, *self.aliases))
        }

    def lines(self) -> Iterator[str]:
        """Yield the plan as text with all BSON types: its head in the first line, then a run in each."""
        head = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "steps"}
        named = {name: [[key, list(texts)] for key, texts in head[name].items()] for name in _NAMED}
        runs = self.steps.runs if isinstance(self.steps, Steps) else runs_of(self.steps)
        for document in chain(
            [{**head, "made_on": self.made_on.isoformat(), **named}], map(run_as_document, runs)
        ):
            # BSON is written ten times as fast as extended JSON.
            yield b64encode(to_bson(document)).decode()

    @classmethod
    def of_line(cls, line: str) -> "RecordPlan":
        """Return the plan with the first line *line*, without its steps."""
        head = from_bson(b64decode(line))[0]
        head.setdefault("areas", [])  # plans of earlier versions have none
        head.setdefault("ground", "")
        lists = ("targets", "missing", "unconfirmed", "areas")
        return cls(
            **{
                **head,
                "made_on": date.fromisoformat(head["made_on"]),
                "order": tuple(map(tuple, head["order"])),
                **{name: tuple(head[name]) for name in lists},
                **{name: {key: tuple(texts) for key, texts in head[name]} for name in _NAMED},
            },
            steps=(),
        )

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> "RecordPlan":
        """Return the plan that :meth:`lines` wrote."""
        first, *others = lines
        return replace(cls.of_line(first), steps=Steps(map(run_of_line, others)))


def run_of_line(line: str) -> StepRun:
    """Return the run in a line of a plan."""
    return run_of_document(from_bson(b64decode(line))[0])


def _total(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, number in counted:
        counts[name] += number
    return dict(counts)
