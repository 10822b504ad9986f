"""The page of the installation: parts, queues, parked messages, versions."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import CODE, PASSWORD, UNANSWERED, is_locked, step_up_of
from services.console.decisions.forms import InvalidEntry
from services.console.decisions.submission import WrongPassword
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import HEADERS, ConsoleSite
from services.console.system.overview import overview
from services.console.system.parked_messages import RepairAction, RepairRefused
from services.console.system.repairs import REASON, WITHOUT_REASON, RepairOrder, repair
from shared.pages.translation import mark as _
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

PICTURE_HEADERS: Mapping[str, str] = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""The graph carries a style of its own; opened alone it runs nothing."""
NOT_THERE = _("The message is not parked any more, or its case is purged and it can only be discarded.")
CODE_REFUSED = _("Password or code were not accepted. Wait for the next code.")
REPLAYED = _("The message went back to its service.")
DISCARDED = _("The message was discarded.")
SAID = {
    "replay": REPLAYED,
    "discard": DISCARDED,
    "gone": NOT_THERE,
    REASON: WITHOUT_REASON,
    CODE: CODE_REFUSED,
    "pending": UNANSWERED,
}


def system_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of the installation's page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/system")
    async def show(
        request: Request,
        visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.SYSTEM))],
        said: str = "",
    ) -> Response:
        content = await overview(parts)
        content |= {
            "locked": is_locked(parts, visitor),
            "said": SAID.get(said, ""),
            "worked": said in set(RepairAction),
        }
        return site.draw(request, "system.html.jinja", content, visitor=visitor)

    @router.get("/system/map.svg")
    async def graph(visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.SYSTEM))]) -> Response:
        del visitor
        drawn = await parts.reports.graph()
        if drawn is None:
            raise HTTPException(404, "no data map is drawn yet")
        return Response(drawn, media_type="image/svg+xml", headers=dict(PICTURE_HEADERS))

    @router.post("/system/parked/{action}")
    async def act(
        request: Request,
        visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.REPAIR))],
        action: RepairAction,
    ) -> Response:
        form = await guard.form(request, visitor)
        service, digest, reason = (str(form.get(name, "")).strip() for name in ("service", "digest", REASON))
        order = RepairOrder(action, service, digest, reason)
        try:
            given = step_up_of(str(form.get(CODE, "")), str(form.get(PASSWORD, "")))
            made = await repair(parts, visitor, order, given)
        except InvalidEntry as error:
            return _said(REASON if error.name == REASON else CODE)
        except (DecisionNotAccepted, StaffApiProblem, ValidationError, WrongPassword):
            return _said(CODE)
        except RepairRefused:
            return _said("gone")
        return _said(action.value if made.answered else "pending")

    return router


def _said(name: str) -> Response:
    return RedirectResponse(f"/system?said={name}", 303)
