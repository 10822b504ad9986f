"""Answers to each element of a report to an authority. Pure."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from babel.dates import format_timedelta

from services.notifier.breach.notices.categories import names
from services.notifier.breach.notices.declared import lines, paragraphs
from services.notifier.breach.notices.forms.known import Filing
from services.notifier.breach.notices.forms.places import called, protected, within
from services.notifier.breach.notices.outline import Part
from shared.law.breaches import NoticeStage

Answer = tuple[str, ...]
"""Lines; none: nothing is known."""
REPORTS: Mapping[NoticeStage, str] = MappingProxyType(
    {
        NoticeStage.EARLY_WARNING: "Early warning; a notification and a final report are to follow",
        NoticeStage.NOTIFICATION: "Notification, after the early warning; a final report is to follow",
        NoticeStage.PROGRESS_REPORT: "Progress report: the incident goes on; a final report is to follow",
        NoticeStage.FINAL_REPORT: "Final report",
    }
)
"""Stages that state themselves what follows, regardless of the declaration (NIS2 Art. 23(4))."""


def answer(part: Part, filing: Filing) -> Answer:
    """Return the answer for *part*; nothing if it is unknown."""
    return ANSWERS[part](filing) if part in ANSWERS else ()


def _incident(filing: Filing) -> Answer:
    return (filing.known.incident, f"Our reference: {filing.known.declared.reference}")


def _phase(filing: Filing) -> Answer:
    known, stage = filing.known, filing.duty.stage
    if stage in REPORTS:
        return (REPORTS[stage],)
    follows = ", and the last one" if known.declared.final else "; more is to follow"
    return (f"{_kind(stage, known.phase - 1)}{follows}",)


def _kind(stage: NoticeStage, supplement: int) -> str:
    """Return which notice it is: the law's stage says so before the number of the declaration does."""
    if stage is NoticeStage.DETAILED_REPORT:
        return "Detailed report, after the first notice"
    if supplement:
        return f"Supplement {supplement} to the first notice"
    return "Supplement to the first notice" if stage is NoticeStage.SUPPLEMENT else "First notice"


def _data(filing: Filing) -> Answer:
    american = filing.duty.policy.law.startswith("us-")
    return names(filing.known.categories, filing.words, american=american)


def _people(filing: Filing) -> Answer:
    people, duty = filing.known.people, filing.duty
    if people is None:
        return ()
    under = sum(protected(people, duty.policy, filing.established).values())
    counted = {"protected by this law": under, "in all": sum(people.values())}
    if duty.place is not None:
        counted = {f"in {called(duty.place)}": within(people, duty.policy, duty.place)} | counted
    return tuple(f"Approximately {filing.words.number(number)} {scope}" for scope, number in counted.items())


def _records(filing: Filing) -> Answer:
    records = filing.known.records
    return () if records is None else (f"Approximately {filing.words.number(records)}",)


def _occurred(filing: Filing) -> Answer:
    declared = filing.known.declared
    began = filing.words.moment(declared.occurred_from)
    if declared.occurred_to is None:
        return (f"On {began}, or since then; when it was over is not known",)
    lasted = declared.occurred_to - declared.occurred_from
    ended = filing.words.moment(declared.occurred_to)
    return (f"From {began} to {ended}", f"Duration: about {_length(lasted, filing)}")


def _length(lasted: timedelta, filing: Filing) -> str:
    return format_timedelta(lasted, threshold=2, locale=filing.words.locale)


def _discovered(filing: Filing) -> Answer:
    return (filing.words.moment(filing.known.declared.detected_at),)


def _aware(filing: Filing) -> Answer:
    return (filing.words.moment(filing.known.aware_at),)


def _late(filing: Filing) -> Answer:
    if filing.duty.due_at is None or filing.now <= filing.duty.due_at:
        return ("It is not late.",)
    return paragraphs(filing.account.late_because or "")


def _officer(filing: Filing) -> Answer:
    officer = filing.sender.data_protection_officer
    return (officer,) if officer else ()


def _cross_border(filing: Filing) -> Answer:
    people = filing.known.people
    if people is None:
        return ()
    counted = sorted(people.items(), key=lambda item: -item[1])
    return tuple(f"{called(place)}: {filing.words.number(number)}" for place, number in counted if number)


def _people_notified(filing: Filing) -> Answer:
    known, letters = filing.known, filing.known.letters
    if letters is not None:
        since = f"Notified since {filing.words.moment(letters.first_at)}"
        counts = f"{filing.words.number(letters.sent)} sent, "
        counts += f"{filing.words.number(letters.not_reached)} not reached"
        return (since, f"{counts}{'' if letters.through else '; the others are on their way'}")
    if not known.notice_owed:
        return ("Not notified: no law requires it.",)
    return ("Not notified yet.", *_held(filing)[:1] * (known.held_until is not None))


def _held(filing: Filing) -> Answer:
    until = filing.known.held_until
    if until is not None:
        return (f"An investigation requires no notice before {filing.words.moment(until)}.",)
    if filing.known.delayed:
        return ("An investigation has delayed the notices to people; it does so no longer.",)
    return ("No investigation has delayed a notice.",)


def _protection(filing: Filing) -> Answer:
    offered = filing.known.declared.protection
    if offered is None:
        return ()
    return (
        f"{offered.provider}, {offered.months} months at no cost",
        *paragraphs(filing.account.sign_up or offered.how),
    )


def _next(filing: Filing) -> Answer:
    declared = filing.known.declared
    if declared.next_update_at is not None:
        return (f"By {filing.words.moment(declared.next_update_at)}",)
    return ("This is the last one.",) if declared.final else ()


def _services(filing: Filing) -> Answer:
    used = (service for one in filing.known.declared.affected.controllers for service in one.services)
    return tuple(dict.fromkeys(used))


ANSWERS: Mapping[Part, Callable[[Filing], Answer]] = MappingProxyType(
    {
        Part.INCIDENT: _incident,
        Part.PHASE: _phase,
        Part.NATURE: lambda filing: paragraphs(filing.account.nature),
        Part.DATA: _data,
        Part.PEOPLE_COUNT: _people,
        Part.RECORDS_COUNT: _records,
        Part.OCCURRED: _occurred,
        Part.DISCOVERED: _discovered,
        Part.AWARE: _aware,
        Part.LATE_BECAUSE: _late,
        Part.CONTACT: lambda filing: lines(filing.known.declared.contact),
        Part.SENDER: lambda filing: (filing.sender.legal_name, *filing.sender.postal_address),
        Part.OFFICER: _officer,
        Part.CONSEQUENCES: lambda filing: paragraphs(filing.account.consequences),
        Part.MEASURES: lambda filing: paragraphs(filing.account.measures),
        Part.CONTAINMENT: lambda filing: paragraphs(filing.account.measures),
        Part.ADVICE: lambda filing: paragraphs(filing.account.advice),
        Part.CROSS_BORDER: _cross_border,
        Part.PEOPLE_NOTIFIED: _people_notified,
        Part.HELD_BY_POLICE: _held,
        Part.PROTECTION: _protection,
        Part.SAMPLE: lambda filing: (filing.sample,) if filing.sample else (),
        Part.SERVICES: _services,
        Part.NEXT_UPDATE: _next,
        Part.WRITTEN_ON: lambda filing: (filing.words.moment(filing.now),),
    }
)
"""Answered elements. Others that a law demands are stated as missing."""
