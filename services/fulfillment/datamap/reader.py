"""
Reads a data map: a folder of YAML files in the words of Fides' dataset format (docs/adr/0006).

Strict, because a map decides on disclosure and erasure: an undefined key, category or reference is an error
with file and line. All errors are reported at once.

References in arrays without a declared direction get a default. Where values flow in, elements belong to
different people, and the document's person is not followed into the elements of others. In a list of order
numbers alone, elements are the document person's. If the elements hold more data about people beside the
reference, each is taken to be about another person.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from services.fulfillment.datamap.consistency import check_consistency, resolved
from services.fulfillment.datamap.declarations import own_categories, read_dataset
from services.fulfillment.datamap.graph import graph_of
from services.fulfillment.datamap.model import (
    Collection,
    DataMap,
    Direction,
    MappedField,
    Reference,
)
from services.fulfillment.datamap.yaml_loader import KnownKeys, MapError, MapFindings, YamlNode
from services.fulfillment.datamap.yaml_loader import parse as parse_yaml
from shared.errors import InvalidDataMap
from shared.law.taxonomy import DEFAULT_CATEGORIES

_RESOURCES = "data_subject data_use evaluation organization policy registry system system_group"
OTHER_RESOURCES = tuple(_RESOURCES.split())


def load(folder: Path) -> DataMap:
    """
    Return the data map that the YAML files in *folder* describe.

    Raises:
        InvalidDataMap: It is invalid; the message lists every error with file, line and remedy.
    """
    if not folder.is_dir():
        raise InvalidDataMap(f"{folder}: no such folder; name a folder of YAML files (--map, HABEAS_DATAMAP)")
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    if not paths:
        raise InvalidDataMap(f"{folder}: holds no YAML file; describe at least one dataset in it")
    try:
        return _parsed(tuple((path.name, path.read_text(encoding="utf-8")) for path in paths))
    except UnicodeDecodeError:
        raise InvalidDataMap(f"{folder}: a file is no UTF-8 text; store it as UTF-8") from None
    except OSError as error:
        raise InvalidDataMap(f"{folder}: a file cannot be read ({error.strerror})") from None


@lru_cache(maxsize=1)
def _parsed(sources: tuple[tuple[str, str], ...]) -> DataMap:
    """Return the data map of files with names and texts; all services of a process share it."""
    return parse(dict(sources))


def parse(sources: Mapping[str, str]) -> DataMap:
    """
    Return the data map that *sources* (file name → text) describe.

    Raises:
        InvalidDataMap: It is invalid; the message lists every error with file, line and remedy.
    """
    notes = MapFindings()
    datasets, names = files_of(sources, notes)
    known = DEFAULT_CATEGORIES | names.keys()
    found = [collection for node in datasets for collection in read_dataset(node, known, notes)]
    collections = resolved([replace(collection, category_names=names) for collection in found])
    check_consistency(collections, notes)
    if not collections and not notes.flaws:
        notes.flaw(f"{min(sources, default='?')}:1", "no collection is declared", "add a `dataset:` list")
    if notes.flaws:
        raise InvalidDataMap("\n".join(map(str, in_order(notes.flaws))))
    return directed(DataMap(_version(sources), collections, in_order(notes.remarks), dict(sources)))


def in_order(flaws: Iterable[MapError]) -> tuple[MapError, ...]:
    """Return *flaws* by file and line."""
    return tuple(sorted(flaws, key=lambda flaw: flaw.place))


def files_of(sources: Mapping[str, str], notes: MapFindings) -> tuple[list[YamlNode], dict[str, str]]:
    """Return the datasets that *sources* declare, and the categories with their names."""
    datasets: list[YamlNode] = []
    categories: list[YamlNode] = []
    for name, text in sorted(sources.items()):
        root = parse_yaml(name, text, notes)
        if root is not None:
            some, declared = _datasets_of(root, notes)
            datasets += some
            categories += declared
    return datasets, own_categories(categories, notes)


def _datasets_of(root: YamlNode, notes: MapFindings) -> tuple[Sequence[YamlNode], Sequence[YamlNode]]:
    """Return the datasets and the categories that a file declares."""
    keys = KnownKeys(root, notes, of="a data map file")
    datasets, categories = keys.rows("dataset"), keys.rows("data_category")
    for resource in OTHER_RESOURCES:
        keys.not_honoured(resource, instead="only datasets and data categories are read")
    keys.done()
    return datasets, categories


def _version(sources: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(sources.items()):
        digest.update(f"{len(name)} {len(text)} {name}{text}".encode())
    return digest.hexdigest()


def directed(data_map: DataMap) -> DataMap:
    """
    Return *data_map* in which bare lists have outward references to collections without another entry.

    No inward reference is added.
    """
    kept = graph_of(_mapped(data_map, lambda _: None))
    reached = kept.reached(kept.entries)

    def outward(reference: Reference) -> Reference:
        return reference if reference.key in reached else replace(reference, direction=Direction.TO)

    return _mapped(data_map, outward)


def _mapped(data_map: DataMap, change: Callable[[Reference], Reference | None]) -> DataMap:
    """Return *data_map* with *change* applied to its undirected references in arrays; None: removed."""

    def changed(collection: Collection, field: MappedField) -> MappedField:
        if not field.references or not _is_bare(collection, field):
            return field
        references = [change(r) if r.direction is Direction.BOTH else r for r in field.references]
        return replace(field, references=tuple(one for one in references if one is not None))

    return replace(
        data_map,
        collections=tuple(
            replace(collection, fields=tuple(changed(collection, field) for field in collection.fields))
            for collection in data_map.collections
        ),
    )


def _is_bare(collection: Collection, field: MappedField) -> bool:
    """Return whether *field* is, or is in, an array without other data about people in its elements."""
    unit = collection.unit(field.path)
    others = (leaf for leaf in collection.leaves if leaf is not field and collection.unit(leaf.path) == unit)
    return unit is not None and not any(leaf.categories or leaf.identity for leaf in others)
