"""
Sessions of staff accounts.

A session begins with a signed decision, which the journal keeps. Its secret is then a bearer token for
reading and for actions that ask for no code. Intake knows the hash of the secret alone.
"""

import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from services.intake.cases.service import RequestService
from services.intake.http import operations
from shared.contract.events import SESSION_ID, Code, Fact, StaffRole, StaffSignedOut
from shared.contract.staff import StaffAccount, StaffDecision, session_stands, session_token
from shared.runtime.client_limits import Allowance

NO_SESSION = "This session is not known, or has ended."


class AccountsPort(Protocol):
    """Staff accounts, as :class:`shared.runtime.staff_register.StaffRegister` keeps them."""

    async def account(self, name: str) -> StaffAccount | None:
        """Return the account *name*; None where there is none."""

    def accounts(self) -> AsyncIterator[StaffAccount]:
        """Yield all accounts by name."""

    async def concerned(self, decision: Fact | StaffDecision, account: StaffAccount) -> Code | None:
        """Return the reason against *decision* if the request names a mailbox of *account*'s person."""


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A session in force."""

    id: str
    account: StaffAccount
    until: datetime


class SessionShown(BaseModel):
    """The session of the caller."""

    account: str
    display_name: str
    roles: Sequence[StaffRole]
    until: datetime


@dataclass(frozen=True, slots=True)
class StaffSessions:
    """The sessions of staff accounts; :meth:`signed_in` is a dependency of routes."""

    service: RequestService
    accounts: AccountsPort
    clock: Callable[[], datetime]
    calls: Allowance | None = None
    """Of each account, in its sessions."""

    async def signed_in(self, request: Request) -> StaffSession:
        """
        Return the session of the caller; answer 401 without one in force, 429 above the limit of its account.

        Wrong secrets are counted (services.intake.http.callers.AttemptLimit).
        """
        session = await self.shown(request)
        if session is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, NO_SESSION, {"WWW-Authenticate": "Bearer"})
        if self.calls and not self.calls.take(session.account.name):
            raise HTTPException(429, "Too many calls of this account.", {"Retry-After": "3600"})
        return session

    async def shown(self, request: Request) -> StaffSession | None:
        """Return the session in force whose secret *request* shows; None if it shows none."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return await self._session(session_token(secret.strip())) if scheme.lower() == "bearer" else None

    async def _session(self, token: str) -> StaffSession | None:
        case, _ = await self.service.look_up(token[:SESSION_ID])
        begun = case.session
        if begun is None or case.signed_out or not hmac.compare_digest(begun.token, token):
            return None
        account = await self.accounts.account(begun.by)
        if account is None or not session_stands(begun, account, self.clock()):
            return None
        return StaffSession(begun.request_id, account, begun.until)

    async def end(self, session: StaffSession) -> None:
        """End *session*; the journal keeps when."""
        fact = StaffSignedOut(request_id=session.id, by=session.account.name)
        await self.service.record(session.id, fact, cause=f"signed out {session.id}")


def session_routes(sessions: StaffSessions) -> APIRouter:
    """Return the API for the session of the caller."""
    router = APIRouter(prefix="/v1/staff/session")
    signed_in = Depends(sessions.signed_in)

    @router.get("", **operations.GET_STAFF_SESSION)
    async def show(session: Annotated[StaffSession, signed_in]) -> SessionShown:
        """Return the account of the session, its roles, and the end of the session."""
        account = session.account
        return SessionShown(
            account=account.name,
            display_name=account.display_name,
            roles=sorted(account.roles),
            until=session.until,
        )

    @router.delete("", status_code=HTTPStatus.NO_CONTENT, **operations.END_STAFF_SESSION)
    async def end(session: Annotated[StaffSession, signed_in]) -> None:
        """End the session: its secret opens nothing any more."""
        await sessions.end(session)

    return router
