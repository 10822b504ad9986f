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
from services.intake.channels.fides import bodies, operations
from services.intake.channels.fides.clients import Clients, ClientScope, token_route
from services.intake.channels.fides.consents import Consents
from services.intake.channels.fides.filters import FidesFilter
from services.intake.channels.fides.reviews import ReviewAction, Reviews
from services.intake.channels.fides.service import FidesService
from services.intake.channels.protocols import ABOUT_REQUESTS, ErrorAnswer, protocol_app
from services.intake.http.failed_attempts import network_of_client
from shared.contract.field_errors import MOST_ERRORS, message_of
from shared.runtime.client_limits import Allowance

T = TypeVar("T")
ROOT = "/api/v1"
NO_WEBHOOKS = "Habeas calls no webhooks and waits for none: nothing can be resumed or pre-approved."
SEVERAL = frozenset({"status", "action_type"})
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


def fides_app(served: FidesContext, origins: frozenset[str] = frozenset()) -> FastAPI:
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
        details = [_detail(flaw) for flaw in error.errors()[:MOST_ERRORS]]
        return JSONResponse({"detail": details}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(bodies.FidesCallRefused)
    async def refused(request: Request, error: bodies.FidesCallRefused) -> Response:
        return _error(request, error.status, str(error), HEADERS.get(error.status))

    token_route(app, f"{ROOT}/oauth/token", served.clients, **operations.GET_TOKEN)
    _add_requests(app, served)
    _add_reviews(app, served)
    _add_decisions(app, served)
    _add_consents(app, served)
    _add_webhooks(app)
    app.add_middleware(WithoutLastSlash)
    return app


@dataclass(frozen=True, slots=True)
class WithoutLastSlash:
    """Ignores a slash at the end of a path: many scripts write one."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application without it."""
        path = scope.get("path", "")
        await self.app({**scope, "path": path.rstrip("/")} if path else scope, receive, send)


def _add_requests(app: FastAPI, served: FidesContext) -> None:
    service = served.service

    @app.get(f"{ROOT}/id-verification/config", response_model=None, **operations.GET_CONFIG)
    async def config() -> dict[str, bool]:
        """Return whether identities are verified by a code."""
        return {
            "identity_verification_required": True,
            "disable_consent_identity_verification": True,
            "valid_email_config_exists": True,
        }

    @app.post(f"{ROOT}/privacy-request", response_model=None, **operations.CREATE)
    async def create(request: Request) -> dict[str, Any]:
        """Submit requests without a token, and return the result of each."""
        return await service.create(await _creates(request), None, _allowed(served, request))

    @app.post(f"{ROOT}/privacy-request/authenticated", response_model=None, **operations.CREATE_AUTHENTICATED)
    async def create_authenticated(
        request: Request, client: Annotated[str, Depends(served.clients.may(ClientScope.CREATE))]
    ) -> dict[str, Any]:
        """Submit requests as a client, and return the result of each."""
        return await service.create(await _creates(request), client, lambda: True)

    @app.post(f"{ROOT}/privacy-request/{{request_id}}/verify", response_model=None, **operations.VERIFY)
    async def verify(request_id: str, request: Request) -> dict[str, Any]:
        """Offer the mailed code, and return the request."""
        offered = (await _read(request, bodies.FidesCodeForm)).code
        await service.requests.codes.take(network_of_client(request), service.requests.clock())
        return await service.verify(bodies.case_of(request_id), offered)


def _add_reviews(app: FastAPI, served: FidesContext) -> None:
    reviews, may_read = served.reviews, Depends(served.clients.may(ClientScope.READ))
    may_see = Depends(served.clients.may(ClientScope.ACCESS_RESULTS))

    @app.post(
        f"{ROOT}/privacy-request/search", dependencies=[may_read], response_model=None, **operations.SEARCH
    )
    async def search(request: Request, page: Page = 1, size: Size = 50) -> dict[str, Any]:
        """Return a page of the requests that match a filter."""
        empty = not await request.body()
        wanted = FidesFilter() if empty else await _read(request, FidesFilter)
        return await reviews.search(wanted, page=page, size=size)

    @app.get(f"{ROOT}/privacy-request", dependencies=[may_read], response_model=None, **operations.FIND)
    async def find(request: Request, page: Page = 1, size: Size = 50) -> dict[str, Any]:
        """Return a page of the requests that match the query."""
        return await reviews.search(_filter_in(request.query_params), page=page, size=size)

    @app.get(
        f"{ROOT}/privacy-request/{{request_id}}/log",
        dependencies=[may_read],
        response_model=None,
        **operations.LOG,
    )
    async def log(request_id: str, page: Page = 1, size: Size = 50) -> dict[str, Any]:
        """Return a page of the log of a request, oldest first."""
        return await reviews.log(bodies.case_of(request_id), page=page, size=size)

    @app.get(
        f"{ROOT}/privacy-request/{{request_id}}/access-results",
        dependencies=[may_see],
        response_model=None,
        **operations.ACCESS_RESULTS,
    )
    async def results(request_id: str) -> dict[str, Any]:
        """Return the address of the answer to a request."""
        return await served.service.results(bodies.case_of(request_id))


def _add_decisions(app: FastAPI, served: FidesContext) -> None:
    Reviewer = Annotated[str, Depends(served.clients.may(ClientScope.REVIEW))]  # noqa: N806 - a type

    def endpoint_of(action: ReviewAction) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def decide(request: Request, client: Reviewer) -> dict[str, Any]:
            """Decide requests by the client's staff account, and return the result of each."""
            return await served.reviews.decide(action, await _read(request, bodies.FidesSelection), client)

        return decide

    for action in ReviewAction:
        described = operations.decision(action)
        app.patch(f"{ROOT}/privacy-request/administrate/{action}", response_model=None, **described)(
            endpoint_of(action)
        )


def _add_consents(app: FastAPI, served: FidesContext) -> None:
    consents = served.consents

    @app.post(f"{ROOT}/consent-request", response_model=None, **operations.BEGIN_CONSENT)
    async def begin(request: Request) -> dict[str, Any]:
        """Begin a consent request."""
        said = await _read(request, bodies.FidesConsentForm)
        return await consents.begin(said, await request.body(), _allowed(served, request))

    @app.post(
        f"{ROOT}/consent-request/{{consent_request_id}}/verify",
        response_model=None,
        **operations.VERIFY_CONSENT,
    )
    async def verify(consent_request_id: str, request: Request) -> dict[str, Any]:
        """Return the choices of a consent request; any code is accepted."""
        await _read(request, bodies.FidesCodeForm)
        return await consents.preferences(consent_request_id)

    @app.get(
        f"{ROOT}/consent-request/{{consent_request_id}}/preferences",
        response_model=None,
        **operations.GET_PREFERENCES,
    )
    async def preferences(consent_request_id: str) -> dict[str, Any]:
        """Return the choices of a consent request."""
        return await consents.preferences(consent_request_id)

    @app.patch(
        f"{ROOT}/consent-request/{{consent_request_id}}/preferences",
        response_model=None,
        **operations.SET_PREFERENCES,
    )
    async def say(consent_request_id: str, request: Request) -> dict[str, Any]:
        """Choose uses of data; each opt-out is a request."""
        said = await _read(request, bodies.FidesPreferencesForm)
        return await consents.say(consent_request_id, said, await request.body(), _allowed(served, request))


def _add_webhooks(app: FastAPI) -> None:
    @app.post(f"{ROOT}/privacy-request/{{request_id}}/resume", include_in_schema=False)
    @app.post(f"{ROOT}/privacy-request/{{request_id}}/pre-approve/eligible", include_in_schema=False)
    @app.post(f"{ROOT}/privacy-request/{{request_id}}/pre-approve/not-eligible", include_in_schema=False)
    async def reply(request_id: str) -> None:
        del request_id
        raise bodies.bad_request(NO_WEBHOOKS)


def _allowed(served: FidesContext, request: Request) -> Callable[[], bool]:
    return lambda: served.public.take(network_of_client(request))


async def _creates(request: Request) -> list[tuple[bodies.FidesRequestForm, bytes]]:
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


def _filter_in(query: QueryParams) -> FidesFilter:
    """Return the filter in the query of an address; unknown parameters are ignored."""
    several = {name: query.getlist(name) for name in query if name in operations.BY_QUERY}
    asked = {name: values if name in SEVERAL else values[-1] for name, values in several.items()}
    try:
        return FidesFilter.model_validate(asked)
    except ValidationError as error:
        raise _invalid(error, "query") from None


def _invalid(error: ValidationError, where: str) -> RequestValidationError:
    flaws = error.errors(include_url=False, include_input=False)
    return RequestValidationError([{**flaw, "loc": (where, *flaw["loc"])} for flaw in flaws])


def _detail(flaw: Mapping[str, Any]) -> dict[str, Any]:
    kind = flaw["type"] if flaw["type"] in ERROR_KINDS else "value_error"
    return {"loc": flaw["loc"], "msg": message_of(flaw, own=True), "type": kind}


def _error(_request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return JSONResponse({"detail": message}, status, headers)


ERROR_KINDS = frozenset({"missing", "extra_forbidden", "json_invalid"})
"""Kinds of errors that clients can tell apart; all others are invalid values."""
HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "3600"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}
