"""
Compares what a person claims to know about their data with the records held. Pure.

What the request itself is looked up by proves nothing: whoever knows an address can name it twice.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.fulfillment.identities import Identities
from services.fulfillment.model import Field
from services.fulfillment.paths import values_at
from services.fulfillment.walk import Found


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many claims count, and how many of them the records confirm."""

    claimed: int
    agreed: int


def compare(points: Mapping[str, str], found: Iterable[Found], identities: Identities) -> Agreement:
    """
    Return how far *points* agree with the person's records.

    Args:
        points: Claims, by the path of a field, its last name, or the name of the identity it holds.
        found: The person's records.
        identities: What the records were found by; a claim that repeats it does not count.
    """
    known = {plain(value) for spellings in identities.values() for value in spellings}
    counting = {name: plain(value) for name, value in points.items() if plain(value) not in known}
    records = list(found)
    agreed = sum(claim in set(_held(name, records)) for name, claim in counting.items())
    return Agreement(len(counting), agreed)


def plain(value: Any) -> str:
    """Return *value* without what people write differently: case, accents' encoding, blanks, punctuation."""
    if isinstance(value, datetime):
        value = value.date()
    text = value.isoformat() if isinstance(value, date) else str(value)
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _held(name: str, records: Iterable[Found]) -> Iterator[str]:
    for found in records:
        for field in found.collection.leaves:
            if _named(field, name):
                yield from map(plain, values_at(found.disclosed, field.path))


def _named(field: Field, name: str) -> bool:
    return name in {field.path, field.path.rpartition(".")[2], field.identity}
