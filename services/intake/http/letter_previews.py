"""
HTTP interface for previews of letters: what a decision would send, before it is made.

The handler that would carry out the decision drafts its facts on a vault of its own, and the notifier writes
the letters as it writes the real ones. Nothing is sent, and no state changes.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import ValidationError

from services.intake.cases.deadlines import CaseTimer
from services.intake.cases.service import UNKNOWN
from services.intake.domain import CaseStatus, IntakeCase
from services.intake.handlers import SUBSCRIPTIONS
from services.intake.http import operations
from services.intake.http.problems import error_of_body
from services.intake.http.staff_actions import StaffActions
from services.intake.http.staff_decisions import DecisionForm
from services.intake.http.staff_sessions import StaffSession
from shared.contract import events
from shared.contract.events import Code, Decision, PreviewAsked, PreviewDrafted, RequestId
from shared.contract.previews import (
    DECISION,
    PREVIEW,
    RESULT,
    DecisionPreview,
    NoTimers,
    PreviewVault,
    packed_facts,
)
from shared.contract.staff import written_item
from shared.errors import UnknownRequest
from shared.runtime.client_limits import Allowance

PATIENCE = timedelta(seconds=10)
PAUSE = timedelta(milliseconds=50)
KEPT_FOR = timedelta(hours=1)
"""How long a preview is kept that its caller did not wait for."""
NOT_IN_TIME = "The letter was not written in time. Try again."
OURS: tuple[type[Decision], ...] = (
    events.AnswerExpected,
    events.AppealDecided,
    events.DuplicateDecided,
    events.ExtensionDecided,
    events.ForwardingDecided,
    events.NarrowingDecided,
    events.StopDecided,
    events.WithdrawalDecided,
)
"""Decisions that intake carries out."""
HANDLERS = {one.event: one.handler for one in SUBSCRIPTIONS if one.event in OURS}
OTHERS: tuple[type[Decision], ...] = (
    events.AliasConfirmed,
    events.CorrectionApproved,
    events.ErasureApproved,
    events.ErasureGroundDecided,
    events.FeeDecided,
    events.IdentityDecided,
    events.PackageReviewed,
    events.ProofAskedAgain,
    events.ReferralDecided,
    events.ValuesReleased,
)
"""Decisions that the verifier and fulfillment carry out."""
THEMSELVES: tuple[type[Decision], ...] = (events.MessageWritten, events.RestrictionLifting)
"""Decisions that the notifier writes about."""
KINDS: Mapping[str, type[Decision]] = {kind.TYPE: kind for kind in (*OURS, *OTHERS, *THEMSELVES)}


@dataclass(frozen=True, slots=True)
class LetterPreviews:
    """Previews for signed-in accounts."""

    actions: StaffActions
    written: Allowance

    async def preview(self, session: StaffSession, case_id: str, form: DecisionForm) -> DecisionPreview:
        """
        Return the letters of a decision of *session*'s account, or why there would be none.

        Raises UnknownRequest or HTTPException if there is no such request, the account has not opened it, or
        the decision has a wrong form.
        """
        decision = _decision(form, case_id, session.account.name)
        if not self.written.take(session.account.name):
            raise HTTPException(429, "Too many previews of this account.", {"Retry-After": "3600"})
        service = self.actions.service
        case, _ = await service.look_up(case_id)
        if case.received is None or case.status is CaseStatus.PURGED:
            raise UnknownRequest(UNKNOWN)
        if (reason := await self._objection(decision, session, case)) is not None:
            return DecisionPreview(refused=reason)
        if case.opened_until(session.account.name, service.clock()) is None:  # letters name the person
            raise HTTPException(HTTPStatus.FORBIDDEN, "not_opened")
        place = PreviewVault(service.vault, f"{PREVIEW}{secrets.token_hex(8)}")
        await self._remove_later(case_id, case)
        try:
            if form.text is not None:
                await place.seal(case_id, written_item(form.text), form.text)
            await self._draft(decision, case, place)
            return await self._result(case_id, place)
        finally:
            await service.vault.discard_all(case_id, [place.preview])

    async def _objection(self, decision: Decision, session: StaffSession, case: IntakeCase) -> Code | None:
        """Return why the account may not make the decision, or not read the letter."""
        account, now = session.account, self.actions.service.clock()
        if not account.roles & decision.ROLES:
            return "role_missing"
        if not case.may_read(account.name, now):
            return "no_permission"
        return await self.actions.sessions.accounts.concerned(decision, account)

    async def _remove_later(self, case_id: str, case: IntakeCase) -> None:
        """Set the timer that removes the remains of previews; one for all of an hour."""
        ctx = self.actions.service.at_present(case_id, case)
        at = ctx.now.replace(minute=0, second=0, microsecond=0) + 2 * KEPT_FOR
        wait = CaseTimer(f"{PREVIEW}{at:%Y%m%d%H}", at)
        await ctx.timers.set(case_id, wait.name, wait.at)

    async def _draft(self, decision: Decision, case: IntakeCase, place: PreviewVault) -> None:
        """Have the facts drafted that would follow from *decision*."""
        service, case_id = self.actions.service, decision.request_id
        if type(decision) in OTHERS:
            await place.seal(case_id, DECISION, packed_facts([decision]))
            asked = PreviewAsked(
                request_id=case_id, preview=place.preview, type=decision.TYPE, by=decision.by
            )
            await service.record(case_id, asked)
            return
        ctx = replace(service.at_present(case_id, case), vault=place, timers=NoTimers())
        handler = HANDLERS.get(type(decision), _itself)
        if await place.draft(case_id, handler(decision, ctx)):
            drafted = PreviewDrafted(request_id=case_id, preview=place.preview, by=decision.by)
            await service.record(case_id, drafted)

    async def _result(self, case_id: str, place: PreviewVault) -> DecisionPreview:
        """Return the result once it is there; answer 503 if it takes too long."""
        vault, item = self.actions.service.vault, place.own(RESULT)
        for _ in range(int(PATIENCE / PAUSE) + 1):
            if await vault.holds(case_id, item):
                return DecisionPreview.model_validate_json(await vault.open(case_id, item))
            await asyncio.sleep(PAUSE.total_seconds())
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, NOT_IN_TIME, {"Retry-After": "5"})


async def _itself(decision: Decision, _ctx: object) -> Sequence[Decision]:
    return [decision]


def _decision(form: DecisionForm, case_id: str, account: str) -> Decision:
    """Return the unsigned decision of *form*; raises HTTPException if it has a wrong form."""
    kind = KINDS.get(form.type)
    if kind is None:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"type: known are {', '.join(sorted(KINDS))}")
    try:
        return kind.model_validate(form.data | {"request_id": case_id, "by": account, "proof": None})
    except ValidationError as error:
        raise error_of_body(error) from None


def preview_routes(previews: LetterPreviews) -> APIRouter:
    """Return the API for previews of letters."""
    router, actions = APIRouter(prefix="/v1/staff"), previews.actions
    signed_in = Depends(actions.sessions.signed_in)

    @router.post("/cases/{case_id:id}/previews", **operations.PREVIEW_LETTER)
    async def preview(
        case_id: RequestId, form: DecisionForm, session: Annotated[StaffSession, signed_in]
    ) -> DecisionPreview:
        """Return the letters that a decision would send, or why it would send none; nothing is sent."""
        return await previews.preview(session, case_id, form)

    return router
