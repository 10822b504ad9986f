"""
Names of collections, fields, categories and times on pages, in words where possible.

The catalogues of the languages are in ``templates/locale``. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import lru_cache
from pathlib import Path

from babel.units import format_unit

from services.fulfillment.datamap.model import (
    FROM_ERASURE,
    Collection,
    DataMap,
    MappedField,
    RetentionPeriod,
    localized_map,
)
from services.fulfillment.package.redaction import RedactedKind
from shared.contract.events import RequestSubmitted
from shared.labels import default_of
from shared.law import Policy, Regulation
from shared.pages.categories import called
from shared.pages.translation import SOURCE_LANGUAGE, Catalogues, Words
from shared.pages.translation import mark as _
from shared.runtime.mongo import utc

LONGEST_TITLE = 70
"""Longest description that is used as a heading; a longer one stands below it."""

PLACEHOLDERS: Mapping[RedactedKind, str] = {
    RedactedKind.EMAIL: _("[email address of another person]"),
    RedactedKind.PHONE: _("[phone number of another person]"),
    RedactedKind.NAME: _("[name of another person]"),
    RedactedKind.ACCOUNT: _("[number of an account or card]"),
}
"""Text in place of blacked out data."""
BLACKED_OUT: Mapping[RedactedKind, str] = {
    RedactedKind.EMAIL: _("Email addresses of other people"),
    RedactedKind.PHONE: _("Phone numbers of other people"),
    RedactedKind.NAME: _("Names of other people"),
    RedactedKind.ACCOUNT: _("Numbers of accounts and cards"),
}


def statutory(key: str, law: Policy | None, words: Words) -> str:
    """
    Return the name of the category *key* in *law*; empty where it names none.

    Law:
        Cal. Civ. Code § 1798.130(c): the categories are named as § 1798.140(v)(1) and (ae) name them.
    """
    return words.say(law.category_name(key)) if law is not None and law.category_names else ""


def category(key: str, words: Words, names: Mapping[str, str]) -> str:
    """Return the name of the category *key*; for one of the map, that in its *names*, else its last part."""
    return called(key, words.language) or names.get(key) or spelt(key.rpartition(".")[2])


def withheld(collection: Collection, field: MappedField, words: Words) -> str:
    """Return the description of the data in *field* with particularity, as 11 CCR § 7024(d) demands."""
    named = field.guarded_categories
    return category(named[0], words, collection.category_names) if named else called_in_map(field)


def field_label(collection: Collection, path: str) -> str:
    """Return the name of the field at *path*: of the map, else of the path."""
    field = collection.by_path.get(path)
    return spelt(path.rpartition(".")[2]) if field is None else called_in_map(field)


def cited(collection: Collection, because: str) -> str:
    """Return the provision *because* of a row in the language of *collection*."""
    rule, basis = collection.retention, collection.facts.legal_basis
    stated = (basis or "", "" if rule is None else rule.because)
    return next((one for one in stated if default_of(one) == because), because)


def called_in_map(field: MappedField) -> str:
    """Return the name of *field* for people."""
    return field.label or spelt(field.path.rpartition(".")[2])


def map_in(data_map: DataMap, locale: str) -> DataMap:
    """Return *data_map* with its texts in the language that a reader of *locale* is answered in."""
    return localized_map(data_map, str(words(locale).locale))


def storage(collection: Collection, words: Words) -> str:
    """Return how long records of *collection* are kept, or the rule for it (GDPR Art. 15(1)(d), 5(1)(e))."""
    retention, stated = collection.retention, collection.facts.storage
    if retention is None:
        return stated or words.say("For as long as the purpose named above requires it.")
    lasts = period(retention.keep, words)
    start = field_label(collection, retention.start)
    if retention.start == FROM_ERASURE:
        said = words.say("%(period)s from the day of an erasure", period=lasts)
    elif retention.year_end:
        said = words.say("%(period)s from the end of the year of “%(field)s”", period=lasts, field=start)
    else:
        said = words.say("%(period)s, counted from “%(field)s”", period=lasts, field=start)
    return " ".join(filter(None, (stated, f"{said} ({retention.because})")))


def period(length: RetentionPeriod, words: Words) -> str:
    """Return *length* in words: ``10 years``."""
    counts = {"duration-year": length.years, "duration-month": length.months, "duration-day": length.days}
    units = [(n, unit, format_unit(n, unit, locale=words.locale)) for unit, n in counts.items() if n]
    # Where the long form equals the short one, CLDR leaves it out; Babel then returns the code of the unit.
    return ", ".join(
        said if unit not in said else format_unit(n, unit, "short", locale=words.locale)
        for n, unit, said in units
    )


@lru_cache(maxsize=1_024)
def title(collection: Collection) -> str:
    """Return a heading for *collection*: the controller's description, if short, else its name."""
    said = (collection.description or "").strip().removesuffix(".")
    return said if said and len(said) <= LONGEST_TITLE and "\n" not in said else spelt(collection.name)


def spelt(name: str) -> str:
    """Return a technical *name* as words: ``billedTo``, ``billed_to`` give ``Billed to``."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").split()
    plain = " ".join(part if part.isupper() else part.lower() for part in parts)
    return plain[:1].upper() + plain[1:] or name


TEMPLATES = Path(__file__).parent / "templates"
CATALOGUES = Catalogues(TEMPLATES / "locale")
LANGUAGES = CATALOGUES.languages
words = CATALOGUES.words
INVOKED: Mapping[Regulation, str] = {
    Regulation.LGPD: "BR",
    Regulation.PIPEDA: "CA",
    Regulation.QUEBEC: "CA",
}
"""Countries of the laws with a regional catalogue, for a request that names the law and no residence."""


def locale_of(submitted: RequestSubmitted) -> str:
    """Return the locale of a request, with the country of the residence or law where its tag names none."""
    stated = submitted.residence.country if submitted.residence else None
    country = stated or INVOKED.get(submitted.regulation or Regulation.GDPR, "")
    return str(CATALOGUES.nearest(submitted.locale or SOURCE_LANGUAGE, at_home=country))


def stored_moment(value: datetime, words: Words) -> str:
    """Return the aware *value* as date, time and zone; bare dates, which are midnights in UTC, as a date."""
    at = value if value.tzinfo is utc else value.astimezone(UTC)
    if at.time() == time():
        return words.day(at.date())
    try:
        return words.moment(value)
    except OverflowError:  # in the first or last hours of the calendar
        return replace(words, zone=UTC).moment(at)
