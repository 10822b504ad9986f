"""Plans the writes of an erasure, record by record."""

import secrets
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, tzinfo
from graphlib import TopologicalSorter
from types import MappingProxyType
from typing import Any

from services.fulfillment.changes.planner import marks_on
from services.fulfillment.datamap.model import (
    PERSONAL,
    Collection,
    DataMap,
    Erasure,
    MappedField,
    Masking,
)
from services.fulfillment.datamap.paths import array_around, arrays_at, leads_through, places, values_at
from services.fulfillment.domain import (
    CLAIMABLE,
    LEGAL_HOLD,
    NOT_CHANGEABLE,
    OUT_OF_SCOPE,
    RETENTION_DUTY,
    ErasureGround,
    LegalBasis,
    Retain,
    decide_disposition,
    erasure_ground,
    holds_mark,
    legal_bases,
)
from services.fulfillment.erasure.masks import NULL, PRESERVE, UNSET, MaskFit, constant, fitting_mask, masked
from services.fulfillment.erasure.steps import (
    Disposition,
    Mask,
    Pull,
    RecordName,
    RecordPlan,
    RecordStep,
    Steps,
    alike,
    record_named,
    runs_of,
)
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import Findings, FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.rules import Rules
from shared.law import Policy
from shared.law.taxonomy import covered

SECRET_BYTES = 32


def plan(  # noqa: PLR0913 - the parts of a plan
    findings: Findings,
    data_map: DataMap,
    today: date,
    targets: Sequence[str] = PERSONAL,
    *,
    secret: bytes | None = None,
    zone: tzinfo = UTC,
    areas: Sequence[str] = (),
    ground: str = "",
    held: Container[RecordName] = frozenset(),
) -> RecordPlan:
    """
    Return the disposition of every record in *findings*.

    Args:
        findings: The result of a search over *data_map*.
        data_map: States what is deleted, masked and kept.
        today: The day for the retention periods.
        targets: The categories to erase; sub-categories are included.
        secret: Key of the hashes among the masks; random if left out, and never stored.
        zone: The zone of the company, in which the days of retention periods are.
        areas: The keys of the collections that the request is limited to; empty: all.
        ground: The ground that the staff has decided: no contract and no purpose prevails over it.
        held: The records that a legal hold of the staff keeps.
    """
    running = any(collection.active for collection in data_map.collections) and has_contract(findings.found)
    secret = secret or secrets.token_bytes(SECRET_BYTES)
    planner = _Planner(
        today, targets, secret, {}, zone, running=running, areas=areas, ground=ground, held=held
    )
    decided = _plan(findings.found, data_map, planner)
    aliases = {name: tuple(spellings) for name, spellings in findings.aliases.items()}
    verified = {name: tuple(spellings) for name, spellings in findings.verified.items()}
    return replace(
        decided,
        missing=(*findings.missing, *findings.absent),
        aliases=aliases,
        verified=verified,
        unconfirmed=findings.unconfirmed,
    )


def plan_records(  # noqa: PLR0913 - the parts of a plan
    found: Iterable[FoundRecord],
    data_map: DataMap,
    today: date,
    targets: Sequence[str] = PERSONAL,
    rules: Mapping[str, Rules] = MappingProxyType({}),
    *,
    zone: tzinfo = UTC,
    running: bool | None = None,
    areas: Sequence[str] = (),
    ground: str = "",
    held: Container[RecordName] = frozenset(),
) -> RecordPlan:
    """
    Return the disposition of the records *found*, for instance of those that an earlier plan has left.

    *rules* are the validation rules of the stores by the key of a collection; masks adapt to them. *zone* is
    that of the company. *running* says whether the person has a running contract; None: contracts do not
    count. *areas* are the keys of the collections that the request is limited to. *ground* and *held*: see
    :func:`plan`.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    planner = _Planner(
        today, targets, secret, rules, zone, running=running, areas=areas, ground=ground, held=held
    )
    return _plan(found, data_map, planner)


def grounds_of(
    plan: RecordPlan, data_map: DataMap, law: Policy, *, child: bool
) -> Counter[tuple[str, ErasureGround]]:
    """Return the number of records that *plan* erases or masks, by collection and ground."""
    counts: Counter[tuple[str, ErasureGround]] = Counter()
    for step, records in alike(plan.steps):
        basis = data_map.by_key[step.key].facts.legal_basis
        ground = erasure_ground(basis, law, child=child, decided=plan.ground)
        if ground is not None and step.disposition in (Disposition.ERASED, Disposition.MASKED):
            counts[step.key, ground] += records
    return counts


def per_ground(counts: Mapping[tuple[str, ErasureGround], int]) -> dict[str, int]:
    """Return the records per ground, of *counts* from :func:`grounds_of`."""
    totals: Counter[str] = Counter()
    for (_, ground), records in counts.items():
        totals[ground.value] += records
    return dict(totals)


def has_contract(found: Iterable[FoundRecord]) -> bool:
    """Return whether any record *found* is a running contract of the person."""
    return any(map(is_contract, found))


def is_contract(found: FoundRecord) -> bool:
    """Return whether *found*, or the person's part of it, states a running contract."""
    mark = found.collection.active
    if mark is None:
        return False
    unit = array_around(mark.field, found.divided)
    if unit is None:
        # In another person's document the contract is that person's.
        return (found.owned or found.shared) and holds_mark(mark, found.document)
    theirs = (match for match in found.elements if match.unit == unit)
    return any(mark.value in match.element_values(found.document, mark.field) for match in theirs)


