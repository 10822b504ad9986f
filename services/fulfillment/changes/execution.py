"""
Executes the marks and corrections of a plan, and verifies them.

It may be stopped and repeated at any point: written values are found written.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from services.fulfillment.changes.change import MissingChange
from services.fulfillment.changes.current_value import same, standing
from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.datamap.paths import below
from services.fulfillment.erasure.execution import Record, execute, record_of, reread
from services.fulfillment.erasure.steps import Disposition, ErasurePlan, RecordStep, Set
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Document

NOT_TAKEN = "not_taken"
"""The store refused the change, for instance by its schema."""
OVERTAKEN = "overtaken"
"""Another program wrote in between, and its value stays."""


async def execute_changes(plan: ErasurePlan, stores: Stores) -> tuple[MissingChange, ...]:
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
    parts = await asyncio.gather(*(_verified(some, refused, stores) for some in steps.values()))
    return tuple(undone for part in parts for undone in part)


async def _verified(
    steps: Sequence[RecordStep], refused: Collection[Record], stores: Stores
) -> list[MissingChange]:
    documents = {record_of(step): document for step, document in await reread(steps, stores)}
    return [
        MissingChange(step, part, NOT_TAKEN if record_of(step) in refused else OVERTAKEN)
        for step in steps
        for part in _missing(step, documents.get(record_of(step)))
    ]


def _missing(step: RecordStep, document: Document | None) -> Iterator[Set]:
    """
    Yield the values of *step* that are missing.

    A record that is gone, or another person's now, needs no mark any more; but it is not corrected.
    """
    theirs = document is not None and any(match.holds_of(document) for match in step.guard)
    if theirs or step.disposition is Disposition.CORRECTED:
        for part in step.sets:
            if document is None or not all(_is_done(value, part, step) for value in _held(document, part)):
                yield part


def _held(document: Document, part: Set) -> Iterator[Any]:
    """Yield the values at the place of *part*: one, or one in each of the person's elements."""
    if part.of is None:
        yield standing(document, part.path)
        return
    for element in part.of.elements(document):
        yield standing(element.value, below(part.path, part.of.unit or ""))


def _is_done(value: Any, part: Set, step: RecordStep) -> bool:
    """Return whether *value* is the wanted one; for a mark that is removed, whether it is gone."""
    if part.instead and step.disposition is not Disposition.CORRECTED:
        return not same(value, part.before)
    return same(value, part.value)
