"""
A step of a plan as MongoDB operations.

A document is written once, so that an erasure leaves none half done. The filter names the primary key, the
values that make the document the person's, and the shape that the change needs; elements are selected by
their content. If any of it no longer holds, nothing is written, and the verification reports it.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from services.fulfillment.datamap.paths import below, leads_through
from services.fulfillment.erasure.steps import Mask, Pull, RecordStep, Set
from services.fulfillment.search.bson_equality import AS_IT_IS, key_of
from services.fulfillment.search.ownership import OwnershipMatch
from shared.runtime.mongo import DeleteMany, DeleteOne, Document, UpdateOne

BY_ID = [("_id", 1)]
_VALUES = ("number", "string", "object", "objectId", "binData", "date", "bool", "timestamp", "regex")
"""Types of values that name a person; on an array they are those of its elements."""


def deletions(steps: Iterable[RecordStep]) -> Iterator[tuple[list[RecordStep], DeleteOne | DeleteMany]]:
    """Yield the deletions for *steps*; documents with the same conditions are deleted together."""
    alike: dict[Hashable, list[RecordStep]] = defaultdict(list)
    for step in steps:
        if step.id.keys() == {"_id"}:
            # Equal for equal conditions: all holds of one collection are alike.
            conditions = (condition for match in step.guard for condition in match.conditions)
            named = tuple((path, *map(key_of, values)) for path, values in conditions)
            alike[step.alone, named].append(step)
        else:
            yield [step], DeleteOne(_guarded(step), collation=AS_IT_IS)
    for some in alike.values():
        ids = {"_id": {"$in": [step.id["_id"] for step in some]}}
        yield some, DeleteMany({**ids, **_condition(some[0])}, hint=BY_ID, collation=AS_IT_IS)


def changes(step: RecordStep) -> Iterator[UpdateOne]:
    """Yield the updates for *step*, which deletes no document, in their order."""
    early, late = _layers(step.pulls)
    units = {pull.match.unit for pull in step.pulls}
    alone = [mask for mask in step.masks if mask.single and mask.path in units]
    masks = [mask for mask in step.masks if mask not in alone]
    if alone:
        # An array, and an element in place of one, at the same path in two elements around them.
        yield _update(step, alone, [])
    yield from (_update(step, [], [pull]) for pull in early)
    if masks or late:
        yield _update(step, masks, late)
    yield from (_setting(step, part) for part in step.sets)


def _update(step: RecordStep, masks: Sequence[Mask], pulls: Sequence[Pull]) -> UpdateOne:
    change: dict[str, Document] = defaultdict(dict)
    filters: list[Mapping[str, Any]] = []
    for mask in masks:
        path, conditions = _target(mask, len(filters))
        filters += conditions
        change["$unset" if mask.removed else "$set"][path] = "" if mask.removed else mask.value
    if pulls:
        change["$pull"], arrays = _pulled(pulls)
        filters += arrays
    return UpdateOne(
        {"$and": [_guarded(step), *_shape(masks, pulls)]},
        dict(change),
        array_filters=filters or None,
        collation=AS_IT_IS,
    )


def _setting(step: RecordStep, part: Set) -> UpdateOne:
    """Return the update that sets a field: one each, so that none depends on another's condition."""
    path, elements = _settable(part)
    conditions: list[Document] = [_guarded(step), *({array: {"$type": "array"}} for array in part.arrays)]
    if part.instead and part.of is None:
        conditions.append({part.path: {"$eq": part.before}})
    if part.of is not None:
        conditions += _outside(part.of, part.arrays)
    change = {"$unset": {path: ""}} if part.removed else {"$set": {path: part.value}}
    return UpdateOne({"$and": conditions}, change, array_filters=elements or None, collation=AS_IT_IS)


def _settable(part: Set) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the path of *part*, through the person's elements if any, and the array filters."""
    if part.of is None:
        return part.path, []
    theirs = _theirs(part.of, part.arrays)
    path, start = "", 0
    filters: list[Mapping[str, Any]] = []
    for number, array in enumerate(part.arrays):
        name = f"e{number}"
        path += f"{array[start:]}.{f'$[{name}]' if array in theirs else '$[]'}"
        start = len(array)
        if array in theirs:
            conditions = [*_of_element(name, theirs[array])]
            if part.instead and array == part.of.unit:
                conditions.append({name + part.path[start:]: {"$eq": part.before}})
            filters.append(_all_of(conditions))
    return path + part.path[start:], filters


