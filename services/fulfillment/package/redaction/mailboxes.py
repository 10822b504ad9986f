"""Names in the e-mail addresses of other people: ``carla.miller@``, ``cmiller@``."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Self

from services.fulfillment.package.redaction.runs import WordRun, is_common, is_given
from services.fulfillment.package.redaction.tokens import Token, folded, spelt, words_of
from services.fulfillment.package.redaction.vocabulary import AMBIGUOUS_NAMES, MAILBOXES

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
        for one, other in product(_forms(text, first), _forms(text, second)):
            if not self.joined.isdisjoint(_joinings(one, other)):
                return True
        return False


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
