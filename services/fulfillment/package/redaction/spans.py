"""Places in a text, and their combination."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

GAP = re.compile(r"[,.]?[ \t\u00a0]*|['\u2019-]")
"""Characters that may stand between two words of one known name."""


class RedactedKind(StrEnum):
    """The kinds of data that can be blacked out."""

    EMAIL = "email"
    ACCOUNT = "account"
    PHONE = "phone"
    NAME = "name"


class TextSpan(NamedTuple):
    """A place in a text, and its kind of data."""

    start: int
    end: int
    kind: RedactedKind


def outside(spans: Iterable[TextSpan], taken: Iterable[TextSpan]) -> list[TextSpan]:
    """Return the *spans* that overlap none of *taken*."""
    disjoint = _joined(taken)
    starts = [span.start for span in disjoint]

    def meets(span: TextSpan) -> bool:
        before = bisect_left(starts, span.end)
        return before > 0 and disjoint[before - 1].end > span.start

    return [span for span in spans if not meets(span)]


def apart(text: str, spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Return *spans* in order, with the words of one name joined."""
    disjoint: list[TextSpan] = []
    for span in _joined(spans):
        last = disjoint[-1] if disjoint else None
        same = last is not None and last.kind is span.kind is RedactedKind.NAME
        if last is not None and same and GAP.fullmatch(text, last.end, span.start):
            disjoint[-1] = last._replace(end=span.end)
        else:
            disjoint.append(span)
    return disjoint


def _joined(spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Return *spans* in order, with overlapping ones joined, of the kind of the longest."""
    joined: list[TextSpan] = []
    for span in sorted(spans):
        last = joined[-1] if joined else None
        if last is None or span.start >= last.end:
            joined.append(span)
            continue
        kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
        joined[-1] = TextSpan(last.start, max(last.end, span.end), kind)
    return joined
