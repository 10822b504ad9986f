"""Pages of work on many cases at once."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData

from services.console.context import ConsoleParts
from services.console.decisions.bulk import (
    DONE,
    BulkResult,
    bulk_offers,
    chosen_cases,
    decided_together,
    owned_by,
)
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.state import CaseRow
from shared.contract.refusals import REFUSALS


def bulk_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of work on many cases."""
    router = APIRouter(include_in_schema=False)
    working = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.WORK))]
    deciding = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.DECIDE))]

    def shown(request: Request, visitor: Visitor, results: Sequence[BulkResult]) -> Response:
        done = sum(one.state == DONE for one in results)
        content = {"results": results, "done": done, "refusals": REFUSALS}
        return site.draw(request, "bulk_results.html.jinja", content, visitor=visitor)

    async def rows_of(given: FormData) -> Sequence[CaseRow]:
        return await chosen_cases(parts, map(str, given.getlist("case")))

    @router.post("/bulk")
    async def choose(request: Request, visitor: working) -> Response:
        rows = await rows_of(await guard.form(request, visitor))
        offers = bulk_offers(visitor, rows)
        content = {
            "rows": rows,
            "today": parts.today(),
            "owners": await parts.accounts.members(),
            "decisions": [one for one, _fitting in offers],
            "fitting": {one.name: fitting for one, fitting in offers},
        }
        return site.draw(request, "bulk.html.jinja", content, visitor=visitor)

    @router.post("/bulk/owner")
    async def assign(request: Request, visitor: working) -> Response:
        given = await guard.form(request, visitor)
        owner = str(given.get("owner", "")) or None
        return shown(request, visitor, await owned_by(parts, visitor, await rows_of(given), owner))

    @router.post("/bulk/decide")
    async def decide(request: Request, visitor: deciding) -> Response:
        given = await guard.form(request, visitor)
        name, code = (str(given.get(field, "")) for field in ("decision", "code"))
        made = await decided_together(parts, visitor, name, await rows_of(given), code)
        return shown(request, visitor, made)

    return router
