"""Tries the masks of an erasure on sampled documents against the database's rules. Pure."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.erasure.masks import NULL, constant
from services.fulfillment.erasure.planner import plan_records
from services.fulfillment.erasure.steps import Mask
from services.fulfillment.map_check.observations import Observed, Unique
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.runtime.mongo import Document

MOST_TRIED = 10
"""Sampled documents that are masked for the trial."""

Tried: TypeAlias = Sequence[tuple[Document, Sequence[Mask]]]
"""Documents with their masks."""
Pairs: TypeAlias = Sequence[tuple[Document, Document]]
"""Documents before and after."""
ALL = ""
"""Stands for the path of every mask at once."""


def masks_of(observed: Observed, data_map: DataMap, today: date, *, yielding: bool) -> Tried:
    """
    Return sampled documents with the masks that an erasure on the day *today* would write.

    *yielding* says whether the masks adapt to the rules of the database, as after a refusal.
    """
    found = [
        FoundRecord(
            observed.collection,
            {"_id": document["_id"]},
            document,
            (OwnershipMatch("_id", None, (document["_id"],)),),
        )
        for document in observed.documents[:MOST_TRIED]
    ]
    rules = {observed.collection.key: observed.rules} if yielding else {}
    steps = plan_records(found, data_map, today, rules=rules).steps
    return [(item.document, step.masks) for item, step in zip(found, steps, strict=True)]


def masked(document: Document, masks: Sequence[Mask]) -> Document:
    """Return a copy of *document* with all of *masks* written."""
    changed = copy.deepcopy(document)
    for mask in masks:
        _put(changed, mask.path.split("."), mask)
    return changed


def _put(value: Any, path: Sequence[str], mask: Mask) -> None:
    if isinstance(value, list):
        for item in value:
            _put(item, path, mask)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) > 1:
            _put(value[path[0]], path[1:], mask)
        elif mask.removed:
            del value[path[0]]
        elif not mask.instead_of or value[path[0]] in mask.instead_of:
            value[path[0]] = mask.value


def trial_pairs(tried: Tried) -> dict[str, Pairs]:
    """Return by masked path the documents before and after it alone is masked; under :data:`ALL`, all."""
    by_path: dict[str, list[tuple[Document, Document]]] = defaultdict(list)
    for document, masks in tried:
        for path in dict.fromkeys(mask.path for mask in masks):
            alone = [mask for mask in masks if mask.path == path]
            by_path[path].append((document, masked(document, alone)))
    # Last: a rule may require one of several fields, and allow each to go alone.
    by_path[ALL] = [(document, masked(document, masks)) for document, masks in tried if masks]
    return dict(by_path)


def clashing(observed: Observed, tried: Tried) -> Iterator[MapError]:
    """Yield the unique indexes in which two people's masks collide."""
    collection = observed.collection
    changed = {mask.path: mask for _, masks in tried for mask in masks}
    for index in observed.unique:
        own = [path for path in index.paths if path in changed]
        in_key = any(path in collection.primary_key for path in index.paths)
        same = all(constant(collection.by_path[path].masking or NULL) for path in own)
        if own and same and not in_key and not _leaves(index, changed[own[0]]):
            named = ", ".join(f"`{path}`" for path in index.paths)
            what = f"{named} is unique, so that only one document can be masked with the same value"
            remedy = "add `masking_strategy_override: { strategy: hash }`"
            yield MapError(collection.by_path[own[0]].where, what, remedy)


def _leaves(index: Unique, mask: Mask) -> bool:
    """Return whether a document leaves *index* when its value becomes *mask*."""
    if mask.removed and (index.sparse or mask.path in index.partial):
        return True
    condition = index.partial.get(mask.path)
    if condition is None or mask.value is not None:
        return False
    if not isinstance(condition, Mapping):
        return True
    null = condition.get("$exists") is True and len(condition) == 1
    return not null and condition.get("$type") not in ("null", 10)


def refused(observed: Observed, path: str, *, saved: bool) -> MapError:
    """
    Return the finding that the database's rules refuse the mask of *path*, or of :data:`ALL` fields together.

    *saved* says whether another mask, which the erasure then takes, is accepted.
    """
    collection, where, field, how = observed.collection, observed.collection.where, "a document", ""
    if path != ALL:
        mapped = collection.by_path[path]
        where, field, how = mapped.where, f"`{path}`", f" (`{(mapped.masking or NULL).strategy}`)"
    what = f"the validator of `{collection.key}` refuses {field} once it is masked{how}"
    if saved:
        return MapError(where, what, "another mask takes its place; choose one that fits", remark=True)
    return MapError(where, what, "choose a `masking_strategy_override` that fits, or let the rule allow null")
