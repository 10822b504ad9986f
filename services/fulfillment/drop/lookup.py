"""
The look-up job for the hashes of California's DROP; it reports the people found to intake.

One pass over each collection with identifiers serves all requests ever listed. Finds are stored at once, so
that a crash leaves nothing undone: another replica repeats the pass, and finds for a batch stay with it.
Identities leave in the vault alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, uuid5

from services.fulfillment.datamap.graph import graph_of
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.drop.fields import (
    HashedPerson,
    HashSource,
    MatchedPerson,
    followed,
    identifying_sources,
    matched_person,
    people_of_lead,
    right_for,
    sources,
)
from services.fulfillment.drop.hash_lists import AT_ONCE, HashListBatch, HashLists, ListedHash, Sighting
from services.fulfillment.search.lookups import entering
from services.fulfillment.stores.batch_lookup import Probe
from services.fulfillment.stores.existence import SeenCollectionsPort, lacking_collections
from services.fulfillment.stores.mongodb import Stores
from shared.contract.drop import KIND_OF, NO_IDENTITY, LineSplitter, ListKind, ListMatch, ListRow, row_of
from shared.contract.envelope import encode
from shared.contract.events import DropMatched
from shared.contract.ports import VaultPort
from shared.errors import InvalidDataMap
from shared.law import Right
from shared.portions import in_portions
from shared.runtime.broker import Message
from shared.runtime.log import logger
from shared.runtime.mongo import Document
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 10.0
TRY_AGAIN_S = 60.0
DOCUMENTS_AT_ONCE = 1_000
"""Documents that are hashed and looked up together."""
REQUESTS_AT_ONCE = 200
MOST_SIGHTINGS = 1_000
"""Most records that are read again to find the person of one request."""
Lead: TypeAlias = tuple[str, str]
"""Name and value of an identity that leads to records."""
Publish = Callable[[list[Message]], Awaitable[None]]


@dataclass
class LookupCounts:
    """Numbers about a batch, without names."""

    documents: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class HashLookupJob:
    """Looks hashes up, in one replica of fulfillment."""

    listed: HashLists
    stores: Stores
    vault: VaultPort
    current: Callable[[], DataMap]
    publish: Publish
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    register: SeenCollectionsPort | None = None
    """The collections seen before; without it, no lacking collection counts as empty."""

    async def run(self) -> None:
        """Look up every batch, for ever; the next replica repeats failed ones."""
        await work_forever(
            self.work,
            service="fulfillment",
            delayed="hashes of DROP are looked up later",
            every_s=LOOK_EVERY_S,
            retry_s=lambda _: TRY_AGAIN_S,
            wake=self.listed.enqueued,
        )

    async def work(self) -> LookupCounts | None:
        """
        Look up a batch, if one waits; return its numbers.

        Raises:
            InvalidDataMap: The map names a collection that does not exist: the result would be incomplete.
            StoreUnavailable: A store did not answer. Another replica starts the batch again.
        """
        batch = await self.listed.begin(self.clock())
        if batch is None:
            return None
        tally = LookupCounts()
        for item in batch.lists:
            await self._import(batch, item)
        await self._look_up(batch, tally)
        name = f"drop_found_{token_hex(8)}"
        await self.vault.seal_stream(batch.id, name, self._matches(batch, tally))
        await self.publish([_message(batch.id, name, tally.found)])
        await self.listed.end(batch.id)
        logger().info("hashes of DROP looked up", request_id=batch.id, handled=tally.documents)
        return tally

    async def _import(self, batch: HashListBatch, item: str) -> None:
        async for rows in in_portions(self._rows(batch.id, item), AT_ONCE):
            if KIND_OF[item] is ListKind.REMOVED:
                await self.listed.remove([row.id for row in rows])
            else:
                await self.listed.add(rows, KIND_OF[item], batch.id)
            await self.listed.prolong(batch.id, self.clock())

    async def _rows(self, batch: str, item: str) -> AsyncIterator[ListRow]:
        """Yield the readable rows; intake has set the others aside."""
        async for line in _lines(self.vault.open_stream(batch, item)):
            row = row_of(line)
            if row is not None:
                yield row

    async def _look_up(self, batch: HashListBatch, tally: LookupCounts) -> None:
        data_map = self.current()
        searched = sources(data_map)
        lacking = await lacking_collections(data_map, searched.keys(), self.stores, self.register)
        if lacking.missing:
            names = ", ".join(sorted(lacking.missing))
            raise InvalidDataMap(f"the data map names {names}, and the database has no such collection")
        for key, several in searched.items():
            if key in lacking.absent:
                continue
            place = data_map.by_key[key].place
            paths = sorted({path for source in several for path in source.paths})
            async for documents in in_portions(self.stores.scan(place, paths), DOCUMENTS_AT_ONCE):
                await self._match(documents, key, several, batch)
                tally.documents += len(documents)
                await self.listed.prolong(batch.id, self.clock())

    async def _match(
        self, documents: Sequence[Document], key: str, several: Sequence[HashSource], batch: HashListBatch
    ) -> None:
        # In a thread: the broker needs heartbeats meanwhile.
        hashes = await asyncio.to_thread(self._hashes, documents, several)
        wanted = await self.listed.those_of(hashes)
        finds = ((one, hashes[digest]) for digest, some in wanted.items() for one in some)
        pairs = [(one.id, key, record) for one, records in finds for record in records]
        await self.listed.found_in(pairs, batch.id)

    def _hashes(self, documents: Iterable[Document], several: Sequence[HashSource]) -> dict[bytes, list[Any]]:
        """Return the keys of the hashes of *documents*, each with the documents' ids."""
        found: dict[bytes, list[Any]] = {}
        for document in documents:
            keys = {self.listed.key_of(h) for person in _people(document, several) for h in person.hashes}
            for key in keys:
                found.setdefault(key, []).append(document["_id"])
        return found

    async def _matches(self, batch: HashListBatch, tally: LookupCounts) -> AsyncIterator[bytes]:
        async for ids in in_portions(self.listed.fresh(batch.id), REQUESTS_AT_ONCE):
            wanted = await self.listed.named(ids)
            for found in await self._people_of_requests(batch, wanted):
                tally.found += 1
                yield found.model_dump_json().encode() + b"\n"
            await self.listed.prolong(batch.id, self.clock())

    async def _people_of_requests(
        self, batch: HashListBatch, wanted: Mapping[str, ListedHash]
    ) -> list[ListMatch]:
        sightings = await self.listed.sightings(list(wanted))
        documents = await self._read({s for some in sightings.values() for s in some[:MOST_SIGHTINGS]})
        found = {id_: sightings.get(id_, ()) for id_ in wanted}
        people_of = {
            id_: self._people_of(one, found[id_][:MOST_SIGHTINGS], documents, batch)
            for id_, one in wanted.items()
        }
        few = {id_: people for id_, people in people_of.items() if len(found[id_]) <= MOST_SIGHTINGS}
        rights = await self._rights(few)
        return [
            found
            for id_, one in wanted.items()
            for found in _found(one, people_of[id_], rights.get(id_, Right.OPT_OUT_OF_SALE))
        ]

    async def _rights(self, people_of: Mapping[str, Sequence[MatchedPerson]]) -> dict[str, Right]:
        """
        Return the right of each request.

        An erasure takes all records of its identity, which may be more than the hash found: a family may
        share the mailbox of the listed person. So other people there are searched before.
        """
        leads = {id_: _leads(people) for id_, people in people_of.items()}
        others = await self._others({lead for several in leads.values() for lead in several})
        rights = {}
        for id_, people in people_of.items():
            found = [others[lead] for lead in leads[id_]]
            known = [one for some in found for one in some or ()]
            rights[id_] = Right.OPT_OUT_OF_SALE if None in found else right_for([*people, *known])
        return rights

    async def _others(self, leads: Iterable[Lead]) -> dict[Lead, list[MatchedPerson] | None]:
        """Return the people that each of *leads* finds; None if too many, or not searchable."""
        data_map, asked = self.current(), dict[str, dict[Probe, list[Lead]]]()
        found: dict[Lead, list[MatchedPerson] | None] = {}
        for lead in leads:
            found[lead] = None
            for key, probe in entering(graph_of(data_map), *lead):
                found[lead] = []
                asked.setdefault(key, {}).setdefault(probe, []).append(lead)
        for key, probes in asked.items():
            place = data_map.by_key[key].place
            documents = await self.stores.find(place, list(probes), most=MOST_SIGHTINGS)
            for probe, several in probes.items():
                for lead in several:
                    found[lead] = self._with(found[lead], documents[probe], key, lead)
        return found

    def _with(
        self, people: list[MatchedPerson] | None, documents: Sequence[Document], key: str, lead: Lead
    ) -> list[MatchedPerson] | None:
        """Return *people* with those that *lead* finds in *documents*; None if they are too many."""
        if people is None or len(documents) >= MOST_SIGHTINGS:
            return None
        several = identifying_sources(self.current()).get(key, ())
        for document in documents:
            everyone = [one for source in several for one in source.all_people(document)]
            people += people_of_lead(everyone, lead)
        return people

    async def _read(self, sightings: Iterable[Sighting]) -> Mapping[Sighting, Document]:
        data_map, found = self.current(), dict[Sighting, Document]()
        by_collection: dict[str, list[Sighting]] = {}
        for sighting in sightings:
            by_collection.setdefault(sighting.collection, []).append(sighting)
        for key, several in by_collection.items():
            if key not in data_map.by_key:
                continue  # the map has changed since
            probes = {sighting: Probe.of("_id", sighting.record, caseless=False) for sighting in several}
            documents = await self.stores.find(data_map.by_key[key].place, list(probes.values()))
            found |= {sighting: documents[probe][0] for sighting, probe in probes.items() if documents[probe]}
        return found

    def _people_of(
        self,
        wanted: ListedHash,
        sightings: Sequence[Sighting],
        documents: Mapping[Sighting, Document],
        batch: HashListBatch,
    ) -> list[MatchedPerson]:
        """Return the people of *wanted* now; a record that was changed since may match no more."""
        maps = sources(self.current())
        people: list[MatchedPerson] = []
        for sighting in sightings:
            for person in _people(documents.get(sighting, {}), maps.get(sighting.collection, ())):
                fresh = sighting.batch == batch.id
                one = matched_person(person, lambda h: self.listed.key_of(h) == wanted.key, fresh=fresh)
                people += [one] if one is not None else []
        return people


