"""Consistency checks of a whole data map: all names are defined, and nothing is declared twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from services.fulfillment.datamap.graph import UngroupedError, composites, paired
from services.fulfillment.datamap.model import (
    FROM_ERASURE,
    Collection,
    Erasure,
    MappedField,
    Ownership,
    Reference,
    ValueCheck,
    predecessors,
)
from services.fulfillment.datamap.paths import leads_through
from services.fulfillment.datamap.yaml_loader import MapFindings

MARKS = ("restriction", "opt_out", "consent")
"""References to a field that requests set."""


def check_consistency(collections: Sequence[Collection], notes: MapFindings) -> None:
    """Note all errors that involve several *collections*."""
    keys = {collection.key: collection for collection in collections}
    for key, count in Counter(collection.key for collection in collections).items():
        if count > 1:
            notes.flaw(keys[key].where, f"`{key}` is declared {count} times", "keep one declaration")
    for collection in collections:
        _check_fields(collection, notes)
        _check_deletion(collection, notes)
        _check_fixed(collection, notes)
        _check_paths(collection, notes)
        _check_ownership(collection, notes)
        _check_references(collection, keys, notes)
        _check_verification(collection, notes)
        _check_keys(collection, keys, notes)
        _check_composites(collection, keys, notes)
        _check_order(collection, keys, notes)
    _check_cycles(collections, notes)


def resolved(collections: Sequence[Collection]) -> tuple[Collection, ...]:
    """Return *collections* with references to exact names of collections, and arrays of one person marked."""
    # Names and paths may both have dots: the longest declared name is meant.
    names = {collection.key for collection in collections}
    collections = [_with_whole_arrays(collection) for collection in collections]
    fields = [tuple(_with_check(one, field, names) for field in one.fields) for one in collections]
    return tuple(replace(one, fields=some) for one, some in zip(collections, fields, strict=True))


def _with_whole_arrays(collection: Collection) -> Collection:
    """Return *collection* with ``return_all_elements`` on all arrays of fields that own the document."""
    owning = [field.path for field in collection.fields if field.ownership is Ownership.DOCUMENT]
    whole = {path for path in collection.by_path for below in owning if leads_through(below, path)}
    fields = (replace(f, return_all_elements=True) if f.path in whole else f for f in collection.fields)
    return replace(collection, fields=tuple(fields)) if whole else collection


def _with_check(collection: Collection, field: MappedField, names: AbstractSet[str]) -> MappedField:
    """Return *field* with exact references and the full path of the field that states its verification."""
    if field.references:
        field = replace(field, references=tuple(_named_by(one, names) for one in field.references))
    if field.verified is None or field.verified.field is None:
        return field
    around = field.path.split(".")[:-1]
    nearest = (".".join((*around[:length], field.verified.field)) for length in range(len(around), -1, -1))
    path = next((path for path in nearest if path in collection.by_path), field.verified.field)
    return replace(field, verified=ValueCheck(path))


def _named_by(reference: Reference, names: AbstractSet[str]) -> Reference:
    parts = reference.path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        key = ".".join((reference.key, *parts[:length]))
        if key in names:
            return replace(reference, key=key, path=".".join(parts[length:]))
    return reference


def _check_fields(collection: Collection, notes: MapFindings) -> None:
    for path, count in Counter(field.path for field in collection.fields).items():
        if count > 1:
            where = collection.by_path[path].where
            notes.flaw(where, f"`{path}` is declared {count} times", "keep one declaration")
    for field in collection.leaves if collection.erasure is Erasure.MASK else ():
        if field.primary_key and field.personal:
            what = f"the primary key `{field.path}` is personal and cannot be masked"
            notes.remark(field.where, what, "use `erasure: delete` if nothing else may remain")


def _check_deletion(collection: Collection, notes: MapFindings) -> None:
    if collection.erasure is Erasure.DELETE and collection.divided:
        arrays = ", ".join(sorted(collection.divided))
        what = f"a document of `{collection.key}` goes with other people's elements of {arrays}"
        notes.remark(collection.where, what, "use `erasure: mask` if those must stay")
    if collection.erasure is Erasure.KEEP and not (collection.retention or collection.facts.legal_basis):
        what = f"`{collection.key}` is kept for no reason"
        notes.flaw(collection.where, what, "add `retention` with `because`, or `legal_basis`")


def _check_fixed(collection: Collection, notes: MapFindings) -> None:
    """Note the fields that must not change and are still deleted, with the objects around them."""
    for field in collection.leaves:
        preserved = field.masking is not None and field.masking.strategy == "preserve"
        if not (field.read_only or preserved):
            continue
        word = "read_only" if field.read_only else "preserve"
        parts = field.path.split(".")[:-1]
        around = {".".join(parts[: length + 1]) for length in range(len(parts))} & collection.divided
        if collection.erasure is Erasure.DELETE:
            what = f"`{field.path}` is `{word}` and goes with its document"
            notes.remark(field.where, what, "use `erasure: mask` if it must stay")
        elif around and not any(collection.by_path[unit].read_only for unit in around):
            unit = max(around)
            what = f"`{field.path}` is `{word}` and goes with the person's elements of `{unit}`"
            notes.remark(field.where, what, f"say `read_only: true` of `{unit}` if they must stay")


def _check_ownership(collection: Collection, notes: MapFindings) -> None:
    """Note the fields whose ``ownership`` has no effect, or contradicts that of another field."""
    for field in collection.fields:
        word, arrays = field.ownership, _arrays(collection, field.path)
        if word is None or (field in collection.outside and _states_readers(collection, field)):
            continue
        what, remedy = "", "remove `ownership`"
        if field.container or not field.matched:
            what = f"`{field.path}` states `ownership`, and no person is found by it"
        elif not arrays:
            what = f"`{field.path}` states `ownership` and stands in no array"
            remedy = "declare the array (`string[]`), or remove `ownership`"
        elif word is not Ownership.DOCUMENT and collection.unit(field.path) is None:
            what = f"`{field.path}` is `ownership: {word}`, and its array is declared as one person's"
            remedy = "state one ownership for all fields of the array, without `return_all_elements`"
        elif word is Ownership.SHARED and len(arrays) > 1:
            what = f"`{field.path}` is `ownership: shared` in an array within an array"
            remedy = "use `element`"
        if what:
            notes.flaw(field.where, what, remedy)


def _states_readers(collection: Collection, field: MappedField) -> bool:
    """Return whether the ``ownership`` of *field* says whether those in a shared array read it."""
    about_people = field.personal or field.matched
    return bool(collection.shared) and about_people and field.ownership is not Ownership.ELEMENT


def _check_paths(collection: Collection, notes: MapFindings) -> None:
    pairs = {key: getattr(collection, key) for key in ("legal_hold", "locked", "active", *MARKS)}
    named = {key: pair.field for key, pair in pairs.items() if pair is not None}
    if collection.retention is not None and collection.retention.start not in (FROM_ERASURE, ""):
        named = {"retention.from": collection.retention.start} | named
    if collection.active is not None and getattr(
        collection.by_path.get(collection.active.field), "editable", False
    ):
        what = f"`{collection.active.field}` states a running contract and is `editable`"
        notes.flaw(collection.where, what, "remove `editable`: a request must not begin or end a contract")
    for path in sorted(collection.deciding):
        if getattr(collection.by_path.get(path), "editable", False):
            what = f"`{path}` decides when a record is erased and is `editable`: only staff corrects it"
            notes.remark(collection.where, what, "remove `editable`")
    locked, restriction = collection.locked, collection.restriction
    if locked is not None and restriction is not None and locked.field == restriction.field:
        what = f"`locked` and `restriction` of `{collection.key}` name one field"
        notes.flaw(collection.where, what, "use two: the end of a restriction would unlock retained records")
    for key, path in named.items():
        if path not in collection.by_path:
            what = f"`{key}` names no field of `{collection.key}`: `{path}`"
            notes.flaw(collection.where, what, "declare it")


def _check_references(collection: Collection, keys: Mapping[str, Collection], notes: MapFindings) -> None:
    for field in collection.fields:
        for reference in field.references:
            target = keys.get(reference.key)
            if target is None:
                what, remedy = f"no collection `{reference.key}`", "correct `dataset` or `field`"
                notes.flaw(reference.where, what, remedy)
            elif (found := target.by_path.get(reference.path)) is None or found.container:
                what = f"`{reference.key}` has no field `{reference.path}` that holds a value"
                remedy = "correct `field` (`collection.path.to.field`) or declare it"
                notes.flaw(reference.where, what, remedy)
        if field.container and (field.identity or field.references):
            notes.flaw(field.where, f"`{field.path}` holds fields, not a value", "say it of a field inside")


def _check_composites(collection: Collection, keys: Mapping[str, Collection], notes: MapFindings) -> None:
    """Note references to the parts of a key that can be paired in several ways."""
    if collection.skipped:
        return
    for other, ends in composites(collection, keys):
        try:
            paired(collection, other, ends)
        except UngroupedError as error:
            what = f"references to the key of `{other.key}` are ambiguous: {error}"
            remedy = (
                "name those of one reference alike (`buyer_tenant`, `buyer_no`), or nest them in one object"
            )
            notes.flaw(ends[0][2].where, what, remedy)


def _check_keys(collection: Collection, keys: Mapping[str, Collection], notes: MapFindings) -> None:
    """Note the references that are not followed, because a request can change one of their ends."""
    for field in collection.fields:
        for reference in field.references:
            target = keys[reference.key].by_path.get(reference.path) if reference.key in keys else None
            editable = [end.path for end in (field, target) if end is not None and end.editable]
            if editable:
                what = f"the reference of `{field.path}` is not followed: `{editable[0]}` is `editable`"
                notes.remark(reference.where, what, "refer to a key that people cannot change")


def _check_verification(collection: Collection, notes: MapFindings) -> None:
    """Note verifications that are stated outside the document or element of the value."""
    for field in collection.fields:
        check = field.verified
        if check is None:
            continue
        if field.identity is None:
            what = f"`{field.path}` states `verified` and is no identity"
            notes.flaw(field.where, what, "add `identity`, or remove `verified`")
        elif check == ValueCheck() and field.editable:
            what = f"`{field.path}` is `editable`, so `verified: always` does not hold"
            notes.remark(field.where, what, "name the field that states it: `verified: { field: … }`")
        elif check.field is not None:
            _check_statement(collection, field, check.field, notes)


def _check_statement(collection: Collection, field: MappedField, path: str, notes: MapFindings) -> None:
    stating = collection.by_path.get(path)
    if stating is None or stating.container or path == field.path:
        what = f"`verified` of `{field.path}` names no other field with a value: `{path}`"
        notes.flaw(field.where, what, "declare it beside the identity")
    elif stating.editable:
        what = f"`{path}` states that `{field.path}` is verified and is `editable`"
        notes.flaw(stating.where, what, "remove `editable`: a person must not verify their own value")
    elif path in {pair.field for key in ("locked", *MARKS) if (pair := getattr(collection, key)) is not None}:
        what = f"`{path}` states that `{field.path}` is verified, and a request marks it"
        notes.flaw(field.where, what, "name a field that no request sets")
    elif _arrays(collection, field.path) != _arrays(collection, path):
        what = f"`{path}` does not stand in the same element as `{field.path}`"
        notes.flaw(field.where, what, "keep both in one object: one statement for each value")


def _arrays(collection: Collection, path: str) -> Sequence[str]:
    """Return the arrays on the way to a value at *path*, its own included."""
    parts = path.split(".")
    paths = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return [one for one in paths if (found := collection.by_path.get(one)) is not None and found.array]


def _check_order(collection: Collection, keys: Mapping[str, Collection], notes: MapFindings) -> None:
    datasets = {other.dataset for other in keys.values()}
    unknown = [("after", name) for name in collection.after if name not in keys and name not in datasets]
    unknown += [("erase_after", name) for name in collection.erase_after if name not in keys]
    for key, name in unknown:
        notes.flaw(collection.where, f"`{key}` names `{name}`, which is not declared", "correct it")


def _check_cycles(collections: Sequence[Collection], notes: MapFindings) -> None:
    try:
        TopologicalSorter(predecessors(collections)).prepare()
    except CycleError as error:
        keys = error.args[1]
        what = f"`after` and `erase_after` go round in a circle: {' → '.join(keys)}"
        where = next((collection.where for collection in collections if collection.key == keys[0]), "?")
        notes.flaw(where, what, "drop one of these orders")
