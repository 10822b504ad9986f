"""
The page that letters link to: where a request stands, and the few things a person can do about it.

Works without scripts. Whoever has the address of a page may see it, as with the API: the id is a secret.
"""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.intake import asking, outcomes, uploads
from services.intake.appeals import DECIDED
from services.intake.domain import Case, Status
from services.intake.door import CodeRefused, Door, NotNow, TooOften
from services.intake.downloads import package_response, wanted_bytes
from services.intake.ranges import NotSatisfiable, Wanted
from services.intake.uploads import NotTaken
from shared.events import (
    MOST_DOCUMENT_BYTES,
    DataPoints,
    EmailCode,
    Flaw,
    NewCode,
    Proof,
    RequestId,
)

TEMPLATES = Environment(
    loader=PackageLoader("services.intake", "templates"), autoescape=True, undefined=StrictUndefined
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
ENDED = frozenset({Status.REFUSED, Status.DUPLICATE, Status.WITHDRAWN, Status.CLOSED})
SIX_DIGITS = re.compile(r"\s*[0-9]{6}\s*", re.ASCII)
MOST_CHARACTERS = 500
CHECKING = "Thank you. We are checking what you sent; reload this page in a moment."
TOO_FEW = "Fill in at least {} details that you are sure of."
MOST_STATEMENT = 10_000
NO_STATEMENT = "Say in your own words what you disagree with; 10,000 characters at most."
TOO_LONG = "This is longer than we can take."
SixDigits = Annotated[str, Query(alias="code", pattern=r"^\s*[0-9]{6}\s*$")]


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says besides how the request stands."""

    notice: str = ""
    problem: str = ""
    flaws: tuple[Flaw, ...] = ()
    """What is wrong with a form, by field; no field where it is the form as a whole."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Field → what was typed into it, so that nobody has to type it again."""

    @property
    def flaw_of(self) -> Mapping[str, str]:
        """Field → what is wrong with it."""
        return {flaw.path: flaw.message for flaw in self.flaws}


@dataclass(frozen=True, slots=True)
class Page:
    """Draws the page of a request as it stands."""

    door: Door

    async def show(self, case_id: str, said: Said = Said(), *, status: int = 200) -> HTMLResponse:
        """Return the page."""
        return HTMLResponse(_page(case_id, await self.door.case(case_id), said), status, HEADERS)

    async def after(self, act: Awaitable[object], case_id: str, notice: str) -> HTMLResponse:
        """Do *act* and return the page that says so, or why it cannot be done."""
        try:
            await act
        except (NotNow, TooOften, CodeRefused) as error:
            return await self.show(case_id, Said(problem=f"{error}."), status=HTTPStatus.CONFLICT)
        return await self.show(case_id, Said(notice=notice))

    async def proven(self, case_id: str, *proofs: Proof) -> HTMLResponse:
        """Offer *proofs* and return the page that says so."""
        return await self.after(self.door.prove(case_id, proofs), case_id, CHECKING)

    async def flawed(self, case_id: str, error: NotTaken, given: Mapping[str, str]) -> HTMLResponse:
        """Return the page that says what is wrong with the form that was sent."""
        return await self.show(case_id, Said(flaws=error.flaws, given=given), status=error.status)


def pages(door: Door) -> APIRouter:
    """Return the pages on *door*."""
    router = APIRouter(prefix="/requests", include_in_schema=False)
    page = Page(door)

    @router.get("/{case_id}")
    async def show(case_id: RequestId, code: str = "") -> HTMLResponse:
        # A code in the link is shown in its field and not taken: mail scanners follow links.
        given = {"code": code.strip()} if SIX_DIGITS.fullmatch(code) else {}
        return await page.show(case_id, Said(given=given))

    @router.post("/{case_id}/withdrawal")
    async def withdraw(case_id: RequestId) -> HTMLResponse:
        notice = "The request is being withdrawn. We confirm it by mail."
        return await page.after(door.withdraw(case_id), case_id, notice)

    @router.post("/{case_id}/fee")
    async def agree(case_id: RequestId) -> HTMLResponse:
        return await page.after(door.agree(case_id), case_id, "Thank you. We go on with your request.")

    @router.post("/{case_id}/appeal")
    async def appeal(case_id: RequestId, request: Request) -> HTMLResponse:
        await page.door.case(case_id)
        given = await _typed(request, "statement")
        if not 0 < len(given["statement"].strip()) <= MOST_STATEMENT:
            return await page.flawed(case_id, uploads.flaw("statement", NO_STATEMENT), given)
        act = page.door.appeal(case_id, given["statement"].strip())
        return await page.after(act, case_id, "Thank you. We look at it again, and confirm that by mail.")

    @router.get("/{case_id}/certificate", response_model=None)
    async def certificate(case_id: RequestId) -> Response:
        return certificate_response(case_id, await door.certificate(case_id))

    _add_proofs(router, page)
    _add_package(router, page)
    return router


def _add_proofs(router: APIRouter, page: Page) -> None:
    @router.post("/{case_id}/code")
    async def prove(case_id: RequestId, code: Annotated[str, Form()] = "") -> HTMLResponse:
        if not SIX_DIGITS.fullmatch(code):
            return await page.flawed(case_id, uploads.flaw("code", uploads.NO_CODE), {})
        return await page.proven(case_id, EmailCode(kind="email_code", code=code))

    @router.post("/{case_id}/new-code")
    async def renew(case_id: RequestId) -> HTMLResponse:
        act = page.door.prove(case_id, [NewCode(kind="new_code")])
        return await page.after(act, case_id, "Another code is on its way to your mailbox.")

    @router.post("/{case_id}/details")
    async def compare(case_id: RequestId, request: Request) -> HTMLResponse:
        least = asking.least_details(await page.door.case(case_id))
        given = await _typed(request, *(detail.name for detail in asking.DETAILS))
        try:
            return await page.proven(case_id, _claimed(given, least))
        except NotTaken as error:
            return await page.flawed(case_id, error, given)

    @router.post("/{case_id}/declaration")
    async def sign(case_id: RequestId, request: Request) -> HTMLResponse:
        given = await _typed(request, "declaration", "declaration_name")
        try:
            return await page.proven(case_id, uploads.signed(given, page.door.clock()))
        except NotTaken as error:
            return await page.flawed(case_id, error, given)

    @router.post("/{case_id}/documents")
    async def upload(case_id: RequestId, request: Request) -> HTMLResponse:
        await page.door.case(case_id)  # for no request, nothing is read
        try:
            return await page.proven(case_id, *await uploads.read(request, page.door.clock()))
        except NotTaken as error:
            return await page.flawed(case_id, error, {})


def _add_package(router: APIRouter, page: Page) -> None:
    @router.post("/{case_id}/package-code")
    async def issue_code(case_id: RequestId) -> HTMLResponse:
        act = page.door.issue_package_code(case_id)
        return await page.after(act, case_id, "A code is on its way to your mailbox.")

    # By GET, so that a browser can go on with a download that was cut off; the code is worth nothing by then.
    @router.get("/{case_id}/package", response_model=None)
    async def download(
        case_id: RequestId, code: SixDigits, wanted: Annotated[Wanted, Depends(wanted_bytes)]
    ) -> Response:
        try:
            opened = await page.door.open_package(case_id, code, wanted)
        except (NotNow, TooOften, CodeRefused, NotSatisfiable) as error:
            return await page.show(case_id, Said(problem=f"{error}."), status=HTTPStatus.CONFLICT)
        return package_response(case_id, opened)


def certificate_response(case_id: str, content: bytes) -> Response:
    """Return a certificate as a download."""
    headers = {"Content-Disposition": f'attachment; filename="certificate-{case_id[:8]}.json"'}
    return Response(content, media_type="application/json", headers=headers)


async def _typed(request: Request, *fields: str) -> dict[str, str]:
    """Return what was typed into *fields*. The body is smaller than what is written to a disk."""
    async with request.form(max_files=0, max_fields=len(fields)) as form:
        return {name: uploads.text_of(form, name) for name in fields}


def _claimed(given: Mapping[str, str], least: int) -> DataPoints:
    """
    Return the details in *given*.

    Raises:
        NotTaken: They are fewer than *least*, or one is too long.
    """
    points = {name: value for name, value in given.items() if value}
    if too_long := [name for name, value in points.items() if len(value) > MOST_CHARACTERS]:
        raise uploads.flaw(too_long[0], TOO_LONG)
    if len(points) < least:
        empty = next(name for name in given if name not in points)
        raise uploads.flaw(empty, TOO_FEW.format(least))
    return DataPoints(kind="data_points", points=points)


def _page(case_id: str, case: Case, said: Said) -> str:
    return TEMPLATES.get_template("request.html.jinja").render(
        case=case,
        case_id=case_id,
        standing=outcomes.standing_of(case),
        grounds=list(outcomes.grounds_of(case)),
        asked=asking.asked_of(case),
        reviewed=case.awaits_proof and case.in_review,
        details=asking.DETAILS,
        accepted=uploads.ACCEPTED,
        most_mb=MOST_DOCUMENT_BYTES >> 20,
        ended=case.status in ENDED,
        disagreeable=case.status in DECIDED,
        package=case.fulfilled is not None and case.fulfilled.package is not None,
        certificate=case.fulfilled is not None and case.fulfilled.certificate is not None,
        said=said,
    )
