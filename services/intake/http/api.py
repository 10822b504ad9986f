"""The HTTP API: routes, and the models of bodies and answers."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.types import ASGIApp

from services.intake.cases.service import RequestService, VisibleCase
from services.intake.cases.timeline import timeline_of
from services.intake.channels.csv import upload
from services.intake.channels.unsubscribe.links import UnsubscribeLinks
from services.intake.channels.unsubscribe.pages import unsubscribe_routes
from services.intake.domain import PUBLIC_SOURCE, CaseStatus, outcome_of
from services.intake.http import operations, uploads
from services.intake.http.callers import AttemptLimit, Callers, SmallBodies
from services.intake.http.description import document
from services.intake.http.failed_attempts import network_of_client
from services.intake.http.letter_previews import LetterPreviews, preview_routes
from services.intake.http.packages import Packages, RangeRequest, package_head, package_response, wanted_bytes
from services.intake.http.problems import add_problems, error_of_body
from services.intake.http.staff_actions import StaffActions, action_routes
from services.intake.http.staff_content import StaffContent, content_routes
from services.intake.http.staff_decisions import StaffDecisions, staff_decisions
from services.intake.http.staff_figures import PurgedRequests, figure_routes
from services.intake.http.staff_incidents import IncidentContent, incident_routes
from services.intake.http.staff_search import (
    RequesterSearch,
    StaffSearch,
    search_routes,
)
from services.intake.http.staff_sessions import StaffSessions, session_routes
from services.intake.http.staff_trails import CaseTrails, TrailExports, trail_routes
from services.intake.pages.centre.pages import centre, honour
from services.intake.pages.linked_pages import forwarded_request_routes
from services.intake.pages.routes import certificate_response, pages
from services.intake.pages.site import READ, Site, paragraphs, signals
from shared.contract.answer import MOST_SCOPE_ENTRIES
from shared.contract.events import (
    EmailCode,
    LongText,
    Proof,
    RequestId,
    RequestSubmitted,
    Strict,
    Text,
)
from shared.contract.sources import Source
from shared.contract.status import AnswerFee, Lodged, RequestStatus, StatusPage, TimelineItem
from shared.law import ClockRules, Policy
from shared.law.calendars import calendar_named
from shared.law.library import policies


class RequestForm(RequestSubmitted, defer_build=False):
    """A request; the reference is optional."""

    reference: str = Field(
        default_factory=lambda: secrets.token_hex(16), min_length=1, max_length=200, validate_default=True
    )


class CodeSent(BaseModel):
    """A code was mailed to the data subject."""

    expires_at: datetime


class AppealForm(Strict, defer_build=False):
    """The text of an appeal or a complaint."""

    statement: LongText


class ScopeForm(Strict, defer_build=False):
    """The data that a request means, as in `details.scope`; nothing: everything."""

    scope: Annotated[tuple[Text, ...], Field(max_length=MOST_SCOPE_ENTRIES)] = ()


def status_page(case_id: str, visible: VisibleCase, url: str) -> StatusPage:
    """Return the page of a request."""
    case = visible.case
    received, fulfilled, opened, quoted = case.received, case.fulfilled, case.open_appeal, case.quoted
    return StatusPage(
        id=case_id,
        incomplete=visible.incomplete,
        status=RequestStatus.SUBMITTED if case.status is CaseStatus.UNKNOWN else RequestStatus(case.status),
        right=received.right if received else None,
        regulation=received.regulation if received else None,
        policy=received.policy if received else None,
        received_on=received.received_on if received else None,
        due_on=case.due_on,
        due_by=case.due_by,
        laws=list(received.laws) if received else [],
        laws_not_accepted=list(received.not_accepted) if received else [],
        follows=received.follows if received else None,
        erasure_at=case.erasure_at if case.withdrawable else None,
        fee=quoted
        and AnswerFee(fee=quoted.fee, reason=quoted.reason, answer_by=quoted.answer_by, agreed=case.agreed),
        scope_answer_by=case.scope_asked.answer_by if case.scope_asked and case.awaits_scope else None,
        extended=case.extended,
        appeal=opened.remedy if opened else None,
        appeal_due_on=opened.due_on if opened else None,
        outcome=outcome_of(case),
        undelivered=list(case.undelivered),
        untold=list(case.unnotified),
        reasons=list(case.refused_for),
        tries_left=case.tries_left if case.awaits_proof else None,
        wanted=[list(way) for way in case.wanted] if case.awaits_proof else [],
        proof_refused_for=case.proof_refused_for if case.awaits_proof else None,
        in_review=case.in_review and case.awaits_proof,
        paused=case.paused_since is not None and case.awaits_proof,
        stopped=case.stopped,
        package_url=f"{url}/package" if fulfilled and fulfilled.package else None,
        timeline=[TimelineItem(**asdict(entry)) for entry in timeline_of(visible.facts)],
    )


def _require_own_request(service: RequestService, callers: Callers) -> Any:
    """Return the dependency that refuses the key of another system than the request's."""

    async def check(case_id: RequestId, request: Request) -> None:
        if "authorization" in request.headers:  # people present no key
            await service.must_be_of(case_id, callers.system(request))

    return Depends(check)


