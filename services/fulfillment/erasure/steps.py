"""
A plan of an erasure, of marks or of corrections: what becomes of each record, decided before any write.

A plan is a value. It is stored, sealed; carried out as often as needed; and compared afterwards with
what is there. It names records by primary key and by what makes them the person's, never by a position in an
array, because arrays move.
"""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from services.fulfillment.datamap.model import Place
from services.fulfillment.search.ownership import Match, owned
from shared.mongo import from_bson, to_bson


class Disposition(StrEnum):
    """What becomes of a record."""

    ERASED = "erased"
    """The document goes, or the person's elements of it do."""
    MASKED = "masked"
    """What is personal in it goes, the rest stays."""
    RETAINED = "retained"
    """It stays, because a law says so."""
    UNCHANGED = "unchanged"
    """Nothing in it is what the erasure is about."""
    LEFT = "left"
    """It was to go, and is still there, whole or in part."""
    GONE = "gone"
    """When it was to go, it was no longer the person's."""
    MARKED = "marked"
    """It carries the mark by which others know what must not be done with it."""
    CORRECTED = "corrected"
    """A wrong value in it became the right one."""


@dataclass(frozen=True, slots=True)
class Mask:
    """What a field becomes."""

    path: str
    arrays: tuple[str, ...]
    """The arrays on the way to it, outermost first, as they are stored."""
    value: Any
    removed: bool = False
    """Whether the field itself goes; *value* then says nothing."""
    instead_of: tuple[Any, ...] = ()
    """The value whose place it takes, where elements get different masks; empty: every value."""
    of: Match | None = None
    """The elements it is done to; none: all."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Elements that leave an array."""

    match: Match
    arrays: tuple[str, ...]
    """The arrays on the way to the one they leave."""


