"""Compares the declarations of a collection's fields with its documents. Pure."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from services.fulfillment.datamap.model import Erasure, MapError, MappedField
from services.fulfillment.datamap.paths import places, raw_at
from services.fulfillment.domain import last_day
from services.fulfillment.map_check.drift import paths_of
from services.fulfillment.map_check.kinds import allows, counted, kind_of, kinds_at
from services.fulfillment.map_check.observations import Observed
from shared.contract.suggestions import nearest_word


def absent(observed: Observed) -> Iterator[MapError]:
    """Yield the fields that no document has; an error if people are looked up by one."""
    collection, documents = observed.collection, observed.documents
    if not documents:
        yield MapError(
            collection.where, f"`{collection.key}` is empty", "nothing to compare with", remark=True
        )
        return
    ways = {path for lookup in observed.speeds for path in lookup.paths}
    for field in collection.leaves:
        if field.path in ways and field.path not in observed.nowhere:
            continue
        if not any(True for document in documents for _ in places(document, field.path)):
            what = f"none of {len(documents)} documents of `{collection.key}` has `{field.path}`"
            yield MapError(field.where, what, _name(field, observed), remark=field.path not in ways)


def _name(field: MappedField, observed: Observed) -> str:
    """Return the remedy for a missing field, which may have another name."""
    known = set(observed.collection.by_path)
    others = sorted({path for document in observed.documents for path in paths_of(document)} - known)
    folded = {path.casefold(): path for path in others}
    alike = folded.get(field.path.casefold()) or nearest_word(field.path, others)
    return f"correct the name: there is `{alike}`" if alike else "correct the name if it is wrong"


def mistyped(observed: Observed) -> Iterator[MapError]:
    """Yield the fields with values of another type than declared."""
    for field in observed.collection.fields:
        if field.container:
            yield from _container(field, observed)
        elif field.type is not None:
            yield from _single(field, observed)


def _container(field: MappedField, observed: Observed) -> Iterator[MapError]:
    """Yield other values in place of an object with fields: they are not searched, so they stay."""
    collection = observed.collection
    odd = kinds_at(observed.documents, field.path)
    for kind in sorted(odd.keys() - {"object", "null"}):
        below = [leaf for leaf in collection.leaves if leaf.path.startswith(f"{field.path}.")]
        stays = collection.erasure is not Erasure.DELETE and any(leaf.personal for leaf in below)
        what = f"`{field.path}` holds a `{kind}`, not an object, {_count(odd[kind], observed)}"
        yield MapError(field.where, what, "store an object there: other values are not searched", not stays)
    yield from _arrays(field, field.type or "object", observed, remark=field.type is None)


def _single(field: MappedField, observed: Observed) -> Iterator[MapError]:
    declared = (field.type or "").removesuffix("[]")
    yield from _arrays(field, declared, observed)
    if field.array and (single := _singles(field, observed)):
        what = f"`{field.path}` holds a single value, not an array, {_count(single, observed)}"
        divided = field.path in observed.collection.divided
        yield MapError(field.where, what, "store an array there", remark=not divided)
    odd = kinds_at(observed.documents, field.path)
    for kind in sorted(kind for kind in odd if not allows(declared, kind)):
        what = (
            f"`{field.path}` is declared as `{field.type}` and holds `{kind}` {_count(odd[kind], observed)}"
        )
        yield MapError(field.where, what, f"declare it as `{kind}` if that is what it should be", remark=True)


def _arrays(
    field: MappedField, declared: str, observed: Observed, *, remark: bool = False
) -> Iterator[MapError]:
    if field.array:
        return
    count = sum(
        any(isinstance(value, list) for _, value in places(document, field.path))
        for document in observed.documents
    )
    if count:
        what = f"`{field.path}` holds arrays, not a single `{declared}`, {_count(count, observed)}"
        yield MapError(field.where, what, f"declare it as `{declared}[]`", remark)


def _singles(field: MappedField, observed: Observed) -> int:
    return sum(
        any(value is not None and not isinstance(value, list) for _, value in places(document, field.path))
        for document in observed.documents
    )


def _count(number: int, observed: Observed) -> str:
    return counted(number, len(observed.documents))


def undated(observed: Observed, today: date) -> Iterator[MapError]:
    """Yield retention periods that start at a value that is no date: such records are kept for ever."""
    collection, retention = observed.collection, observed.collection.retention
    if retention is None:
        return
    odd = Counter(
        kind_of(raw_at(document, retention.start))
        for document in observed.documents
        if last_day(retention, document, today=today) is None
    )
    for kind, number in sorted(odd.items()):
        held = "nothing" if kind == "null" else f"no date but `{kind}`"
        what = f"`retention` runs from `{retention.start}`, which holds {held} {_count(number, observed)}"
        remedy = "name a field that holds a date: without one nothing ends"
        yield MapError(collection.where, what, remedy, remark=kind == "null")


def unwritable(observed: Observed) -> Iterator[MapError]:
    """Yield collections that an erasure must change and that cannot be written to."""
    collection = observed.collection
    if observed.kind == "view" and collection.erasure is not Erasure.KEEP:
        what = f"`{collection.key}` is a view: nothing can be erased in it"
        yield MapError(collection.where, what, "declare the collection behind it, and skip this one")
    if observed.kind == "timeseries" and collection.erasure is Erasure.MASK:
        what = f"`{collection.key}` is a time series: the database refuses to change fields in it"
        yield MapError(collection.where, what, "use `erasure: delete`")
