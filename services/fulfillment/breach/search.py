"""
Goes through the records that were breached, and finds out whom they concern.

Nothing is kept here beyond a portion of records: who is found goes on at once to where the same person is
recognised.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from services.fulfillment.breach.affected import SAID_BY_HAND, AffectedPerson
from services.fulfillment.breach.contact_evidence import ContactFields, needed, plus_tags, tellings
from services.fulfillment.breach.customers import NamedCustomers, customers, named_in
from services.fulfillment.breach.filters import FilterRefused, conditions, unmapped
from services.fulfillment.breach.places import language_of, place_of
from services.fulfillment.breach.references import Following
from services.fulfillment.datamap.categories import covered
from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.search.mailboxes import address_in, same
from services.fulfillment.stores.mongodb import Stores
from shared.contract.breaches import BreachDeclared, ListedPerson
from shared.errors import InvalidDataMap
from shared.runtime.mongo import Document, id_bytes, size_of

DOCUMENTS_AT_ONCE = 2_000
BYTES_AT_ONCE = 8 * 1024 * 1024
"""So many bytes about are read before what they tell is kept."""
CHECKED_WITHIN = timedelta(seconds=30)
"""How long a store may look for the first record that a filter finds, before the work on it begins."""
SCANNED_WITHIN = timedelta(minutes=10)
"""How long one query may keep a store busy: for a hundred million records. Then it is tried later."""
MORE = 100
"""References that what is told elsewhere of the same address counts as far away as."""


@dataclass
class Portion:
    """What some records have come to."""

    people: list[AffectedPerson] = field(default_factory=list)
    records: int = 0
    named: NamedCustomers = field(default_factory=NamedCustomers)
    """Customers whose records are among them, as the map says."""
    collection: str = ""


@dataclass(frozen=True, slots=True)
class AffectedSearch:
    """Finds who is affected in *stores*, as *data_map* says."""

    data_map: DataMap
    stores: Stores
    within: timedelta = SCANNED_WITHIN
    """How long a store may work at one query."""

    async def check(self, declared: BreachDeclared) -> None:
        """
        See that the records that *declared* names can be looked for.

        Raises:
            FilterRefused: They are not named in a way that can be followed, or by a field that nobody has.
            InvalidDataMap: The map names a collection that is not there: nobody would be found in it.
            PermanentError: A store does not understand a filter.
            StoreUnavailable: A store did not answer, or looks too long for the first record.
        """
        for key, condition in conditions(self.data_map, declared.affected.collections).items():
            place = self.data_map.by_key[key].place
            if await self.stores.absent([place]):
                raise InvalidDataMap(f"the data map names {key}, and the database has no such collection")
            await self._any(place, condition)
        for strange in unmapped(self.data_map, declared.affected.collections):
            place = self.data_map.by_key[strange.key].place
            if not await self._any(place, {strange.path: {"$exists": True}}):
                raise FilterRefused(strange.complaint)

    async def _any(self, place: CollectionPlace, condition: Document) -> bool:
        """Tell whether any record fulfils *condition*."""
        found = self.stores.scan(place, ["_id"], condition, most=1, within=CHECKED_WITHIN)
        return bool([document async for document in found])

    async def portions(self, declared: BreachDeclared) -> AsyncIterator[Portion]:
        """Yield whom *declared* concerns, the same person as often as they are found."""
        await self.check(declared)
        named = NamedCustomers()
        for key, condition in conditions(self.data_map, declared.affected.collections).items():
            async for portion in self._in_records(key, condition, declared):
                named |= portion.named
                yield portion
        listed = listed_in(declared, tagged=plus_tags(self.data_map))
        told = customers(declared, named, all_tell=self._all_tell(declared))
        yield Portion(people=[*listed, *told])

    async def telling_more(self, lacking: frozenset[str]) -> AsyncIterator[Portion]:
        """Yield who has a mail address in records that say what is *lacking* of somebody."""
        for key, several in tellings(self.data_map).items():
            telling = [t for t in several if t.emails and t.may_tell(lacking)]
            place = self.data_map.by_key[key].place
            if telling and not await self.stores.absent([place]):
                async for documents in _portions(self._scan(place, needed(telling))):
                    found = await asyncio.to_thread(_known_in, documents, telling)
                    yield Portion(found, len(documents), collection=key)

    def _scan(
        self, place: CollectionPlace, paths: Sequence[str], condition: Document | None = None
    ) -> AsyncIterator[Document]:
        return self.stores.scan(place, paths, condition, within=self.within)

    async def _in_records(
        self, key: str, condition: Document, declared: BreachDeclared
    ) -> AsyncIterator[Portion]:
        several = tellings(self.data_map).get(key, ())
        namers = [f.path for f in self.data_map.by_key[key].leaves if f.controller]
        place, paths = self.data_map.by_key[key].place, [*needed(several), *namers]
        scanned = self._scan(place, sorted(set(paths)), condition)
        async for documents in _portions(scanned):
            # In a thread: the broker waits for a sign of life meanwhile.
            parts = await asyncio.to_thread(_parts, documents, several, declared.categories)
            yield Portion(
                people=await self._whose(parts),
                records=len(documents),
                named=named_in(documents, namers, declared),
                collection=key,
            )

    async def _whose(self, parts: Sequence["_PersonPart"]) -> list[AffectedPerson]:
        """Return whose *parts* they are; who has no address in one is looked for along its references."""
        lost = [part for part in parts if not part.somebody.who]
        searches = await Following(self.data_map, self.stores).owners((p.telling, p.value) for p in lost)
        people = [part.somebody for part in parts if part.somebody.who]
        for part, search in zip(lost, searches, strict=True):
            stranger = replace(part.somebody, who=part.telling.strangers_key(part.value, part.place))
            owners = search.owners() or [search.nameless or stranger]
            # What the record itself says of its person is said of one of several: nobody knows of which.
            shared = replace(stranger, said={}, places={}) if len(owners) > 1 else stranger
            people += [replace(shared, who=owner.who or stranger.who).also(owner) for owner in owners]
        return [somebody.as_named() for somebody in people]

    def _all_tell(self, declared: BreachDeclared) -> bool:
        """Tell whether all collections that were breached say which customer's each record is."""
        keys = conditions(self.data_map, declared.affected.collections)
        tells = [any(f.controller for f in self.data_map.by_key[key].leaves) for key in keys]
        return bool(tells) and all(tells)


