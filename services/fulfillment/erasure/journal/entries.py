"""
Entries of the erasure journal, and the keyed hashes in them. Pure.

Records with the same treatment share an entry. It names them by their ids where those are opaque (object
ids, UUIDs, numbers that the map does not call personal), else by keyed hashes; and it holds keyed hashes of
the values that made them the person's. A mask is hashed, too, because some keep a part of the value; a mask
that is itself a hash under a destroyed key is stored as it is, so that it can be written again.

A hash is an HMAC-SHA256 under a key that is derived from the master key for this purpose alone, cut to 128
bits (RFC 2104, section 5). It is not salted: one pass over a collection searches for all people at once.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final

from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import Collection, CollectionPlace, DataMap
from services.fulfillment.erasure.steps import Mask, RecordPlan, RecordStep, steps_where
from services.fulfillment.search.bson_equality import folded
from services.fulfillment.search.forms import forms, text_of
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.ownership import OwnershipMatch, hashed_matches
from shared.runtime.mongo import Binary, Document, ObjectId, id_bytes

FINGERPRINTS_KEY: Final = "erasure journal"
BYTES: Final = 16


class Fingerprints:
    """Computes the hashes of one installation."""

    def __init__(self, key: bytes) -> None:
        """Use *key*, which is derived from the master key for :data:`FINGERPRINTS_KEY`."""
        self._key = key

    def record(self, document_id: Any) -> bytes:
        """Return the hash of the ``_id`` of a document."""
        return self._hash("record", id_bytes(document_id))

    def value(self, value: Any) -> bytes:
        """Return the hash of a value as it is stored; the case of a text does not count."""
        text = folded(value) if isinstance(value, str) else text_of(value)
        return self._hash("value", id_bytes(value if text is None else text))

    def identity(self, name: str, value: Any) -> bytes | None:
        """Return the hash of an identity in a document; None where *value* identifies no one."""
        text = written(value)
        if not text:
            return None
        return self._hash(f"identity {name}", (folded(text) if name == EMAIL else text).encode())

    def identities(self, identities: Identities) -> dict[str, tuple[bytes, ...]]:
        """Return for each of *identities* the hashes of all its stored forms."""
        found: dict[str, tuple[bytes, ...]] = {}
        for name, spellings in identities.items():
            values = (value for spelling in spellings for value in forms(spelling.strip(), None))
            hashes = {hashed for value in values if (hashed := self.identity(name, value))}
            found[name] = tuple(sorted(hashes))
        return found

    def _hash(self, kind: str, content: bytes) -> bytes:
        return hmac.digest(self._key, kind.encode() + b"\0" + content, "sha256")[:BYTES]


def written(value: Any) -> str | None:
    """Return the text for looking up a stored identity again."""
    return value.hex() if type(value) is bytes else text_of(value)


MOST_RECORDS = 10_000
"""Most records of one entry, far below the size limit of a document."""
SPEECHLESS = frozenset({"hash", "hmac", "random_string_rewrite"})
"""Strategies with masks that say nothing about the value."""
UUIDS = frozenset({3, 4})


@dataclass(frozen=True, slots=True)
class Trace:
    """The values that made a record, or elements of it, the person's."""

    path: str
    unit: str | None
    """The array with the person's elements; None: the document was the person's."""
    values: tuple[bytes, ...]
    others: tuple[tuple[str, bytes], ...] = ()
    """The other parts of a composite key, each with its path; they stood beside the value."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A field that lost its value."""

    path: str
    masks: tuple[bytes, ...]
    """Hashes of the masks written; null and an absent field count as masks anyway."""
    again: Any = None
    """The mask to write again; None where a new one is made."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """The changes made to records of one collection."""

    place: CollectionPlace
    deleted: bool
    traces: tuple[Trace, ...]
    masked: tuple[Masked, ...]

    @property
    def key(self) -> str:
        """The collection's name within a data map."""
        return f"{self.place.database}.{self.place.name}"

    @property
    def owned(self) -> bool:
        """Whether the whole records were the person's."""
        return any(trace.unit is None for trace in self.traces)


@dataclass(frozen=True, slots=True)
class ErasureEntry:
    """Records with the same treatment in one erasure."""

    erasure: str
    """Id of the request, or number of the certificate."""
    at: datetime
    treatment: Treatment
    targets: tuple[str, ...]
    identities: Mapping[str, tuple[bytes, ...]]
    ids: tuple[Any, ...]
    hashed: tuple[bytes, ...]

    @property
    def records(self) -> int:
        """The number of its records."""
        return len(self.ids) + len(self.hashed)


