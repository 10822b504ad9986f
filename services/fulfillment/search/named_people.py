"""
The people that a record, or one element of an array in it, names: by identities, and by name. Pure.

Only a name beside an identity is the same person's: an emergency contact has a name of their own. The names
of fields state the role of a person. Data maps are written in the languages of the systems' owners; words
that also mean the record's own person (a customer, an owner), and words that join others (*de*, *van*), are
no roles.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.datamap.paths import below, beside, leads_through, values_at
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.matching import Doubt, MatchOutcome, match_names
from shared.runtime.mongo import Decimal128, Timestamp

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W0-9A-Z_]+")


def _bare(text: str) -> str:
    """Return *text* without accents, which names of fields have or have not."""
    apart = unicodedata.normalize("NFD", text.replace("œ", "oe"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _words(text: str) -> frozenset[str]:
    return frozenset(_bare(text).split())


PARTIES = _words(
    """
    addressee beneficiary buyer callee caller consignee consignor deliver delivery donor from gift invitee
    inviter payee payer receiver recipient recipients seller sender ship shipping to absender empfaenger
    empfänger destinataire expéditeur destinatario remitente mittente ontvanger afzender destinatário
    remetente
    """
)
"""Sender and receiver: the record is theirs, where it names no other person."""
KIN = _words(
    """
    brother carer child children daughter dependant dependants dependent dependents emergency friend heir
    husband kin neighbor neighbour nok partner relative relatives sibling siblings sister son spouse
    spouses wife ehefrau ehegatte ehegattin ehemann ehepartner ehepartnerin lebenspartner lebenspartnerin
    kinder bruder schwester geschwister nachbar nachbarin verwandte verwandter urgence conjoint conjointe
    époux épouse enfant enfants frère sœur soeur proche proches voisin voisine urgencia urgencias cónyuge
    esposo esposa marido hijo hija hijos hermano hermana familiar familiares vecino vecina urgenza coniuge
    marito moglie figlio figlia figli fratello sorella parente parenti congiunto echtgenoot echtgenote
    kinderen broer zus zoon dochter naaste naasten buurman buurvrouw mantelzorger urgência cônjuge filho
    filha filhos irmão irmã parentes vizinho vizinha
    """
)
"""Helpers of the person; they are never asked or notified instead of them."""
HELPERS = _words(
    """
    agent approver assignee clerk courier doctor driver father guardian guardians handler landlord manager
    mother operator parent parents referee referrer supervisor supplier vendor witness arzt ärztin
    betreuer bearbeiter eltern mutter sachbearbeiter sachbearbeiterin vater vorgesetzte vorgesetzter
    vormund zeuge médecin mère père tuteur témoin supérieur gestionnaire médico madre padre padres testigo
    gestor supervisora medico madri padri genitore genitori testimone responsabile moeder vader ouder
    ouders voogd leidinggevende getuige behandelaar mãe testemunha gerente
    """
)
"""People involved besides the person."""
STEMS = {
    "notfall": "emergency",
    "emergenc": "emergency",
    "nood": "emergency",
    "angehor": "kin",
    "angehoer": "kin",
}
"""Beginnings of compound words, and the role that each means."""
SIGNS = {
    **dict.fromkeys(("紧急", "緊急"), "emergency"),
    **dict.fromkeys(("家属", "家屬", "亲属", "親屬", "亲友", "親友", "家人"), "kin"),
    **dict.fromkeys(("配偶", "妻子", "丈夫"), "spouse"),
    **dict.fromkeys(("子女", "孩子"), "child"),
    **dict.fromkeys(("父亲", "父親", "母亲", "母親", "父母"), "parent"),
    **dict.fromkeys(("监护人", "監護人"), "guardian"),
    **dict.fromkeys(("收件人", "收货人", "收貨人"), "recipient"),
    **dict.fromkeys(("发件人", "發件人", "寄件人"), "sender"),
}
"""The same, without blanks between words."""


ROLES = PARTIES | KIN | HELPERS
"""Words in the names of fields that state a role."""


@lru_cache(maxsize=4_096)
def roles(path: str) -> frozenset[str]:
    """Return the roles of the person at *path*, as its name states them."""
    words = [word.lower() for word in _WORDS.findall(_bare(path))]
    begun = {role for stem, role in STEMS.items() for word in words if word.startswith(stem)}
    return ROLES.intersection(words) | begun | {role for sign, role in SIGNS.items() if sign in path}


NAME = "user.name"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Moments up to this one mean that no moment was stated."""
LEAST_WORDS = 2
"""Fewest words of a whole name: one stored part alone belongs to many people."""


