"""
Decides which fields identify a person, and along which references that person's records are found. Pure.

Values flow from one person's data: from a document or an element with an identity, and from records reached
from there. They do not flow into a record that names another person, and not out of one that belongs to many.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.fulfillment.datamap.model import Direction
from services.fulfillment.drafting.array_ownership import of_one_person
from services.fulfillment.drafting.detection import TEXT, Detected
from services.fulfillment.drafting.references import End, ReferenceLink, stem_of
from services.fulfillment.drafting.schema import CollectionOutline, Property
from services.fulfillment.drafting.vocabulary import MEANINGS, PERSON_WORDS, words_of
from shared.matching.name_words import PARTICLES, TITLES, split

EMAIL, PHONE, NAME = "user.contact.email", "user.contact.phone_number", "user.name"
USERNAME, HEALTH = "user.account.username", "user.health_and_medical"
PATIENTS = frozenset({"patient", "patients", "paciente", "pacientes", "patienten", "patientin"})
_MESSAGE = re.compile(r"(?i)(?:message|thread|mail)_?ids?$|in_?reply_?to$")
"""Identifiers of messages in mail systems, which look like addresses and are none."""
PEOPLE = PERSON_WORDS - {"account", "by"}
_THINGS = (
    "company companies organisation organisations organization organizations firm firms supplier suppliers "
    "vendor vendors manufacturer manufacturers department departments branch branches office offices site "
    "sites location locations warehouse warehouses brand brands team teams tenant tenants device devices "
    "product products asset assets machine machines app apps category categories model models role roles tag "
    "tags setting settings template templates license licenses firmen lieferanten hersteller abteilungen "
    "filialen geraete produkte empresas proveedores sucursales productos entreprises fournisseurs produits"
)
THINGS = frozenset(_THINGS.split())
"""Names of collections of companies, their parts and things."""
_ENTRY_WORDS = (
    "create created creator update updated updater modify modified modifier change changed edited editor "
    "write inserted added entered registered deleted archived ersteller bearbeiter erstellt geaendert creado"
)
ENTRY_WORDS = frozenset(_ENTRY_WORDS.split())
"""Words of references to the person that entered or changed a record."""
KEY = 0.5
"""Confidence in a key without an address or number beside it."""
LIKELY = 0.6
MOSTLY = 0.5
NAMED, SURE = 0.3, 0.75


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
    # An office's mailbox is no person's. A telephone number counts if it is stored with its country, because
    # only then it can be looked up.
    found = [identity for one in outline.properties if (identity := _identity(one)) is not None]
    return tuple(_gathered(identity, found, outline) for identity in found)


def is_thing(outline: CollectionOutline) -> bool:
    """Return whether the documents are about companies or things, by the name of the collection."""
    return not THINGS.isdisjoint(words_of(outline.name)[-1:])


def _identity(one: Property) -> IdentityField | None:
    if one.container or _MESSAGE.search(one.path):
        return None
    for detected in one.detected:
        if detected.confidence < LIKELY:
            continue
        if detected.category == EMAIL and one.shared < MOSTLY:
            sure = round(detected.confidence * (1 - one.shared), 2)
            return IdentityField(one.path, "email", sure, detected.why, one.unit)
        if detected.category == PHONE and one.seems(PHONE) and one.dialled >= MOSTLY:
            return IdentityField(one.path, "phone_number", detected.confidence, detected.why, one.unit)
    return None


def _gathered(
    identity: IdentityField, found: list[IdentityField], outline: CollectionOutline
) -> IdentityField:
    """Join an array of one person's own addresses or numbers."""
    owners = (other.path for other in found if other.name == identity.name and other.unit is None)
    together = of_one_person(outline.by_path[identity.path], outline, owners)
    return replace(identity, unit=None, together=True) if together else identity


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
    names = [words_of(other.path.rpartition(".")[2]) for other in whole if other.seems(NAME, SURE)]
    named = any(words[:1] == stem[:1] for words in names) or (one.unique and not above and is_person(outline))
    singular = re.sub("s$", "", stem[-1]) if stem else ""
    return singular if singular and (named or singular in PEOPLE) else ""


def is_person(outline: CollectionOutline) -> bool:
    """Return whether each document is a person: it has a first and a last name that are nobody else's."""
    own = [one for one in outline.properties if "".join(words_of(one.path)) in MEANINGS]
    return all(any(one.seems(part, LIKELY) for one in own) for part in ("user.name.first", "user.name.last"))


OF_A_PERSON = (EMAIL, USERNAME, "user.name.first", "user.name.last", "user.authorization.password")
"""Categories of fields that stand beside a person's name."""
DOUBTFUL = 0.5
"""Confidence of a word that names things as often as people."""


