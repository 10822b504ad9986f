"""
Client of intake's staff API, for the console and the command.

Decisions are signed before they come here: neither this client nor intake can change one. Everything else
carries the bearer of a staff session.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self, TypeAlias
from urllib.parse import quote

import httpx
import orjson

from shared.contract.events import Decision
from shared.contract.staff import StaffDecision
from shared.errors import HabeasError, TransientError
from shared.runtime.hosts import may_use_proxy
from shared.runtime.tls import cause_of, client_context

EFFECT_WITHIN_S: Final = 20.0
FIRST_POLL_S: Final = 0.05
LAST_POLL_S: Final = 2.0
"""Pauses between calls, which intake limits for each network (``CALLS_PER_HOUR``)."""
TIMEOUT_S: Final = 30
IDLE_S: Final = 2.0
"""How long an idle connection is kept: shorter than intake keeps it, or a call meets a closed one."""


Identification: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]
"""Headers by which intake recognises the console, and the network of its client."""
NO_HEADERS: Final[Mapping[str, str]] = {}


class DecisionNotAccepted(HabeasError):
    """A service refused a decision; the message is the code of the reason."""


class StaffApiProblem(HabeasError):
    """Intake answered with an error."""

    def __init__(self, status: int, detail: str) -> None:
        """Keep the HTTP status and the text of the problem."""
        super().__init__(detail)
        self.status = status


class IntakeUnavailable(TransientError):
    """Intake does not answer."""


class EffectUnknown(TransientError):
    """A decision is recorded, and no service has answered it in time."""


@dataclass(frozen=True, slots=True)
class TakenDecision:
    """A decision that intake has published."""

    id: str
    case: str


@dataclass(frozen=True, slots=True)
class DecisionState:
    """The effect of a decision, as far as it is known."""

    status: str = "pending"
    """``pending``, ``accepted`` or ``refused``."""
    reason: str | None = None
    """Code of the reason of a refusal."""
    results: tuple[str, ...] = ()
    """Types of the events that it caused."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "DecisionState":
        """Return the state in an *answer* of intake."""
        return cls(answer["status"], answer.get("reason"), tuple(answer.get("results", ())))


