"""Finds the fields that identify a person, as entry points of a request. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from services.fulfillment.drafting.references import stem_of
from services.fulfillment.drafting.schema import CollectionOutline, Property
from services.fulfillment.drafting.vocabulary import PERSON_WORDS, words_of

EMAIL, PHONE = "user.contact.email", "user.contact.phone_number"
USERNAME = "user.account.username"
_MESSAGE = re.compile(r"(?i)(?:message|thread|mail)_?ids?$|in_?reply_?to$")
"""Identifiers of messages in mail systems, which look like addresses and are none."""
PEOPLE = PERSON_WORDS - {"account", "by"}
KEY = 0.5
"""Confidence in a key without an address or number beside it."""
LIKELY = 0.6
MOSTLY = 0.5
NAME, SURE = 0.3, 0.75
OF_ONE = 6
"""Most telephones or mailboxes of one person."""


@dataclass(frozen=True, slots=True)
class IdentityField:
    """A field that a request can be looked up by."""

    path: str
    name: str
    """``email``, ``phone_number``, or the name among the identifiers of a request."""
    confidence: float
    why: str
    unit: str | None
    """The array with one person per element."""
    together: bool = False
    """Whether all elements of its array are one person's."""


def identities(outline: CollectionOutline) -> tuple[IdentityField, ...]:
    """Return the fields of *outline* that hold one person's e-mail address or telephone number."""
    # An office's mailbox is no person's. A telephone number counts if it is stored in one piece with its
    # country, because only then it can be looked up.
    found = [identity for one in outline.properties if (identity := _identity(one)) is not None]
    return tuple(_gathered(identity, found, outline) for identity in found)


def _identity(one: Property) -> IdentityField | None:
    if one.container or _MESSAGE.search(one.path):
        return None
    for detected in one.detected:
        if detected.confidence < LIKELY:
            continue
        if detected.category == EMAIL and one.shared < MOSTLY:
            sure = round(detected.confidence * (1 - one.shared), 2)
            return IdentityField(one.path, "email", sure, detected.why, one.unit)
        if detected.category == PHONE and one.dialled >= MOSTLY:
            return IdentityField(one.path, "phone_number", detected.confidence, detected.why, one.unit)
    return None


def _gathered(
    identity: IdentityField, found: list[IdentityField], outline: CollectionOutline
) -> IdentityField:
    """Join an array of one person's own addresses or numbers: no other field names them so."""
    one = outline.by_path[identity.path]
    alone = one.array and identity.unit == identity.path and one.unique and one.most <= OF_ONE
    described = any(_is_name(other, NAME) for other in outline.properties if other.unit is None)
    named = any(other.name == identity.name and other.unit is None for other in found)
    return replace(identity, unit=None, together=True) if alone and described and not named else identity


def own_key(outline: CollectionOutline, referring: Collection[str]) -> IdentityField | None:
    """Return the key of people in a collection without their addresses and numbers."""
    # The paths *referring* hold references, and are found from there.
    whole = [one for one in outline.properties if not one.container and one.path not in referring]
    for one in whole:
        if one.category is not None and one.category.category == USERNAME and one.unique:
            why = f"{one.detected[0].why}; no two are alike"
            return IdentityField(one.path, "username", KEY, why, one.unit)
    keys = [(one, stem) for one in whole if one.family is not None and (stem := _stem(one, outline, whole))]
    if not keys:
        return None
    # People are named by a number of their own rather than by one that the database generated.
    one, stem = min(keys, key=lambda pair: pair[0].path == "_id")
    return IdentityField(one.path, f"{stem}_id", KEY, "its name is that of a person's key", one.unit)


def _stem(one: Property, outline: CollectionOutline, whole: Sequence[Property]) -> str:
    """Return the kind of person that the field is a key of, if any."""
    above, _, last = one.path.rpartition(".")
    stem, marked = stem_of(words_of(last))
    if not marked:
        return ""
    if not stem:
        stem = stem_of(words_of(above.rpartition(".")[2] or outline.name))[0]
    named = any(
        _is_name(other, SURE) and words_of(other.path.rpartition(".")[2])[:1] == stem[:1] for other in whole
    )
    singular = re.sub("s$", "", stem[-1]) if stem else ""
    return singular if singular and (named or singular in PEOPLE) else ""


def _is_name(one: Property, sure: float) -> bool:
    top = one.category
    return top is not None and top.category.startswith("user.name") and top.confidence >= sure


def beside(outline: CollectionOutline, found: Sequence[IdentityField]) -> CollectionOutline:
    """Return *outline* with possible names beside an address or a number declared as the person's."""
    units = {identity.unit for identity in found}

    def named(one: Property) -> Property:
        top = one.category
        if one.unit not in units or top is None or top.category != "user.name" or top.confidence >= LIKELY:
            return one
        sure = replace(top, confidence=0.7, why=f"{top.why}; it stands beside an identity")
        return replace(one, detected=(sure, *one.detected[1:]))

    return replace(outline, properties=tuple(map(named, outline.properties)))
