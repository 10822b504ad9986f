"""
Comparison of people's names. Pure.

The usual score for names, the token-set ratio, is 100 where one name is a part of the other, and 98 for two
long names that differ by one letter: it lets sisters and spouses through. So it decides on likeness alone.
A match needs more: no word on one side is missing on the other while a word there is missing here, and among
the words that are the same letter by letter, in one of the spellings, are the surname and a given name.

- Which word is the surname is known from a document, from a comma, or from the last word being the same in
  both. Where it is not known, all words must be there. So ``Anna Maria`` is perhaps ``Anna Maria Kowalska``,
  ``Maria Garcia`` is perhaps ``Maria Garcia Lopez``, ``Thomas Martin`` perhaps ``Martin Thomas Müller``, and
  a person looks at each.
- A word on each side that is nothing like the other makes two people: brothers share the rest.
- A name with one letter different (Kowalska and Kowalski) is for a person to look at, at any score.
"""

from itertools import product

from rapidfuzz.fuzz import ratio, token_set_ratio

from shared.matching.characters import disguised, scripts
from shared.matching.name_words import PersonName, Word
from shared.matching.outcome import MATCH, MISMATCH, Doubt, Match, doubted, partial
from shared.matching.transliteration import SYSTEMS, TRANSLITERABLE
from shared.matching.word_pairs import Pairing, begins

__all__ = ["PersonName", "match_names", "match_parts"]

ALIKE = 80
"""Token-set ratio from which two names are alike: sisters, spouses and misspellings come to 80 to 92."""
NOTHING_LIKE = 50
"""Ratio below which two words are different names."""


def match_names(one: str | PersonName, other: str | PersonName) -> Match:
    """
    Return whether *one* and *other* are the same person's name.

    Case, accents, the order of the words, titles and punctuation make no difference. Middle names may be
    missing on one side, or stand as initials. A nickname is a doubt, and so is a name in a script that cannot
    be compared with the other's.

    Args:
        one: As claimed or as read; a :class:`PersonName` where the parts are known.
        other: The same of the other side. The two may change places.
    """
    first, second = sorted((PersonName.of(one), PersonName.of(other)), key=_weight)
    if not first.words:
        return partial(Doubt.INCOMPLETE)
    doubts = [Doubt.DISGUISE] if disguised(first.text) or disguised(second.text) else []
    if not _comparable(first, second):
        return partial(*doubts, Doubt.SCRIPT)
    if first.generation != second.generation:
        if first.generation and second.generation:
            return MISMATCH
        doubts.append(Doubt.GENERATION)
    return doubted(_compared(Pairing(first, second)), doubts)


def match_parts(one: str, other: str) -> Match:
    """Return whether two parts of a name, such as surnames stored alone, are the same in all words."""
    first, second = sorted((PersonName(one), PersonName(other)), key=_weight)
    if not first.words or not _comparable(first, second):
        return partial(Doubt.SCRIPT) if first.words else partial(Doubt.INCOMPLETE)
    doubts = [Doubt.DISGUISE] if disguised(one) or disguised(other) else []
    return doubted(MATCH if Pairing(first, second).complete else MISMATCH, doubts)


def _weight(name: PersonName) -> tuple[int, str, str, bool]:
    return (len(name.words), name.surname, name.given_names, name.truncated)


def _comparable(one: PersonName, other: PersonName) -> bool:
    """Return whether tables lead from both names to the same letters."""
    return scripts(one.text) - TRANSLITERABLE == scripts(other.text) - TRANSLITERABLE


def _compared(pairing: Pairing) -> Match:
    if pairing.conflicts:
        return _likeness(pairing)
    if pairing.particles:
        return partial(Doubt.SPELLING)
    if pairing.suffices:
        return MATCH
    if pairing.complete and all(name.is_split for name in pairing.names):
        return partial(Doubt.ROLE)
    return partial(*(pairing.doubts or [Doubt.INCOMPLETE]))


def _likeness(pairing: Pairing) -> Match:
    """Return the likeness of two names with differing words: alike, or different people's."""
    few, many = sorted(pairing.left, key=len)
    if any(max(_ratio(word, other) for other in many) < NOTHING_LIKE for word in few if word.whole):
        return MISMATCH
    score = max(_score(pairing, system) for system in range(SYSTEMS))
    cut = any(begins(word, other) for word, other in product(few, many))
    return partial(Doubt.TRUNCATION if cut else Doubt.SPELLING) if score >= ALIKE else MISMATCH


def _ratio(one: Word, other: Word) -> float:
    return max(ratio(a, b) for a, b in product(one.forms or {""}, other.forms or {""}))


def _score(pairing: Pairing, system: int) -> float:
    one, other = (" ".join(word.spelled[system] for word in name.words) for name in pairing.names)
    return token_set_ratio(one, other)
