"""Work in the session of an account that decides nothing: owners, notes, files, search at intake."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException

from services.console.context import ConsoleParts
from services.console.decisions.submission import POLL_S, SEEN_WITHIN_S
from services.console.http.guard import Visitor
from services.console.http.permissions import ConsoleAction, permits
from services.console.read_model.cases import CaseFilter, CasePage
from services.console.read_model.figures import FigureCell
from services.console.signin.accounts import StaffMember
from services.console.state import CaseRow
from shared.contract.events import CaseAssigned, CaseNoted, Fact, FileAttached
from shared.contract.references import references_in
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

MOST_NOTE = 10_000
"""Characters of a note."""
MOST_FOUND = 100
"""Cases that a search finds."""


class CasePart(StrEnum):
    """A part of a case that staff write without a decision, as intake's path names it."""

    OWNER = "owner"
    NOTES = "notes"
    FILES = "files"


FACT_OF: Mapping[CasePart, type[Fact]] = {
    CasePart.OWNER: CaseAssigned,
    CasePart.NOTES: CaseNoted,
    CasePart.FILES: FileAttached,
}
"""The fact that intake records of each part."""
ITEM_OF: Mapping[CasePart, str] = {CasePart.NOTES: "note", CasePart.FILES: "item"}
"""The field of the fact with the item that intake's answer names; an owner has none."""


class NoSessionKey(HTTPException):
    """The session has no key, or none at intake any more."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "the session has no key")


@dataclass(frozen=True, slots=True)
class CaseSearchResult:
    """The result of a search."""

    page: CasePage
    unregistered: tuple[str, ...]
    """Requests that intake knows, and that are not registered yet."""


async def cases_named(parts: ConsoleParts, visitor: Visitor, text: str) -> CaseSearchResult:
    """Return the cases of a mailbox, an id, its beginning, a short reference, or a system's reference."""
    if "@" in text:
        return await cases_at_intake(parts, visitor, {"mailbox": text})
    named = await parts.cases.page(CaseFilter(text=text), parts.today(), size=MOST_FOUND)
    if any(references_in(text)):
        return CaseSearchResult(named, ())
    return await cases_at_intake(parts, visitor, {"reference": text}, named.rows)


async def cases_at_intake(
    parts: ConsoleParts, visitor: Visitor, wanted: Mapping[str, str], beside: Sequence[CaseRow] = ()
) -> CaseSearchResult:
    """Return the cases that intake alone can find, and those *beside*; raise HTTPException without search."""
    try:
        answer = await _called(parts, visitor, "/v1/staff/search", json=dict(wanted))
    except StaffApiProblem as problem:
        status = problem.status if problem.status == HTTPStatus.TOO_MANY_REQUESTS else 400
        raise HTTPException(status, "intake did not search") from None
    ids = dict.fromkeys([*answer.json()["cases"], *(row.id for row in beside)])
    page = await parts.cases.page(CaseFilter(ids=tuple(ids)), parts.today(), size=MOST_FOUND)
    return CaseSearchResult(page, tuple(ids.keys() - {row.id for row in page.rows}) if not page.next else ())


async def owners(parts: ConsoleParts, current: str | None = None) -> list[StaffMember]:
    """Return the accounts that may own a case: those whose roles may work, and its *current* owner."""
    members = await parts.accounts.members()
    return [one for one in members if permits(one.roles, ConsoleAction.WORK) or one.name == current]


async def acted(parts: ConsoleParts, visitor: Visitor, case: str, part: CasePart, **body: Any) -> None:
    """
    Act at intake by the session of *visitor*, and wait until the page of *case* shows it, or for seconds.

    An act of a colleague, or an earlier one that is shown late, is not taken for it.

    Raises HTTPException: as intake answers.
    """
    before = {one.id for one in (await parts.histories.of([case])).get(case, ())}
    try:
        answer = await _called(parts, visitor, f"/v1/staff/cases/{case}/{part.value}", **body)
    except StaffApiProblem as problem:
        raise HTTPException(problem.status, str(problem)) from None
    except DecisionNotAccepted as refused:
        raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
    item = answer.json()["item"] if part in ITEM_OF else None
    for _ in range(round(SEEN_WITHIN_S / POLL_S)):
        acts = [one for one in await parts.histories.shown(case) if isinstance(one.fact, FACT_OF[part])]
        if any(
            one.id not in before
            and one.actor == visitor.member.name
            and (item is None or getattr(one.fact, ITEM_OF[part]) == item)
            for one in acts
        ):
            return
        await asyncio.sleep(POLL_S)


async def purged_cells(parts: ConsoleParts, visitor: Visitor, year: int) -> list[FigureCell]:
    """Return the counts of purged requests of *year*, one under each law that protected the person."""
    answer = await _called(parts, visitor, f"/v1/staff/figures?year={year}", method="GET")
    return [
        FigureCell(
            month=f"{year}-01",
            right=one["right"],
            law=one["law"],
            laws=(one["law"],),
            source="",
            result=one["result"],
            grounds=tuple(one["grounds"]),
            days=one["days"],
            late=one["late"],
            count=one["requests"],
        )
        for one in answer.json()["counts"]
    ]


async def _called(parts: ConsoleParts, visitor: Visitor, path: str, method: str = "POST", **body: Any) -> Any:
    """Return the answer of intake to a call in the session of *visitor*; raises NoSessionKey."""
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        raise NoSessionKey
    try:
        return await parts.intake.response(method, path, unlocked.bearer, **body)
    except StaffApiProblem as problem:
        if problem.status != HTTPStatus.UNAUTHORIZED:
            raise
    await parts.sessions.lock(visitor.session)
    raise NoSessionKey