def _plan(found: Iterable[FoundRecord], data_map: DataMap, planner: "_Planner") -> RecordPlan:
    steps = Steps(runs_of(planner.step(item) for item in found))
    return RecordPlan(
        version=data_map.version,
        made_on=planner.today,
        targets=planner.targets,
        areas=planner.areas,
        ground=planner.ground,
        steps=steps,
        order=_order(data_map, {step.key for step, _ in alike(steps)}),
    )


def _order(data_map: DataMap, keys: set[str]) -> tuple[tuple[str, ...], ...]:
    """Return *keys* in groups that respect ``erase_after`` and ``after``."""
    sorter = TopologicalSorter(data_map.predecessors)
    sorter.prepare()
    groups = []
    while sorter.is_active():
        ready = sorter.get_ready()
        groups.append(tuple(sorted(keys.intersection(ready))))
        sorter.done(*ready)
    return tuple(group for group in groups if group)


class _Planner:
    def __init__(  # noqa: PLR0913 - the facts of a plan
        self,
        today: date,
        targets: Sequence[str],
        secret: bytes,
        rules: Mapping[str, Rules],
        zone: tzinfo,
        *,
        running: bool | None,
        areas: Sequence[str],
        ground: str,
        held: Container[RecordName],
    ) -> None:
        self.today = today
        self._zone = zone
        self.targets = tuple(targets)
        self._secret = secret
        self._rules = rules
        self._running = None if ground else running
        self.ground = ground
        self.areas = tuple(areas)
        self._held = held
        self._maskables: dict[str, list[MappedField]] = {}
        self._deletable: dict[str, bool] = {}

    def step(self, found: FoundRecord) -> RecordStep:
        if self._is_outside(found.collection):
            return self._step(found, Disposition.UNCHANGED, reason=OUT_OF_SCOPE)
        if record_named(found.collection.key, found.id) in self._held:
            return self._retained(found, Retain(LEGAL_HOLD, "", until=None, reduced=False))
        decision = decide_disposition(
            found.collection, found.document, today=self.today, zone=self._zone, needed=self._is_needed(found)
        )
        if isinstance(decision, Retain):
            prevails = self.ground and decision.reason in CLAIMABLE
            return self._changed(found) if prevails else self._retained(found, decision)
        if found.sole and decision.mode is Erasure.DELETE and self._is_deletable(found.collection):
            return self._step(found, Disposition.ERASED, deleted=True)
        return self._changed(found)

    def _is_outside(self, collection: Collection) -> bool:
        """Return whether *collection* holds nothing that the request is limited to."""
        if self.areas:
            return collection.key not in self.areas
        return self.targets != PERSONAL and not any(f.is_about(self.targets) for f in collection.leaves)

    def _is_needed(self, found: FoundRecord) -> bool:
        """Return whether a running contract of the person needs *found*: it is one, or rests on one."""
        if self._running is None:
            return False
        if found.collection.active is not None:
            return is_contract(found)
        return self._running and LegalBasis.CONTRACT in legal_bases(found.collection.facts.legal_basis)

    def _step(self, found: FoundRecord, disposition: Disposition, **change: Any) -> RecordStep:
        guard = tuple(m for m in found.matches if m.unit is None) if found.owned else found.matches
        hold = found.collection.legal_hold
        return RecordStep(
            key=found.collection.key,
            place=found.collection.place,
            id=found.id,
            disposition=disposition,
            guard=guard,
            alone=found.alone,
            hold=None if hold is None else (hold.field, hold.value),
            **change,
        )

    def _retained(self, found: FoundRecord, decision: Retain) -> RecordStep:
        fields = [field for field in self._maskable(found.collection) if field.masking is not None]
        lock = found.collection.locked if decision.reason == RETENTION_DUTY else None
        marks = None if lock is None else marks_on(found, lock)
        return self._step(
            found,
            Disposition.RETAINED,
            sets=marks or (),
            locked=marks is not None,
            masks=tuple(self._masks(found, fields, found.elements)) if decision.reduced else (),
            reason=decision.reason,
            because=decision.because,
            until=decision.until,
        )

    def _changed(self, found: FoundRecord) -> RecordStep:
        """Return the step that removes the person's data from a document that stays."""
        collection = found.collection
        pulled = [match for match in found.elements if self._goes(collection, match)]
        units = {match.unit for match in pulled}
        kept = [match for match in found.elements if match.unit not in units]
        fields = self._maskable(collection)
        masks = [*self._masks(found, fields, kept)]
        masks += [mask for match in pulled for mask in self._single_masks(found, match)]
        pulls = [
            Pull(match, arrays)
            for match in pulled
            for arrays in dict.fromkeys(arrays_at(found.document, match.unit or ""))
        ]
        details = any(not mask.single for mask in masks)
        goes = Disposition.ERASED if pulls or masks else Disposition.UNCHANGED
        left = tuple(self._unchangeable(found, kept))
        stays = left and goes is Disposition.UNCHANGED
        return self._step(
            found,
            Disposition.LEFT if stays else Disposition.MASKED if details else goes,
            masks=tuple(masks),
            pulls=tuple(pulls),
            accompanied=found.accompanied,
            reason=NOT_CHANGEABLE if stays else None,
            undeclared=_undeclared(collection, found.document) if found.sole else 0,
            left=left,
        )

    def _unchangeable(self, found: FoundRecord, elements: Sequence[OwnershipMatch]) -> Iterator[str]:
        """Yield the paths of values of the person that the map forbids to change; those of *elements* too."""
        for field in found.collection.leaves:
            if not (_fixed(field) and field.is_about(self.targets)):
                continue
            inside = [m for m in elements if m.unit is not None and field.path.startswith(f"{m.unit}.")]
            values = [match.element_values(found.document, field.path) for match in inside]
            if found.sole and not any(leads_through(field.path, unit) for unit in found.divided):
                values.append(values_at(found.document, field.path))
            if any(value is not None for part in values for value in part):
                yield field.path

    def _goes(self, collection: Collection, match: OwnershipMatch) -> bool:
        """Return whether the matching elements are removed from their array."""
        unit = match.unit or ""
        inside = [f for f in collection.leaves if f.path == unit or f.path.startswith(f"{unit}.")]
        return not collection.by_path[unit].read_only and self._whole(inside)

    def _whole(self, fields: Iterable[MappedField]) -> bool:
        """Return whether the erasure covers all personal data in *fields*."""
        personal = [f for f in fields if f.is_about(PERSONAL)]
        return all(f.is_about(self.targets) for f in personal) and (
            bool(personal) or covered("user", self.targets)
        )

    def _is_deletable(self, collection: Collection) -> bool:
        if collection.key not in self._deletable:
            self._deletable[collection.key] = self._whole(collection.leaves)
        return self._deletable[collection.key]

    def _maskable(self, collection: Collection) -> list[MappedField]:
        if collection.key not in self._maskables:
            fields = [f for f in collection.leaves if f.is_about(self.targets) and not _fixed(f)]
            self._maskables[collection.key] = fields
        return self._maskables[collection.key]

    def _masks(
        self, found: FoundRecord, fields: Sequence[MappedField], elements: Iterable[OwnershipMatch]
    ) -> Iterator[Mask]:
        """Yield the masks of the person's document outside arrays that people share, and of *elements*."""
        for field in fields if found.sole else ():
            if not any(leads_through(field.path, unit) for unit in found.divided):
                yield from self._of_field(found, field, None)
        for match in elements:
            for field in fields:
                if match.unit is not None and field.path.startswith(f"{match.unit}."):
                    yield from self._of_field(found, field, match)

    def _single_masks(self, found: FoundRecord, match: OwnershipMatch) -> Iterator[Mask]:
        """Yield the masks of the person's element that stands alone in place of an array."""
        unit, rules = match.unit or "", self._rules.get(found.collection.key)
        for element in match.elements(found.document):
            if element.single:
                fit = self._fit(element.value, unit, Masking(UNSET), rules)
                yield Mask(unit, element.arrays, fit.value, fit.removed, (element.value,), match, single=True)

    def _of_field(self, found: FoundRecord, field: MappedField, of: OwnershipMatch | None) -> Iterator[Mask]:
        masking, rules = field.masking or NULL, self._rules.get(found.collection.key)
        seen = set()
        for arrays, value in places(found.document, field.path):
            same = not arrays or (constant(masking) and rules is None)
            mark = (arrays, None if same else key_of(value))
            if value is None or mark in seen:
                continue
            seen.add(mark)
            fit = self._fit(value, field.path, masking, rules)
            yield Mask(
                path=field.path,
                arrays=arrays,
                value=fit.value,
                removed=fit.removed,
                instead_of=() if same else (value,),
                of=of,
            )

    def _fit(self, value: Any, path: str, masking: Masking, rules: Rules | None) -> MaskFit:
        if rules is not None:
            return fitting_mask(value, path, masking, rules, self._secret)
        return MaskFit(masked(value, masking, self._secret), removed=masking.strategy == UNSET)


def _fixed(field: MappedField) -> bool:
    """Return whether the map, or the database, forbids to change *field*."""
    preserved = field.masking is not None and field.masking.strategy == PRESERVE
    return field.primary_key or field.read_only or preserved or field.path == "_id"


def _undeclared(collection: Collection, value: Any, above: str = "") -> int:
    """Return the number of fields of a document that the map does not know."""
    if isinstance(value, list):
        return sum(_undeclared(collection, item, above) for item in value)
    if not isinstance(value, Mapping):
        return 0
    count = 0
    for name, member in value.items():
        path = f"{above}.{name}" if above else name
        field = collection.by_path.get(path)
        if field is None:
            count += path != "_id"
        elif field.container:
            count += _undeclared(collection, member, path)
    return count
