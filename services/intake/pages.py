"""
The page that letters link to: where a request stands, and the few things a person can do about it.

Works without scripts. Whoever has the address of a page may see it, as with the API: the id is a secret.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Header, Query, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.intake.domain import Case, Status
from services.intake.door import CodeRefused, Door, Download, NotNow, TooOften, etag_of
from services.intake.ranges import NotSatisfiable, Span, Wanted
from shared.answer import PackageFacts
from shared.events import EmailCode, NewCode, RequestId

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
STANDINGS = {
    Status.UNKNOWN: "Taken in; it is being registered",
    Status.RECEIVED: "Received; we are making sure that it comes from you",
    Status.CHALLENGED: "Waiting for your code",
    Status.VERIFIED: "Confirmed; we are working on it",
    Status.REFERRED: "Confirmed; our privacy staff is working on it",
    Status.REFUSED: "Refused; our letter says why",
    Status.ANSWERED: "Answered; our letter is on its way",
    Status.WITHDRAWN: "Withdrawn",
    Status.CLOSED: "Answered and closed",
}
Digits = Annotated[str, Form(pattern=r"^\s*[0-9]{6}\s*$")]
SixDigits = Annotated[str, Query(alias="code", pattern=r"^\s*[0-9]{6}\s*$")]


@dataclass(frozen=True, slots=True)
class Page:
    """Draws the page of a request as it stands."""

    door: Door

    async def show(
        self, case_id: str, *, notice: str = "", problem: str = "", status: int = 200
    ) -> HTMLResponse:
        """Return the page."""
        case = await self.door.case(case_id)
        return HTMLResponse(_page(case_id, case, notice, problem), status, HEADERS)

    async def after(self, act: Awaitable[object], case_id: str, notice: str) -> HTMLResponse:
        """Do *act* and return the page that says so, or why it cannot be done."""
        try:
            await act
        except (NotNow, TooOften, CodeRefused) as error:
            return await self.show(case_id, problem=f"{error}.", status=409)
        return await self.show(case_id, notice=notice)


def pages(door: Door) -> APIRouter:
    """Return the pages on *door*."""
    router = APIRouter(prefix="/requests", include_in_schema=False)
    page = Page(door)

    @router.get("/style.css")
    async def style() -> Response:
        return Response(TEMPLATES.get_template("style.css").render(), media_type="text/css")

    @router.get("/{case_id}")
    async def show(case_id: RequestId) -> HTMLResponse:
        return await page.show(case_id)

    @router.post("/{case_id}/withdrawal")
    async def withdraw(case_id: RequestId) -> HTMLResponse:
        notice = "The request is being withdrawn. We confirm it by mail."
        return await page.after(door.withdraw(case_id), case_id, notice)

    @router.get("/{case_id}/certificate", response_model=None)
    async def certificate(case_id: RequestId) -> Response:
        return certificate_response(case_id, await door.certificate(case_id))

    _add_proofs(router, page)
    _add_package(router, page)
    return router


def _add_proofs(router: APIRouter, page: Page) -> None:
    @router.post("/{case_id}/code")
    async def prove(case_id: RequestId, code: Digits) -> HTMLResponse:
        act = page.door.prove(case_id, [EmailCode(kind="email_code", code=code)])
        notice = "Thank you. We are checking the code; reload this page in a moment."
        return await page.after(act, case_id, notice)

    @router.post("/{case_id}/new-code")
    async def renew(case_id: RequestId) -> HTMLResponse:
        act = page.door.prove(case_id, [NewCode(kind="new_code")])
        return await page.after(act, case_id, "Another code is on its way to your mailbox.")


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
            return await page.show(case_id, problem=f"{error}.", status=409)
        return package_response(case_id, opened)


def certificate_response(case_id: str, content: bytes) -> Response:
    """Return a certificate as a download."""
    headers = {"Content-Disposition": f'attachment; filename="certificate-{case_id[:8]}.json"'}
    return Response(content, media_type="application/json", headers=headers)


def wanted_bytes(range: Annotated[str, Header()] = "", if_range: Annotated[str, Header()] = "") -> Wanted:  # noqa: A002 - the header's name
    """Return what the headers of a request say about the bytes it wants."""
    return Wanted(range, if_range)


def package_headers(case_id: str, facts: PackageFacts, part: Span) -> dict[str, str]:
    """Return the headers of the bytes *part* of a package (RFC 9110, sections 8.8.3 and 14)."""
    headers = {
        "Content-Disposition": f'attachment; filename="your-data-{case_id[:8]}.zip"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "bytes",
        "ETag": etag_of(facts),
        "Content-Length": str(part.length),
    }
    if part.length < facts.size:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{facts.size}"
    return headers


def package_response(case_id: str, opened: Download) -> StreamingResponse:
    """Return the package, or the part of it that is wanted, as a download."""
    headers = package_headers(case_id, opened.facts, opened.span)
    status = HTTPStatus.PARTIAL_CONTENT if "Content-Range" in headers else HTTPStatus.OK
    return StreamingResponse(opened.pieces, status, headers, media_type="application/zip")


def _page(case_id: str, case: Case, notice: str, problem: str) -> str:
    return TEMPLATES.get_template("request.html.jinja").render(
        case=case,
        case_id=case_id,
        standing=STANDINGS[case.status],
        challenged=case.status is Status.CHALLENGED,
        ended=case.status in {Status.REFUSED, Status.WITHDRAWN, Status.CLOSED},
        package=case.fulfilled is not None and case.fulfilled.package is not None,
        certificate=case.fulfilled is not None and case.fulfilled.certificate is not None,
        notice=notice,
        problem=problem,
    )
