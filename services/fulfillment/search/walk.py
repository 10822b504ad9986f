"""
Gathers one person's records: breadth first from the identities of the request, along the references.

Only what is the person's own leads on. From an account that three people share, the walk takes the person's
element and nothing else, so that it never reaches another person's records.

The person's own records may say what else they are known by: a telephone number, an earlier address. The walk
goes on from these, too, until nothing new is found; but not from a number that somebody else has as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from services.fulfillment.datamap.graph import Edge, Graph, Lookup, graph_of
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.paths import tuples_at
from services.fulfillment.search.aliases import Alias, Doubts, Known
from services.fulfillment.search.comparing import key_of, refers
from services.fulfillment.search.findings import Answer, Coverage, Findings, Found, Status
from services.fulfillment.search.forms import NUMBERS, forms
from services.fulfillment.search.holdings import Holdings, Questions, key
from services.fulfillment.search.identities import Identities, spellings_of
from services.fulfillment.search.naming import Part
from services.fulfillment.search.ownership import Match, Position, disclosed, owned
from services.fulfillment.search.phones import TRUNK, canonical
from services.fulfillment.search.seeking import Probe
from services.fulfillment.search.stores import Stores
from services.fulfillment.search.trail import Led, Trail
from services.fulfillment.search.waiting import Values, Waiting
from shared.coalescing import side_by_side
from shared.mongo import Document

__all__ = ["Answer", "Coverage", "Findings", "Found", "Status", "gather"]

MOST_FORMS = 512
"""Combinations of forms in which the parts of one composite key are looked up."""
NOUGHT = key_of(0)
PORTION = 20_000
"""Values that are looked up at once; what a person's records lead to may be a million."""


async def gather(
    data_map: DataMap,
    stores: Stores,
    identities: Identities,
    aliases: Identities | None = None,
    claimed: Identities | None = None,
) -> Findings:
    """
    Return every record of the person whom *identities* describe.

    Args:
        data_map: Says where to look.
        stores: Hold the records.
        identities: What is surely the person's: each of them is followed wherever it leads.
        aliases: What an earlier search found the person to be known by besides.
        claimed: What the person says to be known by and has not proven: it counts where a record of theirs
            says so, too. Of addresses and telephone numbers a record of theirs is believed alone.

    Raises:
        StoreUnavailable: A store did not answer: nothing can be said.
        ConfigurationError: A store of the map has no URL.
    """
    graph = graph_of(data_map)
    missing = await _missing(
        data_map, stores, _within_reach(data_map, frozenset(graph.entries.keys() & identities))
    )
    doubts = Doubts()
    while True:
        known = Known(identities, claimed or {}, doubts)
        known.remember(aliases or {})
        walk = _Walk(data_map, graph, stores, missing, known)
        await walk.run(identities)
        if not known.doubtful:
            break
    reached = graph.reached({*identities, *known.spellings()})
    missing |= await _gone(data_map, stores, reached - missing, walk.holdings)
    coverage = tuple(
        Coverage(collection.key, _status(collection, reached, missing), walk.holdings.count(collection.key))
        for collection in data_map.collections
    )
    return Findings(data_map.version, walk.holdings, coverage, known.spellings(), tuple(sorted(doubts.names)))


@lru_cache(maxsize=256)
def _within_reach(data_map: DataMap, names: frozenset[str]) -> frozenset[str]:
    """Return where the identities *names* can lead, and all aliases that may be found on the way."""
    while True:
        reached = graph_of(data_map).reached(names)
        more = {name for c in data_map.collections if c.key in reached for name in c.naming.values()}
        if more <= names:
            return reached
        names |= more


def _status(collection: Collection, reached: frozenset[str], missing: frozenset[str]) -> Status:
    if collection.skipped:
        return Status.SKIPPED
    if collection.key not in reached:
        return Status.UNREACHED
    return Status.MISSING if collection.key in missing else Status.SEARCHED


async def _missing(data_map: DataMap, stores: Stores, reached: Iterable[str]) -> frozenset[str]:
    collections = [data_map.by_key[key] for key in reached]
    return frozenset([c.key for c in collections if not await stores.exists(c.place)])


