"""Pages of the privacy centre: choice of a right, form, summary, confirmation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from services.intake.cases.service import RequestService
from services.intake.domain import PUBLIC_SOURCE
from services.intake.http import uploads
from services.intake.pages.centre import signal
from services.intake.pages.centre.form import CORRECTABLE, FIELDS, UNREADABLE, FilledForm, OnBehalf
from services.intake.pages.centre.options import CHANGE, CHOICES, OPTIONS, SEE, STOP, RequestOption
from services.intake.pages.csrf import TRAP
from services.intake.pages.site import FORM, HEADERS, READ, Site, SiteView
from shared.contract.events import RequestSubmitted, SubmissionError
from shared.errors import UnknownRequest
from shared.law import Right
from shared.law.places import SUBDIVISIONS, countries
from shared.runtime.client_limits import Allowance, network_of

MOST_FIELDS = len(FIELDS) + 3
CASE_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Centre:
    """Lodges requests from forms."""

    service: RequestService
    site: Site
    allowance: Allowance

    async def sent(self, option: RequestOption, request: Request) -> Response:
        """Return the page after a submitted form."""
        view, given = self.site.at(request), await _typed(request)
        filled = FilledForm(option, {name: given[name] for name in FIELDS})
        step = "send" if option.at_once else given["step"]
        if flaws := filled.flaws():
            return self.form(view, filled, given, flaws)
        if step == "change":
            return self.form(view, filled, given, ())
        if objection := self.site.guard.objection(option.where, given, self.service.clock()):
            path, message = objection
            return self.form(view, filled, given, (SubmissionError(path=path, message=message),))
        if step != "send":
            return view.draw("centre/summary.html.jinja", headers=FORM, **_content(filled), given=given)
        reference = self.site.guard.reference(option.where, given)
        submitted = filled.request(reference, str(view.words.locale))
        if submitted is None:
            return self.form(view, filled, given, (SubmissionError(path="", message=UNREADABLE),))
        if not self.allowance.take(network_of(request.client.host if request.client else "")):
            raise HTTPException(429, "Too many requests from this address.", {"Retry-After": "3600"})
        case_id = await self._lodged(submitted, view, by_person=filled.on_behalf is OnBehalf.SELF)
        return RedirectResponse(view.link(f"/requests/{case_id}"), HTTPStatus.SEE_OTHER)

    def form(
        self, view: SiteView, filled: FilledForm, given: Mapping[str, str], flaws: tuple[SubmissionError, ...]
    ) -> Response:
        """Return the form, with its input, and its faults."""
        path, now = filled.option.where, self.service.clock()
        drawn = self.site.guard.opened(path, given.get("seal", ""))
        seal = self.site.guard.seal(path, now) if drawn is None or drawn.is_stale(now) else given["seal"]
        return view.draw(
            "centre/form.html.jinja",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if flaws else HTTPStatus.OK,
            headers=FORM,
            **_content(filled),
            seal=seal,
            flaws=flaws,
            flaw_of={flaw.path: flaw.message for flaw in flaws},
            countries=countries(view.words.locale),
        )

    async def _lodged(self, submitted: RequestSubmitted, view: SiteView, *, by_person: bool) -> str:
        if not (view.signal and by_person and submitted.subject.email):
            return await self.service.lodge(submitted, PUBLIC_SOURCE)
        if submitted.right is Right.OPT_OUT_OF_SALE:
            await signal.note(self.service, self.service.id_of(PUBLIC_SOURCE, submitted.reference))
        else:
            locale = str(view.words.locale)
            await signal.honour(self.service, self.site.company, submitted.subject.email, locale)
        return await self.service.lodge(submitted, PUBLIC_SOURCE)


def centre(service: RequestService, site: Site, allowance: Allowance) -> APIRouter:
    """Return the pages of the privacy centre."""
    router = APIRouter(include_in_schema=False)
    forms = Centre(service, site, allowance)

    @router.api_route("/", methods=READ)
    async def home(request: Request) -> Response:
        draw = site.at(request).draw
        return draw(
            "centre/home.html.jinja", headers=HEADERS, see=SEE, change=CHANGE, stop=STOP, choices=CHOICES
        )

    @router.api_route("/choices", methods=READ)
    async def choices(request: Request) -> Response:
        return site.at(request).draw("centre/choices.html.jinja", headers=HEADERS, choices=CHOICES)

    @router.api_route("/account-deletion", methods=READ)
    async def account_deletion(request: Request, app: str = "") -> Response:
        name = site.company.apps.get(app, "")
        here = f"/account-deletion?app={app}" if name else "/account-deletion"
        draw = site.at(request).draw
        return draw("centre/account_deletion.html.jinja", headers=HEADERS, here=here, app=name)

    @router.post("/find", dependencies=[Depends(site.guard.admit)])
    async def find(request: Request) -> Response:
        view, wanted = site.at(request), await _typed(request, "reference")
        reference = "".join(wanted["reference"].split()).lower()
        if not CASE_ID.fullmatch(reference):
            raise UnknownRequest("no request has this id")
        await service.case(reference)
        return RedirectResponse(view.link(f"/requests/{reference}"), HTTPStatus.SEE_OTHER)

    @router.api_route("/.well-known/gpc.json", methods=READ)
    async def support() -> Response:
        return JSONResponse(signal.SUPPORT, headers={"Access-Control-Allow-Origin": "*"})

    for option in OPTIONS.values():
        _add_form(router, forms, option)
    return router


def _add_form(router: APIRouter, forms: Centre, option: RequestOption) -> None:
    async def show(request: Request) -> Response:
        return forms.form(forms.site.at(request), FilledForm(option), {}, ())

    async def send(request: Request) -> Response:
        return await forms.sent(option, request)

    router.add_api_route(option.where, show, methods=READ)
    guarded = [Depends(forms.site.guard.admit)]
    router.add_api_route(option.where, send, methods=["POST"], dependencies=guarded)


async def _typed(request: Request, *fields: str) -> dict[str, str]:
    """Return the input. The body is smaller than the limit of memory."""
    names = fields or (*FIELDS, "seal", "step", TRAP)
    uploads.must_be_utf8(request)
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        return {name: uploads.text_of(form, name) for name in names}


def _content(filled: FilledForm) -> dict[str, Any]:
    return {
        "option": filled.option,
        "own_form": filled.on_behalf is OnBehalf.SELF,
        "typed": filled,
        "fields": FIELDS,
        "correctable": CORRECTABLE,
        "subdivisions": SUBDIVISIONS,
        "trap": TRAP,
    }