def create_app(  # noqa: PLR0913 - everything that is served
    service: RequestService,
    callers: Callers,
    site: Site,
    *,
    protocols: Mapping[str, ASGIApp] | None = None,
    links: UnsubscribeLinks | None = None,
    staff: StaffDecisions | None = None,
    requesters: RequesterSearch | None = None,
    trails: CaseTrails | None = None,
    purged: PurgedRequests | None = None,
) -> FastAPI:
    """
    Return the API on *service*, with the applications of *protocols*, by path: ``{"/drp": …}``.

    Without *links* there are no unsubscribe links, without *staff* no decisions of staff accounts,
    without *requesters* no search for their cases, without *trails* no exports of trails, without *purged*
    no counts of purged requests.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_problems(app, site)
    app.add_middleware(SmallBodies, callers=callers)
    app.add_middleware(AttemptLimit, callers=callers)
    own = _require_own_request(service, callers)
    _add_requests(app, service, callers, site, own)
    _add_proofs(app, service, callers, own)
    _add_steps(app, service, own)
    _add_answers(app, service, own)
    app.add_api_route("/style.css", site.stylesheet, methods=READ, include_in_schema=False)
    app.add_api_route("/openpgp.asc", site.certificate, methods=READ, include_in_schema=False)
    app.add_api_route("/logo", site.logo, methods=READ, include_in_schema=False)
    app.include_router(centre(service, site, callers.public))
    app.include_router(pages(service, site, ClockRules(site.company, policies(), calendar_named)))
    app.include_router(forwarded_request_routes(service, site))
    app.include_router(upload.batch_route(service, callers.system, root=site.root, zone=site.company.zone))
    if links:
        app.include_router(unsubscribe_routes(service, site, links, callers.system))
    if staff:
        app.include_router(staff_decisions(staff, site.root))
        for routes in _session_routes(staff, requesters, trails, purged):
            app.include_router(routes, dependencies=[Depends(forbid_caching)])
    _add_description(app, site, protocols or {})
    for path, protocol in (protocols or {}).items():
        app.mount(path, protocol)
    return app


def _session_routes(
    staff: StaffDecisions,
    requesters: RequesterSearch | None,
    trails: CaseTrails | None,
    purged: PurgedRequests | None,
) -> Iterator[APIRouter]:
    """Yield the API for signed-in accounts."""
    sessions = StaffSessions(staff.service, staff.register, staff.clock, staff.readings)
    yield session_routes(sessions)
    yield incident_routes(
        IncidentContent(staff.incidents, staff.service, staff.clock, staff.breaches), sessions
    )
    actions = StaffActions(staff.service, sessions, staff.actions)
    yield action_routes(actions)
    yield preview_routes(LetterPreviews(actions, staff.previews))
    yield content_routes(StaffContent(staff.service, staff.clock), sessions)
    if requesters:
        yield search_routes(StaffSearch(sessions, requesters, staff.searches))
    if purged:
        yield figure_routes(purged, sessions)
    if trails:
        yield trail_routes(TrailExports(staff.service, trails, staff.clock), sessions)


def _add_description(app: FastAPI, site: Site, protocols: Mapping[str, ASGIApp]) -> None:
    @cache
    def described() -> dict[str, Any]:
        return document(app, protocols, site.root)

    async def describe() -> JSONResponse:
        return JSONResponse(described())

    async def show(request: Request) -> Response:
        # FastAPI's own page loads programs from elsewhere.
        return site.at(request).draw("docs.html.jinja", api=described(), paragraphs=paragraphs)

    app.add_api_route("/openapi.json", describe, methods=READ, include_in_schema=False)
    app.add_api_route("/docs", show, methods=READ, include_in_schema=False)


def _add_requests(app: FastAPI, service: RequestService, callers: Callers, site: Site, own: Any) -> None:
    @app.post("/v1/requests", status_code=HTTPStatus.ACCEPTED, **operations.SUBMIT_REQUEST)
    async def lodge(
        form: RequestForm, request: Request, source: Annotated[Source, Depends(callers.source_of)]
    ) -> Lodged:
        """Lodge a request. The same reference from the same system is the same request again."""
        if source == PUBLIC_SOURCE:
            # A public caller with another's reference would be shown that request, and one that
            # named a customer would have us write to any address.
            unknown = {"reference": secrets.token_hex(16), "received_at": None, "controller": None}
            form = form.model_copy(update=unknown)
            if signals(request) and form.agent is None and form.subject.email:
                await honour(service, site.company, form.subject.email, form.locale or site.company.language)
        else:
            await service.refuse_if_full(form, source)
        case_id = await service.lodge(form, source)
        return Lodged(id=case_id, status_url=f"{site.root}/v1/requests/{case_id}")

    @app.get("/v1/policies", **operations.LIST_POLICIES)
    async def laws() -> list[Policy]:
        """Return each edition of each law, with its citations."""
        return list(policies())

    @app.get("/v1/requests", dependencies=[Depends(forbid_caching)], **operations.FIND_REQUEST)
    async def find(reference: str, source: Annotated[Source, Depends(callers.system)]) -> StatusPage:
        """Return the state of the calling system's request with *reference*."""
        case_id = service.id_of(source, reference)
        return status_page(case_id, await service.visible(case_id), f"{site.root}/v1/requests/{case_id}")

    @app.get(
        "/v1/requests/{case_id:id}", dependencies=[Depends(forbid_caching), own], **operations.GET_REQUEST
    )
    async def status(case_id: RequestId) -> StatusPage:
        """Return the state of a request."""
        return status_page(case_id, await service.visible(case_id), f"{site.root}/v1/requests/{case_id}")


