"""
The search of the breached records for the people affected, and for the customers of a processor.

Only a portion of records is in memory: the people found are passed on at once, and recognised elsewhere.
A customer that is missed is not notified at all. So a record without one of the declared customers has an
unknown customer, and then all of them are notified.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

from services.fulfillment.breach.affected import CONTROLLERS, SAID_BY_HAND, AffectedPerson
from services.fulfillment.breach.contact_evidence import ContactFields, contact_fields_of, needed, plus_tags
from services.fulfillment.breach.filters import FilterRefused, conditions, unmapped
from services.fulfillment.breach.places import language_of, place_of
from services.fulfillment.breach.references import ReferenceFollower
from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.search.bson_equality import folded, refers
from services.fulfillment.search.mailboxes import address_in, same
from services.fulfillment.stores.mongodb import Stores
from shared.contract.events.breaches import AffectedController, BreachDeclared, BreachRole, ListedPerson
from shared.errors import InvalidDataMap
from shared.law.taxonomy import covered
from shared.runtime.mongo import Decimal128, Document, id_bytes, size_of

Listed: TypeAlias = Mapping[str, frozenset[str]]
"""Case-folded ids of customers → their exact ids."""


@dataclass(frozen=True, slots=True)
class NamedCustomers:
    """The customers named in records."""

    ids: frozenset[str] = frozenset()
    unnamed: int = 0
    """Records with unknown customer."""

    def __or__(self, other: "NamedCustomers") -> "NamedCustomers":
        """Return the customers of these and *other* records."""
        return NamedCustomers(self.ids | other.ids, self.unnamed + other.unnamed)


def named_in(documents: Iterable[Document], paths: Sequence[str], declared: BreachDeclared) -> NamedCustomers:
    """Return the *declared* customers that *documents* name at *paths*."""
    if declared.role is not BreachRole.PROCESSOR or not paths:
        return NamedCustomers()
    listed = defaultdict[str, frozenset[str]](frozenset)
    for one in declared.affected.controllers:
        listed[folded(one.id)] |= {one.id}
    found = [_ids(document, paths, listed) for document in documents]
    return NamedCustomers(frozenset().union(*found), sum(not ids for ids in found))


def customers(declared: BreachDeclared, named: NamedCustomers, *, all_named: bool) -> list[AffectedPerson]:
    """
    Return the customers to notify: those *named* in the breached records, and all if one's is unknown.

    *all_named* states whether all breached collections have a field for the customer.
    """
    if declared.role is not BreachRole.PROCESSOR:
        return []
    every = declared.affected.controllers
    meant = [one for one in every if one.id in named.ids] if all_named and not named.unnamed else every
    return [_customer(one, declared) for one in meant]


def _ids(document: Document, paths: Sequence[str], listed: Listed) -> frozenset[str]:
    """Return the *listed* customers that the document names; none if it names any other."""
    values = [value for path in paths for value in values_at(document, path) if refers(value)]
    texts = [_written(value) for value in values]
    alike = [(text, listed.get(folded(text), frozenset[str]())) for text in texts]
    each = [same_case & {text} or same_case for text, same_case in alike]  # exactly, else in any case
    return frozenset().union(*each) if all(each) else frozenset()


def _written(value: Any) -> str:
    """Return *value* as a declaration writes it: a number and its text are the same."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if isinstance(number, float | Decimal) and isfinite(number) and number % 1 == 0:
        return str(int(number))
    return str(value).strip()


def _customer(controller: AffectedController, declared: BreachDeclared) -> AffectedPerson:
    email = address_in(controller.email) or controller.email
    said = {"email": email, "name": controller.name, "language": controller.locale}
    return AffectedPerson(
        identity=(CONTROLLERS, controller.id),
        said={name: (SAID_BY_HAND, text) for name, text in said.items()},
        categories=frozenset(declared.categories),
        to=CONTROLLERS,
        services=controller.services,
    )


DOCUMENTS_AT_ONCE = 2_000
BYTES_AT_ONCE = 8 * 1024 * 1024
"""Bytes of documents, about, that are read before their people are kept."""
CHECKED_WITHIN = timedelta(seconds=30)
"""Time limit of the check that a filter finds a record, before the search starts."""
SCANNED_WITHIN = timedelta(minutes=10)
"""Time limit of one query: enough for a hundred million records. After it, it is retried later."""
MORE = 100
"""Distance of data from other records with the same address."""


@dataclass
class Portion:
    """The result of some records."""

    people: list[AffectedPerson] = field(default_factory=list)
    records: int = 0
    named: NamedCustomers = field(default_factory=NamedCustomers)
    """Customers of the records, by the map."""
    collection: str = ""


