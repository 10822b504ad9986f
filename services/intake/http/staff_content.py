"""
The sealed content of a case, for an account of the staff that has opened it.

The journal has the opening before anything is read: it is a signed decision, and lasts for fifteen minutes.
Nothing that is shown can run in the reader's browser: pictures are drawn by us, letters are sandboxed, all
else is a download.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response, StreamingResponse

from services.intake.cases.case_content import CaseContent, ContentReader
from services.intake.cases.package_listings import ListingPiece
from services.intake.cases.service import UNKNOWN, RequestService
from services.intake.http import operations
from services.intake.http.packages import joined
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from shared.contract.events import Code, ContentOpened, RequestId
from shared.errors import Destroyed, UnknownRequest

NO_ITEM = "The case has no such content, or no longer."
SAFE: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
)
"""Headers of all content: a letter or a file that a stranger wrote runs nothing and loads nothing."""


@dataclass(frozen=True, slots=True)
class StaffContent:
    """Gives the content of opened cases out."""

    service: RequestService
    clock: Callable[[], datetime]

    async def reader(self, case_id: str, session: StaffSession) -> tuple[ContentReader, datetime]:
        """
        Return the reader of a case that the account of *session* has opened, and when the opening ends.

        Raises HTTPException with the reason if it has not, or may no longer.
        """
        case, facts = await self.service.history(case_id, mails=True)
        account, now = session.account, self.clock()
        if not account.roles & ContentOpened.ROLES:
            raise HTTPException(HTTPStatus.FORBIDDEN, "role_missing")
        if not case.may_read(account.name, now):
            raise HTTPException(HTTPStatus.FORBIDDEN, "no_permission")
        until = case.opened_until(account.name, now)
        if until is None:
            raise HTTPException(HTTPStatus.FORBIDDEN, "not_opened")
        return ContentReader(case_id, case, facts, self.service.vault, now), until

    async def everything(self, case_id: str, session: StaffSession) -> CaseContent:
        """Return all content of a case."""
        reader, until = await self.reader(case_id, session)
        try:
            return await reader.everything(until)
        except Destroyed:
            raise UnknownRequest(UNKNOWN) from None

    async def listed(self, case_id: str, start: int, session: StaffSession) -> ListingPiece:
        """Return records of the package that waits for a review; answer 404 if there is none."""
        reader, _ = await self.reader(case_id, session)
        found = await reader.listed(start)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, NO_ITEM)
        return found

    async def item(self, case_id: str, item: str, session: StaffSession) -> Response:
        """Return the bytes of one item that :meth:`everything` names; answer 404 for any other name."""
        reader, _ = await self.reader(case_id, session)
        if (letter := await reader.letter(item)) is not None:
            return Response(letter.html, media_type="text/html", headers=dict(SAFE))
        if (page := await reader.page(item)) is not None:
            return Response(page, media_type="image/jpeg", headers=dict(SAFE))
        if (certificate := await reader.certificate(item)) is not None:
            return Response(certificate, media_type="application/json", headers=_apart(item))
        if (download := reader.download(item)) is not None:
            media_type, content = download
            with suppress(KeyError):  # a package that is no longer kept
                begun = joined(await anext(content), content)
                return StreamingResponse(begun, media_type=media_type, headers=_apart(item))
        raise HTTPException(HTTPStatus.NOT_FOUND, NO_ITEM)


def _apart(item: str) -> dict[str, str]:
    """Return the headers of an *item* that is a download."""
    return {**SAFE, "Content-Disposition": f'attachment; filename="{item}"'}


def content_routes(content: StaffContent, sessions: StaffSessions) -> APIRouter:
    """Return the API for the content of opened cases."""
    router = APIRouter(prefix="/v1/staff/cases/{case_id:id}/content")
    signed_in = Depends(sessions.signed_in)

    @router.get("", **operations.GET_CASE_CONTENT)
    async def show(case_id: RequestId, session: Annotated[StaffSession, signed_in]) -> CaseContent:
        """
        Return all sealed content of a case that the account of the session has opened.

        A `habeas.content.opened.v1` with the item `everything` opens it for fifteen minutes. Pages that are
        still being drawn are `pending`.
        """
        return await content.everything(case_id, session)

    @router.get("/review/records", **operations.GET_LISTED_RECORDS)
    async def listed(
        case_id: RequestId,
        session: Annotated[StaffSession, signed_in],
        start: Annotated[int, Query(ge=0, le=1 << 50, description="`next` of the piece before.")] = 0,
    ) -> ListingPiece:
        """Return records of the package that waits for a review, as the person would get them, in pieces."""
        return await content.listed(case_id, start, session)

    @router.get("/{item}", response_class=Response, **operations.GET_CONTENT_ITEM)
    async def item(case_id: RequestId, item: Code, session: Annotated[StaffSession, signed_in]) -> Response:
        """
        Return the bytes of an item.

        It is the picture of a page, a letter in HTML, a mail, an attached file or the package.
        """
        return await content.item(case_id, item, session)

    return router
