"""
The planned corrections of a person's records, and the declined ones with reasons. Pure.

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

from services.fulfillment.changes.change import Change, Gap, RefusedCorrection, array_around, same, standing
from services.fulfillment.datamap.model import DataMap, MappedField
from services.fulfillment.datamap.paths import below, places
from services.fulfillment.domain import LEGAL_HOLD, Retain, decide_disposition
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, Set
from services.fulfillment.search.findings import Findings, FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.events import Correction
from shared.runtime.mongo import Decimal128, Int64

NOT_EDITABLE = "not_editable"
"""The map does not allow a request to change the field."""
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
    """Return the change for *corrections* in the records found."""
    named: defaultdict[tuple[Correction, str], list[_Place]] = defaultdict(list)
    fields = {correction: _named(data_map, correction.field) for correction in corrections}
    for found in findings.found:
        for correction in corrections:
            for field in fields[correction].get(found.collection.key, ()):
                if (decision := _decide(found, field, correction.value, today)) is not None:
                    named[correction, found.collection.key].append((found, decision))
    parts: defaultdict[int, list[Set]] = defaultdict(list)
    records: dict[int, FoundRecord] = {}
    declined: dict[RefusedCorrection, None] = {}
    for correction in dict.fromkeys(corrections):
        for reason, key, accepted in _settled(correction, named):
            if reason is not None:
                declined[RefusedCorrection(correction.field, reason, key)] = None
            for found, part in accepted:
                records[id(found)] = found
                parts[id(found)].append(part)
    steps = tuple(_step(found, parts[number]) for number, found in records.items())
    order = (tuple(dict.fromkeys(step.key for step in steps)),)
    plan = RecordPlan(
        data_map.version, today, (), steps, order, findings.missing, unconfirmed=findings.unconfirmed
    )
    return Change(plan, tuple(declined))


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


def _named(data_map: DataMap, name: str) -> Mapping[str, Sequence[MappedField]]:
    """Return the fields with *name*, by collection: by the first way of reading it with a result."""
    readings: Sequence[defaultdict[str, list[MappedField]]] = [defaultdict(list) for _ in range(3)]
    for collection in data_map.collections:
        for field in collection.leaves:
            qualified = {f"{collection.key}.{field.path}", f"{collection.name}.{field.path}"}
            forms = (qualified, {field.path}, {field.path.rpartition(".")[2]})
            for reading, names in zip(readings, forms, strict=True):
                if name in names:
                    reading[collection.key].append(field)
    return next(filter(None, readings), {})


def _decide(found: FoundRecord, field: MappedField, text: str, today: date) -> _Decision | None:
    """Return the new value of *field*, or the reason against it; None if it is not the person's."""
    place = _place(found, field)
    if place is None or isinstance(place, str):
        return place
    if not field.editable or field.primary_key or field.read_only:
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
        return _on_document(found, field) if found.owned else None
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


def _step(found: FoundRecord, parts: Sequence[Set]) -> RecordStep:
    hold = found.collection.legal_hold
    return RecordStep(
        key=found.collection.key,
        place=found.collection.place,
        id=found.id,
        disposition=Disposition.CORRECTED,
        guard=tuple(m for m in found.matches if m.unit is None) if found.owned else found.matches,
        hold=None if hold is None else (hold.field, hold.value),
        sets=tuple(parts),
    )


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