@dataclass(frozen=True, slots=True)
class AffectedSearch:
    """Finds the people affected in *stores* along *data_map*."""

    data_map: DataMap
    stores: Stores
    within: timedelta = SCANNED_WITHIN
    """Time limit of one query."""

    async def check(self, declared: BreachDeclared) -> None:
        """
        Check that the records of *declared* can be searched.

        Raises:
            FilterRefused: The declaration does not name them in a usable way, or by an unknown field.
            InvalidDataMap: The map names a collection that does not exist: the result would be empty.
            PermanentError: A store does not understand a filter.
            StoreUnavailable: A store did not answer, or not in time.
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
        """Return whether any record fulfils *condition*."""
        found = self.stores.scan(place, ["_id"], condition, most=1, within=CHECKED_WITHIN)
        return bool([document async for document in found])

    async def portions(self, declared: BreachDeclared) -> AsyncIterator[Portion]:
        """Yield the people that *declared* affects, as often as they are found."""
        await self.check(declared)
        named = NamedCustomers()
        for key, condition in conditions(self.data_map, declared.affected.collections).items():
            async for portion in self._in_records(key, condition, declared):
                named |= portion.named
                yield portion
        listed = listed_in(declared, tagged=plus_tags(self.data_map))
        notified = customers(declared, named, all_named=self._all_named(declared))
        yield Portion(people=[*listed, *notified])

    async def completions(self, lacking: frozenset[str]) -> AsyncIterator[Portion]:
        """Yield people with a mail address in records that may state *lacking* facts."""
        for key, several in contact_fields_of(self.data_map).items():
            contact = [t for t in several if t.emails and t.may_state(lacking)]
            place = self.data_map.by_key[key].place
            if contact and not await self.stores.absent([place]):
                async for documents in _portions(
                    self.stores.scan(place, needed(contact), within=self.within)
                ):
                    found = await asyncio.to_thread(_known_in, documents, contact)
                    yield Portion(found, len(documents), collection=key)

    async def _in_records(
        self, key: str, condition: Document, declared: BreachDeclared
    ) -> AsyncIterator[Portion]:
        several = contact_fields_of(self.data_map).get(key, ())
        namers = [f.path for f in self.data_map.by_key[key].leaves if f.controller]
        place, paths = self.data_map.by_key[key].place, [*needed(several), *namers]
        scanned = self.stores.scan(place, sorted(set(paths)), condition, within=self.within)
        async for documents in _portions(scanned):
            # In a thread: the broker needs heartbeats meanwhile.
            parts = await asyncio.to_thread(_parts, documents, several, declared.categories)
            yield Portion(
                people=await self._people_of(parts),
                records=len(documents),
                named=named_in(documents, namers, declared),
                collection=key,
            )

    async def _people_of(self, parts: Sequence["_PersonPart"]) -> list[AffectedPerson]:
        """Return the people of *parts*; those without an address are searched along the references."""
        lost = [part for part in parts if not part.person.identity]
        follower = ReferenceFollower(self.data_map, self.stores)
        searches = await follower.owners((part.contact, part.value) for part in lost)
        people = [part.person for part in parts if part.person.identity]
        for part, search in zip(lost, searches, strict=True):
            stranger = replace(part.person, identity=part.contact.strangers_key(part.value, part.place))
            owners = search.owners() or [search.nameless or stranger]
            # The record's own data is of one of several people: it is not known of which.
            shared = replace(stranger, said={}, places={}) if len(owners) > 1 else stranger
            people += [
                replace(shared, identity=owner.identity or stranger.identity).also(owner) for owner in owners
            ]
        return [person.as_named() for person in people]

    def _all_named(self, declared: BreachDeclared) -> bool:
        """Return whether all breached collections have a field for the customer."""
        keys = conditions(self.data_map, declared.affected.collections)
        named = [any(f.controller for f in self.data_map.by_key[key].leaves) for key in keys]
        return bool(named) and all(named)


@dataclass(frozen=True, slots=True)
class _PersonPart:
    """One person's part of a record."""

    contact: ContactFields
    value: Any
    place: tuple[Hashable, ...]
    person: AffectedPerson


def _parts(
    documents: Iterable[Document], several: Iterable[ContactFields], breached: Sequence[str]
) -> list[_PersonPart]:
    """Return the parts of *documents* with personal data; of *breached* categories, if any."""
    found = []
    for document in documents:
        for contact in several:
            for number, value in enumerate(contact.parts(document)):
                held = contact.categories(value)
                categories = frozenset(c for c in held if not breached or covered(c, breached))
                person = replace(contact.person_of(value), categories=categories)
                if categories and (person.identity or not contact.mentions):
                    place = (id_bytes(document["_id"]).hex(), contact.unit, number)
                    found.append(_PersonPart(contact, value, place, person))
    return found


async def _portions(documents: AsyncIterator[Document]) -> AsyncIterator[list[Document]]:
    """Yield *documents* in portions that fit into little memory."""
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
    pairs = ((contact, part) for d in documents for contact in several for part in contact.parts(d))
    people = (contact.person_of(part, hops=MORE) for contact, part in pairs)
    return [one for one in people if one.identity]


def listed_in(declared: BreachDeclared, *, tagged: bool) -> list[AffectedPerson]:
    """Return the people listed in the declaration; two without an address are two people."""
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
    identity: tuple[Hashable, ...] = ("listed", listed.name, place)
    seen[identity] += 1
    identity = ("email", same(address, tagged=tagged)) if address else (*identity, seen[identity])
    return AffectedPerson(
        identity=identity,
        said={name: (SAID_BY_HAND, text) for name, text in said.items() if text},
        places={place: SAID_BY_HAND} if place else {},
        categories=frozenset(listed.categories or declared.categories),
    ).as_named()
