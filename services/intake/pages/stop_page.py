"""
The page of the link "this was not me" in a letter.

Reading the page changes nothing, as mail scanners follow links. Its button, or one POST of any form, stops
the request, without scripts, cookies or a login. The link allows nothing else, and the page shows nothing of
the request.
"""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.intake.cases.service import RequestService
from services.intake.pages.request_page import ENDED
from services.intake.pages.site import READ, Site
from shared.contract.events import StopReason
from shared.contract.stop_links import PATH, stopped_case
from shared.errors import UnknownRequest

TEMPLATE = "stop.html.jinja"


def stop_page(door: RequestService, site: Site, key: bytes) -> APIRouter:
    """Return the page on *door*; *key* opens the tokens of the links."""
    router = APIRouter(include_in_schema=False)

    def page(request: Request, what: str, status: int = HTTPStatus.OK) -> HTMLResponse:
        return site.at(request).draw(TEMPLATE, status, what=what)

    @router.api_route(f"{PATH}/{{token}}", methods=READ)
    async def ask(token: str, request: Request) -> HTMLResponse:
        known = stopped_case(key, token) is not None
        return page(request, "ask") if known else page(request, "unknown", HTTPStatus.NOT_FOUND)

    @router.post(f"{PATH}/{{token}}")
    async def stop(token: str, request: Request) -> HTMLResponse:
        case_id = stopped_case(key, token)
        if case_id is None:
            return page(request, "unknown", HTTPStatus.NOT_FOUND)
        try:
            before = await door.stop(case_id, StopReason.NOT_ME)
        except UnknownRequest:
            return page(request, "unknown", HTTPStatus.NOT_FOUND)
        answered = before.status in ENDED or before.fulfilled
        return page(request, "late" if answered and not before.has_window(door.clock()) else "done")

    return router
