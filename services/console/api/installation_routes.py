"""Incidents, figures and the state of the installation over the API."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from services.console.api.access import may
from services.console.api.answers import (
    DecisionAnswer,
    FigureAnswer,
    FiguresAnswer,
    IncidentAnswer,
    IncidentListAnswer,
    LawFigureAnswer,
    LawFiguresAnswer,
    OneIncidentAnswer,
    OpenedIncidentAnswer,
    SystemAnswer,
)
from services.console.api.case_routes import timeline_answer
from services.console.api.forms import (
    BreachDecisionForm,
    FigureQuery,
    LawFigureQuery,
    PageQuery,
    RegisterQuery,
    RepairForm,
)
from services.console.api.review_routes import answer_of
from services.console.breach_decisions import DONE
from services.console.breach_work import EnteredBreachDecision, decide_on_breach, incident_content
from services.console.case_work import purged_cells
from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import FigureView, chosen, page_of
from services.console.read_model.figures import law_figures
from services.console.read_model.incidents import INCIDENTS, rooms_of
from services.console.registers import register_file
from services.console.system.overview import overview
from services.console.system.parked_messages import RepairAction
from services.console.system.repairs import RepairOrder, repair
from shared.contract.events import Code, RequestId

TABLES = ("periods", "groups", "ccpa")


def api_incident_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of incidents."""
    router = APIRouter(tags=["incidents"])
    seeing = Annotated[Visitor, Depends(may(guard, ConsoleAction.BREACH))]
    steering = Annotated[Visitor, Depends(may(guard, ConsoleAction.STEER_BREACH))]

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
        opened = OpenedIncidentAnswer.model_validate(rooms[0])
        return OneIncidentAnswer(incident=known, timeline=timeline_answer(parts, history), opened=opened)

    @router.post("/incidents/{incident}/decisions/{name}")
    async def decide_on_incident(
        visitor: steering, incident: RequestId, name: str, form: BreachDecisionForm
    ) -> DecisionAnswer:
        """Make a decision on an incident: the forms of the breach room, by name."""
        entered = EnteredBreachDecision(incident, name, form.fields)
        made = await decide_on_breach(parts, visitor, entered, form.step_up())
        return answer_of(made, DONE.get(name, ""))

    @router.get("/incidents/{incident}/content/{item}", response_class=Response)
    async def read_incident_item(visitor: steering, incident: RequestId, item: Code) -> Response:
        """Return a sample of a letter, a document or a list of an opened incident."""
        return await incident_content(parts, visitor, incident, item)

    return router


def api_figure_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of figures."""
    router = APIRouter(tags=["installation"])
    counting = Annotated[Visitor, Depends(may(guard, ConsoleAction.FIGURES))]

    @router.get("/figures")
    async def show_figures(visitor: counting, query: Annotated[FigureQuery, Query()]) -> FiguresAnswer:
        """Return the figures of a year."""
        del visitor
        view = FigureView.of(query.model_dump(), parts.today())
        cells = await parts.figures.cells(view.first, view.last)
        tables = {
            name: [FigureAnswer.model_validate(line) for line in chosen(name, view, cells)] for name in TABLES
        }
        return FiguresAnswer(year=view.year, ages=await parts.figures.ages(parts.today()), **tables)

    @router.get("/figures/laws")
    async def show_law_figures(
        visitor: counting, query: Annotated[LawFigureQuery, Query()]
    ) -> LawFiguresAnswer:
        """Return the figures of a year by law and right; purged requests are counted."""
        year = query.year or parts.today().year
        cells = await parts.figures.cells(date(year, 1, 1), date(year, 12, 31))
        found = law_figures([*cells, *await purged_cells(parts, visitor, year)])
        figures = [LawFigureAnswer.of(year, one) for one in found]
        company = parts.settings.company.name
        return LawFiguresAnswer(company=company, on=parts.today(), year=year, figures=figures)

    @router.get("/register", response_class=Response)
    async def read_register(visitor: counting, query: Annotated[RegisterQuery, Query()]) -> Response:
        """Return the register of a year, request by request."""
        del visitor
        return register_file(parts, query.year or parts.today().year, query.law, query.format)

    return router


def api_installation_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of the installation."""
    router = APIRouter(tags=["installation"])

    @router.get("/system")
    async def show_system(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.SYSTEM))],
    ) -> SystemAnswer:
        """Return the state of the installation."""
        del visitor
        return SystemAnswer.model_validate(await overview(parts))

    @router.post("/system/parked/{action}")
    async def repair_message(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.REPAIR))],
        action: RepairAction,
        form: RepairForm,
    ) -> DecisionAnswer:
        """Replay or discard a parked message, by a decision of the account."""
        order = RepairOrder(action, form.service, form.digest, form.reason.strip())
        return answer_of(await repair(parts, visitor, order, form.step_up()))

    return router
