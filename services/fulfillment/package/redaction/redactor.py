"""
Combines all redactions of a text: names, and data with a fixed form.

A name that no record states is found by the words around it; an e-mail address, a telephone number, a number
of an account or a card by its form.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Self

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher

from services.fulfillment.package.redaction.evidence import LIKELY, SURE, is_namesake
from services.fulfillment.package.redaction.own import LEAST_DIGITS, KnownNames, Own
from services.fulfillment.package.redaction.runs import Mailboxes, TextContext, WordRun, runs
from services.fulfillment.package.redaction.spans import (
    RedactedKind,
    TextSpan,
    Token,
    apart,
    outside,
    tokens_of,
)

LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
ADDRESS = re.compile(rf"(?<!{LOCAL}){LOCAL}+[@\uff20\ufe6b](?:\[[\d.:a-fA-F]+\]|{LABEL}(?:\.{LABEL})*)")
"""Starts only at the beginning of a run of such characters, so that a long text is read once."""
AT = re.compile(r"[@\uff20\ufe6b]")
"""Characters that every address has; a fast check."""
DIGITS = re.compile(r"\d(?:[^\w\n]*\d){5}")
"""Candidates for telephone numbers; the full check is slow."""
IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}")
SHORTEST_IBAN = 15
CARD = re.compile(r"(?<!\d)\d(?:[ \u00a0-]?\d){12,18}(?!\d)")


def addresses(text: str, own: Own) -> Iterator[tuple[TextSpan, bool]]:
    """Yield the e-mail addresses in *text*, and whether each is the person's *own*."""
    for match in ADDRESS.finditer(text) if AT.search(text) else ():
        yield TextSpan(*match.span(), RedactedKind.EMAIL), own.is_at(match[0])


def numbers(text: str, own: Own) -> Iterator[tuple[TextSpan, bool]]:
    """Yield the telephone numbers in *text*, and whether each is the person's *own*."""
    if not DIGITS.search(text):
        return
    mine = [TextSpan(*match.span(), RedactedKind.PHONE) for match in own.numbers.finditer(text)]
    yield from ((span, True) for span in mine)
    found = PhoneNumberMatcher(text, own.region, leniency=Leniency.POSSIBLE)
    others = (_span_of_number(match) for match in found if _is_dialled(text, match, own.region))
    yield from ((span, False) for span in outside(others, mine))


def accounts(text: str, own: Own) -> Iterator[TextSpan]:
    """Yield the numbers of accounts and cards in *text*, except for the person's *own*."""
    cards = (match.span() for match in CARD.finditer(text) if _luhn(match[0]))
    for start, end in (*_ibans(text), *cards):
        if compact(text[start:end]) not in own.accounts:
            yield TextSpan(start, end, RedactedKind.ACCOUNT)


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of account numbers; one may begin within what only looks like another."""
    at = 0
    while match := IBAN.search(text, at):
        end = _iban_end(text, match)
        if end:
            yield match.start(), end
        at = end or match.start() + 1


def compact(number: str) -> str:
    """Return *number* without separators, in capital letters."""
    return "".join(filter(str.isalnum, number)).upper()


def _span_of_number(match: PhoneNumberMatch) -> TextSpan:
    """Return the place of the number, without a bracket before it that is closed after it."""
    opened = match.raw_string.startswith("(") and ")" not in match.raw_string
    return TextSpan(match.start + opened, match.end, RedactedKind.PHONE)


def _is_dialled(text: str, match: PhoneNumberMatch, region: str | None) -> bool:
    """Return whether the match is a telephone number: it can be dialled as it is written."""
    if text[max(match.start - 1, 0) : match.start].isalnum():
        return False
    if match.raw_string.lstrip("( ").startswith(("+", "\uff0b", "0")):
        return sum(map(str.isdigit, match.raw_string)) > LEAST_DIGITS
    begins = phonenumbers.ndd_prefix_for_region(region or "", True)
    return begins != "0" and phonenumbers.is_valid_number(match.number)


def _iban_end(text: str, match: re.Match[str]) -> int:
    """Return the end of the account number at *match*, by its check digits (ISO 13616); 0 if it is none."""
    places = [at for at in range(match.start(), match.end()) if text[at].isalnum()]
    head = int("".join(str(int(text[at], 36)) for at in places[:4]))  # six digits, which stand last
    rest = end = 0
    for length, at in enumerate(places[4:], 5):
        value = int(text[at], 36)
        rest = (rest * (100 if value > 9 else 10) + value) % 97  # noqa: PLR2004 - a letter is two digits
        whole_word = not text[at + 1 : at + 2].isalnum()
        if length >= SHORTEST_IBAN and whole_word and (rest * 10**6 + head) % 97 == 1:
            end = at + 1
    return end


def _luhn(number: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    digits = [int(character) for character in reversed(number) if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


class Redacted(str):
    """A text with blacked out parts, and their number by kind."""

    __slots__ = ("masked",)
    masked: Mapping[RedactedKind, int]

    def __new__(cls, text: str, masked: Mapping[RedactedKind, int]) -> Self:
        """Return *text* with its counts."""
        self = super().__new__(cls, text)
        self.masked = MappingProxyType(dict(masked))
        return self


@dataclass(frozen=True)
class Redactor:
    """Blacks out other people in texts."""

    own: Own
    others: frozenset[str]
    """Names of other people in the records."""
    say: Callable[[RedactedKind], str] = field(repr=False)
    """Returns the text in place of blacked out data."""

    def __call__(self, text: str) -> str:
        """Return *text* without other people: unchanged, or as `Redacted`."""
        spans = apart(text, self._spans(text))
        if not spans:
            return text
        pieces, end = list[str](), 0
        for span in spans:
            pieces += [text[end : span.start], self.say(span.kind)]
            end = span.end
        return Redacted("".join([*pieces, text[end:]]), Counter(span.kind for span in spans))

    def _spans(self, text: str) -> list[TextSpan]:
        reached = [*addresses(text, self.own), *numbers(text, self.own)]
        mine = [span for span, own in reached if own]
        spans = [*(span for span, own in reached if not own), *outside(accounts(text, self.own), mine)]
        tokens = tokens_of(text)
        named = (*self._known.spans(text, tokens), *unstated_names(text, tokens, spans, self.own))
        return spans + outside(named, [*mine, *spans])

    @cached_property
    def _known(self) -> KnownNames:
        return KnownNames(self.own, self.others)


def unstated_names(
    text: str, tokens: Sequence[Token], formed: Sequence[TextSpan], own: Own
) -> Iterator[TextSpan]:
    """Yield the names of other people in *text*, beside their addresses and numbers *formed*."""
    reached = sorted(span for span in formed if span.kind in (RedactedKind.EMAIL, RedactedKind.PHONE))
    addresses = [text[span.start : span.end] for span in reached if span.kind is RedactedKind.EMAIL]
    context = TextContext(reached, Mailboxes.of(addresses), own)
    for run in runs(text, tokens):
        for token in _named(run, context):
            if not own.may_be(token.plain):
                yield TextSpan(token.start, token.end, RedactedKind.NAME)


def _named(run: WordRun, context: TextContext) -> Sequence[Token]:
    """Return the words of *run* that are a name."""
    if context.own.is_named(tuple(run.words)):
        return ()
    found = (evidence(run, context) for evidence in (SURE if is_namesake(run) else (*SURE, *LIKELY)))
    start = next((first for first in found if first is not None), None)
    return context.mailboxes.among(run) if start is None else run.tokens[run.first + start : run.last]
