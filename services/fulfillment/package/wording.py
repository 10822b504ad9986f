"""
Words, dates and numbers of pages in the person's language.

English is written in the templates; every other language is a gettext catalogue in ``templates/locale``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
SOURCE_LANGUAGE = "en"
LANGUAGES = (SOURCE_LANGUAGE, *sorted(path.stem for path in (TEMPLATES / "locale").glob("*.po")))


def mark(sentence: str) -> str:
    """Return *sentence* as it is; marks it for translation where it is a value, to be translated later."""
    return sentence


@dataclass(frozen=True, slots=True)
class Words:
    """Says things in one language, for one part of the world."""

    locale: Locale
    zone: tzinfo = UTC

    @property
    def language(self) -> str:
        """Code of the language, for the ``lang`` of a page."""
        return str(self.locale.language)

    def say(self, sentence: str, /, **values: object) -> str:
        """Return *sentence* translated as plain text, with *values* put where ``%(name)s`` marks."""
        return _sentences(self.language).get(sentence, sentence) % values

    def markup(self, sentence: str, /, **values: object) -> Markup:
        """Return *sentence* translated as HTML: sentences are ours and trusted, values are escaped."""
        escaped = {name: escape(value) for name, value in values.items()}
        return Markup(self.say(sentence, **escaped))  # noqa: S704 - see above

    def number(self, value: float | Decimal) -> str:
        """Return *value* with the digits and grouping of the locale, all decimal places kept."""
        places = -int(value.as_tuple().exponent) if isinstance(value, Decimal) and value.is_finite() else 0
        pattern = f"#,##0.{'0' * places}" if places > 0 else None
        return format_decimal(value, pattern, locale=self.locale, decimal_quantization=False)

    def day(self, value: date) -> str:
        """Return *value* with its month in words: ``5 March 2026``."""
        return _day(self.locale, value)

    def moment(self, value: datetime) -> str:
        """
        Return *value* as date, time and zone; midnight in UTC, as which bare dates are stored, as a date.

        Args:
            value: An aware time.
        """
        if value.astimezone(UTC).time() == time():
            return self.day(value.astimezone(UTC).date())
        try:
            local = value.astimezone(self.zone)
        except OverflowError:  # in the first or last hours that the calendar has
            local = value
        return f"{self.day(local.date())}, {local:%H:%M} {local.tzname()}"


def words(wanted: str, zone: tzinfo = UTC) -> Words:
    """Return the words of the language *wanted* (``de``, ``de-AT``), else of English."""
    try:
        locale = Locale.parse(wanted.replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        locale = Locale(SOURCE_LANGUAGE)
    if locale.language not in LANGUAGES:
        locale = Locale(SOURCE_LANGUAGE)
    if locale.language == SOURCE_LANGUAGE and not locale.territory:
        locale = Locale(SOURCE_LANGUAGE, "GB")
    return Words(locale, zone)


@lru_cache(maxsize=4_096)
def _day(locale: Locale, value: date) -> str:
    return format_date(value, "long", locale)


@lru_cache
def _sentences(language: str) -> Mapping[str, str]:
    if language == SOURCE_LANGUAGE:
        return {}
    with (TEMPLATES / "locale" / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language)
    said = (entry for entry in entries if entry.id and entry.string and not entry.fuzzy)
    return {str(entry.id): str(entry.string) for entry in said}
