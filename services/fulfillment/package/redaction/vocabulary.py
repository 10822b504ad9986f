"""
Word lists for and against names, in English and German and, fewer, in neighbouring languages.

All words are in comparable form: small letters, without accents. Each file states its content and source.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

FILES = Path(__file__).with_name("lists")


def _lines(name: str) -> Iterator[str]:
    for line in (FILES / f"{name}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def _listed(name: str) -> frozenset[str]:
    return frozenset(word for line in _lines(name) for word in line.split())


def _nicknames() -> Mapping[str, frozenset[str]]:
    forms: defaultdict[str, set[str]] = defaultdict(set)
    for words in map(str.split, _lines("nicknames")):
        for word in words:
            forms[word].update(words)
    return {word: frozenset(others) for word, others in forms.items()}


def _headed(name: str) -> Mapping[str, Sequence[str]]:
    lists: dict[str, list[str]] = {}
    for line in _lines(name):
        if line.startswith("["):
            lists[line.strip("[]")] = []
        else:
            lists[next(reversed(lists))].append(line)
    return lists


def _pairs(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        firsts, _, seconds = line.partition("|")
        yield from product(firsts.split(), seconds.split())


_CUES = _headed("cues")


def _cue(heading: str) -> frozenset[str]:
    return frozenset(" ".join(_CUES[heading]).split())


PLAIN_WORDS = _listed("plain_words")
COMMON_WORDS = _listed("common_words")
AMBIGUOUS_NAMES = _listed("ambiguous_names")
GIVEN_NAMES = _listed("given_names") - AMBIGUOUS_NAMES - PLAIN_WORDS
SURNAMES = _listed("surnames") - COMMON_WORDS - PLAIN_WORDS
SHARED_SURNAMES = _listed("surnames") & COMMON_WORDS
"""Surnames that are nouns, too."""
NICKNAMES = _nicknames()
"""Given name → its other forms."""

TITLES = _cue("titles")
SALUTATIONS = _cue("salutations")
CLOSINGS = _cue("closings")
LABELS = _cue("labels")
PEOPLE = _cue("people")
PEOPLE_ENDINGS = tuple(_cue("people endings"))
LINKS = _cue("links")
PAIRS = frozenset(_pairs(_CUES["pairs"]))
WRITERS = _cue("writers")
CALLS = _cue("calls")
CONJUNCTIONS = _cue("conjunctions")
POSSESSIVES = _cue("possessives")
SPEECH = _cue("speech")
PARTICLES = _cue("particles")
DUTCH_PARTICLES = _cue("dutch particles")
INSTITUTIONS = _cue("institutions")
NAMESAKES = _cue("namesakes")
BRANDS = frozenset((brand.partition("-")[0], brand.partition("-")[2]) for brand in _cue("brands"))
PLACES = _cue("places")
MAILBOXES = _cue("mailboxes")
COMMON_ENDINGS = tuple(_cue("common endings"))
SHORTEST_COMPOUND = 7
"""Fewest letters of a word that is classified by its ending."""
