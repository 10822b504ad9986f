"""
The people and organisations of the fictional company, and the two requesters of the demonstration.

None of them exists: names are combined at random, addresses lie under RFC 2606 domains,
telephone numbers in ranges that regulators set aside for fiction, IP addresses in documentation ranges.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.runtime.mongo import ObjectId

__all__ = ["ADA", "BRUNO", "DemoCustomer", "DemoPerson", "Organisation"]


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
