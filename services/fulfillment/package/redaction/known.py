"""Finds names of other people in the records in texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from services.fulfillment.package.redaction.own import Own
from services.fulfillment.package.redaction.spans import GAP, RedactedKind, TextSpan
from services.fulfillment.package.redaction.tokens import Token, Words, orders, spelt
from services.fulfillment.package.redaction.vocabulary import COMMON_WORDS, PLAIN_WORDS

MOST_NAMES = 5_000
"""Most other people in a collection; with more, its texts are withheld as a whole."""
SHORTEST_NAME = 3
"""Fewest letters of a single word that counts as a name; shorter ones are mostly something else."""


@dataclass(frozen=True)
class KnownNames:
    """Finds the people of the records in texts."""

    own: Own
    others: frozenset[str]

    def spans(self, text: str, tokens: Sequence[Token]) -> Iterator[TextSpan]:
        """Yield the names of other people in *text*."""
        first, at = self._first_words, 0
        while at < len(tokens):
            length, own = self._longest(text, tokens, at) if tokens[at].plain in first else (0, False)
            if length and not own:
                yield TextSpan(tokens[at].start, tokens[at + length - 1].end, RedactedKind.NAME)
            at += length or 1

    def _longest(self, text: str, tokens: Sequence[Token], at: int) -> tuple[int, bool]:
        """Return how many words from *at* are a name, and whether it is the person's own."""
        most = self._follow(text, tokens, at)
        for length in range(most, 0, -1):
            name = tuple(token.plain for token in tokens[at : at + length])
            if name in self._own_names:
                return length, True
            if name in self._other_names and (length > 1 or tokens[at].capital):
                return length, False
        return 0, False

    def _follow(self, text: str, tokens: Sequence[Token], at: int) -> int:
        """Return how many words from *at* stand so close that they can be one name."""
        most = min(self._most_words, len(tokens) - at)
        for length, (before, after) in enumerate(pairwise(tokens[at : at + most]), start=1):
            if not GAP.fullmatch(text, before.end, after.start):
                return length
        return most

    @cached_property
    def _own_names(self) -> frozenset[Words]:
        whole = {form for words in self.own.called for form in orders(words)}
        return frozenset(whole | {(word,) for word in self.own.words})

    @cached_property
    def _other_names(self) -> frozenset[Words]:
        spellings = (words for name in self.others for words in spelt(name))
        names = {words for words in spellings if not COMMON_WORDS.issuperset(words)}
        single = {(word,) for words in names for word in words if len(word) >= SHORTEST_NAME}
        whole = {form for words in names if len(words) > 1 for form in orders(words)}
        return frozenset(whole | single) - {(word,) for word in PLAIN_WORDS}

    @cached_property
    def _first_words(self) -> frozenset[str]:
        return frozenset(words[0] for words in self._own_names | self._other_names)

    @cached_property
    def _most_words(self) -> int:
        return max(map(len, self._own_names | self._other_names), default=0)
