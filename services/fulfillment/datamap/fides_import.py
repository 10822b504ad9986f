"""Imports a dataset file of Fides as a data map, and reports unsupported keys line by line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.fulfillment.datamap.declarations import extra_categories, read_dataset
from services.fulfillment.datamap.model import Collection
from services.fulfillment.datamap.reader import datasets_of, in_order
from services.fulfillment.datamap.writer import written
from services.fulfillment.datamap.yaml_loader import MapError, MapFindings, Node, parse
from shared.errors import InvalidDataMap
from shared.law.taxonomy import DEFAULT_CATEGORIES


@dataclass(frozen=True, slots=True)
class Imported:
    """A data map imported from a file of Fides."""

    text: str
    remarks: tuple[MapError, ...]
    """Unsupported keys, and declarations to check, in the order of the file."""


def imported(name: str, text: str) -> Imported:
    """
    Return the data map in the Fides file *name* with *text*.

    Categories of an own taxonomy are declared. References into other files stay, and are reported.

    Raises:
        InvalidDataMap: It is no dataset file; the message lists every error with file, line and remedy.
    """
    notes = MapFindings()
    root = parse(name, text, notes)
    datasets, declared = ([], []) if root is None else datasets_of(root, notes)
    known = extra_categories(declared, notes)
    used = {str(node.value): node for dataset in datasets for node in _categories(dataset)}
    own = {category: node for category, node in used.items() if category not in DEFAULT_CATEGORIES}
    collections = tuple(c for node in datasets for c in read_dataset(node, known | used.keys(), notes))
    for category, node in own.items():
        if category not in known:
            notes.remark(node.where, f"`{category}` is no category of Fides' taxonomy", "it is declared now")
    _note_strangers(collections, notes)
    if not collections and not notes.flaws:
        notes.flaw(f"{name}:1", "no collection is declared", "give a file with a `dataset:` list")
    if notes.flaws:
        raise InvalidDataMap("\n".join(map(str, in_order(notes.flaws))))
    remarks = in_order(notes.remarks)
    return Imported(written(collections, sorted(own), remarks), remarks)


def _categories(node: Node) -> Iterator[Node]:
    """Yield every category at any depth below *node*."""
    if isinstance(node.value, Mapping):
        for key, below in node.value.items():
            if key == "data_categories" and isinstance(below.value, tuple):
                yield from below.value
            else:
                yield from _categories(below)
    elif isinstance(node.value, tuple):
        for item in node.value:
            yield from _categories(item)


def _note_strangers(collections: tuple[Collection, ...], notes: MapFindings) -> None:
    keys = {collection.key for collection in collections}
    for collection in collections:
        for field in collection.fields:
            for reference in field.references:
                if reference.key not in keys:
                    what = f"`{field.path}` refers to `{reference.key}`, which is not in this file"
                    notes.remark(reference.where, what, "import that dataset into the same folder")
