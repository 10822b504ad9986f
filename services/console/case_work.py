"""Work in the session of an account that decides nothing: owners, notes, files, search by mailbox."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException

from services.console.context import ConsoleParts
from services.console.decisions.submission import POLL_S, SEEN_WITHIN_S
from services.console.http.guard import Visitor
from services.console.read_model.cases import CaseFilter, CasePage
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

MOST_NOTE = 10_000
"""Characters of a note."""
MOST_FOUND = 100
"""Cases that a search by mailbox finds."""


class NoSessionKey(HTTPException):
    """The session has no key, or none at intake any more."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "the session has no key")


async def cases_of_mailbox(parts: ConsoleParts, visitor: Visitor, mailbox: str) -> CasePage:
    """Return the cases of a mailbox, which intake alone can find; raise HTTPException if it is none."""
    try:
        answer = await _called(parts, visitor, "/v1/staff/search", json={"mailbox": mailbox})
    except StaffApiProblem as problem:
        status = problem.status if problem.status == HTTPStatus.TOO_MANY_REQUESTS else 400
        raise HTTPException(status, "intake did not search") from None
    wanted = CaseFilter(ids=tuple(answer.json()["cases"]))
    return await parts.cases.page(wanted, parts.today(), size=MOST_FOUND)


async def acted(parts: ConsoleParts, visitor: Visitor, case: str, part: str, **body: Any) -> None:
    """
    Act at intake by the session of *visitor*, and wait until the page of *case* shows it.

    Raises HTTPException: as intake answers.
    """
    before = await _facts(parts, case)
    try:
        await _called(parts, visitor, f"/v1/staff/cases/{case}/{part}", **body)
    except StaffApiProblem as problem:
        raise HTTPException(problem.status, str(problem)) from None
    except DecisionNotAccepted as refused:
        raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
    for _ in range(round(SEEN_WITHIN_S / POLL_S)):
        if await _facts(parts, case) > before:
            return
        await asyncio.sleep(POLL_S)


async def _called(parts: ConsoleParts, visitor: Visitor, path: str, **body: Any) -> Any:
    """Return the answer of intake to a call in the session of *visitor*; raises NoSessionKey."""
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        raise NoSessionKey
    try:
        return await parts.intake.response("POST", path, unlocked.bearer, **body)
    except StaffApiProblem as problem:
        if problem.status != HTTPStatus.UNAUTHORIZED:
            raise
    await parts.sessions.lock(visitor.session)
    raise NoSessionKey


async def _facts(parts: ConsoleParts, case: str) -> int:
    """Return how many facts the read model has of *case*."""
    return len((await parts.histories.of([case])).get(case, []))
