"""Runs of capitalised words, each a name or none, and the addresses and numbers beside them."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Self

from services.fulfillment.package.redaction.own import Own
from services.fulfillment.package.redaction.spans import TextSpan, Token, folded, spelt, words_of
from services.fulfillment.package.redaction.vocabulary import (
    AMBIGUOUS_NAMES,
    CLOSINGS,
    COMMON_ENDINGS,
    COMMON_WORDS,
    DUTCH_PARTICLES,
    GIVEN_NAMES,
    INSTITUTIONS,
    MAILBOXES,
    PAIRS,
    PARTICLES,
    PEOPLE,
    PEOPLE_ENDINGS,
    PLAIN_WORDS,
    SALUTATIONS,
    SHARED_SURNAMES,
    SHORTEST_COMPOUND,
    TITLES,
)

LONGEST_RUN = 5
"""Most words of one name."""
MOST_PARTICLES = 3
CLOSE = re.compile(r"[ \t\u00a0]+|[-'\u2019]|\.")
"""Between two words of one name."""
AFTER_INITIAL = re.compile(r"\.?[ \t\u00a0]*|[-'\u2019]")
INITIAL = re.compile(r"\w(?:\.[ \t\u00a0]*|['\u2019])[^\W\d_]")
"""``A. Miller``, ``O'Hara``."""
TITLE_GAP = re.compile(r"\.?[ \t\u00a0]*\n?")

OPENINGS = SALUTATIONS | CLOSINGS | PEOPLE
BREAKS = (PLAIN_WORDS | COMMON_WORDS | INSTITUTIONS | TITLES | OPENINGS) - GIVEN_NAMES
"""Words that end a run, and do not belong to it."""


@dataclass(frozen=True, slots=True)
class WordRun:
    """Capitalised words from *first* up to, but not including, *last*."""

    text: str
    tokens: Sequence[Token]
    first: int
    last: int

    @property
    def words(self) -> list[str]:
        """The words in comparable form."""
        return [token.plain for token in self.tokens[self.first : self.last]]

    @property
    def start(self) -> int:
        """Its start in the text."""
        return self.tokens[self.first].start

    @property
    def end(self) -> int:
        """Its end in the text."""
        return self.tokens[self.last - 1].end

    def word(self, at: int) -> str:
        """Return the word *at* so many places from the first; empty after the end of the text."""
        place = self.first + at
        return self.tokens[place].plain if 0 <= place < len(self.tokens) else ""

    def gap(self, at: int) -> str:
        """Return the text before the word *at* so many places from the first."""
        place = self.first + at
        begin = self.tokens[place - 1].end if place > 0 else 0
        return self.text[begin : self.tokens[place].start if place < len(self.tokens) else len(self.text)]

    @property
    def begins_sentence(self) -> bool:
        """Whether its first word would be capitalised anyway."""
        return self.first == 0 or any(mark in self.gap(0) for mark in ".!?:;\n\u2022")


def is_common(word: str) -> bool:
    """Return whether *word* is no name, by the word itself or its ending."""
    compound = len(word) >= SHORTEST_COMPOUND and word.endswith(COMMON_ENDINGS)
    return word in BREAKS or (compound and word not in GIVEN_NAMES)


def is_person(word: str) -> bool:
    """Return whether *word* states a relation between people."""
    return word in PEOPLE or word.endswith(PEOPLE_ENDINGS)


def is_given(word: str) -> bool:
    """Return whether *word* is a given name, and hardly anything else; the genitive counts: ``Peters``."""
    return word in GIVEN_NAMES or (word[-1:] == "s" and len(word) > len("anns") and word[:-1] in GIVEN_NAMES)


def runs(text: str, tokens: Sequence[Token]) -> Iterator[WordRun]:
    """Yield the runs in *text*."""
    at = 0
    while at < len(tokens):
        if _may_begin(text, tokens, at) if tokens[at].capital else _is_spoken_of(tokens, at):
            last = _last(text, tokens, at)
            yield WordRun(text, tokens, at, last)
            at = last
        else:
            at += 1


