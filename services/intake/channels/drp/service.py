"""
Application service for agents, without HTTP.

The signed message is sealed first, as evidence of the request; then the request is lodged. Its id follows
from the message, so a repeated message is the same request, for every replica and after every crash: the
vault keeps one item per name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Protocol

from services.intake.cases.clock import Arrival, received_request
from services.intake.cases.service import RequestService
from services.intake.channels.drp import messages, statuses
from services.intake.channels.drp.agents import ListedAgent
from services.intake.channels.drp.messages import LONGEST, DrpCallRefused, DrpMessage, digest_of
from services.intake.channels.protocols import JSON, case_or_new, is_receiver
from services.intake.domain import IntakeCase
from services.intake.http.callbacks import Callback, WatchedRequestPort
from shared.errors import UnknownRequest
from shared.law import ClockRules

KEEP = timedelta(days=2 * 365)
"""Requests can be queried while their record is kept: two years at least (docs/reference/register.md)."""
MESSAGE, REVOCATION = "drp_message", "drp_revocation"
"""Names of the signed bytes in the vault."""


class DrpTokenPort(Protocol):
    """The agents of bearer tokens."""

    async def issue(self, agent: str, message: str, expires_at: datetime) -> str | None:
        """Return a new token for *agent*, or None if *message* was used for one before."""

    async def holder(self, token: str) -> str | None:
        """Return the agent with the *token*."""


@dataclass(frozen=True, slots=True)
class FiledDrpRequest:
    """A request made by an agent."""

    agent: ListedAgent
    request_id: str
    message: bytes

    @property
    def said(self) -> DrpMessage:
        """The agent's message."""
        return messages.request_message(self.message)


