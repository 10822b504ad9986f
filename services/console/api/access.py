"""Callers of the API: the bearer of a session, in the header alone, and the roles of its account."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.console.api.problems import NOT_SIGNED_IN
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction

SESSION_SCHEME = HTTPBearer(
    scheme_name="session", description="The token of a session (`POST /sessions`).", auto_error=False
)
SentBearer = Annotated[HTTPAuthorizationCredentials | None, Security(SESSION_SCHEME)]


def may(guard: SessionGuard, action: ConsoleAction) -> Callable[..., Awaitable[Visitor]]:
    """Return a dependency: the account of the bearer, if it may do *action*."""

    async def caller(sent: SentBearer) -> Visitor:
        found = await guard.visitor_of(sent.credentials) if sent is not None else None
        if found is None:
            headers = {"WWW-Authenticate": "Bearer"}
            raise HTTPException(HTTPStatus.UNAUTHORIZED, NOT_SIGNED_IN, headers)
        if not found.may(action):
            raise HTTPException(HTTPStatus.FORBIDDEN, "Your roles do not allow this.")
        return found

    return caller
