"""
Client of the console's API, and the logins of this machine's user.

A login is kept in the user's state folder (`XDG_STATE_HOME`), readable by the user alone, by the address of
its console.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from habeas.client.private_files import replace_private, require_private
from shared.contract.refusals import REFUSALS
from shared.errors import ConfigurationError, TransientError
from shared.runtime.hosts import is_local, may_use_proxy
from shared.runtime.tls import cause_of, client_context

PATH = "/api/v1"
CURRENT = "/sessions/current"
TIMEOUT_S = 60
"""A decision waits for its effect."""
SIGN_IN_AGAIN = "the session is over: `habeas login` begins another"
NO_KEY = "no_key"
"""Reason for which a session makes no decision: it has ended at intake."""
NO_LOGIN = "there is no session at a console: `habeas login` begins one"
VERBS: Mapping[str, str] = {
    "not_referred": "; `habeas request referred` lists those that do",
    "no_appeal_open": "; `habeas appeals` lists those that are",
    "no_open_message": ": see `habeas inbox list`",
    "no_permission": ": another account permits it by `habeas permission grant`",
    "listing_replaced": ": `habeas request review` shows the new listing",
    "alias_unknown": "; `habeas request aliases` lists them",
    "not_possible": "; `habeas request show` prints them",
    "no_proposal": "; `habeas request proposals` lists those that do",
    "request_stopped": ": `habeas request resume` lets it go on first",
    "permission_unknown": "; `habeas permission list` lists them",
    "no_such_clock": "; `habeas breach show` lists them",
    "order_outdated": "; `habeas breach progress` shows it",
    "no_such_hold": "; `habeas hold list` lists them",
}
"""Reason of a refusal → the verb that helps."""
NO_CONSOLE = "no console answers: check its address"
SEVERAL = "there are sessions at several consoles: set HABEAS_CONSOLE_URL to one of %s"


class ConsoleUnavailable(TransientError):
    """The console does not answer."""


class ConsoleRefusal(ConfigurationError):
    """The console refused a call; the message says why."""

    def __init__(self, message: str, status: int) -> None:
        """Keep the HTTP *status*."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class ConsoleLogin:
    """A session at a console."""

    console: str
    account: str
    ends_at: str
    token: str = field(repr=False)


class LoginFile:
    """The sessions of this user, by console."""

    def __init__(self, path: Path | None = None) -> None:
        """Keep them in *path*; by default in the user's state folder."""
        folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        self.path = path or folder / "habeas" / "logins.json"

    def of(self, console: str = "") -> ConsoleLogin:
        """Return the login at *console*, or the only one. Raises ConfigurationError if there is none."""
        known = self._read()
        if not console and len(known) > 1:
            raise ConfigurationError(SEVERAL % ", ".join(known))
        found = known.get(console) if console else next(iter(known.values()), None)
        if found is None:
            raise ConfigurationError(NO_LOGIN)
        return ConsoleLogin(**found)

    @property
    def consoles(self) -> tuple[str, ...]:
        """The addresses of the consoles with a login."""
        return tuple(self._read())

    def keep(self, login: ConsoleLogin) -> None:
        """Keep *login* in place of the one before at the same console."""
        self._write(self._read() | {login.console: asdict(login)})

    def drop(self, login: ConsoleLogin) -> None:
        """Forget *login*."""
        self._write({name: one for name, one in self._read().items() if name != login.console})

    def _read(self) -> dict[str, dict[str, str]]:
        if not self.path.is_file():
            return {}
        require_private(self.path.parent)
        return dict(json.loads(self.path.read_text(encoding="utf-8")))

    def _write(self, logins: Mapping[str, Mapping[str, str]]) -> None:
        replace_private(self.path, json.dumps(logins))


