"""
Detects a document that was presented before, without keeping it.

It leaves a keyed hash of its issuer and number, one of its picture, and 64 bits of the look of its picture;
the person leaves a keyed hash of their name in the request.
"""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from shared.runtime.mongo import Database, Document, translated

KEEP = timedelta(days=365)
ALIKE_BITS = 3
"""Pictures that differ in no more bits look the same; four bands of 16 bits: one of them is then equal."""
BANDS = 4
MOST_REQUESTS = 5
"""Requests within a month for which one document is an everyday thing."""
WINDOW = timedelta(days=30)
MOST_COMPARED = 1_000
"""Earlier documents that are looked at; pictures of one make share their looks in part."""


@dataclass(frozen=True, slots=True)
class Traces:
    """The values that a document is recognised by."""

    number: str = ""
    """Issuer and number; empty where none was read."""
    digest: str = ""
    picture: str = ""


class PresentedDocuments:
    """The documents that were presented."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*, hashed with *key*."""
        self._seen = database["documents"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the documents presented"):
            await self._seen.create_index("marks")
            await self._seen.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def note(self, case: str, ref: str, traces: Traces, person: str, at: datetime) -> tuple[str, ...]:
        """
        Note that *person*, as the request names them, presents a document; return the reasons against it.

        It may be repeated; the same proof *ref* of the same case counts once.
        """
        marks, owner = list(self._marks(traces)), self._hash("person", person)
        if not marks:
            return ()
        with translated("look for a document presented before"):
            # Written first: of two that come at once, each sees the other.
            document = {"case": case, "marks": marks, "picture": traces.picture, "person": owner, "at": at}
            await self._seen.replace_one({"_id": f"{case}/{ref}"}, document, upsert=True)
            others = self._seen.find({"marks": {"$in": marks}, "case": {"$ne": case}}).sort("at", -1)
            before = await others.to_list(MOST_COMPARED)
        same = [seen for seen in before if self._is_same(seen, marks, traces.picture)]
        return tuple(_reasons(same, owner, at))

    def _marks(self, traces: Traces) -> Iterator[str]:
        if traces.number:
            yield self._hash("number", traces.number)
        if traces.digest:
            yield self._hash("digest", traces.digest)
        width = len(traces.picture) // BANDS
        for band in range(BANDS if width else 0):
            yield f"{band}:{traces.picture[band * width : (band + 1) * width]}"

    def _is_same(self, seen: Document, marks: Sequence[str], picture: str) -> bool:
        """Return whether *seen* has a hash in common, or its picture looks the same."""
        if any(len(mark) > sha256().digest_size and mark in seen["marks"] for mark in marks):
            return True
        return bool(picture and seen["picture"]) and distance(picture, seen["picture"]) <= ALIKE_BITS

    def _hash(self, what: str, value: str) -> str:
        return hmac.new(self._key, f"{what}/{value}".encode(), sha256).hexdigest()


def _reasons(same: Sequence[Document], owner: str, at: datetime) -> Iterator[str]:
    if any(seen["person"] != owner for seen in same):
        yield "evidence_reused_other_person"
    lately = [seen for seen in same if at - seen["at"] < WINDOW]
    if len({seen["case"] for seen in lately}) >= MOST_REQUESTS:
        yield "velocity_exceeded"


def distance(one: str, other: str) -> int:
    """Return in how many of their 64 bits two difference hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
