"""The application of the console: its routes, files and errors."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from services.console.api.app import PATH, create_api
from services.console.context import ConsoleParts
from services.console.http.client_networks import ClientNetwork
from services.console.http.counts import count_routes
from services.console.http.guard import NotSignedIn, SessionGuard
from services.console.pages.audit import audit_routes
from services.console.pages.breach_declaration import breach_declaration_routes
from services.console.pages.breaches import breach_file_routes, breach_routes
from services.console.pages.bulk import bulk_routes
from services.console.pages.case import case_routes
from services.console.pages.content import content_routes
from services.console.pages.decisions import decision_routes
from services.console.pages.figures import figure_routes
from services.console.pages.holds import hold_routes
from services.console.pages.lists import list_routes
from services.console.pages.package import package_routes
from services.console.pages.sign_in import sign_in_routes
from services.console.pages.site import ConsoleSite
from services.console.pages.system import system_routes
from services.console.pages.work import work_routes
from shared.errors import TransientError
from shared.pages.translation import mark as _
from shared.runtime.log import logger

PROBLEMS = {
    400: (_("This address is not understood"), _("Check the address, or go back and use a link.")),
    401: (
        _("Your session has no key"),
        _("Open the content of the case with password and code. Then this is possible again."),
    ),
    403: (
        _("This is not allowed"),
        _("Your roles do not allow it, or the form is outdated. Reload the page."),
    ),
    409: (
        _("This is not possible now"),
        _("The case has moved on, or a colleague was faster. Look at it again."),
    ),
    404: (_("There is no such page"), _("The case may be purged, or the address mistyped.")),
    413: (_("This is too large"), _("Send less at a time.")),
    422: (
        _("A mail address does not belong here"),
        _("Addresses of pages are kept in histories. Use the search field below the filters."),
    ),
    429: (_("Too many requests"), _("Try again later.")),
    503: (_("A service does not answer"), _("Nothing was changed. Try again shortly.")),
}
OTHER = (_("This did not work"), _("Nothing was changed. Go back and try again."))


def create_app(parts: ConsoleParts) -> FastAPI:
    """Return the application."""
    site, guard = ConsoleSite(parts.settings.company), SessionGuard(parts)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/console.css", site.stylesheet, include_in_schema=False)
    app.add_api_route("/console.js", site.javascript, include_in_schema=False)
    app.include_router(breach_declaration_routes(parts, guard, site))
    app.include_router(breach_file_routes(parts, guard))
    app.include_router(breach_routes(parts, guard, site))
    app.include_router(sign_in_routes(parts, guard, site))
    app.include_router(list_routes(parts, guard, site))
    app.include_router(bulk_routes(parts, guard, site))
    app.include_router(case_routes(parts, guard, site))
    app.include_router(decision_routes(parts, guard, site))
    app.include_router(content_routes(parts, guard, site))
    app.include_router(package_routes(parts, guard, site))
    app.include_router(work_routes(parts, guard))
    app.include_router(hold_routes(parts, guard, site))
    app.include_router(figure_routes(parts, guard, site))
    app.include_router(audit_routes(parts, guard, site))
    app.include_router(system_routes(parts, guard, site))
    app.include_router(count_routes(parts, guard))
    app.mount(PATH, create_api(parts))
    app.add_middleware(ClientNetwork)
    _add_problems(app, site, guard)
    return app


def _add_problems(app: FastAPI, site: ConsoleSite, guard: SessionGuard) -> None:
    async def page(request: Request, status: int) -> Response:
        title, text = PROBLEMS.get(status, OTHER)
        visitor = await guard.visitor(request) if status != 503 else None  # noqa: PLR2004 - an outage
        moved_on = status == HTTPStatus.CONFLICT
        content = {"title": title, "text": text, "case": moved_on and request.path_params.get("case")}
        return site.draw(request, "problem.html.jinja", content, visitor=visitor, status=status)

    @app.exception_handler(NotSignedIn)
    async def not_signed_in(request: Request, _error: Exception) -> Response:
        if request.method != "GET" or request.url.path == "/counts":
            return await page(request, 403)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(here, safe='')}", 303)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return await page(request, status)

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, _error: Exception) -> Response:
        return await page(request, 404)

    @app.exception_handler(TransientError)
    async def unavailable(request: Request, error: Exception) -> Response:
        logger().warning("page not served", reason=str(error))
        return await page(request, 503)