@dataclass(frozen=True)
class RecordPart:
    """The part of a record about one person: without other people's elements, or one element alone."""

    collection: Collection
    unit: str | None
    """The array it is an element of; None: it is the record itself."""
    value: Any

    @property
    def naming(self) -> Mapping[str, str]:
        """The fields with identities of its person: path → name of the identity."""
        if self.unit is None:
            return self.collection.naming
        return self.collection.naming_elements.get(self.unit, {})

    @cached_property
    def verified_naming(self) -> Mapping[str, str]:
        """Like :attr:`naming`, but only the fields that may hold verified values."""
        if self.unit is None:
            return self.collection.verified_naming
        return {field.path: field.identity or "" for field in self.identifying if field.verifiable}

    @cached_property
    def identifying(self) -> Sequence[MappedField]:
        """The fields in it that hold an identity of its person."""
        if self.unit is None:
            return [f for f in self.collection.identifying if self.collection.unit(f.path) is None]
        return [field for field in self.collection.identifying if self._has(field, self.unit)]

    def verified(self, path: str) -> Iterator[Any]:
        """Yield the values at *path* that the map states to be verified."""
        field = self.collection.by_path.get(path)
        if field is None or field.verified is None or not field.verifiable:
            return
        if field.verified.field is None:
            yield from self.values(path)
            return
        unit = self.unit or ""
        pairs = beside(self.value, below(path, unit), below(field.verified.field, unit))
        yield from (value for value, statement in pairs if states_verification(statement))

    @cached_property
    def fields(self) -> Sequence[MappedField]:
        """The fields that are in no array that people share, except its own."""
        if self.unit is None:
            return self.collection.common
        return [field for field in self.collection.leaves if self._has(field, self.unit)]

    def about(self, category: str) -> Sequence[MappedField]:
        """Return those of its fields that hold *category*."""
        if self.unit is None:
            return self.collection.common_about(category)
        return [f for f in self.fields if f.is_about((category,))]

    def values(self, path: str) -> Iterator[Any]:
        """Yield the values at *path*, which is counted from the document."""
        return values_at(self.value, below(path, self.unit or ""))

    def names(self, identities: Iterable[str]) -> Sequence[str]:
        """Return the names of the person with the identities at the paths *identities*."""
        named = self.about(NAME)
        paths = [
            f.path for f in named if any(_beside(f.path, path, named, self.fields) for path in identities)
        ]
        return self._whole(paths)

    def other_names(self, identities: Sequence[str]) -> Sequence[str]:
        """Return the names in other places that may be the same person's."""
        played = frozenset[str]().union(*map(roles, identities))
        return [text for f in self.about(NAME) if roles(f.path) <= played for text in self._texts(f.path)]

    def _has(self, field: MappedField, unit: str) -> bool:
        inner = self.collection.unit(field.path)
        return leads_through(field.path, unit) and (inner is None or len(inner) <= len(unit))

    def _texts(self, path: str) -> Iterator[str]:
        yield from (value.strip() for value in self.values(path) if isinstance(value, str) and value.strip())

    def _whole(self, paths: Sequence[str]) -> Sequence[str]:
        """Return the names at *paths*, which may be parts of one name; a whole name counts alone, too."""
        texts = [text for path in paths for text in self._texts(path)]
        whole = [text for text in texts if len(paths) == 1 or len(text.split()) >= LEAST_WORDS]
        return list(dict.fromkeys([*whole, *([" ".join(texts)] if texts else [])]))


