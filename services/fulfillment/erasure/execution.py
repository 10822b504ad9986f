"""
Executes the erasures, marks and corrections of a plan, and verifies the result.

:func:`execute` and :func:`execute_changes` write, and may be stopped and repeated at any point: written
values are found written. :func:`verify` relies on neither and reads. :func:`search_texts` searches all mapped
texts for the person. Nothing is changed there: a note about a conversation is two people's.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias, TypeVar

from services.fulfillment.changes.change import MissingChange, same, standing
from services.fulfillment.datamap.model import Collection, CollectionPlace, DataMap
from services.fulfillment.datamap.paths import below, raw_at, values_at
from services.fulfillment.domain import OUT_OF_SCOPE
from services.fulfillment.erasure.steps import (
    Disposition,
    Mask,
    RecordName,
    RecordPlan,
    RecordStep,
    Set,
    alike,
    record_named,
    steps_where,
)
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import Findings, FoundRecord, SearchStatus
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mentions import Mention, Needle, NeedleKind
from services.fulfillment.search.search_memory import SearchRoom
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.batch_lookup import Probe
from services.fulfillment.stores.existence import SeenCollectionsPort
from services.fulfillment.stores.mongodb import Stores, reason_of_refusal
from services.fulfillment.stores.operations import changes, deletions
from shared.errors import StoreUnavailable
from shared.runtime.dataloader import in_thread
from shared.runtime.mongo import Document, Write, json_util

STEPS_PER_CHUNK = 1_000
"""Records of one collection that are changed together."""
STEPS_PER_LOOK = 2_000
"""Records of one collection that are read again together."""
STEPS_PER_SCAN = 50_000
"""The same where the primary key is not ``_id`` and may have no index: each read is then a full pass."""

T = TypeVar("T")

Progress = Callable[[str, int], None]
"""Called with the key of a collection and the number of its records just done."""

Refused: TypeAlias = Mapping[RecordName, str]
"""Records that a store refused to change → reason code."""

NOT_TAKEN = "not_taken"
"""The store refused the change, for instance by its schema."""
OVERTAKEN = "overtaken"
"""Another program wrote in between, and its value stays."""


class RemainderKind(StrEnum):
    """Why a record that was to be erased is still there."""

    DOCUMENT = "document"
    FIELD = "field"
    ELEMENT = "element"
    UNPLANNED = "unplanned"
    """A record of the person that the plan does not contain: it was created or changed in between."""
    VANISHED = "vanished"
    """Its whole collection is gone: dropped or renamed, and its records' state is unknown."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """A value or record that is still there. A further round may erase it."""

    key: str
    id: Mapping[str, Any]
    left: RemainderKind
    path: str = ""


@dataclass(frozen=True, slots=True)
class Remains:
    """The result of a verification."""

    remainders: tuple[Remainder, ...]
    looked_at: Mapping[str, int]
    """Number of records read again by primary key, per collection."""
    findings: Findings

    @property
    def clean(self) -> bool:
        """Whether everything that was to be erased is gone."""
        return not self.remainders


async def execute(
    plan: RecordPlan,
    stores: Stores,
    *,
    progress: Progress = lambda _key, _done: None,
) -> Refused:
    """
    Execute *plan*. Finished steps are found done; records that are no longer the person's are left alone.

    A record that a store refuses to change does not stop the others; it is returned with the reason.

    Raises:
        StoreUnavailable: A store did not answer; all writes have ended, and the call may be repeated.
    """
    refused: dict[RecordName, str] = {}
    for group in plan.order:
        team = _TaskTeam()
        for part in await team.all_of(_erase(_changing(plan, key), stores, progress, team) for key in group):
            refused |= part
    return refused


def _changing(plan: RecordPlan, key: str) -> Iterator[RecordStep]:
    return steps_where(plan.steps, lambda step: step.key == key and step.changes)


