"""The value at a path of one document, through objects only. Pure."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from services.fulfillment.search.bson_equality import key_of


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


def array_around(path: str, arrays: frozenset[str]) -> str | None:
    """Return the innermost of *arrays* on *path*, its end included; None if it leads through objects."""
    around = [array for array in arrays if path == array or path.startswith(f"{array}.")]
    return max(around, key=len, default=None)
