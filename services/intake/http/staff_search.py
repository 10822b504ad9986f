"""Search for cases by mailbox or reference, in a session; they are in the body, so that no log has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Protocol, Self

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, StringConstraints, model_validator

from services.intake.domain import MailboxSearched, ReferenceSearched
from services.intake.http import operations
from services.intake.http.staff_actions import ACTING, MAY_NOT_ACT
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from shared.contract.events import CasesSearched, Mailbox, RequestId, Strict
from shared.runtime.client_limits import Allowance


class RequesterSearch(Protocol):
    """Cases by mailbox, as :class:`services.intake.cases.requester_index.RequesterIndex` finds them."""

    async def cases_of(self, address: str) -> Sequence[str]:
        """Return the cases with the mailbox *address*, the newest first."""

    def hashed(self, address: str) -> str:
        """Return the keyed hash of the mailbox *address*."""


class SearchForm(Strict, defer_build=False):
    """A search for the cases of a mailbox, or with a reference of a system."""

    mailbox: Mailbox | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    source: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """The system; without it, those of all systems."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.mailbox is None) is (self.reference is None) or (self.source and self.mailbox):
            raise ValueError("name a mailbox, or a reference; a source goes with a reference")
        return self


class FoundCases(BaseModel):
    """
    The cases whose requester or agent has a mailbox, the newest first, 100 at most.

    Of a reference: the requests with it, of which some may not be registered yet.
    """

    cases: Sequence[RequestId]


@dataclass(frozen=True, slots=True)
class StaffSearch:
    """Searches of signed-in accounts."""

    sessions: StaffSessions
    requesters: RequesterSearch
    searches: Allowance

    async def find(self, session: StaffSession, wanted: SearchForm) -> FoundCases:
        """
        Return the *wanted* cases, once the search is on record.

        Answers 403 to accounts that do not act, 429 above the limit.
        """
        if not session.account.roles & ACTING:
            raise HTTPException(HTTPStatus.FORBIDDEN, MAY_NOT_ACT)
        if not self.searches.take(session.account.name):
            raise HTTPException(429, "Too many searches of this account.", {"Retry-After": "3600"})
        service, by = self.sessions.service, session.account.name
        record: MailboxSearched | ReferenceSearched
        if wanted.reference is not None:
            cases: Sequence[str] = await service.cases_of_reference(wanted.reference, wanted.source)
            keyed, found = service.keyed(wanted.reference), len(cases)
            record = ReferenceSearched(request_id=session.id, by=by, reference=keyed, found=found)
        else:
            address = wanted.mailbox or ""
            cases = await self.requesters.cases_of(address)
            hashed, found = self.requesters.hashed(address), len(cases)
            record = MailboxSearched(request_id=session.id, by=by, mailbox=hashed, found=found)
        await service.record(session.id, record, CasesSearched(request_id=session.id, by=by, found=found))
        return FoundCases(cases=cases)


def search_routes(search: StaffSearch) -> APIRouter:
    """Return the API for searches."""
    router = APIRouter(prefix="/v1/staff/search")

    @router.post("", status_code=HTTPStatus.OK, **operations.SEARCH_CASES)
    async def find(
        form: SearchForm, session: Annotated[StaffSession, Depends(search.sessions.signed_in)]
    ) -> FoundCases:
        """Return the cases whose requester or agent has this mailbox; or those with this reference."""
        return await search.find(session, form)

    return router
