"""Pages of the privacy centre: choice of a right, form, summary, confirmation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from services.intake.cases.service import RequestService
from services.intake.domain import GPC, PUBLIC_SOURCE
from services.intake.http import uploads
from services.intake.pages.centre import form
from services.intake.pages.centre.form import FilledForm, RequestOption
from services.intake.pages.csrf import TRAP
from services.intake.pages.site import FORM, HEADERS, READ, Site, SiteView
from shared.contract.events import Details, RequestSubmitted, Subject, SubmissionError
from shared.contract.references import references_in
from shared.errors import UnknownRequest
from shared.labels import localized
from shared.law import CompanyProfile, Regulation, Right
from shared.law.places import SUBDIVISIONS, countries
from shared.matching import mailbox
from shared.pages.categories import called
from shared.pages.translation import mark as _
from shared.runtime.client_limits import Allowance, network_of

MOST_FIELDS = len(form.FIELDS) + 3
CASE_ID = re.compile("[0-9a-f]{32}")
LINK_WANTED = _("Please open the link in our letter")
LINK_WHY = _(
    "Use the short reference in emails and calls to us. To protect your data, the page of your request opens "
    "only with the link in our letters."
)
SIGNAL = "signal"
"""Name of the browser's signal in the vault."""
SIGNAL_HEADER = b"Sec-GPC: 1"
SUPPORT = {"gpc": True, "lastUpdate": date(2026, 11, 26).isoformat()}
"""The content of ``/.well-known/gpc.json`` (Global Privacy Control, section 4), with its date."""


@dataclass(frozen=True, slots=True)
class Centre:
    """Lodges requests from forms."""

    service: RequestService
    site: Site
    allowance: Allowance

    async def sent(self, option: RequestOption, request: Request) -> Response:
        """Return the page after a submitted form."""
        view, names = self.site.at(request), (*form.FIELDS, "seal", "step", TRAP)
        given = await uploads.text_fields(request, names, MOST_FIELDS)
        filled = FilledForm(option, {name: given[name] for name in form.FIELDS})
        step = "send" if option.at_once else given["step"]
        if flaws := filled.flaws():
            return self.form(view, filled, given, flaws)
        if step == "change":
            return self.form(view, filled, given, ())
        if objection := self.site.guard.objection(option.where, given, self.service.clock()):
            path, message = objection
            return self.form(view, filled, given, (SubmissionError(path=path, message=message),))
        if step != "send":
            return view.draw(
                "centre/summary.html.jinja",
                headers=FORM,
                **_content(filled, view),
                given=given,
            )
        reference = self.site.guard.reference(option.where, given)
        submitted = filled.request(reference, str(view.words.locale))
        if submitted is None:
            return self.form(view, filled, given, (SubmissionError(path="", message=form.UNREADABLE),))
        if not self.allowance.take(network_of(request.client.host if request.client else "")):
            raise HTTPException(429, "Too many requests from this address.", {"Retry-After": "3600"})
        case_id = await self._lodged(submitted, view, by_person=filled.on_behalf is form.OnBehalf.SELF)
        return RedirectResponse(view.link(f"/requests/{case_id}"), HTTPStatus.SEE_OTHER)

    def form(
        self, view: SiteView, filled: FilledForm, given: Mapping[str, str], flaws: tuple[SubmissionError, ...]
    ) -> Response:
        """Return the form, with its input, and its faults."""
        path, now = filled.option.where, self.service.clock()
        seal = given.get("seal", "")
        if self.site.guard.sealed_at(path, seal, now) is None:
            seal = self.site.guard.seal(path, now)
        return view.draw(
            "centre/form.html.jinja",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if flaws else HTTPStatus.OK,
            headers=FORM,
            **_content(filled, view),
            seal=seal,
            flaws=flaws,
            flaw_of={flaw.path: flaw.message for flaw in flaws},
            countries=countries(view.words.locale),
        )

    async def _lodged(self, submitted: RequestSubmitted, view: SiteView, *, by_person: bool) -> str:
        if not (view.signal and by_person and submitted.subject.email):
            return await self.service.lodge(submitted, PUBLIC_SOURCE)
        if submitted.right is Right.OPT_OUT_OF_SALE:
            await record_signal(self.service, self.service.id_of(PUBLIC_SOURCE, submitted.reference))
        else:
            locale = str(view.words.locale)
            await honour(self.service, self.site.company, submitted.subject.email, locale)
        return await self.service.lodge(submitted, PUBLIC_SOURCE)


