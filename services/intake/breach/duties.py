"""Who is to be told of a breach, and by when, as the journal of incidents keeps it."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AwareDatetime, StringConstraints

from shared.contract.breaches import Place
from shared.contract.events import Code, EventPart, Record

ClockId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,100}$")]
PEOPLE, CONTROLLER = "people", "controller"
CUSTOMERS = "customers"
"""All controllers whose processor the company is, who are told more."""
BY_LETTER = frozenset({PEOPLE, CONTROLLER})
"""Whom our own letters go to; all others are told by the staff."""


class ClockStep(EventPart):
    """A step of how a clock was counted."""

    says: str
    provision: str


class NotificationDue(EventPart):
    """Somebody who is to be told of a breach, or need not be, and by when."""

    clock: ClockId
    policy: str | None = None
    """None: no law says it, but we have."""
    recipient: Code
    place: Place | None = None
    runs_from: AwareDatetime
    due_at: AwareDatetime | None = None
    """None where the law gives no number: without undue delay."""
    owed: bool = True
    begun: bool = True
    """Whether it runs: some clocks begin when somebody else was told."""
    why: tuple[ClockStep, ...] = ()

    @property
    def customer(self) -> str | None:
        """Which customer it is about, as the clock calls them; None where it is about no certain one."""
        _, _, customer = self.clock.partition(f".{CONTROLLER}.")
        return customer or None

    @property
    def supplement(self) -> int | None:
        """Which phase tells the customers more whom it is about; None of any other duty."""
        return int(self.clock.split(".")[1]) if self.recipient == CUSTOMERS else None


class ClocksSet(Record):
    """The clocks of an incident were started, or corrected by what is known since."""

    TYPE: ClassVar[str] = "habeas.incidents.clocks_set.v1"

    clocks: tuple[NotificationDue, ...]


class CustomersFound(Record):
    """Which customers a phase writes to, of those that were declared: those whose records were breached."""

    TYPE: ClassVar[str] = "habeas.incidents.customers_found.v1"

    phase: int
    customers: tuple[str, ...]
    """As their clocks call them."""


class CustomersMissed(Record):
    """Which customers no letter of a phase has reached."""

    TYPE: ClassVar[str] = "habeas.incidents.customers_missed.v1"

    phase: int
    customers: tuple[str, ...]
    """As their clocks call them."""


class DutiesWithdrawn(Record):
    """A phase was taken back: nobody is told any more of what it alone had owed, as it was then."""

    TYPE: ClassVar[str] = "habeas.incidents.duties_withdrawn.v1"

    phase: int
    duties: tuple[NotificationDue, ...]


class DutiesDone(Record):
    """Our letters have told whom these clocks are about."""

    TYPE: ClassVar[str] = "habeas.incidents.duties_done.v1"

    clocks: tuple[ClockId, ...]
    at: AwareDatetime
