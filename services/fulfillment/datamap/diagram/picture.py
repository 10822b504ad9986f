"""The content of a diagram, without positions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.fulfillment.datamap.graph import Graph, graph_of
from services.fulfillment.datamap.model import Collection, DataMap, Erasure


class CollectionReach(StrEnum):
    """Whether a search reaches a collection."""

    REACHED = "reached"
    UNREACHED = "unreached"
    """No reference leads there: no search reaches it."""
    SKIPPED = "skipped"
    """The map states that no search reads it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A collection."""

    key: str
    name: str
    lane: str
    """Its database, with its store."""
    reach: CollectionReach
    wave: int
    """Number of look-ups until a search reaches it; 0: never."""
    erasure: Erasure
    kept: str
    """Why records survive an erasure at first, in a word or two."""
    ports: tuple[str, ...]
    """The fields that lead to it and from it, in the order of the map."""
    shown: tuple[str, ...]
    """The same, with brackets after the arrays with elements of different people."""
    withheld: tuple[str, ...]
    """The fields that no answer shows."""
    missed: tuple[str, ...] = ()
    """The fields with personal data that no search examines."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A reference from one field to another, or an identity's entry."""

    source: str
    """The key of a collection, or the name of an identity."""
    source_path: str
    target: str
    target_path: str
    both: bool = False
    """Whether values are followed back as well."""

    @property
    def entering(self) -> bool:
        """Whether an identity enters here."""
        return not self.source_path


@dataclass(frozen=True, slots=True)
class Picture:
    """A data map as boxes and arrows."""

    version: str
    identities: tuple[str, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    @property
    def lanes(self) -> tuple[str, ...]:
        """The databases with collections that a search reaches, in the order of the map."""
        return tuple(dict.fromkeys(box.lane for box in self.boxes if box.reach is CollectionReach.REACHED))

    @property
    def waves(self) -> int:
        """The number of waves of a search."""
        return max((box.wave for box in self.boxes), default=0)

    @property
    def unexamined(self) -> tuple[Box, ...]:
        """The collections with personal data that no search examines."""
        return tuple(box for box in self.boxes if box.missed)

    def apart(self, reach: CollectionReach) -> tuple[Box, ...]:
        """Return the collections outside the search because of *reach*."""
        return tuple(box for box in self.boxes if box.reach is reach)


def picture_of(data_map: DataMap) -> Picture:
    """Return the picture of *data_map*; the same map gives the same picture."""
    graph = graph_of(data_map)
    waves = waves_of(graph)
    arrows = tuple(_arrows(data_map, graph, waves))
    ports: dict[str, set[str]] = defaultdict(set)
    for arrow in arrows:
        ports[arrow.source].add(arrow.source_path)
        ports[arrow.target].add(arrow.target_path)
    boxes = tuple(_box(c, waves.get(c.key, 0), ports[c.key]) for c in data_map.collections)
    return Picture(data_map.version, tuple(graph.entries), boxes, arrows)


def waves_of(graph: Graph) -> dict[str, int]:
    """Return the first wave of each collection that a search reaches."""
    waves: dict[str, int] = {}
    wave, keys = 1, {lookup.key for lookups in graph.entries.values() for lookup in lookups}
    while keys:
        waves.update(dict.fromkeys(keys, wave))
        wave += 1
        keys = {edge.target.key for key in keys for edge in graph.edges.get(key, ())} - waves.keys()
    return waves


def _box(collection: Collection, wave: int, ports: set[str]) -> Box:
    store = "" if collection.store == "default" else f" · {collection.store}"
    reach = CollectionReach.REACHED if wave else CollectionReach.UNREACHED
    own = tuple(field.path for field in collection.fields if field.path in ports)
    return Box(
        key=collection.key,
        name=collection.name,
        lane=collection.dataset + store,
        reach=CollectionReach.SKIPPED if collection.skipped else reach,
        wave=wave,
        erasure=collection.erasure,
        kept=_kept(collection),
        ports=own,
        shown=tuple(_shown(collection, path) for path in own),
        withheld=tuple(field.path for field in collection.leaves if field.guarded),
        missed=() if wave else tuple(field.path for field in collection.leaves if field.personal),
    )


def _shown(collection: Collection, path: str) -> str:
    parts = path.split(".")
    above = [".".join(parts[: length + 1]) for length in range(len(parts))]
    return ".".join(
        f"{part}[]" if whole in collection.divided else part for part, whole in zip(parts, above, strict=True)
    )


def _kept(collection: Collection) -> str:
    reasons = []
    if collection.retention is not None:
        keep = collection.retention.keep
        parts = ((keep.years, "Y"), (keep.months, "M"), (keep.days, "D"))
        reasons.append("kept P" + "".join(f"{number}{unit}" for number, unit in parts if number))
    if collection.legal_hold is not None:
        reasons.append("legal hold")
    if collection.active is not None:
        reasons.append("running contract")
    return ", ".join(reasons)


def _arrows(data_map: DataMap, graph: Graph, waves: Mapping[str, int]) -> Iterator[Arrow]:
    """Yield the arrows of identities and references; every part of a composite key has its own."""
    for name, lookups in graph.entries.items():
        yield from (Arrow(name, "", lookup.key, lookup.path) for lookup in lookups)
    reached = [collection.key for collection in data_map.collections if collection.key in waves]
    yield from _paired(
        [
            Arrow(edge.key, source, edge.target.key, target)
            for key in reached
            for edge in graph.edges.get(key, ())
            for source, target in zip(edge.paths, edge.target.paths, strict=True)
        ]
    )


def _paired(arrows: Sequence[Arrow]) -> Iterator[Arrow]:
    known = dict.fromkeys(arrows)
    done: set[Arrow] = set()
    for arrow in known:
        back = Arrow(arrow.target, arrow.target_path, arrow.source, arrow.source_path)
        if back not in done:
            done.add(arrow)
            yield replace(arrow, both=back in known)