def _leads(people: Sequence[MatchedPerson]) -> list[Lead]:
    """Return the identities that an erasure of *people* would follow; empty if they are several people."""
    leads = followed(people, Right.ERASURE) if right_for(people) is Right.ERASURE else ()
    return list(filter(None, leads))


def _found(wanted: ListedHash, people: Sequence[MatchedPerson], right: Right) -> list[ListMatch]:
    return [
        ListMatch(
            id=wanted.id,
            kind=wanted.kind,
            origin=wanted.origin,
            number=number,
            right=right,
            identifiers={NO_IDENTITY: wanted.id} if follow is None else dict([follow]),
        )
        for number, follow in enumerate(followed(people, right))
    ]


def _people(document: Document, several: Iterable[HashSource]) -> Iterable[HashedPerson]:
    return (person for source in several for person in source.people(document))


def _message(batch: str, name: str, found: int) -> Message:
    """Return the event; equal for all replicas that report one batch."""
    id_ = uuid5(NAMESPACE_OID, f"dropped {batch}").hex
    fact = DropMatched(request_id=batch, found=found, matches=name)
    body = encode(fact, id=id_, source="habeas/fulfillment", time=datetime.now(UTC))
    return Message(fact.EXCHANGE, fact.TYPE, body, id_)


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    lines = LineSplitter()
    async for piece in pieces:
        for line in lines.of(piece):
            yield line
    for line in lines.rest():
        yield line
