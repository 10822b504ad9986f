"""
Plans the marks and corrections of a person's records, and declines corrections with a reason. Pure.

A mark is a field in the map; every program of the company that reads the record must respect it. Earlier
marks stay when a restriction is lifted: they have another reason.

A correction names a field as the data map does: by its path, or with the collection before it, and then there
alone. It applies to all of the person's records with that field; copies in fields of other names are not
changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from services.fulfillment.changes.change import NOT_EDITABLE, Change, Gap, RefusedCorrection, same, standing
from services.fulfillment.datamap.model import Collection, DataMap, MappedField, MarkRule
from services.fulfillment.datamap.paths import array_around, below, places
from services.fulfillment.domain import LEGAL_HOLD, Retain, decide_disposition
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, Set
from services.fulfillment.search.findings import Findings, FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.events import Correction
from shared.law import Right
from shared.law.taxonomy import covered
from shared.runtime.mongo import Decimal128, Int64

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


def marks(
    right: Right, collection: Collection, *, direct_marketing: bool, services: bool = True
) -> Iterator[MarkRule]:
    """
    Yield the marks that *right* sets on records of *collection*.

    Without *services*, consents that a service depends on are left out.
    """
    if restricts(right, direct_marketing=direct_marketing) and collection.restriction is not None:
        yield collection.restriction
    categories = (category for field in collection.leaves for category in field.categories)
    if collection.opt_out is not None and (
        right in {Right.OBJECTION, Right.OPT_OUT_OF_SALE}
        or (right is Right.LIMIT_SENSITIVE_USE and any(covered(one, SENSITIVE) for one in categories))
    ):
        yield collection.opt_out
    if right is Right.CONSENT_WITHDRAWAL and collection.consent and (services or not collection.serves):
        yield collection.consent


def plan_marks(  # noqa: PLR0913 - the right and its scope
    findings: Findings,
    data_map: DataMap,
    today: date,
    right: Right,
    *,
    direct_marketing: bool = False,
    services: bool = True,
) -> RecordPlan:
    """
    Return the plan of the marks for *right* on the records in *findings*.

    If the right restricts, records that cannot be marked are in the plan as well, with the reason; else
    records without a mark are left out.
    """
    planned = (
        _marked_step(found, right, direct_marketing=direct_marketing, services=services)
        for found in findings.found
    )
    return _plan(tuple(filter(None, planned)), findings, data_map, today)


def _plan(steps: tuple[RecordStep, ...], findings: Findings, data_map: DataMap, today: date) -> RecordPlan:
    lacking = (*findings.missing, *findings.absent)
    order, version = (tuple(dict.fromkeys(step.key for step in steps)),), data_map.version
    return RecordPlan(version, today, (), steps, order, lacking, unconfirmed=findings.unconfirmed)


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
            steps.append(replace(step, sets=ours, guard=(OwnershipMatch(path, None, (value,)),), alone=()))
    return replace(plan, steps=tuple(steps))


def _marked_step(
    found: FoundRecord, right: Right, *, direct_marketing: bool, services: bool = True
) -> RecordStep | None:
    wanted = list(marks(right, found.collection, direct_marketing=direct_marketing, services=services))
    restricted = restricts(right, direct_marketing=direct_marketing)
    parts = [marks_on(found, mark) for mark in wanted]
    unmarkable = restricted and (found.collection.restriction is None or parts[0] is None)
    if not unmarkable and all(part is None for part in parts):
        return None
    sets = [part for some in parts for part in some or ()]
    step = _step(found, Disposition.UNCHANGED if unmarkable else Disposition.MARKED, sets)
    return replace(step, reason=NOT_MARKABLE if unmarkable else None)


def _step(found: FoundRecord, disposition: Disposition, sets: Sequence[Set]) -> RecordStep:
    return RecordStep(
        key=found.collection.key,
        place=found.collection.place,
        id=found.id,
        disposition=disposition,
        guard=tuple(m for m in found.matches if m.unit is None) if found.owned else found.matches,
        alone=found.alone,
        sets=tuple(sets),
    )


def marks_on(found: FoundRecord, mark: MarkRule) -> tuple[Set, ...] | None:
    """Return the mark of the person's part of a record: empty if it is marked; None if it cannot be."""
    unit = array_around(mark.field, found.divided)
    if unit is None:
        return _mark_on_document(found, mark) if found.sole else None
    theirs = [match for match in found.elements if match.unit == unit]
    return tuple(_marks_on_elements(found, mark, unit, theirs)) if theirs and mark.field != unit else None


