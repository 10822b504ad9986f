"""
Pages behind links in letters: the download of a forwarded request, and "this was not me".

Reading the page "this was not me" changes nothing, as mail scanners follow links. Its button, or one POST of
any form, stops the request, without scripts, cookies or a login. The link allows nothing else, and the page
shows nothing of the request.

Law:
    GDPR Art. 28(3)(e): a processor assists the controller. The link opens the request until it expires;
    opening it takes a step that no mail scanner takes, and is recorded.
"""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.intake.cases.errors import NotPossibleNow, TooManyAttempts
from services.intake.cases.service import RequestService
from services.intake.pages.request_page import ENDED, HEADERS
from services.intake.pages.site import READ, Site
from shared.contract.events import RequestId, RequestSubmitted, StopReason
from shared.contract.stop_links import PATH, stopped_case
from shared.errors import UnknownRequest
from shared.pages.law_names import THEIR_RIGHTS
from shared.pages.translation import Words
from shared.pages.translation import mark as _

TEMPLATE = "forwarded.html.jinja"
GONE = _(
    "This link is not valid or no longer valid. Please write to us and state the reference in our letter."
)
NAME = _("Name")
MAIL = _("Email")
PHONE = _("Phone")
ADDRESS = _("Address")
STATEMENT = _("Statement of the person")
SCOPE = _("Subject")
CORRECT = _("Correct %(field)s to")
AGENT = _("Asked by")

STOP_TEMPLATE = "stop.html.jinja"


def forwarded_request_routes(service: RequestService, site: Site) -> APIRouter:
    """Return the pages on *service*."""
    router = APIRouter(prefix="/forwarded", include_in_schema=False)

    @router.api_route("/{case_id}/{secret}", methods=READ)
    async def ask(case_id: RequestId, secret: str, request: Request) -> HTMLResponse:
        del case_id, secret  # guesses get the same answer
        return site.at(request).draw(TEMPLATE, headers=HEADERS, problem="", request=None)

    @router.post("/{case_id}/{secret}", dependencies=[Depends(site.guard.admit)])
    async def show(case_id: RequestId, secret: str, request: Request) -> HTMLResponse:
        view = site.at(request)
        try:
            submitted, received = await service.fetch_forwarded(case_id, secret)
        except (NotPossibleNow, TooManyAttempts, UnknownRequest):
            return view.draw(TEMPLATE, status=HTTPStatus.NOT_FOUND, problem=GONE, request=None)
        return view.draw(
            TEMPLATE,
            problem="",
            request=submitted,
            received=received,
            right=THEIR_RIGHTS[submitted.right],
            person=list(_content_of(submitted, view.words)),
            case_id=case_id,
        )

    return router


def _content_of(request: RequestSubmitted, words: Words) -> Iterator[tuple[str, str]]:
    """Yield the person's data and statements in a request, by label."""
    subject = request.subject
    address = subject.postal_address
    content = {
        words.say(NAME): subject.name,
        words.say(MAIL): subject.email,
        words.say(PHONE): subject.phone,
        words.say(ADDRESS): address
        and ", ".join([*address.lines, address.postal_code or "", address.city or ""]),
        **dict(subject.identifiers),
        words.say(STATEMENT): request.details.statement,
        words.say(SCOPE): ", ".join(request.details.scope),
        **{words.say(CORRECT, field=one.field): one.value for one in request.details.corrections},
        words.say(AGENT): request.agent and request.agent.name,
    }
    yield from ((label, value) for label, value in content.items() if value)


def stop_page(service: RequestService, site: Site, key: bytes) -> APIRouter:
    """Return the page on *service*; *key* opens the tokens of the links."""
    router = APIRouter(include_in_schema=False)

    def page(request: Request, what: str, status: int = HTTPStatus.OK) -> HTMLResponse:
        return site.at(request).draw(STOP_TEMPLATE, status, what=what)

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
            before = await service.stop(case_id, StopReason.NOT_ME)
        except UnknownRequest:
            return page(request, "unknown", HTTPStatus.NOT_FOUND)
        answered = before.status in ENDED or before.fulfilled
        return page(request, "late" if answered and not before.has_window(service.clock()) else "done")

    return router
