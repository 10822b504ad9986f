"""The requester's own identities, which stay in a text, and the known names of others, which do not."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import phonenumbers
from phonenumbers import NumberParseException

from services.fulfillment.package.redaction.spans import (
    GAP,
    RedactedKind,
    TextSpan,
    Token,
    Words,
    folded,
    orders,
    spelt,
    words_of,
)
from services.fulfillment.package.redaction.vocabulary import COMMON_WORDS, NICKNAMES, PLAIN_WORDS

LEAST_DIGITS = 6
"""Fewest digits of a telephone number."""
SHORTEST_PART = 3
"""Fewest letters of a part of an e-mail address that counts as its owner's name."""
APART = "`*/={}|~^#!$%&?"
"""Characters that separate a word from an address more often than they belong to it: ``user=``, ``to/``."""
BETWEEN = r"[ \u00a0()./-]*"
"""Characters that may stand between the digits of one number."""


@dataclass(frozen=True)
class Own:
    """The person's identities, as they and the records write them."""

    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    region: str | None = None
    """Country of telephone numbers without country code, two letters."""
    accounts: frozenset[str] = frozenset()
    """Numbers of their accounts and cards that the answer shows, without separators."""

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The e-mail addresses in comparable form."""
        return frozenset(map(folded, self.emails))

    @cached_property
    def numbers(self) -> re.Pattern[str]:
        """A pattern for the telephone numbers with any separators."""
        forms = {form for phone in self.phones for form in _forms(phone, self.region)}
        found = [BETWEEN.join(form) for form in sorted(forms) if len(form) >= LEAST_DIGITS]
        return re.compile(rf"(?<!\d)(?:\+ ?)?\(?(?:{'|'.join(found) or '(?!)'})(?!\d)")

    @cached_property
    def called(self) -> frozenset[Words]:
        """The names, as lists of words."""
        return frozenset(words for name in self.names for words in spelt(name))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the names."""
        return frozenset(word for words in self.called for word in words)

    @cached_property
    def nicknames(self) -> frozenset[str]:
        """Other names of the person: forms of their names, and parts of their addresses."""
        forms = {form for word in self.words for form in NICKNAMES.get(word, ())}
        parts = {part for address in self.addresses for part in words_of(address.partition("@")[0])}
        return frozenset(forms | {part for part in parts if len(part) >= SHORTEST_PART})

    def is_at(self, address: str) -> bool:
        """Return whether *address* is the person's, with or without the characters before a separator."""
        written = folded(address)
        before = [written.removesuffix(own) for own in self.addresses if written.endswith(own)]
        return any(rest == "" or rest[-1] in APART or not any(map(str.isalnum, rest)) for rest in before)

    def is_called(self, name: str) -> bool:
        """Return whether *name* is one of the person's names, in any order, with more or fewer parts."""
        words = words_of(name)
        return all(map(self.has, words)) or self.is_named(words)

    def is_named(self, words: Words) -> bool:
        """Return whether one of the person's full names is among *words*; others share a surname."""
        if any(set(own) <= set(words) for own in self.called if len(own) > 1):
            return True
        parts = {own[0] for own in self.called if len(own) == 1}
        return len(parts.intersection(words)) >= min(2, len(self.words)) > 0

    def has(self, word: str) -> bool:
        """Return whether *word* is part of one of the names, or the first letter of a part."""
        return word in self.words or (len(word) == 1 and any(own.startswith(word) for own in self.words))

    def may_be(self, word: str) -> bool:
        """Return whether *word* may be a name of the person that the records do not state."""
        return self.has(word) or word in self.nicknames


def _forms(number: str, region: str | None) -> Iterator[str]:
    """Yield the digits of *number* in the forms in which it is dialled."""
    yield "".join(str(unicodedata.digit(character)) for character in number if character.isdigit())
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException:
        return
    national = phonenumbers.national_significant_number(parsed)
    yield from (f"{lead}{national}" for lead in (parsed.country_code, f"00{parsed.country_code}"))
    yield from (f"{parsed.country_code}0{national}", f"0{national}", national)


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
        for length in range(self._follow(text, tokens, at), 0, -1):
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
