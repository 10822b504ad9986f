"""Outcomes of notices, as the ledger of a batch records them. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from shared.contract.events import Code

LedgerDocument: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NoticeSentOutcome:
    """A mail server has taken it."""

    number: int
    said: str
    """The server's answer: the proof."""
    doubtful: bool = False
    """Whether it may have gone out before as well."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not be taken: the person is to be notified by other means."""

    number: int
    reason: Code
    said: str
    in_doubt: bool = False
    """Whether a server may have taken it at this last attempt after all."""


@dataclass(frozen=True, slots=True)
class NoticeDeferred:
    """It was not taken now."""

    number: int
    said: str
    tries: int
    since: datetime
    """When it was first not taken."""
    in_doubt: bool = False
    """Whether the server may have taken it after all."""
    not_before: datetime | None = None
    """When it is tried again, if not with the batch's next turn."""


NoticeOutcome: TypeAlias = NoticeSentOutcome | Failed | NoticeDeferred


@dataclass(frozen=True, slots=True)
class Delayed:
    """That a letter was not taken before."""

    since: datetime
    tries: int
    not_before: datetime | None = None
    """When it is tried again, if not at once."""


@dataclass(frozen=True, slots=True)
class LeasedBatch:
    """A batch, as its new writer finds it."""

    key: str
    epoch: int
    step: int
    people: int
    domain: str
    """The domain of this batch's message ids."""
    begun_at: datetime
    """The date of its letters."""
    done: frozenset[int]
    """The people that need no letter any more."""
    doubts: Mapping[int, int]
    """The people that may have been written to without a record → how often."""
    delayed: Mapping[int, Delayed] = field(default_factory=dict)

    @property
    def taken_before(self) -> bool:
        """Whether this is not its first turn."""
        return self.epoch > 1

    @property
    def all_tried(self) -> bool:
        """Whether every letter left was tried before."""
        return self.people <= len(self.done | self.delayed.keys())

    def left(self) -> Sequence[int]:
        """Return the people still to be written to: first those not tried yet, last those in doubt."""
        left = [number for number in range(self.people) if number not in self.done]
        return sorted(left, key=lambda number: (number in self.doubts, number in self.delayed))


def taken(ledger: LedgerDocument) -> LeasedBatch:
    """Return the batch of *ledger*."""
    return LeasedBatch(
        key=ledger["_id"],
        epoch=ledger["epoch"],
        step=ledger["step"],
        people=ledger["people"],
        domain=ledger["domain"],
        begun_at=ledger["begun_at"],
        done=frozenset(number for number, *_ in letters(ledger, "written", "failures")) | elsewhere(ledger),
        doubts=Counter(ledger["doubt"]),
        delayed={
            int(number): Delayed(since, tries, not_before)
            for number, (since, tries, _, not_before) in ledger.get("later", {}).items()
        },
    )


def elsewhere(ledger: LedgerDocument) -> frozenset[int]:
    """Return the people of *ledger* notified by the letter of another phase."""
    return frozenset(ledger.get("elsewhere", ()))


def letters(ledger: LedgerDocument, *kinds: str) -> Iterator[tuple[Any, ...]]:
    """Yield *ledger*'s records of single letters: number, answer …, and time."""
    for kind in kinds:
        for page in ledger[kind]:
            for letter in page["letters"]:
                yield (*letter, page["at"])
