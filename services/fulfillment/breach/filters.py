"""
The breached records: collections of the data map, and filters in extended JSON. Pure.

A filter comes from outside and runs in the company's own databases. So it may only compare: no scripts, no
writes, no operators with varying results.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.fulfillment.datamap.model import Collection, DataMap
from shared.contract.events.breaches import AffectedCollection
from shared.contract.suggestions import nearest_word
from shared.errors import PermanentError
from shared.runtime.mongo import Document, json_util, translated


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


_MAY_COMPARE = "a filter may only compare"
_CHANCE = _named("$rand $sampleRate $sample $$NOW $$CLUSTER_TIME $$USER_ROLES")
FORBIDDEN: Mapping[str, str] = {
    **dict.fromkeys(_named("$where $function $accumulator $code"), f"runs a script; {_MAY_COMPARE}"),
    **dict.fromkeys(_named("$out $merge"), f"writes; {_MAY_COMPARE}"),
    **dict.fromkeys(_CHANCE, "finds something else each time"),
}
"""Operator or variable → the complaint about it."""
TYPES = _named("""
    $oid $date $numberInt $numberLong $numberDouble $numberDecimal $binary $uuid $timestamp $minKey
    $maxKey $regularExpression $ref $id $db
""")
"""Extended JSON for types that JSON lacks."""
COMPARES = _named("""
    $eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $type $regex $options $all $elemMatch
    $size $mod $bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet $geoWithin $geoIntersects $geometry
    $jsonSchema $comment $expr
""")
COMPUTES = _named("""
    $literal $getField $ifNull $cond $cmp $isArray $isNumber $arrayElemAt $first $last $concatArrays
    $filter $map $setEquals $setIntersection $setIsSubset $anyElementTrue $allElementsTrue $add
    $subtract $multiply $divide $abs $toLower $toUpper $trim $concat $split $strLenCP $substrCP
    $strcasecmp $indexOfCP $regexMatch $convert $toString $toInt $toLong $toDouble $toDecimal $toBool
    $toDate $toObjectId $dateToString $dateTrunc $dateDiff $dateAdd $dateSubtract $year $month
    $dayOfMonth $hour $minute
""")
"""Operators with the same result for the same record."""
ALLOWED = TYPES | COMPARES | COMPUTES
EACH_IS_ONE = frozenset({"$and", "$or", "$nor"})
"""Operators with several filters of the same record."""
IS_ONE = frozenset({"$not", "$elemMatch"})
"""Operators with one filter: of the same field, or of each element in it."""
VARIABLE = "$$"
DEEPEST = 50
"""Most levels of a filter; MongoDB accepts a hundred."""


class FilterRefused(PermanentError):
    """A filter of a declaration that is unclear or not allowed."""


def conditions(data_map: DataMap, named: Sequence[AffectedCollection]) -> dict[str, Document]:
    """
    Return the conditions for the *named* records, by the keys of the collections in *data_map*.

    Raises:
        FilterRefused: A collection is not in the map, or a filter does more than compare.
    """
    found: dict[str, list[Document]] = {}
    for where, collection, declared in _filters(data_map, named):
        found.setdefault(collection.key, []).append(query(declared, where))
    return {key: some[0] if len(some) == 1 else {"$or": some} for key, some in found.items()}


def _filters(
    data_map: DataMap, named: Sequence[AffectedCollection]
) -> Iterator[tuple[str, Collection, Mapping[str, Any]]]:
    """Yield each filter of *named*, with its place in the declaration and its collection."""
    for number, one in enumerate(named):
        where = f"affected.collections.{number}"
        yield f"{where}.filter", _meant(data_map, one, where), one.filter


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A field of a filter that the data map does not have."""

    where: str
    key: str
    """Key of the collection."""
    path: str
    nearest: str | None
    """The most similar field of the map."""

    @property
    def complaint(self) -> str:
        """The message if no record has it either."""
        meant = f"; the nearest is `{self.nearest}`" if self.nearest else ""
        return f"{self.where}: compares a field that no record of {self.key} has{meant}"


