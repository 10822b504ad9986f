"""
Detects the personal data in a field by its name and its values. Pure.

Neither is enough. ``contact`` may hold an address or a number, and an order number may look like a
telephone's; so a name counts unless the values contradict it, and values without a name count only with a
check digit or a unique form.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.fulfillment.drafting.forms import FORMS, ValueForm, is_shaped_like_name
from services.fulfillment.drafting.vocabulary import ABOUT, AMBIGUOUS, MEANINGS, PERSON_WORDS, runs, words_of
from shared.runtime.mongo import Decimal128, ObjectId

TEXT = "user.content.private"
_OF_THINGS = frozenset(["description", "descriptions", "desc", "summary", "beschreibung", "descripcion"])
"""Last words of names of long texts that are about things: products, roles, films."""
LEAST = 0.3
"""Detections with less confidence are left out."""
MOST_VALUES = 200
"""More values do not raise the confidence."""
MOSTLY = 0.5
NAMES_AT_LEAST = 0.7
"""The share of full names in a field of names."""
HARDLY = 0.2
POINT = 2
"""Numbers that make a place."""

CLEAR, ENDING, PART, HALF, WEAK = 0.85, 0.7, 0.65, 0.5, 0.4
"""Confidence by the match of a name: equal, ends with it, last word, ambiguous, inside."""
CONFIRMED = 0.6
"""Added by values of the right form to a fitting name, where the form alone would mean nothing."""
SUREST = 0.99
UNSEEN = 0.8


@dataclass(frozen=True, slots=True)
class Detected:
    """One category of personal data that a field seems to hold."""

    category: str
    confidence: float
    """From 0 to 1."""
    why: str
    """Contains no value."""


def categories_of(name: str, values: Sequence[Any]) -> tuple[Detected, ...]:
    """
    Return the categories of personal data in a field, the likeliest first.

    Args:
        name: Its dotted path; the last names mean most.
        values: Some of its values, as MongoDB gives them; an array stands for its elements.
    """
    given = [value for value in _single(values) if value is not None and value != ""][:MOST_VALUES]
    named = _by_name(name)
    shown = _by_values(given, named)
    if _OF_THINGS.intersection(words_of(name)[-1:]) and TEXT not in named:
        shown.pop(TEXT, None)
    found = [
        _weighed(category, named.get(category, 0.0), shown.get(category, _NOTHING), given)
        for category in dict.fromkeys((*named, *shown))
    ]
    return tuple(sorted((one for one in found if one.confidence >= LEAST), key=lambda one: -one.confidence))


TEXT = "user.content.private"
_OF_ANYTHING = frozenset({"about", "asunto", "betreff", "body", "content", "subject", "text"})
_WRITTEN = frozenset(word for word, category in MEANINGS.items() if category == TEXT) - _OF_ANYTHING
"""Names of texts that people write, wherever they stand: notes, reviews, messages."""
_REFERRING = PERSON_WORDS - {"account", "by"}


def is_about_thing(path: str, found: Detected) -> bool:
    """Return whether *found* at *path* is a text about a thing, in a collection that names no people."""
    return found.category == TEXT and _WRITTEN.isdisjoint(words_of(path.rpartition(".")[2]))


def refers_to_people(path: str) -> bool:
    """Return whether a name on *path* is that of people by their role: ``customer_id``."""
    return not _REFERRING.isdisjoint(words_of(path))


def _single(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if not isinstance(value, list | tuple):
            yield value
        elif len(value) == POINT and all(isinstance(part, float) for part in value):
            yield tuple(value)
        else:
            yield from _single(value)


# --- names --------------------------------------------------------------------------------------------

_ADDRESS = "user.contact.address"
_POINTING = frozenset({"id", "ids", "uuid", "fk", "ref"})
_PEOPLE = PERSON_WORDS | {"full", "display", "real", "billing", "legal"}
_UNAMBIGUOUS = MEANINGS.keys() - AMBIGUOUS
_EMPTY = frozenset({"value", "address", "number", "no", "nr", "data"})
"""Names that mean nothing without the one above them: ``phones.value``."""
_COMPOUNDS = (
    "geburtsdatum telefonnummer emailadresse strasse adresse vorname nachname telefon handynummer passwort "
    "email password phone firstname lastname surname"
)
_ENDINGS = _COMPOUNDS.split()
"""Endings of compounds: ``lieferstrasse``."""


def _by_name(name: str) -> dict[str, float]:
    """Return the categories in the name; two names on the path may form one: ``name.first``."""
    *_, above, last = ((), *(_numberless(words_of(part)) for part in name.split(".")))
    if not last or (len(last) > 1 and last[-1] in ABOUT and not _ends_with_meaning(last)):
        return {}
    named = _together(above, last) or _meanings(last)
    return named or (_meanings(above) if last[-1] in _EMPTY else {})


def _numberless(words: Sequence[str]) -> Sequence[str]:
    """Return *words* without a number at the end that means nothing: ``phone2``, ``address_1``."""
    last = words[-1] if words else ""
    if last.isdigit():
        sure = any("".join(words[start:]) in _UNAMBIGUOUS for start in range(len(words)))
        meant = any(word in MEANINGS for word, _ in runs(words[:-1]))
        return words[:-1] if meant and not sure else words  # last_4 has a meaning with its number
    bare = last.rstrip("0123456789")
    return (*words[:-1], bare) if bare in MEANINGS and last not in MEANINGS else words


def _ends_with_meaning(words: Sequence[str]) -> bool:
    """Return whether the last words together have a category: ``ship_postal_code``."""
    return any("".join(words[start:]) in MEANINGS for start in range(len(words) - 1))


def _together(above: Sequence[str], last: Sequence[str]) -> dict[str, float]:
    """Return the category that two names on the path form together: ``name.first``, ``address.city``."""
    if not above:
        return {}
    category = MEANINGS.get("".join(last), "")
    for one in (above[-1], re.sub("e?s$", "", above[-1])):
        both = (*above[:-1], one, *last)
        for word, length in runs(both):
            if word in MEANINGS and length > len(last) and "".join(both).endswith(word):
                return {MEANINGS[word]: CLEAR}
        if category.startswith(_ADDRESS) and MEANINGS.get(one, "").startswith(_ADDRESS):
            return {category: CLEAR}
    return {}


def _meanings(words: Sequence[str]) -> dict[str, float]:
    """Return the category of the longest run of *words* that has one."""
    pointing = _POINTING.intersection(words)
    for word, length in runs(words):
        if word not in MEANINGS:
            continue
        if pointing and not word.endswith(tuple(pointing)):
            return {}  # account_id points at an account; it is no account number
        return {MEANINGS[word]: _believed(word, words, whole=length == len(words))}
    joined = "".join(words)
    return next(({MEANINGS[ending]: ENDING} for ending in _ENDINGS if joined.endswith(ending)), {})


def _believed(word: str, words: Sequence[str], *, whole: bool) -> float:
    if MEANINGS[word] == "user.name" and word in AMBIGUOUS and not whole:
        # The name of a customer is a person's, that of a product is not.
        return CLEAR if _PEOPLE.intersection(words) else WEAK
    if word in AMBIGUOUS:
        return HALF if whole else PART if words[-1] == word else WEAK
    return CLEAR if whole or words[-1] in word else HALF


# --- values -------------------------------------------------------------------------------------------


class _Shown(NamedTuple):
    """The evidence of the values for a category."""

    sure: float
    why: str
    against: bool
    """Whether they contradict it."""


_NOTHING = _Shown(0.0, "", against=False)


def _by_values(values: Sequence[Any], named: Mapping[str, float]) -> dict[str, _Shown]:
    shown: dict[str, _Shown] = {}
    for form in FORMS if values else ():
        said = _said(form, values, named=form.category in named)
        before = shown.get(form.category, _NOTHING)
        if said.sure > before.sure or (said.against and not before.sure):
            shown[form.category] = said
    return shown


def _said(form: ValueForm, values: Sequence[Any], *, named: bool) -> _Shown:
    share = _share(form.fits, values)
    if form.category == "user.name" and _share(is_shaped_like_name, values) < NAMES_AT_LEAST:
        share = 0.0
    sure = (form.alone or (CONFIRMED if named and form.confirms else 0.0)) if share >= form.needed else 0.0
    against = form.required and share < form.needed / 2
    return _Shown(sure, f"{share:.0%} of {len(values)} values are {form.what}", against)


def _share(fits: Callable[[Any], bool], values: Sequence[Any]) -> float:
    return sum(map(fits, values)) / len(values) if values else 0.0


_FITTING: Mapping[str, tuple[type, ...]] = {
    "user.contact": (str,),
    "user.name": (str,),
    "user.account.username": (str,),
    "user.content.self_image": (str, bytes),
    "user.content": (str,),
    "user.device": (str, bytes, int),
    "user.demographic": (str, datetime),
    "user.demographic.gender": (str, int),
    "user.demographic.age_range": (str, int),
    "user.job_title": (str,),
    "user.authorization": (str, bytes, int),
    "user.government_id": (str, int),
    "user.financial.bank_account": (str, int),
    "user.financial.credit_card": (str, int, datetime),
    "user.financial": (str, int, float, Decimal128),
    "user.location.precise": (float, tuple, dict, str, int),
}
"""The types of values of a category, or of the nearest one above it."""
_SOMETIMES_NUMBERS = (
    "user.contact.phone_number",
    "user.contact.fax_number",
    "user.contact.address.postal_code",
)
"""Categories of text that are sometimes stored as numbers."""


def _weighed(category: str, name: float, shown: _Shown, values: Sequence[Any]) -> Detected:
    if shown.against and not shown.sure:
        return Detected(category, 0.0, shown.why)
    if values and not shown.sure and _share(lambda value: _fits(category, value), values) < MOSTLY:
        return Detected(category, 0.0, "values of another type")
    if category == "user.name" and not shown.sure:
        # A product has a name as well; a person's has at least the form.
        shaped = _share(is_shaped_like_name, values)
        full = name >= PART
        name *= 1.0 if full and shaped >= MOSTLY else 0.5 if full and values and shaped < HARDLY else 0.6
    confidence = min(1 - (1 - name) * (1 - shown.sure), SUREST)
    reasons = [reason for reason in ("its name" if name else "", shown.why if shown.sure else "") if reason]
    return Detected(category, round(confidence * (1 if values else UNSEEN), 2), "; ".join(reasons))


def _fits(category: str, value: Any) -> bool:
    if isinstance(value, bool | ObjectId):
        return category == "user.privacy_preferences" and isinstance(value, bool)
    if category in _SOMETIMES_NUMBERS and isinstance(value, int):
        return True
    above = category
    while above and above not in _FITTING:
        above = above.rpartition(".")[0]
    return isinstance(value, _FITTING.get(above, object))
