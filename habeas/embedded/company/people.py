"""
The people and organisations of the fictional company, and the random source of its data.

None of them exists: names are combined at random, addresses lie under RFC 2606 domains,
telephone numbers in ranges that regulators set aside for fiction, IP addresses in documentation ranges.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from shared.runtime.mongo import ObjectId


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A person, independent of their role as a customer."""

    first: str
    last: str
    email: str
    phone: str | None
    street: str
    city: str
    region: str | None
    postal_code: str
    country: str
    language: str
    born: datetime

    @property
    def name(self) -> str:
        """First and last name in one string."""
        return f"{self.first} {self.last}"

    @property
    def email_elsewhere(self) -> str:
        """The same mailbox as other departments typed it: ``Ada@Example.ORG``."""
        local, domain = self.email.split("@")
        host, top = domain.split(".")
        return f"{local.title()}@{host.title()}.{top.upper()}"


ADA = DemoPerson(
    first="Ada",
    last="Example",
    email="ada@example.org",
    phone="+353 20 910 0142",
    street="7 Specimen Quay",
    city="Dublin",
    region="Leinster",
    postal_code="D00 E1E1",
    country="IE",
    language="en",
    born=datetime(1984, 12, 10, tzinfo=UTC),
)
"""The requester of access. She and :data:`BRUNO` have records in every collection with people."""

BRUNO = DemoPerson(
    first="Bruno",
    last="Muster",
    email="bruno@example.com",
    phone="+49 171 39200 42",
    street="Beispielweg 12",
    city="Berlin",
    region="Berlin",
    postal_code="00042",
    country="DE",
    language="de",
    born=datetime(1979, 3, 5, tzinfo=UTC),
)
"""The requester of erasure. He shares an account, tickets and servers with :data:`ADA`, her data stays."""


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """A person known to the company: in the portal always, in billing when *pays*."""

    person: DemoPerson
    number: int
    contact_id: ObjectId
    since: datetime
    pays: bool

    @property
    def leading(self) -> bool:
        """Whether this is one of the two people of the demonstration, with complete records."""
        return self.person in (ADA, BRUNO)


@dataclass(frozen=True, slots=True)
class Organisation:
    """An account with the one to five people who use it."""

    number: int
    name: str
    account_id: ObjectId
    since: datetime
    people: tuple[DemoCustomer, ...]

    @property
    def leading(self) -> bool:
        """Whether the two people of the demonstration belong to it."""
        return any(customer.leading for customer in self.people)


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