@dataclass(slots=True)
class _TaskTeam:
    """A group of concurrent tasks: when one fails, the others finish their current work and stop."""

    failed: list[BaseException] = field(default_factory=list)

    async def all_of(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Return the results of *works* when all have ended; raise the first failure."""
        done = await asyncio.gather(*map(self._work, works), return_exceptions=True)
        if self.failed:
            raise self.failed[0]
        return [part for part in done if not isinstance(part, BaseException)]

    async def _work(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except BaseException as error:
            self.failed.append(error)
            raise


async def _erase(
    steps: Iterator[RecordStep], stores: Stores, progress: Progress, team: _TaskTeam
) -> dict[RecordName, str]:
    refused: dict[RecordName, str] = {}
    while not team.failed and (chunk := list(islice(steps, STEPS_PER_CHUNK))):
        refused |= await _erase_chunk(chunk, stores)
        progress(chunk[0].key, len(chunk))
    return refused


async def _erase_chunk(steps: Sequence[RecordStep], stores: Stores) -> dict[RecordName, str]:
    """Execute *steps*, all in one collection: the first write of each, then the second, and so on."""
    refused = await _write(list(deletions(step for step in steps if step.deleted)), stores)
    waves = [(step, list(changes(step))) for step in steps if not step.deleted]
    for turn in range(max((len(wave) for _, wave in waves), default=0)):
        due = [(step, wave[turn]) for step, wave in waves if len(wave) > turn]
        refused |= await _write([([s], w) for s, w in due if record_of(s) not in refused], stores)
    return refused


async def _write(
    parts: Sequence[tuple[Sequence[RecordStep], Write]], stores: Stores
) -> dict[RecordName, str]:
    """Write *parts*, all in one collection, each for some steps; return the refused records."""
    if not parts:
        return {}
    place = parts[0][0][0].place
    refused = await stores.write(place, [write for _, write in parts])
    return {record_of(step): reason_of_refusal(code) for n, code in refused.items() for step in parts[n][0]}


def record_of(thing: RecordStep | FoundRecord | Remainder) -> RecordName:
    """Return the unique name of the record of *thing*."""
    key = thing.collection.key if isinstance(thing, FoundRecord) else thing.key
    return record_named(key, thing.id)


async def verify(  # noqa: PLR0913 - what a search is told
    plan: RecordPlan,
    data_map: DataMap,
    stores: Stores,
    identities: Identities,
    register: SeenCollectionsPort | None = None,
    *,
    room: SearchRoom | None = None,
) -> Remains:
    """
    Verify by primary key and by a search from *identities*; return the remainders.

    Raises:
        StoreUnavailable: A store did not answer: the result would be incomplete.
    """
    counts: Counter[str] = Counter()
    for step, number in alike(plan.steps):
        counts[step.key] += number if step.changes else 0
    looked_at = +counts
    parts = await asyncio.gather(*(_reread(_changing(plan, key), stores.fresh) for key in looked_at))
    findings = await gather(
        data_map,
        stores.fresh,
        identities,
        plan.aliases,
        verified=plan.verified,
        register=register,
        room=room,
    )
    again = await in_thread(_seen_again, findings, plan, small=findings.is_small and plan.is_small)
    vanished = [
        Remainder(step.key, step.id, RemainderKind.VANISHED)
        for key in looked_at
        if key in findings.missing
        for step in _changing(plan, key)
    ]
    left = [*chain.from_iterable(parts), *again, *vanished]
    distinct = {(record_of(one), one.left, one.path): one for one in left}
    return Remains(tuple(distinct.values()), looked_at, findings)


def _seen_again(findings: Findings, plan: RecordPlan) -> list[Remainder]:
    if not findings.total:
        return []
    seen = {record_of(found) for found in findings.found}
    planned = {record: step for step in plan.steps if (record := record_of(step)) in seen}
    return [left for found in findings.found for left in _found_again(found, planned.get(record_of(found)))]


async def _reread(steps: Iterator[RecordStep], stores: Stores) -> list[Remainder]:
    """Read the documents of *steps*, all in one collection, and return the remainders."""
    remaining: list[Remainder] = []
    while some := list(islice(steps, STEPS_PER_LOOK)):
        if some[0].id.keys() != {"_id"}:
            some += islice(steps, STEPS_PER_SCAN)
        for step, document in await reread(some, stores):
            left = remainders_of(step, document)
            remaining += [Remainder(step.key, step.id, kind, path) for kind, path in left]
    return remaining


def remainders_of(step: RecordStep, document: Document) -> Iterator[tuple[RemainderKind, str]]:
    """Yield kind and path of everything in *document* that *step* was to erase."""
    if step.deleted:
        yield RemainderKind.DOCUMENT, ""
        return
    for path in dict.fromkeys(mask.path for mask in step.masks):
        if not bears(document, path, [mask for mask in step.masks if mask.path == path]):
            yield RemainderKind.FIELD, path
    for pull in step.pulls:
        if any(True for _ in pull.match.elements(document)):
            yield RemainderKind.ELEMENT, pull.match.unit or ""
    for part in step.sets:
        if not all(same(value, part.value) for value in _held(document, part)):
            yield RemainderKind.FIELD, part.path


async def reread(steps: Sequence[RecordStep], stores: Stores) -> list[tuple[RecordStep, Document]]:
    """Return *steps*, all in one collection, with their documents, if these still exist."""
    ids = [next(iter(step.id.items())) for step in steps]
    probes = [Probe.of(path, value, caseless=False) for path, value in ids]
    answers = await stores.find(steps[0].place, probes)
    return [
        (step, document)
        for step, probe in zip(steps, probes, strict=True)
        for document in answers[probe]
        if all(key_of(raw_at(document, path)) == key_of(value) for path, value in step.id.items())
    ]


def bears(document: Document, path: str, masks: Sequence[Mask]) -> bool:
    """Return whether only masks stand at *path*, in the elements concerned if not in all."""
    allowed = {key_of(v) for mask in masks if not mask.removed for v in values_at(mask.value, "")}
    of = [mask.of for mask in masks if mask.of is not None]
    parts = [match.element_values(document, path) for match in of] if of else [values_at(document, path)]
    return all(value is None or key_of(value) in allowed for part in parts for value in part)


def _found_again(found: FoundRecord, step: RecordStep | None) -> Iterator[Remainder]:
    remainder = partial(Remainder, found.collection.key, found.id)
    if step is None:
        yield remainder(RemainderKind.UNPLANNED)
        return
    if step.deleted:
        yield remainder(RemainderKind.DOCUMENT)
    gone = {pull.match.unit for pull in step.pulls} | {mask.path for mask in step.masks if mask.single}
    hidden = {mask.path for mask in step.masks if mask.of is None}
    for match in found.matches:
        if match.unit is not None and match.unit in gone:
            yield remainder(RemainderKind.ELEMENT, match.unit)
        elif any(path in hidden for path, _ in match.conditions):
            yield remainder(RemainderKind.FIELD, match.path)


async def execute_changes(plan: RecordPlan, stores: Stores) -> tuple[MissingChange, ...]:
    """
    Write the values of *plan*, read them again, and return the missing ones.

    Raises:
        StoreUnavailable: A store did not answer; the call may be repeated.
    """
    refused = await execute(plan, stores)
    steps: defaultdict[CollectionPlace, list[RecordStep]] = defaultdict(list)
    for step in plan.steps:
        if step.sets:
            steps[step.place].append(step)
    found = await asyncio.gather(*(reread(some, stores) for some in steps.values()))
    documents = {record_of(step): document for part in found for step, document in part}
    return tuple(
        MissingChange(step, part, NOT_TAKEN if record_of(step) in refused else OVERTAKEN)
        for step in chain.from_iterable(steps.values())
        for part in _missing(step, documents.get(record_of(step)))
    )


def _missing(step: RecordStep, document: Document | None) -> Iterator[Set]:
    """Yield the values of *step* that are missing."""
    # A record that is gone, or another person's now, needs no mark any more; but it is not corrected.
    theirs = document is not None and any(match.holds_of(document) for match in step.guard)
    if theirs or step.disposition is Disposition.CORRECTED:
        for part in step.sets:
            if document is None or not all(_is_done(value, part, step) for value in _held(document, part)):
                yield part


def _held(document: Document, part: Set) -> Iterator[Any]:
    """Yield the values at the place of *part*: one, or one in each of the person's elements."""
    if part.of is None:
        yield standing(document, part.path)
    else:
        unit = part.of.unit or ""
        yield from (standing(one.value, below(part.path, unit)) for one in part.of.elements(document))


def _is_done(value: Any, part: Set, step: RecordStep) -> bool:
    """Return whether *value* is the wanted one; for a mark that is removed, whether it is gone."""
    if part.instead and step.disposition is not Disposition.CORRECTED:
        return not same(value, part.before)
    return same(value, part.value)


@dataclass(frozen=True, slots=True)
class Residue:
    """The result of the search in the texts of one collection."""

    key: str
    documents: int
    """Number of documents in the collection; 0 if the search was not finished."""
    mentions: tuple[Mention, ...] = ()
    finished: bool = True

    @property
    def records(self) -> int:
        """Records that name the person by an identity of theirs alone; a full name may be a namesake's."""
        return len({key_of(m.id) for m in self.mentions if m.needle.kind is not NeedleKind.NAME})

    def lines(self) -> Iterator[str]:
        """Yield the mentions of the person, a line of JSON each: collection, ``_id``, path and kind."""
        for mention in self.mentions:
            place = {"collection": self.key, "id": mention.id, "path": mention.path}
            yield json_util.dumps({**place, "by": mention.needle.kind.value})


async def search_texts(
    plan: RecordPlan, remains: Remains, data_map: DataMap, stores: Stores, wanted: frozenset[Needle]
) -> Sequence[Residue]:
    """Search the texts of every searched collection for *wanted*; retained records are left out."""
    # If a store does not answer, only its search is unfinished: the erasure itself is verified.
    searched = [part.key for part in remains.findings.coverage if part.status is SearchStatus.SEARCHED]
    collections = [data_map.by_key[key] for key in searched] if wanted else []
    looks = []
    for collection in collections:
        texts = [field.path for field in collection.leaves if (field.type or "string").startswith("string")]
        if texts:
            looks.append(_look(collection, texts, plan, stores, wanted))
    return await asyncio.gather(*looks)


async def _look(
    collection: Collection, paths: Sequence[str], plan: RecordPlan, stores: Stores, wanted: frozenset[Needle]
) -> Residue:
    try:
        seen = await stores.mentions(collection.place, paths, wanted)
    except StoreUnavailable:
        return Residue(collection.key, 0, finished=False)
    # The certificate states already that these records still name the person.
    stated = (Disposition.RETAINED, Disposition.LEFT)
    kept = steps_where(
        plan.steps,
        lambda step: (
            step.key == collection.key and (step.disposition in stated or step.reason == OUT_OF_SCOPE)
        ),
    )
    ids = {key_of(step.id["_id"]) for step in kept}
    return Residue(collection.key, seen.documents, tuple(m for m in seen.found if key_of(m.id) not in ids))


def records_naming(residues: Iterable[Residue]) -> int:
    """Return the number of records that still name the person by an identity of theirs alone."""
    return sum(residue.records for residue in residues)
