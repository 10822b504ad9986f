"""
The languages of the pages, and their negotiation.

The browser stores no choice: the address holds the language, and every link keeps it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from babel import Locale

from shared.pages.translation import SOURCE_LANGUAGE, Catalogues

TEMPLATES = Path(__file__).parents[1] / "templates"
CATALOGUES = Catalogues(TEMPLATES / "locale")
LANGUAGES = CATALOGUES.languages


def _own_name(language: str) -> str:
    name = str(Locale(language).get_language_name(language))
    return name[0].upper() + name[1:]


NAMES: Mapping[str, str] = MappingProxyType({one: _own_name(one) for one in LANGUAGES})
"""Language → its name for itself."""
TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
WANTED = re.compile(rf"\s*({TAG.pattern}|\*)\s*(?:;\s*q=([01](?:\.[0-9]{{0,3}})?)\s*)?", re.IGNORECASE)
MOST_WANTED = 20
"""Languages of a header that are read; browsers send a handful."""


def negotiated(chosen: str, accepted: str, ours: str) -> str:
    """
    Return the tag of the language for a page: one with translations.

    Args:
        chosen: The language in the address.
        accepted: The header ``Accept-Language`` (RFC 9110, section 12.5.4).
        ours: The company's language, for neither of them supported.
    """
    return next(filter(is_spoken, (chosen, *_by_preference(accepted), ours)), SOURCE_LANGUAGE)


def is_spoken(tag: str) -> bool:
    """Return whether pages have translations for the language *tag*."""
    return bool(TAG.fullmatch(tag)) and re.split("[-_]", tag)[0].lower() in LANGUAGES


def _by_preference(accepted: str) -> Iterator[str]:
    wanted = [found for one in accepted.split(",")[:MOST_WANTED] if (found := WANTED.fullmatch(one))]
    weighed = [(float(found[2] or 1), found[1]) for found in wanted]
    yield from (tag for weight, tag in sorted(weighed, key=lambda one: -one[0]) if weight > 0)