@dataclass(frozen=True, slots=True)
class Set:
    """A value that a field takes: a mark, or a correction."""

    path: str
    value: Any
    before: Any = None
    """What stood there."""
    created: bool = False
    """Whether nothing stood there: neither a value nor null."""
    arrays: tuple[str, ...] = ()
    """The arrays on the way to it, outermost first."""
    of: Match | None = None
    """The elements it is done to; none: the document, or all elements."""
    instead: bool = False
    """Whether it takes the place of *before* alone, so that what others write meanwhile stays."""
    removed: bool = False
    """Whether the field itself goes; *value* then says nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is done to one record. Doing it again changes nothing more."""

    key: str
    place: Place
    id: Mapping[str, Any]
    disposition: Disposition
    guard: tuple[Match, ...]
    """What must still be true of the document, one of them at least: it is then still the person's."""
    hold: tuple[str, Any] | None = None
    """Field and value by which the document would be under a hold: it may come between plan and write."""
    deleted: bool = False
    masks: tuple[Mask, ...] = ()
    pulls: tuple[Pull, ...] = ()
    sets: tuple[Set, ...] = ()
    reason: str | None = None
    because: str | None = None
    until: date | None = None
    undeclared: int = 0
    """Fields of a masked document that the map does not know: they stay, and somebody must look at them."""
    left: tuple[str, ...] = ()
    """Personal fields that the map forbids to change."""

    @property
    def changes(self) -> bool:
        """Whether anything is written."""
        return bool(self.deleted or self.masks or self.pulls or self.sets)

    @property
    def incomplete(self) -> bool:
        """Whether it is erased but for fields that the map forbids to change."""
        return bool(self.left) and self.disposition not in (Disposition.RETAINED, Disposition.LEFT)

    @property
    def owned(self) -> bool:
        """Whether the whole document is the person's."""
        return owned(self.guard)

    @property
    def reasons(self) -> tuple[Match, ...]:
        """Everything that makes the record, or elements of it, the person's."""
        pulled = [pull.match for pull in self.pulls]
        masked = [mask.of for mask in self.masks if mask.of is not None]
        return tuple(dict.fromkeys((*self.guard, *pulled, *masked)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of every record found."""

    version: str
    """Of the data map."""
    made_on: date
    targets: tuple[str, ...]
    steps: tuple[Step, ...]
    order: tuple[tuple[str, ...], ...]
    """Keys of collections; those of one group are erased together, the groups one after the other."""
    missing: tuple[str, ...] = field(default=())
    """Keys of collections that the map names and the database lacks."""
    identities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the records were found by: the look afterwards begins with that, for more may be others'."""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the records say that the person is known by besides; once they are erased, nothing says it."""

    def counts(self) -> dict[str, int]:
        """Return the number of records per disposition."""
        return dict(Counter(step.disposition.value for step in self.steps))

    def reasons(self) -> dict[str, int]:
        """Return the number of records per reason for which they are retained, or left as they are."""
        return dict(Counter(step.reason for step in self.steps if step.reason is not None))

    @property
    def undeclared(self) -> int:
        """Fields that stay in masked documents because the map does not know them."""
        return sum(step.undeclared for step in self.steps)

    def lines(self) -> Iterator[str]:
        """Yield the plan as text, every BSON type intact: itself in the first line, then a step in each."""
        yield _line(_plan_as_document(self))
        for step in self.steps:
            yield _line(_step_as_document(step))

    @classmethod
    def of_line(cls, line: str) -> "Plan":
        """Return the plan whose first line is *line*, without its steps."""
        return _plan_of(_document(line))

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> "Plan":
        """Return the plan that :meth:`lines` wrote."""
        first, *others = lines
        return replace(cls.of_line(first), steps=tuple(map(step_of_line, others)))


def step_of_line(line: str) -> Step:
    """Return the step that a line of a plan says."""
    return _step_of(_document(line))


def _line(document: dict[str, Any]) -> str:
    """Return *document* in a line: BSON, which is written ten times as fast as extended JSON."""
    return b64encode(to_bson(document)).decode()


def _document(line: str) -> dict[str, Any]:
    return from_bson(b64decode(line))[0]


def _plan_as_document(plan: Plan) -> dict[str, Any]:
    return {
        "version": plan.version,
        "made_on": plan.made_on.isoformat(),
        "targets": list(plan.targets),
        "order": [list(group) for group in plan.order],
        "missing": list(plan.missing),
        "identities": [[name, list(spellings)] for name, spellings in plan.identities.items()],
        "aliases": [[name, list(spellings)] for name, spellings in plan.aliases.items()],
    }


def _plan_of(document: Mapping[str, Any]) -> Plan:
    return Plan(
        version=document["version"],
        made_on=date.fromisoformat(document["made_on"]),
        targets=tuple(document["targets"]),
        steps=(),
        order=tuple(tuple(group) for group in document["order"]),
        missing=tuple(document["missing"]),
        identities={name: tuple(spellings) for name, spellings in document["identities"]},
        aliases={name: tuple(spellings) for name, spellings in document["aliases"]},
    )


def _step_as_document(step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "place": list(step.place),
        "id": [[path, value] for path, value in step.id.items()],
        "disposition": step.disposition.value,
        "guard": [_match_as_document(match) for match in step.guard],
        "hold": None if step.hold is None else list(step.hold),
        "deleted": step.deleted,
        "masks": [_mask_as_document(mask) for mask in step.masks],
        "pulls": [[_match_as_document(pull.match), list(pull.arrays)] for pull in step.pulls],
        "sets": [_set_as_document(part) for part in step.sets],
        "reason": step.reason,
        "because": step.because,
        "until": None if step.until is None else step.until.isoformat(),
        "undeclared": step.undeclared,
        "left": list(step.left),
    }


def _step_of(document: Mapping[str, Any]) -> Step:
    return Step(
        key=document["key"],
        place=Place(*document["place"]),
        id=dict(document["id"]),
        disposition=Disposition(document["disposition"]),
        guard=_matches_of(document["guard"]),
        hold=None if document["hold"] is None else tuple(document["hold"]),
        deleted=document["deleted"],
        masks=tuple(_mask_of(mask) for mask in document["masks"]),
        pulls=tuple(Pull(_match_of(match), tuple(arrays)) for match, arrays in document["pulls"]),
        sets=tuple(_set_of(part) for part in document.get("sets", ())),
        reason=document["reason"],
        because=document["because"],
        until=None if document["until"] is None else date.fromisoformat(document["until"]),
        undeclared=document["undeclared"],
        left=tuple(document["left"]),
    )


def _mask_as_document(mask: Mask) -> dict[str, Any]:
    return {
        "path": mask.path,
        "arrays": list(mask.arrays),
        "value": mask.value,
        "removed": mask.removed,
        "instead_of": list(mask.instead_of),
        "of": None if mask.of is None else _match_as_document(mask.of),
    }


def _mask_of(document: Mapping[str, Any]) -> Mask:
    return Mask(
        path=document["path"],
        arrays=tuple(document["arrays"]),
        value=document["value"],
        removed=document["removed"],
        instead_of=tuple(document["instead_of"]),
        of=None if document["of"] is None else _match_of(document["of"]),
    )


def _set_as_document(part: Set) -> dict[str, Any]:
    return {
        "path": part.path,
        "value": part.value,
        "before": part.before,
        "created": part.created,
        "arrays": list(part.arrays),
        "of": None if part.of is None else _match_as_document(part.of),
        "instead": part.instead,
        "removed": part.removed,
    }


def _set_of(document: Mapping[str, Any]) -> Set:
    of = document["of"]
    arrays = tuple(document["arrays"])
    return Set(**{**document, "arrays": arrays, "of": None if of is None else _match_of(of)})


def _match_as_document(match: Match) -> dict[str, Any]:
    return {"path": match.path, "unit": match.unit, "values": list(match.values)}


def _matches_of(documents: Iterable[Mapping[str, Any]]) -> tuple[Match, ...]:
    return tuple(_match_of(document) for document in documents)


def _match_of(document: Mapping[str, Any]) -> Match:
    return Match(document["path"], document["unit"], tuple(document["values"]))
