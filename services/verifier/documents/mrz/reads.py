"""Reads of an engine, with their confidence. Values alone."""

from dataclasses import dataclass

MOST_NOISE = 2
"""Characters that stand alone and are taken for a misread edge or filler; more of them may be text."""

Lines = tuple[str, ...]
"""The lines of a zone, from the top."""


@dataclass(frozen=True, slots=True)
class EngineText:
    """A line of text as an engine gave it."""

    text: str
    confidence: float = 100
    """That of its least sure character, of 100."""


@dataclass(frozen=True, slots=True)
class Read:
    """The lines of a zone, as one read has them."""

    lines: Lines
    confidence: float = 100
    other: bool = False
    """Whether the other engine read it."""
