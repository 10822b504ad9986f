"""
Routes of a request's page: its status, and the person's actions.

Works without scripts. The address opens the page, as with the API: the id is a secret.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.intake.cases.alias_codes import AliasCodes
from services.intake.cases.errors import CodeRefused, NotPossibleNow, TooManyAttempts
from services.intake.cases.service import RequestService
from services.intake.http import uploads
from services.intake.http.failed_attempts import network_of_client
from services.intake.http.packages import (
    NotSatisfiable,
    Packages,
    RangeRequest,
    package_head,
    package_response,
    wanted_bytes,
)
from services.intake.http.uploads import FormNotTaken
from services.intake.pages import proof_form
from services.intake.pages.centre.form import SCOPES
from services.intake.pages.request_page import PageText, RequestPage
from services.intake.pages.site import READ, SIGNED_IN, Site
from shared.contract.codes import is_code
from shared.contract.events import Confirmation, DataPoints, NewCode, RequestId
from shared.law import ClockRules
from shared.pages.translation import mark as _

CASE_ID = re.compile("[0-9a-f]{32}")
MOST_OF_SIGN_IN = 10
"""Fields in the answer of a sign-in."""
MOST_CHARACTERS = 500
MOST_STATEMENT = 10_000
WITHDRAWING = _("The request is being withdrawn. We will confirm this by email.")
GOING_ON = _("Thank you. We will continue with your request.")
LOOKING_AGAIN = _("Thank you. We will review it and confirm this by email.")
CODE_COMING = _("Another code is on its way to your mailbox.")
PACKAGE_CODE_COMING = _("A code for the package is on its way to your mailbox. It is valid for 30 minutes.")
ALIAS_CODE_COMING = _("A code is on its way to the other address. It is valid for 30 minutes.")
TOO_FEW = _("Fill in at least %(least)s details that you are sure of.")
NO_STATEMENT = _("Describe in your own words what you disagree with (10,000 characters at most).")
TOO_LONG = _("This text is too long.")


PageOf: TypeAlias = Callable[[Request, RequestId], RequestPage]
"""Returns the page of a request, for the sender of a call."""


def pages(service: RequestService, site: Site, practice: ClockRules) -> APIRouter:
    """Return the pages on *service*."""
    router = APIRouter(prefix="/requests", include_in_schema=False)

    def page(request: Request, case_id: RequestId) -> RequestPage:
        return RequestPage(service, site.at(request), practice, case_id)

    for add in (_add_status, _add_questions, _add_proofs, _add_package, _add_aliases):
        add(router, page, [Depends(site.guard.admit)])
    _add_sign_in(router, site, page, [Depends(site.guard.admit)])
    return router


def _add_status(router: APIRouter, page_of: PageOf, guarded: Sequence[Any]) -> None:
    Here = Annotated[RequestPage, Depends(page_of)]  # noqa: N806 - a type

    @router.api_route("/{case_id}", methods=READ)
    async def show(page: Here, code: str = "") -> HTMLResponse:
        # A code in the link is put into its field but not used: mail scanners follow links.
        return await page.show(PageText(given={"code": code.strip()} if is_code(code) else {}))

    @router.post("/{case_id}/withdrawal", dependencies=guarded)
    async def withdraw(page: Here) -> HTMLResponse:
        return await page.after(page.service.withdraw(page.case_id), WITHDRAWING)

    @router.post("/{case_id}/appeal", dependencies=guarded)
    async def appeal(page: Here, request: Request) -> HTMLResponse:
        await page.service.case(page.case_id)
        given = await uploads.text_fields(request, ["statement"], 1)
        if not 0 < len(given["statement"].strip()) <= MOST_STATEMENT:
            return await page.flawed(uploads.flaw("statement", NO_STATEMENT), given)
        return await page.after(page.service.appeal(page.case_id, given["statement"].strip()), LOOKING_AGAIN)

    @router.post("/{case_id}/confirmation", dependencies=guarded)
    async def confirm(page: Here) -> HTMLResponse:
        received = (await page.service.case(page.case_id)).received
        if received is None:
            return await page.show()
        return await page.proven(Confirmation(kind="confirmation", right=received.right))

    @router.api_route("/{case_id}/certificate", methods=READ, response_model=None)
    async def certificate(page: Here) -> Response:
        try:
            return certificate_response(page.case_id, await page.service.certificate(page.case_id))
        except NotPossibleNow as error:
            return await page.refused(error)


def _add_questions(router: APIRouter, page_of: PageOf, guarded: Sequence[Any]) -> None:
    Here = Annotated[RequestPage, Depends(page_of)]  # noqa: N806 - a type

    @router.post("/{case_id}/fee", dependencies=guarded)
    async def agree(page: Here) -> HTMLResponse:
        return await page.after(page.service.agree(page.case_id), GOING_ON)

    @router.post("/{case_id}/scope", dependencies=guarded)
    async def specify(page: Here, request: Request) -> HTMLResponse:
        given = await uploads.text_fields(request, SCOPES, len(SCOPES))
        chosen = [category for name, category in SCOPES.items() if given[name]]
        return await page.after(page.service.specify(page.case_id, chosen), GOING_ON)


def _add_sign_in(router: APIRouter, site: Site, page_of: PageOf, guarded: Sequence[Any]) -> None:
    """
    Add the way to the company's sign-in and back. Its token names one request: no cookie, no session.

    The token counts only after the person confirms it on the page of the request.
    """
    Here = Annotated[RequestPage, Depends(page_of)]  # noqa: N806 - a type

    @router.get("/{case_id}/sign-in")
    async def leave(request: Request, case_id: RequestId) -> Response:
        if site.sign_in is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        language = site.at(request).words.language
        where = site.sign_in.address(case_id, site.root, language)
        return RedirectResponse(where, HTTPStatus.SEE_OTHER, {"Referrer-Policy": "no-referrer"})

    @router.post(SIGNED_IN.removeprefix(router.prefix))
    async def back(request: Request) -> Response:
        site.guard.count(request)  # another site sends it: its token proves where it comes from
        given = await uploads.text_fields(request, ["id_token", "state"], MOST_OF_SIGN_IN)
        if not CASE_ID.fullmatch(given["state"]):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        page = page_of(request, given["state"])
        if not given["id_token"]:  # none for a person who turned back
            return RedirectResponse(page.view.link(f"/requests/{page.case_id}"), HTTPStatus.SEE_OTHER)
        # The page names the request: the link to the sign-in may have come from its stranger.
        return await page.show(PageText(given=given))

    @router.post("/{case_id}/sign-in", dependencies=guarded)
    async def confirm(page: Here, request: Request) -> HTMLResponse:
        given = await uploads.text_fields(request, ["id_token"], 1)
        try:
            return await page.proven(uploads.id_token(given["id_token"]))
        except FormNotTaken as error:
            return await page.flawed(error, {})


def _add_proofs(router: APIRouter, page_of: PageOf, guarded: Sequence[Any]) -> None:
    Here = Annotated[RequestPage, Depends(page_of)]  # noqa: N806 - a type

    @router.post("/{case_id}/code", dependencies=guarded)
    async def prove(page: Here, request: Request) -> HTMLResponse:
        code = (await uploads.text_fields(request, ["code"], 1))["code"]
        if not is_code(code):
            return await page.flawed(uploads.flaw("code", uploads.NO_CODE), {})
        return await page.proven_by_code(network_of_client(request), code)

    @router.post("/{case_id}/new-code", dependencies=guarded)
    async def renew(page: Here) -> HTMLResponse:
        return await page.after(page.service.prove(page.case_id, [NewCode(kind="new_code")]), CODE_COMING)

    @router.post("/{case_id}/details", dependencies=guarded)
    async def compare(page: Here, request: Request) -> HTMLResponse:
        least = proof_form.least_details(await page.service.case(page.case_id))
        names = [detail.name for detail in proof_form.DETAILS]
        given = await uploads.text_fields(request, names, len(names))
        try:
            return await page.proven(_claimed(given, least))
        except FormNotTaken as error:
            return await page.flawed(error, given)

    @router.post("/{case_id}/declaration", dependencies=guarded)
    async def sign(page: Here, request: Request) -> HTMLResponse:
        given = await uploads.text_fields(request, ["declaration", "declaration_name"], 2)
        try:
            return await page.proven(uploads.signed(given, page.service.clock()))
        except FormNotTaken as error:
            return await page.flawed(error, given)

    @router.post("/{case_id}/documents", dependencies=guarded)
    async def upload(page: Here, request: Request) -> HTMLResponse:
        return await page.uploaded(request)


def _add_package(router: APIRouter, page_of: PageOf, guarded: Sequence[Any]) -> None:
    Here = Annotated[RequestPage, Depends(page_of)]  # noqa: N806 - a type

    @router.post("/{case_id}/package-code", dependencies=guarded)
    async def issue_code(page: Here) -> HTMLResponse:
        return await page.after(Packages(page.service).issue_code(page.case_id), PACKAGE_CODE_COMING)

    @router.head("/{case_id}/package", response_model=None)
    async def look(page: Here, request: Request, code: str = "") -> Response:
        if not is_code(code):
            return await page.flawed(uploads.flaw("package-code", uploads.NO_CODE), {})
        try:
            await page.service.codes.take(network_of_client(request), page.service.clock())
            facts = await Packages(page.service).look(page.case_id, code)
        except (NotPossibleNow, TooManyAttempts, CodeRefused) as error:
            return await page.refused(error)
        return package_head(page.case_id, facts)

    # By GET, so that a browser can resume a download; the code is spent by then.
    @router.get("/{case_id}/package", response_model=None)
    async def download(
        page: Here, request: Request, wanted: Annotated[RangeRequest, Depends(wanted_bytes)], code: str = ""
    ) -> Response:
        if not is_code(code):
            return await page.flawed(uploads.flaw("package-code", uploads.NO_CODE), {})
        try:
            await page.service.codes.take(network_of_client(request), page.service.clock())
            opened = await Packages(page.service).open(page.case_id, code, wanted)
        except (NotPossibleNow, TooManyAttempts, CodeRefused, NotSatisfiable) as error:
            return await page.refused(error)
        return package_response(page.case_id, opened)


def _add_aliases(router: APIRouter, page_of: PageOf, guarded: Sequence[Any]) -> None:
    Here = Annotated[RequestPage, Depends(page_of)]  # noqa: N806 - a type

    @router.post("/{case_id}/aliases/{number}/code", dependencies=guarded)
    async def issue_alias_code(page: Here, number: int) -> HTMLResponse:
        return await page.after(AliasCodes(page.service).issue(page.case_id, number), ALIAS_CODE_COMING)

    @router.post("/{case_id}/alias", dependencies=guarded)
    async def prove_alias(page: Here, request: Request) -> HTMLResponse:
        code = (await uploads.text_fields(request, ["code"], 1))["code"]
        if not is_code(code):
            return await page.flawed(uploads.flaw("alias-code", uploads.NO_CODE), {})
        return await page.alias_proven(network_of_client(request), code)


def certificate_response(case_id: str, content: bytes) -> Response:
    """Return a certificate as a download."""
    headers = {"Content-Disposition": f'attachment; filename="certificate-{case_id[:8]}.json"'}
    return Response(content, media_type="application/json", headers=headers)


def _claimed(given: Mapping[str, str], least: int) -> DataPoints:
    """Return the details in *given*; raise ``FormNotTaken`` below *least*, or if one is too long."""
    points = {name: value for name, value in given.items() if value}
    if too_long := [name for name, value in points.items() if len(value) > MOST_CHARACTERS]:
        raise uploads.flaw(too_long[0], TOO_LONG)
    if len(points) < least:
        raise uploads.flaw(next(name for name in given if name not in points), TOO_FEW, least=least)
    return DataPoints(kind="data_points", points=points)
