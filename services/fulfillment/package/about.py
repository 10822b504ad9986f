"""
The facts beside the data for programs (``about.json``); the page states the same in sentences.

Law:
    GDPR Art. 15(1)(a)-(h), 15(2).
    11 CCR § 7024(k).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from services.fulfillment.datamap.model import Collection
from services.fulfillment.package import labels
from services.fulfillment.package.survey import Area, PackageSurvey
from shared.contract.references import short_reference
from shared.law import Policy, Right
from shared.pages.translation import Words
from shared.pages.translation import mark as _


def about(survey: PackageSurvey) -> dict[str, Any]:
    """Return the facts per collection and per category."""
    contents = survey.contents
    return {
        "request": contents.request_id,
        "reference": short_reference(contents.request_id),
        "made_at": contents.made_at.isoformat(),
        "received_on": contents.received_on.isoformat() if contents.received_on else None,
        "controller": contents.controller,
        "contact": contents.contact or None,
        "language": survey.words.language,
        "law": contents.law,
        "collections": [_collection(area, survey) for area in survey.areas],
        "categories": {
            said.key: {name: value for name, value in asdict(said).items() if name != "key"}
            for said in by_category(survey)
        },
        "searched_without_result": list(survey.empty),
        "left_out": [
            {"area": item.area, "what": item.label, "reason": item.reason} for item in survey.left_out
        ],
        "earlier_requests": [
            {"received_on": one.received_on.isoformat(), "right": one.right, "outcome": one.outcome}
            for one in contents.earlier
        ],
        "rights": rights(contents.rules.law, survey.words),
        "withheld": [
            {
                "area": item.area,
                "what": item.label,
                "category": item.category or None,
                "values": item.count,
                "reason": item.reason,
                "provision": item.provision or None,
            }
            for item in survey.withheld
        ],
        "blacked_out": [
            {"area": item.area, "what": item.label, "kind": item.kind, "count": item.count}
            for item in survey.blacked_out
        ],
        "complaints": contents.authority or None,
        "automated_decisions": contents.automated_decisions,
    }


@lru_cache(maxsize=1_024)
def categories(collection: Collection) -> tuple[str, ...]:
    """Return the keys of the categories of personal data that *collection* can hold."""
    keys = {key for field in collection.fields for key in field.categories}
    return tuple(sorted(key for key in keys if not key.startswith("system")))


def category_names(collection: Collection, words: Words) -> list[str]:
    """Return the names of :func:`categories`, in their order."""
    return [labels.category(key, words, collection.category_names) for key in categories(collection)]


def storage(area: Area, words: Words) -> str:
    """Return the storage period of *area*: the caller's words, else those of the map."""
    return area.section.storage or labels.storage(area.collection, words)


def _collection(area: Area, survey: PackageSurvey) -> dict[str, Any]:
    collection, facts = area.collection, area.collection.facts
    return {
        "file": area.stem,
        "store": collection.store,
        "dataset": collection.dataset,
        "collection": collection.name,
        "label": area.label,
        "records": area.records,
        "purpose": facts.purpose,
        "legal_basis": facts.legal_basis,
        "source": facts.source,
        "recipients": list(facts.recipients),
        "transfer": facts.transfer,
        "storage": storage(area, survey.words),
        "categories": [
            {"key": key, "name": name}
            for key, name in zip(
                categories(collection), category_names(collection, survey.words), strict=True
            )
        ],
    }


FURTHER_RIGHTS: Mapping[Right, str] = {
    Right.RECTIFICATION: _("Correction of data that is wrong or incomplete"),
    Right.ERASURE: _("Erasure of your data"),
    Right.OPT_OUT_OF_SALE: _("An end to selling and sharing your data"),
    Right.LIMIT_SENSITIVE_USE: _("A limit to our use of your sensitive data"),
    Right.RESTRICTION: _("Restriction of what we do with your data"),
    Right.OBJECTION: _("An end to our use of your data, when you object to it"),
}


def rights(law: Policy | None, words: Words) -> list[str]:
    """Return the person's further rights under *law* (GDPR Art. 15(1)(e) and others)."""
    named = law.further_rights.rights if law is not None and law.further_rights else ()
    return [words.say(FURTHER_RIGHTS[right]) for right in named if right in FURTHER_RIGHTS]


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of data with the facts that the law demands."""

    key: str
    name: str
    statutory: str
    """Its name in the law; empty where it names none."""
    collections: list[str]
    labels: list[str]
    purposes: list[str]
    legal_bases: list[str]
    sources: list[str]
    recipients: list[str]
    transfers: list[str]
    storage: list[str]


def by_category(survey: PackageSurvey) -> list[Category]:
    """Return the facts on each kind of data, over all collections that can hold it."""
    keys = sorted({key for area in survey.areas for key in categories(area.collection)})
    return [_category(key, survey) for key in keys]


def _category(key: str, survey: PackageSurvey) -> Category:
    areas = [area for area in survey.areas if key in categories(area.collection)]
    held = ((area.collection, field) for area in areas for field in area.collection.fields)
    facts = [collection.facts_of(field) for collection, field in held if key in field.categories]
    return Category(
        key=key,
        name=labels.category(key, survey.words, areas[0].collection.category_names),
        statutory=labels.statutory(key, survey.contents.rules.law, survey.words),
        collections=[area.stem for area in areas],
        labels=[area.label for area in areas],
        purposes=_distinct(fact.purpose for fact in facts),
        legal_bases=_distinct(fact.legal_basis for fact in facts),
        sources=_distinct(fact.source for fact in facts),
        recipients=_distinct(name for fact in facts for name in fact.recipients),
        transfers=_distinct(fact.transfer for fact in facts),
        storage=_distinct(
            field.facts.storage or storage(area, survey.words)
            for area in areas
            for field in area.collection.fields
            if key in field.categories
        ),
    )


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
