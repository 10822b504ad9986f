"""The languages of packages; the catalogues are in ``templates/locale``."""

from datetime import UTC, datetime, time
from pathlib import Path

from shared.pages.translation import Catalogues, Words
from shared.runtime.mongo import utc

TEMPLATES = Path(__file__).parent / "templates"
CATALOGUES = Catalogues(TEMPLATES / "locale")
LANGUAGES = CATALOGUES.languages
words = CATALOGUES.words
MIDNIGHT = time()


def stored_moment(value: datetime, words: Words) -> str:
    """
    Return *value* as date, time and zone; midnight in UTC, as which bare dates are stored, as a date.

    Args:
        value: An aware time.
        words: Language and zone.
    """
    at = value if value.tzinfo is utc else value.astimezone(UTC)
    if at.time() == MIDNIGHT:
        return words.day(at.date())
    try:
        local = value.astimezone(words.zone)
    except OverflowError:  # in the first or last hours of the calendar
        local = value
    return f"{words.day(local.date())}, {local:%H:%M} {local.tzname()}"
