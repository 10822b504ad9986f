"""
Follows records that name their person only by a reference, to the record that has their mail address.

What leads to a record for whoever asks for access leads back from it to whom it belongs to. The same holds
for a number that is one's own, wherever else it stands, and in the end for what the record itself leads to.
Each reference costs one query for many records.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.contact_evidence import ContactFields, tellings
from services.fulfillment.datamap.graph import Lookup, graph_of
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.paths import below, leads_through, values_at
from services.fulfillment.search.batch_lookup import Probe
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.lookups import formed, probe_of
from services.fulfillment.search.units import own_first, unit_of
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Document

MOST_HOPS = 8
"""References that are followed one after the other; a map that needs more goes round in circles."""


class LookupKind(IntEnum):
    """Where it is looked, the surest first."""

    BACK = 0
    """Where references come from: each who is found there is somebody whose record it is."""
    SAME = 1
    """Where else a number of one's own stands."""
    ONWARD = 2
    """What the record leads to."""


Step: TypeAlias = tuple[LookupKind, Lookup, Probe]


@dataclass
class ReferenceSearch:
    """What is looked up for one part of a record."""

    telling: ContactFields
    part: Any
    steps: list[Step] = field(default_factory=list)
    asked: set[Hashable] = field(default_factory=set)
    found: list[tuple[LookupKind, AffectedPerson]] = field(default_factory=list)
    nameless: AffectedPerson | None = None
    """What records on the way tell of somebody without an address."""
    guessed: list[tuple[LookupKind, AffectedPerson]] = field(default_factory=list)
    """Who has an address that may be another's: they are told where nobody else is found."""

    def owners(self) -> list[AffectedPerson]:
        """
        Return whose record it is, the same person once.

        Whoever is found in the surest way is meant, each for themselves: a number that two have is both's.
        """
        people: dict[Hashable, AffectedPerson] = {}
        found = self.found or self.guessed
        surest = min((way for way, _ in found), default=LookupKind.BACK)
        theirs = [somebody for way, somebody in found if way is surest]
        for somebody in sorted(theirs, key=lambda one: one.said["email"]):
            known = people.get(somebody.who)
            people[somebody.who] = known.also(somebody) if known else somebody
        return list(people.values())

    def guess(self, way: LookupKind, somebody: AffectedPerson | None) -> None:
        """Remember *somebody* who is found in this way, if anybody is."""
        if somebody is not None:
            self.guessed.append((way, somebody))


@dataclass(frozen=True, slots=True)
class Following:
    """Follows references in *stores*, as *data_map* says."""

    data_map: DataMap
    stores: Stores

    async def owners(self, parts: Iterable[tuple[ContactFields, Any]]) -> list[ReferenceSearch]:
        """
        Return for each of *parts* whom it leads to.

        Raises:
            StoreUnavailable: A store did not answer. That is not the same as nobody.
        """
        searches = [ReferenceSearch(telling, part) for telling, part in parts]
        for furthest in LookupKind:
            waiting = [search for search in searches if not search.found]
            for search in waiting:
                search.asked.clear()
                search.guessed.clear()
                search.guess(LookupKind.BACK, search.telling.guesses(search.part))
                search.steps = list(self._steps(search, search.telling, search.part, furthest))
            for hop in range(1, MOST_HOPS + 1):
                waiting = [search for search in waiting if search.steps and not search.found]
                if not waiting:
                    break
                await self._hop(waiting, hop, furthest)
        return searches

    async def _hop(self, searches: Sequence[ReferenceSearch], hop: int, furthest: LookupKind) -> None:
        """Look up what *searches* wait for, all at once."""
        asked: dict[str, dict[Probe, list[tuple[ReferenceSearch, Step]]]] = {}
        for search in searches:
            for step in search.steps:
                asked.setdefault(step[1].key, {}).setdefault(step[2], []).append((search, step))
            search.steps = []
        for key, probes in asked.items():
            documents = await self.stores.find(self.data_map.by_key[key].place, list(probes))
            for probe, whose in probes.items():
                for search, step in whose:
                    self._arrive(search, step, documents[probe], hop, furthest)

    def _arrive(
        self,
        search: ReferenceSearch,
        step: Step,
        documents: Sequence[Document],
        hop: int,
        furthest: LookupKind,
    ) -> None:
        way, found_by, asked = step
        for document in documents:
            for telling, part in self._meant(found_by, asked, document):
                somebody = telling.tells(part, hops=hop)
                if somebody.who:
                    search.found.append((way, somebody))
                else:
                    search.nameless = search.nameless.also(somebody) if search.nameless else somebody
                    search.guess(way, telling.guesses(part, hops=hop))
                    search.steps += [
                        (max(way, further), lookup, probe)
                        for further, lookup, probe in self._steps(search, telling, part, furthest)
                    ]

    def _meant(self, lookup: Lookup, probe: Probe, document: Document) -> Iterator[tuple[ContactFields, Any]]:
        """Yield whose part of *document* it is that *probe* finds."""
        unit = unit_of(self.data_map.by_key[lookup.key], lookup.path)
        for telling in tellings(self.data_map)[lookup.key]:
            if telling.unit == unit and telling.has(lookup.path) and not telling.mentions:
                for part in telling.parts(document):
                    if _finds(probe, part, document, unit):
                        yield telling, part

    def _steps(
        self, search: ReferenceSearch, telling: ContactFields, part: Any, furthest: LookupKind
    ) -> Iterator[Step]:
        """Yield what *part* lets be looked up, and was not yet."""
        for way, lookup, values in self._ways(telling, part, furthest):
            for form in formed(lookup, values):
                probe = probe_of(lookup, form)
                if (lookup.key, probe) not in search.asked:
                    search.asked.add((lookup.key, probe))
                    yield way, lookup, probe

    def _ways(
        self, telling: ContactFields, part: Any, furthest: LookupKind
    ) -> Iterator[tuple[LookupKind, Lookup, Sequence[Any]]]:
        for edge, values in telling.values_along(part, telling.back):
            yield LookupKind.BACK, edge.target, values
        if furthest >= LookupKind.SAME:
            entries: Mapping[str, Sequence[Lookup]] = graph_of(self.data_map).entries
            for name, value in telling.numbers(part):
                # A telephone, or its number, may be a family's: nobody is written to because of it.
                if own_first(name) == 0:
                    yield from ((LookupKind.SAME, lookup, (value,)) for lookup in entries[name])
        # What a record has to do with beside leads to a colleague, or to a seller, where its person is gone.
        if furthest >= LookupKind.ONWARD and not telling.refers:
            for edge, values in telling.values_along(part, telling.out):
                yield LookupKind.ONWARD, edge.target, values


def _finds(probe: Probe, part: Any, document: Document, unit: str) -> bool:
    """Tell whether *part*, which stands at *unit* of *document*, is what *probe* finds there."""
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
