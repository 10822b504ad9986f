"""The facts of a breach that decide on its notices and their deadlines."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DEFAULT_HOURS = 24
"""
Hours within which a processor notifies its customer, where no contract says it.

Law:
    GDPR Art. 33(2): without undue delay. The laws of the States: immediately, or within days. Our policy.
"""


class BreachRole(StrEnum):
    """The company's role for the data that was breached."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class Risk(StrEnum):
    """The likelihood of harm to people."""

    UNLIKELY = "unlikely"
    RISK = "risk"
    HIGH = "high"

    def reaches(self, least: "Risk") -> bool:
        """Return whether it is as high as *least*."""
        order = tuple(Risk)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class ProcessorCustomer:
    """A controller that has the company process its data."""

    id: str
    """The company's name for it."""
    hours: int = DEFAULT_HOURS
    """Hours within which it is notified; its contract says it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A breach, as far as laws ask for its facts."""

    role: BreachRole
    risk: Risk
    occurred_from: datetime
    detected_at: datetime
    """When the first sign was noticed: the discovery of some laws, at the earliest."""
    aware_at: datetime
    """When it was reasonably certain that personal data was breached (EDPB Guidelines 9/2022)."""
    judged_at: datetime | None = None
    """
    The day of the editions: when it was first declared to be known. None: *aware_at*. No later
    statement changes the laws that an incident is judged by.
    """
    occurred_to: datetime | None = None
    categories: tuple[str, ...] = ()
    """Kinds of data that were breached, in the words of the data map."""
    unintelligible: bool = False
    """Whether the taken data cannot be read: it was encrypted, and the key was not taken."""
    acquired: bool = True
    """Whether the data was got, and not merely could have been."""
    sensitive_to_security: bool = False
    """Whether it is a significant incident of a provider of services (NIS2 Art. 23(3))."""
    ongoing: bool = False
    """Whether the incident goes on, or is not dealt with yet."""
    handled_at: datetime | None = None
    """When it was dealt with, of one that had gone on; None: not stated, or it never went on."""
    controllers: tuple[ProcessorCustomer, ...] = ()
    """Customers with breached data."""
    assessed_at: datetime | None = None
    """When it was found that notices are owed; None: that is taken to be when it became known."""
    unreached: bool = False
    """Whether some people cannot be notified individually."""
    done_clocks: tuple[tuple[str, datetime], ...] = ()
    """Which clocks were done when, by their ids: some periods begin with another notice."""

    def goes_on_at(self, moment: datetime | None) -> bool:
        """Return whether the incident goes on at *moment*, as far as is known; None: it has not come."""
        later = self.handled_at is not None and moment is not None and self.handled_at > moment
        return self.ongoing or later