async def _gone(
    data_map: DataMap, stores: Stores, searched: Iterable[str], holdings: Holdings
) -> frozenset[str]:
    """Return the collections that were dropped meanwhile: nothing was found in them, and it means nothing."""
    empty = [data_map.by_key[key] for key in searched if not holdings.count(key)]
    absent = await stores.absent([collection.place for collection in empty])
    return frozenset(collection.key for collection in empty if collection.place in absent)


class _Walk:
    def __init__(
        self, data_map: DataMap, graph: Graph, stores: Stores, missing: frozenset[str], known: Known
    ) -> None:
        self.holdings = Holdings(data_map, graph)
        self._map = data_map
        self._graph = graph
        self._stores = stores
        self._missing = missing
        self._known = known
        self._trail = Trail()
        self._waiting = Waiting(self.holdings.spool)

    async def run(self, identities: Identities) -> None:
        """
        Look up the identities, what they lead to, what that leads to, until nothing new is found.

        What the records say that the person is known by besides comes last: by then it shows whether it
        alone leads somewhere.
        """
        for name, spellings in identities.items():
            self._enter(name, spellings, None)
        while (self._waiting or self._known.waiting) and not self._known.doubtful:
            if not self._waiting:
                for alias in self._known.follow():
                    spellings = (alias.spelling,) if alias.home else spellings_of(alias.name, alias.spelling)
                    self._enter(alias.name, spellings, alias)
            await self._look_up()

    def _enter(self, name: str, spellings: Iterable[str], alias: Alias | None) -> None:
        for lookup in self._graph.entries.get(name, ()):
            for spelling in spellings:
                for values in _formed(lookup, (spelling.strip(),)):
                    if all(map(refers, values)) and self._wait(lookup, values) and alias is not None:
                        self._trail.enter(lookup, key(lookup, values), alias)

    def _wait(self, lookup: Lookup, values: Values) -> bool:
        """Let *values* be looked up, unless they were; tell whether."""
        new = lookup.key not in self._missing and self._questions(lookup).ask(lookup, key(lookup, values))
        if new:
            self._waiting.put(lookup, values)
        return new

    async def _look_up(self) -> None:
        """Ask every collection at once for some of what waits."""
        probes: dict[str, list[Probe]] = defaultdict(list)
        for lookup, values in self._waiting.take(PORTION):
            probes[lookup.key].append(_probe(lookup, values))
        await side_by_side([self._ask(name, asked) for name, asked in probes.items()])

    def _questions(self, lookup: Lookup) -> Questions:
        return self.holdings.questions[lookup.key]

    async def _ask(self, name: str, probes: Sequence[Probe]) -> None:
        questions = self.holdings.questions[name]
        collection = questions.collection
        plain = not (self._graph.edges.get(name) or collection.naming or collection.naming_elements)
        take = partial(self._keep if plain and questions.exact else self._take, name)
        await self._stores.seek(collection.place, probes, take)

    def _keep(self, name: str, document: Document, bson: bytes) -> None:
        """Keep *document*, which leads nowhere, unless it is not the person's by our own comparison."""
        if self.holdings.questions[name].matches(document):
            self.holdings.put(name, document, bson)

    def _take(self, name: str, document: Document, bson: bytes) -> None:
        """Keep *document*, and look up next what it leads to."""
        questions = self.holdings.questions[name]
        matches = questions.matches(document)
        if not matches:
            return
        collection = questions.collection
        sure, doubtful = self._trail.split(questions, matches)
        if doubtful and self._is_anothers(collection, document, sure, doubtful):
            return
        self.holdings.put(name, document, bson)
        if doubtful:
            self._follow(collection, document, sure, None)
            self._follow(collection, document, matches, doubtful[0].alias)
        else:
            self._follow(collection, document, matches, None)
        if owned(matches):
            part = Part(collection, None, disclosed(collection, document, matches))
            self._known.learn(part, sure=owned(sure))
        if collection.naming_elements:
            for match in sure:
                for element in match.elements(document):
                    self._known.learn(Part(collection, match.unit, element.value), sure=True)

    def _is_anothers(
        self, collection: Collection, document: Document, sure: Sequence[Match], doubtful: Sequence[Led]
    ) -> bool:
        """Tell whether *document* is not kept; doubt the aliases that have led to somebody else in it."""
        if not owned(sure):
            led = [each for each in doubtful if each.match.unit is None]
            part = Part(collection, None, disclosed(collection, document, [each.match for each in led]))
            if led and self._known.doubt(part, _aliases(led), refers=all(each.refers for each in led)):
                return True
        theirs = {element.position for match in sure for element in match.elements(document)}
        led_to: defaultdict[Position, list[tuple[Led, Part]]] = defaultdict(list)
        for each in doubtful:
            for element in each.match.elements(document):
                if element.position not in theirs:
                    led_to[element.position].append((each, Part(collection, each.match.unit, element.value)))
        return any(
            self._known.doubt(
                some[0][1], _aliases([e for e, _ in some]), refers=all(e.refers for e, _ in some)
            )
            for some in led_to.values()
        )

    def _follow(
        self, collection: Collection, document: Document, matches: Sequence[Match], alias: Alias | None
    ) -> None:
        """Look up what the person's part of *document* leads to; *alias* alone may have led there."""
        edges = self._graph.edges.get(collection.key, ())
        if not edges or not matches:
            return
        whole = owned(matches)
        own = disclosed(collection, document, matches)
        for edge in edges:
            # The key of a document that is theirs in part leads nowhere.
            if whole or edge.path not in collection.primary_key:
                self._lead(edge, own, alias)

    def _lead(self, edge: Edge, own: Document, alias: Alias | None) -> None:
        for values in tuples_at(own, edge.paths):
            if all(map(refers, values)) and not (_is_nought(values) and not edge.keyed):
                for formed in _formed(edge.target, values):
                    if self._wait(edge.target, formed) and alias is not None:
                        self._trail.lead(edge.target, key(edge.target, formed), alias)