@dataclass(frozen=True, slots=True)
class _PersonPart:
    """One person's part of a record."""

    telling: ContactFields
    value: Any
    place: tuple[Hashable, ...]
    somebody: AffectedPerson


def _parts(
    documents: Iterable[Document], several: Iterable[ContactFields], breached: Sequence[str]
) -> list[_PersonPart]:
    """Return the parts of *documents* that hold something of somebody; of *breached* categories, if any."""
    found = []
    for document in documents:
        for telling in several:
            for number, value in enumerate(telling.parts(document)):
                held = telling.categories(value)
                categories = frozenset(c for c in held if not breached or covered(c, breached))
                somebody = replace(telling.tells(value), categories=categories)
                if categories and (somebody.who or not telling.mentions):
                    place = (id_bytes(document["_id"]).hex(), telling.unit, number)
                    found.append(_PersonPart(telling, value, place, somebody))
    return found


async def _portions(documents: AsyncIterator[Document]) -> AsyncIterator[list[Document]]:
    """Yield *documents*, so many of them at once as fit into little memory."""
    portion, size = list[Document](), 0
    async for document in documents:
        portion.append(document)
        size += size_of(document)
        if len(portion) >= DOCUMENTS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _known_in(documents: Iterable[Document], several: Sequence[ContactFields]) -> list[AffectedPerson]:
    people = (
        telling.tells(part, hops=MORE) for d in documents for telling in several for part in telling.parts(d)
    )
    return [one for one in people if one.who]


def listed_in(declared: BreachDeclared, *, tagged: bool) -> list[AffectedPerson]:
    """Return the people whom somebody else has found; whoever is named twice without an address is two."""
    seen: Counter[Hashable] = Counter()
    return [_person(one, declared, seen, tagged=tagged) for one in declared.affected.list]


def _person(
    listed: ListedPerson, declared: BreachDeclared, seen: Counter[Hashable], *, tagged: bool
) -> AffectedPerson:
    address = address_in(listed.email or "")
    said: Mapping[str, str | None] = {
        "email": address,
        "name": listed.name,
        "language": language_of(listed.locale) if listed.locale else None,
    }
    home = listed.residence
    place = home and place_of(home.country, home.subdivision or "")
    who: tuple[Hashable, ...] = ("listed", listed.name, place)
    seen[who] += 1
    who = ("email", same(address, tagged=tagged)) if address else (*who, seen[who])
    return AffectedPerson(
        who=who,
        said={name: (SAID_BY_HAND, text) for name, text in said.items() if text},
        places={place: SAID_BY_HAND} if place else {},
        categories=frozenset(listed.categories or declared.categories),
    ).as_named()
