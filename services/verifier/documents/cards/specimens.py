"""
Documents without a real holder: official samples, and novelty prints. Pure.

A web search for "passport" finds them. Their numbers and digits are right, since they are real.
"""

import re
from collections.abc import Iterable

from shared.matching.characters import folded, listed, stripped

MARKS = listed(
    """
    specimen spécimen spesimen muster musterausweis mustermann musterfrau vzor vzorka
    uzorak wzór uzorec vzorec minta paraugs parauga paraudzins paraudzina näidis pavyzdys
    pavyzdingas espécimen especimen muestra espécime facsimile voorbeeld malli mallikappale
    exempel örnek numune образец зразок узор нүсха υπόδειγμα δείγμα sample exemplar campione
    esempio prøve utopia utopian happyperson traveler fictitious replica novelty cardholder
    dummyperson δειγμα
    """
)
"""Words that are printed across samples, or that their holders are named by."""
ALSO_NAMES = listed("muster sample traveler exemplar")
"""Those of them that are also surnames: the staff looks."""
HOLDERS = frozenset(
    {
        ("mustermann", "erika"), ("mustermann", "max"), ("eriksson", "anna maria"), ("martin", "sarah"),
        ("gaimu", "sakura"), ("espanola espanola", "carmen"), ("espanola", "carmen"), ("vadis", "quo"),
        ("basanaviciene", "birute"), ("lin", "mei hua"), ("de bruijn", "willeke liselotte"),
        ("van der steen", "willeke liselotte"), ("public", "john q"), ("public", "john"), ("doe", "john"),
        ("doe", "jane"), ("henderson", "elizabeth"), ("zhengjian", "yangben"), ("ospelt beck", "marisa"),
        ("ospeltbeck", "marisa"), ("berthier", "corinne"), ("mordaunt", "angela zoe"),
    }
)  # fmt: skip
"""Surname and given names of the holders of well-known official samples, as their zones have them."""
NUMBERS = listed("L898902C3 L898902C D23145890 AB1234567 C01X00T47 000000000 123456789")
"""Document numbers of samples that standards and offices print."""
_LEAST_FUZZY = 7
"""Letters of a mark that is also found where one of its letters was misread."""
_ALIKE = str.maketrans("1l|05", "iiios")


def marks_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the marks of samples that stand in *texts*."""
    words = {word for text in texts for word in re.split(r"[\W_\d]+", folded(text)) if word}
    whole = {_alike(word) for word in words}
    return frozenset(mark for mark in MARKS if _alike(mark) in whole or _inside(mark, whole))


def known_holder(surname: str, given_names: str, number: str) -> bool:
    """Return whether this is the holder, or the number, of a well-known sample."""
    holder = (stripped(folded(surname)), stripped(folded(given_names)))
    return holder in HOLDERS or number.strip("<").upper() in NUMBERS


def _alike(word: str) -> str:
    return stripped(word).translate(_ALIKE)


def _inside(mark: str, words: Iterable[str]) -> bool:
    """Return whether a long mark is part of a word, as where readers lose blanks."""
    plain = _alike(mark)
    return len(plain) >= _LEAST_FUZZY and mark not in ALSO_NAMES and any(plain in word for word in words)