def _add_proofs(app: FastAPI, service: RequestService, callers: Callers, own: Any) -> None:
    async def limit(request: Request, codes: int) -> None:
        """Count the codes of a person's network, or of the upstream system that shows its API key."""
        if "authorization" in request.headers:
            await service.codes.take_of_source(callers.system(request), codes, service.clock())
            return
        for _ in range(codes):
            await service.codes.take(network_of_client(request), service.clock())

    async def offered(case_id: RequestId, request: Request) -> Sequence[Proof]:
        # FastAPI would write the files of a form to a disk, and read the body for any request id.
        async with service.upload(case_id):
            if uploads.is_form(request):
                return await uploads.read(request, service.clock())
            body = await request.body()
        try:
            return uploads.ProofUploadForm.model_validate_json(body).proofs
        except ValidationError as error:
            raise error_of_body(error) from None

    @app.post(
        "/v1/requests/{case_id:id}/proofs",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[own],
        **operations.PROVE_IDENTITY,
    )
    async def prove(
        case_id: RequestId, request: Request, proofs: Annotated[Sequence[Proof], Depends(offered)]
    ) -> None:
        """
        Offer proofs of identity: the code from the mailbox, details, documents, a declaration, a log-in.

        As JSON, or as a form with files. Nothing of a file is written to a disk before it is encrypted.
        """
        await limit(request, sum(isinstance(proof, EmailCode) for proof in proofs))
        await service.prove(case_id, proofs)


