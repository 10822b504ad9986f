"""
Sentences of services about a breach in the language of a page: explanations of clocks, missing statements.

Facts hold them in English with their values. A sentence here has the place of each value; the catalogue of
the console translates it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

from services.console import labels
from shared.pages.translation import Words
from shared.pages.translation import mark as _

PLACE = re.compile(r"(%\(\w+\)s)")
STEP = re.compile(r"(\d{4}-\d{2}-\d{2}) (.+)")
CLOCKS = (
    _("%(since)s at %(hour)s %(zone)s"),
    _("%(hours)s hours later, nights and days off included: %(end)s"),
    _(
        "%(hours)s hours later, nights and days off included: %(end)s; by another reading, not to be "
        "relied on, %(latest)s"
    ),
    _("counted from %(since)s, which has not happened yet"),
    _("no number: without undue delay"),
    _("twice as long for a small company"),
    _("not after the %(recipient)s, notified at %(hour)s"),
    _("day %(number)s, the day of %(since)s being day 1"),
    _("day %(number)s, the day after %(since)s being day 1"),
    _("%(period)s later"),
    _("%(period)s later, the last day: there is no day %(number)s"),
    _("%(period)s after the day of %(since)s, without weekends"),
    _("%(period)s after the day of %(since)s, without weekends, %(off)s"),
    _("next working day after %(off)s"),
    _("nothing moves the end later, so before %(off)s"),
    _("the next update announced in the last notice"),
    _("recipients of the first report get later findings without undue further delay"),
)
"""Explanations of the end of a clock."""
NOT_OWED = (
    _("the incident does not go on: the final report is due"),
    _("the law does not apply: a deadline was not read, and HABEAS_LAWS_ACCEPTED does not name it"),
    _("the company is the processor: the controller notifies"),
    _("no significant incident"),
    _("harm is unlikely: it is recorded, with the reason, and not notified"),
    _("no high risk to people: it is recorded, with the reason, and not notified"),
    _("people affected: %(number)s; notice is due from %(from)s on"),
    _("only where people cannot be notified individually"),
    _("the data cannot be read: it was encrypted, and the key was not taken"),
    _("the data was not got, though it could have been"),
    _("no data of the kinds that the law lists"),
)
"""Reasons why a notice is not due."""
MISSING = (
    _("no customer is declared, so that none is notified"),
    _("the time of the next update (next_update_at) is not declared"),
    _("of some customers it is not declared what they use that is affected"),
    _("letters are not written in %(languages)s: this one is in English"),
    _(
        "nature, consequences, measures and advice are not declared in %(languages)s: they stand there in "
        "%(language)s"
    ),
    _("the reason for a delay (late_because) is not declared in %(languages)s"),
    _("how to sign up for the service against theft of identity (sign_up) is not in %(languages)s"),
    _("%(category)s has no name in %(languages)s: it stands there as %(name)s"),
    _(
        "%(months)s months of service against theft of identity must be offered, free; the declaration "
        "offers %(offered)s"
    ),
    _("%(element)s is left out: %(law)s forbids it"),
    _(
        "measures, advice and how to sign up must not reveal the nature of the breach: read them; %(law)s "
        "forbids it"
    ),
    _("what kinds of data were breached is not declared"),
    _("the company names no data protection officer"),
    _("the company names no postal address"),
    _(
        "passwords are part of it: where they open mailboxes that the company gives people, declare "
        "mail_domains, so that no notice goes there"
    ),
)
"""Statements that a letter lacks."""
PROVISIONS = (_("our own promise"), _("Contract; our policy"))
STARTS = (
    _("awareness"),
    _("discovery"),
    _("assessment"),
    _("the notice to people"),
    _("the notice before it"),
    _("the handling of the incident"),
)
"""Starts of periods."""
PERIODS = (
    _("1 month"),
    _("%(number)s months"),
    _("1 calendar day"),
    _("%(number)s calendar days"),
    _("1 business day"),
    _("%(number)s business days"),
)
SENTENCES = (*CLOCKS, *NOT_OWED, *MISSING, *PROVISIONS, *STARTS, *PERIODS)


def written(text: str, words: Words) -> str:
    """Return the sentence *text* of a service in the language of *words*; an unknown one as it is."""
    step = STEP.fullmatch(text)
    if step is not None:
        return f"{words.day(date.fromisoformat(step[1]))}: {written(step[2], words)}"
    sentence, values = _sentence_of(text)
    return words.say(sentence, **{name: _value(name, value, words) for name, value in values.items()})


def is_known(text: str) -> bool:
    """Return whether the sentence *text*, without its day, can be translated."""
    step = STEP.fullmatch(text)
    return _sentence_of(step[2] if step else text)[0] in SENTENCES


@lru_cache(maxsize=1_024)
def _sentence_of(text: str) -> tuple[str, Mapping[str, str]]:
    """Return the sentence with places that makes *text*, that with the most fixed words, and its values."""
    found = [(one, match.groupdict()) for one, form in _forms() if (match := form.fullmatch(text))]
    return max(found, key=lambda one: len(PLACE.sub("", one[0])), default=(text.replace("%", "%%"), {}))


@lru_cache(maxsize=1)
def _forms() -> list[tuple[str, re.Pattern[str]]]:
    return [(one, re.compile(_pattern(one))) for one in SENTENCES]


def _pattern(sentence: str) -> str:
    return "".join(
        f"(?P<{part[2:-2]}>.+?)" if part.startswith("%(") else re.escape(part)
        for part in PLACE.split(sentence)
    )


def _value(name: str, value: str, words: Words) -> str:
    """Return a *value* in the language of *words*."""
    convert = VALUES.get(name)
    return value if convert is None else convert(value, words)


def _languages(value: str, words: Words) -> str:
    return words.together([labels.language(one.strip("'"), words) for one in value.split(", ")])


VALUES: Mapping[str, Callable[[str, Words], str]] = {
    "since": written,
    "period": written,
    "languages": _languages,
    "language": _languages,
    "law": lambda value, words: words.say(value),
    "recipient": lambda value, words: words.say(labels.named(value)),
}
"""Name of a place → how its value is written in another language."""
