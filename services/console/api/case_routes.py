"""Cases over the API: the inbox, the list, one case, its decisions and its content."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from services.console.api.access import may
from services.console.api.answers import (
    CaseAnswer,
    CaseListAnswer,
    DecisionAnswer,
    FoundAnswer,
    InboxAnswer,
    OfferAnswer,
    TimelineAnswer,
)
from services.console.api.case_answers import OneCaseAnswer
from services.console.api.forms import (
    CaseDecisionForm,
    CaseNoteForm,
    CaseOwnerForm,
    CaseQuery,
    CaseSearchForm,
    InboxQuery,
    OpeningForm,
)
from services.console.case_work import CasePart, acted, cases_at_intake
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import (
    UNANSWERED,
    EnteredDecision,
    case_view,
    made,
    message,
    offered,
    offers_to,
    previewed,
)
from services.console.decisions.openings import open_case, opened_content, opened_item
from services.console.domain import HistoryEntry
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import InboxView, filter_of, page_of
from services.console.pages.content import safe_response
from services.console.pages.site import CATALOGUES
from services.console.pages.timeline import timeline
from services.console.read_model.cases import CasePage
from shared.contract.events import Code, RequestId
from shared.runtime.file_names import attachment_named, name_in

FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
NOT_OPENED = "The case is not opened: POST the same address first."


def api_list_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of lists."""
    router = APIRouter(tags=["cases"])
    listing = Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))]

    @router.get("/inbox")
    async def list_work(visitor: listing, query: Annotated[InboxQuery, Query()]) -> InboxAnswer:
        """Return the waiting work, the earliest last day first."""
        view = InboxView.of(visitor, query.view, query.work)
        page = await page_of(parts, view.filter(), query.after)
        counts = view.counts(await parts.cases.work(parts.today(), view.owner))
        return InboxAnswer(view=view.name, counts=counts, **_page(page))

    @router.get("/cases")
    async def list_cases(visitor: listing, query: Annotated[CaseQuery, Query()]) -> CaseListAnswer:
        """Return the cases that the filters leave."""
        del visitor
        wanted = filter_of(query.model_dump(mode="json", by_alias=True))
        return CaseListAnswer(**_page(await page_of(parts, wanted, query.after)))

    @router.post("/search")
    async def search_cases(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.WORK))], form: CaseSearchForm
    ) -> FoundAnswer:
        """Return the cases of a mailbox, the newest hundred, or those with the reference of a system."""
        found = await cases_at_intake(parts, visitor, form.wanted())
        return FoundAnswer(**_page(found.page), unregistered=found.unregistered)

    return router


def api_case_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of one case and of decisions on it."""
    router = APIRouter(tags=["cases"])
    listing = Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))]
    deciding = Annotated[Visitor, Depends(may(guard, ConsoleAction.DECIDE))]

    @router.get("/cases/{case}")
    async def show_case(visitor: listing, case: RequestId) -> OneCaseAnswer:
        """Return a case, its timeline, and the decisions that the account may make."""
        view, history = await case_view(parts, case)
        offers = [OfferAnswer.of(one, view) for one in offers_to(visitor, view) if not one.page]
        parked = await parts.parked.of_case(case)
        unreached_parts = await parts.reports.unreached_parts(parts.clock()) if view.row.open else []
        return OneCaseAnswer.of(view, timeline_answer(parts, history), offers, parked, unreached_parts)

    @router.post("/cases/{case}/decisions/{name}")
    async def decide(visitor: deciding, case: RequestId, name: str, form: CaseDecisionForm) -> DecisionAnswer:
        """Make a decision, signed by the account with a one-time code; or preview its letters."""
        offer, view = await offered(parts, visitor, case, name)
        entered = EnteredDecision(offer, view, visitor, form.texts())
        if form.preview:
            return DecisionAnswer(preview=await previewed(parts, entered))
        code, password = form.code.get_secret_value(), form.password.get_secret_value()
        id_ = await made(parts, entered, code, password)
        now = await guard.visitor_of(visitor.session.token) or visitor  # the session may have got its key
        said = await message(parts, now, id_, *await case_view(parts, case))
        return DecisionAnswer(decision=id_, message=said, pending=said == UNANSWERED)

    return router


def api_work_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of owners, notes and files."""
    router = APIRouter(tags=["cases"])
    working = Annotated[Visitor, Depends(may(guard, ConsoleAction.WORK))]

    @router.post("/cases/{case}/owner", status_code=204)
    async def set_owner(visitor: working, case: RequestId, form: CaseOwnerForm) -> None:
        """Set the owner of a case."""
        await acted(parts, visitor, case, CasePart.OWNER, json={"owner": form.owner})

    @router.post("/cases/{case}/notes", status_code=204)
    async def write_note(visitor: working, case: RequestId, form: CaseNoteForm) -> None:
        """Write a note, which is sealed with the case."""
        await acted(parts, visitor, case, CasePart.NOTES, json={"text": form.text})

    @router.post("/cases/{case}/files", status_code=204, openapi_extra=FILE_BODY)
    async def attach_file(visitor: working, case: RequestId, request: Request) -> None:
        """
        Attach a file, which is sealed with the case: a picture, a PDF or an OpenPGP message, as the body.

        Its name, if it is to be kept, is in the header `Content-Disposition`, as in RFC 6266.
        """
        name = name_in(request.headers.get("content-disposition", ""))
        named = {"Content-Disposition": attachment_named(name)}
        async with guard.held(request, visitor):
            await acted(parts, visitor, case, CasePart.FILES, content=await request.body(), headers=named)

    return router


def api_content_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of the content of a case."""
    router = APIRouter(tags=["cases"])
    opening = Annotated[Visitor, Depends(may(guard, ConsoleAction.OPEN))]

    @router.post("/cases/{case}/content")
    async def open_content(visitor: opening, case: RequestId, form: OpeningForm) -> Mapping[str, Any]:
        """Open a case on record for 15 minutes, and return its content."""
        await case_view(parts, case)
        await open_case(parts, visitor, case, form.reason, form.step_up())
        again = await guard.visitor_of(visitor.session.token)  # the session may have got its key
        return await content_of(again or visitor, case)

    @router.get("/cases/{case}/content")
    async def show_content(visitor: opening, case: RequestId) -> Mapping[str, Any]:
        """Return the content of an opened case."""
        return await content_of(visitor, case)

    @router.get("/cases/{case}/content/{item}", response_class=Response)
    async def read_item(visitor: opening, case: RequestId, item: Code) -> Response:
        """Return an item of the content of an opened case, such as a mail or the package."""
        return safe_response(item, await opened_item(parts, visitor, case, item))

    async def content_of(visitor: Visitor, case: str) -> Mapping[str, Any]:
        found = await opened_content(parts, visitor, case)
        if found is None:
            raise HTTPException(403, NOT_OPENED)
        return found

    return router


def timeline_answer(parts: ConsoleParts, history: Sequence[HistoryEntry]) -> list[TimelineAnswer]:
    """Return the timeline of a *history*, the newest first, in English."""
    words = CATALOGUES.words("en", parts.settings.company.zone)
    return [TimelineAnswer.model_validate(line) for line in timeline(history, words)]


def _page(page: CasePage) -> dict[str, Any]:
    cases = [CaseAnswer.model_validate(row) for row in page.rows]
    return {"cases": cases, "total": page.total, "counted": page.counted, "next": page.next}
