"""Facts of a notice, made from the declaration. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from services.notifier.breach.notices.categories import names
from services.notifier.breach.notices.facts import BreachNotice, IdentityMonitoring
from shared.contract.affected_people import NoticeRecipient
from shared.contract.events.breaches import BreachDeclared, ProtectionOffer
from shared.pages.translation import Words

PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")
"""The break between two paragraphs: in a file, a text is broken into lines that mean nothing."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Facts of a notice besides the declaration."""

    incident: str
    further: bool
    """Whether others were notified of the breach before."""
    held_by_police: bool
    written_at: datetime


def notice_of(
    person: NoticeRecipient,
    declared: BreachDeclared,
    circumstances: Circumstances,
    words: Words,
    *,
    american: bool,
) -> BreachNotice:
    """
    Return the notice to *person*, in *words*; texts in that language if they were declared in it.

    Args:
        person: The person affected; without categories of theirs those of the declaration count.
        declared: The newest declaration.
        circumstances: The circumstances of the notice.
        words: Language and zone.
        american: Whether numbers are called as in the United States.
    """
    account = declared.account(str(words.locale))
    first_day = _day(declared.occurred_from, words)
    last_day = _day(declared.occurred_to, words) if declared.occurred_to else None
    categories = person.categories or declared.categories
    return BreachNotice(
        nature=paragraphs(account.nature),
        consequences=paragraphs(account.consequences),
        measures=paragraphs(account.measures),
        advice=paragraphs(account.advice),
        contact=lines(declared.contact),
        first_day=first_day,
        last_day=None if last_day == first_day else last_day,
        one_day=last_day == first_day,
        noticed_on=_day(declared.detected_at, words),
        written_on=_day(circumstances.written_at, words),
        aware_at=declared.aware_at,
        categories=names(categories, words, american=american),
        held_by_police=circumstances.held_by_police,
        further=circumstances.further,
        late_because=paragraphs(account.late_because or ""),
        watch=_watch(declared.protection, account.sign_up),
        services=person.services,
        next_update_at=declared.next_update_at,
        final=declared.final,
    )


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the paragraphs of *text*: a blank line ends one, or the mark of an item of a list."""
    return tuple(filter(None, (" ".join(one.split()) for one in PARAGRAPH.split(text))))


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of *text* that have something on them."""
    return tuple(filter(None, map(str.strip, text.splitlines())))


def _day(moment: datetime, words: Words) -> date:
    return moment.astimezone(words.zone).date()


def _watch(protection: ProtectionOffer | None, sign_up: str | None) -> IdentityMonitoring | None:
    if protection is None:
        return None
    return IdentityMonitoring(protection.provider, protection.months, paragraphs(sign_up or protection.how))