def _add_steps(app: FastAPI, service: RequestService, own: Any) -> None:
    @app.delete(
        "/v1/requests/{case_id:id}",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[own],
        **operations.WITHDRAW_REQUEST,
    )
    async def withdraw(case_id: RequestId) -> None:
        """Withdraw a request that is not answered yet."""
        await service.withdraw(case_id)

    @app.post(
        "/v1/requests/{case_id:id}/fee",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[own],
        **operations.ACCEPT_FEE,
    )
    async def agree(case_id: RequestId) -> None:
        """Agree to the fee in the fee letter; the answer follows, and the invoice."""
        await service.agree(case_id)

    @app.post(
        "/v1/requests/{case_id:id}/scope",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[own],
        **operations.SET_SCOPE,
    )
    async def specify(case_id: RequestId, form: ScopeForm) -> None:
        """Answer the letter that asks which data is meant: a part of it, or everything."""
        await service.specify(case_id, form.scope)

    @app.post(
        "/v1/requests/{case_id:id}/appeals",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[own],
        **operations.APPEAL,
    )
    async def appeal(case_id: RequestId, form: AppealForm) -> None:
        """Disagree with an answer, or with the handling of a request."""
        await service.appeal(case_id, form.statement)


def _add_answers(app: FastAPI, service: RequestService, own: Any) -> None:
    packages = Packages(service)

    @app.post(
        "/v1/requests/{case_id:id}/package/codes",
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[own],
        **operations.SEND_PACKAGE_CODE,
    )
    async def issue_code(case_id: RequestId) -> CodeSent:
        """Mail a code to the data subject that opens the package once."""
        return CodeSent(expires_at=await packages.issue_code(case_id))

    @app.get(
        "/v1/requests/{case_id:id}/package",
        response_class=StreamingResponse,
        **operations.DOWNLOAD_PACKAGE,
    )
    async def package(
        case_id: RequestId,
        request: Request,
        wanted: Annotated[RangeRequest, Depends(wanted_bytes)],
        code: str = "",
    ) -> StreamingResponse:
        """
        Download the package with a code from `package/codes`.

        An interrupted download resumes with the same code: `Range: bytes=N-` and `If-Range` with the entity
        tag of the first answer.
        """
        offered = required_code(code)
        await service.codes.take(network_of_client(request), service.clock())
        return package_response(case_id, await packages.open(case_id, offered, wanted))

    @app.head("/v1/requests/{case_id:id}/package", response_class=Response, **operations.INSPECT_PACKAGE)
    async def look(case_id: RequestId, request: Request, code: str = "") -> Response:
        """Return the size of the package, for a code that stays valid."""
        offered = required_code(code)
        await service.codes.take(network_of_client(request), service.clock())
        return package_head(case_id, await packages.look(case_id, offered))

    @app.get(
        "/v1/requests/{case_id:id}/certificate", response_class=Response, **operations.DOWNLOAD_CERTIFICATE
    )
    async def certificate(case_id: RequestId) -> Response:
        """Download the signed certificate of an erasure."""
        return certificate_response(case_id, await service.certificate(case_id))


def forbid_caching(response: Response) -> None:
    """Forbid caches to store an answer: the status of a request changes, and is for one person."""
    response.headers["Cache-Control"] = "no-store"


def required_code(code: str) -> str:
    """Return *code*; answer 401 without one."""
    if not code:
        raise HTTPException(401, "A code is required: POST to package/codes mails one.")
    return code
