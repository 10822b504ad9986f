"""Decisions over the API, as their events have them: signed in the session, with a one-time code."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.console.api.access import may
from services.console.api.answers import MadeAnswer
from services.console.api.forms import DecisionsForm, SignedDecision
from services.console.api.problems import TOO_LARGE
from services.console.case_work import NoSessionKey
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import is_locked
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import MadeDecision, make_batch, make_decision
from services.console.http.guard import MOST_FORM_BYTES, SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from shared.contract.catalogue import catalogue
from shared.contract.events import Decision, MessageRepaired, RequestId, StaffSignedIn
from shared.contract.events.breaches import BreachDeclared
from shared.contract.staff import StaffDecision
from shared.runtime.staff_api import DecisionState

KINDS: Mapping[str, type[StaffDecision]] = {
    kind.TYPE: kind
    for kind in catalogue()
    if issubclass(kind, Decision | BreachDeclared) and kind not in {StaffSignedIn, MessageRepaired}
}
"""Type → decision that an account may make in its session; sign-ins and repairs are part of other calls."""
NO_KIND = "There is no such decision."
ONE_ALONE = "A declaration, or a decision with a package, is made alone."


def api_decision_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of decisions."""
    router = APIRouter(tags=["decisions"])
    signed_in = Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))]

    @router.post("/decisions")
    async def make_decisions(visitor: signed_in, form: DecisionsForm) -> Sequence[MadeAnswer]:
        """
        Sign decisions as the account of the session, and return their effects, in order.

        The services check that the account may make them. A single one that is refused is an error.
        """
        return [MadeAnswer.of(one) for one in await _made(parts, visitor, form)]

    @router.post("/decisions/package")
    async def make_decision_with_package(
        visitor: Annotated[Visitor, Depends(may(guard, ConsoleAction.DECIDE))], request: Request
    ) -> Sequence[MadeAnswer]:
        """Make a decision with a package: the body of `/decisions` as one line, then the ZIP."""
        async with guard.held(request, visitor):
            line, _, package = (await request.body()).partition(b"\n")
            if len(line) > MOST_FORM_BYTES:
                raise HTTPException(413, TOO_LARGE)
            try:
                form = DecisionsForm.model_validate_json(line)
            except ValidationError as error:
                raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
            return [MadeAnswer.of(one) for one in await _made(parts, visitor, form, package)]

    @router.get("/decisions/{decision}")
    async def show_decision(visitor: signed_in, decision: RequestId) -> MadeAnswer:
        """Return the effect of a decision."""
        bearer = visitor.session.bearer(parts.clock())
        answer = await parts.intake.call("GET", f"/v1/staff/decisions/{decision}", bearer)
        found = DecisionState.of(answer)
        known = {"status": found.status, "reason": found.reason, "results": found.results}
        return MadeAnswer(decision=decision, case=None, **known)

    return router


async def _made(
    parts: ConsoleParts, visitor: Visitor, form: DecisionsForm, package: bytes | None = None
) -> list[MadeDecision]:
    drafts = [_draft(one, visitor.member.name, package) for one in form.decisions]
    given = form.step_up()
    if is_locked(parts, visitor) and not (given.password and _in_batch(drafts)):
        raise NoSessionKey
    if len(drafts) == 1:
        return [await make_decision(parts, visitor, drafts[0], given)]
    if not _in_batch(drafts):
        raise HTTPException(422, ONE_ALONE)
    return await make_batch(parts, visitor.session, drafts, given.code)


def _in_batch(drafts: Sequence[DecisionDraft]) -> bool:
    return all(isinstance(one.decision, Decision) and one.package is None for one in drafts)


def _draft(form: SignedDecision, account: str, package: bytes | None) -> DecisionDraft:
    kind = KINDS.get(form.type)
    if kind is None:
        raise HTTPException(422, NO_KIND)
    try:
        decision = kind.model_validate({**form.data, "by": account})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
    return DecisionDraft(decision, form.text, package)
