"""Review of a package: its records, the values that staff withhold, and the release."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import (
    CODE,
    PASSWORD,
    case_view,
    form_errors,
    is_locked,
    preview_of,
    step_up_of,
)
from services.console.decisions.forms import CaseView, DecisionDraft
from services.console.decisions.openings import NO_REVIEW, opened_content, records_to_review
from services.console.decisions.package_review import (
    GROUND,
    TAB,
    grounds,
    line_of,
    read_redactions,
    review_draft,
    reviewed,
    values_of,
)
from services.console.decisions.submission import decide
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from shared.contract.events import RequestId
from shared.contract.package_review import MOST_REDACTIONS
from shared.contract.refusals import REFUSALS
from shared.contract.staff import TEXT_SALT_BYTES
from shared.errors import HabeasError
from shared.pages.translation import mark as _

MOST_FIELDS = 3 * MOST_REDACTIONS
LONGEST_NUMBER = 15
SEND, AGREE, NEXT, FIRST, PREVIEW = "send", "agree", "next", "first", "preview"
CHANGED = _("The records have changed since this page was drawn. Look at them again.")


@dataclass(frozen=True, slots=True)
class ReviewForm:
    """The entered values of a review."""

    action: str = ""
    listing: str = ""
    start: int = 0
    """Where the shown records begin in the listing."""
    next: int = 0
    withheld: tuple[str, ...] = ()
    """Lines of values that are withheld."""
    ticked: tuple[str, ...] = ()
    """Lines of values that were ticked on the page."""
    ground: str = ""
    agreed: str = ""
    """Name of the redactions of another account."""
    errors: Mapping[str, str] = field(default_factory=dict)
    preview: Mapping[str, Any] | None = None
    """The letters that would be sent, or why none."""

    @property
    def shown_from(self) -> int:
        """Where the records begin that the next page shows."""
        return 0 if self.action == FIRST else self.next if self.action == NEXT else self.start

    def read(self, view: CaseView) -> "ReviewForm":
        """Return the form with its ticked values withheld; raises InvalidEntry as :func:`read_redactions`."""
        known = read_redactions(self.withheld, self.ticked, self.ground, view)
        start = self.shown_from
        return replace(self, withheld=tuple(map(line_of, known)), ticked=(), start=start)

    def draft(self, view: CaseView, account: str) -> DecisionDraft | None:
        """Return the decision of *account* that the form makes; None if it only goes to another page."""
        if self.action == AGREE:
            return DecisionDraft(reviewed(view, account, self.listing, self.agreed or None))
        if self.action not in {SEND, PREVIEW}:
            return None
        redactions = read_redactions(self.withheld, (), "", view)
        return review_draft(view, account, self.listing, redactions, secrets.token_bytes(TEXT_SALT_BYTES))


def package_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of reviews of packages."""
    router = APIRouter(include_in_schema=False)
    deciding = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.DECIDE))]

    async def page(request: Request, visitor: Visitor, view: CaseView, form: ReviewForm) -> Response:
        known = await opened_content(parts, visitor, view.row.id)
        if known is None:
            return RedirectResponse(f"/requests/{view.row.id}/content?then=package", HTTPStatus.SEE_OTHER)
        if known["review"] is None:
            raise HTTPException(HTTPStatus.CONFLICT, NO_REVIEW)
        if form.listing not in {"", known["review"]["listing"]}:  # its numbers are those of other records
            form = ReviewForm(errors={"": site.words(request).say(CHANGED)})
        piece = await records_to_review(parts, visitor, view.row.id, form.start)
        content = _content(visitor, view, form, known, piece)
        content |= {"locked": is_locked(parts, visitor), "refusals": REFUSALS}
        status = HTTPStatus.CONFLICT if form.errors else HTTPStatus.OK
        return site.draw(request, "package.html.jinja", content, visitor=visitor, status=status)

    @router.get("/requests/{case}/package")
    async def show(request: Request, visitor: deciding, case: RequestId) -> Response:
        view, _history = await case_view(parts, case)
        return await page(request, visitor, view, ReviewForm())

    @router.post("/requests/{case}/package")
    async def review(request: Request, visitor: deciding, case: RequestId) -> Response:
        given = await guard.form(request, visitor, fields=MOST_FIELDS)
        view, _history = await case_view(parts, case)
        form = _entered(given)
        try:
            form = form.read(view)
            draft = form.draft(view, visitor.member.name)
            if draft is None or form.action == PREVIEW:
                return await page(request, visitor, view, await _previewed(parts, visitor, form, draft))
            id_ = await decide(
                parts, visitor, draft, step_up_of(str(given.get(CODE, "")), str(given.get(PASSWORD, "")))
            )
        except HabeasError as error:
            errors = form_errors(error, site.words(request).say)
            if errors is None:
                raise
            return await page(request, visitor, view, replace(form, errors=errors))
        return RedirectResponse(f"/requests/{case}?{urlencode({'decision': id_})}", HTTPStatus.SEE_OTHER)

    return router


async def _previewed(
    parts: ConsoleParts, visitor: Visitor, form: ReviewForm, draft: DecisionDraft | None
) -> ReviewForm:
    """Return *form* with the letters of *draft*, if it asks for them."""
    return form if draft is None else replace(form, preview=await preview_of(parts, visitor, draft))


def _content(
    visitor: Visitor, view: CaseView, form: ReviewForm, known: Mapping[str, Any], piece: Mapping[str, Any]
) -> dict[str, Any]:
    others = [one for one in known["review"]["reviews"] if one["by"] != visitor.member.name]
    return {
        "row": view.row,
        "form": form,
        "until": datetime.fromisoformat(known["until"]),
        "review": known["review"],
        "proposed": others[-1] if others else None,
        "records": piece["records"],
        "next": piece["next"],
        "grounds": grounds(view),
        "withheld": {TAB.join(line.split(TAB)[1:]): line.split(TAB) for line in form.withheld},
        "values_of": values_of,
    }


def _entered(given: FormData) -> ReviewForm:
    def all_of(name: str) -> tuple[str, ...]:
        return tuple(str(one) for one in given.getlist(name))

    def number(name: str) -> int:
        text = str(given.get(name, ""))
        return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else 0

    return ReviewForm(
        action=str(given.get("do", "")),
        listing=str(given.get("listing", "")),
        start=number("start"),
        next=number("next"),
        withheld=all_of("withheld"),
        ticked=all_of("tick"),
        ground=str(given.get(GROUND, "")),
        agreed=str(given.get("agreed", "")),
    )
