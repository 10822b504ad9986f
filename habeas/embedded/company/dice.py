"""The random source of the company's data, repeatable by its seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from habeas.embedded.company.people import ADA, BRUNO, DemoPerson
from shared.runtime.mongo import ObjectId

__all__ = ["YEAR", "Dice"]

T = TypeVar("T")

YEAR = timedelta(days=365.25)


@dataclass(slots=True)
class Dice:
    """A random source: the same seed gives the same company."""

    rng: Random
    now: datetime
    _ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 2**24)))

    def chance(self, probability: float) -> bool:
        """Return True with *probability*."""
        return self.rng.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of *choices*; several times as fast as ``Random.choice``."""
        return choices[int(self.rng.random() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from *low* to *high*, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    def moment(self, after: datetime, before: datetime | None = None) -> datetime:
        """Return an instant in between and not in the future, to the millisecond: BSON keeps no more."""
        span = (min(before or self.now, self.now) - after) * self.rng.random()
        return after + timedelta(milliseconds=span // timedelta(milliseconds=1))

    def object_id(self, at: datetime) -> ObjectId:
        """Return a new id that starts with *at* in four bytes, as a server's does."""
        return ObjectId(
            int(at.timestamp()).to_bytes(4, "big")
            + self.rng.randbytes(5)
            + next(self._ids).to_bytes(3, "big")
        )

    def ip(self) -> str:
        """Return an address from the ranges for documentation (RFC 5737, RFC 3849)."""
        if self.chance(0.3):
            return f"2001:db8:{self.between(1, 0xFFFF):x}::{self.between(1, 0xFFFF):x}"
        return f"{self.pick(('192.0.2', '198.51.100', '203.0.113'))}.{self.between(1, 254)}"

    def spelled(self, person: DemoPerson) -> str:
        """Return the person's e-mail address in random case."""
        if person in (ADA, BRUNO) or self.chance(0.4):
            return person.email_elsewhere
        return person.email
