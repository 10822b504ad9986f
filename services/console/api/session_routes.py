"""Sessions over the API: sign-in, sign-out, and the account of the bearer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from services.console.api.access import may
from services.console.api.answers import BegunSession, SessionAnswer
from services.console.api.forms import SignInForm
from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.signin.local import WRONG, SignInRefused, sign_in_with, sign_out


def api_session_routes(parts: ConsoleParts, guard: SessionGuard) -> APIRouter:
    """Return the routes of sessions."""
    router = APIRouter(tags=["sessions"])
    signed_in = Annotated[Visitor, Depends(may(guard, ConsoleAction.LIST))]

    @router.post("/sessions", status_code=201)
    async def begin_session(request: Request, form: SignInForm) -> BegunSession:
        """Sign in with password and one-time code."""
        guard.count_sign_in(request)
        password, code = form.password.get_secret_value(), form.code.get_secret_value()
        session = await sign_in_with(parts, form.account, password, code)
        visitor = await guard.visitor_of(session.token)
        if visitor is None:  # disabled at this moment
            raise SignInRefused(WRONG)
        return BegunSession(token=session.token, **_known(visitor).model_dump())

    @router.get("/sessions/current")
    async def show_session(visitor: signed_in) -> SessionAnswer:
        """Return the account of the session."""
        return _known(visitor)

    @router.delete("/sessions/current", status_code=204)
    async def end_session(visitor: signed_in) -> None:
        """Sign out, here and at intake."""
        await sign_out(parts, visitor.session)

    return router


def _known(visitor: Visitor) -> SessionAnswer:
    roles, ends_at = sorted(visitor.member.roles), visitor.session.ends_at
    return SessionAnswer(account=visitor.member.name, roles=roles, ends_at=ends_at)
