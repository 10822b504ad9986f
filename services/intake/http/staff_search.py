"""Search for cases by a mailbox, in a session; the address is in the body, so that no log has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from services.intake.domain import MailboxSearched
from services.intake.http import operations
from services.intake.http.staff_actions import ACTING, MAY_NOT_ACT
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from shared.contract.events import CasesSearched, Mailbox, RequestId, Strict
from shared.runtime.client_limits import Allowance

"""Searches of one account: too few to try a list of customers."""


class RequesterSearch(Protocol):
    """Cases by mailbox, as :class:`services.intake.cases.requester_index.RequesterIndex` finds them."""

    async def cases_of(self, address: str) -> Sequence[str]:
        """Return the cases with the mailbox *address*, the newest first."""

    def hashed(self, address: str) -> str:
        """Return the keyed hash of the mailbox *address*."""


class SearchForm(Strict, defer_build=False):
    """A search for the cases of a mailbox."""

    mailbox: Mailbox


class FoundCases(BaseModel):
    """The cases whose requester or agent has a mailbox, the newest first; 100 at most."""

    cases: Sequence[RequestId]


@dataclass(frozen=True, slots=True)
class StaffSearch:
    """Searches of signed-in accounts."""

    sessions: StaffSessions
    requesters: RequesterSearch
    searches: Allowance

    async def find(self, session: StaffSession, address: str) -> FoundCases:
        """
        Return the cases of a mailbox, once the search is on record.

        Answers 403 to accounts that do not act, 429 above the limit.
        """
        if not session.account.roles & ACTING:
            raise HTTPException(HTTPStatus.FORBIDDEN, MAY_NOT_ACT)
        if not self.searches.take(session.account.name):
            raise HTTPException(429, "Too many searches of this account.", {"Retry-After": "3600"})
        cases, hashed = await self.requesters.cases_of(address), self.requesters.hashed(address)
        name, found = session.account.name, len(cases)
        searched = MailboxSearched(request_id=session.id, by=name, mailbox=hashed, found=found)
        published = CasesSearched(request_id=session.id, by=name, found=found)
        await self.sessions.service.record(session.id, searched, published)
        return FoundCases(cases=cases)


def search_routes(search: StaffSearch) -> APIRouter:
    """Return the API for searches."""
    router = APIRouter(prefix="/v1/staff/search")

    @router.post("", status_code=HTTPStatus.OK, **operations.SEARCH_CASES)
    async def find(
        form: SearchForm, session: Annotated[StaffSession, Depends(search.sessions.signed_in)]
    ) -> FoundCases:
        """Return the cases whose requester or agent has this mailbox, the newest first."""
        return await search.find(session, form.mailbox)

    return router
