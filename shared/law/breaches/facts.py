"""What of a breach says who is told of it, and by when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DEFAULT_HOURS = 24
"""
Within how many hours a customer is told whose processor the company is, where no contract says it.

Law:
    GDPR Art. 33(2): without undue delay. The laws of the States: immediately, or within days. Our policy.
"""


class BreachRole(StrEnum):
    """What the company is to the data that was breached."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class Risk(StrEnum):
    """How likely it is that people come to harm."""

    UNLIKELY = "unlikely"
    RISK = "risk"
    HIGH = "high"

    def reaches(self, least: "Risk") -> bool:
        """Tell whether it is as high as *least*."""
        order = tuple(Risk)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class ProcessorCustomer:
    """A controller whose data the company processes."""

    id: str
    """What the company calls it."""
    hours: int = DEFAULT_HOURS
    """Within how many hours it is told; its contract says it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """What has happened to the data, as far as a law asks for it."""

    role: BreachRole
    risk: Risk
    occurred_from: datetime
    detected_at: datetime
    """When it was noticed that something is wrong: what a law calls discovery, at the earliest."""
    aware_at: datetime
    """When it was reasonably certain that personal data was breached (EDPB Guidelines 9/2022)."""
    judged_at: datetime | None = None
    """
    By whose day the editions are taken: when it was first declared to be known. None: *aware_at*. No later
    statement changes the laws that an incident is judged by.
    """
    occurred_to: datetime | None = None
    categories: tuple[str, ...] = ()
    """What was breached of anybody, in the words of the data map."""
    unintelligible: bool = False
    """Whether nobody can read what was taken: it was encrypted, and the key was not."""
    acquired: bool = True
    """Whether somebody got the data, and not merely could have."""
    sensitive_to_security: bool = False
    """Whether it is a significant incident of a provider of services (NIS2 Art. 23(3))."""
    ongoing: bool = False
    """Whether the incident goes on, or is not dealt with yet."""
    handled_at: datetime | None = None
    """When it was dealt with, of one that had gone on; None: nobody says so, or it never did."""
    controllers: tuple[ProcessorCustomer, ...] = ()
    """Customers whose data was breached."""
    assessed_at: datetime | None = None
    """When it was found that it must be told; None: that is taken to be when it became known."""
    unreached: bool = False
    """Whether some people cannot be told one by one."""
    told: tuple[tuple[str, datetime], ...] = ()
    """Which clocks were done when, by their ids: some periods begin with another notice."""

    def goes_on_at(self, moment: datetime | None) -> bool:
        """Tell whether the incident goes on at *moment*, as far as anybody knows; None: it has not come."""
        later = self.handled_at is not None and moment is not None and self.handled_at > moment
        return self.ongoing or later
