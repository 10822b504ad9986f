"""
Contact data in one person's part of a record: address, residence, language.

All data in a record is its person's, even if it names others: it was breached. But only contact data in their
own part is used for letters: never an emergency contact's address.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from services.fulfillment.breach.affected import LANGUAGE, PLACE, AffectedPerson, PersonIdentity
from services.fulfillment.breach.places import folded_name, language_of, place_of
from services.fulfillment.datamap.graph import EMAIL, PHONE, Edge, Graph, graph_of
from services.fulfillment.datamap.model import Collection, DataMap, MappedField
from services.fulfillment.datamap.paths import below, tuples_at, values_at
from services.fulfillment.search.bson_equality import key_of, refers
from services.fulfillment.search.forms import text_of
from services.fulfillment.search.lookups import is_zero, leads
from services.fulfillment.search.mailboxes import address_in, same
from services.fulfillment.search.named_people import HELPERS, KIN, NAME, roles
from services.fulfillment.search.units import RecordUnit, is_of, own_first, units

MAIL, SPOKEN = "user.contact.email", "user.demographic.language"
HOME = "user.contact.address"
STREET, CODE, CITY, STATE, COUNTRY = (
    f"{HOME}.{part}" for part in ("street", "postal_code", "city", "state", "country")
)
DIGITS = frozenset("123456789")
FURTHER = 1_000
"""Distance added by one more reference."""


@dataclass(frozen=True, slots=True)
class AddressFields:
    """The fields of one postal address."""

    around: str
    """The object that holds them."""
    fields: tuple[MappedField, ...]


@dataclass(frozen=True)
class ContactFields(RecordUnit):
    """The fields about one person in the documents of a collection."""

    own: RecordUnit
    """The fields about no other person."""
    emails: tuple[MappedField, ...]
    """Fields with their mail address, the surest first."""
    spare: tuple[MappedField, ...]
    """Fields that may hold it, or a colleague's: used where nothing else leads to them."""
    known: tuple[MappedField, ...]
    """Fields with their other identities, the surest first."""
    languages: tuple[MappedField, ...]
    addresses: tuple[AddressFields, ...]
    back: tuple[Edge, ...]
    """The references that lead here."""
    refers: bool
    """Whether one of them names the record's person; others only point at its key."""
    out: tuple[Edge, ...]
    rank: int
    """Position of the collection in the map."""
    mentions: bool = False
    """Whether the record only mentions them: they are counted, and not notified because of it."""
    pointed: tuple[tuple[str, ...], ...] = ()
    """Paths of an own key that records with an address point to: they may be the same person's."""
    tagged: bool = False
    """Whether an address is the same with and without a part after a plus sign."""

    @cached_property
    def held(self) -> Sequence[MappedField]:
        """The fields about any person."""
        return [field for field in self.fields if field.personal]

    def categories(self, part: Any) -> frozenset[str]:
        """Return the categories with a value in *part*."""
        return frozenset(
            category
            for field in self.held
            if any(_says(value) for value in values_at(part, below(field.path, self.unit)))
            for category in field.categories
        )

    def may_state(self, lacking: frozenset[str]) -> bool:
        """Return whether some of the *lacking* facts may stand here."""
        places, languages = PLACE in lacking and self.addresses, LANGUAGE in lacking and self.languages
        return not self.mentions and bool(places or languages)

    def person_of(self, part: Any, *, hops: int = 0) -> AffectedPerson:
        """Return the person of *part*, *hops* references away from the breached record."""
        addresses = self._addresses(part, self.emails)
        others = tuple(sorted(addresses[1:]))
        return replace(self._person_of(part, next(iter(addresses), None), hops), others=others)

    def guess_of(self, part: Any, *, hops: int = 0) -> AffectedPerson | None:
        """Return the person with an address that may be another's; None without one."""
        addresses = self._addresses(part, self.spare)
        return self._person_of(part, addresses[0], hops) if addresses else None

    def _person_of(self, part: Any, address: str | None, hops: int) -> AffectedPerson:
        rank = self.rank + hops * FURTHER
        said = {
            "email": "" if self.mentions else address or "",
            "name": "" if self.mentions else next(self.own.written_names(part), "").strip(),
            "language": next(filter(None, map(language_of, self.texts(part, self.languages))), ""),
        }
        homes = [home for address in self.addresses for home in self._homes(part, address)]
        said["postal"] = next(("\n".join(lines) for lines, _ in homes if lines), "")
        place = next((place for _, place in homes if place), None)
        return AffectedPerson(
            identity=("email", same(address, tagged=self.tagged)) if address else (),
            said={name: (rank, text) for name, text in said.items() if text},
            places={place: rank} if place else {},
            aliases=frozenset(self._aliases(part, said["name"])) if address else frozenset(),
        )

    def _aliases(self, part: Any, name: str) -> Iterator[PersonIdentity]:
        """
        Yield the person's identities besides an address, each with their *name*.

        A number alone is none: a family, or a firm, may share one, and each member must be notified. Nor is a
        placeholder: guests may share it who have only their name in common.
        """
        called = folded_name(name)
        if called:
            for kind, value in self.numbers(part):
                if own_first(kind) == 0 and _singles_out(value):
                    yield ("known", kind, _key(value), called)
            for edge, values in self.values_along(part, self.back):
                if not is_zero(values):
                    yield ("refers", edge.target.key, edge.target.path, *map(_key, values), called)
            for paths in self.pointed:
                for values in tuples_at(part, paths):
                    if all(map(refers, values)) and not is_zero(values):
                        yield ("refers", self.collection.key, paths[0], *map(_key, values), called)

    def _addresses(self, part: Any, fields: Iterable[MappedField]) -> Sequence[str]:
        """Return the addresses in *fields*, the surest first, each mailbox once."""
        texts = (str(value) for field in fields for value in self.values(part, field))
        found: dict[Hashable, str] = {}
        for address in filter(None, map(address_in, texts)):
            found.setdefault(same(address, tagged=self.tagged), address)
        return list(found.values())

    def numbers(self, part: Any) -> Iterator[tuple[str, Any]]:
        """Yield the person's identities besides an address, the surest first: name and value."""
        for field in self.known:
            yield from ((field.identity or "", value) for value in self.values(part, field) if refers(value))

    def strangers_key(self, part: Any, place: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
        """Return the unique identity of a person without a mail address; *place* is that of *part*."""
        for name, value in self.numbers(part):
            return ("known", name, key_of(value, phone=True) if name == PHONE else _key(value))
        for edge, values in self.values_along(part, self.back):
            return ("refers", edge.target.key, edge.target.path, *map(_key, values))
        for field in self.emails:
            for value in self.values(part, field):
                if field.identity and refers(value):  # an identity that is no address
                    return ("known", EMAIL, key_of(value, caseless=True))
        return ("record", self.collection.key, *place)

    def values_along(self, part: Any, edges: Iterable[Edge]) -> Iterator[tuple[Edge, Sequence[Any]]]:
        """Yield the references of *part* along *edges*."""
        for edge in edges:
            for values in tuples_at(part, [below(path, self.unit) for path in edge.paths]):
                if leads(edge, values):
                    yield edge, values

    def has(self, path: str) -> bool:
        """Return whether the value at *path* is this person's."""
        return any(field.path == path for field in self.fields)

    def _homes(self, part: Any, address: AddressFields) -> Iterator[tuple[Sequence[str], str | None]]:
        around = below(address.around, self.unit) if address.around != self.unit else ""
        homes = (home for home in values_at(part, around) if isinstance(home, Mapping))
        return (self._home(home, address) for home in homes)

    def _home(self, home: Any, address: AddressFields) -> tuple[Sequence[str], str | None]:
        """Return the lines of a postal address, and its place."""

        def texts(*categories: str) -> list[str]:
            fields = [f for f in address.fields if any(category in categories for category in f.categories)]
            found = (value for f in fields for value in values_at(home, below(f.path, address.around)))
            return [text for value in found if isinstance(value, str | int) and (text := str(value).strip())]

        street, country, state = texts(STREET, HOME), texts(COUNTRY), texts(STATE)
        code = next(iter(texts(CODE)), "")
        town = " ".join([*filter(None, [code]), *texts(CITY)[:1]])
        lines = [*street, town, *state[:1], *country[:1]] if street else []
        place = place_of(country[0] if country else "", state[0] if state else "", code)
        return [line for line in lines if line], place


@lru_cache(maxsize=4)
def contact_fields_of(data_map: DataMap) -> Mapping[str, tuple[ContactFields, ...]]:
    """Return the contact fields by the keys of the collections."""
    graph, tagged = graph_of(data_map), plus_tags(data_map)
    contacts = {
        c.key: tuple(replace(contact, tagged=tagged) for contact in _contact_fields(c, graph, rank))
        for rank, c in enumerate(data_map.collections)
        if not c.skipped
    }
    back = [edge for some in contacts.values() for one in some if one.emails for edge in one.back]
    return {key: tuple(_pointed(one, back) for one in some) for key, some in contacts.items()}


def _pointed(contact: ContactFields, back: Iterable[Edge]) -> ContactFields:
    """Return *contact* with its own keys that records with an address point to."""
    if contact.unit or contact.mentions or not contact.emails:
        return contact
    targets = (edge.target for edge in back if edge.target.key == contact.collection.key)
    paths = dict.fromkeys((target.path, *target.others) for target in targets if target.unit is None)
    return replace(contact, pointed=tuple(paths))


def plus_tags(data_map: DataMap) -> bool:
    """Return whether *data_map* declares for any address that tags after a plus sign do not count."""
    return any(field.plus_tags for collection in data_map.collections for field in collection.leaves)


def needed(contacts: Sequence[ContactFields]) -> list[str]:
    """Return the paths to read."""
    fields = {field.path for contact in contacts for field in contact.fields}
    along = {path for one in contacts for edge in (*one.back, *one.out) for path in edge.paths}
    pointed = {path for contact in contacts for paths in contact.pointed for path in paths}
    return sorted(fields | along | pointed)


def _contact_fields(collection: Collection, graph: Graph, rank: int) -> Iterator[ContactFields]:
    back, out = graph.origins.get(collection.key, ()), graph.edges.get(collection.key, ())
    leading = {path for edge in (*back, *out) for path in edge.paths}
    for unit, fields in units(collection, lambda _: True):
        contact = [f for f in fields if f.identity or is_of(f, (MAIL,)) or f.path in leading]
        if contact or not collection.divided:
            whole = RecordUnit(collection, unit, tuple(fields))
            # A role that the collection is about is no other person's: ``driver_email`` of drivers is theirs.
            about = roles(f"{collection.name} {collection.name.removesuffix('s')}")
            parts = _roles(unit, fields, contact, about=about)
            yield from (_contact(whole, played, back, out, rank=rank) for played in parts)
            yield from _mentions(whole, parts, rank)


def _roles(
    unit: str, fields: Iterable[MappedField], contact: Iterable[MappedField], *, about: frozenset[str]
) -> Sequence[frozenset[str]]:
    """
    Return the roles of the record's own people: those without a role, unless all have one.

    Relatives never stand for the person; nor does a lone helper, or one beside a named person.
    """
    played = {roles(below(field.path, unit)) for field in contact}
    appearing = played | {roles(below(field.path, unit)) for field in fields if is_of(field, (NAME,))}
    several = len(appearing) > 1 and frozenset() not in appearing
    others = (KIN if several else KIN | HELPERS) - about
    theirs = {parts for parts in played if not parts & others}
    return [frozenset()] if frozenset() in played or not theirs else sorted(theirs, key=sorted)


def _contact(
    unit: RecordUnit, played: frozenset[str], back: Iterable[Edge], out: Iterable[Edge], *, rank: int
) -> ContactFields:
    own = [field for field in unit.fields if roles(below(field.path, unit.unit)) <= played]
    sure = [field for field in own if field.identity == EMAIL]
    perhaps = [field for field in own if field.identity != EMAIL and is_of(field, (MAIL,))]
    known = [field for field in own if field.identity and field.identity != EMAIL]
    theirs = {field.path for field in own}
    led = tuple(edge for edge in back if theirs.issuperset(edge.paths))
    refers = any(set(edge.paths).isdisjoint(unit.collection.primary_key) for edge in led)
    return ContactFields(
        collection=unit.collection,
        unit=unit.unit,
        fields=tuple(own) if played else unit.fields,
        own=replace(unit, fields=tuple(own)),
        emails=tuple(sure if sure or refers else perhaps),
        # If a reference names the record's person, another address is another person's.
        spare=tuple(perhaps) if sure and not refers else (),
        known=tuple(sorted(known, key=lambda field: own_first(field.identity or ""))),
        languages=tuple(field for field in own if is_of(field, (SPOKEN,))),
        addresses=tuple(_addresses(own)),
        back=led,
        refers=refers,
        out=tuple(edge for edge in out if theirs.issuperset(edge.paths)),
        rank=rank,
    )


def _mentions(whole: RecordUnit, playing: Sequence[frozenset[str]], rank: int) -> Iterator[ContactFields]:
    """Yield relatives with their address: it was breached, too, but is no reason for a notice."""
    parts = {field.path: roles(below(field.path, whole.unit)) for field in whole.fields}
    for kin in sorted({part for part in parts.values() if part & KIN}.difference(playing), key=sorted):
        unit = replace(whole, fields=tuple(field for field in whole.fields if parts[field.path] == kin))
        contact = _contact(unit, kin, (), (), rank=rank)
        if emails := (*contact.emails, *contact.spare):
            yield replace(contact, emails=emails, spare=(), known=(), mentions=True)


def _addresses(own: Iterable[MappedField]) -> Iterator[AddressFields]:
    """Yield the addresses in *own* fields: fields of one object are one address."""
    found: dict[str, list[MappedField]] = {}
    for field in own:
        if is_of(field, (HOME,)):
            found.setdefault(field.path.rpartition(".")[0], []).append(field)
    yield from (AddressFields(around, tuple(fields)) for around, fields in found.items())


def _says(value: Any) -> bool:
    """Return whether *value* is not empty."""
    said = value.strip() if isinstance(value, str) else value
    return said is not None and said not in ("", b"", {})


def _singles_out(value: Any) -> bool:
    """Return whether *value* may be one person's number: not zero, nor a word such as ``n/a``."""
    text = text_of(value)
    return text is None or not DIGITS.isdisjoint(text)


def _key(value: Any) -> Hashable:
    """Return *value* in a form that is the same for a number and its text."""
    return text_of(value) or key_of(value)