def _is_spoken_of(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a given name in small letters stands where a name must: ``spoke with carla``."""
    if tokens[at].plain not in GIVEN_NAMES or at == 0:
        return False
    before = tokens[at - 1].plain
    return is_person(before) or (at > 1 and (tokens[at - 2].plain, before) in PAIRS)


def _may_begin(text: str, tokens: Sequence[Token], at: int) -> bool:
    word = tokens[at].plain
    if not is_common(word) and not is_person(word):
        return True
    if len(word) == 1 and INITIAL.match(text, tokens[at].start):
        return True
    # Frau Koch, Dear Bill: the exceptions for common words do not hold here.
    if at == 0 or word in PLAIN_WORDS or word in TITLES:
        return False
    before = tokens[at - 1].plain
    close = TITLE_GAP.fullmatch(text, tokens[at - 1].end, tokens[at].start)
    return close is not None and (before in TITLES or (word in AMBIGUOUS_NAMES and before in OPENINGS))


def _last(text: str, tokens: Sequence[Token], first: int) -> int:
    """Return the end of the run that begins at *first*."""
    last = first + 1
    while last < min(len(tokens), first + LONGEST_RUN) and _is_close(text, tokens[last - 1], tokens[last]):
        before, word = tokens[last - 1], tokens[last]
        shared = word.plain in SHARED_SURNAMES and before.plain in GIVEN_NAMES
        if word.capital and (shared or not is_common(word.plain)):
            last += 1
        elif after := _after_particles(text, tokens, last):
            last = after
        else:
            break
    return last


def _after_particles(text: str, tokens: Sequence[Token], at: int) -> int:
    """Return the word after the particles of a name (``van der``); 0 without particles."""
    before, particle = tokens[at - 1].plain, tokens[at]
    known = before in GIVEN_NAMES or before in AMBIGUOUS_NAMES
    if not (known or particle.capital or particle.plain in DUTCH_PARTICLES):
        return 0
    for place in range(at, min(len(tokens) - 1, at + MOST_PARTICLES)):
        if tokens[place].plain not in PARTICLES or not _is_close(text, tokens[place], tokens[place + 1]):
            return 0
        after = tokens[place + 1]
        if after.capital and after.plain not in PARTICLES:
            return 0 if is_common(after.plain) else place + 2
    return 0


def _is_close(text: str, before: Token, after: Token) -> bool:
    initial = before.end - before.start == 1 and before.capital
    return (AFTER_INITIAL if initial else CLOSE).fullmatch(text, before.end, after.start) is not None


AT = re.compile(r"[@\uff20\ufe6b]")
SHORTEST_PART = 3
"""Fewest letters of a part that is looked for alone."""


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The local parts of addresses."""

    parts: frozenset[str]
    """Their words, where one of them is a given name."""
    joined: frozenset[str]
    """The full local parts, without separators."""

    @classmethod
    def of(cls, addresses: Iterable[str]) -> Self:
        """Return the local parts of *addresses*."""
        locals_ = [words_of(AT.split(folded(address))[0]) for address in addresses]
        parts = {part for words in locals_ for part in _names(words)}
        return cls(frozenset(parts), frozenset(map("".join, locals_)))

    def among(self, run: WordRun) -> Sequence[Token]:
        """Return the words of *run* that occur in an address."""
        if not self.joined:
            return ()
        tokens = run.tokens[run.first : run.last]
        pairs = [token for pair in pairwise(tokens) if self._is_pair(run.text, *pair) for token in pair]
        return pairs or [token for token in tokens if self.parts.intersection(_forms(run.text, token))]

    def _is_pair(self, text: str, first: Token, second: Token) -> bool:
        pairs = product(_forms(text, first), _forms(text, second))
        return any(not self.joined.isdisjoint(_joinings(one, other)) for one, other in pairs)


def _names(words: Sequence[str]) -> Iterator[str]:
    if any(is_given(word) or word in AMBIGUOUS_NAMES for word in words):
        common = (is_common(word) or word in MAILBOXES or len(word) < SHORTEST_PART for word in words)
        yield from (word for word, no_name in zip(words, common, strict=True) if not no_name)


def _forms(text: str, token: Token) -> set[str]:
    return {form for words in spelt(text[token.start : token.end]) for form in words}


def _joinings(one: str, other: str) -> set[str]:
    """Return the local parts that two names can form."""
    pairs = ((one, other), (one[0], other), (one, other[0]))
    return {joined for first, second in pairs for joined in (first + second, second + first)}


WIDEST = 24
"""Most characters between a name and the person's number or address."""
IN_BRACKETS = re.compile(r">?[ \t\u00a0]*\(")


@dataclass(frozen=True, slots=True)
class TextContext:
    """The known facts about a text."""

    reached: Sequence[TextSpan]
    """Addresses and numbers of others, in order."""
    mailboxes: Mailboxes
    own: Own

    def next_to(self, run: WordRun) -> str | None:
        """Return the text between *run* and the address or number after it; None if none follows."""
        at = bisect_left(self.reached, (run.end,))
        if at == len(self.reached) or self.reached[at].start - run.end > WIDEST:
            return None
        return run.text[run.end : self.reached[at].start]

    def follows(self, run: WordRun) -> bool:
        """Return whether *run* stands in brackets after an address or a number."""
        at = bisect_left(self.reached, (run.start,)) - 1
        if at < 0 or run.text[run.end : run.end + 1] != ")":
            return False
        return IN_BRACKETS.fullmatch(run.text, self.reached[at].end, run.start) is not None
