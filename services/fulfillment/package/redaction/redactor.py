"""Combines all redactions of a text."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Self

from services.fulfillment.package.redaction.formed import accounts, addresses, numbers
from services.fulfillment.package.redaction.known import KnownNames
from services.fulfillment.package.redaction.names import names
from services.fulfillment.package.redaction.own import Own
from services.fulfillment.package.redaction.spans import RedactedKind, TextSpan, apart, outside
from services.fulfillment.package.redaction.tokens import tokens_of


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
        pieces: list[str] = []
        end = 0
        for span in spans:
            pieces += [text[end : span.start], self.say(span.kind)]
            end = span.end
        return Redacted("".join([*pieces, text[end:]]), Counter(span.kind for span in spans))

    def _spans(self, text: str) -> list[TextSpan]:
        mine: list[TextSpan] = []
        spans: list[TextSpan] = []
        for span, own in (*addresses(text, self.own), *numbers(text, self.own)):
            (mine if own else spans).append(span)
        spans += outside(accounts(text), mine)
        tokens = tokens_of(text)
        named = (*self._known.spans(text, tokens), *names(text, tokens, spans, self.own))
        return spans + outside(named, [*mine, *spans])

    @cached_property
    def _known(self) -> KnownNames:
        return KnownNames(self.own, self.others)
