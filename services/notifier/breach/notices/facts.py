"""Facts of a notice, before they are put in words. Pure."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class IdentityMonitoring:
    """A service against theft of identity that costs nothing."""

    provider: str
    months: int
    how: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mailing:
    """A contact with an address and a telephone number."""

    name: str
    address: str
    telephone: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class BreachNotice:
    """The notice to one group of people: the same for all of them but for their names."""

    nature: tuple[str, ...]
    """Paragraphs, as they were declared; so are the other texts."""
    consequences: tuple[str, ...]
    measures: tuple[str, ...]
    advice: tuple[str, ...]
    contact: tuple[str, ...]
    first_day: date
    """When it happened, or began."""
    last_day: date | None
    """When it was over, on another day; None where it was on the same, or if not known yet."""
    noticed_on: date
    written_on: date
    aware_at: datetime
    categories: tuple[str, ...]
    """Kinds of data, in words; empty if unknown."""
    one_day: bool = False
    """Whether it is known that it was over on the day on which it began."""
    to_controller: bool = False
    to_public: bool = False
    to_users: bool = False
    """Whether it goes to all users of a service, regardless of the data."""
    held_by_police: bool = False
    further: bool = False
    """Whether others were notified before, and these people were found later."""
    late_because: tuple[str, ...] = ()
    """Why people are notified later than the law says."""
    watch: IdentityMonitoring | None = None
    services: tuple[str, ...] = ()
    """Of a customer: the breached services in use."""
    next_update_at: datetime | None = None
    final: bool = False
    """Whether nothing more is to come."""