def _mark_on_document(found: FoundRecord, mark: MarkRule) -> tuple[Set, ...] | None:
    before = standing(found.document, mark.field)
    if before is Gap.BLOCKED:
        return None
    return () if same(before, mark.value) else (_mark(mark, before),)


def _marks_on_elements(
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
            part = _mark(mark, marked[0] if alike else mark.value)
            yield replace(part, arrays=(*above, unit), of=match)


def _mark(mark: MarkRule, before: Any) -> Set:
    created = before is Gap.MISSING
    return Set(mark.field, mark.value, before=None if created else before, created=created)


NOT_FOUND = "not_found"
"""The person's records have no such field."""
SAME_VALUE = "same_value"
"""The new value is stored already."""
WRONG_TYPE = "wrong_type"
"""The field holds a number, a date or a truth value, and the text is none."""
AMBIGUOUS = "ambiguous"
"""Several different values are stored under that name: it is unknown which one is wrong."""


_Decision: TypeAlias = Set | str
"""The new value, or the reason against it."""
_Place: TypeAlias = tuple[FoundRecord, _Decision]


def plan_corrections(
    findings: Findings, data_map: DataMap, corrections: Sequence[Correction], today: date
) -> Change:
    """
    Return the change for *corrections* in the records found.

    Records with a disputed value that no request may change are restricted until the staff has decided.

    Law:
        GDPR Art. 18(1)(a): while the accuracy is verified, the processing is restricted.
    """
    named: defaultdict[tuple[Correction, str], list[_Place]] = defaultdict(list)
    held = frozenset(found.collection.key for found in findings.found)
    fields = {correction: _named(data_map, correction.field, held) for correction in corrections}
    for found in findings.found:
        for correction in corrections:
            for field in fields[correction].get(found.collection.key, ()):
                if (decision := _decide(found, field, correction.value, today)) is not None:
                    named[correction, found.collection.key].append((found, decision))
    parts: dict[int, tuple[FoundRecord, list[Set]]] = {}
    declined: dict[RefusedCorrection, None] = {}
    for correction in dict.fromkeys(corrections):
        for reason, key, accepted in _settled(correction, named):
            if reason is not None:
                declined[RefusedCorrection(correction.field, reason, key)] = None
            for found, part in accepted:
                parts.setdefault(id(found), (found, []))[1].append(part)
    disputed = {
        id(found): found for places in named.values() for found, part in places if part == NOT_EDITABLE
    }
    marked = (_marked_step(found, Right.RESTRICTION, direct_marketing=False) for found in disputed.values())
    steps = list(filter(None, marked))
    for found, changed in parts.values():
        hold = found.collection.legal_hold
        step = _step(found, Disposition.CORRECTED, changed)
        steps.append(replace(step, hold=None if hold is None else (hold.field, hold.value)))
    return Change(_plan(tuple(steps), findings, data_map, today), tuple(declined))


def _settled(
    correction: Correction, named: Mapping[tuple[Correction, str], Sequence[_Place]]
) -> Iterator[tuple[str | None, str | None, Sequence[tuple[FoundRecord, Set]]]]:
    """Yield for each collection of *correction* the reason against it, or the places to change."""
    means = {key: found for (other, key), found in named.items() if other == correction}
    if not means:
        yield NOT_FOUND, None, ()
    for key, decisions in means.items():
        accepted = [(found, part) for found, part in decisions if isinstance(part, Set)]
        reasons = dict.fromkeys(reason for _, reason in decisions if isinstance(reason, str))
        if any(not _alike(accepted[0][1], part) for _, part in accepted):
            accepted, reasons = [], {AMBIGUOUS: None}
        if accepted:
            reasons.pop(SAME_VALUE, None)
        yield None, key, accepted
        for reason in reasons:
            yield reason, key, ()


def _alike(one: Set, other: Set) -> bool:
    return one.path == other.path and one.created == other.created and same(one.before, other.before)


def _named(data_map: DataMap, name: str, held: frozenset[str]) -> Mapping[str, Sequence[MappedField]]:
    """Return the fields with *name*, by collection: by the first way of reading it that fits a *held* one."""
    readings: Sequence[defaultdict[str, list[MappedField]]] = [defaultdict(list) for _ in range(3)]
    for collection in data_map.collections:
        for field in collection.leaves:
            qualified = {f"{collection.key}.{field.path}", f"{collection.name}.{field.path}"}
            forms = (qualified, {field.path}, {field.path.rpartition(".")[2]})
            for reading, names in zip(readings, forms, strict=True):
                if name in names:
                    reading[collection.key].append(field)
    return next((reading for reading in readings if any(key in held for key in reading)), {})


def _decide(found: FoundRecord, field: MappedField, text: str, today: date) -> _Decision | None:
    """Return the new value of *field*, or the reason against it; None if it is not the person's."""
    place = _place(found, field)
    if place is None or isinstance(place, str):
        return place
    # The start of a retention period, too: a person must not make a record due by a correction.
    if not found.collection.corrects(field):
        return NOT_EDITABLE
    # Evidence must not change at all (GDPR Art. 17(3)(e), by its reason).
    decided = decide_disposition(found.collection, found.document, today=today)
    if isinstance(decided, Retain) and decided.reason == LEGAL_HOLD:
        return LEGAL_HOLD
    try:
        value = converted(text, place.before, field.type)
    except ValueError:
        return WRONG_TYPE
    return SAME_VALUE if not place.created and same(value, place.before) else replace(place, value=value)


def _place(found: FoundRecord, field: MappedField) -> Set | str | None:
    """Return the place of *field* with its value; or why it is unclear; None if there is none."""
    unit = array_around(field.path, found.divided)
    if unit is None:
        if found.shared and (not found.sole or field in found.collection.of_others):
            return NOT_EDITABLE  # its value is not shown either
        return _on_document(found, field) if found.sole else None
    theirs = [match for match in found.elements if match.unit == unit]
    return _on_elements(found, field, unit, theirs) if theirs else None


def _on_document(found: FoundRecord, field: MappedField) -> Set | str:
    before = standing(found.document, field.path)
    if before is Gap.BLOCKED:
        return AMBIGUOUS
    created = before is Gap.MISSING
    return Set(field.path, None, before=None if created else before, created=created, instead=True)


def _on_elements(
    found: FoundRecord, field: MappedField, unit: str, theirs: Sequence[OwnershipMatch]
) -> Set | str:
    inside = below(field.path, unit)
    elements = (element for match in theirs for element in match.elements(found.document))
    held = [standing(element.value, inside) for element in elements] if inside else []
    if not held or held[0] is Gap.BLOCKED or not all(same(value, held[0]) for value in held):
        return AMBIGUOUS
    above = next((arrays for arrays, _ in places(found.document, unit)), ())
    created = held[0] is Gap.MISSING
    before = None if created else held[0]
    return Set(field.path, None, before, created, (*above, unit), of=theirs[0], instead=True)


YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
MOST_BITS = 63


def converted(text: str, stored: Any, declared: str | None) -> Any:
    """
    Return *text* as a value of the type of *stored*; without a stored value, of the type *declared*.

    A list takes one element from each line.

    Raises:
        ValueError: It is no such value, or the type has no written form.
    """
    kind = (declared or "").removesuffix("[]")
    if isinstance(stored, list) or (stored is None and (declared or "").endswith("[]")):
        sample = next(iter(stored or ()), None)
        return [_single(line.strip(), sample, kind) for line in text.splitlines() if line.strip()]
    return _single(text.strip(), stored, kind)


def _single(text: str, stored: Any, kind: str) -> Any:
    if stored is not None:
        kind = next((name for type_, name in _KINDS if isinstance(stored, type_)), "unwritable")
    if kind not in _READERS:
        raise ValueError("a value of this type cannot be written down")
    return _READERS[kind](text)


def _truth(text: str) -> bool:
    if text.casefold() not in YES | NO:
        raise ValueError("neither true nor false")
    return text.casefold() in YES


def _long(text: str) -> Int64:
    number = int(text)
    if number.bit_length() > MOST_BITS:
        raise ValueError("a number too large to store")
    return Int64(number)


def _integer(text: str) -> int:
    return int(_long(text))


def _decimal(text: str) -> Decimal128:
    try:
        return Decimal128(Decimal(text))
    except InvalidOperation:
        raise ValueError("no decimal number") from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_KINDS: Sequence[tuple[type, str]] = (
    (bool, "boolean"), (Int64, "long"), (int, "integer"), (float, "double"),
    (Decimal128, "decimal"), (datetime, "datetime"), (str, "string"),
)  # fmt: skip
"""Type of a stored value → type of the data map; the first that fits counts."""
_READERS: Mapping[str, Callable[[str], Any]] = {
    "": str, "string": str, "boolean": _truth, "integer": _integer, "number": _integer, "long": _long,
    "float": float, "double": float, "decimal": _decimal, "datetime": _moment, "date": _moment,
}  # fmt: skip
