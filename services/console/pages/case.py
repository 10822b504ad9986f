"""The page of one case."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.pages.timeline import timeline
from shared.contract.events import RequestId


def case_routes(desk: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of one case."""
    router = APIRouter(include_in_schema=False)
    listing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]

    @router.get("/requests/{case}")
    async def show(request: Request, visitor: listing, case: RequestId) -> Response:
        row = await desk.cases.row(case)
        if row is None:
            raise HTTPException(404, "there is no such case")
        history = (await desk.histories.of([case])).get(case, [])
        lines = timeline(history, site.words(request))
        content = {"row": row, "timeline": lines, "today": desk.today()}
        return site.draw(request, "case.html.jinja", content, visitor=visitor)

    return router
