"""The breach room: the list of incidents, the page of one, its live progress and its decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from services.console.breach_decisions import DONE, RefusedEntry, refused_approval
from services.console.breach_work import (
    EnteredBreachDecision,
    decide_on_breach,
    incident_content,
    room_of_incident,
)
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import CODE, PASSWORD, UNANSWERED, form_errors, is_locked
from services.console.decisions.submission import StepUp
from services.console.http.counts import SharedReading, event_stream
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import page_of
from services.console.incidents import BreachRoom
from services.console.pages import breach_labels
from services.console.pages.breach_register import breach_register
from services.console.pages.breach_sentences import written
from services.console.pages.long_lists import ListPart, ListStart
from services.console.pages.site import ConsoleSite
from services.console.pages.timeline import timeline
from services.console.read_model.incidents import INCIDENTS, rooms_of
from shared.contract.events import Code, RequestId
from shared.errors import HabeasError

MINUTE_S, HOUR_MINUTES, MINUS = 60, 60, "\u2212"


@dataclass(frozen=True, slots=True)
class RoomView:
    """What the page of an incident shows beside it."""

    start: int = 0
    """Where the shown part of the timeline begins."""
    error: str = ""
    """Of a form."""
    done: str = ""
    """The decision that was made."""


@dataclass(frozen=True, slots=True)
class BreachPages:
    """Draws the pages of incidents."""

    parts: ConsoleParts
    site: ConsoleSite

    async def listing(self, request: Request, visitor: Visitor, after: str) -> Response:
        """Return the list of incidents, the earliest running clock first."""
        page = await page_of(self.parts, INCIDENTS, after)
        rooms = await rooms_of(self.parts.histories, [row.id for row in page.rows])
        content = self._frame(request, visitor) | {"rooms": rooms, "page": page}
        return self.site.draw(request, "breaches.html.jinja", content, visitor=visitor)

    async def show(self, request: Request, visitor: Visitor, incident: str, view: RoomView) -> Response:
        """Return the page of *incident*."""
        room = await room_of_incident(self.parts, incident)
        history = (await self.parts.histories.of([incident]))[incident]
        content = self._frame(request, visitor) | {"room": room, "error": view.error, "done": view.done}
        content["refusal"] = refused_approval(room, visitor.member.name)
        lines = ListPart.of(timeline(history, self.site.words(request)), view.start)
        content |= {"timeline": lines, "progress": progress_of(room)}
        return self.site.draw(
            request, "breach.html.jinja", content, visitor=visitor, status=409 if view.error else 200
        )

    def _frame(self, request: Request, visitor: Visitor) -> dict[str, Any]:
        words = self.site.words(request)
        steers = visitor.may(ConsoleAction.STEER_BREACH)
        return {
            "law_name": lambda policy: breach_labels.law(policy, words),
            "written": written,
            "left": time_left,
            "locked": is_locked(self.parts, visitor),
            "now": self.parts.clock(),
            "steers": steers,
        }


def breach_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of the breach room."""
    router, pages = APIRouter(include_in_schema=False), BreachPages(parts, site)
    seeing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.BREACH))]
    following = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.BREACH, used=False))]
    steering = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.STEER_BREACH))]

    async def read(incident: str) -> Mapping[str, int]:
        room = await room_of_incident(parts, incident)
        return {**progress_of(room), "steps": room.steps}

    progress = SharedReading(read)

    @router.get("/breaches")
    async def incidents(request: Request, visitor: seeing, after: str = "") -> Response:
        return await pages.listing(request, visitor, after)

    @router.get("/breaches/{incident}")
    async def show(
        request: Request, visitor: seeing, incident: RequestId, done: str = "", start: ListStart = 0
    ) -> Response:
        return await pages.show(request, visitor, incident, RoomView(start, done=DONE.get(done, "")))

    @router.get("/breaches/{incident}/live")
    async def live(request: Request, visitor: following, incident: RequestId) -> StreamingResponse:
        async def counts() -> Mapping[str, int]:
            return await progress.current(incident)

        return event_stream(request, visitor, parts.streams, counts)

    @router.post("/breaches/{incident}/decisions/{name}")
    async def make(request: Request, visitor: steering, incident: RequestId, name: str) -> Response:
        given = await guard.form(request, visitor)
        try:
            fields = {field: str(value) for field, value in given.items()}
            entered = EnteredBreachDecision(incident, name, fields)
            step_up = StepUp("".join(fields.get(CODE, "").split()), fields.get(PASSWORD, ""))
            made = await decide_on_breach(parts, visitor, entered, step_up)
        except HabeasError as error:
            text = _error_text(error, site.words(request).say)
            if text is None:
                raise
            return await pages.show(request, visitor, incident, RoomView(error=text))
        if not made.answered:
            pending = site.words(request).say(UNANSWERED)
            return await pages.show(request, visitor, incident, RoomView(error=pending))
        return RedirectResponse(f"/breaches/{incident}?done={name}", 303)

    return router


def breach_file_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of the register and of sealed content."""
    router = APIRouter(include_in_schema=False)
    seeing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.BREACH))]
    steering = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.STEER_BREACH))]

    @router.get("/breaches.csv")
    async def register(visitor: seeing) -> Response:
        del visitor
        headers = {"Content-Disposition": 'attachment; filename="breaches.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(
            breach_register(parts), media_type="text/csv; charset=utf-8", headers=headers
        )

    @router.get("/breaches/{incident}/content/{item}")
    async def content(visitor: steering, incident: RequestId, item: Code) -> Response:
        return await incident_content(parts, visitor, incident, item)

    return router


def _error_text(error: HabeasError, say: Callable[..., str]) -> str | None:
    """Return the errors of a form as one text; None if *error* is no error of the form."""
    match error:
        case RefusedEntry():
            return say(str(error))
        case _:
            errors = form_errors(error, say)
            return None if errors is None else " ".join(errors.values())


def progress_of(room: BreachRoom) -> Mapping[str, int]:
    """Return the counts of the notices that are out, over all phases, and for each how far it is."""
    out = [phase for phase in room.phases if phase.is_out]
    names = ("sent", "failed", "doubtful", "elsewhere")
    sums = {name: sum(phase.counts[name] for phase in out) for name in names}
    return sums | {f"percent-{phase.number}": phase.percent for phase in out}


def time_left(due_at: datetime, now: datetime) -> str:
    """Return the hours and minutes from *now* to *due_at*: ``71:05``, with a minus if it is past."""
    minutes = int(abs((due_at - now).total_seconds()) // MINUTE_S)
    return f"{MINUS if due_at < now else ''}{minutes // HOUR_MINUTES}:{minutes % HOUR_MINUTES:02}"
