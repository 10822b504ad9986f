"""
Words, dates and numbers in a person's language.

English is written where it is used, in templates and modules; every other language is a gettext catalogue.
One source per sentence: a language can lack a translation, which a test finds, but nothing that law demands.

A regional catalogue (``pt_BR.po``) holds the sentences that differ from those of its language (``pt.po``).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_decimal_symbol, get_group_symbol
from markupsafe import Markup, escape

SOURCE_LANGUAGE = "en"
PLAIN_NUMBER = re.compile(r"[0-9,]+(\.[0-9]+)?")
"""A number as Python writes it, which differs from how the locales do in its marks alone."""
FIRST = re.compile(r"\b1\b")
FRENCH_SPACE = re.compile(r"(?<=«) | (?=[:;?!»])")
"""A space of French that no line may break at."""
BEFORE_MARK = re.compile(r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}](?=[;?!])")
"""A space that French has in France, and not in Canada."""
AT_HOME = "GB"
"""Country of English without a stated one: dates differ."""
FOUR_DIGITS = frozenset({"es", "it", "pt_PT"})
"""Locales that write a number of four digits without a mark (CLDR 48, ``minimumGroupingDigits`` 2)."""
LEAST_GROUPED = 10_000
"""The first number that they group."""
ENGLISH = frozenset({"CA", "GB", "IN", "SG", "US"})
"""Countries with their own dates in English."""
COUNTRIES = ENGLISH | {"BR"}
"""Countries that matter to the choice of words: those of :data:`ENGLISH`, and of regional catalogues."""


def mark(sentence: str) -> str:
    """Return *sentence* as it is; marks it for translation where it is a value, to be translated later."""
    return sentence


@dataclass(frozen=True)
class Words:
    """Says things in one language, for one part of the world."""

    locale: Locale
    zone: tzinfo = UTC
    sentences: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """English sentence → the same in this language."""
    region: str = ""
    """Country of the regional catalogue; empty for the catalogue of the language."""

    @property
    def language(self) -> str:
        """Tag of the language, for the ``lang`` of a page: ``pt``, and ``pt-BR`` in a regional catalogue."""
        return f"{self.locale.language}-{self.region}" if self.region else str(self.locale.language)

    @cached_property
    def _marks(self) -> Mapping[int, str] | None:
        return _marks(self.locale)

    @cached_property
    def _day(self) -> Callable[[date], str]:
        return _days(self.locale)

    def say(self, sentence: str, /, **values: object) -> str:
        """Return *sentence* translated as plain text, with *values* put where ``%(name)s`` marks."""
        return self.sentences.get(sentence, sentence) % values

    def markup(self, sentence: str, /, **values: object) -> Markup:
        """Return *sentence* translated as HTML: sentences are ours and trusted, values are escaped."""
        escaped = {name: escape(value) for name, value in values.items()}
        return Markup(self.say(sentence, **escaped))  # noqa: S704 - see above

    def number(self, value: float | Decimal) -> str:
        """Return *value* with the digits and grouping of the locale, all decimal places kept."""
        marks, grouped = self._marks, not self._joins(value)
        plain = format(value, "," if grouped else "").removesuffix("" if isinstance(value, Decimal) else ".0")
        if marks is not None and PLAIN_NUMBER.fullmatch(plain):  # a page has thousands of them
            return plain.translate(marks) if marks else plain
        places = -int(value.as_tuple().exponent) if isinstance(value, Decimal) and value.is_finite() else 0
        pattern = f"#,##0.{'0' * places}" if places > 0 else None
        return format_decimal(
            value, pattern, locale=self.locale, decimal_quantization=False, group_separator=grouped
        )

    def _joins(self, value: float | Decimal) -> bool:
        return self._joins_four and -LEAST_GROUPED < value < LEAST_GROUPED

    @cached_property
    def _joins_four(self) -> bool:
        return _joins_four(self.locale)

    def day(self, value: date) -> str:
        """Return *value* with its month in words: ``5 March 2026``."""
        return self._day(value)

    def weekday(self, value: date) -> str:
        """Return *value* with its day of the week, too: ``Thursday 5 March 2026``."""
        return _full_date(value, self.locale)

    def together(self, values: Sequence[str]) -> str:
        """Return *values* as a list in a sentence: ``a, b and c``."""
        return format_list(values, locale=self.locale)

    def moment(self, value: datetime) -> str:
        """Return the aware time *value* as date, time and zone: ``5 March 2026, 14:35 CET``."""
        return _moment(value, self.zone, self.locale)

    def money(self, amount: Decimal, currency: str) -> str:
        """Return *amount* as the locale writes it: ``€12.00``."""
        return format_currency(amount, currency, locale=self.locale, group_separator=not self._joins(amount))


class Catalogues:
    """The languages that something is said in: English, and one catalogue for each other."""

    def __init__(self, folder: Path) -> None:
        """Read ``<language>.po`` and ``<language>_<country>.po`` in *folder*."""
        self._folder = folder
        names = sorted(path.stem for path in folder.glob("*.po"))
        self.languages = (SOURCE_LANGUAGE, *(name for name in names if "_" not in name))
        self.regional = tuple(name.replace("_", "-") for name in names if "_" in name)
        self.sentences = lru_cache(self._sentences)
        self.nearest = lru_cache(maxsize=512)(self._nearest)
        self.words = lru_cache(maxsize=512)(self._words)

    def _words(self, wanted: str, zone: tzinfo = UTC, *, at_home: str = AT_HOME) -> Words:
        """Return the words of the language nearest to *wanted*; see :meth:`nearest`."""
        locale = self.nearest(wanted, at_home=at_home)
        tag = f"{locale.language}-{locale.territory}"
        if tag in self.regional:
            return Words(locale, zone, self.sentences(tag), str(locale.territory))
        return Words(locale, zone, self.sentences(str(locale.language)))

    def _nearest(self, wanted: str, *, at_home: str = AT_HOME) -> Locale:
        """
        Return the locale nearest to *wanted* (``de``, ``de-AT``, ``de_AT``, or any text), else English.

        *at_home*: country of English, and of a language with regional catalogues, where the tag names none.
        """
        locale = _parsed(wanted.replace("-", "_"))
        if locale.language not in self.languages:
            locale = Locale(SOURCE_LANGUAGE)
        if locale.territory:
            return locale
        if locale.language == SOURCE_LANGUAGE:
            return Locale(SOURCE_LANGUAGE, at_home if at_home in ENGLISH else AT_HOME)
        if f"{locale.language}-{at_home}" in self.regional:
            return Locale(locale.language, at_home)
        return Locale("pt", "PT") if locale.language == "pt" else locale  # plain ``pt`` is Brazil's in CLDR

    def _sentences(self, language: str) -> Mapping[str, str]:
        """Read the translations into *language*; a region inherits, and those marked fuzzy are not used."""
        if language == SOURCE_LANGUAGE:
            return {}
        name, general = language.replace("-", "_"), language.partition("-")[0]
        with (self._folder / f"{name}.po").open("rb") as file:
            entries = read_po(file, locale=name)
        said = (entry for entry in entries if entry.id and entry.string and not entry.fuzzy)
        inherited = self.sentences(general) if general != language else {}
        sentences = {**inherited, **{str(entry.id): str(entry.string) for entry in said}}
        return {english: spaced(one, language) for english, one in sentences.items()}


def spaced(sentence: str, tag: str) -> str:
    """Return *sentence* with the spaces of French beside punctuation marks, if *tag* is French."""
    if not tag.startswith("fr"):
        return sentence
    without = BEFORE_MARK.sub("", sentence) if tag == "fr-CA" else sentence
    return FRENCH_SPACE.sub("\N{NO-BREAK SPACE}", without)


def home_of(places: Iterable[str]) -> str:
    """Return the first country of *places* (``BR``, ``CA-QC``) in :data:`COUNTRIES`, else the default."""
    countries = (place.partition("-")[0] for place in places)
    return next((country for country in countries if country in COUNTRIES), AT_HOME)


def _parsed(tag: str) -> Locale:
    """Return the locale of *tag*: its language, where that is not spoken in the country that it names."""
    for wanted in (tag, tag.partition("_")[0]):
        try:
            return Locale.parse(wanted)
        except (ValueError, TypeError, UnknownLocaleError):
            continue
    return Locale(SOURCE_LANGUAGE)


@lru_cache
def _marks(locale: Locale) -> Mapping[int, str] | None:
    """Return the locale's substitutes for Python's marks in a number; None where it groups otherwise."""
    group, decimal = get_group_symbol(locale), get_decimal_symbol(locale)
    if format_decimal(1234567.5, locale=locale) != f"1{group}234{group}567{decimal}5":
        return None
    return {ord(mark): own for mark, own in ((",", group), (".", decimal)) if mark != own}


@lru_cache
def _joins_four(locale: Locale) -> bool:
    parent = get_global("parent_exceptions").get(str(locale), locale.language)
    return not FOUR_DIGITS.isdisjoint((str(locale), parent))


@lru_cache
def _days(locale: Locale) -> Callable[[date], str]:
    """Return a formatter of days: a cache for each locale, for to hash one takes longer than all else."""
    return lru_cache(maxsize=1024)(lambda day: _ordinal(format_date(day, "long", locale), day, locale))


@lru_cache(maxsize=4096)
def _full_date(day: date, locale: Locale) -> str:
    return _ordinal(format_date(day, "full", locale), day, locale)


def _ordinal(words: str, day: date, locale: Locale) -> str:
    """Return *words* of *day* as French has them, where the first of a month alone is an ordinal number."""
    first = locale.language == "fr" and day.day == 1
    return FIRST.sub("1er", words, count=1) if first else words


@lru_cache(maxsize=4096)
def _moment(instant: datetime, zone: tzinfo, locale: Locale) -> str:
    local = instant.astimezone(zone)
    time = f"{format_time(local, 'short', locale=locale)} {local.tzname()}"
    return str(locale.datetime_formats["long"]).format(time, _days(locale)(local.date()))
