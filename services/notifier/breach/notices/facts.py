"""Facts of a notice, made from the declaration before they are put in words. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from shared.contract.events.breaches import ProtectionOffer
from shared.pages.categories import called
from shared.pages.translation import Words
from shared.pages.translation import mark as _

NoticeAddressees: TypeAlias = Literal["people", "controllers", "public", "users"]
PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")
"""The break between two paragraphs: in a file, a text is broken into lines that mean nothing."""
IN_THE_US: Mapping[str, str] = {
    "user.government_id.national_identification_number": _("Social Security number"),
    "user.government_id.drivers_license_number": _("Driver's license or state identification card number"),
}
"""Names of numbers in notices to recipients in the United States."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Facts of a notice besides the declaration."""

    incident: str
    further: bool
    """Whether others were notified of the breach before."""
    held_by_police: bool
    written_at: datetime


@dataclass(frozen=True, slots=True)
class IdentityMonitoring:
    """A service against theft of identity that costs nothing."""

    provider: str
    months: int
    how: tuple[str, ...]


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
    one_day: bool
    """Whether it is known that it was over on the day on which it began."""
    to_controller: bool
    to_public: bool
    to_users: bool
    """Whether it goes to all users of a service, regardless of the data."""
    held_by_police: bool
    further: bool
    """Whether others were notified before, and these people were found later."""
    late_because: tuple[str, ...]
    """Why people are notified later than the law says."""
    watch: IdentityMonitoring | None
    services: tuple[str, ...]
    """Of a customer: the breached services in use."""
    next_update_at: datetime | None
    final: bool
    """Whether nothing more is to come."""
    drill: bool
    """Whether it is part of a drill, and goes to staff."""


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the paragraphs of *text*: a blank line ends one, or the mark of an item of a list."""
    return tuple(filter(None, (" ".join(one.split()) for one in PARAGRAPH.split(text))))


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of *text* that have something on them."""
    return tuple(filter(None, map(str.strip, text.splitlines())))


def names(categories: Iterable[str], words: Words, *, american: bool = False) -> tuple[str, ...]:
    """Return the names of *categories*, each once."""
    return tuple(dict.fromkeys(_name(category, words, american) for category in categories))


def spelt(category: str) -> str:
    """Return a category that a map added as words: ``loyalty.shoe_size`` gives ``Shoe size``."""
    return category.rpartition(".")[2].replace("_", " ").capitalize()


def monitoring(protection: ProtectionOffer | None, sign_up: str | None) -> IdentityMonitoring | None:
    """Return the service that is offered; *sign_up* says how to get it in the language of the notice."""
    if protection is None:
        return None
    return IdentityMonitoring(protection.provider, protection.months, paragraphs(sign_up or protection.how))


def _name(category: str, words: Words, american: bool) -> str:
    if american and category in IN_THE_US:
        return words.say(IN_THE_US[category])
    return called(category, words.language) or spelt(category)
