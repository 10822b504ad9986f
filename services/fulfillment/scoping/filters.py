"""
Reads which records were breached: collections of the data map, and filters in extended JSON. Pure.

A filter comes from outside and is run in the company's own databases. So it may compare, and nothing else: no
script, no writing, nothing that comes out differently when it is looked at again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.fulfillment.datamap.model import Collection, DataMap
from shared.errors import PermanentError
from shared.incidents import AffectedCollection
from shared.mongo import Document, json_util, translated


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


SCRIPTS = frozenset({"$where", "$function", "$accumulator", "$code"})
WRITES = frozenset({"$out", "$merge"})
CHANCE = frozenset({"$rand", "$sampleRate", "$sample", "$$NOW", "$$CLUSTER_TIME", "$$USER_ROLES"})
TYPES = _named("""
    $oid $date $numberInt $numberLong $numberDouble $numberDecimal $binary $uuid $timestamp $minKey
    $maxKey $regularExpression $ref $id $db
""")
"""How extended JSON writes what JSON has not."""
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
"""What comes out the same of a record whenever it is asked for."""
ALLOWED = TYPES | COMPARES | COMPUTES
VARIABLE = "$$"
DEEPEST = 50
"""Levels that a filter may have; MongoDB takes a hundred."""


class FilterRefused(PermanentError):
    """What was declared does not say which records are meant, or may not be asked for."""


def conditions(data_map: DataMap, named: Sequence[AffectedCollection]) -> dict[str, Document]:
    """
    Return what a record must fulfil to be one of those *named*, by the keys of the collections in *data_map*.

    Raises:
        FilterRefused: A collection is not in the map, or a filter does more than to compare.
    """
    found: dict[str, list[Document]] = {}
    for number, one in enumerate(named):
        where = f"affected.collections.{number}"
        collection = _meant(data_map, one, where)
        found.setdefault(collection.key, []).append(query(one.filter, f"{where}.filter"))
    return {key: some[0] if len(some) == 1 else {"$or": some} for key, some in found.items()}


def query(declared: Mapping[str, Any], where: str) -> Document:
    """
    Return the filter *declared* in extended JSON, as the driver takes it; *where* it stands in messages.

    Raises:
        FilterRefused: It does more than to compare, or is no extended JSON.
    """
    for operator in _operators(declared, where):
        if operator in SCRIPTS:
            raise FilterRefused(f"{where}: `{operator}` runs a script; a filter may only compare")
        if operator in WRITES:
            raise FilterRefused(f"{where}: `{operator}` writes; a filter may only compare")
        if operator in CHANCE:
            raise FilterRefused(f"{where}: `{operator}` finds something else each time")
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
    """Return the collection of *data_map* that is *named*."""
    name = named.collection
    there = [c for c in data_map.collections if c.store == named.store and name in (c.key, c.name)]
    exact = [collection for collection in there if collection.key == name]
    if len(exact or there) == 1:
        return (exact or there)[0]
    if there:
        keys = ", ".join(collection.key for collection in there)
        raise FilterRefused(f"{where}: `{name}` may be {keys}; name one of them")
    raise FilterRefused(
        f"{where}: the data map has no collection `{name}` in the store `{named.store}`; "
        "declare it, or name the people in affected.list"
    )
