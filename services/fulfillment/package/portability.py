"""
Data portability: data that was provided or observed, on consent or for a contract.

The data map states both in words (``source``, ``legal_basis``). Data is left out only where its words exclude
it; where the map is silent, or has unknown words, the person gets the data.

Law:
    GDPR Art. 20(1): data "which he or she has provided", processed on consent or for a contract; recital 68:
    not where another ground applies. WP242 rev.01 p. 9-11: provided includes observed, not derived.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.fulfillment.datamap.model import Facts
from services.fulfillment.domain import LegalBasis, legal_bases
from services.fulfillment.package.survey import LeftOut, PackageSection
from services.fulfillment.package.withheld import NOT_PROVIDED, OTHER_BASIS
from services.fulfillment.search.scope import RequestScope
from shared.labels import default_of
from shared.runtime.mongo import Document

CONSENT_OR_CONTRACT = frozenset({LegalBasis.CONSENT, LegalBasis.CONTRACT})
PROVIDED = re.compile(
    r"\bprovided\b|\bobserved\b|\b(?:person|data subject|customers?|users?|consumers?|applicants?|members?)\b"
    r"|\byou\b|\bbrowsers?\b|\bdevices?\b|\bmetering\b|\bmeasure|\busage\b|\blogs?\b|\bcookies?\b|\bsensors?\b"
    r"|bereitgestellt|beobachtet|\bkund|betroffene|fournie?s?\b|observée?s?\b",
    re.IGNORECASE,
)
FROM_ELSEWHERE = re.compile(
    r"\bderived\b|\binferred\b|\bcomputed\b|\bcalculated\b|\bscor|\bpredict|\bthird[ _-]part|\bpartners?\b"
    r"|\bbrokers?\b|\bagenc|\bbureau\b|\bbanks?\b|\bproviders?\b|\bpublic\b|\bregisters?\b|\bemployers?\b"
    r"|abgeleitet|berechnet|\bdritte",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Without:
    """Documents without some of their fields; computed at every iteration."""

    documents: Iterable[Document]
    paths: frozenset[str]

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents."""
        return (_without(document, "", self.paths) for document in self.documents)


def portable(sections: Sequence[PackageSection]) -> tuple[list[PackageSection], list[LeftOut]]:
    """Return the parts of *sections* that the right covers, and the others with the reason."""
    kept, left = list[PackageSection](), list[LeftOut]()
    for section in sections:
        collection = section.collection
        reason = reason_against(collection.facts)
        own_facts = [field.facts for field in collection.fields]
        if reason is not None and all(one.source is None and one.legal_basis is None for one in own_facts):
            left.append(LeftOut(collection, None, reason))
            continue
        # The primary key names the record: it is never left out.
        fields = [field for field in collection.leaves if not field.primary_key]
        reasons = [(field, reason_against(collection.facts_of(field))) for field in fields]
        out = [LeftOut(collection, field, why) for field, why in reasons if why is not None]
        left += out
        paths = frozenset(item.field.path for item in out if item.field is not None)
        kept.append(replace(section, documents=Without(section.documents, paths)) if paths else section)
    return kept, left


def in_scope(sections: Sequence[PackageSection], scope: RequestScope) -> list[PackageSection]:
    """Return *sections* without the fields outside *scope*."""
    left_out = [scope.left_out(section.collection) for section in sections]
    return [
        replace(section, documents=Without(section.documents, paths)) if paths else section
        for section, paths in zip(sections, left_out, strict=True)
    ]


def reason_against(facts: Facts) -> str | None:
    """Return why data with *facts* is not covered; None if it is."""
    source, basis = default_of(facts.source or ""), facts.legal_basis
    if basis is not None and not CONSENT_OR_CONTRACT & legal_bases(basis):
        return OTHER_BASIS
    derived = FROM_ELSEWHERE.search(source) and not PROVIDED.search(source)
    return NOT_PROVIDED if derived else None


def _without(value: Any, path: str, paths: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        inside = {name: f"{path}.{name}" if path else name for name in value}
        return {key: _without(value[key], at, paths) for key, at in inside.items() if at not in paths}
    if isinstance(value, list):
        return [_without(item, path, paths) for item in value]
    return value
