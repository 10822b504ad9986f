"""
Words, dates and numbers in the person's language.

English is written in the templates; every other language is a gettext catalogue in ``templates/locale``. One
source per sentence: a language can lack a translation, which a test finds, but no element that law demands.
"""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
SOURCE_LANGUAGE = "en"
LANGUAGES = (SOURCE_LANGUAGE, *sorted(path.stem for path in (TEMPLATES / "locale").glob("*.po")))
"""Languages that letters are written in; what the person speaks otherwise is answered in the first."""


class Words:
    """Translates sentences into one language, as plain text."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._sentences = sentences

    def __call__(self, sentence: str, /, **values: str) -> str:
        """Return *sentence* translated, with *values* put in the places that ``%(name)s`` marks."""
        return self._sentences.get(sentence, sentence) % values


class HtmlWords(Words):
    """The same as markup: sentences are ours and trusted, values are not and are escaped."""

    def __call__(self, sentence: str, /, **values: str) -> Markup:
        """Return *sentence* translated, with *values* escaped."""
        escaped = {name: escape(value) for name, value in values.items()}
        return Markup(super().__call__(sentence, **escaped))  # noqa: S704 - see the class: sentences are ours


def mark(sentence: str) -> str:
    """Return *sentence* as it is; marks it for translation where it is a value, to be translated later."""
    return sentence


@lru_cache(maxsize=512)
def resolve_locale(wanted: str, *, at_home: str) -> Locale:
    """
    Return the locale nearest to *wanted* that letters are written in, else English.

    Args:
        wanted: A tag such as ``de``, ``de-AT`` or ``de_AT``; anything else is no error.
        at_home: Country whose English it is where the tag names none (dates differ): ``US``.
    """
    try:
        locale = Locale.parse(wanted.replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError):
        locale = Locale(SOURCE_LANGUAGE)
    if locale.language not in LANGUAGES:
        locale = Locale(SOURCE_LANGUAGE)
    if locale.language == SOURCE_LANGUAGE and not locale.territory:
        return Locale(SOURCE_LANGUAGE, at_home)
    return locale


@lru_cache
def words(language: str) -> tuple[Words, HtmlWords]:
    """Return the translators of *language*, for text and for HTML."""
    sentences = {} if language == SOURCE_LANGUAGE else catalogue(language)
    return Words(sentences), HtmlWords(sentences)


def catalogue(language: str) -> dict[str, str]:
    """Read the translations of *language*; those marked fuzzy are not used."""
    with (TEMPLATES / "locale" / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language)
    return {
        str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string and not entry.fuzzy
    }


@lru_cache(maxsize=4096)
def long_date(day: date, locale: Locale) -> str:
    """Return *day* with its month in words: ``5 March 2026``."""
    return format_date(day, "long", locale)


@lru_cache(maxsize=4096)
def moment(instant: datetime, zone: tzinfo, locale: Locale) -> str:
    """Return *instant* as date, time and zone: ``5 March 2026, 14:35 CET``."""
    local = instant.astimezone(zone)
    return f"{long_date(local.date(), locale)}, {format_time(local, 'short', locale=locale)} {local.tzname()}"


@lru_cache(maxsize=4096)
def number(value: int, locale: Locale) -> str:
    """Return *value* with the locale's digits and grouping."""
    return format_decimal(value, locale=locale)


def money(amount: Decimal, currency: str, locale: Locale) -> str:
    """Return *amount* as the locale writes it: ``€12.00``."""
    return format_currency(amount, currency, locale=locale)
