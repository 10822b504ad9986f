"""The page of one case."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.console.case_work import owners
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import case_view, message, offers_to
from services.console.decisions.standing_holds import holds_on
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.laws import deadline_lines, law_reasons
from services.console.pages.long_lists import ListPart, ListStart
from services.console.pages.site import ConsoleSite
from services.console.pages.timeline import timeline
from services.console.read_model.recipients import notices_of
from services.console.state import CaseKind
from shared.contract.events import RequestId


def case_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of one case."""
    router = APIRouter(include_in_schema=False)
    listing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]

    @router.get("/requests/{case}")
    async def show(
        request: Request, visitor: listing, case: RequestId, decision: str = "", start: ListStart = 0
    ) -> Response:
        view, history = await case_view(parts, case)
        if view.row.kind is CaseKind.INCIDENT:
            return RedirectResponse(f"/breaches/{case}", 303)
        words, company = site.words(request), parts.settings.company
        content = {
            "row": view.row,
            "timeline": ListPart.of(timeline(history, words), start),
            "law_reasons": law_reasons(view, company, words),
            "deadline_lines": deadline_lines(view, company, words),
            "today": view.today,
            "owners": await owners(parts, view.row.owner),
            "notices": notices_of(case, history),
            "holds": await holds_on(parts, view),
            "approvals": view.approvals,
            "following": await parts.cases.following(case),
            "parked": await parts.parked.of_case(case),
            "unreached_parts": await parts.reports.unreached_parts(parts.clock()) if view.row.open else [],
            "offers": offers_to(visitor, view),
            "message": await message(parts, visitor, decision, view, history) if decision else "",
        }
        return site.draw(request, "case.html.jinja", content, visitor=visitor)

    return router
