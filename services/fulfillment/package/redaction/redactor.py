"""Combines all redactions of a text; finds names that no record states by the words around them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Self

from services.fulfillment.package.redaction.evidence import LIKELY, SURE, is_namesake
from services.fulfillment.package.redaction.formed import accounts, addresses, numbers
from services.fulfillment.package.redaction.own import KnownNames, Own
from services.fulfillment.package.redaction.runs import Mailboxes, TextContext, WordRun, runs
from services.fulfillment.package.redaction.spans import (
    RedactedKind,
    TextSpan,
    Token,
    apart,
    outside,
    tokens_of,
)


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
        spans = [*(span for span, own in reached if not own), *outside(accounts(text), mine)]
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
