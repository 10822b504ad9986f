"""
The residence and language in records. Pure.

Source: names, codes and languages of countries are CLDR's (Unicode's Common Locale Data Repository), from
Babel. The parts of countries with own laws are in :mod:`shared.law.places`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages

from shared.law.places import SUBDIVISIONS, countries, folded
from shared.matching.postcodes import PATTERNS

WRITTEN_IN = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "zh", "ja", "ko")
"""Languages in which records name countries, besides each country's own."""
PARTS: Mapping[str, str] = {
    "CA-QC": "fr",  # Charter of the French Language, s. 1
    "CH-FR": "fr", "CH-GE": "fr", "CH-JU": "fr", "CH-NE": "fr", "CH-VD": "fr", "CH-VS": "fr",
    "CH-TI": "it",
    "BE-WAL": "fr", "BE-BRU": "fr",
}  # fmt: skip
"""
Parts of countries with another main language than the whole.

Source: Federal Statistical Office of Switzerland, languages by canton; Belgian Constitution, Art. 4.
"""
SHORT = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?")
_CODE = re.compile(r"[A-Z]{2}")
_PART = re.compile(r"([A-Z]{2})-([A-Z0-9]{1,3})")
_COMMON = {"england": "GB", "scotland": "GB", "wales": "GB", "great britain": "GB"}
"""Common names that no table of countries has."""


def place_of(country: str, part: str = "", postcode: str = "") -> str | None:
    """
    Return the place that a record names: ``DE``, ``US-CA``; None without one.

    *country* and its *part*, say a state, are codes or names, in any of many languages. With a state, the
    *postcode* identifies a country that the record does not name.
    """
    whole = _PART.fullmatch(part.strip().upper())
    code = _country(country) or (whole[1] if whole and whole[1] in _known() else None)
    if code is None:
        return None if country.strip() else _state_of(part, postcode.strip())
    if whole and whole[1] == code:
        return whole[0]
    return _parts(code).get(folded_name(part), code)


def _state_of(part: str, postcode: str) -> str | None:
    """Return the state of the USA or the province of Canada that *part* and *postcode* agree on."""
    state, province = (_parts(country).get(folded_name(part)) for country in ("US", "CA"))
    if state and PATTERNS["US"].fullmatch(f"{state.removeprefix('US-')} {postcode}"):
        return state
    return province if province and PATTERNS["CA"].fullmatch(postcode) else None


def language_of(text: str) -> str | None:
    """Return the language that a record names, by its code or its name; None without one."""
    written = text.strip()
    short = SHORT.fullmatch(written)
    if short and short[1].lower() in Locale("en").languages:
        return short[1].lower()
    return _languages().get(folded_name(written))


@lru_cache(maxsize=1_024)
def main_language(place: str | None) -> str | None:
    """Return the main language at *place*."""
    if place is None:
        return None
    if place in PARTS:
        return PARTS[place]
    spoken = get_official_languages(place[:2], de_facto=True)
    return str(spoken[0]).partition("_")[0] if spoken else None


@lru_cache(maxsize=4_096)
def _country(text: str) -> str | None:
    written = text.strip()
    if _CODE.fullmatch(written.upper()) and written.upper() in _known():
        return written.upper()
    aliases = get_global("territory_aliases").get(written.upper().replace(".", ""), ())
    if len(aliases) == 1 and aliases[0] in _known():
        return str(aliases[0])
    return _named().get(folded_name(written))


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(countries(Locale("en")))


@lru_cache(maxsize=1)
def _named() -> Mapping[str, str]:
    """Return the countries by their names, without names that are ambiguous between languages."""
    found: dict[str, set[str]] = {}
    for language in WRITTEN_IN:
        for code, name in countries(Locale(language)).items():
            found.setdefault(folded_name(name), set()).add(code)
    for code in _known():
        for spoken in get_official_languages(code, de_facto=True):
            if at_home := _locale(str(spoken)).territories.get(code):
                found.setdefault(folded_name(at_home), set()).add(code)
    return {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1} | _COMMON


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=32)
def _parts(country: str) -> Mapping[str, str]:
    """Return the parts of *country* by their folded codes and names."""
    listed = SUBDIVISIONS.get(country, {})
    codes = {folded_name(code.partition("-")[2]): code for code in listed}
    return {**codes, **{folded_name(name): code for code, name in listed.items()}}


@lru_cache(maxsize=1)
def _languages() -> Mapping[str, str]:
    names = [(code, Locale(language).languages.get(code)) for language in WRITTEN_IN for code in WRITTEN_IN]
    return {folded_name(name): code for code, name in names if name}


def folded_name(name: str) -> str:
    """Return *name* in comparable form: no case, no accents, no dots."""
    return " ".join(folded(name).replace(".", " ").split())
