"""
What becomes of one record: a value, and the document it is written as.

A step names its record by primary key and by what makes it the person's, never by a position in an array,
because arrays move.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.ownership import OwnershipMatch, owned

Record: TypeAlias = tuple[str, Hashable]
"""Key of a collection, and what the primary key of one of its records is compared by."""


def record_named(key: str, identity: Mapping[str, Any]) -> Record:
    """Return what tells a record of the collection *key* from all others, by its primary key."""
    return key, tuple((path, key_of(value)) for path, value in identity.items())


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
    of: OwnershipMatch | None = None
    """The elements it is done to; none: all."""
    single: bool = False
    """Whether it takes the place of an element that stands there alone, where an array might stand, too."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Elements that leave an array."""

    match: OwnershipMatch
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
    of: OwnershipMatch | None = None
    """The elements it is done to; none: the document, or all elements."""
    instead: bool = False
    """Whether it takes the place of *before* alone, so that what others write meanwhile stays."""
    removed: bool = False
    """Whether the field itself goes; *value* then says nothing."""


@dataclass(frozen=True, slots=True)
class RecordStep:
    """What is done to one record. Doing it again changes nothing more."""

    key: str
    place: CollectionPlace
    id: Mapping[str, Any]
    disposition: Disposition
    guard: tuple[OwnershipMatch, ...]
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
    def record(self) -> Record:
        """What tells its record from all others."""
        return record_named(self.key, self.id)

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
    def reasons(self) -> tuple[OwnershipMatch, ...]:
        """Everything that makes the record, or elements of it, the person's."""
        pulled = [pull.match for pull in self.pulls]
        masked = [mask.of for mask in self.masks if mask.of is not None]
        return tuple(dict.fromkeys((*self.guard, *pulled, *masked)))


def as_document(step: RecordStep) -> dict[str, Any]:
    """Return *step* as it is written."""
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


def of_document(document: Mapping[str, Any]) -> RecordStep:
    """Return the step that :func:`as_document` wrote."""
    return RecordStep(
        key=document["key"],
        place=CollectionPlace(*document["place"]),
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
        "single": mask.single,
    }


def _mask_of(document: Mapping[str, Any]) -> Mask:
    return Mask(
        path=document["path"],
        arrays=tuple(document["arrays"]),
        value=document["value"],
        removed=document["removed"],
        instead_of=tuple(document["instead_of"]),
        of=None if document["of"] is None else _match_of(document["of"]),
        single=document.get("single", False),
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


def _match_as_document(match: OwnershipMatch) -> dict[str, Any]:
    simple = {"path": match.path, "unit": match.unit, "values": list(match.values)}
    if not match.others:
        return simple
    return {**simple, "others": [list(other) for other in match.others], "arrays": list(match.arrays)}


def _matches_of(documents: Iterable[Mapping[str, Any]]) -> tuple[OwnershipMatch, ...]:
    return tuple(_match_of(document) for document in documents)


def _match_of(document: Mapping[str, Any]) -> OwnershipMatch:
    return OwnershipMatch(
        document["path"],
        document["unit"],
        tuple(document["values"]),
        tuple((path, value) for path, value in document.get("others", ())),
        tuple(document.get("arrays", ())),
    )
