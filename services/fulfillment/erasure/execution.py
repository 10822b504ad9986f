"""
Erases by a plan, and looks again afterwards.

:func:`plan` decides; :func:`execute` writes, and may be stopped and begun again anywhere; :func:`verify`
believes neither and reads.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import DataMap, Place
from services.fulfillment.domain import reason_of_refusal
from services.fulfillment.erasure.operations import changes, deletions
from services.fulfillment.erasure.planning import plan
from services.fulfillment.erasure.steps import Disposition, Mask, Plan, Pull, Step
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.paths import key_of, raw_at, values_at
from services.fulfillment.search.stores import Probe, Stores
from services.fulfillment.search.walk import Findings, Found, gather
from shared.mongo import Document, Write

__all__ = [
    "Disposition",
    "Left",
    "Mask",
    "Plan",
    "Progress",
    "Pull",
    "Record",
    "Refused",
    "Remainder",
    "Remains",
    "Step",
    "bears",
    "execute",
    "plan",
    "record_of",
    "reread",
    "verify",
]

STEPS_PER_CHUNK = 1_000
"""Records of one collection that are changed before the next are looked at."""

Progress = Callable[[str, int], None]
"""Called with the key of a collection and the number of its records just done."""

Record: TypeAlias = tuple[str, Hashable]
"""Key of a collection, and what the primary key of one of its records is compared by."""

Refused: TypeAlias = Mapping[Record, str]
"""Records whose change a store refused → reason code."""


class Left(StrEnum):
    """What was to go and is still there."""

    DOCUMENT = "document"
    FIELD = "field"
    ELEMENT = "element"
    UNPLANNED = "unplanned"
    """A record of the person's that the plan does not know: it came or changed in between."""
    VANISHED = "vanished"
    """Its whole collection is not where it was: dropped or renamed, and nobody can say what became of it."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """One thing that is still there. Planning and erasing again may take it."""

    key: str
    id: Mapping[str, Any]
    left: Left
    path: str = ""


@dataclass(frozen=True, slots=True)
class Remains:
    """What a verification found."""

    remainders: tuple[Remainder, ...]
    looked_at: Mapping[str, int]
    """Records read again by primary key, per collection."""
    findings: Findings
    """The second search: the same walk from the same identities."""

    @property
    def clean(self) -> bool:
        """Whether everything is gone that was to go."""
        return not self.remainders


async def execute(
    plan: Plan,
    stores: Stores,
    *,
    progress: Progress = lambda _key, _done: None,
) -> Refused:
    """
    Carry out *plan*. What was done before is found done; what is no longer the person's is left alone.

    A record whose change a store refuses holds up no other; it is returned, with the reason.

    Raises:
        StoreUnavailable: A store did not answer; the call may be repeated.
    """
    by_key: dict[str, list[Step]] = defaultdict(list)
    for step in plan.steps:
        if step.changes:
            by_key[step.key].append(step)
    refused: dict[Record, str] = {}
    for group in plan.order:
        for part in await asyncio.gather(*(_erase(by_key[key], stores, progress) for key in group)):
            refused |= part
    return refused


async def _erase(steps: Sequence[Step], stores: Stores, progress: Progress) -> dict[Record, str]:
    refused: dict[Record, str] = {}
    for start in range(0, len(steps), STEPS_PER_CHUNK):
        chunk = steps[start : start + STEPS_PER_CHUNK]
        refused |= await _erase_chunk(chunk, stores)
        progress(chunk[0].key, len(chunk))
    return refused


async def _erase_chunk(steps: Sequence[Step], stores: Stores) -> dict[Record, str]:
    """Carry out *steps*, all in one collection: what is first of each, what is second of each, and so on."""
    refused = await _write(list(deletions(step for step in steps if step.deleted)), stores)
    waves = [(step, list(changes(step))) for step in steps if not step.deleted]
    for turn in range(max((len(wave) for _, wave in waves), default=0)):
        due = [(step, wave[turn]) for step, wave in waves if len(wave) > turn]
        refused |= await _write([([s], w) for s, w in due if record_of(s) not in refused], stores)
    return refused


async def _write(parts: Sequence[tuple[Sequence[Step], Write]], stores: Stores) -> dict[Record, str]:
    """Write *parts*, all in one collection, each for some steps; return the records that were refused."""
    if not parts:
        return {}
    place = parts[0][0][0].place
    refused = await stores.write(place, [write for _, write in parts])
    return {record_of(step): reason_of_refusal(code) for n, code in refused.items() for step in parts[n][0]}


def record_of(thing: Step | Found | Remainder) -> Record:
    """Return what tells the record of *thing* from all others."""
    key = thing.collection.key if isinstance(thing, Found) else thing.key
    return key, tuple((path, key_of(value)) for path, value in thing.id.items())


async def verify(plan: Plan, data_map: DataMap, stores: Stores, identities: Identities) -> Remains:
    """
    Look again, by primary key and by walking from *identities*; return what is still there.

    Raises:
        StoreUnavailable: A store did not answer: nothing can be said.
    """
    steps = [step for step in plan.steps if step.changes]
    parts = await asyncio.gather(*(_reread(some, stores.fresh) for some in _by_place(steps).values()))
    remainders = [remainder for part in parts for remainder in part]
    findings = await gather(data_map, stores.fresh, identities, plan.aliases)
    planned = {record_of(step): step for step in plan.steps} if findings.total else {}
    for found in findings.found:
        remainders += _found_again(found, planned.get(record_of(found)))
    remainders += [Remainder(s.key, s.id, Left.VANISHED) for s in steps if s.key in findings.missing]
    looked_at = Counter(step.key for step in steps)
    return Remains(_once(remainders), looked_at, findings)


def _once(remainders: Sequence[Remainder]) -> tuple[Remainder, ...]:
    """Return *remainders* without those that both ways of looking found."""
    return tuple({(record_of(r), r.left, r.path): r for r in remainders}.values())


def _by_place(steps: Iterable[Step]) -> dict[Place, list[Step]]:
    by_place: dict[Place, list[Step]] = defaultdict(list)
    for step in steps:
        by_place[step.place].append(step)
    return by_place


async def _reread(steps: Sequence[Step], stores: Stores) -> list[Remainder]:
    """Return what remains of *steps*, all in one collection, when their documents are read again."""
    read = await reread(steps, stores)
    return [remainder for step, document in read for remainder in _remaining(step, document)]


async def reread(steps: Sequence[Step], stores: Stores) -> list[tuple[Step, Document]]:
    """Return *steps*, all in one collection, with their documents as far as these are still there."""
    probes = [_probe(step) for step in steps]
    answers = await stores.find(steps[0].place, probes)
    return [
        (step, document)
        for step, probe in zip(steps, probes, strict=True)
        for document in answers[probe]
        if all(key_of(raw_at(document, path)) == key_of(value) for path, value in step.id.items())
    ]


def _probe(step: Step) -> Probe:
    path = next(iter(step.id))
    return Probe.of(path, step.id[path], caseless=False)


def _remaining(step: Step, document: Document) -> Iterator[Remainder]:
    if step.deleted:
        yield Remainder(step.key, step.id, Left.DOCUMENT)
        return
    for path in dict.fromkeys(mask.path for mask in step.masks):
        masks = [mask for mask in step.masks if mask.path == path]
        if not bears(document, path, masks):
            yield Remainder(step.key, step.id, Left.FIELD, path)
    for pull in step.pulls:
        unit = pull.match.unit or ""
        if any(pull.match.holds_of(element, pull.match.within) for element in values_at(document, unit)):
            yield Remainder(step.key, step.id, Left.ELEMENT, unit)


def bears(document: Document, path: str, masks: Sequence[Mask]) -> bool:
    """Tell whether nothing but masks stands at *path*, in the elements concerned if not in all."""
    allowed = {key_of(v) for mask in masks if not mask.removed for v in values_at(mask.value, "")}
    of = [mask.of for mask in masks if mask.of is not None]
    if not of:
        return all(value is None or key_of(value) in allowed for value in values_at(document, path))
    return all(
        value is None or key_of(value) in allowed
        for match in of
        for element in values_at(document, match.unit or "")
        if match.holds_of(element, match.within)
        for value in values_at(element, path[len(match.unit or "") + 1 :])
    )


def _found_again(found: Found, step: Step | None) -> Iterator[Remainder]:
    """Yield what a second search should not have found."""
    if step is None:
        yield Remainder(found.collection.key, found.id, Left.UNPLANNED)
        return
    if step.deleted:
        yield Remainder(step.key, step.id, Left.DOCUMENT)
    gone = {pull.match.unit for pull in step.pulls}
    hidden = {mask.path for mask in step.masks if mask.of is None}
    for match in found.matches:
        if match.unit is not None and match.unit in gone:
            yield Remainder(step.key, step.id, Left.ELEMENT, match.unit)
        elif match.path in hidden:
            yield Remainder(step.key, step.id, Left.FIELD, match.path)
