"""Pages to sign in and out."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor, small_form
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.signin.keys import KeysBusy
from services.console.signin.local import BUSY, SignInRefused, sign_in_with, sign_out
from services.console.signin.provider import ProviderAttempt, ProviderRefused, SignInProvider
from shared.errors import TransientError
from shared.pages.translation import mark as _

CALLBACK = "/sign-in/provider/answer"
"""Path that the provider leads back to."""
NO_ACCOUNT = _("No account here belongs to this sign-in. An administrator can link it.")
PROVIDER_FAILED = _("The provider did not confirm the sign-in. Please try again.")
UNAVAILABLE = _("Sign-in is not possible now, because a service does not answer. Please try again shortly.")


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The form to sign in."""

    parts: ConsoleParts
    site: ConsoleSite

    def draw(
        self, request: Request, next_: str, account: str = "", error: str = "", status: int = 200
    ) -> HTMLResponse:
        """Return the page, with an error."""
        content = {
            "next": next_,
            "account": account,
            "error": error,
            "provider": self.parts.provider is not None,
        }
        return self.site.draw(request, "sign_in.html.jinja", content, status=status)


def sign_in_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes to sign in and out."""
    router = APIRouter(include_in_schema=False)
    form_page = SignInPage(parts, site)

    @router.get("/sign-in")
    async def show(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        if await guard.visitor(request) is not None:
            return RedirectResponse(local_path(next), 303)
        return form_page.draw(request, local_path(next))

    @router.post("/sign-in")
    async def begin(request: Request) -> Response:
        guard.same_origin(request)
        guard.count_sign_in(request)
        form = await small_form(request)
        next_, account = local_path(str(form.get("next", "/"))), str(form.get("account", "")).strip()
        try:
            password, code = (str(form.get(name, "")) for name in ("password", "code"))
            session = await sign_in_with(parts, account, password, code)
        except SignInRefused as error:
            return form_page.draw(request, next_, account[:80], str(error), 403)
        except TransientError as error:
            reason = BUSY if isinstance(error, KeysBusy) else UNAVAILABLE
            return form_page.draw(request, next_, account[:80], reason, 503)
        response = RedirectResponse(next_, 303)
        guard.keep(response, session)
        return response

    @router.post("/sign-out")
    async def end(
        request: Request, visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]
    ) -> Response:
        await guard.form(request, visitor)
        await sign_out(parts, visitor.session)
        response = RedirectResponse("/sign-in", 303)
        guard.drop(response)
        return response

    if parts.provider is not None:
        _add_provider(router, parts, guard, form_page, parts.provider)
    return router


def _add_provider(
    router: APIRouter,
    parts: ConsoleParts,
    guard: SessionGuard,
    form_page: SignInPage,
    provider: SignInProvider,
) -> None:
    """Add the way to the provider and back."""

    @router.get("/sign-in/provider")
    async def leave(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        guard.count_sign_in(request)
        attempt = ProviderAttempt.drawn(local_path(next))
        response = RedirectResponse(await provider.address(attempt), 303)
        await parts.attempts.keep(attempt, parts.clock())
        guard.keep_attempt(response, attempt.state)
        return response

    @router.get(CALLBACK)
    async def come_back(request: Request, state: str = "", code: str = "") -> Response:
        own = guard.attempt_of(request)
        attempt = await parts.attempts.take(state, parts.clock()) if own and own == state else None
        if attempt is None or not code:
            return form_page.draw(request, "/", error=PROVIDER_FAILED, status=403)
        try:
            member = await parts.accounts.member_of(await provider.subject(attempt, code))
        except ProviderRefused:
            return form_page.draw(request, attempt.next, error=PROVIDER_FAILED, status=403)
        if member is None:
            return form_page.draw(request, attempt.next, error=NO_ACCOUNT, status=403)
        session = await parts.sessions.begin(member.name, member.public_key, parts.clock())
        response = RedirectResponse(attempt.next, 303)
        guard.keep(response, session)
        guard.drop_attempt(response)
        return response


def local_path(path: str) -> str:
    """Return *path* if it is one of this site, else the start page."""
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if local else "/"
