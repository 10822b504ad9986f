"""Compares declarations with documents: missing, mistyped and undeclared fields and collections. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from services.fulfillment.datamap.declarations import kind_of
from services.fulfillment.datamap.model import Collection, Erasure, MappedField
from services.fulfillment.datamap.paths import joined, places, raw_at
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.domain import last_day
from services.fulfillment.drafting.detection import categories_of, is_about_thing, refers_to_people
from services.fulfillment.map_check.observations import Observed, allows, counted, kinds_at
from shared.contract.suggestions import nearest_word

MOST_NAMED = 10
"""Undeclared fields of a collection that are named one by one, besides those that seem personal."""
SURE = 0.5
"""Least confidence in a category for an error."""
_PLAIN = re.compile(r"[A-Za-z_$][\w$-]{0,60}")

_Values: TypeAlias = dict[str, list[Any]]


def paths_of(value: Any, above: str = "") -> Iterator[str]:
    """Yield the path of every value below *value*; elements of an array share one."""
    yield from (path for path, _ in _single_values(value, above))


def _single_values(value: Any, above: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _single_values(item, above)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from _single_values(member, joined(above, _named(name)))
    elif value is not None:
        yield above, value


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The personal data that something seems to hold."""

    about: str
    """In words; empty if it seems to hold none."""
    sure: bool
    """Whether it is more likely than not."""


def undeclared_fields(observed: Observed) -> Iterator[MapError]:
    """Yield the undeclared fields in documents; errors if they seem to be personal."""
    collection, whole = observed.collection, len(observed.documents)
    documents, values = _strays(observed)
    people = _is_about_people(observed, values)
    suspicions = {path: suspected(values[path], people=people) for path in sorted(documents)}
    plain = [path for path, suspicion in suspicions.items() if not suspicion.about]
    shown = "it is shown as it is, and this was not reviewed"
    left = "an erasure by masking leaves it as it is"
    remedy = f"declare it: {shown if collection.erasure is Erasure.DELETE else left}"
    for path, suspicion in suspicions.items():
        if path not in plain[MOST_NAMED:]:
            held = f"{documents[path]} of {whole} documents of `{collection.key}` hold `{path}`"
            what = f"{held}, which is not declared{suspicion.about}"
            yield MapError(collection.where, what, remedy, remark=not suspicion.sure)
    if len(plain) > MOST_NAMED:
        what = f"and {len(plain) - MOST_NAMED} more undeclared fields in `{collection.key}`"
        remedy = "declare the object that holds them as one field if they vary"
        yield MapError(collection.where, what, remedy, remark=True)


def personal_strays(observed: Observed) -> list[str]:
    """Return the undeclared fields that seem to be personal."""
    _, values = _strays(observed)
    people = _is_about_people(observed, values)
    return sorted(path for path, some in values.items() if suspected(some, people=people).sure)


def _is_about_people(observed: Observed, strays: Mapping[str, _Values]) -> bool:
    """Return whether the collection names people, by its declared fields or the undeclared ones."""
    leaves = observed.collection.leaves
    declared = any(field.personal or field.matched or refers_to_people(field.path) for field in leaves)
    return declared or any(map(names_people, strays.values()))


