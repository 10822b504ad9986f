"""Operations of clients that work for the privacy staff, without HTTP."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from services.intake.cases.errors import NotPossibleNow, TooManyAttempts
from services.intake.channels.fides.bodies import (
    FidesCallRefused,
    FidesSelection,
    RequestNotTaken,
    bad_request,
    case_of,
)
from services.intake.channels.fides.clients import Client
from services.intake.channels.fides.filters import SORTED_BY, EntryRange, FidesFilter
from services.intake.channels.fides.requests import identifiers_in
from services.intake.channels.fides.responses import (
    FidesEntry,
    FilteredRequest,
    log,
    paged,
    response,
)
from services.intake.channels.fides.service import AWAY, FidesService
from services.intake.domain import CaseStatus
from shared.contract import events
from shared.contract.field_errors import message_of
from shared.errors import TransientError

MOST_BY_FILTER = 10_000
"""Requests of one decision."""
LOOKS = 20
"""Checks for the effect of a decision, before the request is shown as it is."""
REVIEWED = "reviewed"
NO_NAME = "program"
"""Placeholder of the account until the decision is signed."""
NO_ACCOUNT = "This client cannot decide: its configuration has no staff account."
NO_FILTER = "filters: at least one must exclude requests."
NO_ONE = "No privacy request found with this id."
NOT_APPROVABLE = "Cannot transition status: the request does not wait for approval. It is {}."
NOT_DENIABLE = (
    "Cannot transition status: a request can be denied only before its identity is decided; "
    "afterwards the law and the data decide. It is {}."
)
NOT_CANCELABLE = "Cannot transition status: it is too late to withdraw this request. It is {}."
NO_SUCH_REASON = "The reason must be one of: {}. It determines the person's letter."


class ReviewAction(StrEnum):
    """A decision about requests."""

    APPROVE = "approve"
    """Approve what waits for it: the identity, if the staff decides it, or an erasure."""
    DENY = "deny"
    """The identity cannot be established."""
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Reviews:
    """
    The requests of this API, for clients that may see all of them.

    Raises:
        FidesCallRefused: A request does not exist, or a filter, an order or a form is not supported.
    """

    service: FidesService
    clients: Mapping[str, Client]

    async def search(self, wanted: FidesFilter, *, page: int, size: int) -> dict[str, Any]:
        """Return a page of the *wanted* requests."""
        _must_be_served(wanted)
        skip, items, total = (page - 1) * size, list[FilteredRequest](), 0
        if wanted.looks_inside:
            async for found in self._matching(wanted):
                if skip <= total < skip + size:
                    items.append(found)
                total += 1
        else:
            total = await self.service.ledger.count(wanted.between)
            items = await self._some(wanted.between, skip, size)
        shown = [self._shown(found, wanted) for found in items]
        return paged(shown, total, page=page, size=size)

    async def log(self, case_id: events.RequestId | None, *, page: int, size: int) -> dict[str, Any]:
        """Return a page of the log of a request, oldest first."""
        lines = log(await self.service.found(case_id))
        return paged(lines[(page - 1) * size : page * size], len(lines), page=page, size=size)

    async def decide(self, action: ReviewAction, selection: FidesSelection, client_id: str) -> dict[str, Any]:
        """Decide the selected requests by the client's staff account; return each result."""
        client = self.clients[client_id]
        if client.account is None:
            raise FidesCallRefused(HTTPStatus.FORBIDDEN, NO_ACCOUNT)
        done, failed = list[FilteredRequest](), list[Mapping[str, Any]]()
        for name in await self._selected(selection):
            try:
                found = await self.service.found(case_of(name))
            except FidesCallRefused:
                failed.append({"message": NO_ONE, "data": {"privacy_request_id": name}})
                continue
            try:
                decision = _decision(action, found, selection.reason)
                # Signed with the key of the client's account: the acting service verifies it.
                signed = client.signed(decision, secrets.token_hex(16), self.service.requests.clock())
                named = await self.service.requests.correlation(signed.request_id)
                await self.service.requests.publish(signed, uuid4().hex, named)
                done.append(found)
            except (RequestNotTaken, NotPossibleNow, TooManyAttempts, TransientError) as error:
                said = AWAY if isinstance(error, TransientError) else str(error)
                failed.append({"message": said, "data": self._plain(found)})
        settled = await self._settled(done)
        return {"succeeded": [self._plain(found) for found in settled], "failed": failed}

    async def _settled(self, decided: Sequence[FilteredRequest]) -> Sequence[FilteredRequest]:
        """Return requests after the effect of a decision, or after a short wait."""
        current = decided
        for _ in range(LOOKS if decided else 0):
            current = await self.service.look([found.entry for found in decided])
            before = {found.entry.case: found for found in decided}
            if all(_has_settled(found, before[found.entry.case]) for found in current):
                break
            await self.service.pause()
        return current

    async def _selected(self, selection: FidesSelection) -> Sequence[str]:
        if selection.request_ids:
            return list(dict.fromkeys(selection.request_ids))
        wanted, left_out = _filter_of(selection.filters or {}), set(selection.exclude_ids or ())
        if not wanted.narrows:
            raise FidesCallRefused(HTTPStatus.UNPROCESSABLE_ENTITY, NO_FILTER)
        names = list[str]()
        async for found in self._matching(wanted):
            if found.name not in left_out:
                names.append(found.name)
            if len(names) > MOST_BY_FILTER:
                raise bad_request(f"The filters find more than {MOST_BY_FILTER} requests: narrow them.")
        return names

    async def _matching(self, wanted: FidesFilter) -> AsyncIterator[FilteredRequest]:
        today = self.service.today()
        async for batch in self.service.ledger.batches(wanted.between):
            for found in await self.service.look(batch):
                if wanted.takes(found, today):
                    yield found

    async def _some(self, between: EntryRange, skip: int, size: int) -> list[FilteredRequest]:
        wanted = list[FidesEntry]()
        async for batch in self.service.ledger.batches(between, skip=skip):
            wanted += batch
            if len(wanted) >= size:
                break
        return await self.service.look(wanted[:size])

    def _shown(self, found: FilteredRequest, wanted: FidesFilter) -> dict[str, Any]:
        shown = response(
            found,
            self.service.today(),
            personal=True,
            identities=bool(wanted.include_identities),
            fields=bool(wanted.include_custom_privacy_request_fields),
        )
        if wanted.verbose:
            shown |= {"results": {"habeas": log(found)}, "task_status_by_dataset": {"habeas": found.status}}
        return shown

    def _plain(self, found: FilteredRequest) -> dict[str, Any]:
        return response(found, self.service.today(), personal=True)


