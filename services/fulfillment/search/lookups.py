"""The forms in which a value of one field is looked up in another, and the probes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from services.fulfillment.datamap.graph import Edge, Graph, Lookup
from services.fulfillment.search.bson_equality import key_of, refers
from services.fulfillment.search.forms import NUMBERS, forms
from services.fulfillment.search.identities import spellings_of
from services.fulfillment.search.phones import TRUNK, canonical
from services.fulfillment.search.spool import Values
from services.fulfillment.stores.batch_lookup import Probe

MOST_FORMS = 512
"""Limit of the combinations of forms in which the parts of one composite key are looked up."""
ZERO = key_of(0)


def entering(graph: Graph, name: str, value: str) -> Iterator[tuple[str, Probe]]:
    """Yield the probes for the identity *name* with *value*, each with the key of its collection."""
    for lookup, values in identity_lookups(graph, name, spellings_of(name, value)):
        yield lookup.key, probe_of(lookup, values)


def identity_lookups(graph: Graph, name: str, spellings: Iterable[str]) -> Iterator[tuple[Lookup, Values]]:
    """Yield the look-ups by the identity *name* with one of *spellings*, in all stored forms."""
    for lookup in graph.entries.get(name, ()):
        for spelling in spellings:
            for values in formed(lookup, (spelling.strip(),)):
                if all(map(refers, values)):
                    yield lookup, values


def leads(edge: Edge, values: Sequence[Any]) -> bool:
    """Return whether *values* can refer to a record along *edge*."""
    return all(map(refers, values)) and not (is_zero(values) and not edge.keyed)


def is_zero(values: Sequence[Any]) -> bool:
    """Return whether *values* are a single zero: a key may be zero, elsewhere zero means no value."""
    return len(values) == 1 and (key_of(values[0]) == ZERO or values[0] == "0")


def formed(lookup: Lookup, values: Sequence[Any]) -> Iterator[Values]:
    """Yield *values* in the forms that the fields of *lookup* store them in."""
    if not lookup.others:
        dialled = canonical(values[0]) if lookup.phone else None
        if dialled is None:
            yield from ((value,) for value in forms(values[0], lookup.type))
        else:  # with a country code, it is often written without the plus sign
            yield from ((text,) for text in dict.fromkeys((dialled, dialled.removeprefix("+"))))
            if dialled.startswith(TRUNK) and (lookup.type or "").removesuffix("[]") in NUMBERS:
                yield (int(dialled),)  # a number loses its leading zero
        return
    made: list[Values] = [()]
    for value, kind in zip(values, (lookup.type, *lookup.types), strict=True):
        different = {key_of(form): form for form in forms(value, kind)}
        made = [(*some, form) for some in made for form in different.values()][:MOST_FORMS]
    yield from made


def probe_of(lookup: Lookup, values: Sequence[Any]) -> Probe:
    """Return the probe for *values*; *lookup* says how they compare."""
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
