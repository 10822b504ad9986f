"""Finds the hashed identities and ids of the journal in restored data, in one pass over a collection."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import Collection, CollectionPlace
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.erasure.journal.entries import ErasureEntry
from services.fulfillment.erasure.journal.fingerprints import Fingerprints, written
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Document

Progress: TypeAlias = Callable[[str, int], None]
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
    wanted: SearchTarget, collections: Iterable[Collection], stores: Stores, progress: Progress
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
