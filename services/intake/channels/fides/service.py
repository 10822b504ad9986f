"""
Application service for clients of Fides, without HTTP.

The client's body is sealed first, as received; then the request is lodged. Public callers need no token; they
choose no reference, and their statements count only after a proof of identity.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Protocol

from services.intake.cases.service import RequestService
from services.intake.channels.fides.bodies import (
    FidesCallRefused,
    FidesRequestForm,
    RequestNotTaken,
    bad_request,
    not_found,
)
from services.intake.channels.fides.clients import source_of
from services.intake.channels.fides.filters import EntryRange
from services.intake.channels.fides.requests import FidesPolicies, Wish, request_in, request_kind
from services.intake.channels.fides.responses import (
    FidesEntry,
    FidesStatus,
    FilteredRequest,
    ObservedRequest,
    response,
)
from services.intake.domain import CaseStatus
from shared.contract.codes import CodeVerdict, is_code
from shared.contract.events import EmailCode, ProofRefused, RequestId
from shared.errors import PermanentError, TransientError, UnknownRequest
from shared.law import ClockRules
from shared.runtime.journal import facts_of
from shared.runtime.log import logger

BODY = "fides_request"
"""Name of the sealed body in the vault."""
LOOKS = 100
"""Checks for the result of a code, before the caller must ask again."""
A_MOMENT = partial(asyncio.sleep, 0.1)
TOO_MANY = "Too many requests from this address."
AWAY = "A part of the system does not answer; send this request again."
BROKEN = "This request is not taken until the staff has checked it; write to the contact."

EARLY = frozenset({CaseStatus.UNKNOWN, CaseStatus.RECEIVED})


class FidesLedgerPort(Protocol):
    """The ledger of requests of Fides clients."""

    async def add(self, entry: FidesEntry) -> None:
        """Add *entry*; adding it again has no effect."""

    async def entry(self, case_id: RequestId) -> FidesEntry | None:
        """Return the request called *case_id*, if it came by this API."""

    async def count(self, between: EntryRange) -> int:
        """Return their number."""

    def batches(self, between: EntryRange, *, skip: int = 0) -> AsyncIterator[list[FidesEntry]]:
        """Yield them in batches, without the first *skip*."""


@dataclass(frozen=True, slots=True)
class FidesService:
    """
    The business, for clients of Fides.

    Raises:
        FidesCallRefused: A call is refused.
        RequestNotTaken: A request does not identify a person, or asks for something unsupported.
        TooManyAttempts: Too many operations on a request within the hour.
    """

    requests: RequestService
    ledger: FidesLedgerPort
    policies: FidesPolicies
    practice: ClockRules
    root: str
    """The public address of intake."""
    pause: Callable[[], Awaitable[None]] = A_MOMENT
    """Waits between two checks."""

    async def create(
        self, items: Sequence[tuple[FidesRequestForm, bytes]], client: str | None, allowed: Callable[[], bool]
    ) -> dict[str, Any]:
        """Lodge requests, and return each result; *allowed* counts one, and returns if it may be lodged."""
        succeeded, failed = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
        for number, (said, body) in enumerate(items):
            data = {"index": number, "policy_key": said.policy_key}
            if not allowed():
                failed.append({"message": TOO_MANY, "data": data})
                continue
            try:
                found = await self.take(said, body, client)
                succeeded.append(response(found, self.today(), personal=client is not None))
            except (RequestNotTaken, TransientError, PermanentError) as error:
                failed.append({"message": _why(error), "data": data})
        if not succeeded and failed and all(one["message"] == TOO_MANY for one in failed):
            raise FidesCallRefused(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY)
        return {"succeeded": succeeded, "failed": failed}

    async def take(
        self,
        said: FidesRequestForm,
        body: bytes,
        client: str | None,
        wish: Wish | None = None,
        name: str = "",
    ) -> FilteredRequest:
        """Lodge a request; *wish* if the policy does not state it, *name* if the same may be sent again."""
        wanted = request_kind(said, self.policies) if wish is None else wish
        reference = name or token_hex(16)
        request = request_in(said, wanted, reference=reference, public=client is None)
        source = source_of(client)
        case_id = self.requests.id_of(source, reference)
        entry = FidesEntry(case_id, self.requests.clock(), said.policy_key, wanted, client)
        await self.ledger.add(entry)
        await self.requests.keep(case_id, BODY, body)
        await self.requests.lodge(request, source)
        return FilteredRequest(entry, await self.seen(case_id), said)

    async def verify(self, case_id: RequestId | None, code: str) -> dict[str, Any]:
        """Offer the mailed code, wait for its result, and return the request."""
        found = await self.found(case_id)
        before = await self._until(found.entry.case, lambda seen: seen.case.status not in EARLY)
        if not before.case.awaits_proof:
            raise bad_request(f"No code is awaited: the request is {found.status}.")
        if not is_code(code):
            raise FidesCallRefused(HTTPStatus.FORBIDDEN, "Incorrect identification code.")
        await self.requests.prove(found.entry.case, [EmailCode(kind="email_code", code=code)])
        after = await self._until(found.entry.case, lambda seen: _is_judged(seen, before))
        _require_right_code(before, after)
        return response(FilteredRequest(found.entry, after, found.said), self.today(), personal=False)

    async def found(self, case_id: RequestId | None) -> FilteredRequest:
        """Return a request of this API."""
        entry = None if case_id is None else await self.ledger.entry(case_id)
        found = [] if entry is None else await self.look([entry])
        if not found:
            raise not_found()
        return found[0]

    async def look(self, entries: Sequence[FidesEntry]) -> list[FilteredRequest]:
        """Return the state of requests, except those never lodged or purged."""
        seen = await self._states_of({entry.case for entry in entries})
        found = await asyncio.gather(*(self._request_with_body(entry, seen[entry.case]) for entry in entries))
        return [one for one in found if one is not None]

    async def seen(self, case_id: RequestId) -> ObservedRequest:
        """Return the state of a case."""
        return (await self._states_of({case_id}))[case_id]

    async def results(self, case_id: RequestId | None) -> dict[str, Any]:
        """Return the address of the package: a page that opens it with a code to the mailbox."""
        found = await self.found(case_id)
        if found.status is not FidesStatus.COMPLETE:
            raise bad_request(f"There are no access results: the request is {found.status}.")
        fulfilled = found.seen.case.fulfilled
        packed = fulfilled is not None and fulfilled.package is not None
        return {"access_result_urls": [f"{self.root}/requests/{found.entry.case}"] if packed else []}

    def today(self) -> date:
        """Return the current day of the controller."""
        return self.requests.clock().astimezone(self.practice.zone).date()

    async def _states_of(self, case_ids: set[RequestId]) -> Mapping[RequestId, ObservedRequest]:
        histories = await self.requests.journal.histories(case_ids)
        return {case: ObservedRequest.of(facts_of(histories.get(case, ()))) for case in case_ids}

    async def _request_with_body(self, entry: FidesEntry, seen: ObservedRequest) -> FilteredRequest | None:
        if seen.case.status is CaseStatus.PURGED:
            return None
        if seen.case.status is CaseStatus.UNKNOWN:
            try:
                await self.requests.case(entry.case)
            except UnknownRequest:
                return None
        try:
            said = FidesRequestForm.model_validate_json(await self.requests.kept(entry.case, BODY))
        except UnknownRequest:
            said = None
        return FilteredRequest(entry, seen, said)

    async def _until(self, case_id: RequestId, come: Callable[[ObservedRequest], bool]) -> ObservedRequest:
        for _ in range(LOOKS):
            seen = await self.seen(case_id)
            if come(seen):
                return seen
            await self.pause()
        message = "The code is being checked: look at the request in a moment."
        raise FidesCallRefused(HTTPStatus.SERVICE_UNAVAILABLE, message)


def _why(error: Exception) -> str:
    match error:
        case RequestNotTaken():
            return str(error)
        case TransientError():
            return AWAY
        case _:
            logger().error("request failed", service="intake", exc_info=error)
            return BROKEN


def _is_judged(seen: ObservedRequest, before: ObservedRequest) -> bool:
    """Return whether a result follows a code offered after *before*."""
    return not seen.case.awaits_proof or len(seen.answers) > len(before.answers)


def _require_right_code(before: ObservedRequest, after: ObservedRequest) -> None:
    """Refuse the call unless the result of the code is that it was right (403, or 400 if it expired)."""
    if after.case.refused_for:
        raise FidesCallRefused(HTTPStatus.FORBIDDEN, "Too many incorrect identification codes.")
    for fact in after.answers[len(before.answers) :]:
        if isinstance(fact, ProofRefused):
            if fact.reason == CodeVerdict.WRONG:
                raise FidesCallRefused(HTTPStatus.FORBIDDEN, "Incorrect identification code.")
            raise bad_request(f"The identification code is of no use any more: {fact.reason}.")
