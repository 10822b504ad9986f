"""Sentences on the steps from the receipt of a request to its last day, in the words of each page. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from shared.law import DayOff, DayStep, DueDate, FirstDay, Move, PeriodUnit
from shared.pages.translation import Words


@dataclass(frozen=True, slots=True)
class StepSentences:
    """English sentences of a page; each may hold the names of the values that are said with it."""

    one_month: str
    months: str
    short_month: str
    days: str
    days_at_once: str
    working_days: str
    one_day_paused: str
    days_paused: str
    later: str
    earlier: str

    def of_period(self, step: DayStep, last: DueDate, words: Words, **values: str) -> Iterator[str]:
        """Yield the sentences on the period, which ends on the day of *step*; *values* are said with them."""
        rule = last.rule
        values |= {"count": words.number(rule.length), "day": words.weekday(step.day)}
        match rule.unit:
            case PeriodUnit.MONTH:
                yield words.say(self.one_month if rule.length == 1 else self.months, **values)
                if step.day.day != last.received_on.day:
                    yield words.say(self.short_month, number=last.received_on.day)
            case PeriodUnit.CALENDAR_DAY:
                at_once = rule.first_day is FirstDay.RECEIPT
                yield words.say(self.days_at_once if at_once else self.days, **values)
            case PeriodUnit.BUSINESS_DAY:
                yield words.say(self.working_days, **values)
            case _:
                assert_never(rule.unit)

    def of_move(self, step: DayStep, last: DueDate, words: Words) -> str:
        """Return the sentence on a step that moves the last day: a pause, or days off work."""
        day = words.weekday(step.day)
        if step.move is Move.STOOD_STILL:
            sentence = self.one_day_paused if last.stood_still == 1 else self.days_paused
            return words.say(sentence, count=words.number(last.stood_still), day=day)
        off = words.together([words.weekday(passed) for passed in sorted(step.passed)])
        return words.say(self.earlier if last.rule.day_off is DayOff.BEFORE else self.later, off=off, day=day)
