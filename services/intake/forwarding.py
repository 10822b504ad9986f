"""
The page on which a customer fetches a request that was forwarded to them.

Law:
    GDPR Art. 28(3)(e): a processor assists the controller. Whoever has the link may see the request, until it
    expires; opening it takes a step that no mail scanner takes, and is recorded.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from services.intake.door import Door, NotNow, TooOften
from services.intake.pages import HEADERS, TEMPLATES
from shared.errors import UnknownRequest
from shared.events import RequestId, RequestSubmitted

GONE = "This link is not good, or not good any more. Write to us, and name the reference in our letter."


def forwardings(door: Door) -> APIRouter:
    """Return the page on *door*."""
    router = APIRouter(prefix="/forwarded", include_in_schema=False)

    @router.get("/{case_id}/{secret}")
    async def ask(case_id: RequestId, secret: str) -> HTMLResponse:
        del case_id, secret  # the same answer to whoever guesses
        return _page()

    @router.post("/{case_id}/{secret}")
    async def show(case_id: RequestId, secret: str) -> HTMLResponse:
        try:
            request, received = await door.fetch_forwarded(case_id, secret)
        except (NotNow, TooOften, UnknownRequest):
            return _page(HTTPStatus.NOT_FOUND, problem=GONE)
        return _page(case_id=case_id, request=request, received=received, person=list(_said_of(request)))

    return router


def _page(status: int = HTTPStatus.OK, **content: Any) -> HTMLResponse:
    said = {"problem": "", "request": None, **content}
    return HTMLResponse(TEMPLATES.get_template("forwarded.html.jinja").render(said), status, HEADERS)


def _said_of(request: RequestSubmitted) -> Iterator[tuple[str, str]]:
    """Yield what a request says of the person, and what they say, by label."""
    subject = request.subject
    address = subject.postal_address
    told = {
        "Name": subject.name,
        "E-mail": subject.email,
        "Phone": subject.phone,
        "Address": address and ", ".join([*address.lines, address.postal_code or "", address.city or ""]),
        **dict(subject.identifiers),
        "What they say": request.details.statement,
        "What it is about": ", ".join(request.details.scope),
        **{f"Correct {one.field} to": one.value for one in request.details.corrections},
        "Asked by": request.agent and request.agent.name,
    }
    yield from ((label, value) for label, value in told.items() if value)
