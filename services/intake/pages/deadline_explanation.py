"""
Explanations of last days in plain words, step by step. Pure.

The steps are those of ``shared.law``; the command ``due --explain`` prints them as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from shared.law import DayOff, DayStep, DueDate, FirstDay, Move, PeriodUnit, Strictest
from shared.pages.law_names import name_of
from shared.pages.translation import Words
from shared.pages.translation import mark as _

ARRIVED = _("Your request arrived: %(moment)s.")
STRICTEST = _("Several laws protect you. This one has the earliest deadline, so we follow it: %(law)s.")
ONE_MONTH = _("%(law)s gives us one month, counted from that day. It ends on %(day)s.")
MONTHS = _("%(law)s gives us %(count)s months in all, counted from that day. They end on %(day)s.")
SHORT_MONTH = _("That month has no day %(number)s, so its last day counts.")
DAYS = _("%(law)s gives us %(count)s days; the first is the day after that day. They end on %(day)s.")
DAYS_AT_ONCE = _("%(law)s gives us %(count)s days; the first is that day itself. They end on %(day)s.")
WORKING_DAYS = _(
    "%(law)s gives us %(count)s working days after that day. Saturdays, Sundays and public holidays do not "
    "count. They end on %(day)s."
)
ONE_DAY_STILL = _("For one day we waited for you. It does not count: %(day)s.")
DAYS_STILL = _("For %(count)s days we waited for you. They do not count: %(day)s.")
LATER = _("Not working days: %(off)s. The next working day therefore counts: %(day)s.")
EARLIER = _(
    "Not working days: %(off)s. This does not extend the period, so we will answer on the working day "
    "before: %(day)s."
)


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One step of an explanation."""

    text: str
    provision: str


def explanation(
    counted: Strictest, received_at: datetime, words: Words, *, laws: int
) -> Iterator[ExplanationLine]:
    """Yield the steps of the calculation of a last day, for a person protected by a number of *laws*."""
    law, last = name_of(counted.policy, words.say), counted.last
    for step in last.steps:
        if step.move is Move.RECEIVED:
            yield ExplanationLine(words.say(ARRIVED, moment=words.moment(received_at)), "")
            if laws > 1:
                yield ExplanationLine(words.say(STRICTEST, law=law), "")
        elif step.move is Move.COUNTED:
            provisions = dict.fromkeys((last.rule.provision, step.provision))
            yield ExplanationLine(" ".join(_period(step, last, law, words)), "; ".join(provisions))
        else:
            yield ExplanationLine(_sentence_on_move(step, last, words), step.provision)


def _period(step: DayStep, last: DueDate, law: str, words: Words) -> Iterator[str]:
    rule = last.rule
    values = {"law": law, "count": words.number(rule.length), "day": words.weekday(step.day)}
    match rule.unit:
        case PeriodUnit.MONTH:
            yield words.say(ONE_MONTH if rule.length == 1 else MONTHS, **values)
            if step.day.day != last.received_on.day:
                yield words.say(SHORT_MONTH, number=last.received_on.day)
        case PeriodUnit.CALENDAR_DAY:
            yield words.say(DAYS_AT_ONCE if rule.first_day is FirstDay.RECEIPT else DAYS, **values)
        case PeriodUnit.BUSINESS_DAY:
            yield words.say(WORKING_DAYS, **values)
        case _:
            assert_never(rule.unit)


def _sentence_on_move(step: DayStep, last: DueDate, words: Words) -> str:
    day = words.weekday(step.day)
    if step.move is Move.STOOD_STILL:
        sentence = ONE_DAY_STILL if last.stood_still == 1 else DAYS_STILL
        return words.say(sentence, count=words.number(last.stood_still), day=day)
    sentence = EARLIER if last.rule.day_off is DayOff.BEFORE else LATER
    off = words.together([words.weekday(passed) for passed in sorted(step.passed)])
    return words.say(sentence, off=off, day=day)