class ConsoleClient:
    """Calls the API of a console."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Use *http*, whose base is the address of the API."""
        self._http = http

    @classmethod
    @asynccontextmanager
    async def opened(cls, console: str, token: str = "") -> AsyncIterator[Self]:
        """Open a client of *console*; raises ConfigurationError if others could read along."""
        address = urlsplit(console)
        if address.scheme != "https" and not (address.scheme == "http" and is_local(address.hostname)):
            raise ConfigurationError(f"{console}: the address of a console begins with https://")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(
            base_url=f"{console}{PATH}",
            headers=headers,
            timeout=TIMEOUT_S,
            trust_env=may_use_proxy(console),
            verify=client_context(),
        ) as http:
            yield cls(http)

    async def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return the answer of *path*; raises as :meth:`call`."""
        return await self.call("GET", path, params=parameters)

    async def all(self, path: str, of: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the entries *of* all pages of the list at *path*; raises as :meth:`call`."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            page = await self.get(path, **parameters, **({"after": page["next"]} if page["next"] else {}))
            found += page[of]
        return found

    async def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Call *path* and return the JSON object of the answer, or an empty one; raises as :meth:`answer`."""
        answer = await self.answer(method, path, **arguments)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return {}
        if (found := _object_in(answer)) is None:
            raise ConsoleUnavailable(NO_CONSOLE)
        return found

    async def answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """
        Call *path* and return the answer.

        Raises:
            ConsoleRefusal: The session is over, or the console refused the call.
            ConsoleUnavailable: The console does not answer.
        """
        try:
            answer = await self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from None
        _check(answer)
        return answer

    async def pieces(self, path: str, **parameters: str) -> AsyncIterator[str]:
        """Yield the pieces of a long text of *path*, as they come; raises as :meth:`answer`."""
        try:
            async with self._http.stream("GET", path, params=parameters) as answer:
                if answer.is_error:
                    await answer.aread()
                _check(answer)
                async for piece in answer.aiter_text():
                    yield piece
        except httpx.HTTPError as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: httpx.HTTPError) -> ConsoleUnavailable:
        where = f"at {self._http.base_url} ({cause_of(error)})"
        return ConsoleUnavailable(f"the console does not answer {where}")


def explained(reason: str) -> str:
    """Return the sentence for the reason of a refused decision."""
    return f"refused: {REFUSALS.get(reason, reason)}{VERBS.get(reason, '')}"


def _check(answer: httpx.Response) -> None:
    """Raise as :meth:`ConsoleClient.answer` if *answer* is an error."""
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.is_redirect:
        raise ConsoleUnavailable(f"the console answers {answer.status_code}")
    if answer.is_error:
        raise ConsoleRefusal(_reason_of(answer), answer.status_code)


def _reason_of(answer: httpx.Response) -> str:
    known = _object_in(answer) or {}
    if answer.status_code == HTTPStatus.UNAUTHORIZED or known.get("reason") == NO_KEY:
        return SIGN_IN_AGAIN
    if "reason" in known:
        return explained(known["reason"])
    if answer.status_code == HTTPStatus.NOT_FOUND and (detail := known.get("detail")):
        return f"{detail[0].lower()}{detail[1:].rstrip('.')}"
    errors = "; ".join(f"{one['path']}: {one['message']}" for one in known.get("errors", ()))
    return f"{known.get('detail', answer.reason_phrase)} {errors}".strip()


def _object_in(answer: httpx.Response) -> dict[str, Any] | None:
    """Return the JSON object of *answer*; None if it is something else."""
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


async def login(console: str, account: str, password: str, code: str) -> ConsoleLogin:
    """Begin a session at *console*; raises ConfigurationError if it is refused."""
    form = {"account": account, "password": password, "code": code}
    async with ConsoleClient.opened(console) as client:
        begun = await client.call("POST", "/sessions", json=form)
    try:
        return ConsoleLogin(console, begun["account"], begun["ends_at"], begun["token"])
    except KeyError:
        raise ConsoleUnavailable(NO_CONSOLE) from None


async def logout(login: ConsoleLogin) -> None:
    """End the session of *login*; raises ConfigurationError if it is over."""
    async with ConsoleClient.opened(login.console, login.token) as client:
        await client.call("DELETE", CURRENT)


async def whoami(login: ConsoleLogin) -> dict[str, Any]:
    """Return the account of *login*; raises ConfigurationError if its session is over."""
    async with ConsoleClient.opened(login.console, login.token) as client:
        return await client.get(CURRENT)
