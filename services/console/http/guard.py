"""
The session of a request, the roles of its account, and the origin of its forms.

A form must come from this site (``Sec-Fetch-Site``, else ``Origin``) and carry the token of its session.
"""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.responses import Response
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException

from services.console.context import MOST_OF_ACCOUNT, ConsoleParts
from services.console.http.client_networks import client_network
from services.console.http.permissions import ConsoleAction, permits
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession
from shared.contract.events import MOST_DOCUMENT_BYTES
from shared.runtime.memory_forms import MemoryFormParser

TOO_MUCH = "Too much is being uploaded. Try again."
TOO_MANY_SIGN_INS = "too many sign-ins from this address; try again in an hour"
FORM_TOKEN = "form"  # noqa: S105 - the name of a field
ATTEMPT = "habeas-console-attempt"
"""Cookie that binds a sign-in at the provider to one browser."""
MOST_FORM_BYTES = 256 * 1024
MOST_FIELDS = 200
MOST_FILE_BYTES = MOST_DOCUMENT_BYTES + 64 * 1024
"""Of a form with a file."""
OWN = frozenset({"same-origin", "none"})


class NotSignedIn(Exception):
    """The request has no session; the page to sign in comes instead."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in account and its session."""

    session: ConsoleSession
    member: StaffMember

    def may(self, action: ConsoleAction) -> bool:
        """Return whether the account may do *action*."""
        return permits(self.member.roles, action)


@dataclass(frozen=True, slots=True)
class SessionGuard:
    """Finds the session of a request."""

    parts: ConsoleParts

    @property
    def cookie(self) -> str:
        """Return the name of the cookie; with TLS one that no other host can set."""
        return "__Host-habeas-console" if self._secure else "habeas-console"

    @property
    def _attempt(self) -> str:
        return f"__Host-{ATTEMPT}" if self._secure else ATTEMPT

    @property
    def _secure(self) -> bool:
        return self.parts.settings.console_url.startswith("https://")

    def keep(self, response: Response, session: ConsoleSession) -> None:
        """Set the cookie of *session*; it ends with the browser."""
        response.set_cookie(
            self.cookie, session.token, httponly=True, secure=self._secure, samesite="lax", path="/"
        )

    def drop(self, response: Response) -> None:
        """Remove the cookie."""
        response.delete_cookie(self.cookie, httponly=True, secure=self._secure, samesite="lax", path="/")

    def keep_attempt(self, response: Response, state: str) -> None:
        """Bind a sign-in at the provider to this browser."""
        response.set_cookie(
            self._attempt, state, max_age=600, httponly=True, secure=self._secure, samesite="lax", path="/"
        )

    def attempt_of(self, request: Request) -> str:
        """Return the sign-in at the provider that this browser has begun; empty if none."""
        return request.cookies.get(self._attempt, "")

    def drop_attempt(self, response: Response) -> None:
        """Forget the sign-in at the provider."""
        response.delete_cookie(self._attempt, httponly=True, secure=self._secure, samesite="lax", path="/")

    async def visitor(self, request: Request, *, used: bool = True) -> Visitor | None:
        """Return the account that the cookie of *request* names, as :meth:`visitor_of`."""
        return await self.visitor_of(request.cookies.get(self.cookie, ""), used=used)

    async def visitor_of(self, token: str, *, used: bool = True) -> Visitor | None:
        """
        Return the account of the session with this *token*; None without one in force.

        It keeps the session from being idle only if it is *used*: streams of an open page do not.
        """
        now = self.parts.clock()
        session = await self.parts.sessions.session(token, now, used=used) if token else None
        member = None if session is None else await self.parts.accounts.member(session.account)
        if session is None or member is None or member.public_key != session.public_key:
            return None
        return Visitor(session, member)

    def allowed(self, action: ConsoleAction, *, used: bool = True) -> Callable[[Request], Awaitable[Visitor]]:
        """Return a dependency: the visitor, if it may do *action*; *used* is as of :meth:`visitor`."""

        async def visitor(request: Request) -> Visitor:
            found = await self.visitor(request, used=used)
            if found is None:
                raise NotSignedIn
            if not found.may(action):
                raise HTTPException(HTTPStatus.FORBIDDEN, "your roles do not allow this")
            if request.method not in {"GET", "HEAD"}:
                self.same_origin(request)
            return found

        return visitor

    def count_sign_in(self, request: Request) -> None:
        """Count a sign-in; answer 429 to a network that makes too many."""
        if not self.parts.sign_ins.take(client_network(request)):
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY_SIGN_INS, {"Retry-After": "3600"})

    def same_origin(self, request: Request) -> None:
        """Answer 403 to a form of another site."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        ours = {request.headers.get("host"), urlsplit(self.parts.settings.console_url).netloc}
        if site in OWN if site else origin is None or _netloc(origin) in ours - {"", None}:
            return
        raise HTTPException(HTTPStatus.FORBIDDEN, "the form was sent by another site")

    async def form(self, request: Request, visitor: Visitor, *, fields: int = MOST_FIELDS) -> FormData:
        """
        Return the *fields* of a form of *visitor*; answer 403 without the token of the session.

        Raises NotSignedIn: The session has ended while the form was read.
        """
        return await self._checked(await small_form(request, fields=fields), visitor)

    async def form_with_file(self, request: Request, visitor: Visitor) -> FormData:
        """Return the fields of a form with a file, as :meth:`form` does."""
        return await self._checked(await small_form(request, most=MOST_FILE_BYTES, files=1), visitor)

    @asynccontextmanager
    async def held(self, request: Request, visitor: Visitor) -> AsyncIterator[None]:
        """Keep room for a body with a file while it is read and passed on; answer 503 without room."""
        account, length = visitor.member.name, request.headers.get("content-length", "")
        size = (
            min(int(length), MOST_OF_ACCOUNT) if length.isdigit() else 0
        )  # others are refused as they are read
        if not self.parts.uploads.take(account, size):
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MUCH, {"Retry-After": "60"})
        try:
            yield
        finally:
            self.parts.uploads.give_back(account, size)

    async def _checked(self, given: FormData, visitor: Visitor) -> FormData:
        token = str(given.get(FORM_TOKEN, ""))
        if not hmac.compare_digest(token.encode(), visitor.session.form_token.encode()):
            raise HTTPException(HTTPStatus.FORBIDDEN, "the form does not belong to this session")
        # Intake counts the bearer of an ended session as a wrong credential.
        if await self.visitor_of(visitor.session.token, used=False) is None:
            raise NotSignedIn
        return given


async def small_form(
    request: Request, *, most: int = MOST_FORM_BYTES, files: int = 0, fields: int = MOST_FIELDS
) -> FormData:
    """Return the fields of a form; answer 413 to a large one before it is read."""
    length = request.headers.get("content-length", "")
    # A body in chunks has any size, whatever it states.
    if not length.isdigit() or int(length) > most or "transfer-encoding" in request.headers:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too large")
    kind, _ = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        return await request.form(max_fields=fields, max_part_size=most)
    limits = {"max_files": files, "max_fields": fields, "max_part_size": most}
    try:
        return await MemoryFormParser(request.headers, request.stream(), **limits).parse()
    except MultiPartException as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, error.message) from None


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
