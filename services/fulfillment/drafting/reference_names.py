"""Scores by names alone whether a field refers to a collection. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.fulfillment.drafting.vocabulary import PERSON_WORDS, words_of

_ID_WORDS = (
    "id ids _id oid uid uuid guid no nr num nbr number numero nummer code codigo key keys ref refs fk "
    "pk schluessel kennung clave pid identifier "
)
ID_WORDS = frozenset(_ID_WORDS.split())
_UPWARD_WORDS = (
    "parent reply replyto previous next root ancestor predecessor successor original duplicate "
    "supersedes merged vorgaenger nachfolger eltern padre anterior siguiente "
)
UPWARD_WORDS = frozenset(_UPWARD_WORDS.split())
"""Words for references to a record of the same kind."""
ALIKE = 0.7
"""Two words with this similarity are taken for one."""
SHORTEST = 3
"""Fewest letters of a shortened word."""
_SILENT = re.compile(r"[a-z]{0,2}\d{1,4}|[a-z]")
_GLUED = re.compile(r"(.{3,}?)(?:id|nr|no|nummer|numero|kennung|number|uuid|key)s?$")


@dataclass(frozen=True, slots=True)
class NameHint:
    """The evidence of a field's name for its target."""

    score: float
    silent: bool = False
    """Whether the name means nothing at all, and so contradicts nothing."""


def leads_by_name(  # noqa: PLR0913 - the context of a name is part of its meaning
    source: str, target: str, field: str, *, people: bool, same: bool = False, others: Sequence[str] = ()
) -> NameHint:
    """
    Return how far the name *source* points at *field* of the collection *target*.

    Args:
        source: A dotted path.
        target: The name of a collection.
        field: A dotted path in it.
        people: Whether each of its documents is about one person.
        same: Whether it is the collection of the field itself.
        others: Every collection's name: a name that points at another one points away from this.
    """
    words = words_of(source.rpartition(".")[2])
    if not words or all(_SILENT.fullmatch(word) for word in words):
        return NameHint(0.0, silent=True)
    stem, marked = stem_of(words)
    if not stem:
        stem, marked = stem_of(words_of(source.rpartition(".")[0].rpartition(".")[2]))[0], bool(marked)
    if set(stem) & UPWARD_WORDS:
        return NameHint(0.9 if same else 0.0)
    match = similarity(stem, words_of(target))
    if match == 0 and words == words_of(field.rpartition(".")[2]) and not _bare(field):
        # Two fields called room may both count rooms; two called customer_no name the same customer.
        match = 0.8 if marked else 0.5
    if match:
        return NameHint(0.95 * match if marked else 0.8 * match)
    if max((similarity(stem, words_of(other)) for other in others), default=0.0) >= ALIKE:
        return NameHint(0.0)
    if people and stem and set(stem) & PERSON_WORDS:
        return NameHint(0.65)
    return NameHint(0.5 if people and marked and stem else 0.0)


def stem_of(words: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Return *words* without those that only mean "key", and whether there were any."""
    kept = tuple(word for word in words if word not in ID_WORDS)
    if len(kept) < len(words):
        return kept, True
    if kept and (glued := _GLUED.fullmatch(kept[-1])) is not None:
        return (*kept[:-1], glued[1]), True
    return kept, False


def similarity(stem: Sequence[str], collection: Sequence[str]) -> float:
    """Return how far *stem* is the singular, or a shortening, of *collection*."""
    if not stem or not collection:
        return 0.0
    whole = _alike("".join(stem), "".join(collection))
    last = _alike(stem[-1], collection[-1])
    return max(whole, last * (0.9 if len(collection) == 1 else 0.8))


def _alike(one: str, many: str) -> float:
    if one in _singulars(many) or many in _singulars(one):
        return 1.0
    short, long = sorted((one, many), key=len)
    shared = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if shared > SHORTEST and shared >= len(long) - SHORTEST:
        return 0.95
    if shared == len(short) >= SHORTEST:
        return 0.85
    if len(short) >= SHORTEST and short[0] == long[0] and _within(short.rstrip("s"), long):
        return 0.75
    return 0.0


def _singulars(word: str) -> set[str]:
    forms = {word}
    for ending, instead in (
        ("ies", "y"),
        ("es", ""),
        ("s", ""),
        ("en", ""),
        ("n", ""),
        ("e", ""),
        ("er", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            forms.add(word.removesuffix(ending) + instead)
    if word in {"people", "persons", "personas", "personen"}:
        forms.add("person")
    return forms


def _within(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


def _bare(field: str) -> bool:
    return all(word in ID_WORDS for word in words_of(field.rpartition(".")[2]))