_Conditions: TypeAlias = Sequence[tuple[str, tuple[Any, ...]]]
"""Paths, and the values of which one stands there."""


def _theirs(match: OwnershipMatch, arrays: Sequence[str]) -> Mapping[str, _Conditions]:
    """Return the conditions for elements of each of *arrays*, and for the document around them (empty)."""
    if match.others:
        return match.around([array for array in arrays if leads_through(match.unit or "", array)])
    unit = match.unit or ""
    return {unit: [(below(match.path, unit), match.values)]} if unit in arrays else {}


def _outside(match: OwnershipMatch, arrays: Sequence[str]) -> Iterator[Document]:
    """Yield the conditions of *match*, by a composite key, on the document around *arrays*."""
    yield from ({path: {"$in": list(values)}} for path, values in _theirs(match, arrays).get("", ()))


def _of_element(name: str, conditions: _Conditions) -> Iterator[Document]:
    for path, values in conditions:
        yield {f"{name}.{path}" if path else name: {"$in": list(values)}}


def _all_of(conditions: Sequence[Document]) -> Document:
    return conditions[0] if len(conditions) == 1 else {"$and": list(conditions)}


def _guarded(step: RecordStep) -> Document:
    """Return the filter for the document while it is still the person's and under no hold."""
    return {**{path: {"$eq": value} for path, value in step.id.items()}, **_condition(step)}


def _condition(step: RecordStep) -> Document:
    """Return the conditions on the document while it is still the person's and under no hold."""
    holding = [_standing(match.conditions, match.arrays, "") for match in step.guard]
    found: Document = {"$or": holding}
    if step.alone:
        found["$and"] = list(_without_others(step, step.alone))
    against: list[Document] = [] if step.hold is None else [{step.hold[0]: {"$eq": step.hold[1]}}]
    if step.accompanied:  # the last person takes the rest of the document along, by another plan
        against.append({"$and": list(_without_others(step, step.accompanied))})
    return {**found, "$nor": against} if against else found


def _without_others(step: RecordStep, paths: Iterable[str]) -> Iterator[Document]:
    """Yield the conditions that no other person is in *paths* of a shared document."""
    for path in paths:
        theirs = [one for match in step.guard if match.unit == path for one in match.around([path])[path]]
        if not theirs:
            yield {path: {"$not": {"$type": list(_VALUES)}}}
        elif values := [value for inside, held in theirs for value in held if not inside]:
            yield {path: {"$not": {"$elemMatch": {"$nin": values}}}}
        else:
            yield {path: {"$not": {"$elemMatch": {"$nor": [{p: {"$in": list(v)}} for p, v in theirs]}}}}


def _standing(conditions: _Conditions, arrays: Sequence[str], above: str) -> Document:
    """Return the condition that all of *conditions* hold together, in one element of each of *arrays*."""
    through = {array: [c for c in conditions if leads_through(c[0], array)] for array in arrays}
    array = next((array for array, inside in through.items() if len(inside) > 1), None)
    inside = [] if array is None else through[array]
    found: Document = {
        below(path, above): {"$in": list(values)}
        for path, values in conditions
        if (path, values) not in inside
    }
    if array is not None:
        deeper = [other for other in arrays if other != array and leads_through(other, array)]
        found[below(array, above)] = {"$elemMatch": _standing(inside, deeper, array)}
    return found


def _shape(masks: Sequence[Mask], pulls: Sequence[Pull]) -> Iterator[Document]:
    """Yield the conditions for the change to be possible: arrays are arrays, objects objects."""
    arrays = {array for mask in masks for array in _sought(mask.arrays)}
    arrays |= {array for pull in pulls for array in (*pull.arrays, pull.match.unit or "")}
    yield from ({array: {"$type": "array"}} for array in sorted(arrays))
    objects = {mask.path.rpartition(".")[0] for mask in masks if not mask.arrays} - {""}
    yield from ({path: {"$type": "object"}} for path in sorted(objects))
    for match, around in _matches(masks, pulls):
        yield from _outside(match, around)
    for mask in masks:
        if mask.single and not mask.arrays:
            yield {mask.path: {"$eq": mask.instead_of[0], "$not": {"$type": "array"}}}


def _sought(arrays: Sequence[str]) -> Iterator[str]:
    """Yield those of *arrays* that a query finds: it finds none inside another array."""
    for around, array in pairwise(("", *arrays)):
        if array == around:
            return
        yield array