def names_people(values: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether one of *values*, by their paths, is that of a person, or refers to one by its name."""
    found = (one for path, some in values.items() for one in categories_of(path, some)[:1])
    sure = any(one.confidence >= SURE and not one.category.startswith("user.content") for one in found)
    return sure or any(map(refers_to_people, values))


def _strays(observed: Observed) -> tuple[Counter[str], dict[str, _Values]]:
    """Return for each undeclared path the number of documents with it, and the values there by path."""
    documents: Counter[str] = Counter()
    values: dict[str, _Values] = defaultdict(lambda: defaultdict(list))
    for document in observed.documents:
        unknown = list(_unknown(observed.collection, document, ""))
        documents.update({path for path, _ in unknown})
        for path, member in unknown:
            for leaf, value in _single_values(member, path):
                values[path][leaf].append(value)
    return documents, values


def _named(name: str) -> str:
    """Return *name*, or a star for a name that is data itself, like an e-mail address as key."""
    return name if _PLAIN.fullmatch(name) else "*"


def suspected(values: Mapping[str, Sequence[Any]], *, people: bool) -> Suspicion:
    """
    Return the personal data that *values*, by their paths, seem to be.

    *people* says whether the collection names people; else a text, such as a description, is about a thing.
    """
    found = {path: categories_of(path, some) for path, some in values.items()}
    likeliest = {
        path: some[0]
        for path, some in found.items()
        if some and (people or not is_about_thing(path, some[0]))
    }
    sure = any(one.confidence >= SURE for one in likeliest.values())
    named = [f"`{one.category}` in `{path}`" for path, one in sorted(likeliest.items())[:MOST_NAMED]]
    if len(values) == len(likeliest) == 1:
        named = [f"`{one.category}`" for one in likeliest.values()]
    about = f": it {'seems to' if sure else 'may'} hold {', '.join(named)}" if named else ""
    return Suspicion(about, sure)


def _unknown(collection: Collection, value: Any, above: str) -> Iterator[tuple[str, Any]]:
    """Yield path and value of undeclared fields; of an undeclared object the outermost."""
    if isinstance(value, list):
        for item in value:
            yield from _unknown(collection, item, above)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            declared = collection.by_path.get(joined(above, name))
            if declared is not None and declared.container:
                yield from _unknown(collection, member, declared.path)
            elif declared is None and (above or name != "_id"):
                yield joined(above, _named(name)), member


def undeclared_collections(beside: Collection, samples: Mapping[str, Sequence[Any]]) -> Iterator[MapError]:
    """Yield the collections of a database that the map does not name; *beside* is one that it does."""
    for name, documents in samples.items():
        values: _Values = defaultdict(list)
        for document in documents:
            for path, value in _single_values(document, ""):
                values[path].append(value)
        suspicion = suspected(values, people=names_people(values))
        has = f"the database `{beside.dataset}` has a collection `{name}`"
        what = f"{has}, which is not declared{suspicion.about}"
        remedy = "declare it; with `skip_processing: true` if it holds no people"
        if documents:
            yield MapError(beside.where, what, remedy, remark=not suspicion.sure)


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
    yield from _unexpected_arrays(field, field.type or "object", observed, remark=field.type is None)


def _single(field: MappedField, observed: Observed) -> Iterator[MapError]:
    declared = (field.type or "").removesuffix("[]")
    yield from _unexpected_arrays(field, declared, observed)
    if field.array and (single := _documents_with(observed, field.path, _is_single)):
        what = f"`{field.path}` holds a single value, not an array, {_count(single, observed)}"
        divided = field.path in observed.collection.divided
        yield MapError(field.where, what, "store an array there", remark=not divided)
    odd = kinds_at(observed.documents, field.path)
    for kind in sorted(kind for kind in odd if not allows(declared, kind)):
        often = _count(odd[kind], observed)
        what = f"`{field.path}` is declared as `{field.type}` and holds `{kind}` {often}"
        yield MapError(field.where, what, f"declare it as `{kind}` if that is what it should be", remark=True)


def _unexpected_arrays(
    field: MappedField, declared: str, observed: Observed, *, remark: bool = False
) -> Iterator[MapError]:
    if not field.array and (
        count := _documents_with(observed, field.path, lambda value: isinstance(value, list))
    ):
        what = f"`{field.path}` holds arrays, not a single `{declared}`, {_count(count, observed)}"
        yield MapError(field.where, what, f"declare it as `{declared}[]`", remark)


def _is_single(value: Any) -> bool:
    return value is not None and not isinstance(value, list)


def _documents_with(observed: Observed, path: str, wanted: Callable[[Any], bool]) -> int:
    """Return the number of documents with a *wanted* value at *path*; an array counts as one value."""
    return sum(any(wanted(value) for _, value in places(one, path)) for one in observed.documents)


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