@dataclass(frozen=True, slots=True)
class DrpService:
    """
    The business, for agents.

    Raises:
        DrpCallRefused: A message or a token is refused, or the request is another agent's.
        UnknownRequest: A request does not exist.
        TooManyAttempts: Too many operations on a request within the hour.
    """

    requests: RequestService
    tokens: DrpTokenPort
    watch: WatchedRequestPort
    agents: Mapping[str, ListedAgent]
    business: str
    practice: ClockRules
    root: str
    """The public address of intake."""
    local_callbacks: bool = False
    """Whether agents on this machine may be called back over plain HTTP."""

    async def set_up(self, agent_id: str, body: bytes) -> str:
        """Return the token of a new pair-wise key for the agent called *agent_id*."""
        message, until = self._verified(self._listed(agent_id), body)
        token = await self.tokens.issue(agent_id, digest_of(message), until + LONGEST)
        if token is None:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "this message was used before", fatal=True)
        return token

    async def agent_of(self, token: str) -> ListedAgent:
        """Return the listed agent that presents *token*."""
        holder = await self.tokens.holder(token)
        if holder is None or holder not in self.agents:
            raise DrpCallRefused(HTTPStatus.UNAUTHORIZED, "this token is unknown: set up a pair-wise key")
        return self.agents[holder]

    async def exercise(self, agent: ListedAgent, body: bytes) -> dict[str, Any]:
        """Lodge a request, once, and return its status."""
        message, _ = self._verified(agent, body)
        request = messages.request_in(message, agent)
        case_id = self.requests.id_of(agent.source, digest_of(message))
        filed = FiledDrpRequest(agent, case_id, message)
        receiver = filed.said.status_callback
        if receiver is not None and not is_receiver(receiver, local=self.local_callbacks):
            raise messages.malformed("status_callback: must be a plain HTTPS address")
        if request is None:
            await self.requests.keep(case_id, MESSAGE, messages.unsigned(messages.without_claims(message)))
        else:
            await self.requests.keep(case_id, MESSAGE, body)
            if receiver is not None:
                await self.watch.add(case_id, self.requests.clock())
            # Last: a lodged request must be complete.
            await self.requests.lodge(request, agent.source, attested=filed.said.attested)
        return statuses.status_object(*await self._report(filed))

    async def status(self, agent: ListedAgent, request_id: str) -> dict[str, Any]:
        """Return the status of a request of *agent*."""
        return statuses.status_object(*await self._report(await self._filed(agent, request_id)))

    async def callback(self, name: str, reported: str) -> Callback | None:
        """Return the callback for the agent of a request; None if the agent has none."""
        del reported  # the present status counts
        try:
            filed = await self._made(name)
            asked, report = await self._report(filed)
        except (DrpCallRefused, UnknownRequest):
            return None
        url = filed.said.status_callback
        if url is None:
            return None
        body = json.dumps(statuses.status_object(asked, report)).encode()
        return Callback(url, JSON, body, sha256(body).hexdigest(), report.final)

    async def revoke(self, agent: ListedAgent, request_id: str, body: bytes) -> dict[str, Any]:
        """Withdraw a request of *agent*, and return its status; NotPossibleNow if it is answered by then."""
        said = messages.read(messages.verified_message(body, agent.key))
        messages.check_stated(said, agent.id, self.business, self.requests.clock())
        messages.must_be_of_this_version(said, messages.VERSION)
        _, report = await self._report(await self._filed(agent, request_id))
        if report.final and report.standing is not statuses.DrpStatus.REVOKED:
            flaw = f"it is too late to revoke: the request is {report.standing}"
            raise DrpCallRefused(HTTPStatus.CONFLICT, flaw)
        if not report.final:
            await self.requests.withdraw(request_id)
            await self.requests.keep(request_id, REVOCATION, body)
        return await self.status(agent, request_id)

    async def redirect_target(self, request_id: str, redirect_to: str) -> str:
        """Return the request's page for a person; after the proof, the agent's page if it gave one."""
        filed = await self._made(request_id)
        back = statuses.is_proven(await self._case(filed)) and filed.agent.is_at(redirect_to)
        return redirect_to if back else f"{self.root}/requests/{request_id}"

    def _listed(self, agent_id: str) -> ListedAgent:
        try:
            return self.agents[agent_id]
        except KeyError:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "no such agent is listed") from None

    def _verified(self, agent: ListedAgent, body: bytes) -> tuple[bytes, datetime]:
        """Return the message that *agent* has signed for this business, and the end of its validity."""
        message = messages.verified_message(body, agent.key)
        content = messages.read(message)
        until = messages.valid_until(content, agent.id, self.business, self.requests.clock())
        messages.must_be_of_this_version(content)
        return message, until

    async def _filed(self, agent: ListedAgent, request_id: str) -> FiledDrpRequest:
        filed = await self._made(request_id)
        if filed.agent.id != agent.id:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "this request is another agent's")
        return filed

    async def _made(self, request_id: str) -> FiledDrpRequest:
        message = messages.message_in(await self.requests.kept(request_id, MESSAGE))
        return FiledDrpRequest(self._listed(messages.request_message(message).agent_id), request_id, message)

    async def _case(self, filed: FiledDrpRequest) -> IntakeCase:
        return (
            IntakeCase() if filed.said.right is None else await case_or_new(self.requests, filed.request_id)
        )

    async def _report(
        self, filed: FiledDrpRequest
    ) -> tuple[statuses.DrpRequestFacts, statuses.DrpStatusReport]:
        case = await self._case(filed)
        asked = self._asked(filed, case)
        if filed.said.right is None:
            return asked, statuses.NOT_SERVED
        revoked = await self.requests.holds(filed.request_id, REVOCATION)
        return asked, statuses.report_of(case, asked, revoked=revoked)

    def _asked(self, filed: FiledDrpRequest, case: IntakeCase) -> statuses.DrpRequestFacts:
        said = filed.said
        known = case if case.received else self._as_received(filed)
        received_at = known.received.received_at if known.received else said.issued_at
        by = statuses.expected_by(known, self.practice.zone) or received_at
        id_ = filed.request_id
        links = f"{self.root}/requests/{id_}", f"{self.root}/drp/v1/verification/{id_}"
        return statuses.DrpRequestFacts(
            id_, said.agent_request_id, received_at, by, received_at + KEEP, *links
        )

    def _as_received(self, filed: FiledDrpRequest) -> IntakeCase:
        """Return the future state of a request that is not registered yet."""
        request = messages.request_in(filed.message, filed.agent)
        if request is None:
            return IntakeCase()
        at = filed.said.issued_at
        arrival = Arrival(filed.request_id, filed.agent.source, at, self.requests.clock())
        return IntakeCase(received=received_request(request, arrival, self.practice))