def _matches(masks: Sequence[Mask], pulls: Sequence[Pull]) -> Iterator[tuple[OwnershipMatch, Sequence[str]]]:
    """Yield the matches of elements, each with the arrays on the way to the change."""
    yield from ((mask.of, mask.arrays) for mask in masks if mask.of is not None)
    yield from ((pull.match, (*pull.arrays, pull.match.unit or "")) for pull in pulls)


def _target(mask: Mask, used: int) -> tuple[str, list[Document]]:
    """Return the path of *mask* with a named place per array, and the array filters."""
    path, start, filters = "", 0, []
    ends = [*mask.arrays, mask.path][1:]
    for number, (array, end) in enumerate(zip(mask.arrays, ends, strict=True), start=used):
        name = f"m{number}"
        path += f"{array[start:]}.$[{name}]"
        start = len(array)
        filters.append(_element(name, mask, array, end))
    return path + mask.path[start:], filters


def _element(name: str, mask: Mask, array: str, end: str) -> Document:
    below_it = end[len(array) :]
    # A further array on the way must be one here: in the element beside it may be null.
    condition: Document = {name + below_it: {"$type": "array"} if end != mask.path else {"$exists": True}}
    if mask.instead_of and end == mask.path:
        condition = {name + below_it: {"$in": list(mask.instead_of)}}
        if mask.single:
            condition = {"$and": [condition, {name + below_it: {"$not": {"$type": "array"}}}]}
    theirs = {} if mask.of is None or end == array else _theirs(mask.of, mask.arrays)
    return _all_of([condition, *_no_arrays(name, below_it), *_of_element(name, theirs.get(array, ()))])


def _no_arrays(name: str, way: str) -> Iterator[Document]:
    """Yield the condition that no array lies on the *way*: another mask covers those."""
    if way:
        around, _, _ = way.rpartition(".")
        yield from _no_arrays(name, around)
        yield {name + around: {"$not": {"$type": "array"}}}


def _layers(pulls: Sequence[Pull]) -> tuple[list[Pull], list[Pull]]:
    """Return the pulls that need an own operation, and the others."""
    # These are pulls from arrays within arrays, and pulls with conditions on the elements around: two of
    # them would mean two elements in one place.
    units = {pull.match.unit for pull in pulls}
    early = [
        pull
        for pull in pulls
        if units.intersection(pull.arrays)
        or not _theirs(pull.match, (*pull.arrays, pull.match.unit or "")).keys().isdisjoint(pull.arrays)
    ]
    return early, [pull for pull in pulls if pull not in early]


def _pulled(pulls: Iterable[Pull]) -> tuple[Document, list[Document]]:
    """Return the pulled values by array, and the array filters for the elements around."""
    by_array: dict[tuple[tuple[str, ...], str], list[OwnershipMatch]] = defaultdict(list)
    for pull in pulls:
        by_array[pull.arrays, pull.match.unit or ""].append(pull.match)
    pulled, filters = {}, []
    for number, ((arrays, unit), matches) in enumerate(by_array.items()):
        around = _theirs(matches[0], (*arrays, unit)) if len(matches) == 1 else {}
        path, elements = _every(arrays, unit, f"p{number}", around)
        pulled[path] = _any_of(matches, (*arrays, unit))
        filters += elements
    return pulled, filters


def _every(
    arrays: Sequence[str], unit: str, name: str, around: Mapping[str, _Conditions]
) -> tuple[str, list[Document]]:
    """Return the path of the array through the elements of the arrays around it, where it is an array."""
    # In the next element, a single person may stand in place of the map's array.
    path, start, filters = "", 0, []
    for number, (array, end) in enumerate(pairwise([*arrays, unit])):
        place = f"{name}n{number}"
        path += f"{array[start:]}.$[{place}]"
        start = len(array)
        an_array: Document = {place + end[len(array) :]: {"$type": "array"}}
        theirs = around.get(array, ()) if end != array else ()  # for the innermost of nested arrays
        filters.append(_all_of([an_array, *_of_element(place, theirs)]))
    return path + unit[start:], filters


def _any_of(matches: Sequence[OwnershipMatch], arrays: Sequence[str]) -> Mapping[str, Any]:
    conditions = [_theirs(match, arrays).get(arrays[-1], ()) for match in matches]
    values = [value for some in conditions for path, held in some if not path for value in held]
    if values:
        return {"$in": values, "$not": {"$type": "array"}}  # which might hold another person's as well
    each = [{path: {"$in": list(held)} for path, held in some} for some in conditions]
    return each[0] if len(each) == 1 else {"$or": each}
