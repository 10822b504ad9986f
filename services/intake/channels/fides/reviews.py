"""Operations of clients that work for the privacy staff, without HTTP."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from pydantic import ValidationError

from services.intake.cases.errors import NotPossibleNow, TooManyAttempts
from services.intake.channels.fides.bodies import Selection
from services.intake.channels.fides.clients import Client
from services.intake.channels.fides.entries import EntryRange, FidesEntry
from services.intake.channels.fides.errors import FidesCallRefused, RequestNotTaken
from services.intake.channels.fides.filters import SORTED_BY, Filter, FilteredRequest
from services.intake.channels.fides.ids import case_of
from services.intake.channels.fides.requests import identifiers_in
from services.intake.channels.fides.responses import log, paged, response, verbose
from services.intake.channels.fides.service import AWAY, FidesService
from services.intake.domain import CaseStatus
from shared.contract.events import (
    Decision,
    ErasureApproved,
    IdentityDecided,
    RefusalReason,
    RequestId,
    WithdrawalDecided,
)
from shared.errors import TransientError

MOST_BY_FILTER = 10_000
"""Requests of one decision."""
LOOKS = 20
"""Checks for the effect of a decision, before the request is shown as it is."""
REVIEWED = "reviewed"
Deciding: TypeAlias = Callable[[FilteredRequest, Client, str | None], Awaitable[None]]
"""A decision about a request by a client, with a reason."""
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


class FidesRequestPort(Protocol):
    """The ledger of requests of Fides clients."""

    async def count(self, between: EntryRange) -> int:
        """Return their number."""

    def batches(self, between: EntryRange, *, skip: int = 0) -> AsyncIterator[list[FidesEntry]]:
        """Yield them in batches, without the first *skip*."""


@dataclass(frozen=True, slots=True)
class Reviews:
    """The requests of this API, for clients that may see all of them."""

    service: FidesService
    listed: FidesRequestPort
    clients: Mapping[str, Client]

    async def search(self, wanted: Filter, *, page: int, size: int) -> dict[str, Any]:
        """
        Return a page of the *wanted* requests.

        Raises:
            FidesCallRefused: The order or the form is not supported.
        """
        _must_be_served(wanted)
        skip, items, total = (page - 1) * size, list[FilteredRequest](), 0
        if wanted.looks_inside:
            async for found in self._matching(wanted):
                if skip <= total < skip + size:
                    items.append(found)
                total += 1
        else:
            total = await self.listed.count(wanted.between)
            items = await self._some(wanted.between, skip, size)
        shown = [self._shown(found, wanted) for found in items]
        return paged(shown, total, page=page, size=size)

    async def log(self, case_id: RequestId | None, *, page: int, size: int) -> dict[str, Any]:
        """
        Return a page of the log of a request, oldest first.

        Raises:
            FidesCallRefused: The request does not exist.
        """
        lines = log(await self.service.found(case_id))
        return paged(lines[(page - 1) * size : page * size], len(lines), page=page, size=size)

    async def approve(self, selection: Selection, client: str) -> dict[str, Any]:
        """Approve a request that waits for it: the identity, if the staff decides it, or an erasure."""
        return await self._decide(selection, self._staff(client), self._approve)

    async def deny(self, selection: Selection, client: str) -> dict[str, Any]:
        """Decide that the identity cannot be established."""
        return await self._decide(selection, self._staff(client), self._deny)

    async def cancel(self, selection: Selection, client: str) -> dict[str, Any]:
        """Withdraw requests."""
        return await self._decide(selection, self._staff(client), self._cancel)

    async def _approve(self, found: FilteredRequest, client: Client, _reason: str | None) -> None:
        case = found.seen.case
        if case.awaits_approval and case.withdrawable:
            await self._publish(ErasureApproved(request_id=found.entry.case, by=NO_NAME), client)
        elif case.in_review and case.awaits_proof:
            names = _surest(found)
            decided = IdentityDecided(
                request_id=found.entry.case, by=NO_NAME, verified=True, reason=REVIEWED, identities=names
            )
            await self._publish(decided, client)
        else:
            raise RequestNotTaken(NOT_APPROVABLE.format(found.status))

    async def _deny(self, found: FilteredRequest, client: Client, reason: str | None) -> None:
        if not found.seen.case.awaits_proof:
            raise RequestNotTaken(NOT_DENIABLE.format(found.status))
        try:
            why = RefusalReason(reason or RefusalReason.IDENTITY_NOT_ESTABLISHED)
        except ValueError:
            raise RequestNotTaken(NO_SUCH_REASON.format(", ".join(RefusalReason))) from None
        decided = IdentityDecided(request_id=found.entry.case, by=NO_NAME, verified=False, reason=why)
        await self._publish(decided, client)

    async def _cancel(self, found: FilteredRequest, client: Client, _reason: str | None) -> None:
        case = found.seen.case
        if not (case.withdrawable or case.status is CaseStatus.UNKNOWN):
            raise RequestNotTaken(NOT_CANCELABLE.format(found.status))
        await self._publish(WithdrawalDecided(request_id=found.entry.case, by=NO_NAME), client)

    async def _publish(self, decision: Decision, client: Client) -> None:
        """Sign a decision with the key of the client's account: the acting service verifies it."""
        now = self.service.door.clock()
        signed = client.signed(decision, secrets.token_hex(16), now)
        await self.service.door.publish(signed, uuid4().hex)

    def _staff(self, client_id: str) -> Client:
        """
        Return a client that may decide.

        Raises:
            FidesCallRefused: It has no staff account.
        """
        client = self.clients[client_id]
        if client.account is None:
            raise FidesCallRefused(HTTPStatus.FORBIDDEN, NO_ACCOUNT)
        return client

    async def _decide(self, selection: Selection, client: Client, act: Deciding) -> dict[str, Any]:
        done, failed = list[FilteredRequest](), list[Mapping[str, Any]]()
        for name in await self._selected(selection):
            try:
                found = await self.service.found(case_of(name))
            except FidesCallRefused:
                failed.append({"message": NO_ONE, "data": {"privacy_request_id": name}})
                continue
            try:
                await act(found, client, selection.reason)
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
            before = {found.entry.case: len(found.seen.steps) for found in decided}
            if all(len(found.seen.steps) > before[found.entry.case] for found in current):
                break
            await self.service.pause()
        return current

    async def _selected(self, selection: Selection) -> Sequence[str]:
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
                raise FidesCallRefused(
                    HTTPStatus.BAD_REQUEST,
                    f"The filters find more than {MOST_BY_FILTER} requests: narrow them.",
                )
        return names

    async def _matching(self, wanted: Filter) -> AsyncIterator[FilteredRequest]:
        today = self.service.today()
        async for batch in self.listed.batches(wanted.between):
            for found in await self.service.look(batch):
                if wanted.takes(found, today):
                    yield found

    async def _some(self, between: EntryRange, skip: int, size: int) -> list[FilteredRequest]:
        wanted = list[FidesEntry]()
        async for batch in self.listed.batches(between, skip=skip):
            wanted += batch
            if len(wanted) >= size:
                break
        return await self.service.look(wanted[:size])

    def _shown(self, found: FilteredRequest, wanted: Filter) -> dict[str, Any]:
        shown = response(
            found,
            self.service.today(),
            personal=True,
            identities=bool(wanted.include_identities),
            fields=bool(wanted.include_custom_privacy_request_fields),
        )
        return shown | verbose(found) if wanted.verbose else shown

    def _plain(self, found: FilteredRequest) -> dict[str, Any]:
        return response(found, self.service.today(), personal=True)


def _must_be_served(wanted: Filter) -> None:
    if wanted.sort_field not in SORTED_BY:
        raise FidesCallRefused(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"Requests are sorted by {', '.join(SORTED_BY)} only."
        )
    if wanted.download_csv:
        raise FidesCallRefused(HTTPStatus.BAD_REQUEST, "There is no CSV: `habeas report` writes one.")


def _filter_of(said: Mapping[str, Any]) -> Filter:
    try:
        return Filter.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = first["loc"][0] if first["loc"] and first["loc"][0] in Filter.model_fields else "?"
        raise FidesCallRefused(HTTPStatus.UNPROCESSABLE_ENTITY, f"filters: {field}: {first['msg']}") from None


def _surest(found: FilteredRequest) -> tuple[str, ...]:
    """
    Return the identities of an approval: the mailbox; without one, the other identities stated.

    A bulk approval has not compared every number with its owner.
    """
    said = found.said
    if said is None:
        return ()
    if said.identity.email:
        return ("email",)
    return ("phone",) if said.identity.phone_number else tuple(identifiers_in(said.identity))