def beside(outline: CollectionOutline, found: Sequence[IdentityField]) -> CollectionOutline:
    """
    Return *outline* with its findings weighed by the fields beside them.

    A possible name beside an identity, or beside a username, is a person's. A doubtful word is none of a
    person's in a collection without other personal data, and neither is the address of an office. A text
    beside a patient, or an allergy, is about health (GDPR Art. 9).
    """
    units = {identity.unit for identity in found}
    parents = {
        _parent(one) for one in outline.properties if one.seems(OF_A_PERSON, LIKELY) and one.shared < MOSTLY
    }
    personal = any(one.seems("user", LIKELY) for one in outline.properties)
    medical = is_medical(outline)

    def weighed(one: Property) -> Property:
        top = one.category
        if top is None:
            return one
        if medical and top.category == TEXT:
            return _with_first(
                one, replace(top, category=HEALTH, why=f"{top.why}; it stands beside a patient's")
            )
        doubtful = top.confidence <= DOUBTFUL and not one.seems("user.authorization")
        if (doubtful and not personal) or (top.category == EMAIL and one.shared >= MOSTLY):
            return _with_first(one, replace(top, confidence=min(top.confidence, 0.4)))
        person = one.unit in units or _parent(one) in parents
        if not person or top.category != NAME or top.confidence >= LIKELY:
            return one
        return _with_first(one, replace(top, confidence=0.7, why=f"{top.why}; it stands beside a person's"))

    return replace(outline, properties=tuple(map(weighed, outline.properties)))


def is_medical(outline: CollectionOutline) -> bool:
    """Return whether the documents are about patients, or about their health, by names alone."""
    names = [words_of(outline.name), *(words_of(one.path) for one in outline.properties)]
    about_health = any(MEANINGS.get(word) == HEALTH for word in names[0])
    return about_health or any(not PATIENTS.isdisjoint(words) for words in names)


def _parent(one: Property) -> str:
    return one.path.rpartition(".")[0]


def _with_first(one: Property, first: Detected) -> Property:
    return replace(one, detected=(first, *one.detected[1:]))


LAST_DIGITS = 7
"""Digits at the end of a telephone number that all its notations share."""


def marks_of(category: str, texts: Iterable[str]) -> frozenset[str]:
    """Return the parts of *texts* that show their person in every notation; two people share none."""
    # A full name here is a first and a last name there, with a title or an initial.
    if category == NAME:
        words = {word for text in texts for word in split(text) if len(word) > 1}
        return frozenset(words - TITLES - PARTICLES)
    if category == PHONE:
        digits = (re.sub(r"\D", "", text) for text in texts)
        return frozenset(number[-LAST_DIGITS:] for number in digits if number)
    return frozenset(text.casefold().strip() for text in texts)


APART = 0.5
"""With a smaller share of joined records that name the same person, they are two people's."""
CROWDED = 0.5
"""With a larger share of records that several people's refer to, none is one person's."""
EXCLUSIVE = 10
"""Values that must all differ before one record counts as belonging to another alone."""
DESCRIBING = (NAME, "user.demographic", "user.authorization.password", "user.account.username")
"""Categories that describe a person rather than their contact."""
DESCRIBED = 0.75

NOT_PERSONAL = "its target belongs to no single person"
ENTERED = "it leads to the person that entered the record, not to the one it is about"
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
    decided = {
        place: replace(link, because=ENTERED)
        for place, link in enumerate(links)
        if _is_entry(link.source) and _is_about_another(link.source, links, owned)
    }
    while _decide_onwards(links, decided, owned) or _decide_outwards(links, decided, owned):
        pass
    return tuple(decided.get(place, replace(link, because=NOT_PERSONAL)) for place, link in enumerate(links))


def _is_entry(end: End) -> bool:
    """Return whether *end* names the person that entered or changed the record: ``created_by``."""
    stem, _ = stem_of(words_of(end.field.path.rpartition(".")[2]))
    return not ENTRY_WORDS.isdisjoint(stem) and ENTRY_WORDS | {"by", "user", "last"} >= {*stem}


def _is_about_another(end: End, links: Iterable[ReferenceLink], people: _Owned) -> bool:
    """Return whether the record of *end* is about another person, or about a company or a thing."""
    others = (link for link in links if link.source.outline is end.outline and not _is_entry(link.source))
    named = any(link.target in people and link.source.field.unit == end.field.unit for link in others)
    return named or (end.outline.key, end.field.unit) in people.units or is_thing(end.outline)


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
    named = link.owners if link.agreement is None else link.agreement
    if (named is not None and named < APART) or _crowded(link):
        return replace(link, because=TWO_PEOPLE)
    one_to_one = link.source.root and link.target.root and _alone(link.source)
    both = one_to_one and link.agreement is not None
    return replace(link, direction=Direction.BOTH if both else Direction.FROM)


def _alone(end: End) -> bool:
    return end.field.unique and end.field.count >= EXCLUSIVE


def _crowded(link: ReferenceLink) -> bool:
    """Return whether several people's records refer to one target, most of which names none of them."""
    agreed = link.agreement is not None and link.agreement >= APART
    return not agreed and link.crowd is not None and link.crowd >= CROWDED


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
        found.confidence >= DESCRIBED and found.category.startswith(DESCRIBING)
        for one in outline.properties
        if one.unit is None
        for found in one.detected
    )