class StaffApi:
    """Calls intake's staff API."""

    def __init__(self, client: httpx.AsyncClient, credential: Identification | None = None) -> None:
        """Use *client*, whose base is the address of intake; *credential* returns the console's headers."""
        self._client, self._credential = client, credential

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str, credential: Identification | None = None) -> AsyncIterator[Self]:
        """Open a client of intake at *url*, with the *credential* of the console if there is one."""
        limits, proxy = httpx.Limits(keepalive_expiry=IDLE_S), may_use_proxy(url)
        async with httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT_S, limits=limits, trust_env=proxy, verify=client_context()
        ) as client:
            yield cls(client, credential)

    async def salt(self, account: str) -> bytes:
        """Return the salt of the password of *account*."""
        answer = await self.call("GET", f"/v1/staff/accounts/{quote(account, safe='')}/salt")
        return bytes.fromhex(answer["salt"])

    async def submit(
        self,
        decision: StaffDecision,
        text: bytes | None = None,
        bearer: str | None = None,
        package: bytes | None = None,
    ) -> TakenDecision:
        """
        Submit a signed *decision*, and the salted *text* and the *package*, a ZIP, that go with it.

        With the *bearer* of a session the call counts for its account, not for the address of the caller.

        Raises:
            DecisionNotAccepted: The proof does not hold.
            StaffApiProblem: There is no such request, or the form is wrong.
            IntakeUnavailable: Intake does not answer.
        """
        form, path = _form(decision, text), "/v1/staff/decisions"
        if package is None:
            taken = await self.call("POST", path, bearer, json=form)
        else:
            content = orjson.dumps(form) + b"\n" + package
            taken = await self.call("POST", f"{path}/package", bearer, content=content)
        return TakenDecision(taken["id"], taken["case"])

    async def submit_batch(
        self, decisions: Sequence[Decision], texts: Sequence[bytes | None], bearer: str | None = None
    ) -> list[TakenDecision | DecisionNotAccepted]:
        """
        Submit *decisions* that one code signed, each with its text; return their answers in order.

        *bearer* is as of :meth:`submit`.
        """
        proof = decisions[0].proof
        forms = [
            _form(one.model_copy(update={"proof": None}), text)
            for one, text in zip(decisions, texts, strict=True)
        ]
        body = {"proof": proof and proof.model_dump(mode="json"), "decisions": forms}
        answer = await self.response("POST", "/v1/staff/decisions/batch", bearer, json=body)
        return [
            TakenDecision(one["id"], one["case"]) if one["id"] else DecisionNotAccepted(one["reason"])
            for one in answer.json()
        ]

    async def effects(
        self, ids: Sequence[str], within_s: float = EFFECT_WITHIN_S, bearer: str | None = None
    ) -> Mapping[str, DecisionState]:
        """
        Wait for the effects of a batch of decisions, by one call for all that are pending; return each by id.

        Those stay pending that no service has answered in time, or before intake fails. *bearer* is
        as of :meth:`submit`.
        """
        deadline, pause = time.monotonic() + within_s, FIRST_POLL_S
        states = dict.fromkeys(ids, DecisionState())
        while pending := [id_ for id_, state in states.items() if state.status == "pending"]:
            try:
                answer = await self.response("GET", "/v1/staff/decisions", bearer, params={"id": pending})
            except (StaffApiProblem, IntakeUnavailable):  # a limit of calls, or a restart
                break
            states |= {one["id"]: DecisionState.of(one) for one in answer.json()}
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LAST_POLL_S)
        return states

    async def preview(self, decision: Decision, text: bytes | None, bearer: str) -> dict[str, Any]:
        """Return the letters that an unsigned *decision* would send, or why none (`DecisionPreview`)."""
        path = f"/v1/staff/cases/{decision.request_id}/previews"
        return await self.call("POST", path, bearer, json=_form(decision, text))

    async def effect(
        self, id_: str, within_s: float = EFFECT_WITHIN_S, bearer: str | None = None
    ) -> Sequence[str]:
        """
        Wait for the effect of the decision *id_*; return the types of the events that it caused.

        *bearer* is as of :meth:`submit`.

        Raises:
            DecisionNotAccepted: A service refused it.
            EffectUnknown: No service has answered in time.
        """
        deadline, pause = time.monotonic() + within_s, FIRST_POLL_S
        while True:
            answer = await self.call("GET", f"/v1/staff/decisions/{id_}", bearer)
            if answer["status"] == "refused":
                raise DecisionNotAccepted(answer["reason"])
            if answer["status"] == "accepted":
                return list(answer["results"])
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LAST_POLL_S)
        raise EffectUnknown("the decision is recorded, and no service has answered it yet")

    async def call(
        self, method: str, path: str, bearer: str | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Call *path* and return the JSON object of the answer, or an empty one; raises as :meth:`submit`."""
        answer = await self.response(method, path, bearer, **arguments)
        return {} if answer.status_code == HTTPStatus.NO_CONTENT else dict(answer.json())

    async def response(
        self,
        method: str,
        path: str,
        bearer: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        stream: bool = False,
        **arguments: Any,
    ) -> httpx.Response:
        """
        Call *path* and return the answer; raises as :meth:`submit`.

        Of a *stream* the caller reads the content, and closes the answer.
        """
        known = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        known |= await self._credential() if self._credential else {}
        try:
            call = self._client.build_request(method, path, headers={**headers, **known}, **arguments)
            answer = await self._client.send(call, stream=stream)
            if answer.is_error:
                await answer.aread()
        except httpx.HTTPError as error:
            where = f"at {self._client.base_url} ({cause_of(error)})"
            raise IntakeUnavailable(f"intake does not answer {where}") from None
        if answer.is_error:
            raise _problem(answer)
        return answer


def _form(decision: StaffDecision, text: bytes | None) -> dict[str, Any]:
    """Return the body for intake: the decision, and the text that goes with it."""
    form = {"type": decision.TYPE, "data": decision.model_dump(mode="json", exclude_defaults=True)}
    return form if text is None else form | {"text": base64.b64encode(text).decode()}


def _problem(answer: httpx.Response) -> HabeasError:
    known = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    problem = known if isinstance(known, dict) else {}
    detail = str(problem.get("detail", ""))
    if answer.status_code == HTTPStatus.FORBIDDEN:
        return DecisionNotAccepted(detail)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return IntakeUnavailable(f"intake answers {answer.status_code}")
    errors = "; ".join(f"{one['path']}: {one['message']}" for one in problem.get("errors", ()))
    return StaffApiProblem(answer.status_code, f"{detail} {errors}".strip())
