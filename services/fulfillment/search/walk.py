"""
The search of one person's records: breadth first from the identities of the request, along the references.

Only the person's own data leads on. From an account that three people share, the search takes the person's
element alone, so it never reaches another person's records.

The person's own records may state aliases: a telephone number, an earlier address. The search follows these,
too, where the map states that they are verified, but not a number that another person has as well. A record
that contradicts a verified identity of the person is another person's.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from services.fulfillment.datamap.graph import Edge, Graph, Lookup, graph_of
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.paths import tuples_at
from services.fulfillment.search.aliases import Alias, AliasDoubts, KnownIdentities
from services.fulfillment.search.confirmation import (
    ConfirmedRecord,
    Provenance,
    ReferenceReach,
    judge,
    may_contradict,
    rejected_identities,
)
from services.fulfillment.search.findings import Coverage, Findings, SearchStatus
from services.fulfillment.search.holdings import MOST_IN_MEMORY, CollectionQuery, Holdings, key
from services.fulfillment.search.identities import Identities, spellings_of
from services.fulfillment.search.lookups import formed, identity_lookups, leads, probe_of
from services.fulfillment.search.named_people import RecordPart
from services.fulfillment.search.ownership import OwnershipMatch, disclosed, owned
from services.fulfillment.search.search_memory import SearchRoom
from services.fulfillment.search.spool import LookupQueue, Values
from services.fulfillment.stores.batch_lookup import Probe
from services.fulfillment.stores.existence import (
    LackingCollections,
    SeenCollectionsPort,
    lacking_collections,
)
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.dataloader import side_by_side
from shared.runtime.mongo import Document

SMALL_BYTES = 64 << 10
"""Bytes of records, with their overhead, that are worked on within a few milliseconds."""
PORTION = 20_000
"""Values that are looked up at once; a person's records may lead to a million."""


async def gather(  # noqa: PLR0913 - each says how surely something is the person's
    data_map: DataMap,
    stores: Stores,
    identities: Identities,
    aliases: Identities | None = None,
    *,
    claimed: Identities | None = None,
    verified: Identities | None = None,
    only_verified: bool = False,
    register: SeenCollectionsPort | None = None,
    room: SearchRoom | None = None,
) -> Findings:
    """
    Return every record of the person with *identities*.

    Args:
        data_map: Says where to look.
        stores: Hold the records.
        identities: Proven to be the person's: each is followed to all its references.
        aliases: Identities of the person that an earlier search found.
        claimed: Identities that the person states and has not proven: one counts where a verified value in a
          record of theirs confirms it. Addresses and telephone numbers need no other confirmation.
        verified: Identities that an earlier search found verified: not followed, only compared with.
        only_verified: Whether a record counts only where the map states that *identities* are verified in it.
        register: The collections seen before; without it, no lacking collection counts as empty.
        room: Memory for the records; without it, the memory of other searches does not count.

    Raises:
        StoreUnavailable: A store did not answer: the result would be incomplete.
        ConfigurationError: A store of the map has no URL.
    """
    room = room or SearchRoom()
    graph = graph_of(data_map)
    within = _within_reach(data_map, frozenset(graph.entries.keys() & identities))
    lacking = await lacking_collections(data_map, within, stores, register)
    doubts = AliasDoubts()
    while True:
        known = KnownIdentities(
            identities, claimed or {}, doubts, verified or {}, only_verified=only_verified
        )
        known.remember(aliases or {})
        walk = _SearchWalk(data_map, graph, stores, lacking, known, room=room)
        await walk.run(identities)
        if not (room.refused or known.doubtful or known.is_outdated()):
            room.settle(walk.holdings.bytes_in_memory)
            return await walk.findings(identities)
        del walk
        if room.refused:
            await room.wait(MOST_IN_MEMORY)


@lru_cache(maxsize=256)
def _within_reach(data_map: DataMap, names: frozenset[str]) -> frozenset[str]:
    """Return the collections within reach of the identities *names*, and of all aliases on the way."""
    while True:
        reached = graph_of(data_map).reached(names)
        more = {name for c in data_map.collections if c.key in reached for name in c.naming.values()}
        if more <= names:
            return reached
        names |= more


def _status(collection: Collection, reached: frozenset[str], lacking: LackingCollections) -> SearchStatus:
    if collection.skipped:
        return SearchStatus.SKIPPED
    if collection.key not in reached:
        return SearchStatus.UNREACHED
    if collection.key in lacking.absent:
        return SearchStatus.ABSENT
    return SearchStatus.MISSING if collection.key in lacking.missing else SearchStatus.SEARCHED


