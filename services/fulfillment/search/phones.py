"""
Telephone numbers in their many notations. Pure.

Numbers are compared by the digits that are dialled, with a plus sign before a country code. A number with a
country code is the same anywhere; without one it is the same only in its own country.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from services.fulfillment.search.forms import text_of

LEAST_DIGITS = 5
MOST_DIGITS = 20
LONGEST = 40
"""Most characters of a written number."""
LEAST_NATIONAL_DIGITS = 7
"""Fewer digits are an extension, or a short code."""
_WRITTEN = re.compile(r"(?:tel:)?[\s(]*(\+)?([0-9\s().·/\-\u2010-\u2014]+)", re.IGNORECASE)
TRUNK = "0"
"""Trunk prefixes: dialled in many countries before a number of the same country."""


def canonical(value: Any) -> str | None:
    """
    Return the digits of a telephone number, with a plus sign before those that begin with a country code.

    The zero between country code and number, which is dialled within the country alone, is left out. None for
    other texts, or more than one number.
    """
    text = text_of(value)
    return None if text is None or len(text) > LONGEST else _canonical(text)


@lru_cache(maxsize=4_096)
def _canonical(text: str) -> str | None:
    written = _WRITTEN.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if written is None:
        return None
    digits = re.sub(r"[^0-9]", "", written[2])
    if not LEAST_DIGITS <= len(digits) <= MOST_DIGITS:
        return None
    if not written[1] and not digits.startswith("00"):
        return digits
    international = f"+{digits.removeprefix('00')}"
    number = _parsed(international, None)
    return international if number is None else _e164(number)


def international(text: str, region: str | None) -> str | None:
    """Return *text* as it is dialled from abroad; None if that is unknown. *region* is its country."""
    dialled = canonical(text)
    if dialled is None or dialled.startswith("+"):
        return dialled
    number = _parsed(dialled, region) if region else None
    return _e164(number) if number is not None and phonenumbers.is_possible_number(number) else None


def of_number(digits: str, region: str | None) -> str | None:
    """Return the telephone number *digits*, stored as a number, as it is dialled from abroad."""
    # A number has no plus sign, so they begin with a country code, unless they are dialled in *region*.
    abroad = _parsed(f"+{digits}", None) if digits.isdigit() else None
    at_home = _parsed(digits, region) if digits.isdigit() and region else None
    both = abroad is not None and at_home is not None and abroad.country_code == at_home.country_code
    if at_home is not None and not both and phonenumbers.is_valid_number(at_home):
        return _e164(at_home)
    if abroad is not None and phonenumbers.is_valid_number(abroad):
        return _e164(abroad)
    return international(digits, region)


def region_of(text: str) -> str | None:
    """Return the country of a number with a country code; None without one."""
    number = _number_with_country_code(text)
    code = None if number is None else number.country_code
    return None if code is None else phonenumbers.region_code_for_country_code(code)


def national(text: str, region: str) -> str | None:
    """Return the digits by which *text*, a number with country code, is dialled in *region*, its country."""
    # None where it is abroad. A number that is dialled with a leading zero at home is not looked for
    # without it: the rest is a local number within one town.
    number = _number_with_country_code(text)
    if number is None or number.country_code != phonenumbers.country_code_for_region(region):
        return None
    digits = _at_home(number)
    long_enough = len(digits) >= LEAST_NATIONAL_DIGITS and phonenumbers.is_possible_number(number)
    return digits if long_enough else None


def _number_with_country_code(text: str) -> PhoneNumber | None:
    """Return the number *text* if it has a country code."""
    dialled = canonical(text)
    return _parsed(dialled, None) if dialled is not None and dialled.startswith("+") else None


def _at_home(number: PhoneNumber) -> str:
    """Return the digits that are dialled in the same country."""
    return re.sub(r"[^0-9]", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))


def integers(dialled: str) -> Iterator[int]:
    """Yield the number that a database holds in place of the digits *dialled*."""
    if dialled.isdigit() and not dialled.startswith("0"):
        yield int(dialled)


def longhand(dialled: str) -> Sequence[str]:
    """Return the digits *dialled* as a pattern must find them, with their alternatives."""
    if not dialled.startswith("+"):
        return (dialled,)
    number = _parsed(dialled, None)
    digits = dialled.removeprefix("+")
    trunk = []
    if number is not None and _at_home(number).startswith(TRUNK):
        code = str(number.country_code)
        trunk = [f"{code}{TRUNK}{digits.removeprefix(code)}"]
    return [lead + rest for rest in (digits, *trunk) for lead in ("", "00")]


def _parsed(dialled: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(dialled, region)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
