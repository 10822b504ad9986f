"""
Queries for e-mail addresses in any case: by the best index there is, or without one.

An index with a collation of strength 2 answers directly; ``habeas map check`` recommends it. An ordinary
index cannot compare without case, but it can be entered at every spelling of the first letters: that reads
few of its keys for few addresses. For many addresses at once, and where there is no index, one pass over the
collection that compares by collation costs less than a pass per spelling. Pure.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, takewhile
from typing import Any

from services.fulfillment.search.bson_equality import untagged
from shared.runtime.mongo import Document

CASELESS: Mapping[str, Any] = {"locale": "en", "strength": 2}
BLANKLESS: Mapping[str, Any] = {**CASELESS, "alternate": "shifted", "maxVariable": "space"}
"""
Ignores blanks, too, anywhere in the text: a pass over a collection compares with one form of an address
instead of ten, which takes a fifth of the time. A text with a blank in the middle is not the address.
"""
OTHER_CASES = ("az", "tr", "en_US_POSIX")
"""Locales in which *i* and *I* are two letters, or all small ones and their capitals."""
MOST_SPELLED = 16
"""Addresses for which an ordinary index is entered at every spelling."""
LEADS = ("", " ")
TRAILS = ("", " ", "\n", "\r\n", "\t")
"""Blanks around an address for which an index with a collation is queried."""
BLANKS = " \t\n\r\f\v"
"""Blanks for which an ordinary index is queried."""
LETTERS = 3
"""Leading letters that are tried in both cases: at most eight spellings."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """The indexed fields: the first field of each index."""

    plain: frozenset[str]
    caseless: Mapping[str, Mapping[str, Any]]
    """Field → the collation its index compares by."""
    unique: frozenset[str]
    """Fields in which no two documents may have the same value, null included."""

    def answer(self, path: str, *, ignoring_case: bool) -> bool:
        """Return whether a value at *path* is found without reading the whole collection."""
        return path in self.plain or (ignoring_case and path in self.caseless)


@dataclass(frozen=True, slots=True)
class Query:
    """Alternatives that are queried at once."""

    branches: Sequence[Document]
    collation: Mapping[str, Any] | None


def indexes(information: Mapping[str, Mapping[str, Any]]) -> Indexes:
    """Return the indexes in the driver's *information*; partial indexes do not count."""
    plain: set[str] = set()
    unique: set[str] = set()
    ignoring: dict[str, Mapping[str, Any]] = {}
    for index in information.values():
        first = index["key"][0][0]
        if "partialFilterExpression" in index:
            continue
        if index.get("unique") and len(index["key"]) == 1:
            unique.add(first)
        collation = index.get("collation")
        if collation is None:
            plain.add(first)
        elif _ignores_case(collation):
            ignoring[first] = {k: v for k, v in collation.items() if k != "version"}
    return Indexes(frozenset(plain), ignoring, frozenset(unique))


def _ignores_case(collation: Mapping[str, Any]) -> bool:
    """Return whether *collation* finds an address in any case, as a pass over the collection does."""
    alike = collation.get("strength", 3) == CASELESS["strength"] and not collation.get("caseLevel")
    return alike and not str(collation.get("locale", "")).startswith(OTHER_CASES)


def queries(wanted: Mapping[str, Sequence[str]], known: Indexes) -> Iterator[Query]:
    """Yield the queries for the *wanted* addresses (path → addresses) in any case."""
    collated: dict[tuple[tuple[str, Any], ...], list[Document]] = defaultdict(list)
    spelled: list[Document] = []
    for path, addresses in wanted.items():
        if path not in known.caseless and path in known.plain and len(addresses) <= MOST_SPELLED:
            spelled += [
                {path: {"$regex": pattern}}
                for address in _composed(map(str.strip, addresses))
                for pattern in (*spellings(address), *indented(address))
            ]
            continue
        collation = known.caseless.get(path)
        spelt = _composed(map(str.strip, addresses)) if collation is None else padded(addresses)
        collated[tuple(sorted((collation or BLANKLESS).items()))].append({path: {"$in": list(spelt)}})
    if spelled:
        yield Query(spelled, None)
    yield from (Query(branches, dict(items)) for items, branches in collated.items())


def with_any_tag(path: str, address: str) -> Document:
    """Return the condition that *address* stands at *path*, in any case and with or without a tag."""
    parts = (untagged(form).rpartition("@") for form in _composed([address.strip()]))
    either = "|".join(rf"{re.escape(local)}(\+[^@]*)?@{re.escape(domain)}" for local, _, domain in parts)
    return {path: {"$regex": rf"^\s*(?:{either})\s*$", "$options": "i"}}


def in_any_case(address: str) -> Document:
    """Return the condition that a text is *address*, in any case: for one part of a composite key."""
    either = "|".join(map(re.escape, _composed([address.strip()])))
    return {"$regex": rf"^\s*(?:{either})\s*$", "$options": "i"}


def _composed(addresses: Iterable[str]) -> Iterator[str]:
    """Yield *addresses* with their accents composed and decomposed: a pattern distinguishes the two."""
    for address in addresses:
        yield from dict.fromkeys(unicodedata.normalize(form, address) for form in ("NFC", "NFD"))


def padded(addresses: Iterable[str]) -> Iterator[str]:
    """Yield *addresses* with and without the blanks that forms leave around them."""
    for address in _composed(addresses):
        plain = address.strip()
        yield from (f"{lead}{plain}{trail}" for lead in LEADS for trail in TRAILS)
        if plain != address:
            yield address


def spellings(address: str) -> Iterator[str]:
    """Yield patterns that together match *address* in any case, each beginning with fixed letters."""
    head = "".join(takewhile(str.isascii, address[:LETTERS]))
    rest = re.escape(address[len(head) :])
    for letters in product(*({c.lower(), c.upper()} for c in head)):
        yield f"^{re.escape(''.join(letters))}(?i:{rest})\\s*$"


def indented(address: str) -> Iterator[str]:
    """Yield patterns that together match *address* in any case after blanks, each beginning with one."""
    yield from (rf"^{re.escape(blank)}\s*(?i:{re.escape(address)})\s*$" for blank in BLANKS)
