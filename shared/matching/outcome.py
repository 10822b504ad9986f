"""Outcomes of comparing two values. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class MatchOutcome(StrEnum):
    """Whether two values mean the same. A doubtful pair is never a match."""

    MATCH = "match"
    PARTIAL = "partial"
    MISMATCH = "mismatch"


class Doubt(StrEnum):
    """A reason for doubt in a comparison."""

    SCRIPT = "script"
    """The two are written in scripts between which no table leads."""
    DISGUISE = "disguise"
    """Invisible characters, or letters that look like others: not typed by accident."""
    NICKNAME = "nickname"
    TRUNCATION = "truncation"
    """One seems to be the beginning of the other."""
    INCOMPLETE = "incomplete"
    """One lacks a part that the other has, and the rest does not suffice."""
    ROLE = "role"
    """The same names, but the surname of one is a given name in the other."""
    GENERATION = "generation"
    """One says junior or senior, and the other does not."""
    SPELLING = "spelling"
    """Alike, as after a slip of the pen or of a reader; and as sisters and brothers are."""
    UNIT = "unit"
    """The same house; another flat, or none."""
    TOWN = "town"
    """One postal code, and two villages."""
    ORDER = "order"
    """Day and month, either way round."""


@dataclass(frozen=True, slots=True)
class Match:
    """The outcome of a comparison, and its doubts."""

    outcome: MatchOutcome
    doubts: tuple[Doubt, ...] = ()

    def __bool__(self) -> bool:
        """Return whether it is a match. A doubtful one is not."""
        return self.outcome is MatchOutcome.MATCH


MATCH = Match(MatchOutcome.MATCH)
MISMATCH = Match(MatchOutcome.MISMATCH)


def partial(*doubts: Doubt) -> Match:
    """Return that the two may mean the same."""
    return Match(MatchOutcome.PARTIAL, tuple(dict.fromkeys(doubts)))


def doubted(match: Match, doubts: Iterable[Doubt]) -> Match:
    """Return *match* at most as sure as *doubts* allow."""
    further = tuple(doubts)
    if not further or match.outcome is MatchOutcome.MISMATCH:
        return match
    return partial(*match.doubts, *further)


def best(matches: Iterable[Match]) -> Match:
    """Return the surest of *matches*; a mismatch if there is none."""
    order = tuple(MatchOutcome)
    return min(matches, key=lambda match: order.index(match.outcome), default=MISMATCH)
