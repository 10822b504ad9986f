"""Incidents, figures and the state of the installation over the API."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from services.console.api.access import may
from services.console.api.answers import (
    FigureAnswer,
    FiguresAnswer,
    IncidentAnswer,
    IncidentListAnswer,
    OneIncidentAnswer,
    SystemAnswer,
)
from services.console.api.case_routes import timeline_answer
from services.console.api.forms import FigureQuery, PageQuery
from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import FigureView, chosen, page_of
from services.console.read_model.incidents import INCIDENTS, rooms_of
from services.console.system.overview import overview
from shared.contract.events import RequestId

TABLES = ("periods", "groups", "ccpa")


def api_incident_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of incidents."""
    router = APIRouter(tags=["incidents"])
    seeing = Annotated[Visitor, Depends(may(guard, ConsoleAction.BREACH))]

    @router.get("/incidents")
    async def list_incidents(visitor: seeing, query: Annotated[PageQuery, Query()]) -> IncidentListAnswer:
        """Return the incidents, the earliest running clock first."""
        del visitor
        page = await page_of(parts, INCIDENTS, query.after)
        rooms = await rooms_of(parts.histories, [row.id for row in page.rows])
        incidents = [IncidentAnswer.model_validate(room) for room in rooms]
        return IncidentListAnswer(incidents=incidents, next=page.next)

    @router.get("/incidents/{incident}")
    async def show_incident(visitor: seeing, incident: RequestId) -> OneIncidentAnswer:
        """Return an incident and its timeline."""
        del visitor
        rooms = await rooms_of(parts.histories, [incident])
        if not rooms or not rooms[0].phases:
            raise HTTPException(404, "There is no such incident.")
        history = (await parts.histories.of([incident]))[incident]
        known = IncidentAnswer.model_validate(rooms[0])
        return OneIncidentAnswer(incident=known, timeline=timeline_answer(parts, history))

    return router


def api_installation_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of figures and of the installation."""
    router = APIRouter(tags=["installation"])

    @router.get("/figures")
    async def show_figures(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.FIGURES))],
        query: Annotated[FigureQuery, Query()],
    ) -> FiguresAnswer:
        """Return the figures of a year."""
        del visitor
        view = FigureView.of(query.model_dump(), parts.today())
        cells = await parts.figures.cells(view.first, view.last)
        tables = {
            name: [FigureAnswer.model_validate(line) for line in chosen(name, view, cells)] for name in TABLES
        }
        return FiguresAnswer(year=view.year, ages=await parts.figures.ages(parts.today()), **tables)

    @router.get("/system")
    async def show_system(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.SYSTEM))],
    ) -> SystemAnswer:
        """Return the state of the installation."""
        del visitor
        return SystemAnswer.model_validate(await overview(parts))

    return router
