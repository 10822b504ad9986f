"""Values at dotted paths of documents, arrays included. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Yield every single value at *path* below *value*; an array stands for each of its elements."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        head, _, rest = path.partition(".")
        if head in value:
            yield from values_at(value[head], rest)


def tuples_at(value: Any, paths: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values at *paths* below *value* that stand together: of one element, not of two."""
    if len(paths) == 1:
        yield from ((found,) for found in values_at(value, paths[0]))
    else:
        yield from (values for values, _ in together(value, paths))


_Placed: TypeAlias = tuple[Any, tuple[str, ...]]
"""A value, and the arrays on the way to it, outermost first."""


def together(value: Any, paths: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], tuple[str, ...]]]:
    """Yield the values at *paths* below *value* that stand together, with the arrays on the way to them."""
    # Values in two separate arrays do not stand together: it is unknown which elements match.
    for placed in _together(value, paths, ""):
        arrays = max((around for _, around in placed), key=len)
        if all(around == arrays[: len(around)] for _, around in placed):
            yield tuple(found for found, _ in placed), arrays


def _together(value: Any, paths: Sequence[str], above: str) -> Iterator[tuple[_Placed, ...]]:
    if isinstance(value, list):
        for item in value:
            for placed in _together(item, paths, above):
                yield tuple((found, (above, *around)) for found, around in placed)
        return
    heads, rests = zip(*(path.partition(".")[::2] for path in paths), strict=True)
    if len(set(heads)) > 1 or not all(rests):
        yield from product(*(list(_singles(value, path, above)) for path in paths))
    elif isinstance(value, Mapping):
        yield from _together(value.get(heads[0]), rests, joined(above, heads[0]))


def _singles(value: Any, path: str, above: str) -> Iterator[_Placed]:
    """Yield every single value at *path* below *value*, which stands at *above*."""
    if isinstance(value, list):
        yield from (
            (found, (above, *around)) for item in value for found, around in _singles(item, path, above)
        )
    elif not path:
        yield value, ()
    elif isinstance(value, Mapping):
        head, _, rest = path.partition(".")
        if head in value:
            yield from _singles(value[head], rest, joined(above, head))


def joined(above: str, name: str) -> str:
    """Return the path of the field *name* of the value at *above*."""
    return f"{above}.{name}" if above else name


def below(path: str, above: str) -> str:
    """Return the rest of *path* after *above*; empty if it ends there."""
    return path[len(above) + 1 :] if above else path


def array_around(path: str, arrays: frozenset[str]) -> str | None:
    """Return the innermost of *arrays* on *path*, its end included; None if it leads through objects."""
    around = [array for array in arrays if path == array or path.startswith(f"{array}.")]
    return max(around, key=len, default=None)


def leads_through(path: str, above: str) -> bool:
    """Return whether *path* leads through *above*, or ends there."""
    return not above or path == above or path.startswith(f"{above}.")


def beside(value: Any, path: str, other: str) -> Iterator[tuple[Any, Any]]:
    """Yield the single values at *path* and *other* below *value*, where both stand in one object."""
    # Values in an array below that object are left out: it is unknown which of them belongs to the other.
    parts, others = path.split("."), other.split(".")
    shared = 0
    while parts[shared] == others[shared] and shared < min(len(parts), len(others)) - 1:
        shared += 1
    for around in values_at(value, ".".join(parts[:shared])):
        if isinstance(around, Mapping):
            yield raw_at(around, ".".join(parts[shared:])), raw_at(around, ".".join(others[shared:]))


def raw_at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value at *path*, through objects only; ``None`` without one."""
    if "." not in path:
        return document.get(path)
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def places(value: Any, path: str, above: str = "") -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values at *path*, each with the arrays on the way; an array at its end is one value."""
    if not path:
        yield (), value
    elif isinstance(value, list):
        for item in value:
            yield from (((above, *arrays), found) for arrays, found in places(item, path, above))
    elif isinstance(value, Mapping):
        head, _, rest = path.partition(".")
        if head in value:
            yield from places(value[head], rest, joined(above, head))


def arrays_at(value: Any, path: str) -> Iterator[tuple[str, ...]]:
    """Yield the arrays on the way to each array at *path* below *value*: one may be an element of another."""
    for arrays, found in places(value, path):
        yield from _within(found, path, arrays)


def _within(value: Any, path: str, arrays: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, list):
        yield arrays
        for item in value:
            yield from _within(item, path, (*arrays, path))
