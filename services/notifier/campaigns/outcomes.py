"""What became of a notice, as the ledger of its chunk says it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from shared.events import Code

Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail server has taken it."""

    number: int
    said: str
    """What the server said: the proof."""
    doubtful: bool = False
    """Whether it may have gone out before as well."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not be taken: the person is to be told by other means."""

    number: int
    reason: Code
    said: str


@dataclass(frozen=True, slots=True)
class Later:
    """It was not taken now."""

    number: int
    said: str
    tries: int
    since: datetime
    """When it was first not taken."""
    in_doubt: bool = False
    """Whether the server may have taken it after all."""


Outcome: TypeAlias = Sent | Failed | Later


@dataclass(frozen=True, slots=True)
class Delayed:
    """That a letter was not taken before."""

    since: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A chunk, as whoever takes it finds it."""

    key: str
    epoch: int
    step: int
    people: int
    domain: str
    """What message ids of this chunk end in."""
    begun_at: datetime
    """The date of its letters."""
    done: frozenset[int]
    """Who needs no letter any more."""
    in_doubt: frozenset[int]
    """Who may have been written to by somebody who did not come to say so."""
    delayed: Mapping[int, Delayed] = field(default_factory=dict)

    def left(self) -> Sequence[int]:
        """Return who is still to be written to: first those not tried yet, last those in doubt."""
        left = [number for number in range(self.people) if number not in self.done]
        return sorted(left, key=lambda number: (number in self.in_doubt, number in self.delayed))


def taken(ledger: Document) -> Taken:
    """Return the chunk of *ledger*."""
    return Taken(
        key=ledger["_id"],
        epoch=ledger["epoch"],
        step=ledger["step"],
        people=ledger["people"],
        domain=ledger["domain"],
        begun_at=ledger["begun_at"],
        done=frozenset(number for number, *_ in letters(ledger, "written", "failures")),
        in_doubt=frozenset(ledger["doubt"]),
        delayed={int(n): Delayed(since, tries) for n, (since, tries, _) in ledger.get("later", {}).items()},
    )


def letters(ledger: Document, *kinds: str) -> Iterator[tuple[Any, ...]]:
    """Yield what *ledger* says of single letters: number, what was said …, and when."""
    for kind in kinds:
        for page in ledger[kind]:
            for letter in page["letters"]:
                yield (*letter, page["at"])
