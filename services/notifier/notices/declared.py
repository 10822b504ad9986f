"""What was declared, as a notice tells it. Pure."""

from dataclasses import dataclass
from datetime import date, datetime

from services.notifier.notices.categories import names
from services.notifier.notices.facts import Notice, Watch
from shared.affected import Reached
from shared.incidents import BreachDeclared, Protection
from shared.wording import Words


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a notice says besides what was declared."""

    incident: str
    phase: int
    held_by_police: bool
    written_at: datetime


def notice_of(
    person: Reached, declared: BreachDeclared, told: Circumstances, words: Words, *, american: bool
) -> Notice:
    """
    Return what *person* is told, in *words*; texts in that language if they were declared in it.

    Args:
        person: Whose data it is about: what was breached of everybody where it is not known what of theirs.
        declared: The newest declaration.
        told: The circumstances of telling.
        words: Language and zone.
        american: Whether numbers are called as in the United States.
    """
    account = declared.account(str(words.locale))
    categories = person.categories or declared.categories
    return Notice(
        nature=paragraphs(account.nature),
        consequences=paragraphs(account.consequences),
        measures=paragraphs(account.measures),
        advice=paragraphs(account.advice),
        contact=paragraphs(declared.contact),
        first_day=_day(declared.occurred_from, words),
        last_day=_last_day(declared, words),
        noticed_on=_day(declared.detected_at, words),
        written_on=_day(told.written_at, words),
        aware_at=declared.aware_at,
        categories=names(categories, words, american=american),
        held_by_police=told.held_by_police,
        further=told.phase > 1,
        late_because=paragraphs(declared.late_because or ""),
        watch=_watch(declared.protection),
        services=person.services,
        next_update_at=declared.next_update_at,
        final=declared.final,
    )


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the lines of *text* that have something on them: each is a paragraph of its own."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _last_day(declared: BreachDeclared, words: Words) -> date | None:
    """Return when it was over; None where it began on the same day."""
    if declared.occurred_to is None:
        return None
    last = _day(declared.occurred_to, words)
    return None if last == _day(declared.occurred_from, words) else last


def _day(moment: datetime, words: Words) -> date:
    return moment.astimezone(words.zone).date()


def _watch(protection: Protection | None) -> Watch | None:
    if protection is None:
        return None
    return Watch(protection.provider, protection.months, paragraphs(protection.how))
