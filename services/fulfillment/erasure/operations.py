"""
A step of a plan in MongoDB's words.

A document is written once, so that an erasure leaves none half done. The filter names the primary key, what
makes the document the person's, and the shape the change needs; elements are chosen by their content. Where
any of it no longer holds, nothing is written, and the verification says so.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from services.fulfillment.erasure.steps import Mask, Pull, Set, Step
from services.fulfillment.search.ownership import Match
from services.fulfillment.search.paths import key_of
from shared.mongo import DeleteMany, DeleteOne, Document, UpdateOne

BY_ID = [("_id", 1)]


def deletions(steps: Iterable[Step]) -> Iterator[tuple[list[Step], DeleteOne | DeleteMany]]:
    """Yield what deletes the documents of *steps*, those at once that are the person's for one reason."""
    alike: dict[Hashable, list[Step]] = defaultdict(list)
    for step in steps:
        if step.id.keys() == {"_id"}:
            alike[_condition_key(step)].append(step)
        else:
            yield [step], DeleteOne(_guarded(step))
    for some in alike.values():
        named = {"_id": {"$in": [step.id["_id"] for step in some]}}
        yield some, DeleteMany({**named, **_condition(some[0])}, hint=BY_ID)


def changes(step: Step) -> Iterator[UpdateOne]:
    """Yield what carries out *step*, which deletes no document, to be done in this order."""
    early, late = _layers(step.pulls)
    units = {pull.match.unit for pull in step.pulls}
    alone = [mask for mask in step.masks if mask.single and mask.path in units]
    masks = [mask for mask in step.masks if mask not in alone]
    if alone:
        # An array and an element instead of one, in the same place of two elements around them.
        yield _update(step, alone, [])
    for pull in early:
        yield _update(step, [], [pull])
    if masks or late:
        yield _update(step, masks, late)
    for part in step.sets:
        yield _setting(step, part)


def _update(step: Step, masks: Sequence[Mask], pulls: Sequence[Pull]) -> UpdateOne:
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
    )


def _setting(step: Step, part: Set) -> UpdateOne:
    """Return what gives a field its value: one operation each, so that none hangs on another's condition."""
    path, element = _settable(part)
    conditions: list[Document] = [_guarded(step), *({array: {"$type": "array"}} for array in part.arrays)]
    if part.instead and part.of is None:
        conditions.append({part.path: {"$eq": part.before}})
    change = {"$unset": {path: ""}} if part.removed else {"$set": {path: part.value}}
    return UpdateOne({"$and": conditions}, change, array_filters=[element] if element else None)


def _settable(part: Set) -> tuple[str, Document]:
    """Return the path of *part*, through the person's elements if it goes through any, and what they are."""
    if part.of is None:
        return part.path, {}
    unit = part.of.unit or ""
    path, start = "", 0
    for array in part.arrays:
        path += f"{array[start:]}.{'$[e]' if array == unit else '$[]'}"
        start = len(array)
    theirs = f"e.{part.of.within}" if part.of.within else "e"
    holding: Document = {theirs: {"$in": list(part.of.values)}}
    if part.instead:
        holding = {"$and": [holding, {"e" + part.path[len(unit) :]: {"$eq": part.before}}]}
    return path + part.path[start:], holding


def _guarded(step: Step) -> Document:
    """Return the filter that finds the document while it is still the person's and under no hold."""
    return {**{path: {"$eq": value} for path, value in step.id.items()}, **_condition(step)}


def _condition(step: Step) -> Document:
    """Return what holds of the document while it is still the person's and under no hold."""
    holding = [{match.path: {"$in": list(match.values)}} for match in step.guard]
    held = {"$nor": [{step.hold[0]: {"$eq": step.hold[1]}}]} if step.hold is not None else {}
    return {"$or": holding, **held}


def _condition_key(step: Step) -> Hashable:
    """Return what the conditions of two steps in one collection, where all holds are alike, compare by."""
    return tuple((match.path, *map(key_of, match.values)) for match in step.guard)


