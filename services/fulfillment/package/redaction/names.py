"""Finds names that no record states: runs of capitalised words with evidence."""

from collections.abc import Iterator, Sequence

from services.fulfillment.package.redaction.context import TextContext
from services.fulfillment.package.redaction.evidence import LIKELY, SURE, is_namesake
from services.fulfillment.package.redaction.mailboxes import Mailboxes
from services.fulfillment.package.redaction.own import Own
from services.fulfillment.package.redaction.runs import WordRun, runs
from services.fulfillment.package.redaction.spans import RedactedKind, TextSpan
from services.fulfillment.package.redaction.tokens import Token


def names(text: str, tokens: Sequence[Token], formed: Sequence[TextSpan], own: Own) -> Iterator[TextSpan]:
    """
    Yield the names of other people in *text*.

    Args:
        text: The text to disclose.
        tokens: Its words.
        formed: Addresses and numbers of other people in it.
        own: The requester's own names.
    """
    reached = sorted(span for span in formed if span.kind in (RedactedKind.EMAIL, RedactedKind.PHONE))
    addresses = [text[span.start : span.end] for span in reached if span.kind is RedactedKind.EMAIL]
    context = TextContext(reached, Mailboxes.of(addresses), own)
    for run in runs(text, tokens):
        for token in _named(run, context):
            if not own.may_be(token.plain):
                yield TextSpan(token.start, token.end, RedactedKind.NAME)


def _named(run: WordRun, context: TextContext) -> Sequence[Token]:
    """Return the words of *run* that are a name."""
    words = run.words
    if context.own.is_named(tuple(words)):
        return ()
    start = _first_of(run, context)
    return run.tokens[run.first + start : run.last] if start is not None else context.mailboxes.among(run)


def _first_of(run: WordRun, context: TextContext) -> int | None:
    for evidence in SURE if is_namesake(run) else (*SURE, *LIKELY):
        start = evidence(run, context)
        if start is not None:
            return start
    return None
