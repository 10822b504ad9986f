"""The HTTP interface for clients of Fides: calls, and errors in their form."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.cases.errors import NotPossibleNow
from services.intake.channels.fides import bodies
from services.intake.channels.fides.clients import Clients, ClientScope, token_route
from services.intake.channels.fides.consents import Consents
from services.intake.channels.fides.filters import Filter
from services.intake.channels.fides.reviews import ReviewAction, Reviews
from services.intake.channels.fides.service import FidesService
from services.intake.channels.protocols import ABOUT_REQUESTS, ErrorAnswer, protocol_app
from services.intake.http.failed_attempts import network_of_client
from shared.runtime.client_limits import Allowance

T = TypeVar("T")
ROOT = "/api/v1"
NO_WEBHOOKS = "Habeas calls no webhooks and waits for none: nothing can be resumed or pre-approved."
SEVERAL = frozenset({"status", "action_type"})
ASKED_BY_QUERY = frozenset(Filter.model_fields) - {"identities", "custom_privacy_request_fields"}
Page = Annotated[int, Query(ge=1, le=1_000_000)]
Size = Annotated[int, Query(ge=1, le=100)]


@dataclass(frozen=True, slots=True)
class FidesContext:
    """The dependencies of the API."""

    service: FidesService
    reviews: Reviews
    consents: Consents
    clients: Clients
    public: Allowance
    """The limit of one address without a token; the form and the API share it."""


def fides_app(served: FidesContext, origins: frozenset[str] = frozenset()) -> ASGIApp:
    """Return the application for clients; sites in *origins* may call it from a browser."""
    app = protocol_app(_error, {**ABOUT_REQUESTS, NotPossibleNow: ErrorAnswer(HTTPStatus.BAD_REQUEST)})
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(origins),
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
    )

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        # The input is not sent back: it is personal data.
        flaws = [{name: flaw[name] for name in ("loc", "msg", "type")} for flaw in error.errors()]
        return JSONResponse({"detail": flaws}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(bodies.FidesCallRefused)
    async def refused(request: Request, error: bodies.FidesCallRefused) -> Response:
        return _error(request, error.status, str(error), HEADERS.get(error.status))

    token_route(app, f"{ROOT}/oauth/token", served.clients)
    _add_requests(app, served)
    _add_reviews(app, served)
    _add_decisions(app, served)
    _add_consents(app, served)
    _add_webhooks(app)
    return _without_last_slash(app)


def _without_last_slash(app: ASGIApp) -> ASGIApp:
    """Return *app*, ignoring a slash at the end of a path: many scripts write one."""

    async def called(connection: Scope, receive: Receive, send: Send) -> None:
        path = connection.get("path", "")
        await app({**connection, "path": path.rstrip("/")} if path else connection, receive, send)

    return called


def _add_requests(app: FastAPI, served: FidesContext) -> None:
    service = served.service

    @app.get(f"{ROOT}/id-verification/config")
    async def config() -> dict[str, bool]:
        return {
            "identity_verification_required": True,
            "disable_consent_identity_verification": True,
            "valid_email_config_exists": True,
        }

    @app.post(f"{ROOT}/privacy-request")
    async def create(request: Request) -> dict[str, Any]:
        return await service.create(await _creates(request), None, _allowed(served, request))

    @app.post(f"{ROOT}/privacy-request/authenticated")
    async def create_authenticated(
        request: Request, client: Annotated[str, Depends(served.clients.may(ClientScope.CREATE))]
    ) -> dict[str, Any]:
        return await service.create(await _creates(request), client, lambda: True)

    @app.post(f"{ROOT}/privacy-request/{{name}}/verify")
    async def verify(name: str, request: Request) -> dict[str, Any]:
        offered = (await _read(request, bodies.CodeBody)).code
        await service.requests.codes.take(network_of_client(request), service.requests.clock())
        return await service.verify(bodies.case_of(name), offered)


def _add_reviews(app: FastAPI, served: FidesContext) -> None:
    reviews, may_read = served.reviews, Depends(served.clients.may(ClientScope.READ))
    may_see = Depends(served.clients.may(ClientScope.ACCESS_RESULTS))

    @app.post(f"{ROOT}/privacy-request/search", dependencies=[may_read])
    async def search(request: Request, page: Page = 1, size: Size = 50) -> dict[str, Any]:
        empty = not await request.body()
        wanted = Filter() if empty else await _read(request, Filter)
        return await reviews.search(wanted, page=page, size=size)

    @app.get(f"{ROOT}/privacy-request", dependencies=[may_read])
    async def find(request: Request, page: Page = 1, size: Size = 50) -> dict[str, Any]:
        return await reviews.search(_filter_in(request.query_params), page=page, size=size)

    @app.get(f"{ROOT}/privacy-request/{{name}}/log", dependencies=[may_read])
    async def log(name: str, page: Page = 1, size: Size = 50) -> dict[str, Any]:
        return await reviews.log(bodies.case_of(name), page=page, size=size)

    @app.get(f"{ROOT}/privacy-request/{{name}}/access-results", dependencies=[may_see])
    async def results(name: str) -> dict[str, Any]:
        return await served.service.results(bodies.case_of(name))


def _add_decisions(app: FastAPI, served: FidesContext) -> None:
    Reviewer = Annotated[str, Depends(served.clients.may(ClientScope.REVIEW))]  # noqa: N806 - a type

    def endpoint_of(action: ReviewAction) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def decide(request: Request, client: Reviewer) -> dict[str, Any]:
            return await served.reviews.decide(action, await _read(request, bodies.Selection), client)

        return decide

    for action in ReviewAction:
        app.patch(f"{ROOT}/privacy-request/administrate/{action}")(endpoint_of(action))


def _add_consents(app: FastAPI, served: FidesContext) -> None:
    consents = served.consents

    @app.post(f"{ROOT}/consent-request")
    async def begin(request: Request) -> dict[str, Any]:
        said = await _read(request, bodies.CreateConsent)
        return await consents.begin(said, await request.body(), _allowed(served, request))

    @app.post(f"{ROOT}/consent-request/{{name}}/verify")
    async def verify(name: str, request: Request) -> dict[str, Any]:
        await _read(request, bodies.CodeBody)
        return await consents.preferences(name)

    @app.get(f"{ROOT}/consent-request/{{name}}/preferences")
    async def preferences(name: str) -> dict[str, Any]:
        return await consents.preferences(name)

    @app.patch(f"{ROOT}/consent-request/{{name}}/preferences")
    async def say(name: str, request: Request) -> dict[str, Any]:
        said = await _read(request, bodies.SetPreferences)
        return await consents.say(name, said, await request.body(), _allowed(served, request))


def _add_webhooks(app: FastAPI) -> None:
    @app.post(f"{ROOT}/privacy-request/{{name}}/resume")
    @app.post(f"{ROOT}/privacy-request/{{name}}/pre-approve/eligible")
    @app.post(f"{ROOT}/privacy-request/{{name}}/pre-approve/not-eligible")
    async def reply(name: str) -> None:
        del name
        raise bodies.bad_request(NO_WEBHOOKS)


def _allowed(served: FidesContext, request: Request) -> Callable[[], bool]:
    return lambda: served.public.take(network_of_client(request))


async def _creates(request: Request) -> list[tuple[bodies.CreateRequest, bytes]]:
    body = await request.body()
    said = _valid(bodies.CREATES, body)
    return list(zip(said, bodies.items_of(body), strict=True))


async def _read(request: Request, model: type[T]) -> T:
    return _valid(TypeAdapter(model), await request.body())


def _valid(shape: TypeAdapter[T], body: bytes) -> T:
    try:
        return shape.validate_json(body)
    except ValidationError as error:
        raise _invalid(error, "body") from None


def _filter_in(query: QueryParams) -> Filter:
    """Return the filter in the query of an address; unknown parameters are ignored."""
    several = {name: query.getlist(name) for name in query if name in ASKED_BY_QUERY}
    asked = {name: values if name in SEVERAL else values[-1] for name, values in several.items()}
    try:
        return Filter.model_validate(asked)
    except ValidationError as error:
        raise _invalid(error, "query") from None


def _invalid(error: ValidationError, where: str) -> RequestValidationError:
    flaws = error.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**flaw, "loc": (where, *flaw["loc"])} for flaw in flaws])


def _error(_request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return JSONResponse({"detail": message}, status, headers)


HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "3600"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}
