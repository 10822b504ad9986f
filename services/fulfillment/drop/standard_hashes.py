"""
Standardises and hashes identifiers as California's DROP does. Pure.

A hash is the Base64 of the SHA-256 of the standardised value in UTF-8; a composite one is that of the Base64
of its parts, one after the other. Where a stored value may mean several (a date with two readings, a Cyrillic
name with several transliterations), each of them is hashed: the state does not publish its choice.

Source: DROP technical specifications, "Working with the data", 1.2.0; ``/data/download`` of the Data Broker
API 1.2.0. Their examples are in ``tests/unit/fulfillment/test_drop_hashing.py``.
"""
# ruff: noqa: RUF001 - tables of letters that look like Latin ones

import base64
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import product
from typing import Any

from shared.matching import read_dates
from shared.matching.characters import scripts
from shared.matching.transliteration import GREEK, spellings

PHONE_DIGITS = 10
ZIP_CHARACTERS = 5
ZIP_PLUS_FOUR = 9
MOST_CHARACTERS = 300
"""Most characters of an identifier."""
_MAID = re.compile(r"[0-9a-f]{32}")
_VIN = re.compile(r"[0-9a-z]{17}")
_CTV_ID = re.compile(r"[0-9a-z]{8,32}")
_PLUS_FOUR = re.compile(r"-\s*[0-9]{4}\s*$")
_FRACTION = re.compile(r"^([0-9]+)\.0$")
_EXTENSION = re.compile(r"\s*(?:[;,]\s*)?(?:e?xt(?:ension)?|x|#)[\s.:=#]*[0-9]{1,7}\s*$", re.IGNORECASE)
_COMPACT_DATE = re.compile(r"\s*([0-9]{4})([0-9]{2})([0-9]{2})\s*")
_TRANSLITERATED = frozenset({"CYRILLIC", "GREEK"})

_CYRILLIC = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i",
        "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
        "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y",
        "ь": "", "э": "e", "ю": "yu", "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u",
        "ђ": "dj", "ѓ": "gj", "ѕ": "dz", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "ќ": "kj", "џ": "dz",
    }
)  # fmt: skip
_LATIN = str.maketrans(
    {
        "æ": "ae", "ð": "d", "ø": "o", "þ": "th", "đ": "d", "ħ": "h", "ı": "i", "ĳ": "ij", "ĸ": "k", "ł": "l",
        "ŀ": "l", "ŋ": "n", "œ": "oe", "ß": "ss", "ŧ": "t", "ə": "e",
    }
)  # fmt: skip
"""Letters of Latin alphabets that are not a plain one with marks."""
_BARE = {**_CYRILLIC, **GREEK, **_LATIN}
"""Letters left after the removal of marks; some Cyrillic ones have no table entry."""


def hashed(value: str) -> str:
    """Return the hash of a standardised *value*: 44 characters of Base64."""
    return base64.b64encode(sha256(value.encode()).digest()).decode()


def composed(*hashes: str) -> str:
    """Return the hash of several fields, from the *hashes* of each."""
    return hashed("".join(hashes))


def email(value: Any) -> tuple[str, ...]:
    """Return a mail address without blanks, in small letters; dots and a part after a plus sign stay."""
    return _one("".join(str(value).split()).lower()) if "@" in str(value) else ()


def phone(value: Any) -> tuple[str, ...]:
    """Return the last ten digits of a telephone number, without its extension."""
    return _one(_digits(_EXTENSION.sub("", _written(value)))[-PHONE_DIGITS:])


def birth(value: Any) -> tuple[str, ...]:
    """Return a date of birth as ``YYYYMMDD``; each day that it may mean."""
    if isinstance(value, date):  # a moment is a date, too
        return (f"{value:%Y%m%d}".zfill(8),)
    compact = _COMPACT_DATE.fullmatch(str(value))
    text = "-".join(compact.groups()) if compact else str(value)
    try:
        return (f"{datetime.fromisoformat(text).date():%Y%m%d}".zfill(8),)
    except ValueError:
        return tuple(f"{day:%Y%m%d}".zfill(8) for day in read_dates(text[:MOST_CHARACTERS]))


def zip_code(value: Any) -> tuple[str, ...]:
    """Return a ZIP code without its last four digits and leading zeros; five characters at most."""
    text = _written(value)
    if not isinstance(value, str) and len(text) == ZIP_PLUS_FOUR - 1:
        text = f"0{text}"  # a number has lost it
    plain = _alphanumeric(_PLUS_FOUR.sub("", text).lower())
    if len(plain) == ZIP_PLUS_FOUR and plain.isdigit():
        plain = plain[:ZIP_CHARACTERS]
    return _one(plain.lstrip("0")[:ZIP_CHARACTERS])


def name(value: Any) -> tuple[str, ...]:
    """
    Return a first or a last name in small letters a to z, and digits; other scripts stay as they are.

    The first result maps the letters one by one; for Greek and Cyrillic names the usual transliterations
    follow, as in documents.
    """
    return _name(str(value)[:MOST_CHARACTERS])


def advertising_id(value: Any) -> tuple[str, ...]:
    """Return the advertising identifier of a telephone: 32 digits, base sixteen."""
    return _plain_if_valid(value, _MAID)


def vehicle(value: Any) -> tuple[str, ...]:
    """Return the identification number of a vehicle: 17 letters and digits."""
    return _plain_if_valid(value, _VIN)


def television(value: Any) -> tuple[str, ...]:
    """Return the identifier of a television set: 8 to 32 letters and digits."""
    return _plain_if_valid(value, _CTV_ID)


def _plain_if_valid(value: Any, form: re.Pattern[str]) -> tuple[str, ...]:
    plain = _alphanumeric(str(value).lower())
    return (plain,) if form.fullmatch(plain) else ()


def together(parts: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the hash of every combination of one standardised value from each of *parts*, in their order."""
    return (composed(*map(hashed, some)) for some in product(*parts))


@lru_cache(maxsize=65_536)
def _name(text: str) -> tuple[str, ...]:
    whole = unicodedata.normalize("NFKC", text).lower()
    first = _folded(whole.translate(_CYRILLIC))
    others = spellings("".join(whole.split())) if _TRANSLITERATED & scripts(whole) else ()
    return tuple(dict.fromkeys(one for one in (first, *map(_folded, others)) if one))


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(one for one in apart if not unicodedata.combining(one))
    return _alphanumeric(unicodedata.normalize("NFC", bare.translate(_BARE)))


def _alphanumeric(text: str) -> str:
    return "".join(one for one in text if one.isalnum())


def _written(value: Any) -> str:
    """Return *value* as text in plain digits; a whole number without the decimals of spreadsheets."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _FRACTION.sub(r"\1", unicodedata.normalize("NFKC", str(value)))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(one)) for one in text if one.isdecimal())


def _one(value: str) -> tuple[str, ...]:
    return (value,) if value else ()
