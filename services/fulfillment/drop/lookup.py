"""
Looks the hashes of California's DROP up in the stores, and tells intake whom they have found.

One pass over each collection that holds identifiers serves all requests that were ever listed. What is found
is remembered as it is found, so that whoever dies leaves nothing undone: another begins the pass anew, and
what was found for a batch stays found for it. What leads to a person's records leaves in the vault alone.
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
from services.fulfillment.drop.fields import HashedPerson, HashSource, sources, tellings
from services.fulfillment.drop.hash_lists import AT_ONCE, HashListBatch, HashLists, ListedHash, Sighting
from services.fulfillment.drop.people import Held, followed, held, led_to, right_for
from services.fulfillment.search.lookups import entering
from services.fulfillment.stores.mongodb import Probe, Stores, in_portions
from shared.contract.drop import KIND_OF, LineSplitter, ListKind, ListMatch, ListRow, row_of
from shared.contract.envelope import encode
from shared.contract.events import DropMatched
from shared.contract.ports import VaultPort
from shared.errors import HabeasError, InvalidDataMap
from shared.law import Right
from shared.runtime.broker import Message
from shared.runtime.log import logger
from shared.runtime.mongo import Document

LOOK_EVERY_S = 1.0
TRY_AGAIN_S = 60.0
DOCUMENTS_AT_ONCE = 1_000
"""Documents whose hashes are made and looked up together."""
REQUESTS_AT_ONCE = 200
MOST_SIGHTINGS = 1_000
"""Records that are read again to see whom one request means."""
NO_IDENTITY = "drop"
"""Name of an identity that no data map has: the staff must find the records."""
Lead: TypeAlias = tuple[str, str]
"""Name and value of an identity that leads to records."""
Publish = Callable[[list[Message]], Awaitable[None]]


@dataclass
class LookupCounts:
    """What a batch came to; nothing of it names anybody."""

    spoilt: int = 0
    documents: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class Matching:
    """Looks hashes up, in one replica of fulfillment."""

    listed: HashLists
    stores: Stores
    vault: VaultPort
    current: Callable[[], DataMap]
    publish: Publish
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def run(self) -> None:
        """Look every batch up, for ever; what fails is begun anew by whoever is next."""
        while True:
            pause = LOOK_EVERY_S
            try:
                while await self.work():
                    pass
            except HabeasError as error:
                pause = TRY_AGAIN_S
                logger().error("hashes of DROP are looked up later", service="fulfillment", reason=str(error))
            await asyncio.sleep(pause)

    async def work(self) -> LookupCounts | None:
        """
        Look a batch up, if one waits; return what it came to.

        Raises:
            InvalidDataMap: The map names a collection that is not there: an answer would be less than whole.
            StoreUnavailable: A store did not answer. Another replica begins the batch anew.
        """
        batch = await self.listed.begin(self.clock())
        if batch is None:
            return None
        tally = LookupCounts()
        for item in batch.lists:
            await self._import(batch, item, tally)
        if tally.spoilt:
            # What cannot be read cannot be answered: somebody must ask the state what it was.
            logger().error("rows of DROP cannot be read", request_id=batch.id, handled=tally.spoilt)
        await self._look_up(batch, tally)
        name = f"drop_found_{token_hex(8)}"
        await self.vault.seal_stream(batch.id, name, self._told(batch, tally))
        await self.publish([_message(batch.id, name, tally.found)])
        await self.listed.end(batch.id)
        logger().info("hashes of DROP looked up", request_id=batch.id, handled=tally.documents)
        return tally

    async def _import(self, batch: HashListBatch, item: str, tally: LookupCounts) -> None:
        kind = KIND_OF[item]
        async for rows in self._rows(batch.id, item, tally):
            if kind is ListKind.REMOVED:
                await self.listed.remove([row.id for row in rows])
            else:
                await self.listed.add(rows, kind, batch.id)
            await self.listed.alive(batch.id, self.clock())

    async def _rows(self, batch: str, item: str, tally: LookupCounts) -> AsyncIterator[Sequence[ListRow]]:
        rows, first = list[ListRow](), True
        async for line in _lines(self.vault.open_stream(batch, item)):
            row = row_of(line)
            if row is not None:
                rows.append(row)
            elif line and not first:  # what is no row in the first line is the header
                tally.spoilt += 1
            first = False
            if len(rows) >= AT_ONCE:
                yield rows
                rows = []
        if rows:
            yield rows

    # --- one pass over every collection -----------------------------------------------------------------

    async def _look_up(self, batch: HashListBatch, tally: LookupCounts) -> None:
        data_map = self.current()
        for key, several in sources(data_map).items():
            place = data_map.by_key[key].place
            if await self.stores.absent([place]):
                raise InvalidDataMap(f"the data map names {key}, and the database has no such collection")
            paths = sorted({path for source in several for path in source.paths})
            async for documents in in_portions(self.stores.scan(place, paths), DOCUMENTS_AT_ONCE):
                await self._match(documents, key, several, batch)
                tally.documents += len(documents)
                await self.listed.alive(batch.id, self.clock())

    async def _match(
        self, documents: Sequence[Document], key: str, several: Sequence[HashSource], batch: HashListBatch
    ) -> None:
        # In a thread: the broker waits for a sign of life meanwhile.
        hashes = await asyncio.to_thread(self._hashes, documents, several)
        wanted = await self.listed.those_of(hashes)
        pairs = [
            (one.id, key, record)
            for digest, some in wanted.items()
            for one in some
            for record in hashes[digest]
        ]
        await self.listed.found_in(pairs, batch.id)

    def _hashes(self, documents: Iterable[Document], several: Sequence[HashSource]) -> dict[bytes, list[Any]]:
        """Return what *documents* would be wanted as, each with the documents' ids."""
        found: dict[bytes, list[Any]] = {}
        for document in documents:
            keys = {self.listed.key_of(h) for who in _people(document, several) for h in who.hashes}
            for key in keys:
                found.setdefault(key, []).append(document["_id"])
        return found

    # --- whom a request means ---------------------------------------------------------------------------

    async def _told(self, batch: HashListBatch, tally: LookupCounts) -> AsyncIterator[bytes]:
        async for ids in in_portions(self.listed.fresh(batch.id), REQUESTS_AT_ONCE):
            wanted = await self.listed.named(ids)
            for found in await self._whom(batch, wanted):
                tally.found += 1
                yield found.model_dump_json().encode() + b"\n"
            await self.listed.alive(batch.id, self.clock())

    async def _whom(self, batch: HashListBatch, wanted: Mapping[str, ListedHash]) -> list[ListMatch]:
        sightings = await self.listed.sightings(list(wanted))
        documents = await self._read({s for some in sightings.values() for s in some[:MOST_SIGHTINGS]})
        whom = {
            id_: self._people_of(one, sightings.get(id_, ())[:MOST_SIGHTINGS], documents, batch)
            for id_, one in wanted.items()
        }
        too_many = {id_ for id_, some in sightings.items() if len(some) > MOST_SIGHTINGS}
        rights = await self._rights({id_: people for id_, people in whom.items() if id_ not in too_many})
        return [
            found
            for id_, one in wanted.items()
            for found in _found(one, whom[id_], rights.get(id_, Right.OPT_OUT_OF_SALE))
        ]

    async def _rights(self, whom: Mapping[str, Sequence[Held]]) -> dict[str, Right]:
        """
        Return what is asked for each.

        An erasure takes all that its identity finds, which the hash need not have found: a family may share
        the mailbox of one whose name was listed. So it is looked at who else is there, before.
        """
        leads = {id_: _leads(people) for id_, people in whom.items()}
        others = await self._others({lead for several in leads.values() for lead in several})
        rights = {}
        for id_, people in whom.items():
            found = [others[lead] for lead in leads[id_]]
            known = [one for some in found for one in some or ()]
            sure = None not in found
            rights[id_] = right_for([*people, *known]) if sure else Right.OPT_OUT_OF_SALE
        return rights

    async def _others(self, leads: Iterable[Lead]) -> dict[Lead, list[Held] | None]:
        """Return whom each of *leads* finds; none where they are too many, or nothing is looked up by it."""
        data_map, asked = self.current(), dict[str, dict[Probe, list[Lead]]]()
        found: dict[Lead, list[Held] | None] = {}
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
        self, people: list[Held] | None, documents: Sequence[Document], key: str, lead: Lead
    ) -> list[Held] | None:
        """Return *people* and whom *lead* means in *documents*; none where they are too many to tell."""
        if people is None or len(documents) >= MOST_SIGHTINGS:
            return None
        several = tellings(self.current()).get(key, ())
        for document in documents:
            everybody = [one for source in several for one in source.everybody(document)]
            people += led_to(everybody, lead)
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
    ) -> list[Held]:
        """Return whom *wanted* means now; a record that was changed since may be nobody's any more."""
        maps = sources(self.current())
        people: list[Held] = []
        for sighting in sightings:
            for somebody in _people(documents.get(sighting, {}), maps.get(sighting.collection, ())):
                one = held(
                    somebody, lambda h: self.listed.key_of(h) == wanted.key, fresh=sighting.batch == batch.id
                )
                people += [one] if one is not None else []
        return people


def _leads(people: Sequence[Held]) -> list[Lead]:
    """Return what an erasure of *people* would follow; nothing where they are several by what is known."""
    if right_for(people) is not Right.ERASURE:
        return []
    return [lead for lead in followed(people, Right.ERASURE) if lead is not None]


def _found(wanted: ListedHash, people: Sequence[Held], right: Right) -> list[ListMatch]:
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
    return (somebody for source in several for somebody in source.people(document))


def _message(batch: str, name: str, found: int) -> Message:
    """Return the event; the same for all who tell of one batch."""
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
