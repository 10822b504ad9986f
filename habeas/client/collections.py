"""Reader of whole stores, to compare them before and after an erasure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from shared.runtime.mongo import Client, raw_documents

Place: TypeAlias = tuple[str, str]
"""Database and collection."""
Snapshot: TypeAlias = Mapping[Place, Mapping[bytes, bytes]]
"""Place → digest of a document's ``_id`` → digest of the whole document."""


async def snapshot(client: Client, places: Iterable[Place]) -> Snapshot:
    """Return digests of every document of *places*."""
    taken: dict[Place, dict[bytes, bytes]] = {}
    for place in places:
        taken[place] = {}
        async for document_id, raw in raw_documents(client[place[0]][place[1]]):
            taken[place][digest(document_id)] = digest(raw)
    return taken


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes between two snapshots."""

    gone: Mapping[Place, frozenset[bytes]]
    changed: Mapping[Place, frozenset[bytes]]
    untouched: int


def difference(before: Snapshot, after: Snapshot) -> Difference:
    """Return the changes from *before* to *after*."""
    gone, changed, untouched = {}, {}, 0
    for place, documents_before in before.items():
        now = after.get(place, {})
        gone[place] = frozenset(key for key in documents_before if key not in now)
        changed[place] = frozenset(
            key for key, digest in documents_before.items() if now.get(key, digest) != digest
        )
        untouched += len(documents_before) - len(gone[place]) - len(changed[place])
    return Difference(gone, changed, untouched)


async def mentions(client: Client, places: Iterable[Place], words: Iterable[str]) -> dict[Place, set[bytes]]:
    """Return, by place, the documents with one of *words* in their bytes, in any case."""
    needles = [word.casefold().encode() for word in words]
    found: dict[Place, set[bytes]] = {}
    for place in places:
        async for document_id, raw in raw_documents(client[place[0]][place[1]]):
            text = raw.lower()
            if any(needle in text for needle in needles):
                found.setdefault(place, set()).add(digest(document_id))
    return found


def digest(content: bytes) -> bytes:
    """Return the digest of a document or of its ``_id`` in BSON, as in snapshots."""
    return blake2b(content, digest_size=16).digest()
