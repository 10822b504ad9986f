"""
The part of a document that is the person's: all of it, or single elements of arrays that people share.

A match on a field outside any divided array makes the document theirs, without the elements of others in
it. A match inside a divided array makes that one element theirs. If the map states that the document is
shared, it is also theirs: to be read, and to be changed if no other person is in it (docs/adr/0034).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, TypeAlias

from services.fulfillment.datamap.model import Collection
from services.fulfillment.datamap.paths import (
    below,
    joined,
    leads_through,
    raw_at,
    together,
    tuples_at,
    values_at,
)
from services.fulfillment.search.bson_equality import key_of
from shared.runtime.mongo import Document

_NOTHING = object()


class AnothersValue:
    """Takes the place of a value of another person in a shared document."""


ANOTHERS: Final = AnothersValue()

Position: TypeAlias = tuple[str | int, ...]
"""Names and array indexes that lead to a value in a document."""


@dataclass(frozen=True, slots=True)
class ArrayElement:
    """An element of a divided array."""

    value: Any
    position: Position
    arrays: tuple[str, ...]
    """The arrays on the way to the one it stands in, outermost first."""
    single: bool
    """Whether it stands alone in place of an array."""


@dataclass(frozen=True)
class OwnershipMatch:
    """The reason why something is the person's: the matched values, as they are stored."""

    path: str
    unit: str | None
    """The divided array that contains the match; None: the document itself matches."""
    values: tuple[Any, ...]
    others: tuple[tuple[str, Any], ...] = ()
    """The other parts of a composite key, each with its path; they stand beside one of *values*."""
    arrays: tuple[str, ...] = ()
    """The arrays on the way to the parts of a composite key, as they are stored, outermost first."""

    @cached_property
    def keys(self) -> frozenset[Hashable]:
        """The values in comparable form."""
        return frozenset(key_of(value) for value in self.values)

    @cached_property
    def conditions(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """The conditions that must hold together: a path, and the values of which one stands there."""
        return ((self.path, self.values), *((path, (value,)) for path, value in self.others))

    def around(self, arrays: Sequence[str]) -> Mapping[str, Sequence[tuple[str, tuple[Any, ...]]]]:
        """
        Return the conditions for elements of each of *arrays*, and for the document (empty).

        Args:
            arrays: The arrays on the way to an element, its own included, outermost first.
        """
        found: dict[str, list[tuple[str, tuple[Any, ...]]]] = {}
        for path, values in self.conditions:
            array = next((a for a in reversed(arrays) if leads_through(path, a)), "")
            found.setdefault(array, []).append((below(path, array), values))
        return found

    def holds_of(self, document: Any) -> bool:
        """Return whether *document*, or an element of it, is the person's for this reason."""
        if not self.others:
            return any(key_of(found) in self.keys for found in values_at(document, self.path))
        parts = tuple(key_of(value) for _, value in self.others)
        paths = (self.path, *(path for path, _ in self.others))
        return any(
            key_of(first) in self.keys and tuple(map(key_of, others)) == parts
            for first, *others in tuples_at(document, paths)
        )

    def elements(self, document: Any) -> Iterator[ArrayElement]:
        """Yield the elements of *document* that are the person's for this reason."""
        if self.unit is not None:
            parts = tuple((path, frozenset({key_of(value)})) for path, value in self.others)
            yield from _elements(document, self.unit, ((self.path, self.keys), *parts), _START)

    def element_values(self, document: Any, path: str) -> Iterator[Any]:
        """Yield the values at *path* of *document* in the elements that are the person's for this reason."""
        for element in self.elements(document):
            yield from values_at(element.value, below(path, self.unit or ""))


def hashed_matches(  # noqa: PLR0913 - a match by hashes, and how to compute them
    document: Any,
    path: str,
    unit: str | None,
    hashes: frozenset[bytes],
    others: Sequence[tuple[str, bytes]],
    *,
    hash_of: Callable[[Any], bytes],
) -> Iterator[OwnershipMatch]:
    """Yield the matches in *document*: values with one of *hashes* at *path*, beside *others* if any."""
    if not others:
        found = {key_of(value): value for value in values_at(document, path) if hash_of(value) in hashes}
        if found:
            yield OwnershipMatch(path, unit, tuple(found.values()))
        return
    paths, wanted = zip(*others, strict=True)
    for (first, *rest), arrays in together(document, (path, *paths)):
        if hash_of(first) in hashes and tuple(map(hash_of, rest)) == wanted:
            parts = tuple(zip(paths, rest, strict=True))
            yield OwnershipMatch(path, unit, (first,), parts, tuple(dict.fromkeys(arrays)))


_KeyConditions: TypeAlias = tuple[tuple[str, frozenset[Hashable]], ...]
"""Paths, and the keys of the values of which one must stand there."""


@dataclass(frozen=True, slots=True)
class _DocumentPlace:
    """The way to a place in a document."""

    path: str
    position: Position
    arrays: tuple[str, ...]

    def item(self, number: int) -> "_DocumentPlace":
        return _DocumentPlace(self.path, (*self.position, number), (*self.arrays, self.path))

    def member(self, name: str) -> "_DocumentPlace":
        return _DocumentPlace(joined(self.path, name), (*self.position, name), self.arrays)


_START = _DocumentPlace("", (), ())


def _elements(
    value: Any, unit: str, conditions: _KeyConditions, way: _DocumentPlace
) -> Iterator[ArrayElement]:
    """Yield the elements at *unit* below *value* that fulfil *conditions*, each where it stands."""
    if not unit:
        single = not isinstance(value, list)
        for number, item in enumerate([value] if single else value):
            if isinstance(item, list):
                yield from _elements(item, unit, conditions, way.item(number))
            elif all(_holds(item, path, keys) for path, keys in conditions):
                position = way.position if single else (*way.position, number)
                yield ArrayElement(item, position, way.arrays, single)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _elements(item, unit, conditions, way.item(number))
    elif isinstance(value, Mapping):
        head, _, rest = unit.partition(".")
        here = [(path, keys) for path, keys in conditions if not leads_through(path, head)]
        if head in value and all(_holds(value, path, keys) for path, keys in here):
            inside = tuple(
                (below(path, head), keys) for path, keys in conditions if leads_through(path, head)
            )
            yield from _elements(value[head], rest, inside, way.member(head))


def _holds(value: Any, path: str, keys: frozenset[Hashable]) -> bool:
    return any(key_of(found) in keys for found in values_at(value, path))


def divided(collection: Collection, matches: Iterable[OwnershipMatch]) -> frozenset[str]:
    """Return the arrays that people share, including those that the map does not declare as arrays."""
    units = {match.unit for match in matches if match.unit is not None}
    return collection.divided | units if units else collection.divided


def owned(matches: Iterable[OwnershipMatch]) -> bool:
    """Return whether the whole document is the person's."""
    for match in matches:  # noqa: SIM110 - called several times for every record
        if match.unit is None:
            return True
    return False


def is_shared(collection: Collection, matches: Iterable[OwnershipMatch]) -> bool:
    """Return whether the document is the person's together with the other people in it."""
    return bool(collection.shared) and any(
        match.unit is not None and not collection.shared.isdisjoint(path for path, _ in match.conditions)
        for match in matches
    )


def is_alone(collection: Collection, document: Document, matches: Sequence[OwnershipMatch]) -> bool:
    """Return whether no person but that of *matches* is in *document*."""
    mine = {path: [m for m in matches if m.unit == path] for path in collection.peopled}
    return all(
        _all_theirs(raw_at(document, path), document, some)
        if some
        else all(value is None for value in values_at(document, path))
        for path, some in mine.items()
    )


def _all_theirs(value: Any, document: Document, matches: Sequence[OwnershipMatch]) -> bool:
    """Return whether *matches* hold of each element of the array *value* of *document*."""
    theirs = {element.position for match in matches for element in match.elements(document)}
    return len(theirs) == (len(value) if isinstance(value, list) else 1)


def disclosed(
    collection: Collection,
    document: Document,
    matches: Sequence[OwnershipMatch],
    *,
    shared: bool = False,
    marked: bool = False,
) -> Document:
    """
    Return *document* reduced to the person's part: unchanged, where nothing is another person's.

    The primary key stays, so that the record can be named, unless it is data of another person. Of a
    *shared* document the part outside the arrays is theirs, too, as far as the map declares it: without
    identities, and without personal data that it does not declare as that of all people in the document.
    Where *marked*, :data:`ANOTHERS` stands in their place.

    Law:
        GDPR Art. 15(4): a copy must not adversely affect the rights and freedoms of others.
    """
    whole = owned(matches)
    if whole and not divided(collection, matches):
        return document
    common = _shared_part(collection) if shared and not whole else None
    reducer = _Reducer(collection, document, matches, common, marked=marked)
    whole = whole or shared
    kept = reducer.kept(document, "", (), whole=whole)
    own: dict[str, Any] = kept if isinstance(kept, dict) else {}
    if whole:
        return own
    named = {
        path: raw_at(document, path) for path in collection.primary_key if not _personal(collection, path)
    }
    return {path: value for path, value in named.items() if "." not in path} | own


def _personal(collection: Collection, path: str) -> bool:
    return path in collection.by_path and collection.by_path[path].personal


class _SharedPart:
    """What the people in a shared document may read of it outside their elements."""

    def __init__(self, collection: Collection) -> None:
        self._declared = collection.by_path
        self._hidden = frozenset(field.path for field in collection.of_others)
        self._free = (*collection.divided, *collection.primary_key)
        self._around, self._around_hidden = _above(self._declared), _above(self._hidden)

    def hides(self, value: Any, path: str) -> bool:
        """Return whether *value* at *path* may be another person's, or is not declared at all."""
        if path in self._hidden:
            return True
        if not path or any(leads_through(path, free) for free in self._free):
            return False
        if path in self._around:
            return not isinstance(value, Mapping | list)
        return not any(leads_through(path, one) for one in self._leaves)

    @cached_property
    def _leaves(self) -> tuple[str, ...]:
        return tuple(path for path, field in self._declared.items() if not field.container)

    def mark(self, value: Any, path: str) -> Any:
        """Return what stands in a copy in place of the hidden *value* at *path*."""
        if path not in self._hidden | self._around_hidden:
            return _NOTHING  # not declared: its very name may be data
        return ANOTHERS if value or isinstance(value, int | float) else value


def _above(paths: Iterable[str]) -> frozenset[str]:
    """Return the paths of all objects around *paths*."""
    return frozenset(p.rsplit(".", count)[0] for p in paths for count in range(1, p.count(".") + 1))


@lru_cache(maxsize=256)
def _shared_part(collection: Collection) -> _SharedPart:
    return _SharedPart(collection)


class _Reducer:
    def __init__(
        self,
        collection: Collection,
        document: Mapping[str, Any],
        matches: Sequence[OwnershipMatch],
        common: _SharedPart | None,
        *,
        marked: bool,
    ) -> None:
        self._common, self._marked = common, marked
        self._divided = divided(collection, matches)
        self._theirs = {e.position for match in matches for e in match.elements(document)}

    def kept(self, value: Any, path: str, position: Position, *, whole: bool) -> Any:
        """Return the person's part of *value*; *whole* says whether all around it is theirs."""
        if path in self._divided:
            return self._elements(value, path, position, whole=whole)
        if self._common is not None and self._common.hides(value, path):
            return self._common.mark(value, path) if self._marked else _NOTHING
        if isinstance(value, Mapping):
            return self._members(value, path, position, whole=whole)
        if isinstance(value, list):
            items = enumerate(value)
            kept = [self.kept(item, path, (*position, number), whole=whole) for number, item in items]
            present = [item for item in kept if item is not _NOTHING]
            return present if whole else _unless_empty(present)
        return value if whole else _NOTHING

    def _members(self, value: Mapping[str, Any], path: str, position: Position, *, whole: bool) -> Any:
        kept = {
            name: self.kept(member, joined(path, name), (*position, name), whole=whole)
            for name, member in value.items()
        }
        present = {name: member for name, member in kept.items() if member is not _NOTHING}
        return present if whole else _unless_empty(present)

    def _elements(self, value: Any, path: str, position: Position, *, whole: bool) -> Any:
        if isinstance(value, list):
            kept = [self._element(item, path, (*position, number)) for number, item in enumerate(value)]
        else:
            kept = [self._element(value, path, position)]
        own = [item for item in kept if item is not _NOTHING]
        return own if whole else _unless_empty(own)

    def _element(self, item: Any, path: str, position: Position) -> Any:
        if isinstance(item, list):  # in an array of arrays, each element is one person's all the same
            return self._elements(item, path, position, whole=False)
        theirs = position in self._theirs
        if isinstance(item, Mapping):
            return self._members(item, path, position, whole=theirs)
        return item if theirs else _NOTHING


def _unless_empty(value: Any) -> Any:
    return value or _NOTHING
