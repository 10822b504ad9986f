"""
Proposes what a match in an array makes the person's, by documents. Pure.

An array is one person's if it holds few values, no two documents have one in common, and it repeats that of
the field with the same name beside it, or the document names a person and has no such field.
"""

import re
from collections.abc import Iterable, Sequence

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.datamap.ownership_proposals import (
    NAME,
    OWN_VALUES,
    ProposedOwnership,
    owners_outside,
    proposed,
    proposed_for,
)
from services.fulfillment.drafting.schema import CollectionOutline, Inference, Property
from services.fulfillment.drafting.vocabulary import words_of
from shared.runtime.mongo import Document

OF_ONE = 6
"""Most telephones or mailboxes of one person."""
DESCRIBING = (
    "user.name.first",
    "user.name.last",
    "user.account.username",
    "user.authorization.password",
    "user.demographic.date_of_birth",
)
"""Categories that describe the person of a profile."""
SURE = 0.7
NAMED = 0.3
"""Least confidence in a name outside the array."""
_WORDS = "additional addres address all alternate alternative further more number other own"
_LISTING = frozenset(_WORDS.split())
"""Words of an array's name that do not change its meaning."""


def of_one_person(one: Property, outline: CollectionOutline, owners: Iterable[str]) -> bool:
    """
    Return whether the array of values *one* is that of the document's person.

    *owners* are the fields outside arrays with an identity of the same kind.
    """
    others = [*owners]
    if _of_a_profile(one, outline):
        return not others
    few = one.array and one.unit == one.path and one.unique and one.most <= OF_ONE
    own = any((one.path, owner) in outline.repeated and _stem(owner) == _stem(one.path) for owner in others)
    return few and (own or (not others and _names_person(outline)))


def _of_a_profile(one: Property, outline: CollectionOutline) -> bool:
    """Return whether *one* is in few objects without names, in a document that describes a person."""
    unit = outline.by_path.get(one.unit or "")
    if unit is None or one.path.rpartition(".")[0] != unit.path or not one.unique or unit.most > OF_ONE:
        return False
    named = any(other.seems(NAME) for other in outline.properties if other.unit == unit.path)
    return not named and _describes_person(outline)


def _describes_person(outline: CollectionOutline) -> bool:
    return any(one.seems(DESCRIBING, SURE) for one in outline.properties if one.unit is None)


def _stem(path: str) -> frozenset[str]:
    """Return the words of the field's name without those of a list: `other_emails` is of `email`."""
    words = (re.sub("s$", "", word) for word in words_of(path.rpartition(".")[2]))
    return frozenset(words) - _LISTING


def _names_person(outline: CollectionOutline) -> bool:
    named = any(one.seems(NAME, NAMED) for one in outline.properties if one.unit is None)
    return named or _describes_person(outline)


def proposed_by_outline(outline: CollectionOutline, owners: Iterable[str]) -> ProposedOwnership:
    """Return the proposal for an array of several people, beside *owners* by which others are found."""
    return proposed_for(tuple(owners), names_person=_names_person(outline))


def proposed_by_documents(
    field: MappedField, collection: Collection, documents: Sequence[Document]
) -> ProposedOwnership:
    """Return the proposal for *field* of *collection*; by its declarations, if there are no *documents*."""
    if not documents:
        return proposed(collection)
    seen = Inference()
    for document in documents:
        seen.add(document)
    number = len(documents)
    outline = CollectionOutline(
        *collection.place, number, number, seen.properties(), repeated=seen.repeated()
    )
    owners, one = owners_outside(collection), outline.by_path.get(field.path)
    alike = (path for path in owners if collection.by_path[path].identity == field.identity)
    if field.identity and one is not None and of_one_person(one, outline, alike):
        return OWN_VALUES
    return proposed_by_outline(outline, owners)
