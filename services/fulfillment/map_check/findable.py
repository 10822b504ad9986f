"""Checks whether stored identities are found by requests, and references lead to partners. Pure."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from services.fulfillment.datamap.declarations import kind_of
from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import MappedField, Reference
from services.fulfillment.datamap.paths import places, values_at
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.map_check.observations import Observed, comparable, counted, kinds_at
from services.fulfillment.search.bson_equality import key_of, refers
from services.fulfillment.search.forms import forms, text_of
from services.fulfillment.search.phones import canonical
from shared.runtime.mongo import DBRef, Document

PHONE = "phone_number"
_WRITTEN = {
    PHONE: "store numbers with their country code, as +41446681800: they are found in any spelling",
}
_BLANKS = "store it without blanks around it"


def unfindable(observed: Observed) -> Iterator[MapError]:
    """Yield the identities with a type, or notation, that no request is looked up by."""
    for field in observed.collection.leaves:
        if field.identity is not None:
            yield from _typed(field, observed)
            yield from _written(field, observed)


def buried(observed: Observed) -> Iterator[MapError]:
    """Yield the looked-up fields in arrays of arrays, which queries do not search."""

    def is_buried(document: Document, path: str) -> bool:
        return any(
            any(around == array for around, array in pairwise(arrays))
            or (isinstance(found, list) and any(isinstance(item, list) for item in found))
            for arrays, found in places(document, path)
        )

    for where, path, often in _looked_up(observed, is_buried):
        what = f"`{path}` lies in arrays of arrays {often}"
        yield MapError(where, what, "store it in one array: a search finds nothing there")


def pointed(observed: Observed) -> Iterator[MapError]:
    """Yield the looked-up fields with a driver's pointer, which holds an id and is none."""

    def is_pointer(document: Document, path: str) -> bool:
        return any(isinstance(value, DBRef) for value in values_at(document, path))

    for where, path, often in _looked_up(observed, is_pointer):
        what = f"`{path}` holds a DBRef {often}"
        yield MapError(where, what, "store the id alone: a search finds no DBRef")


def _looked_up(observed: Observed, is_so: Callable[[Document, str], bool]) -> Iterator[tuple[str, str, str]]:
    """Yield each looked-up path with its place in the map, and how often it *is so*."""
    for path in sorted({path for lookup in observed.speeds for path in lookup.paths}):
        number = sum(is_so(document, path) for document in observed.documents)
        if number:
            often = counted(number, len(observed.documents))
            yield observed.collection.by_path[path].where, path, often


def _typed(field: MappedField, observed: Observed) -> Iterator[MapError]:
    """Yield the types of values that requests' texts are not looked up in."""

    def is_missed(value: Any) -> bool:
        text = text_of(value) if refers(value) else None
        return text is not None and all(key_of(value) != key_of(form) for form in forms(text, field.type))

    missed = Counter(
        kind
        for document in observed.documents
        for kind in {kind_of(value) for value in values_at(document, field.path) if is_missed(value)}
    )
    for kind, number in sorted(missed.items()):
        count = counted(number, len(observed.documents))
        what = f"`{field.path}` holds `{kind}` {count}: no request is looked up as that"
        yield MapError(field.where, what, f"declare `data_type: {kind}`")


def _written(field: MappedField, observed: Observed) -> Iterator[MapError]:
    apart = sum(
        any(_stands_alone(value, field) for value in values_at(document, field.path))
        for document in observed.documents
    )
    if apart:
        count = counted(apart, len(observed.documents))
        what = f"`{field.path}` is written {count} so that only the same spelling finds it"
        yield MapError(field.where, what, _WRITTEN.get(field.identity or "", _BLANKS), remark=True)


def _stands_alone(value: Any, field: MappedField) -> bool:
    """Return whether *value* is found in its exact notation only."""
    if not isinstance(value, str) or not value:
        return False
    if field.identity != PHONE:
        return value != value.strip()
    dialled = canonical(value)
    return dialled is None or not dialled.startswith("+")


MOST_FOLLOWED = 100
"""Values of a reference that are checked for partners."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A reference with the samples of its two ends."""

    here: Observed
    field: MappedField
    reference: Reference
    there: Observed

    @property
    def other(self) -> MappedField:
        """The field at the other end."""
        return self.there.collection.by_path[self.reference.path]

    @property
    def target(self) -> str:
        """The full name of the field at the other end."""
        return f"{self.reference.key}.{self.reference.path}"

    @property
    def caseless(self) -> bool:
        """Whether case does not count."""
        return EMAIL in (self.field.identity, self.other.identity)

    def key(self, value: Any) -> Hashable:
        """Return a key that *value* and its partners share."""
        return key_of(value, caseless=self.caseless)

    def followed(self) -> dict[Hashable, list[Any]]:
        """Return sampled values, each in every form of a partner."""
        found: dict[Hashable, list[Any]] = {}
        for document in self.here.documents:
            for value in filter(refers, values_at(document, self.field.path)):
                if len(found) < MOST_FOLLOWED:
                    found.setdefault(self.key(value), list(forms(value, self.other.type)))
        return found


def pairs(here: Observed, observed: Mapping[str, Observed]) -> Iterator[Pair]:
    """Yield the references of a collection to observed ones."""
    for field in here.collection.leaves:
        for reference in field.references:
            if reference.key in observed:
                yield Pair(here, field, reference, observed[reference.key])


def unlike(pair: Pair) -> Iterator[MapError]:
    """Yield a remark if the two ends hold values of different types."""
    ends = ((pair.here, pair.field.path), (pair.there, pair.reference.path))
    here, there = (sorted(kinds_at(seen.documents, path).keys() - {"null"}) for seen, path in ends)
    if here and there and not {*map(comparable, here)} & {*map(comparable, there)}:
        ours, theirs = (", ".join(f"`{kind}`" for kind in kinds) for kinds in (here, there))
        what = f"`{pair.field.path}` holds {ours}, `{pair.target}` holds {theirs}"
        remedy = "declare both types: values are converted on the way"
        yield MapError(pair.reference.where, what, remedy, remark=True)


def dangling(
    pair: Pair, followed: Mapping[Hashable, Sequence[Any]], partners: Sequence[Any]
) -> Iterator[MapError]:
    """Yield a remark if some of the values *followed* are not among *partners*."""
    known = {pair.key(value) for value in partners}
    lost = sum(known.isdisjoint(map(pair.key, forms)) for forms in followed.values())
    if lost:
        values = f"{lost} of {len(followed)} values of `{pair.field.path}`"
        what = f"{values} have no partner in `{pair.target}`"
        remedy = "correct the reference" if lost == len(followed) else "fine if what they refer to is gone"
        yield MapError(pair.reference.where, what, remedy, remark=True)
