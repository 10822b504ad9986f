"""
Explanations of last days in plain words, step by step. Pure.

The steps are those of ``shared.law``; the command ``due --explain`` prints them as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.law import Move, Strictest
from shared.pages.deadline_steps import StepSentences
from shared.pages.law_names import name_of
from shared.pages.translation import Words
from shared.pages.translation import mark as _

ARRIVED = _("Your request arrived: %(moment)s.")
STRICTEST = _("Several laws protect you. This one has the earliest deadline, so we follow it: %(law)s.")
STEPS = StepSentences(
    one_month=_("%(law)s gives us one month, counted from that day. It ends on %(day)s."),
    months=_("%(law)s gives us %(count)s months in all, counted from that day. They end on %(day)s."),
    short_month=_("That month has no day %(number)s, so its last day counts."),
    days=_("%(law)s gives us %(count)s days; the first is the day after that day. They end on %(day)s."),
    days_at_once=_("%(law)s gives us %(count)s days; the first is that day itself. They end on %(day)s."),
    working_days=_(
        "%(law)s gives us %(count)s working days after that day. Saturdays, Sundays and public holidays do "
        "not count. They end on %(day)s."
    ),
    one_day_paused=_("For one day we waited for you. It does not count: %(day)s."),
    days_paused=_("For %(count)s days we waited for you. They do not count: %(day)s."),
    later=_("Not working days: %(off)s. The next working day therefore counts: %(day)s."),
    earlier=_(
        "Not working days: %(off)s. This does not extend the period, so we will answer on the working day "
        "before: %(day)s."
    ),
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
            yield ExplanationLine(
                " ".join(STEPS.of_period(step, last, words, law=law)), "; ".join(provisions)
            )
        else:
            yield ExplanationLine(STEPS.of_move(step, last, words), step.provision)
