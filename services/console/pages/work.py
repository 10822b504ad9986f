"""Work on a case that decides nothing: its owner, notes and files."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from services.console.context import ConsoleParts
from services.console.decisions.submission import POLL_S, SEEN_WITHIN_S
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from shared.contract.events import RequestId
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

MOST_NOTE = 10_000
"""Characters of a note."""


def work_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of work on a case."""
    router = APIRouter(include_in_schema=False)
    working = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.WORK))]

    @router.post("/requests/{case}/owner")
    async def assign(request: Request, visitor: working, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        owner = str(form.get("owner", "")) or None
        await _acted(parts, visitor, case, "owner", json={"owner": owner})
        return _back(case, "owner")

    @router.post("/requests/{case}/notes")
    async def note(request: Request, visitor: working, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        text = str(form.get("text", "")).strip()[:MOST_NOTE]
        if text:
            await _acted(parts, visitor, case, "notes", json={"text": text})
        return _back(case, "notes")

    @router.post("/requests/{case}/files")
    async def attach(request: Request, visitor: working, case: RequestId) -> Response:
        form = await guard.form_with_file(request, visitor)
        file = form.get("file")
        if isinstance(file, UploadFile) and file.size:
            await _acted(parts, visitor, case, "files", content=await file.read())
        return _back(case, "files")

    return router


def _back(case: str, place: str) -> Response:
    return RedirectResponse(f"/requests/{case}#{place}", HTTPStatus.SEE_OTHER)


async def _acted(parts: ConsoleParts, visitor: Visitor, case: str, what: str, **body: Any) -> None:
    """
    Act at intake by the session of *visitor*, and wait until the page of *case* shows it.

    Raises HTTPException: 401 if the session has none at intake any more; else as intake answers.
    """
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "the session has no key")
    before = await _facts(parts, case)
    try:
        await parts.intake.response("POST", f"/v1/staff/cases/{case}/{what}", unlocked.bearer, **body)
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
        raise HTTPException(problem.status, str(problem)) from None
    except DecisionNotAccepted as refused:
        raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
    for _ in range(round(SEEN_WITHIN_S / POLL_S)):
        if await _facts(parts, case) > before:
            return
        await asyncio.sleep(POLL_S)


async def _facts(parts: ConsoleParts, case: str) -> int:
    """Return how many facts the read model has of *case*."""
    return len((await parts.histories.of([case])).get(case, []))
