"""
The planned treatment of one record, and its stored form.

A step names its record by primary key and by the values that make it the person's, never by a position in an
array, because arrays change.
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
"""Key of a collection, and the comparison key of a record's primary key."""


def record_named(key: str, identity: Mapping[str, Any]) -> Record:
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
    """It was to be erased and is still there, whole or in part."""
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
    """The value before."""
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
    left: tuple[str, ...] = ()
    """Personal fields that the map forbids to change."""

    @property
    def record(self) -> Record:
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
