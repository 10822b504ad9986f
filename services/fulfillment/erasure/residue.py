"""
What still names the person after an erasure: a look through all mapped texts, wherever the erasure had been.

The walk finds what is the person's. A text of somebody else, or one that nobody looks people up by, may name
the person all the same. Nothing is changed there: a note about a conversation is two people's.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.erasure.execution import Remains
from services.fulfillment.erasure.steps import Disposition, ErasurePlan, RecordStep, steps_where
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.mentions import Mention, Needle, NeedleKind
from services.fulfillment.search.walk import SearchStatus
from services.fulfillment.stores.mongodb import Stores
from shared.errors import StoreUnavailable
from shared.runtime.mongo import json_util


@dataclass(frozen=True, slots=True)
class Residue:
    """What a look through the texts of one collection has found."""

    key: str
    documents: int
    """How many the collection holds; 0 where the look was not finished."""
    mentions: tuple[Mention, ...] = ()
    finished: bool = True

    @property
    def records(self) -> int:
        """Records that name the person by what is nobody else's; a full name may be a namesake's."""
        return len({key_of(m.id) for m in self.mentions if m.needle.kind is not NeedleKind.NAME})

    def lines(self) -> Iterator[str]:
        """Yield where the person is named, a line of JSON each: collection, ``_id``, path and by what."""
        for mention in self.mentions:
            place = {"collection": self.key, "id": mention.id, "path": mention.path}
            yield json_util.dumps({**place, "by": mention.needle.kind.value})


async def look_through(
    plan: ErasurePlan, remains: Remains, data_map: DataMap, stores: Stores, wanted: frozenset[Needle]
) -> Sequence[Residue]:
    """
    Go through the texts of every collection that was searched, for *wanted*; kept records are left out.

    A store that does not answer makes its look unfinished and nothing else: what was to go is verified.
    """
    searched = [part.key for part in remains.findings.coverage if part.status is SearchStatus.SEARCHED]
    collections = [data_map.by_key[key] for key in searched]
    looks = [_look(c, paths, plan, stores, wanted) for c in collections if (paths := _texts(c)) and wanted]
    return await asyncio.gather(*looks)


def _texts(collection: Collection) -> Sequence[str]:
    return [field.path for field in collection.leaves if (field.type or "string").startswith("string")]


async def _look(
    collection: Collection, paths: Sequence[str], plan: ErasurePlan, stores: Stores, wanted: frozenset[Needle]
) -> Residue:
    try:
        seen = await stores.mentions(collection.place, paths, wanted)
    except StoreUnavailable:
        return Residue(collection.key, 0, finished=False)
    explained = steps_where(plan.steps, lambda step: step.key == collection.key and _explained(step))
    kept = {key_of(step.id["_id"]) for step in explained}
    others = tuple(mention for mention in seen.found if key_of(mention.id) not in kept)
    return Residue(collection.key, seen.documents, others)


def _explained(step: RecordStep) -> bool:
    """Tell whether the certificate says already that the record of *step* still names the person."""
    return step.disposition in (Disposition.RETAINED, Disposition.LEFT)


def records_naming(residues: Iterable[Residue]) -> int:
    """Return in how many records the person is still named by what is nobody else's."""
    return sum(residue.records for residue in residues)