def entering(graph: Graph, name: str, value: str) -> Iterator[tuple[str, Probe]]:
    """Yield what the identity *name* with *value* is looked up by, each with the key of its collection."""
    for lookup in graph.entries.get(name, ()):
        for spelling in spellings_of(name, value):
            for values in _formed(lookup, (spelling.strip(),)):
                if all(map(refers, values)):
                    yield lookup.key, _probe(lookup, values)


def _aliases(led: Iterable[Led]) -> frozenset[Alias]:
    return frozenset(each.alias for each in led)


def _is_nought(values: Sequence[Any]) -> bool:
    """Tell whether *values* are a single nought: a key may be, elsewhere it stands for nothing."""
    return len(values) == 1 and (key_of(values[0]) == NOUGHT or values[0] == "0")


def _formed(lookup: Lookup, values: Sequence[Any]) -> Iterator[Values]:
    """Yield *values* in the forms that the fields of *lookup* store them in."""
    if not lookup.others:
        dialled = canonical(values[0]) if lookup.phone else None
        if dialled is None:
            yield from ((value,) for value in forms(values[0], lookup.type))
        else:  # with a country code, it is often written without the plus sign
            yield from ((text,) for text in dict.fromkeys((dialled, dialled.removeprefix("+"))))
            if dialled.startswith(TRUNK) and (lookup.type or "").removesuffix("[]") in NUMBERS:
                yield (int(dialled),)  # a number loses the nought that is dialled before it
        return
    made: list[Values] = [()]
    for value, kind in zip(values, (lookup.type, *lookup.types), strict=True):
        different = {key_of(form): form for form in forms(value, kind)}
        made = [(*some, form) for some in made for form in different.values()][:MOST_FORMS]
    yield from made


def _probe(lookup: Lookup, values: Sequence[Any]) -> Probe:
    others = tuple(zip(lookup.others, values[1:], strict=True))
    return Probe.of(
        lookup.path,
        values[0],
        caseless=lookup.caseless,
        others=others,
        tagged=lookup.tagged,
        phone=lookup.phone,
        ignoring=lookup.ignoring,
    )
