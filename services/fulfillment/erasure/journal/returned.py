"""
Whether a record has come back with a backup, and what is still to be done to it. Pure.

What an erasure left is told from what a backup brought by its own marks: a record that the journal names is
the erased one, unless a day in it is later than the erasure. A record that the journal does not name came
with the backup only if it is older than the erasure: whoever was erased may have become a customer again. Of
somebody who has, records that tell no time are left for a person to look at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services.fulfillment.datamap.categories import covered
from services.fulfillment.datamap.model import Collection
from services.fulfillment.datamap.paths import below, raw_at, values_at
from services.fulfillment.erasure.journal.entries import ErasureEntry, matches_of, unique
from services.fulfillment.erasure.journal.fingerprints import Fingerprints
from services.fulfillment.erasure.steps import Mask, RecordStep
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.runtime.mongo import Document, ObjectId

BIRTH = ("user.demographic.date_of_birth",)


class ReturnVerdict(StrEnum):
    """What is to be thought of a record of somebody who was erased."""

    RETURNED = "returned"
    NEWER = "newer"
    """It was made after the erasure: nobody has asked for that to go."""
    UNSURE = "unsure"
    """Nothing in it says whether it was: a person must look."""


def found_again(
    entry: ErasureEntry, document: Document, collection: Collection, fingerprints: Fingerprints
) -> FoundRecord:
    """
    Return *document*, which has the id of a record of *entry*, as a search for the person would have.

    It has no matches where nothing in it is the person's any more. Of a deleted record whose id is given once
    in the world nothing else needs to agree.
    """
    matches = tuple(matches_of(entry.treatment, document, fingerprints))
    if not matches and entry.treatment.deleted and unique(document["_id"]):
        matches = (OwnershipMatch("_id", None, (document["_id"],)),)
    return FoundRecord(
        collection, {p: raw_at(document, p) for p in collection.primary_key}, document, matches
    )


def in_doubt(entry: ErasureEntry, found: FoundRecord, fingerprints: Fingerprints) -> bool:
    """Tell whether nothing in *found* is the person's any more, and it holds what was erased all the same."""
    if found.matches:
        return False
    return entry.treatment.deleted or (
        entry.treatment.owned and _unmasked(entry, found.document, fingerprints)
    )


def _unmasked(entry: ErasureEntry, document: Mapping[str, Any], fingerprints: Fingerprints) -> bool:
    """Tell whether *document* holds values where *entry* has left masks."""
    return any(
        value is not None and fingerprints.value(value) not in masked.masks
        for masked in entry.treatment.masked
        for value in values_at(document, masked.path)
    )


def newer(found: FoundRecord, erased_at: datetime) -> bool:
    """Tell whether all that *found* tells of when it was made is later than the erasure."""
    made = _later(found, erased_at)
    return bool(made) and all(made)


def judge(found: FoundRecord, erased_at: datetime, *, named: bool, back: bool) -> ReturnVerdict:
    """
    Return what is to be thought of *found*.

    Args:
        found: A record of the person, or elements of one.
        erased_at: When the person was erased.
        named: Whether the journal names the record.
        back: Whether the person has newer records: what tells no time may then be one of those.
    """
    if named and found.owned and unique(found.document["_id"]):
        return ReturnVerdict.RETURNED
    later = _later(found, erased_at)
    if later and all(later):
        return ReturnVerdict.NEWER
    if any(later) or not (later or (named and not back)):
        return ReturnVerdict.UNSURE
    return ReturnVerdict.RETURNED


def _later(found: FoundRecord, erased_at: datetime) -> list[bool]:
    """Return of each thing in *found* that tells when it was made whether that was after the erasure."""
    second = erased_at.replace(microsecond=0)  # an object id tells no more
    return [made >= second for made in _made(found)]


def _made(found: FoundRecord) -> Iterator[datetime]:
    """Yield when what is the person's was made, as far as it tells: the record, or each of their elements."""
    if not found.owned:
        for element in _elements(found):
            yield from _earliest(found.collection, *element)
    elif isinstance(found.document["_id"], ObjectId):
        yield found.document["_id"].generation_time
    else:
        yield from _earliest(found.collection, found.disclosed, "")


def _elements(found: FoundRecord) -> Iterator[tuple[Any, str]]:
    for unit in dict.fromkeys(match.unit for match in found.elements if match.unit is not None):
        for element in values_at(found.disclosed, unit):
            yield element, unit


def _earliest(collection: Collection, value: Any, above: str) -> Iterator[datetime]:
    """Yield the earliest moment that *value*, which stands at *above*, tells of; a birthday says nothing."""
    moments = [
        moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        for field in collection.leaves
        if field.path.startswith(f"{above}." if above else "") and not _is_birthday(field.categories)
        for moment in values_at(value, field.path[len(above) + 1 :] if above else field.path)
        if isinstance(moment, datetime)
    ]
    if moments:
        yield min(moments)


def _is_birthday(categories: tuple[str, ...]) -> bool:
    return any(covered(category, BIRTH) for category in categories)


def remaining(
    step: RecordStep, document: Mapping[str, Any], entry: ErasureEntry | None, fingerprints: Fingerprints
) -> RecordStep:
    """
    Return *step* without the masks that stand in *document* already, by *entry* or by its own value.

    A record that was masked for as long as it had to be kept, and is so still, has not come back: that its
    time is over since is no matter of a backup.
    """
    if step.deleted and entry is not None and not entry.treatment.deleted:
        return replace(step, deleted=_unmasked(entry, document, fingerprints))
    left = [mask for mask in step.masks if not _stands(mask, document, entry, fingerprints)]
    return replace(step, masks=tuple(_as_before(mask, entry) for mask in left))


def _stands(
    mask: Mask, document: Mapping[str, Any], entry: ErasureEntry | None, fingerprints: Fingerprints
) -> bool:
    known = _known(mask.path, entry)
    values = mask.instead_of or tuple(_at(mask, document))
    same = {key_of(value) for value in values_at(mask.value, "")}
    return all(
        value is None or key_of(value) in same or fingerprints.value(value) in known
        for value in values_at(list(values), "")
    )


def _at(mask: Mask, document: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values that *mask* takes the place of."""
    if mask.of is None:
        yield from values_at(document, mask.path)
        return
    for element in mask.of.elements(document):
        yield from values_at(element.value, below(mask.path, mask.of.unit or ""))


def _known(path: str, entry: ErasureEntry | None) -> frozenset[bytes]:
    masked = () if entry is None else entry.treatment.masked
    return frozenset(one for each in masked if each.path == path for one in each.masks)


def _as_before(mask: Mask, entry: ErasureEntry | None) -> Mask:
    """Return *mask* with the value that was there before, so that both ends of a reference go on agreeing."""
    masked = () if entry is None or mask.removed or mask.instead_of else entry.treatment.masked
    again = next((each.again for each in masked if each.path == mask.path), None)
    return mask if again is None else replace(mask, value=again)
