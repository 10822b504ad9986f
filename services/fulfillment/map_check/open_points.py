"""
Finds the points of a data map that are still open: a reviewer decides or states them. Pure.

An open point is no error of the map. But a map with open points was not reviewed to the end, and
``habeas map check --strict`` fails.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.ownership_proposals import unstated
from services.fulfillment.datamap.paths import leads_through, values_at
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.drafting.array_ownership import proposed_by_documents
from services.fulfillment.map_check.declared import personal_strays
from services.fulfillment.map_check.observations import Observed
from services.fulfillment.search.bson_equality import key_of
from shared.runtime.mongo import Document

VERIFICATION = "add `verified: always`, `never`, or the field that states it: without it, a value is a claim"
MARK = "to decide"
"""Stands in a comment at each proposal that a reviewer has to confirm."""
MOST_NAMED = 5
MOST_SHARED = 0.1
"""Share of values in several documents, above which an array may be several people's."""
_MARKED = re.compile(rf"(?:^|\s)#.*\b{MARK}\b")


def unreviewed(data_map: DataMap) -> Iterator[MapError]:
    """Yield the open points that the map shows by itself."""
    yield from open_marks(data_map)
    for collection in data_map.collections:
        if not collection.skipped:
            yield from unstated_verification(collection)
            yield from unstated_grounds(collection)
            yield from unstated_storage(collection)
            yield from unstated_readers(collection)


def open_marks(data_map: DataMap) -> Iterator[MapError]:
    """Yield the comments of *data_map* that leave a decision to the reviewer."""
    for name, text in data_map.sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            if _MARKED.search(line):
                yield _open(
                    f"{name}:{number}", f"a comment says `{MARK}`", "decide it and remove the comment"
                )


def unstated_verification(collection: Collection) -> Iterator[MapError]:
    """Yield the identity fields of *collection* without a declared verification."""
    for field in collection.identifying:
        if field.verified is None:
            what = f"`{field.path}` does not state whether its value is verified"
            yield _open(field.where, what, VERIFICATION)


def unstated_ownership(collection: Collection, documents: Sequence[Document]) -> Iterator[MapError]:
    """Yield the fields in arrays of *collection* without stated ownership, with a proposal by *documents*."""
    for field in unstated(collection):
        what = f"`{field.path}` does not state what a match in its array makes the person's"
        proposal = proposed_by_documents(field, collection, documents)
        yield _open(field.where, what, f"add {proposal}, or another: without it, the element alone")


def unstated_readers(collection: Collection) -> Iterator[MapError]:
    """Yield the personal fields beside the people of a shared array that do not state who may read them."""
    for field in collection.of_others:
        if not (field.ownership or field.matched):
            array = min(collection.unit(path) or path for path in collection.shared)
            what = (
                f"`{field.path}` does not state whose it is: several people in `{array}` share the document"
            )
            remedy = (
                "add `ownership: shared` if each of them may read it, `document` if it is another person's"
            )
            yield _open(field.where, what, f"{remedy}: without it, copies withhold it")


def doubtful_ownership(observed: Observed) -> Iterator[MapError]:
    """Yield the arrays that the map calls one person's, with values that many documents share."""
    collection = observed.collection
    for field in collection.identifying:
        around = [path for path, one in collection.by_path.items() if one.array]
        if collection.unit(field.path) is None and any(leads_through(field.path, one) for one in around):
            held = [set(map(key_of, values_at(one, field.path))) for one in observed.documents]
            counts = Counter(value for values in held for value in values)
            shared = sum(count > 1 for count in counts.values())
            if shared > MOST_SHARED * len(counts) and any(len(values) > 1 for values in held):
                what = f"{shared} of {len(counts)} values of `{field.path}` stand in several documents"
                remedy = "use `ownership: shared` if these are several people's: each gets all elements"
                yield MapError(field.where, what, remedy, remark=True)


def unstated_grounds(collection: Collection) -> Iterator[MapError]:
    """Yield *collection* if its personal data has no purpose or legal basis (GDPR Art. 6(1), 15(1)(a))."""
    missing = [key for key in ("purpose", "legal_basis") if _lacks(collection, key)]
    if missing:
        what = f"`{collection.key}` holds personal data without {_listed(missing, ' and ')}"
        remedy = f"add {_listed([f'{key}: …' for key in missing], ' and ')} under `meta: habeas:`"
        yield _open(collection.where, what, remedy)


def unstated_storage(collection: Collection) -> Iterator[MapError]:
    """Yield *collection* if it holds personal data and does not state how long (GDPR Art. 15(1)(d))."""
    if not collection.retention and _lacks(collection, "storage"):
        what = f"`{collection.key}` does not state how long its records are kept"
        yield _open(collection.where, what, "add `storage: …` under `meta: habeas:`")


def _lacks(collection: Collection, key: str) -> bool:
    """Return whether a personal field has no text for *key*, neither its own nor its collection's."""
    own = (field.facts.texts[key] for field in collection.leaves if field.personal)
    return not collection.facts.texts[key] and not all(own)


def skipped_personal_data(observed: Observed) -> Iterator[MapError]:
    """Yield the skipped collection if it holds personal data, as declared or by its documents."""
    collection = observed.collection
    named = dict.fromkeys([*(field.path for field in collection.leaves if field.personal)])
    named |= dict.fromkeys(personal_strays(observed))
    if named:
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        fields = _listed(list(named)[:MOST_NAMED], ", ") + more
        what = f"`{collection.key}` is skipped, and no request finds the personal data in {fields}"
        remedy = "remove `skip_processing` and add an identity or a reference; or declare another category"
        yield _open(collection.where, what, remedy)


def _listed(words: Sequence[str], between: str) -> str:
    return between.join(f"`{one}`" for one in words)


def _open(where: str, what: str, remedy: str) -> MapError:
    return MapError(where, what, remedy, remark=True, undecided=True)
