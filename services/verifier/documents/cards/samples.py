"""
Official samples and novelty prints: their marks, holders and numbers. Pure.

They have right digits, and a web search for "passport" finds them.
"""

import re
from collections.abc import Iterable
from typing import Final

from rapidfuzz.distance import Levenshtein

from shared.matching.characters import folded, listed, stripped


def _alike(word: str) -> str:
    """Return *word* with one sign for those that readers take for each other."""
    return stripped(word).translate(str.maketrans("1l|05", "iiios"))


MARKS: Final = listed(
    """
    specimen spécimen spesimen muster musterausweis mustermann musterfrau vzor vzorka uzorak wzór uzorec
    vzorec minta paraugs parauga paraudzins paraudzina näidis pavyzdys pavyzdingas espécimen especimen muestra
    espécime facsimile voorbeeld malli mallikappale exempel örnek numune образец зразок узор нүсха υπόδειγμα
    δείγμα sample exemplar campione esempio prøve utopia utopian happyperson traveler fictitious replica
    novelty cardholder dummyperson δειγμα sýnishorn prototype 樣本 样本 見本 견본
    """
)
"""Words that are printed across samples, or that their holders are named by."""
ACROSS: Final = frozenset(map(_alike, listed("void copy copie copia kopie kopia annulled cancelled")))
"""Words that say as much where they are printed across a document."""
ALSO_NAMES: Final = listed("muster sample traveler exemplar")
"""Those of them that are also surnames: the staff looks."""
HOLDERS: Final = frozenset(
    line.strip()
    for line in """
    acar, hakan
    aevarsdottir, thuridur oesp
    al kaabi, ali hamad abdullah
    basanaviciene, birute
    belser, juliette henrike sophi
    berthier, corinne
    chong, ka keong
    chung, kwok sum
    citizen, jane
    crittenden, lee w
    de bruijn, willeke liselotte
    doe, jane
    doe, john
    eriksson, anna maria
    espanola, carmen
    espanola espanola, carmen
    gaimu, sakura
    garcao de magalhaes, ines
    gerber, marcus
    guenther, bastian
    hairuddin, afifah
    handra, rozalia irma
    henderson, elizabeth
    jennings, paul michael
    jane, mary
    kowalska, anna
    kowalska kwiatkowska, joanna
    lee, suyeon
    lin, mei hua
    maennik, mari liis
    marchand, fabienne
    martin, christelle helene laur
    martin, sarah
    meulendijk, loes albertine
    mohamada, farida
    mordaunt, angela zoe
    motorist, michael m
    mustermann, erika
    mustermann, max
    nelson, callie
    normann, kari
    ospelt beck, marisa
    ospeltbeck, marisa
    osullivan, lauren
    public, john
    public, john q
    public, jane q
    reinartz, ulrike katia e
    singh, jasin ali
    spiteri, mandy
    tkachenko, mariana
    vadis, quo
    van der steen, marianne louise
    van der steen, willeke liselotte
    virtanen, maria olivia
    whakaaturanga, fred wiremu john
    wong, kara yun en
    zhengjian, yangben
    """.splitlines()
)
"""Surname and given names of the holders of well-known official samples, as their zones have them."""
NUMBERS: Final = listed("L898902C3 L898902C D23145890 C01X00T47 ZS0000177 107185703")
"""Document numbers of samples that standards and offices print."""
MADE_UP_NUMBER: Final = re.compile(r"(.)\1{4}|012345|123456|234567|345678|456789|987654|ABC?123")
"""Samples count up, or are full of one digit; of genuine numbers at most one in a thousand does."""
_LEAST_FUZZY = 7
"""Letters of a mark that is also found within a longer word, as where readers lose blanks."""
_LEAST_PART = 4
"""Letters of a part of a mark, printed across a document, that a person is to look at."""
_LEAST_MISREAD = 8
"""Letters of a mark that is also found where one of them was misread."""


def marks_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the marks of samples that stand in *texts*."""
    whole = {word for text in texts for word in _words(text)}
    return frozenset(mark for mark in MARKS if _alike(mark) in whole or _misread(mark, whole))


def _words(text: str, *, least: int = 1) -> frozenset[str]:
    """Return the words of *text* with *least* letters; one sign stands for those that readers confuse."""
    return frozenset(_alike(word) for word in re.split(r"[\W_\d]+", folded(text)) if len(word) >= least)


def part_of_mark(text: str) -> bool:
    """Return whether a word of *text* is VOID, COPY or a part of a mark: of a covered one no more is read."""
    words = _words(text, least=_LEAST_PART)
    return any(word in ACROSS or any(word in _alike(mark) for mark in MARKS) for word in words)


def like_mark(text: str) -> bool:
    """Return whether a word of *text* is a mark with one letter misread, or lost."""
    words = _words(text, least=_LEAST_PART)
    return any(
        Levenshtein.distance(word, _alike(mark), score_cutoff=1) <= 1 for word in words for mark in MARKS
    )


def known_holder(surname: str, given_names: str) -> bool:
    """Return whether the holder of a well-known sample has this name."""
    return f"{stripped(folded(surname))}, {stripped(folded(given_names))}" in HOLDERS


def made_up(number: str) -> bool:
    """Return whether samples have such a document number."""
    plain = number.strip("<").upper()
    return plain in NUMBERS or MADE_UP_NUMBER.search(plain) is not None


def _misread(mark: str, words: Iterable[str]) -> bool:
    """Return whether a long mark is part of a word, or one of its letters away from it."""
    plain = _alike(mark)
    if len(plain) < _LEAST_FUZZY or mark in ALSO_NAMES:
        return False
    off = int(len(plain) >= _LEAST_MISREAD)
    return any(plain in word or Levenshtein.distance(plain, word, score_cutoff=off) <= off for word in words)