async def _gone(
    data_map: DataMap, stores: Stores, searched: Iterable[str], holdings: Holdings
) -> frozenset[str]:
    """Return the collections that were dropped meanwhile: their empty result means nothing."""
    empty = [data_map.by_key[key] for key in searched if not holdings.count(key)]
    absent = await stores.absent([collection.place for collection in empty])
    return frozenset(collection.key for collection in empty if collection.place in absent)


class _SearchWalk:
    def __init__(  # noqa: PLR0913 - the parts of a search
        self,
        data_map: DataMap,
        graph: Graph,
        stores: Stores,
        lacking: LackingCollections,
        known: KnownIdentities,
        *,
        room: SearchRoom,
    ) -> None:
        self.holdings = Holdings(data_map, graph, room)
        self._room = room
        self._map = data_map
        self._graph = graph
        self._stores = stores
        self._lacking = lacking
        self._unread = lacking.missing | lacking.absent
        self._known = known
        self._trail = Provenance()
        self._waiting = LookupQueue(self.holdings.spool)

    async def run(self, identities: Identities) -> None:
        """Look up the identities, then the values that they lead to, until nothing new is found or fits."""
        # Aliases from the records come last: by then it shows whether one of them alone leads somewhere.
        for name, spellings in identities.items():
            self._enter(name, spellings, None)
        while (self._waiting or self._known.waiting) and not (self._known.doubtful or self._room.refused):
            if not self._waiting:
                for alias in self._known.follow():
                    spellings = (alias.spelling,) if alias.home else spellings_of(alias.name, alias.spelling)
                    self._enter(alias.name, spellings, alias)
            await self._look_up()

    async def findings(self, identities: Identities) -> Findings:
        """Return the findings from *identities*, with the state of each collection."""
        known, holdings = self._known, self.holdings
        reached = self._graph.reached({*identities, *known.spellings()})
        gone = await _gone(self._map, self._stores, reached - self._unread, holdings)
        lacking = replace(self._lacking, missing=self._lacking.missing | gone)
        coverage = tuple(
            Coverage(collection.key, _status(collection, reached, lacking), holdings.count(collection.key))
            for collection in self._map.collections
        )
        return Findings(
            self._map.version,
            holdings,
            coverage,
            known.spellings(),
            known.shared(),
            known.verified(),
            known.unconfirmed(),
            known.claims(),
            is_small=holdings.bytes <= SMALL_BYTES,
        )

    def _enter(self, name: str, spellings: Iterable[str], alias: Alias | None) -> None:
        for lookup, values in identity_lookups(self._graph, name, spellings):
            self._ask_for(lookup, values, alias)

    def _ask_for(self, lookup: Lookup, values: Values, alias: Alias | None) -> None:
        """Enqueue an identity: a proven one, or *alias*."""
        wanted = key(lookup, values)
        new = self._wait(lookup, values, wanted)
        if alias is None:
            self._trail.prove(lookup, wanted)
        elif new:
            self._trail.enter(lookup, wanted, alias)

    def _wait(self, lookup: Lookup, values: Values, wanted: Hashable) -> bool:
        """Enqueue *values*, known as *wanted*, unless looked up before; return whether they are new."""
        questions = self.holdings.questions[lookup.key]
        new = lookup.key not in self._unread and questions.ask(lookup, wanted)
        if new:
            self._waiting.put(lookup, values)
        return new

    async def _look_up(self) -> None:
        """Query every collection at once for a portion of the queue."""
        probes: dict[str, list[Probe]] = defaultdict(list)
        for lookup, values in self._waiting.take(PORTION):
            probes[lookup.key].append(probe_of(lookup, values))
        await side_by_side([self._ask(name, asked) for name, asked in probes.items()])

    async def _ask(self, name: str, probes: Sequence[Probe]) -> None:
        questions = self.holdings.questions[name]
        collection = questions.collection
        plain = not (self._graph.edges.get(name) or collection.identifying)
        take = partial(self._keep if plain and questions.exact else self._take, name)
        await self._stores.seek(collection.place, probes, take)

    def _keep(self, name: str, document: Document, bson: bytes) -> None:
        """Keep *document*, which leads nowhere, unless our own comparison rejects it."""
        if self.holdings.questions[name].matches(document):
            self.holdings.put(name, document, bson)

    def _take(self, name: str, document: Document, bson: bytes) -> None:
        """Keep *document* if it is the person's, and enqueue the values that it leads to."""
        questions = self.holdings.questions[name]
        matches = questions.matches(document)
        if not matches:
            return
        judged = self._judged(questions, document, matches)
        if judged is None:
            return
        self.holdings.reject(name, document, judged.rejected)
        if not judged.accepted:
            self._leave_out(name, document, judged)
            return
        self.holdings.put(name, document, bson)
        self._go_on(questions.collection, document, judged)

    def _leave_out(self, name: str, document: Document, judged: ConfirmedRecord) -> None:
        """Note that *document* is not given; if it was taken before, the search starts again."""
        collection = self.holdings.questions[name].collection
        self._known.leave_out(rejected_identities(collection, judged.rejected))
        if self.holdings.holds(name, document):
            self._known.mark_outdated()

    def _judged(
        self, questions: CollectionQuery, document: Document, matches: Sequence[OwnershipMatch]
    ) -> ConfirmedRecord | None:
        """Return which of *matches* make *document* the person's; None if the search starts again."""
        usual = None if self._known.only_verified else self._trail.usual(questions)
        if usual is not None and not may_contradict(questions.collection, usual):
            sure = matches if usual >= ReferenceReach.SURE_OUTWARD else ()
            return ConfirmedRecord(tuple(sure), tuple(matches))
        ways = self._trail.ways(questions, matches)
        judged = judge(questions.collection, document, ways, self._known)
        if judged.doubted:
            self._known.doubt(judged.doubted)
            return None
        return judged

    def _go_on(self, collection: Collection, document: Document, judged: ConfirmedRecord) -> None:
        """Enqueue the references of *document*, and learn its person's identities."""
        self._follow(collection, document, judged.sure, SURELY)
        if len(judged.plain) > len(judged.sure):
            self._follow(collection, document, judged.plain, PERHAPS)
        if judged.led:
            led = _Lead(sure=False, alias=judged.led[0].alias, claimed=judged.claimed)
            self._follow(collection, document, judged.accepted, led)
        if not collection.identifying:
            return
        if owned(judged.accepted):
            part = RecordPart(collection, None, disclosed(collection, document, judged.accepted))
            self._known.learn(part, sure=owned(judged.plain))
        if collection.naming_elements:
            for match in judged.plain:
                for element in match.elements(document):
                    self._known.learn(RecordPart(collection, match.unit, element.value), sure=True)

    def _follow(
        self, collection: Collection, document: Document, matches: Sequence[OwnershipMatch], led: "_Lead"
    ) -> None:
        """Enqueue the references in the person's part of *document*."""
        edges = self._graph.edges.get(collection.key, ())
        if not edges or not matches:
            return
        whole = owned(matches)
        own = disclosed(collection, document, matches)
        for edge in edges:
            # The key of a document that is theirs in part leads nowhere.
            if whole or edge.path not in collection.primary_key:
                self._lead(edge, RecordPart(collection, None, own), led)

    def _lead(self, edge: Edge, own: RecordPart, led: "_Lead") -> None:
        for values in tuples_at(own.value, edge.paths):
            if leads(edge, values):
                stated = self._stated(edge, own, values, sure=led.sure)
                if stated is None:
                    continue
                for form in formed(edge.target, values):
                    self._refer(edge, form, led, stated)

    def _stated(
        self, edge: Edge, own: RecordPart, values: Sequence[Any], *, sure: bool
    ) -> frozenset[Alias] | None:
        """Return the aliases among *values*; None where one of them is a mere claim."""
        aliases: set[Alias] = set()
        for place, kind in edge.claims:
            checked = sure and values[place] in own.verified(edge.paths[place])
            vouched = self._known.vouched(kind, values[place], verified=checked)
            if vouched is False:
                return None
            if isinstance(vouched, Alias):
                aliases.add(vouched)
        return frozenset(aliases)

    def _refer(self, edge: Edge, values: Values, led: "_Lead", stated: AbstractSet[Alias]) -> None:
        target, wanted = edge.target, key(edge.target, values)
        if led.alias is None and edge.claims:
            alias = min(stated, key=lambda alias: alias.spelling, default=None)
            self._ask_for(target, values, alias)
            return
        new = self._wait(target, values, wanted)
        if led.alias is not None:
            if new:
                self._trail.lead(target, wanted, led.alias, claimed=led.claimed)
        elif self._trail.refer(target, wanted, led.along(edge), new=new) and not new:
            self._waiting.put(target, values)


@dataclass(frozen=True, slots=True)
class _Lead:
    """How surely the record that leads on is the person's."""

    sure: bool
    alias: Alias | None = None
    """The alias that alone has led to the record."""
    claimed: bool = False
    """Whether *alias* is not verified in it."""

    def along(self, edge: Edge) -> ReferenceReach:
        """Return how surely *edge* leads to records of the same person."""
        if self.sure:
            return ReferenceReach.SURE if edge.inward else ReferenceReach.SURE_OUTWARD
        return ReferenceReach.INWARD if edge.inward else ReferenceReach.OUTWARD


SURELY, PERHAPS = _Lead(sure=True), _Lead(sure=False)
