"""Work on a case that decides nothing: its owner, notes and files."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from services.console.case_work import MOST_NOTE, CasePart, acted
from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from shared.contract.events import RequestId
from shared.runtime.file_names import attachment_named


def work_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of work on a case."""
    router = APIRouter(include_in_schema=False)
    working = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.WORK))]

    @router.post("/requests/{case}/owner")
    async def assign(request: Request, visitor: working, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        owner = str(form.get("owner", "")) or None
        await acted(parts, visitor, case, CasePart.OWNER, json={"owner": owner})
        return _back(case, "owner")

    @router.post("/requests/{case}/notes")
    async def note(request: Request, visitor: working, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        text = str(form.get("text", "")).strip()[:MOST_NOTE]
        if text:
            await acted(parts, visitor, case, CasePart.NOTES, json={"text": text})
        return _back(case, "notes")

    @router.post("/requests/{case}/files")
    async def attach(request: Request, visitor: working, case: RequestId) -> Response:
        async with guard.held(request, visitor):
            form = await guard.form_with_file(request, visitor)
            try:
                file = form.get("file")
                if isinstance(file, UploadFile) and file.size:
                    headers = {"Content-Disposition": attachment_named(file.filename or "")}
                    await acted(
                        parts, visitor, case, CasePart.FILES, content=await file.read(), headers=headers
                    )
            finally:
                await form.close()
        return _back(case, "files")

    return router


def _back(case: str, place: str) -> Response:
    return RedirectResponse(f"/requests/{case}#{place}", HTTPStatus.SEE_OTHER)
