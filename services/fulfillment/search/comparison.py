"""
Compares what a person claims to know about their data with the records held. Pure.

What the request itself is looked up by proves nothing: whoever knows an address can name it twice.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.fulfillment.datamap.categories import covered
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.paths import values_at
from services.fulfillment.search.walk import Found

PROVING = (
    "user.account.username",
    "user.contact.address.postal_code",
    "user.contact.address.street",
    "user.contact.email",
    "user.contact.phone_number",
    "user.demographic.date_of_birth",
    "user.financial",
    "user.government_id",
    "user.name",
    "user.payment",
    "user.unique_id",
)
"""Categories whose values few others share. A country or a currency is guessed at the first try."""
LEAST_CHARACTERS = 4


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
    records = list(found)
    claims = {
        (fields, claim)
        for name, value in points.items()
        if len(claim := plain(value)) >= LEAST_CHARACTERS and claim not in known
        if (fields := _fields(name, records))
    }
    distinct = {claim for _, claim in claims}
    agreed = {claim for fields, claim in claims if claim in _held(fields, records)}
    return Agreement(len(distinct), len(agreed))


def plain(value: Any) -> str:
    """Return *value* without what people write differently: case, accents' encoding, blanks, punctuation."""
    if isinstance(value, datetime):
        value = value.date()
    text = value.isoformat() if isinstance(value, date) else str(value)
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _fields(name: str, records: Iterable[Found]) -> frozenset[tuple[str, str]]:
    """Return the fields that *name* means and that can prove anything, by collection and path."""
    return frozenset(
        (found.collection.key, field.path)
        for found in records
        for field in found.collection.leaves
        if name in {field.path, field.path.rpartition(".")[2], field.identity}
        if any(covered(category, PROVING) for category in field.categories)
    )


def _held(fields: Collection[tuple[str, str]], records: Iterable[Found]) -> set[str]:
    """Return what the person's records hold in *fields*."""
    return {
        plain(value)
        for found in records
        for key, path in fields
        if key == found.collection.key
        for value in values_at(found.disclosed, path)
    }
