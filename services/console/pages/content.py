"""The sealed content of a case, after the account has opened it on record."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from services.console import labels
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import (
    CODE,
    PASSWORD,
    case_view,
    form_errors,
    is_locked,
    offers_to,
    step_up_of,
)
from services.console.decisions.forms import CaseView
from services.console.decisions.offers import OFFERS
from services.console.decisions.openings import open_case, opened_content, opened_item
from services.console.decisions.standing_holds import holds_on
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.passed_on import PassedOn
from services.console.http.permissions import ConsoleAction
from services.console.pages.decisions import OfferForm
from services.console.pages.long_lists import MOST_ENTRIES, content_parts
from services.console.pages.site import ConsoleSite
from services.console.pages.timeline import SENTENCES
from services.console.state import CaseRow, WaitKind
from shared.contract.events import AliasConfirmed, Code, RequestId
from shared.errors import HabeasError
from shared.law import Role

BESIDE = (WaitKind.DOCUMENT, WaitKind.APPROVAL, WaitKind.REFERRED, WaitKind.APPEAL, WaitKind.MAIL)
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


class ContentQuery(BaseModel):
    """The shown part of the content; *then* is where the visitor goes from the form that opens it."""

    then: str = ""
    section: str = ""
    start: int = Field(0, ge=0, le=MOST_ENTRIES)


def content_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of opened cases."""
    router = APIRouter(include_in_schema=False)
    opening = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.OPEN))]

    def asked(
        request: Request, visitor: Visitor, view: CaseView, then: str, errors: Mapping[str, str] | None = None
    ) -> Response:
        content = {"row": view.row, "errors": errors or {}, "then": then, "readings": readings(view.row)}
        content["locked"] = is_locked(parts, visitor)
        status = HTTPStatus.CONFLICT if errors else HTTPStatus.OK
        return site.draw(request, "opening.html.jinja", content, visitor=visitor, status=status)

    @router.get("/requests/{case}/content")
    async def show(
        request: Request, visitor: opening, case: RequestId, query: Annotated[ContentQuery, Query()]
    ) -> Response:
        view, _history = await case_view(parts, case)
        known = await opened_content(parts, visitor, case)
        if known is None:
            return asked(request, await _again(parts, visitor), view, query.then)
        content = beside_content(visitor, view) | {"row": view.row, "content": known}
        content |= {"holds": await holds_on(parts, view), "locked": is_locked(parts, visitor)}
        content["lists"] = content_parts(known, query.section, query.start)
        content["until"] = datetime.fromisoformat(known["until"])
        return site.draw(request, "content.html.jinja", content, visitor=visitor)

    @router.post("/requests/{case}/content")
    async def begin(request: Request, visitor: opening, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        view, _history = await case_view(parts, case)
        then = "package" if form.get("then") == "package" else "content"
        try:
            given = step_up_of(str(form.get(CODE, "")), str(form.get(PASSWORD, "")))
            await open_case(parts, visitor, case, str(form.get("reason", "")), given)
        except HabeasError as error:
            errors = form_errors(error, site.words(request).say)
            if errors is None:
                raise
            return asked(request, visitor, view, then, errors)
        return RedirectResponse(f"/requests/{case}/{then}", HTTPStatus.SEE_OTHER)

    @router.get("/requests/{case}/content/{item}")
    async def item(visitor: opening, case: RequestId, item: Code) -> Response:
        return safe_response(item, await opened_item(parts, visitor, case, item))

    return router


def beside_content(visitor: Visitor, view: CaseView) -> dict[str, Any]:
    """Return the decisions that stand beside the content, and the sentences that name decisions."""
    return {
        "forms": [OfferForm(one, view) for one in beside(visitor, view)],
        "confirming": next((one for one in offers_to(visitor, view) if one.kind is AliasConfirmed), None),
        "sentences": {kind.TYPE: sentence for kind, sentence in SENTENCES.items()},
    }


def readings(row: CaseRow) -> Mapping[str, str]:
    """Return the reasons to open a case: a customer is named for a request of its end user alone."""
    named = row.role == Role.END_USER
    return {code: name for code, name in labels.READINGS.items() if named or code != labels.FORWARDING}


def safe_response(item: str, answer: Any) -> Response:
    """Return the *answer* of intake with an *item*: shown without script, or as a download."""
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    headers = dict(SAFE)
    if "content-disposition" in answer.headers or media_type not in SHOWN:
        name = f"{item}.zip" if media_type == "application/zip" else item
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return PassedOn(answer, headers, media_type)


async def _again(parts: ConsoleParts, visitor: Visitor) -> Visitor:
    """Return *visitor* with its session as it is now: an ended one at intake has no key any more."""
    session = await parts.sessions.session(visitor.session.token, parts.clock())
    return visitor if session is None else Visitor(session, visitor.member)


def beside(visitor: Visitor, view: CaseView) -> list[Any]:
    """Return the decisions whose forms stand beside the content."""
    account, roles = visitor.member.name, visitor.member.roles
    known = [one for one in OFFERS.values() if one.answers in BESIDE and view.wait(one.answers)]
    return [one for one in known if one.offered_to(account, roles, view)]
