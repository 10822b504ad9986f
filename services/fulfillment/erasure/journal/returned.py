"""
Finds the records of the journal in restored data; decides whether one has returned, and its second erasure.

The journal's marks separate the remains of an erasure from records of a backup: a record that the journal
names is the erased one, unless a date in it is later than the erasure. A record that the journal does not
name returned with the backup only if it is older than the erasure: an erased person may have become a
customer again. If they have, records without any date are left for the staff to check.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import Collection, CollectionPlace
from services.fulfillment.datamap.paths import below, raw_at, values_at
from services.fulfillment.erasure.journal.entries import (
    ErasureEntry,
    Fingerprints,
    matches_of,
    unique,
    written,
)
from services.fulfillment.erasure.steps import Mask, RecordStep
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Document, ObjectId

ScanProgress: TypeAlias = Callable[[str, int], None]
"""Called with the name of a collection and the number of further documents read."""


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """The hashes to look for."""

    fingerprints: Fingerprints
    identities: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """By the name of an identity."""
    ids: defaultdict[CollectionPlace, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    async def of(cls, entries: AsyncIterator[ErasureEntry], fingerprints: Fingerprints) -> "SearchTarget":
        """Return the hashes in *entries*, made by *fingerprints*."""
        wanted = cls(fingerprints)
        async for entry in entries:
            wanted.ids[entry.treatment.place].update(entry.hashed)
            for name, hashes in entry.identities.items():
                wanted.identities[name].update(hashes)
        return wanted

    def fields(self, collection: Collection) -> list[tuple[str, str]]:
        """Return the fields of *collection* that hold wanted identities, with the identities' names."""
        fields = () if collection.skipped else collection.leaves
        return [(each.path, name) for each in fields if (name := each.identity) and name in self.identities]