def _decision(action: ReviewAction, found: FilteredRequest, reason: str | None) -> events.Decision:
    """Return the decision of *action*. Raises RequestNotTaken: the request or the reason forbids it."""
    request, state = found.entry.case, found.seen.case
    match action:
        case ReviewAction.APPROVE if state.awaits_approval and state.withdrawable:
            return events.ErasureApproved(request_id=request, by=NO_NAME)
        case ReviewAction.APPROVE if state.in_review and state.awaits_proof:
            return events.IdentityDecided(
                request_id=request, by=NO_NAME, verified=True, reason=REVIEWED, identities=_surest(found)
            )
        case ReviewAction.APPROVE:
            raise RequestNotTaken(NOT_APPROVABLE.format(found.status))
        case ReviewAction.DENY if not state.awaits_proof:
            raise RequestNotTaken(NOT_DENIABLE.format(found.status))
        case ReviewAction.DENY if reason and reason not in set(events.RefusalReason):
            raise RequestNotTaken(NO_SUCH_REASON.format(", ".join(events.RefusalReason)))
        case ReviewAction.DENY:
            why = events.RefusalReason(reason or events.RefusalReason.IDENTITY_NOT_ESTABLISHED)
            return events.IdentityDecided(request_id=request, by=NO_NAME, verified=False, reason=why)
        case ReviewAction.CANCEL if state.withdrawable or state.status is CaseStatus.UNKNOWN:
            return events.WithdrawalDecided(request_id=request, by=NO_NAME)
        case ReviewAction.CANCEL:
            raise RequestNotTaken(NOT_CANCELABLE.format(found.status))


def _has_settled(now: FilteredRequest, before: FilteredRequest) -> bool:
    """Return whether a decision after *before* has had its effect, or was refused; a letter is neither."""
    return _effects(now) != _effects(before)


def _effects(found: FilteredRequest) -> tuple[object, ...]:
    """Return what a decision changes: the first of two approvals leaves the status as it is."""
    refusals = sum(step.type == events.DecisionRefused.TYPE for step in found.seen.steps)
    return found.status, found.seen.case.approvals, refusals


def _must_be_served(wanted: FidesFilter) -> None:
    if wanted.sort_field not in SORTED_BY:
        message = f"sort_field: must be {', '.join(SORTED_BY)}"
        raise FidesCallRefused(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    if wanted.download_csv:
        raise bad_request("There is no CSV: `habeas report` writes one.")


def _filter_of(said: Mapping[str, Any]) -> FidesFilter:
    try:
        return FidesFilter.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = first["loc"][0] if first["loc"] and first["loc"][0] in FidesFilter.model_fields else "?"
        reason = f"filters: {field}: {message_of(first, own=True)}"
        raise FidesCallRefused(HTTPStatus.UNPROCESSABLE_ENTITY, reason) from None


def _surest(found: FilteredRequest) -> tuple[str, ...]:
    """Return the identities that an approval, perhaps of many, covers: the mailbox, else the others."""
    said = found.said
    if said is None:
        return ()
    if said.identity.email:
        return ("email",)
    return ("phone_number",) if said.identity.phone_number else tuple(identifiers_in(said.identity))
