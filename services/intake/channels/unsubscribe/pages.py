"""
The page of an unsubscribe link, and the one-click call of a mail program (RFC 8058).

Reading the page changes nothing, as mail scanners follow links; a click needs no cookie, sets none, and is
not redirected. It is an objection to direct marketing: immediate, without proof or reasons.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from services.intake.cases.service import RequestService
from services.intake.channels.unsubscribe.links import MailSubscription, OpenedLink, UnsubscribeLinks
from services.intake.http import operations, uploads
from services.intake.pages.centre.pages import honour
from services.intake.pages.site import READ, Site, signals
from shared.contract.events import Details, RequestSubmitted
from shared.contract.sources import ChannelSource, Source, channel_source
from shared.errors import UnknownRequest
from shared.law import DIRECT_MARKETING, Right

SOURCE = channel_source(ChannelSource.HABEAS, "unsubscribe")
"""CloudEvents source of objections by link."""
CLICK = "unsubscribe_click"
"""Name of the click's body in the vault, as received."""
FIELD, VALUE = "List-Unsubscribe", "One-Click"
MOST_FIELDS = 8


class UnsubscribeLink(BaseModel):
    """A link for the mails of a mailer."""

    url: str
    headers: Mapping[str, str]
    """Headers of the mail, both to be signed by DKIM."""


def unsubscribe_routes(
    requests: RequestService, site: Site, links: UnsubscribeLinks, system: Callable[[Request], Source]
) -> APIRouter:
    """Return the page on *site* for people with a link, and the call that makes *links* for a *system*."""
    router = APIRouter()

    @router.post("/v1/unsubscribe-links", dependencies=[Depends(system)], **operations.MAKE_UNSUBSCRIBE_LINK)
    async def link(subscription: MailSubscription) -> UnsubscribeLink:
        """Make the one-click link of a person (RFC 8058). Nothing is stored."""
        return UnsubscribeLink(url=links.url_for(subscription), headers=links.headers_for(subscription))

    _add_page(router, requests, site, links)
    return router


def _add_page(router: APIRouter, requests: RequestService, site: Site, links: UnsubscribeLinks) -> None:
    def page(request: Request, what: str, status: int = HTTPStatus.OK) -> HTMLResponse:
        content: dict[str, Any] = {"what": what, "field": FIELD, "value": VALUE}
        return site.at(request).draw("unsubscribe.html.jinja", status, **content)

    @router.api_route("/unsubscribe/{token}", methods=READ, include_in_schema=False)
    async def look(token: str, request: Request) -> HTMLResponse:
        found = links.opened(token)
        return page(request, "ask") if found else page(request, "unknown", HTTPStatus.NOT_FOUND)

    @router.post("/unsubscribe/{token}", include_in_schema=False)
    async def unsubscribe(token: str, request: Request) -> HTMLResponse:
        found = links.opened(token)
        if found is None:
            return page(request, "unknown", HTTPStatus.NOT_FOUND)
        if not await _is_click(request):
            return page(request, "ask", HTTPStatus.BAD_REQUEST)
        await _object(requests, found, await request.body())
        if signals(request):
            view = site.at(request)
            await honour(requests, site.company, found.subscription.email, str(view.words.locale))
        return page(request, "done")


async def _is_click(request: Request) -> bool:
    """Return whether the form is a click, in either of the two forms."""
    await request.body()  # sealed as received; the form is parsed from it
    uploads.must_be_utf8(request)
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        return uploads.text_of(form, FIELD) == VALUE


async def _object(requests: RequestService, clicked: OpenedLink, body: bytes) -> None:
    """
    Lodge the objection, once a day for the same subscription.

    On another day it is another: the person may have consented again, and then use the link in an old mail.
    """
    reference = f"{clicked.name}/{requests.clock().date()}"
    case_id = requests.id_of(SOURCE, reference)
    try:
        await requests.keep(case_id, CLICK, body)
    except UnknownRequest:
        return  # answered and erased since
    await requests.lodge(_objection(clicked.subscription, reference), SOURCE)


def _objection(subscription: MailSubscription, reference: str) -> RequestSubmitted:
    """
    Return the objection that ends *subscription*: to all direct marketing, from any list.

    Law:
        GDPR Art. 21(2)-(3): after an objection no more direct marketing is allowed.
    """
    statement = subscription.list and f"Unsubscribed with one click from: {subscription.list}"
    return RequestSubmitted(
        reference=reference,
        right=Right.OBJECTION,
        subject=subscription.subject,
        details=Details(scope=(DIRECT_MARKETING,), statement=statement),
    )
