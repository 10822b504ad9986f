"""Pages to sign in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import TypeAdapter, ValidationError

from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor, small_form
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.signin.local import WRONG, Credentials, SignInRefused, sign_in, sign_out
from shared.contract.events import Code
from shared.errors import TransientError
from shared.pages.translation import mark as _
from shared.runtime.client_limits import Allowance, network_of

TRIES_PER_HOUR = 60
"""Sign-ins of one network."""
UNAVAILABLE = _("Sign-in is not possible now, because a service does not answer. Please try again shortly.")
TOO_MANY = "too many sign-ins from this address; try again in an hour"
NAME: TypeAdapter[Code] = TypeAdapter(Code)


def sign_in_routes(desk: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes to sign in and out."""
    router = APIRouter(include_in_schema=False)
    tries = Allowance(TRIES_PER_HOUR)

    @router.get("/sign-in")
    async def show(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        if await guard.visitor(request) is not None:
            return RedirectResponse(local_path(next), 303)
        return page(request, local_path(next))

    def page(
        request: Request, next_: str, account: str = "", flaw: str = "", status: int = 200
    ) -> HTMLResponse:
        content = {"next": next_, "account": account, "flaw": flaw}
        return site.draw(request, "sign_in.html.jinja", content, status=status)

    @router.post("/sign-in")
    async def begin(request: Request) -> Response:
        guard.same_origin(request)
        if not tries.take(network_of(request.client.host if request.client else "")):
            raise HTTPException(429, TOO_MANY, {"Retry-After": "3600"})
        form = await small_form(request)
        next_, account = local_path(str(form.get("next", "/"))), str(form.get("account", "")).strip()
        try:
            given = Credentials(
                NAME.validate_python(account),
                str(form.get("password", "")),
                str(form.get("code", "")).strip(),
            )
            session = await sign_in(desk, given)
        except (ValidationError, SignInRefused) as error:
            flaw = str(error) if isinstance(error, SignInRefused) else WRONG
            return page(request, next_, account[:80], flaw, 403)
        except TransientError:
            return page(request, next_, account[:80], UNAVAILABLE, 503)
        response = RedirectResponse(next_, 303)
        guard.keep(response, session)
        return response

    @router.post("/sign-out")
    async def end(
        request: Request, visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]
    ) -> Response:
        await guard.form(request, visitor)
        await sign_out(desk, visitor.session)
        response = RedirectResponse("/sign-in", 303)
        guard.drop(response)
        return response

    return router


def local_path(path: str) -> str:
    """Return *path* if it is one of this site, else the start page."""
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if local else "/"
