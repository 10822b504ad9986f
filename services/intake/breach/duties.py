"""Duties to notify of a breach: recipients and last days, as the journal of incidents keeps them."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AwareDatetime, StringConstraints

from shared.contract.events import Code, EventPart, Record
from shared.contract.events.breaches import ClockStep, Place

ClockId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,100}$")]
PEOPLE, CONTROLLER = "people", "controller"
CUSTOMERS = "customers"
"""All controllers that the company is a processor of, for supplements."""
BY_LETTER = frozenset({PEOPLE, CONTROLLER})
"""Recipients of Habeas' letters; the staff notifies all others."""


class NotificationDue(EventPart):
    """A recipient to be notified of a breach, or exempt, and the last day."""

    clock: ClockId
    policy: str | None = None
    """None: not a law but a promise of the company."""
    recipient: Code
    place: Place | None = None
    runs_from: AwareDatetime
    due_at: AwareDatetime | None = None
    """None if the law gives no number: without undue delay."""
    owed: bool = True
    begun: bool = True
    """Whether it runs: some clocks begin with another notification."""
    why: tuple[ClockStep, ...] = ()

    @property
    def customer(self) -> str | None:
        """The customer it is about, by the name in its clock; None if it is about no single one."""
        _, _, customer = self.clock.partition(f".{CONTROLLER}.")
        return customer or None

    @property
    def supplement(self) -> int | None:
        """The phase with the findings for the customers; None for any other duty."""
        return int(self.clock.split(".")[1]) if self.recipient == CUSTOMERS else None


class ClocksSet(Record):
    """The clocks of an incident were started, or corrected."""

    TYPE: ClassVar[str] = "habeas.incidents.clocks_set.v1"

    clocks: tuple[NotificationDue, ...]


class CustomersFound(Record):
    """The declared customers that a phase notifies: those with breached records."""

    TYPE: ClassVar[str] = "habeas.incidents.customers_found.v1"

    phase: int
    customers: tuple[str, ...]
    """By their names in clocks."""


class CustomersMissed(Record):
    """The customers without a letter of a phase."""

    TYPE: ClassVar[str] = "habeas.incidents.customers_missed.v1"

    phase: int
    customers: tuple[str, ...]
    """By their names in clocks."""


class DutiesWithdrawn(Record):
    """A phase was withdrawn: its own duties end, and are kept here in their last state."""

    TYPE: ClassVar[str] = "habeas.incidents.duties_withdrawn.v1"

    phase: int
    duties: tuple[NotificationDue, ...]


class DutiesDone(Record):
    """Notices have reached the people of these clocks."""

    TYPE: ClassVar[str] = "habeas.incidents.duties_done.v1"

    clocks: tuple[ClockId, ...]
    at: AwareDatetime