def states_verification(statement: Any) -> bool:
    """
    Return whether *statement*, a field's value, states that another value was verified.

    It does if it is true, a moment after 1970, or a number above zero; other texts do not.
    """
    match statement:
        case str():
            text = statement.strip()
            return text.casefold() == "true" or states_verification(_moment(text))
        case datetime():
            return statement.replace(tzinfo=statement.tzinfo or UTC) > NEVER
        case Timestamp():
            return statement.time > 0
        case Decimal128():
            number = statement.to_decimal()
            return number.is_finite() and number > 0
        case _:
            return isinstance(statement, int | float) and isfinite(statement) and statement > 0


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _beside(path: str, identity: str, named: Sequence[MappedField], fields: Sequence[MappedField]) -> bool:
    """Return whether the name at *path* is of the same person as *identity*: it stands beside or around."""
    around = path.rpartition(".")[0]
    names = {field.path for field in named}
    while around and all(f.path in names for f in fields if f.path.startswith(f"{around}.")):
        around = around.rpartition(".")[0]  # an object that holds only parts of a name
    return leads_through(identity.rpartition(".")[0], around) and roles(path) <= roles(identity)


def likeness(some: Iterable[str], others: Sequence[str]) -> MatchOutcome | None:
    """Return whether one of the names *some* is one of *others*; None where one side has no names."""
    # Names that are only spelled alike are those of spouses, and of brothers and sisters: a mismatch.
    found = [match_names(one, other) for one in some for other in others]
    if not found:
        return None
    if any(found):
        return MatchOutcome.MATCH
    partly = any(f.outcome is MatchOutcome.PARTIAL and Doubt.SPELLING not in f.doubts for f in found)
    return MatchOutcome.PARTIAL if partly else MatchOutcome.MISMATCH


MOST_COMPARED = 20
"""Different names of records with one identity that are compared."""


@dataclass(frozen=True, slots=True)
class SharedIdentity:
    """An identity that records of differently named people have in common."""

    identity: str
    """Its name, as in a request."""
    people: int
    """How many differently named people there are, at least."""
    collections: tuple[str, ...]
    """The keys of the collections with the records."""


def shared_identities(found: Iterable[FoundRecord]) -> Sequence[SharedIdentity]:
    """Return the identities by which the records of differently named people were *found*, without values."""
    names: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for record in found:
        for match in record.matches:
            field = record.collection.by_path.get(match.path)
            if field is None or field.identity is None:
                continue
            for part in _parts(record, match):
                for value in (one for one in part.values(match.path) if key_of(one) in match.keys):
                    known = names[field.identity, str(value).casefold()]
                    for name in part.names([match.path]):
                        if name in known or len(known) < MOST_COMPARED:
                            known.setdefault(name, record.collection.key)
    return [
        SharedIdentity(identity, len(people), tuple(sorted(set(known.values()))))
        for (identity, _), known in names.items()
        if len(people := _different(known)) > 1
    ]


def _parts(record: FoundRecord, match: OwnershipMatch) -> Iterator[RecordPart]:
    """Yield the record, or the elements of it, in which *match* is."""
    if match.unit is None:
        yield RecordPart(record.collection, None, record.disclosed)
    for element in match.elements(record.document):
        yield RecordPart(record.collection, match.unit, element.value)


def _different(names: Iterable[str]) -> Sequence[str]:
    """Return those of *names* that are certainly of different people."""
    people: list[str] = []
    for name in names:
        if all(likeness([name], [other]) is MatchOutcome.MISMATCH for other in people):
            people.append(name)
    return people