def _shape(masks: Sequence[Mask], pulls: Sequence[Pull]) -> Iterator[Document]:
    """Yield what must hold for the change to be possible at all: arrays are arrays, objects objects."""
    arrays = {array for mask in masks for array in mask.arrays}
    arrays |= {array for pull in pulls for array in (*pull.arrays, pull.match.unit or "")}
    for array in sorted(arrays):
        yield {array: {"$type": "array"}}
    objects = {mask.path.rpartition(".")[0] for mask in masks if not mask.arrays} - {""}
    for path in sorted(objects):
        yield {path: {"$type": "object"}}
    for mask in masks:
        if mask.single and not mask.arrays:
            yield {mask.path: {"$eq": mask.instead_of[0], "$not": {"$type": "array"}}}


def _target(mask: Mask, used: int) -> tuple[str, list[Document]]:
    """Return the path of *mask* with a named place per array, and what the elements there must be."""
    path, start, filters = "", 0, []
    ends = [*mask.arrays, mask.path][1:]
    for number, (array, end) in enumerate(zip(mask.arrays, ends, strict=True), start=used):
        name = f"m{number}"
        path += f"{array[start:]}.$[{name}]"
        start = len(array)
        filters.append(_element(name, mask, array, end))
    return path + mask.path[start:], filters


def _element(name: str, mask: Mask, array: str, end: str) -> Document:
    below = end[len(array) :]
    # What leads on to another array must be one here: in the element beside it may be null.
    condition: Document = {name + below: {"$type": "array"} if end != mask.path else {"$exists": True}}
    if mask.instead_of and end == mask.path:
        condition = {name + below: {"$in": list(mask.instead_of)}}
        if mask.single:
            condition = {"$and": [condition, {name + below: {"$not": {"$type": "array"}}}]}
    if mask.of is not None and mask.of.unit == array:
        theirs = f"{name}.{mask.of.within}" if mask.of.within else name
        condition = {"$and": [condition, {theirs: {"$in": list(mask.of.values)}}]}
    return condition


def _layers(pulls: Sequence[Pull]) -> tuple[list[Pull], list[Pull]]:
    """Return the pulls from arrays within arrays that are pulled from themselves, and the others."""
    units = {pull.match.unit for pull in pulls}
    early = [pull for pull in pulls if units.intersection(pull.arrays)]
    return early, [pull for pull in pulls if pull not in early]


def _pulled(pulls: Iterable[Pull]) -> tuple[Document, list[Document]]:
    """Return what leaves which arrays, and what the elements around these must be."""
    by_array: dict[tuple[tuple[str, ...], str], list[Match]] = defaultdict(list)
    for pull in pulls:
        by_array[pull.arrays, pull.match.unit or ""].append(pull.match)
    pulled, filters = {}, []
    for number, ((arrays, unit), matches) in enumerate(by_array.items()):
        path, elements = _every(arrays, unit, f"p{number}")
        pulled[path] = _any_of(matches)
        filters += elements
    return pulled, filters


def _every(arrays: Sequence[str], unit: str, name: str) -> tuple[str, list[Document]]:
    """
    Return the path of the array through the elements of the arrays around it, those where it is an array.

    In the element beside, there may be somebody alone where the map has an array.
    """
    path, start, filters = "", 0, []
    for number, (array, end) in enumerate(pairwise([*arrays, unit])):
        below = end[len(array) :]
        path += f"{array[start:]}.$[{name}n{number}]"
        start = len(array)
        filters.append({f"{name}n{number}{below}": {"$type": "array"}})
    return path + unit[start:], filters


def _any_of(matches: Sequence[Match]) -> Mapping[str, Any]:
    values = [value for match in matches if not match.within for value in match.values]
    if values:
        return {"$in": values}
    conditions = [{match.within: {"$in": list(match.values)}} for match in matches]
    return conditions[0] if len(conditions) == 1 else {"$or": conditions}
