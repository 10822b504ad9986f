"""
Grouping of references to the parts of one composite key. Pure.

A buyer's tenant and number name one customer, a seller's another: mixed, they would name a stranger. So the
fields are grouped by position, name, or order in the map; otherwise the map is rejected.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias

from services.fulfillment.datamap.model import Collection, MappedField, Reference

End: TypeAlias = tuple[MappedField, MappedField, Reference]
"""A field, the field that it refers to, and the reference."""
_Parts: TypeAlias = Mapping[str, Sequence[End]]
"""For each part of a key the references to it, in the order of the map."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W0-9A-Za-z_]+")


class UngroupedError(ValueError):
    """References that cannot be grouped."""


def composites(
    collection: Collection, by_key: Mapping[str, Collection]
) -> Iterator[tuple[Collection, Sequence[End]]]:
    """Yield the references of *collection* to all parts of a composite key, with its collection."""
    found: defaultdict[str, dict[Hashable, End]] = defaultdict(dict)
    for field in collection.leaves:
        for reference in field.references:
            other = by_key.get(reference.key)
            if other is not None and not other.skipped and reference.path in other.composite_key:
                end = (field, other.by_path[reference.path], reference)
                found[reference.key][field.path, reference.path, reference.direction] = end
    for key, ends in found.items():
        if {there.path for _, there, _ in ends.values()} == by_key[key].composite_key:
            yield by_key[key], tuple(ends.values())


def paired(collection: Collection, other: Collection, ends: Sequence[End]) -> Sequence[Sequence[End]]:
    """
    Return *ends*, the references of *collection* to a composite key of *other*, grouped by reference.

    Raises:
        UngroupedError: They can be paired in several ways, or stand in separate arrays.
    """
    groups = _grouped(ends)
    for group in groups:
        for where, fields in ((collection, [e[0] for e in group]), (other, [e[1] for e in group])):
            arrays = sorted((_arrays(where, field) for field in fields), key=len)
            if any(some != arrays[-1][: len(some)] for some in arrays):
                names = ", ".join(f"`{field.path}`" for field in fields)
                raise UngroupedError(f"{names} stand in arrays beside one another")
    return groups


def _arrays(collection: Collection, field: MappedField) -> Sequence[str]:
    parts = field.path.split(".")
    paths = [".".join(parts[: length + 1]) for length in range(len(parts))]
    return [path for path in paths if path in collection.by_path and collection.by_path[path].array]


def _grouped(ends: Sequence[End]) -> Sequence[Sequence[End]]:
    parts: defaultdict[str, list[End]] = defaultdict(list)
    for end in ends:
        parts[end[1].path].append(end)
    several = {part: some for part, some in parts.items() if len(some) > 1}
    if not several:
        return [ends]
    groups = _grouping(several, ends)
    shared = [some[0] for some in parts.values() if len(some) == 1]
    if groups is None or not all(_is_shared(field, several) for field, _, _ in shared):
        names = ", ".join(f"`{field.path}`" for field, _, _ in ends)
        raise UngroupedError(f"it is unclear which of {names} belong together")
    order = list(parts)
    return [sorted([*shared, *group], key=lambda end: order.index(end[1].path)) for group in groups]


def _grouping(several: _Parts, ends: Sequence[End]) -> Sequence[Sequence[End]] | None:
    """Return the references of *several* in groups of one for each part; None if that is unclear."""
    counts = {len(some) for some in several.values()}
    if len(several) == 1:
        return [[end] for some in several.values() for end in some]
    if len(counts) > 1:
        return None
    for keys in (_parents, _distinct_words, _distinct_letters):
        groups = _by(keys, several)
        if groups is not None:
            return groups
    return _by_order(several, [end for end in ends if end[1].path in several])


_Keys: TypeAlias = Callable[[Sequence[MappedField]], Sequence[Hashable]]
"""Returns distinguishing keys of the fields that refer to one part."""


def _by(keys: _Keys, parts: _Parts) -> Sequence[Sequence[End]] | None:
    grouped: defaultdict[Hashable, dict[str, End]] = defaultdict(dict)
    for part, ends in parts.items():
        for key, end in zip(keys([field for field, _, _ in ends]), ends, strict=True):
            if part in grouped[key]:
                return None
            grouped[key][part] = end
    if any(len(group) < len(parts) for group in grouped.values()):
        return None
    return [list(group.values()) for group in grouped.values()]


def _by_order(parts: _Parts, ends: Sequence[End]) -> Sequence[Sequence[End]] | None:
    """Group neighbours in the map: all parts of the first reference, then all of the second."""
    groups = [ends[start : start + len(parts)] for start in range(0, len(ends), len(parts))]
    return groups if all({there.path for _, there, _ in group} == parts.keys() for group in groups) else None


def _parents(fields: Sequence[MappedField]) -> Sequence[Hashable]:
    return [_parent(field) for field in fields]


def _distinct_words(fields: Sequence[MappedField]) -> Sequence[Hashable]:
    """Return of each name the words that not all of the names have."""
    common = _common_words(fields)
    return [tuple(word for word in _words(field) if word not in common) for field in fields]


def _distinct_letters(fields: Sequence[MappedField]) -> Sequence[Hashable]:
    """Return of each name the part without the common beginning and end."""
    names = [field.path for field in fields]
    start = _alike(names)
    names = [name[start:] for name in names]
    end = _alike([name[::-1] for name in names])
    return [name[: len(name) - end] for name in names]


def _alike(names: Sequence[str]) -> int:
    """Return the number of letters that all of *names* begin with."""
    return len(list(takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))))


def _is_shared(one: MappedField, several: _Parts) -> bool:
    """
    Return whether the only field that refers to its part belongs to all the others.

    The tenant of a document does, if buyer and seller are numbers in it, or below it.
    """
    others = [field for ends in several.values() for field, _, _ in ends]
    above = f"{_parent(one)}." if _parent(one) else ""
    if all(_parent(other) != _parent(one) and other.path.startswith(above) for other in others):
        return True
    names = [[field for field, _, _ in ends] for ends in several.values()]
    telling = {word for fields in names for key in _distinct_words(fields) for word in _flat(key)}
    alike = all(_common_words(fields) for fields in names) and not telling.intersection(_words(one))
    return alike and all(_parent(other) == _parent(one) for other in others)


def _flat(key: Hashable) -> Iterable[str]:
    return key if isinstance(key, tuple) else ()


def _parent(field: MappedField) -> str:
    return field.path.rpartition(".")[0]


def _words(field: MappedField) -> Sequence[str]:
    return [word.lower() for word in _WORDS.findall(field.path)]


def _common_words(fields: Sequence[MappedField]) -> frozenset[str]:
    return frozenset.intersection(*(frozenset(_words(field)) for field in fields))