def unmapped(data_map: DataMap, named: Sequence[AffectedCollection]) -> Iterator[Unmapped]:
    """Yield the fields in filters that *data_map* does not have; raises :class:`FilterRefused`."""
    for where, collection, declared in _filters(data_map, named):
        for path in dict.fromkeys(_compared(declared)):
            if not _is_mapped(collection, path):
                yield Unmapped(where, collection.key, path, nearest_word(path, collection.by_path))


def _compared(declared: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Yield the paths that the filter *declared* compares; array indexes are left out."""
    for name, value in declared.items():
        if name in EACH_IS_ONE and isinstance(value, list):
            for one in value:
                yield from _compared(one, at) if isinstance(one, Mapping) else ()
        elif name in IS_ONE and isinstance(value, Mapping):
            yield from _compared(value, at)
        elif not name.startswith("$"):
            path = ".".join(step for step in f"{at}.{name}".split(".") if step and not step.isdigit())
            yield path
            inside = value if isinstance(value, Mapping) else {}
            yield from _compared({name: one for name, one in inside.items() if name in IS_ONE}, path)


def _is_mapped(collection: Collection, path: str) -> bool:
    """Return whether the map has *path*, or an opaque object around it."""
    steps = path.split(".")
    above = (collection.by_path.get(".".join(steps[:depth])) for depth in range(1, len(steps)))
    return path in collection.by_path or any(one is not None and not one.container for one in above)


def query(declared: Mapping[str, Any], where: str) -> Document:
    """Return the filter *declared* at *where* for the driver; raises :class:`FilterRefused`."""
    for operator in _operators(declared, where):
        if operator in FORBIDDEN:
            raise FilterRefused(f"{where}: `{operator}` {FORBIDDEN[operator]}")
        if operator not in ALLOWED and not operator.startswith(VARIABLE):
            raise FilterRefused(f"{where}: `{operator}` is none of the comparisons that a filter may make")
    try:
        with translated("read a filter"):
            read: Document = json_util.loads(json.dumps(declared))
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, PermanentError):
        raise FilterRefused(f"{where}: is no extended JSON of MongoDB") from None
    return read


def _operators(value: Any, where: str, depth: int = 0, *, computed: bool = False) -> Iterator[str]:
    """Yield the operators in *value*, and the variables where it is *computed*: elsewhere they are texts."""
    if depth > DEEPEST:
        raise FilterRefused(f"{where}: has more than {DEEPEST} levels")
    if isinstance(value, Mapping):
        yield from (name for name in value if name.startswith("$"))
        for name, member in value.items():
            yield from _operators(member, where, depth + 1, computed=computed or name == "$expr")
    elif isinstance(value, list):
        for item in value:
            yield from _operators(item, where, depth + 1, computed=computed)
    elif computed and isinstance(value, str) and value.startswith(VARIABLE):
        yield value.partition(".")[0]


def _meant(data_map: DataMap, named: AffectedCollection, where: str) -> Collection:
    """Return the *named* collection of *data_map*."""
    name = named.collection
    there = [c for c in data_map.collections if c.store == named.store and name in (c.key, c.name)]
    exact = [collection for collection in there if collection.key == name]
    if len(exact or there) == 1:
        return (exact or there)[0]
    if there:
        keys = ", ".join(collection.key for collection in there)
        raise FilterRefused(f"{where}: `{name}` may be {keys}; name one of them")
    nearest = nearest_word(name, [c.key for c in data_map.collections if c.store == named.store])
    remedy = f"the nearest is `{nearest}`" if nearest else "declare it, or name the people in affected.list"
    raise FilterRefused(
        f"{where}: the data map has no collection `{name}` in the store `{named.store}`; {remedy}"
    )
