"""
Proposes what a match in an array makes the person's, by the declarations of a data map. Pure.

The fields outside the array decide: a document with a person of its own is theirs, and only the elements are
other people's. A document without one is shared by the people in the array.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from services.fulfillment.datamap.model import Collection, MappedField, Ownership

NAME = "user.name"


@dataclass(frozen=True, slots=True)
class ProposedOwnership:
    """A proposal and its reason."""

    ownership: Ownership
    why: str

    def __str__(self) -> str:
        return f"`ownership: {self.ownership}`, because {self.why}"


OWN_VALUES = ProposedOwnership(Ownership.DOCUMENT, "its values are those of the document's person")


def unstated(collection: Collection) -> Iterator[MappedField]:
    """Yield the fields in arrays of *collection* that do not state what a match in them owns."""
    for field in collection.leaves:
        if field.matched and field.ownership is None and collection.unit(field.path) is not None:
            yield field


def owners_outside(collection: Collection) -> tuple[str, ...]:
    """Return the fields outside arrays of *collection* by which people are found."""
    return tuple(field.path for field in collection.common if field.matched)


def proposed(collection: Collection) -> ProposedOwnership:
    """Return the proposal for the arrays of *collection*, of which no document is known."""
    named = any(field.is_about((NAME,)) for field in collection.common)
    return proposed_for(owners_outside(collection), names_person=named)


def proposed_for(owners: tuple[str, ...], *, names_person: bool) -> ProposedOwnership:
    """Return the proposal for an array of several people, beside *owners* by which others are found."""
    if owners:
        owner = owners[0] if owners[0].isprintable() else ascii(owners[0])  # stands in a comment of one line
        return ProposedOwnership(Ownership.ELEMENT, f"the document is that of the person in `{owner}`")
    if names_person:
        return ProposedOwnership(Ownership.ELEMENT, "the document names a person outside the array")
    return ProposedOwnership(Ownership.SHARED, "no person stands outside the array")
