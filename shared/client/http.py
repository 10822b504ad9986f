"""The asynchronous client by HTTP: requests, followed to their answer."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import TypeAdapter, ValidationError

from shared.client.fields import ProofLiteral, RequestFields
from shared.client.submissions import submission_of
from shared.contract.events.submissions import Proof, RequestSubmitted, SubmissionError
from shared.contract.status import Lodged, StatusPage
from shared.errors import ConfigurationError, HabeasError, TransientError
from shared.runtime.hosts import is_local, may_use_proxy

TRIES = 5
PAUSE_S = 0.5
"""Delay before the second try; it doubles before each further one."""
FIRST_POLL_S = 1.0
LAST_POLL_S = 60.0
ENDED = frozenset({"closed", "withdrawn", "purged"})
"""Statuses that do not change any more."""
PROOFS: TypeAdapter[tuple[Proof, ...]] = TypeAdapter(tuple[Proof, ...])


class ApiError(HabeasError):
    """Habeas refuses a call; :attr:`errors` names the fields of an invalid request."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: tuple[SubmissionError, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        """Keep the answer."""
        super().__init__(f"{status}: {'; '.join([detail, *map(str, errors)])}")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after
        """Seconds after which the call may succeed."""


class ApiUnavailable(TransientError):
    """Habeas was not reached, or did not answer, as often as it was tried."""


class AsyncHttpClient:
    """A system that submits requests by HTTP and follows them, between the ends of ``async with``."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 30.0,
        tries: int = TRIES,
        allow_http: bool = False,
    ) -> None:
        """
        Remember where Habeas is; nothing is connected yet.

        Args:
            url: Root of its pages, as ``https://privacy.example.com``.
            key: The key of your system (``HABEAS_API_KEYS``). Without it requests come from the public:
                references are not kept, so a request is sent once only.
            timeout: Seconds that one call may take.
            tries: How often a call is sent until it is answered.
            allow_http: Whether ``http://`` may lead to another machine, within a network that you trust:
                key and requests are not encrypted.

        Raises:
            ConfigurationError: *url* is no URL of HTTP, or is not encrypted and leads to another machine.
        """
        _require_protected(url, allow_http=allow_http)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._tries = tries if key else 1
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=timeout, trust_env=may_use_proxy(url)
        )

    async def __aenter__(self) -> Self:
        """Return this client; it connects at the first call."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, request: RequestSubmitted | RequestFields) -> str:
        """
        Submit a request; return its id. The same reference again returns the same id.

        A request that does not fit raises pydantic's ``ValidationError``, which repeats no value.

        Raises:
            ApiError: Habeas refuses it: 401 unknown key, 409 other content for a known reference, 422
                invalid, 429 above your limit.
            ApiUnavailable: Habeas was not reached.
        """
        form = submission_of(RequestSubmitted, request).model_dump(mode="json", exclude_none=True)
        return Lodged.model_validate(await self._call("POST", "/v1/requests", json=form)).id

    async def status(self, request_id: str) -> StatusPage:
        """Return the state of a request. It holds no personal data."""
        return StatusPage.model_validate(await self._call("GET", f"/v1/requests/{request_id}"))

    async def find(self, reference: str) -> StatusPage:
        """Return the state of your system's request with *reference*."""
        page = await self._call("GET", "/v1/requests", params={"reference": reference})
        return StatusPage.model_validate(page)

    async def follow(self, request_id: str, *, within: float | None = None) -> StatusPage:
        """
        Ask for the state of a request until it has ended; first each second, at last each minute.

        Raises:
            TimeoutError: It did not end *within* so many seconds.
        """
        pause = FIRST_POLL_S
        async with asyncio.timeout(within):
            while (page := await self.status(request_id)).status not in ENDED:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LAST_POLL_S)
        return page

    async def prove(self, request_id: str, proofs: Sequence[ProofLiteral]) -> None:
        """Offer proofs of identity, as the code from a letter."""
        content = PROOFS.dump_python(PROOFS.validate_python(proofs), mode="json")
        await self._call("POST", f"/v1/requests/{request_id}/proofs", json={"proofs": content})

    async def withdraw(self, request_id: str) -> None:
        """Withdraw a request that is not answered yet."""
        await self._call("DELETE", f"/v1/requests/{request_id}")

    async def appeal(self, request_id: str, statement: str) -> None:
        """Disagree with an answer, or with the handling of a request."""
        await self._call("POST", f"/v1/requests/{request_id}/appeals", json={"statement": statement})

    async def _call(self, method: str, path: str, **content: Any) -> Any:
        """Send until there is an answer; return it."""
        for tried in range(self._tries):
            try:
                answer = await self._http.request(method, path, **content)
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return _content(answer)
                reason = f"it answers {answer.status_code}"
            except httpx.TransportError as error:
                reason = type(error).__name__
            if tried + 1 < self._tries:
                await asyncio.sleep(PAUSE_S * 2**tried)
        place = self._http.base_url.copy_with(userinfo=b"")
        raise ApiUnavailable(f"Habeas was not reached at {place} ({reason})")


def _require_protected(url: str, *, allow_http: bool) -> None:
    """Raise ConfigurationError if key and requests would leave this machine unencrypted."""
    if not url.startswith(("https://", "http://")):
        raise ConfigurationError("url: must begin with https:// or http://")
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        raise ConfigurationError("url: is no URL, like https://privacy.example.com") from None
    if url.startswith("http://") and not allow_http and not is_local(host):
        raise ConfigurationError(
            f"url: key and personal data would go to {host} unencrypted: begin with https://, "
            "or within a network that you trust, as between containers, state allow_http=True"
        )


def _content(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, Mapping):
        raise ApiError(answer.status_code, "the answer is no problem of Habeas: see whether the URL is right")
    raise ApiError(
        answer.status_code, str(problem.get("detail", "")), _errors(problem.get("errors")), _seconds(answer)
    )


def _errors(found: object) -> tuple[SubmissionError, ...]:
    try:
        return TypeAdapter(tuple[SubmissionError, ...]).validate_python(found or ())
    except ValidationError:
        return ()


def _seconds(answer: httpx.Response) -> int | None:
    wait = answer.headers.get("Retry-After", "")
    return int(wait) if wait.isdecimal() else None
