"""
Texts that still name the person after an erasure: a search of all mapped texts.

The search finds the person's records. A text of another person, or one that is not searched for people, may
still name the person. Nothing is changed there: a note about a conversation is two people's.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.erasure.execution import Remains
from services.fulfillment.erasure.steps import Disposition, RecordPlan, steps_where
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import SearchStatus
from services.fulfillment.search.mentions import Mention, Needle, NeedleKind
from services.fulfillment.stores.mongodb import Stores
from shared.errors import StoreUnavailable
from shared.runtime.mongo import json_util


@dataclass(frozen=True, slots=True)
class Residue:
    """The result of the search in the texts of one collection."""

    key: str
    documents: int
    """Number of documents in the collection; 0 if the search was not finished."""
    mentions: tuple[Mention, ...] = ()
    finished: bool = True

    @property
    def records(self) -> int:
        """Records that name the person by an identity of theirs alone; a full name may be a namesake's."""
        return len({key_of(m.id) for m in self.mentions if m.needle.kind is not NeedleKind.NAME})

    def lines(self) -> Iterator[str]:
        """Yield the mentions of the person, a line of JSON each: collection, ``_id``, path and kind."""
        for mention in self.mentions:
            place = {"collection": self.key, "id": mention.id, "path": mention.path}
            yield json_util.dumps({**place, "by": mention.needle.kind.value})


async def search_texts(
    plan: RecordPlan, remains: Remains, data_map: DataMap, stores: Stores, wanted: frozenset[Needle]
) -> Sequence[Residue]:
    """Search the texts of every searched collection for *wanted*; retained records are left out."""
    # If a store does not answer, only its search is unfinished: the erasure itself is verified.
    searched = [part.key for part in remains.findings.coverage if part.status is SearchStatus.SEARCHED]
    collections = [data_map.by_key[key] for key in searched] if wanted else []
    looks = []
    for collection in collections:
        texts = [field.path for field in collection.leaves if (field.type or "string").startswith("string")]
        if texts:
            looks.append(_look(collection, texts, plan, stores, wanted))
    return await asyncio.gather(*looks)


async def _look(
    collection: Collection, paths: Sequence[str], plan: RecordPlan, stores: Stores, wanted: frozenset[Needle]
) -> Residue:
    try:
        seen = await stores.mentions(collection.place, paths, wanted)
    except StoreUnavailable:
        return Residue(collection.key, 0, finished=False)
    # The certificate states already that these records still name the person.
    stated = (Disposition.RETAINED, Disposition.LEFT)
    kept = steps_where(plan.steps, lambda step: step.key == collection.key and step.disposition in stated)
    ids = {key_of(step.id["_id"]) for step in kept}
    return Residue(collection.key, seen.documents, tuple(m for m in seen.found if key_of(m.id) not in ids))


def records_naming(residues: Iterable[Residue]) -> int:
    """Return the number of records that still name the person by an identity of theirs alone."""
    return sum(residue.records for residue in residues)
