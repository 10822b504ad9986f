"""
The people in a person's records: the requester's own identities, and other people's names.

Read in one pass over the findings; its memory is bounded for any number of records.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.package.redaction import MOST_NAMES, Own, RedactedKind, compact
from services.fulfillment.search.findings import Findings, FoundRecord
from services.fulfillment.search.identities import Identities
from shared.contract.events import RequestSubmitted
from shared.law.taxonomy import covered

CATEGORIES: Mapping[RedactedKind, str] = {
    RedactedKind.EMAIL: "user.contact.email",
    RedactedKind.PHONE: "user.contact.phone_number",
    RedactedKind.NAME: "user.name",
}
IDENTITIES: Mapping[str, RedactedKind] = {
    "email": RedactedKind.EMAIL,
    "phone_number": RedactedKind.PHONE,
    "name": RedactedKind.NAME,
}
ACCOUNTS = ("user.financial.bank_account", "user.financial.credit_card")
MOST_OWN = 1_000
"""Spellings of the person's own that are kept of each kind."""


@dataclass(frozen=True, slots=True)
class People:
    """The person, and the other people in the records of each collection."""

    own: Own
    named: Mapping[str, frozenset[str]]
    """Key of the collection → names in it; without a key, there are too many to list."""

    def others(self, collection: Collection) -> frozenset[str] | None:
        """Return the other people in *collection*; None if there are too many."""
        names = self.named.get(collection.key)
        return None if names is None else frozenset(n for n in names if not self.own.is_called(n))


def redacts(collection: Collection) -> bool:
    """Return whether texts of *collection* may name other people."""
    return any(field.redact for field in collection.fields)


def people(
    findings: Findings,
    submitted: RequestSubmitted,
    identities: Identities,
    shown: Callable[[MappedField], bool] = lambda _field: False,
) -> People:
    """
    Return the people in *findings*, which the proven *identities* have found.

    *shown* returns whether the answer shows the account numbers in a field: such numbers stay in texts, too.
    """
    own: dict[RedactedKind, set[str]] = {kind: set() for kind in RedactedKind}
    for name, spellings in (*identities.items(), *findings.aliases.items()):
        if name in IDENTITIES:
            own[IDENTITIES[name]].update(spellings)
    own[RedactedKind.NAME].update(filter(None, [submitted.subject.name]))
    named: defaultdict[str, set[str]] = defaultdict(set)
    for item in findings.found:
        for kind, value in (*_found_by(item), *_described(item, nameless=submitted.subject.name is None)):
            if len(own[kind]) < MOST_OWN:
                own[kind].add(value)
        if len(own[RedactedKind.ACCOUNT]) < MOST_OWN:
            own[RedactedKind.ACCOUNT].update(_accounts(item, shown))
        if redacts(item.collection) and len(named[item.collection.key]) <= MOST_NAMES:
            named[item.collection.key].update(_names(item))
    emails, phones, names = (own[one] for one in (RedactedKind.EMAIL, RedactedKind.PHONE, RedactedKind.NAME))
    others = {key: frozenset(names) for key, names in named.items() if len(names) <= MOST_NAMES}
    numbers = frozenset(own[RedactedKind.ACCOUNT])
    known = Own(frozenset(emails), frozenset(phones), frozenset(names), _region(submitted), numbers)
    return People(known, others)


def _found_by(item: FoundRecord) -> Iterator[tuple[RedactedKind, str]]:
    """Yield the identities that the record was found by: they are the person's."""
    for match in item.matches:
        field = item.collection.by_path.get(match.path)
        kind = None if field is None else _kind(field)
        if kind is not None:
            yield from ((kind, value) for value in match.values if isinstance(value, str))


def _described(item: FoundRecord, *, nameless: bool) -> Iterator[tuple[RedactedKind, str]]:
    """
    Yield the descriptions of the same person as the identity that the record was found by.

    A text that may name others shows that a record is about several people; from there, only a name is
    taken, and only for a requester without a stated name.
    """
    if not item.owned:
        return
    single = not redacts(item.collection)
    for field in _beside(item):
        kind = _kind(field)
        if kind is not None and (single or (nameless and kind is RedactedKind.NAME)):
            values = values_at(item.disclosed, field.path)
            yield from ((kind, value) for value in values if isinstance(value, str))


def _beside(item: FoundRecord) -> Iterator[MappedField]:
    """Yield the fields beside an identity that led here, each the only one of its kind."""
    by_path = item.collection.by_path
    matched = (by_path.get(match.path) for match in item.matches)
    levels = {_above(field.path) for field in matched if field is not None and field.identity is not None}
    for level in levels:
        fields = [field for field in item.collection.leaves if _above(field.path) == level and _kind(field)]
        kinds = [field.categories for field in fields]
        yield from (field for field in fields if kinds.count(field.categories) == 1)


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _kind(field: MappedField) -> RedactedKind | None:
    for kind, category in CATEGORIES.items():
        if any(covered(own, (category,)) for own in field.categories):
            return kind
    return IDENTITIES.get(field.identity or "")


def _names(item: FoundRecord) -> Iterator[str]:
    """Yield every name in the record as it is stored, including other people's."""
    for field in item.collection.leaves:
        if _kind(field) is RedactedKind.NAME:
            yield from (value for value in values_at(item.document, field.path) if isinstance(value, str))


def _accounts(item: FoundRecord, shown: Callable[[MappedField], bool]) -> Iterator[str]:
    """Yield the numbers of accounts and cards in the person's part of a record that are *shown*."""
    for field in item.collection.leaves:
        if field.is_about(ACCOUNTS) and shown(field):
            values = values_at(item.disclosed, field.path)
            yield from (compact(str(value)) for value in values if isinstance(value, str | int))


def _region(submitted: RequestSubmitted) -> str | None:
    home = submitted.residence or submitted.subject.postal_address
    return None if home is None else home.country