@dataclass(frozen=True, slots=True)
class Sightings:
    """The values found for the journal's hashes, by one pass over each collection."""

    identities: defaultdict[tuple[str, bytes], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Name and hash of an identity → its spellings."""
    ids: dict[tuple[CollectionPlace, bytes], Any] = field(default_factory=dict)

    def identities_of(self, entry: ErasureEntry) -> dict[str, tuple[str, ...]]:
        """Return the identities of *entry* in clear that the stores hold."""
        found = {
            name: {text for hashed in hashes for text in self.identities.get((name, hashed), ())}
            for name, hashes in entry.identities.items()
        }
        return {name: tuple(sorted(spellings)) for name, spellings in found.items() if spellings}

    def ids_of(self, entry: ErasureEntry) -> Iterator[Any]:
        """Yield the ids of the records of *entry*; hashed ones only if the stores hold them."""
        yield from entry.ids
        for hashed in entry.hashed:
            if (entry.treatment.place, hashed) in self.ids:
                yield self.ids[entry.treatment.place, hashed]

    def note(self, collection: Collection, document: Document, wanted: SearchTarget) -> None:
        """Note the *wanted* values of *document*."""
        ids = wanted.ids[collection.place]
        if ids and (hashed := wanted.fingerprints.record(document["_id"])) in ids:
            self.ids[collection.place, hashed] = document["_id"]
        for path, name in wanted.fields(collection):
            for value in values_at(document, path):
                identity = wanted.fingerprints.identity(name, value)
                if identity is not None and identity in wanted.identities[name]:
                    self.identities[name, identity].add(written(value) or "")


async def find_sightings(
    wanted: SearchTarget, collections: Iterable[Collection], stores: Stores, progress: ScanProgress
) -> Sightings:
    """
    Read those of *collections* that may hold *wanted* values.

    Raises:
        StoreUnavailable: A store did not answer.
        ConfigurationError: A store of the map has no URL.
    """
    sightings = Sightings()
    for collection in collections:
        place, paths = collection.place, [path for path, _ in wanted.fields(collection)]
        if (paths or wanted.ids[place]) and await stores.exists(place):
            async for document in stores.scan(place, paths):
                sightings.note(collection, document, wanted)
                progress(collection.key, 1)
    return sightings


BIRTH = ("user.demographic.date_of_birth",)


class ReturnVerdict(StrEnum):
    """The verdict on a record of an erased person."""

    RETURNED = "returned"
    NEWER = "newer"
    """It was made after the erasure: no request covers it."""
    UNSURE = "unsure"
    """It does not state when it was made: for the staff to check."""


def found_again(
    entry: ErasureEntry, document: Document, collection: Collection, fingerprints: Fingerprints
) -> FoundRecord:
    """Return *document*, which has the id of a record of *entry*, as a search for the person would."""
    # Without a match nothing in it is the person's, except for a deleted record with a globally unique id. A
    # shared one may be other people's alone by now.
    matches = tuple(matches_of(entry.treatment, document, fingerprints))
    gone = entry.treatment.deleted and entry.treatment.owned
    if not matches and gone and unique(document["_id"]):
        matches = (OwnershipMatch("_id", None, (document["_id"],)),)
    return FoundRecord(
        collection, {p: raw_at(document, p) for p in collection.primary_key}, document, matches
    )


def in_doubt(entry: ErasureEntry, found: FoundRecord, fingerprints: Fingerprints) -> bool:
    """Return whether *found* has no match of the person any more, and still holds erased values."""
    if found.matches:
        return False
    return entry.treatment.deleted or (
        entry.treatment.owned and _unmasked(entry, found.document, fingerprints)
    )


def _unmasked(entry: ErasureEntry, document: Mapping[str, Any], fingerprints: Fingerprints) -> bool:
    """Return whether *document* holds values where *entry* has left masks."""
    return any(
        value is not None and fingerprints.value(value) not in masked.masks
        for masked in entry.treatment.masked
        for value in values_at(document, masked.path)
    )


def newer(found: FoundRecord, erased_at: datetime) -> bool:
    """Return whether all dates in *found* of its creation are later than the erasure."""
    made = _later(found, erased_at)
    return bool(made) and all(made)


def judge(found: FoundRecord, erased_at: datetime, *, named: bool, back: bool) -> ReturnVerdict:
    """
    Return the verdict on *found*, a record of the person or elements of one.

    *named* says whether the journal names the record; *back*, whether the person has newer records: a record
    without date may then be one of those.
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
    """Return for each date of creation in *found* whether it is after the erasure."""
    second = erased_at.replace(microsecond=0)  # the precision of an object id
    return [made >= second for made in _made(found)]


def _made(found: FoundRecord) -> Iterator[datetime]:
    """Yield the known times of creation of the person's part: of the record, or of each of their elements."""
    if not found.owned:
        for unit in dict.fromkeys(match.unit for match in found.elements if match.unit is not None):
            for element in values_at(found.disclosed, unit):
                yield from _earliest(found.collection, element, unit)
    elif isinstance(found.document["_id"], ObjectId):
        yield found.document["_id"].generation_time
    else:
        yield from _earliest(found.collection, found.disclosed, "")


def _earliest(collection: Collection, value: Any, above: str) -> Iterator[datetime]:
    """Yield the earliest time in *value*, which stands at *above*; birthdays do not count."""
    moments = [
        moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        for field in collection.leaves
        if field.path.startswith(f"{above}." if above else "")
        if not field.is_about(BIRTH)
        for moment in values_at(value, below(field.path, above))
        if isinstance(moment, datetime)
    ]
    if moments:
        yield min(moments)


def remaining(
    step: RecordStep, document: Mapping[str, Any], entry: ErasureEntry | None, fingerprints: Fingerprints
) -> RecordStep:
    """Return *step* without the masks that *document* has already, by *entry* or by the mask's own value."""
    # A record that was masked while it had to be kept, and still is, has not returned; the end of its
    # retention is no matter of the backup.
    if step.deleted and entry is not None and not entry.treatment.deleted:
        return replace(step, deleted=_unmasked(entry, document, fingerprints))
    left = [mask for mask in step.masks if not _stands(mask, document, entry, fingerprints)]
    return replace(step, masks=tuple(_as_before(mask, entry) for mask in left))


def _stands(
    mask: Mask, document: Mapping[str, Any], entry: ErasureEntry | None, fingerprints: Fingerprints
) -> bool:
    treated = () if entry is None else entry.treatment.masked
    known = {one for masked in treated if masked.path == mask.path for one in masked.masks}
    there = values_at(document, mask.path) if mask.of is None else mask.of.element_values(document, mask.path)
    same = {key_of(value) for value in values_at(mask.value, "")}
    return all(
        value is None or key_of(value) in same or fingerprints.value(value) in known
        for value in values_at(list(mask.instead_of or there), "")
    )


def _as_before(mask: Mask, entry: ErasureEntry | None) -> Mask:
    """Return *mask* with the value of the earlier mask, so that both ends of a reference still agree."""
    masked = () if entry is None or mask.removed or mask.instead_of else entry.treatment.masked
    again = next((each.again for each in masked if each.path == mask.path), None)
    return mask if again is None else replace(mask, value=again)
