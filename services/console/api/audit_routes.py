"""Openings, trails, legal holds, notices to recipients, and saved views over the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from services.console.api.access import may
from services.console.api.answers import (
    HoldListAnswer,
    NoticeListAnswer,
    OpeningListAnswer,
    ViewAnswer,
    ViewListAnswer,
)
from services.console.api.forms import HoldQuery, NoticeQuery, OpeningQuery, StepUpForm, ViewForm
from services.console.case_work import NoSessionKey
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import case_view, is_locked
from services.console.decisions.submission import StepUp
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import holds_of_query, notices_of_query, openings_of, saved_query
from services.console.trails import exported_trail
from shared.contract.events import RequestId

ZIP_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


def api_audit_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of openings and trails."""
    router = APIRouter(tags=["audit"])
    auditing = Annotated[Visitor, Depends(may(guard, ConsoleAction.AUDIT))]

    @router.get("/openings")
    async def list_openings(visitor: auditing, query: Annotated[OpeningQuery, Query()]) -> OpeningListAnswer:
        """Return which account has opened, exported or searched, the newest first."""
        del visitor
        page = await openings_of(parts, query.model_dump(by_alias=True), query.after)
        return OpeningListAnswer.model_validate(page)

    @router.post("/cases/{case}/trail", response_class=Response, responses=ZIP_ANSWER)
    async def export_trail(visitor: auditing, case: RequestId, form: StepUpForm | None = None) -> Response:
        """
        Return the signed trail of a case, as a ZIP; the export is on record.

        Code and password are needed only where the session has no key.
        """
        await case_view(parts, case)
        form = form or StepUpForm()
        if is_locked(parts, visitor) and not form.password.get_secret_value():
            raise NoSessionKey
        given = StepUp(form.code.get_secret_value(), form.password.get_secret_value())
        return await exported_trail(parts, visitor, case, given)

    return router


def api_hold_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of legal holds; they are placed and lifted by decisions."""
    router = APIRouter(tags=["holds"])

    @router.get("/holds")
    async def list_holds(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))],
        query: Annotated[HoldQuery, Query()],
    ) -> HoldListAnswer:
        """Return the legal holds, standing ones first."""
        del visitor
        page = await holds_of_query(parts, query.model_dump(), query.after)
        return HoldListAnswer.of(page, parts.today())

    return router


def api_recipient_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of notices to recipients; failed ones are repeated by decisions."""
    router = APIRouter(tags=["recipients"])

    @router.get("/recipients")
    async def list_recipients(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))],
        query: Annotated[NoticeQuery, Query()],
    ) -> NoticeListAnswer:
        """Return the notices to recipients of data, or the failed ones alone."""
        del visitor
        return NoticeListAnswer.model_validate(
            await notices_of_query(parts, query.after, failed=query.failed)
        )

    return router


def api_view_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of saved views."""
    router = APIRouter(tags=["views"])
    listing = Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))]

    @router.get("/views")
    async def list_views(visitor: listing) -> ViewListAnswer:
        """Return the saved views of the account."""
        return ViewListAnswer.model_validate({"views": await parts.views.of(visitor.member.name)})

    @router.post("/views", status_code=201)
    async def save_view(visitor: listing, form: ViewForm) -> ViewAnswer:
        """Save filters under a name, in place of those of the same name."""
        filters = form.filters.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        query, name = saved_query(filters), form.name.strip()
        if not name or not query:
            raise HTTPException(400, "A view needs a name and a filter.")
        if not await parts.views.save(visitor.member.name, name, query, default=form.default):
            raise HTTPException(413, "The account has too many views.")
        saved = await parts.views.of(visitor.member.name)
        return ViewAnswer.model_validate(next(one for one in saved if one.name == name))

    @router.delete("/views/{view}", status_code=204)
    async def delete_view(visitor: listing, view: str) -> None:
        """Delete a saved view of the account."""
        await parts.views.delete(visitor.member.name, view)

    return router
