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
from types import MappingProxyType
from typing import Any, Protocol

from services.intake.cases.clock import Arrival, ClockRules, received_request
from services.intake.cases.service import RequestService
from services.intake.channels.drp import messages
from services.intake.channels.drp.directory import ListedAgent
from services.intake.channels.drp.messages import LONGEST, DrpMessage, ExpectedMessage
from services.intake.channels.drp.signatures import (
    DrpCallRefused,
    digest_of,
    message_in,
    unsigned,
    verified_message,
)
from services.intake.channels.drp.statuses import (
    DrpLinks,
    DrpRequestFacts,
    DrpStatus,
    DrpStatusReport,
    expected_by,
    is_proven,
    not_served,
    report_of,
    status_object,
)
from services.intake.domain import IntakeCase
from services.intake.http.callbacks import Callback, CallbackListeners
from shared.errors import UnknownRequest
from shared.runtime import safe_http

KEEP = timedelta(days=2 * 365)
"""Requests can be queried while their record is kept: two years at least (docs/reference/register.md)."""
MESSAGE, REVOCATION = "drp_message", "drp_revocation"
"""Names of the signed bytes in the vault."""
JSON = MappingProxyType({"Content-Type": "application/json"})


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
    """The business, for agents."""

    door: RequestService
    tokens: DrpTokenPort
    watch: CallbackListeners
    agents: Mapping[str, ListedAgent]
    business: str
    practice: ClockRules
    root: str
    """The public address of intake."""

    async def set_up(self, agent_id: str, body: bytes) -> str:
        """
        Return the token of a new pair-wise key for the agent called *agent_id*.

        Raises:
            DrpCallRefused: The message has another sender or recipient, is not valid now, or was used before.
        """
        agent = self._listed(agent_id)
        message = verified_message(body, agent.key)
        content = messages.read(message)
        until = messages.valid_until(content, self._expected(agent))
        messages.must_be_of_this_version(content)
        token = await self.tokens.issue(agent.id, digest_of(message), until + LONGEST)
        if token is None:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "this message was used before", fatal=True)
        return token

    async def agent_of(self, token: str) -> ListedAgent:
        """
        Return the agent that presents *token*.

        Raises:
            DrpCallRefused: The token is unknown, or its agent is no longer listed.
        """
        holder = await self.tokens.holder(token)
        if holder is None or holder not in self.agents:
            raise DrpCallRefused(HTTPStatus.UNAUTHORIZED, "this token is unknown: set up a pair-wise key")
        return self.agents[holder]

    async def exercise(self, agent: ListedAgent, body: bytes) -> dict[str, Any]:
        """
        Lodge a request, once, and return its status.

        Raises:
            DrpCallRefused: The message has another sender or recipient, is not valid now, or is malformed.
        """
        message = verified_message(body, agent.key)
        content = messages.read(message)
        messages.valid_until(content, self._expected(agent))
        messages.must_be_of_this_version(content)
        request = messages.request_in(message, agent)
        case_id = self.door.id_of(agent.source, digest_of(message))
        filed = FiledDrpRequest(agent, case_id, message)
        _must_lead_somewhere(filed.said)
        if request is None:
            await self.door.keep(case_id, MESSAGE, unsigned(messages.without_claims(message)))
        else:
            await self.door.keep(case_id, MESSAGE, body)
            await self._watched(filed)
            # Last: a lodged request must be complete.
            await self.door.lodge(request, agent.source, attested=filed.said.attested)
        return status_object(*await self._report(filed))

    async def status(self, agent: ListedAgent, request_id: str) -> dict[str, Any]:
        """
        Return the status of a request of *agent*.

        Raises:
            DrpCallRefused: It is another agent's.
            UnknownRequest: It does not exist.
        """
        return status_object(*await self._report(await self._filed(agent, request_id)))

    async def callback(self, name: str, reported: str) -> Callback | None:
        """Return the callback for the agent of a request; None if the agent has none."""
        del reported  # the present status counts
        try:
            filed = await self._made(name)
            asked, standing = await self._report(filed)
        except (DrpCallRefused, UnknownRequest):
            return None
        url = filed.said.status_callback
        if url is None:
            return None
        body = json.dumps(status_object(asked, standing)).encode()
        return Callback(url, JSON, body, sha256(body).hexdigest(), standing.final)

    async def revoke(self, agent: ListedAgent, request_id: str, body: bytes) -> dict[str, Any]:
        """
        Withdraw a request of *agent*, and return its status.

        Raises:
            DrpCallRefused: The message is not the agent's, the request is another's, or answered already.
            NotPossibleNow: It has been answered meanwhile.
            TooManyAttempts: Too many operations on it within the hour.
        """
        messages.read(verified_message(body, agent.key))
        filed = await self._filed(agent, request_id)
        _, report = await self._report(filed)
        if report.final and report.standing is not DrpStatus.REVOKED:
            raise DrpCallRefused(
                HTTPStatus.CONFLICT, f"it is too late to revoke: the request is {report.standing}"
            )
        if not report.final:
            await self.door.withdraw(request_id)
            await self.door.keep(request_id, REVOCATION, body)
        return await self.status(agent, request_id)

    async def redirect_target(self, request_id: str, redirect_to: str) -> str:
        """
        Return the address for a person who comes to prove their identity.

        It is the request's page; after the proof, the agent's page if it gave one.

        Raises:
            UnknownRequest: It was not made by an agent.
        """
        filed = await self._made(request_id)
        back = is_proven(await self._case(filed)) and filed.agent.is_at(redirect_to)
        return redirect_to if back else self._links(request_id).page

    def _listed(self, agent_id: str) -> ListedAgent:
        try:
            return self.agents[agent_id]
        except KeyError:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "no such agent is listed") from None

    def _expected(self, agent: ListedAgent) -> ExpectedMessage:
        return ExpectedMessage(agent.id, self.business, self.door.clock())

    async def _watched(self, filed: FiledDrpRequest) -> None:
        if filed.said.status_callback is not None:
            await self.watch.add(filed.request_id, self.door.clock())

    async def _filed(self, agent: ListedAgent, request_id: str) -> FiledDrpRequest:
        filed = await self._made(request_id)
        if filed.agent.id != agent.id:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "this request is another agent's")
        return filed

    async def _made(self, request_id: str) -> FiledDrpRequest:
        message = message_in(await self.door.kept(request_id, MESSAGE))
        return FiledDrpRequest(self._listed(messages.request_message(message).agent_id), request_id, message)

    async def _case(self, filed: FiledDrpRequest) -> IntakeCase:
        if filed.said.right is None:
            return IntakeCase()
        try:
            return await self.door.case(filed.request_id)
        except UnknownRequest:
            return IntakeCase()  # stored, and not lodged yet

    async def _report(self, filed: FiledDrpRequest) -> tuple[DrpRequestFacts, DrpStatusReport]:
        case = await self._case(filed)
        asked = self._asked(filed, case)
        if filed.said.right is None:
            return asked, not_served()
        revoked = await self.door.holds(filed.request_id, REVOCATION)
        return asked, report_of(case, asked, self._links(filed.request_id), revoked=revoked)

    def _asked(self, filed: FiledDrpRequest, case: IntakeCase) -> DrpRequestFacts:
        said = filed.said
        known = case if case.received else self._as_received(filed)
        received_at = known.received.received_at if known.received else said.issued_at
        by = expected_by(known, self.practice.zone) or received_at
        return DrpRequestFacts(filed.request_id, said.agent_request_id, received_at, by, received_at + KEEP)

    def _as_received(self, filed: FiledDrpRequest) -> IntakeCase:
        """Return the future state of a request that is not registered yet."""
        request = messages.request_in(filed.message, filed.agent)
        if request is None:
            return IntakeCase()
        at = filed.said.issued_at
        arrival = Arrival(filed.request_id, filed.agent.source, at, self.door.clock())
        return IntakeCase(received=received_request(request, arrival, self.practice))

    def _links(self, request_id: str) -> DrpLinks:
        return DrpLinks(f"{self.root}/requests/{request_id}", f"{self.root}/drp/v1/verification/{request_id}")


def _must_lead_somewhere(said: DrpMessage) -> None:
    try:
        if said.status_callback is not None:
            safe_http.receiver(said.status_callback)
    except safe_http.NotAllowed:
        flaw = "status_callback: no plain address for HTTPS"
        raise DrpCallRefused(HTTPStatus.BAD_REQUEST, flaw, fatal=True) from None