def entries_of(
    plan: RecordPlan, data_map: DataMap, erasure: str, at: datetime, fingerprints: Fingerprints
) -> Iterator[ErasureEntry]:
    """Yield the journal entries for an erasure by *plan*; unchanged records have none."""
    # A replay searches by identities: after an erasure of some areas, the records of the others must stay.
    identities = fingerprints.identities({} if plan.areas else plan.identities)
    entry = partial(ErasureEntry, erasure, at, targets=plan.targets, identities=identities)
    steps = steps_where(plan.steps, lambda step: bool(step.deleted or step.masks or step.pulls))
    alike_in = attrgetter("key", "deleted", "guard", "masks", "pulls")
    while some := list(islice(steps, MOST_RECORDS)):
        alike: defaultdict[Treatment, list[Any]] = defaultdict(list)
        for _, group in groupby(some, key=alike_in):
            step, *others = group
            masks = () if step.deleted else step.masks
            masked = tuple(_masked(masks, data_map.by_key[step.key], fingerprints))
            treatment = Treatment(step.place, step.deleted, tuple(_traces(step, fingerprints)), masked)
            alike[treatment] += [one.id["_id"] for one in (step, *others)]
        for treatment, ids in alike.items():
            collection = data_map.by_key[treatment.key]
            plain = tuple(one for one in ids if opaque(one, collection))
            hashed = tuple(fingerprints.record(one) for one in ids if not opaque(one, collection))
            yield entry(treatment, ids=plain, hashed=hashed)


def opaque(document_id: Any, collection: Collection) -> bool:
    """Return whether an id says nothing about a person; the map states which numbers are personal."""
    if not isinstance(document_id, int) or isinstance(document_id, bool):
        return unique(document_id)
    field = collection.by_path.get("_id")
    return field is None or not (field.identity or field.personal)


def unique(document_id: Any) -> bool:
    """Return whether an id is globally unique, so that a record with it is the same record."""
    is_uuid = isinstance(document_id, Binary) and document_id.subtype in UUIDS
    return is_uuid or isinstance(document_id, ObjectId)


def _traces(step: RecordStep, fingerprints: Fingerprints) -> Iterator[Trace]:
    matches = [*step.guard, *(pull.match for pull in step.pulls)]
    matches += [mask.of for mask in step.masks if mask.of is not None]
    values: defaultdict[tuple[str, str | None], dict[bytes, None]] = defaultdict(dict)
    composite: dict[Trace, None] = {}
    for match in matches:
        hashed = dict.fromkeys(map(fingerprints.value, match.values))
        if match.others:
            others = tuple((path, fingerprints.value(value)) for path, value in match.others)
            composite[Trace(match.path, match.unit, tuple(hashed), others)] = None
        else:
            values[match.path, match.unit].update(hashed)
    yield from (Trace(path, unit, tuple(hashes)) for (path, unit), hashes in values.items())
    yield from composite


def _masked(masks: Iterable[Mask], collection: Collection, fingerprints: Fingerprints) -> Iterator[Masked]:
    by_path: defaultdict[str, list[Mask]] = defaultdict(list)
    for mask in masks:
        by_path[mask.path].append(mask)
    for path, all_masks in by_path.items():
        shown = [mask.value for mask in all_masks if not mask.removed and mask.value is not None]
        masking = collection.by_path[path].masking
        speechless = masking is not None and masking.strategy in SPEECHLESS
        again = shown[0] if len(all_masks) == 1 and shown and speechless else None
        items = [item for value in shown for item in (value if isinstance(value, list) else [value])]
        yield Masked(path, tuple(dict.fromkeys(map(fingerprints.value, items))), again)


def matches_of(
    treatment: Treatment, document: Mapping[str, Any], fingerprints: Fingerprints
) -> Iterator[OwnershipMatch]:
    """Yield the person's matches in *document* by *treatment*, with the values in the document."""
    for trace in treatment.traces:
        matches = partial(hashed_matches, document, trace.path, trace.unit, frozenset(trace.values))
        yield from matches(trace.others, hash_of=fingerprints.value)


def as_document(entry: ErasureEntry) -> Document:
    """Return *entry* as it is stored, without its ``_id``."""
    return {
        "erasure": entry.erasure,
        "store": entry.treatment.place.store,
        "database": entry.treatment.place.database,
        "collection": entry.treatment.place.name,
        "deleted": entry.treatment.deleted,
        "traces": [
            {
                "path": trace.path,
                "unit": trace.unit,
                "values": list(trace.values),
                "others": [list(other) for other in trace.others],
            }
            for trace in entry.treatment.traces
        ],
        "masked": [
            {"path": masked.path, "masks": list(masked.masks), "again": masked.again}
            for masked in entry.treatment.masked
        ],
        "targets": list(entry.targets),
        "identities": [{"name": name, "values": list(values)} for name, values in entry.identities.items()],
        "ids": list(entry.ids),
        "hashed": list(entry.hashed),
    }


def of_document(document: Mapping[str, Any]) -> ErasureEntry:
    """Return the entry that :func:`as_document` wrote; traces of an earlier version have no other parts."""
    others = (tuple((path, h) for path, h in one.get("others", ())) for one in document["traces"])
    traces = (
        Trace(one["path"], one["unit"], tuple(one["values"]), parts)
        for one, parts in zip(document["traces"], others, strict=True)
    )
    treatment = Treatment(
        place=CollectionPlace(document["store"], document["database"], document["collection"]),
        deleted=document["deleted"],
        traces=tuple(traces),
        masked=tuple(Masked(m["path"], tuple(m["masks"]), m["again"]) for m in document["masked"]),
    )
    return ErasureEntry(
        erasure=document["erasure"],
        at=document["at"],
        treatment=treatment,
        targets=tuple(document["targets"]),
        identities={each["name"]: tuple(each["values"]) for each in document["identities"]},
        ids=tuple(document["ids"]),
        hashed=tuple(document["hashed"]),
    )