def centre(service: RequestService, site: Site, allowance: Allowance) -> APIRouter:
    """Return the pages of the privacy centre."""
    router = APIRouter(include_in_schema=False)
    forms = Centre(service, site, allowance)

    @router.api_route("/", methods=READ)
    async def home(request: Request) -> Response:
        draw = site.at(request).draw
        return draw(
            "centre/home.html.jinja",
            headers=HEADERS,
            see=form.SEE,
            change=form.CHANGE,
            stop=form.STOP,
            choices=form.CHOICES,
        )

    @router.api_route("/choices", methods=READ)
    async def choices(request: Request) -> Response:
        return site.at(request).draw("centre/choices.html.jinja", headers=HEADERS, choices=form.CHOICES)

    @router.api_route("/account-deletion", methods=READ)
    async def account_deletion(request: Request, app: str = "") -> Response:
        name = site.company.apps.get(app, "")
        here = f"/account-deletion?app={app}" if name else "/account-deletion"
        draw = site.at(request).draw
        return draw("centre/account_deletion.html.jinja", headers=HEADERS, here=here, app=name)

    @router.post("/find", dependencies=[Depends(site.guard.admit)])
    async def find(request: Request) -> Response:
        view, wanted = site.at(request), await uploads.text_fields(request, ["reference"], MOST_FIELDS)
        given = wanted["reference"]
        if any(references_in(given)):
            title, detail = view.words.say(LINK_WANTED), view.words.say(LINK_WHY)
            return view.draw("problem.html.jinja", HTTPStatus.NOT_FOUND, here="/", title=title, detail=detail)
        found = CASE_ID.search("".join(given.split()).lower())
        if found is None:
            raise UnknownRequest("no request has this id")
        await service.case(found[0])
        return RedirectResponse(view.link(f"/requests/{found[0]}"), HTTPStatus.SEE_OTHER)

    @router.api_route("/.well-known/gpc.json", methods=READ)
    async def support() -> Response:
        return JSONResponse(SUPPORT, headers={"Access-Control-Allow-Origin": "*"})

    for option in form.OPTIONS.values():
        _add_form(router, forms, option)
    return router


def _add_form(router: APIRouter, forms: Centre, option: RequestOption) -> None:
    async def show(request: Request) -> Response:
        linked = request.query_params.get("scope") == "consent" and option.right is Right.ERASURE
        given = {form.ON_CONSENT: "yes"} if linked else {}
        return forms.form(forms.site.at(request), FilledForm(option, given), given, ())

    async def send(request: Request) -> Response:
        return await forms.sent(option, request)

    router.add_api_route(option.where, show, methods=READ)
    guarded = [Depends(forms.site.guard.admit)]
    router.add_api_route(option.where, send, methods=["POST"], dependencies=guarded)


def _content(filled: FilledForm, view: SiteView) -> dict[str, Any]:
    language = view.words.language
    return {
        "editable": {name: localized(label, language) for name, label in view.site.editable.items()},
        "option": filled.option,
        "own_form": filled.on_behalf is form.OnBehalf.SELF,
        "typed": filled,
        "fields": form.FIELDS,
        "correctable": form.CORRECTABLE,
        "scopes": {name: called(category, language) for name, category in form.SCOPES.items()},
        "subdivisions": SUBDIVISIONS,
        "trap": TRAP,
    }


async def honour(service: RequestService, company: CompanyProfile, email: str, locale: str) -> str:
    """
    Record the signal of the person at *email*: their data is not sold or shared from now on.

    All forms of one day make one request. It is an opt-out alone: no erasure, no access, and no proof of
    identity.

    Law:
        Cal. Civ. Code § 1798.135(e); 11 CCR § 7025: it is an opt-out of the browser and, once known, of the
        person. No other data may be required, and its processing must be shown (§ 7025(c)(6)).
    """
    day = service.clock().astimezone(company.zone).date()
    reference = service.id_of(GPC, f"{mailbox(email) or email} {day}")
    request = RequestSubmitted(
        reference=reference,
        right=Right.OPT_OUT_OF_SALE,
        regulation=Regulation.CCPA,
        subject=Subject(email=email),
        details=Details(),
        locale=locale,
    )
    await record_signal(service, service.id_of(GPC, reference))
    return await service.lodge(request, GPC)


async def record_signal(service: RequestService, case_id: str) -> None:
    """Store the signal with a case, as evidence."""
    await service.keep(case_id, SIGNAL, SIGNAL_HEADER)
