"""
The marks for each right, and their removal. Pure.

A mark is a field in the map; every program of the company that reads the record must respect it. Earlier
marks stay when a restriction is lifted: they have another reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from services.fulfillment.changes.change import Gap, array_around, same, standing
from services.fulfillment.datamap.model import Collection, DataMap, MarkRule, covered
from services.fulfillment.datamap.paths import below, places
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, Set
from services.fulfillment.search.findings import Findings, FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.law import Right

NOT_MARKABLE = "not_markable"
"""The map names no mark for the record, or the record has no place for it."""
SENSITIVE = (
    "user.authorization", "user.biometric", "user.content.private", "user.demographic.political_opinion",
    "user.demographic.race_ethnicity", "user.demographic.religious_belief",
    "user.demographic.sexual_orientation", "user.financial", "user.government_id", "user.health_and_medical",
    "user.location.precise",
)  # fmt: skip
"""
Categories with a use that a consumer may limit.

Law:
    Cal. Civ. Code § 1798.140(ae): government numbers, log-in and account numbers with their secrets, precise
    geolocation, origin, belief, private messages, genetic, biometric and health data, sex life.
"""


def restricts(right: Right, *, direct_marketing: bool) -> bool:
    """
    Return whether *right* restricts all of the person's data.

    Law:
        GDPR Art. 18(1)(d): while the grounds are weighed, an objection restricts. One to direct marketing is
        not weighed (Art. 21(3)).
    """
    return right is Right.RESTRICTION or (right is Right.OBJECTION and not direct_marketing)


def marks(right: Right, collection: Collection, *, direct_marketing: bool) -> Iterator[MarkRule]:
    """Yield the marks that *right* sets on records of *collection*."""
    if restricts(right, direct_marketing=direct_marketing) and collection.restriction is not None:
        yield collection.restriction
    categories = (category for field in collection.leaves for category in field.categories)
    if collection.opt_out is not None and (
        right in {Right.OBJECTION, Right.OPT_OUT_OF_SALE}
        or (right is Right.LIMIT_SENSITIVE_USE and any(covered(one, SENSITIVE) for one in categories))
    ):
        yield collection.opt_out
    if right is Right.CONSENT_WITHDRAWAL and collection.consent is not None:
        yield collection.consent


def plan_marks(
    findings: Findings, data_map: DataMap, today: date, right: Right, *, direct_marketing: bool = False
) -> RecordPlan:
    """
    Return the plan of the marks for *right* on the records in *findings*.

    If the right restricts, records that cannot be marked are in the plan as well, with the reason; else
    records without a mark are left out.
    """
    planned = (_step(found, right, direct_marketing=direct_marketing) for found in findings.found)
    steps = tuple(filter(None, planned))
    return RecordPlan(
        version=data_map.version,
        made_on=today,
        targets=(),
        steps=steps,
        order=(tuple(dict.fromkeys(step.key for step in steps)),),
        missing=findings.missing,
        unconfirmed=findings.unconfirmed,
    )


def lifted(plan: RecordPlan, data_map: DataMap) -> RecordPlan:
    """Return the plan that removes the restrictions of *plan* from records that are still marked."""
    steps = []
    for step in plan.steps:
        mark = data_map.by_key[step.key].restriction
        parts = [
            replace(part, value=part.before, before=part.value, instead=True, removed=part.created)
            for part in step.sets
            if mark is not None and part.path == mark.field
        ]
        ours = tuple(part for part in parts if not same(part.before, part.value) or part.removed)
        if ours:
            path, value = next(iter(step.id.items()))
            steps.append(replace(step, sets=ours, guard=(OwnershipMatch(path, None, (value,)),)))
    return replace(plan, steps=tuple(steps))


def _step(found: FoundRecord, right: Right, *, direct_marketing: bool) -> RecordStep | None:
    wanted = list(marks(right, found.collection, direct_marketing=direct_marketing))
    restricted = restricts(right, direct_marketing=direct_marketing)
    parts = [_sets(found, mark) for mark in wanted]
    unmarkable = restricted and (found.collection.restriction is None or parts[0] is None)
    if unmarkable or any(part is not None for part in parts):
        return RecordStep(
            key=found.collection.key,
            place=found.collection.place,
            id=found.id,
            disposition=Disposition.UNCHANGED if unmarkable else Disposition.MARKED,
            guard=tuple(m for m in found.matches if m.unit is None) if found.owned else found.matches,
            sets=tuple(part for some in parts for part in some or ()),
            reason=NOT_MARKABLE if unmarkable else None,
        )
    return None


def _sets(found: FoundRecord, mark: MarkRule) -> tuple[Set, ...] | None:
    """Return the mark of the person's part of a record: empty if it is marked; None if it cannot be."""
    unit = array_around(mark.field, found.divided)
    if unit is None:
        return _on_document(found, mark) if found.owned else None
    theirs = [match for match in found.elements if match.unit == unit]
    return tuple(_on_elements(found, mark, unit, theirs)) if theirs and mark.field != unit else None


def _on_document(found: FoundRecord, mark: MarkRule) -> tuple[Set, ...] | None:
    before = standing(found.document, mark.field)
    if before is Gap.BLOCKED:
        return None
    return () if same(before, mark.value) else (_set(mark, before),)


def _on_elements(
    found: FoundRecord, mark: MarkRule, unit: str, theirs: Sequence[OwnershipMatch]
) -> Iterator[Set]:
    """
    Yield the marks on the person's elements of the array *unit*.

    Elements are identified by their person alone. So if some of the person's are marked already, all stay
    marked when the restriction is lifted.
    """
    above = next((arrays for arrays, _ in places(found.document, unit)), ())
    for match in theirs:
        elements = match.elements(found.document)
        marked = [standing(element.value, below(mark.field, unit)) for element in elements]
        if not all(same(value, mark.value) for value in marked):
            alike = all(same(value, marked[0]) for value in marked)
            part = _set(mark, marked[0] if alike else mark.value)
            yield replace(part, arrays=(*above, unit), of=match)


def _set(mark: MarkRule, before: Any) -> Set:
    created = before is Gap.MISSING
    return Set(mark.field, mark.value, before=None if created else before, created=created)
