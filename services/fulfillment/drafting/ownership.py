"""
Decides along which references one person's records are found, and in which direction. Pure.

Values flow from one person's data: from a document or an element with an identity, and from records reached
from there. They do not flow into a record that names another person, and not out of one that belongs to many.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.fulfillment.datamap.model import Direction
from services.fulfillment.drafting.identities import IdentityField
from services.fulfillment.drafting.references import End, ReferenceLink
from services.fulfillment.drafting.schema import CollectionOutline

APART = 0.5
"""With a smaller share of joined records that name the same person, they are two people's."""
CROWDED = 0.5
"""With a larger share of records that several people's refer to, none is one person's."""
EXCLUSIVE = 10
"""Values that must all differ before one record counts as belonging to another alone."""
DESCRIBING = ("user.name", "user.demographic", "user.authorization.password", "user.account.username")
"""Categories that describe a person rather than their contact."""
SURE = 0.75

NOT_PERSONAL = "its target belongs to no single person"
UPWARDS = "it leads to other records of the same kind, which are other people's"
TWO_PEOPLE = "the two records name different people"

Unit = tuple[str, str | None]
"""A collection and, inside it, an array of elements."""


@dataclass(frozen=True, slots=True)
class _Owned:
    """The units known to be one person's so far."""

    groups: frozenset[str]
    """Collections with documents that many people share: found by one, they lead nowhere."""
    units: set[Unit] = field(default_factory=set)

    def __contains__(self, end: End) -> bool:
        unit, whole = (end.outline.key, end.field.unit), (end.outline.key, None)
        if end.outline.key in self.groups:
            return unit != whole and unit in self.units
        return unit in self.units or whole in self.units


def followed(
    links: Sequence[ReferenceLink], identities: Mapping[str, Sequence[IdentityField]]
) -> tuple[ReferenceLink, ...]:
    """
    Return *links* with the direction in which a person's records are found, or the reason against it.

    *identities* are the fields that identify a person, by ``database.collection``.
    """
    owned = _Owned(_groups(links, identities))
    owned.units.update((key, one.unit) for key, found in identities.items() for one in found)
    decided: dict[int, ReferenceLink] = {}
    while _decide_onwards(links, decided, owned) or _decide_outwards(links, decided, owned):
        pass
    return tuple(decided.get(place, replace(link, because=NOT_PERSONAL)) for place, link in enumerate(links))


def _decide_onwards(links: Sequence[ReferenceLink], decided: dict[int, ReferenceLink], owned: _Owned) -> bool:
    """Decide every reference to one person's data; return whether there was any."""
    before = len(decided)
    for place, link in enumerate(links):
        if place not in decided and (now := _from(link, owned)) is not None:
            decided[place] = now
            if now.direction is not None:
                owned.units.add((link.source.outline.key, link.source.field.unit))
    return len(decided) > before


def _decide_outwards(
    links: Sequence[ReferenceLink], decided: dict[int, ReferenceLink], owned: _Owned
) -> bool:
    """Decide one reference from one person's data to a target without other references."""
    for place, link in enumerate(links):
        if place not in decided and link.source in owned and _alone(link.source):
            decided[place] = replace(link, direction=Direction.TO)
            owned.units.add((link.target.outline.key, link.target.field.unit))
            return True
    return False


def _from(link: ReferenceLink, owned: _Owned) -> ReferenceLink | None:
    if link.source.outline is link.target.outline:
        return replace(link, because=UPWARDS)
    if link.target not in owned:
        return None
    apart = link.agreement is not None and link.agreement < APART
    if apart or _crowded(link):
        return replace(link, because=TWO_PEOPLE)
    one_to_one = link.source.root and link.target.root and _alone(link.source)
    both = one_to_one and link.agreement is not None
    return replace(link, direction=Direction.BOTH if both else Direction.FROM)


def _alone(end: End) -> bool:
    return end.field.unique and end.field.count >= EXCLUSIVE


def _crowded(link: ReferenceLink) -> bool:
    return link.crowd is not None and link.crowd >= CROWDED


def _groups(
    links: Iterable[ReferenceLink], identities: Mapping[str, Sequence[IdentityField]]
) -> frozenset[str]:
    """Return the collections with documents that many people's records refer to: firms, shops, courses."""
    # The address in such a document is that of a person responsible, and not all of it is theirs. If the
    # document names and describes a person, it is a person that others refer to: their doctor, their
    # teacher.
    people = {key for key, found in identities.items() if any(one.unit is None for one in found)}
    return frozenset(
        link.target.outline.key
        for link in links
        if _crowded(link) and link.target.root
        if not (link.target.outline.key in people and _describes_person(link.target.outline))
    )


def _describes_person(outline: CollectionOutline) -> bool:
    return any(
        found.confidence >= SURE and found.category.startswith(DESCRIBING)
        for one in outline.properties
        if one.unit is None
        for found in one.detected
    )
