"""The application of the API, below `/api/v1` of the console."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.console.api.audit_routes import (
    api_audit_routes,
    api_hold_routes,
    api_recipient_routes,
    api_view_routes,
)
from services.console.api.case_routes import (
    api_case_routes,
    api_content_routes,
    api_list_routes,
    api_work_routes,
)
from services.console.api.decision_routes import api_decision_routes
from services.console.api.installation_routes import (
    api_figure_routes,
    api_incident_routes,
    api_installation_routes,
)
from services.console.api.problems import (
    PROBLEM_SCHEMA,
    BodyLimit,
    PrivateAnswers,
    add_api_problems,
    documented,
)
from services.console.api.review_routes import api_bulk_routes, api_package_routes
from services.console.api.session_routes import api_session_routes
from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard

PATH = "/api/v1"


class ConsoleApi(FastAPI):
    """The application of the API."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the application with the headers of all its answers, also of errors."""
        return PrivateAnswers(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the schema of problems."""
        document = super().openapi()
        document["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
        return document


def create_api(parts: ConsoleParts) -> ConsoleApi:
    """Return the application."""
    guard = SessionGuard(parts)
    app = ConsoleApi(
        title="Habeas console",
        version=version("habeas"),
        summary="Cases, decisions and figures for the staff.",
        description="For programs of the staff. Findings and graph of the data map, and CSV files of lists, "
        "are on the pages alone. Errors are `application/problem+json` (RFC 9457). Lists hold no personal "
        "data.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": PATH}],
        root_path_in_servers=False,
        docs_url=None,
        redoc_url=None,
        responses=documented(),
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_middleware(BodyLimit)
    for routes in (
        api_session_routes,
        api_list_routes,
        api_case_routes,
        api_work_routes,
        api_content_routes,
        api_decision_routes,
        api_bulk_routes,
        api_package_routes,
        api_view_routes,
        api_hold_routes,
        api_recipient_routes,
        api_incident_routes,
        api_audit_routes,
        api_figure_routes,
        api_installation_routes,
    ):
        app.include_router(routes(parts, guard))
    add_api_problems(app)
    return app
