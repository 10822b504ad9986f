"""Explanations of the laws of a case and of its last day, from its facts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from services.console import labels
from services.console.decisions.forms import CaseView
from shared.contract import events
from shared.law import (
    CompanyProfile,
    DeadlineCalculator,
    Move,
    Policy,
    Strictest,
    TimedDuty,
    strictest,
)
from shared.law.calendars import calendar_named
from shared.law.library import policies
from shared.law.policies import lies_in
from shared.pages.deadline_steps import StepSentences
from shared.pages.law_names import name_of
from shared.pages.translation import Words
from shared.pages.translation import mark as _

RESIDENCE = _("Residence of the person: %(place)s.")
PART = _("Residence of the person: %(country)s. The law covers %(place)s, or the person asks under it.")
ESTABLISHMENT = _("Place of the company: %(place)s. The law protects people everywhere.")
GRANTED = _("The company grants its rights to everybody.")
OTHERWISE = _("No other law protects the person: the company grants the rights of this one.")
INVOKED = _("The person asks under this law.")
ANSWERED_UNDER = _("The request is answered under it.")
ARRIVED = _("Received: %(moment)s.")
EARLIEST = _("Of the laws that protect the person, %(law)s gives the earliest last day.")
EXTENDED = _("Extended: %(reason)s. The last day before was %(day)s.")
DAYS_PAUSED = _("The person was awaited. Days that do not count: %(count)s. It ends on %(day)s.")
STEPS = StepSentences(
    one_month=_("One month, counted from the day of receipt. It ends on %(day)s."),
    months=_("%(count)s months, counted from the day of receipt. They end on %(day)s."),
    short_month=_("That month has no day %(number)s, so its last day counts."),
    days=_("%(count)s days; the first is the day after receipt. They end on %(day)s."),
    days_at_once=_("%(count)s days; the first is the day of receipt. They end on %(day)s."),
    working_days=_(
        "%(count)s working days after the day of receipt. Saturdays, Sundays and public holidays do not "
        "count. They end on %(day)s."
    ),
    one_day_paused=DAYS_PAUSED,
    days_paused=DAYS_PAUSED,
    later=_("Not working days: %(off)s. The next working day counts: %(day)s."),
    earlier=_(
        "Not working days: %(off)s. Nothing moves the end later; the working day before counts: %(day)s."
    ),
)
PAUSED = _("The period stands still since %(moment)s, until the person answers.")
NOT_PAUSED = _("The person is awaited since %(moment)s. By %(law)s the period runs on.")


@dataclass(frozen=True, slots=True)
class LawReason:
    """A law that protects the person, and why."""

    name: str
    edition: str
    reasons: Sequence[str]
    applied: bool = True
    """Whether it decides anything: one with deadlines that were not read does not."""


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """A step of the calculation of a last day."""

    text: str
    provision: str = ""


def law_reasons(view: CaseView, company: CompanyProfile, words: Words) -> list[LawReason]:
    """Return the laws of a case with their reasons; first the law that the request is answered under."""
    received = view.last(events.RequestReceived)
    if received is None:
        return []
    known = [(policies().named(law), True) for law in received.laws]
    known += [(policies().named(law), False) for law in received.not_accepted]
    return [_reason(policy, received, company, words, applied=applied) for policy, applied in known]


def _reason(
    policy: Policy, received: events.RequestReceived, company: CompanyProfile, words: Words, *, applied: bool
) -> LawReason:
    found = [words.say(sentence, **values) for sentence, values in _reasons(policy, received, company, words)]
    answered = [words.say(ANSWERED_UNDER)] if policy.id == received.policy else []
    return LawReason(name_of(policy, words.say), policy.id, [*found, *answered], applied)


def _reasons(
    policy: Policy, received: events.RequestReceived, company: CompanyProfile, words: Words
) -> list[tuple[str, dict[str, str]]]:
    country, found = received.country, list[tuple[str, dict[str, str]]]()
    if country and policy.scope and policy.scope.covers(country, received.role):
        found.append((RESIDENCE, {"place": labels.place(country, words)}))
    elif country and policy.is_of_a_part and any(lies_in(part, (country,)) for part in policy.places):
        parts = ", ".join(labels.place(part, words) for part in policy.places)
        found.append((PART, {"place": parts, "country": labels.place(country, words)}))
    if policy.reaches(company.places):
        here = next(place for place in company.places if lies_in(place, policy.places))
        found.append((ESTABLISHMENT, {"place": labels.place(here, words)}))
    if policy.law == company.grants_to_everybody:
        found.append((GRANTED, {}))
    if not found:
        alone = received.laws == (policy.id,) and policy.law == company.grants_to_others
        found.append((OTHERWISE if alone else INVOKED, {}))
    return found


def deadline_lines(view: CaseView, company: CompanyProfile, words: Words) -> list[DeadlineLine]:
    """Return the steps of the calculation of the last day; none if another day is on record."""
    received = view.last(events.RequestReceived)
    if received is None:
        return []
    counted = _counted(received, view, company)
    if counted is None or counted.last.due_on != view.row.due_on:
        return []
    return [*_steps(counted, received, view, words), *_pauses(received, view, words)]


def _counted(received: events.RequestReceived, view: CaseView, company: CompanyProfile) -> Strictest | None:
    moved = view.last(events.DueMoved)
    paused, scope = (moved.days, moved.scope_days) if moved else (0, 0)
    duty = TimedDuty.EXTENDED_ANSWER if view.has(events.RequestExtended) else TimedDuty.ANSWER
    counting = DeadlineCalculator(company, calendar_named, received.received_at, paused, scope)
    laws = [policies().named(law) for law in received.laws]
    return strictest(laws, duty, received.right, counting)


def _steps(
    counted: Strictest, received: events.RequestReceived, view: CaseView, words: Words
) -> Iterator[DeadlineLine]:
    last = counted.last
    for step in last.steps:
        match step.move:
            case Move.RECEIVED:
                yield DeadlineLine(words.say(ARRIVED, moment=words.moment(received.received_at)))
                if len(received.laws) > 1:
                    yield DeadlineLine(words.say(EARLIEST, law=name_of(counted.policy, words.say)))
                yield from _extension(view, words)
            case Move.COUNTED:
                provisions = dict.fromkeys((last.rule.provision, step.provision))
                yield DeadlineLine(" ".join(STEPS.of_period(step, last, words)), "; ".join(provisions))
            case Move.STOOD_STILL | Move.OFF:
                yield DeadlineLine(STEPS.of_move(step, last, words), step.provision)
            case _:
                assert_never(step.move)


def _extension(view: CaseView, words: Words) -> Iterator[DeadlineLine]:
    extended = view.last(events.RequestExtended)
    if extended is not None:
        reason = words.say(labels.EXTENSIONS[extended.reason])
        yield DeadlineLine(words.say(EXTENDED, reason=reason, day=words.day(extended.promised_on)))


def _pauses(received: events.RequestReceived, view: CaseView, words: Words) -> Iterator[DeadlineLine]:
    """Yield the effect of a pause that is open now, law by law."""
    since = view.row.paused_since
    if since is None or not view.row.open:
        return
    for law in received.laws:
        policy = policies().named(law)
        pause = policy.pause("identity")
        values = {"moment": words.moment(since), "law": name_of(policy, words.say)}
        text = words.say(PAUSED if pause else NOT_PAUSED, **values)
        yield DeadlineLine(text, pause.provision if pause else "")
