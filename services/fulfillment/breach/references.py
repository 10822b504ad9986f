"""
Follows references from records without a mail address to records with one.

The references that a search follows to a record lead back from it to its person. So do the person's own
numbers in other records, and finally the record's own references. Each reference costs one query for many
records.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import product
from typing import Any, TypeAlias

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.contact_evidence import ContactFields, contact_fields_of
from services.fulfillment.datamap.graph import Lookup, graph_of
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.paths import below, leads_through, values_at
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.lookups import formed, probe_of
from services.fulfillment.search.units import own_first, unit_of
from services.fulfillment.stores.batch_lookup import Probe
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Document

MOST_HOPS = 8
"""Most references followed in a row; a map that needs more is circular."""


class LookupKind(IntEnum):
    """Where a look-up searches, the surest first."""

    BACK = 0
    """Records that refer here: their people are the record's."""
    SAME = 1
    """Other records with the person's own number."""
    ONWARD = 2
    """Records that the record refers to."""


Step: TypeAlias = tuple[LookupKind, Lookup, Probe]


@dataclass
class ReferenceSearch:
    """The look-ups for one part of a record."""

    contact: ContactFields
    part: Any
    steps: list[Step] = field(default_factory=list)
    asked: set[Hashable] = field(default_factory=set)
    found: list[tuple[LookupKind, AffectedPerson]] = field(default_factory=list)
    nameless: AffectedPerson | None = None
    """Data of a person without an address, from records on the way."""
    guessed: list[tuple[LookupKind, AffectedPerson]] = field(default_factory=list)
    """People with an address that may be another's: used if no others are found."""

    def owners(self) -> list[AffectedPerson]:
        """Return the people of the record, found in the surest way; a shared number is both people's."""
        found = self.found or self.guessed
        surest = min((way for way, _ in found), default=LookupKind.BACK)
        theirs = sorted((one for way, one in found if way is surest), key=lambda one: one.said["email"])
        people: dict[Hashable, AffectedPerson] = {}
        for person in theirs:
            people[person.identity] = people.get(person.identity, person).also(person)
        return list(people.values())

    def guess(self, way: LookupKind, person: AffectedPerson | None) -> None:
        """Remember *person* found in this way, if not None."""
        self.guessed += [] if person is None else [(way, person)]


@dataclass(frozen=True, slots=True)
class ReferenceFollower:
    """Follows references in *stores* along *data_map*."""

    data_map: DataMap
    stores: Stores

    async def owners(self, parts: Iterable[tuple[ContactFields, Any]]) -> list[ReferenceSearch]:
        """Return for each of *parts* the search with its people; raises :class:`StoreUnavailable`."""
        searches = [ReferenceSearch(contact, part) for contact, part in parts]
        for furthest in LookupKind:
            waiting = [search for search in searches if not search.found]
            for search in waiting:
                search.asked.clear()
                search.guessed.clear()
                search.guess(LookupKind.BACK, search.contact.guess_of(search.part))
                search.steps = list(self._steps(search, search.contact, search.part, furthest))
            for hop in range(1, MOST_HOPS + 1):
                waiting = [search for search in waiting if search.steps and not search.found]
                if not waiting:
                    break
                await self._hop(waiting, hop, furthest)
        return searches

    async def _hop(self, searches: Sequence[ReferenceSearch], hop: int, furthest: LookupKind) -> None:
        """Run the pending look-ups of *searches* together."""
        asked: dict[str, dict[Probe, list[tuple[ReferenceSearch, Step]]]] = {}
        for search in searches:
            for step in search.steps:
                asked.setdefault(step[1].key, {}).setdefault(step[2], []).append((search, step))
            search.steps = []
        for key, probes in asked.items():
            documents = await self.stores.find(self.data_map.by_key[key].place, list(probes))
            for probe, searches_of in probes.items():
                for search, step in searches_of:
                    self._arrive(search, step, documents[probe], hop, furthest)

    def _arrive(
        self, search: ReferenceSearch, step: Step, found: Sequence[Document], hop: int, furthest: LookupKind
    ) -> None:
        way, lookup, probe = step
        for contact, part in self._meant(lookup, probe, found):
            person = contact.person_of(part, hops=hop)
            if person.identity:
                search.found.append((way, person))
            else:
                search.nameless = search.nameless.also(person) if search.nameless else person
                search.guess(way, contact.guess_of(part, hops=hop))
                further = self._steps(search, contact, part, furthest)
                search.steps += [(max(way, after), lookup, probe) for after, lookup, probe in further]

    def _meant(
        self, lookup: Lookup, probe: Probe, found: Sequence[Document]
    ) -> Iterator[tuple[ContactFields, Any]]:
        """Yield the parts of the documents *found* that *probe* finds."""
        unit = unit_of(self.data_map.by_key[lookup.key], lookup.path)
        contacts = contact_fields_of(self.data_map)[lookup.key]
        named = [one for one in contacts if one.unit == unit and one.has(lookup.path) and not one.mentions]
        for document, contact in product(found, named):
            parts = (part for part in contact.parts(document) if _finds(probe, part, document, unit))
            yield from ((contact, part) for part in parts)

    def _steps(
        self, search: ReferenceSearch, contact: ContactFields, part: Any, furthest: LookupKind
    ) -> Iterator[Step]:
        """Yield the new look-ups from *part*."""
        for way, lookup, values in self._ways(contact, part, furthest):
            for form in formed(lookup, values):
                probe = probe_of(lookup, form)
                if (lookup.key, probe) not in search.asked:
                    search.asked.add((lookup.key, probe))
                    yield way, lookup, probe

    def _ways(
        self, contact: ContactFields, part: Any, furthest: LookupKind
    ) -> Iterator[tuple[LookupKind, Lookup, Sequence[Any]]]:
        for edge, values in contact.values_along(part, contact.back):
            yield LookupKind.BACK, edge.target, values
        if furthest >= LookupKind.SAME:
            entries: Mapping[str, Sequence[Lookup]] = graph_of(self.data_map).entries
            for name, value in contact.numbers(part):
                # A telephone, or its number, may be a family's: it is no reason for a notice.
                if own_first(name) == 0:
                    yield from ((LookupKind.SAME, lookup, (value,)) for lookup in entries[name])
        # The record's own references lead to a colleague, or to a seller, if its person is gone.
        if furthest >= LookupKind.ONWARD and not contact.refers:
            for edge, values in contact.values_along(part, contact.out):
                yield LookupKind.ONWARD, edge.target, values


def _finds(probe: Probe, part: Any, document: Document, unit: str) -> bool:
    """Return whether *probe* finds *part*, which stands at *unit* of *document*."""
    wanted = [(probe.path, probe.value, probe.caseless, probe.tagged, probe.phone)]
    others = zip(probe.others, probe.ignoring or (False,) * len(probe.others), strict=True)
    wanted += [(path, value, ignores, False, False) for (path, value), ignores in others]
    for path, value, caseless, tagged, phone in wanted:
        inside = leads_through(path, unit)
        there = values_at(part if inside else document, below(path, unit) if inside else path)
        key = key_of(value, caseless=caseless, tagged=tagged, phone=phone)
        if all(key_of(one, caseless=caseless, tagged=tagged, phone=phone) != key for one in there):
            return False
    return True
