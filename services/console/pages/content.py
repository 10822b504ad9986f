"""The sealed content of a case, after the account has opened it on record."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.context import ConsoleParts
from services.console.decisions.forms import CaseView, DecisionDraft
from services.console.decisions.offers import OFFERS
from services.console.decisions.submission import StepUp, decide
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages import labels
from services.console.pages.decisions import (
    CODE,
    PASSWORD,
    OfferForm,
    case_view,
    flaws_of,
    is_locked,
)
from services.console.pages.site import ConsoleSite
from services.console.state import WaitKind
from shared.contract.case_openings import EVERYTHING
from shared.contract.events import Code, ContentOpened, RequestId
from shared.errors import HabeasError
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

NOT_OPENED = "not_opened"
BESIDE = (WaitKind.DOCUMENT, WaitKind.APPROVAL, WaitKind.REFERRED, WaitKind.APPEAL)
"""Work whose decisions are beside the content."""
SAFE: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of letters, pictures and mails: text of strangers runs no script and loads nothing."""
SHOWN = frozenset({"text/html", "image/jpeg"})
"""Media types that are shown; others are downloads."""


def content_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of opened cases."""
    router = APIRouter(include_in_schema=False)
    opening = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.OPEN))]

    def asked(
        request: Request, visitor: Visitor, view: CaseView, then: str, flaws: Mapping[str, str] | None = None
    ) -> Response:
        content = {"row": view.row, "flaws": flaws or {}, "locked": is_locked(parts, visitor), "then": then}
        status = HTTPStatus.CONFLICT if flaws else HTTPStatus.OK
        return site.draw(request, "opening.html.jinja", content, visitor=visitor, status=status)

    @router.get("/requests/{case}/content")
    async def show(request: Request, visitor: opening, case: RequestId, then: str = "") -> Response:
        view, _history = await case_view(parts, case)
        known = await opened(parts, visitor, case)
        if known is None:
            return asked(request, await _again(parts, visitor), view, then)
        forms = [OfferForm(one, view) for one in beside(visitor, view)]
        content = {"row": view.row, "content": known, "forms": forms, "locked": is_locked(parts, visitor)}
        content["until"] = datetime.fromisoformat(known["until"])
        return site.draw(request, "content.html.jinja", content, visitor=visitor)

    @router.post("/requests/{case}/content")
    async def begin(request: Request, visitor: opening, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        view, _history = await case_view(parts, case)
        then = "package" if form.get("then") == "package" else "content"
        try:
            await _open(parts, visitor, case, form)
        except HabeasError as error:
            flaws = flaws_of(error, site.words(request).say)
            if flaws is None:
                raise
            return asked(request, visitor, view, then, flaws)
        return RedirectResponse(f"/requests/{case}/{then}", HTTPStatus.SEE_OTHER)

    @router.get("/requests/{case}/content/{item}")
    async def item(visitor: opening, case: RequestId, item: Code) -> Response:
        answer = await read(parts, visitor, f"/v1/staff/cases/{case}/content/{item}")
        if answer is None:
            raise HTTPException(HTTPStatus.FORBIDDEN, "the case is not opened")
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        headers = dict(SAFE)
        if "content-disposition" in answer.headers or media_type not in SHOWN:
            headers["Content-Disposition"] = f'attachment; filename="{item}"'
        return Response(answer.content, media_type=media_type, headers=headers)

    return router


async def _again(parts: ConsoleParts, visitor: Visitor) -> Visitor:
    """Return *visitor* with its session as it is now: an ended one at intake has no key any more."""
    session = await parts.sessions.session(visitor.session.token, parts.clock())
    return visitor if session is None else Visitor(session, visitor.member)


async def _open(parts: ConsoleParts, visitor: Visitor, case: str, form: FormData) -> None:
    """Open *case* on record; raises as :func:`decide`."""
    reason = str(form.get("reason", ""))
    if reason not in labels.READINGS:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "not a reason")
    event = ContentOpened(request_id=case, by=visitor.member.name, item=EVERYTHING, reason=reason)
    given = StepUp("".join(str(form.get(CODE, "")).split()), str(form.get(PASSWORD, "")))
    await decide(parts, visitor, DecisionDraft(event), given)


async def opened(parts: ConsoleParts, visitor: Visitor, case: str) -> dict[str, Any] | None:
    """Return the content of a *case* that *visitor* has opened; None if it has not."""
    answer = await read(parts, visitor, f"/v1/staff/cases/{case}/content")
    return None if answer is None else dict(answer.json())


async def read(parts: ConsoleParts, visitor: Visitor, path: str) -> Any:
    """Return the answer of intake to a session of *visitor*; None if it has not opened the case."""
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        return None
    try:
        return await parts.intake.response("GET", path, unlocked.bearer)
    except DecisionNotAccepted as refused:
        if str(refused) != NOT_OPENED:
            raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
        return None
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
            return None
        raise HTTPException(problem.status, str(problem)) from None


def beside(visitor: Visitor, view: CaseView) -> list[Any]:
    """Return the decisions whose forms stand beside the content."""
    account, roles = visitor.member.name, visitor.member.roles
    known = [one for one in OFFERS.values() if one.answers in BESIDE and view.wait(one.answers)]
    return [one for one in known if one.offered_to(account, roles, view)]
