"""
HTTP interface for decisions of staff accounts.

Intake checks the form and the proof, so that mistakes are reported at once, and publishes the signed
decision. The check is the attempt at the code. Nothing else depends on it: the acting services verify the
proof themselves.

A package goes to a route of its own, as raw bytes after the decision: nothing of it is read before the proof
is checked.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Base64Bytes, BaseModel, Field, ValidationError

from services.intake.cases.sealed_content import single_piece
from services.intake.cases.service import UNKNOWN, RequestService
from services.intake.domain import CaseStatus, IntakeCase
from services.intake.http import operations
from services.intake.http.failed_attempts import network_behind
from services.intake.http.problems import error_of_body
from services.intake.http.staff_incidents import BreachRegister, IncidentHistories
from services.intake.http.staff_sessions import AccountsPort, StaffSessions
from shared.contract import topology
from shared.contract.answer import PackageFacts, facts_of
from shared.contract.catalogue import catalogue
from shared.contract.envelope import MAX_BODY, encode_submission
from shared.contract.events import (
    MOST_BATCHED,
    MOST_DOCUMENT_BYTES,
    Code,
    ContentOpened,
    Decision,
    RequestId,
    RequestTaken,
    StaffProof,
    Strict,
)
from shared.contract.events.breaches import BreachDeclared, IncidentDecision
from shared.contract.sources import COMMAND
from shared.contract.staff import StaffDecision, decision_id, packed_item, written_item, written_text
from shared.errors import Destroyed, UnknownRequest
from shared.runtime.broker import Message
from shared.runtime.client_limits import Allowance
from shared.runtime.staff_register import DecisionOutcome

CALLS_PER_HOUR = 600
"""Calls of one address, or of one account in a session: too few to guess a password."""
READINGS_PER_HOUR = 6_000
"""Calls of one account in its sessions; a page of the console makes a few."""
SEARCHES_PER_HOUR = 120
"""Of one account: too few to try a list of customers."""
PREVIEWS_PER_HOUR = 120
"""Of one account; each is a letter to write for the notifier."""
ACTIONS_PER_HOUR = 300
"""Owners, notes and files of one account."""
MOST_TEXT_BYTES = 100_000
NO_INCIDENT = "No incident has this id."
PATH = "/v1/staff/decisions"
PACKAGE_PATH = f"{PATH}/package"
MOST_WITH_PACKAGE = MOST_DOCUMENT_BYTES + MAX_BODY
"""Bytes of a body with a package; any other decision has at most ``MAX_BODY``."""
ZIP_MAGIC = b"PK\x03\x04"
KINDS: Mapping[str, type[StaffDecision]] = {
    kind.TYPE: kind for kind in catalogue() if issubclass(kind, Decision | BreachDeclared)
}
"""Type → decision that a staff account may make."""


class StaffRegisterPort(AccountsPort, Protocol):
    """Staff accounts and their decisions, as the same register keeps them."""

    def salt(self, name: str) -> bytes:
        """Return the salt of the password of *name*."""

    async def flaw(self, decision: StaffDecision, event_id: str, now: datetime) -> Code | None:
        """Return why *decision* would be refused now, or None; it counts as an attempt at its code."""

    async def outcomes(self, event_id: str) -> Sequence[DecisionOutcome]:
        """Return the outcomes of a decision at the services that handled it."""


class CaseIndex(IncidentHistories, Protocol):
    """The cases of a journal, as :class:`shared.runtime.journal.Journal` finds them."""

    async def cases_between(self, first: str, last: str) -> list[str]:
        """Return the cases with ids from *first* to *last*, in order."""


class DecisionForm(Strict, defer_build=False):
    """A signed decision."""

    type: Code
    data: dict[str, Any]
    text: Annotated[Base64Bytes, Field(max_length=MOST_TEXT_BYTES)] | None = None
    """
    Text to a person, or the customer that decides, after its salt: sealed before the decision is published.

    Its digest is its name in the decision (:func:`shared.contract.staff.written_item`).
    """


class BatchForm(Strict, defer_build=False):
    """Decisions that were signed together (:func:`shared.contract.staff.signed_batch`)."""

    proof: StaffProof
    """The proof of each; their own data has none."""
    decisions: Annotated[Sequence[DecisionForm], Field(min_length=1, max_length=MOST_BATCHED)]


class BatchedDecision(BaseModel):
    """A decision of a batch: published, with an id, or refused, with a reason."""

    id: str | None = None
    case: str | None = None
    reason: str | None = None


class DecisionTaken(BaseModel):
    """A decision was published; the acting services verify it."""

    id: str
    case: str
    status_url: str


class Effect(StrEnum):
    """Effect of a decision."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class DecisionStatus(BaseModel):
    """Effect that a decision had."""

    id: str
    status: Effect
    reason: str | None = None
    """Why it was refused."""
    results: Sequence[str] = ()
    """Types of the events that it caused; none if it is only recorded."""


class Salt(BaseModel):
    """Salt of the password of an account, in hexadecimal; every name has one."""

    salt: str


@dataclass(frozen=True, slots=True)
class StaffDecisions:
    """Accepts decisions of staff accounts."""

    service: RequestService
    register: StaffRegisterPort
    clock: Callable[[], datetime]
    calls: Allowance
    incidents: CaseIndex
    console: str = ""
    """Credential of the console (shared.runtime.console_credential)."""
    searches: Allowance = field(default_factory=lambda: Allowance(SEARCHES_PER_HOUR))
    previews: Allowance = field(default_factory=lambda: Allowance(PREVIEWS_PER_HOUR))
    readings: Allowance = field(default_factory=lambda: Allowance(READINGS_PER_HOUR))
    actions: Allowance = field(default_factory=lambda: Allowance(ACTIONS_PER_HOUR))
    breaches: BreachRegister | None = None
    """None: breaches are left out of the installation."""

    async def throttle(self, request: Request) -> None:
        """
        Count a call for the account of its session, else for its network; answer 429 above the limit.

        A call of the console counts for the network of the console's client.
        """
        session = await StaffSessions(self.service, self.register, self.clock).shown(request)
        caller = f"account {session.account.name}" if session else network_behind(request, self.console)
        if caller and not self.calls.take(caller):
            raise HTTPException(429, "Too many requests from this caller.", {"Retry-After": "3600"})

    async def take_with_package(self, body: AsyncIterator[bytes]) -> tuple[str, str]:
        """
        Publish a decision with a package; return as :meth:`take`.

        The first line of *body* is the decision, as JSON; the rest is the package.
        """
        line, rest = b"", aiter(body)
        while b"\n" not in line:
            line += await anext(rest, b"\n")
            if len(line) > MAX_BODY:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the decision is too large")
        line, _, start = line.partition(b"\n")
        try:
            form = DecisionForm.model_validate_json(line)
        except ValidationError as error:
            raise error_of_body(error) from None
        return await self.take(form, _joined(start, rest))

    async def take(self, form: DecisionForm, package: AsyncIterator[bytes] | None = None) -> tuple[str, str]:
        """
        Publish a decision with a valid proof; return the id of the event and the case.

        A *package* is read after the proof is checked.
        """
        decision, now = _read(form), self.clock()
        id_ = decision_id(decision)
        flaw = await self.register.flaw(decision, id_, now)
        if flaw is not None:
            raise HTTPException(HTTPStatus.FORBIDDEN, flaw)
        if isinstance(decision, BreachDeclared):
            return id_, await self._declare(decision, id_, now)
        case = await self._case(decision)
        if form.text is not None:
            await self._keep_text(decision, form.text)
        if package is not None:
            if case is None or case.status not in {CaseStatus.VERIFIED, CaseStatus.REFERRED}:
                raise HTTPException(HTTPStatus.CONFLICT, "the request does not wait for an answer by hand")
            await self._keep_package(decision, b"".join([piece async for piece in package]))
        named = await self.service.correlation(decision.request_id)
        await self.service.publish(decision, id_, named)
        return id_, decision.request_id

    async def _declare(self, declared: BreachDeclared, id_: str, now: datetime) -> str:
        """Publish a declaration that the register allows; return the id of the incident."""
        incident = self.service.incident_of(COMMAND, declared.reference, drill=bool(declared.drill))
        if self.breaches and (reason := await self.breaches.refusal(incident, declared)):
            raise HTTPException(HTTPStatus.FORBIDDEN, reason)
        body = encode_submission(declared, id=id_, source=COMMAND, time=now)
        await self.service.publisher.publish([Message(declared.EXCHANGE, declared.TYPE, body, id_)])
        return incident

    async def take_batch(self, batch: BatchForm) -> Sequence[BatchedDecision]:
        """Publish the decisions of *batch* that are valid; return the answer to each, in order."""
        proof = batch.proof.model_dump(mode="json")
        forms = (form.model_copy(update={"data": form.data | {"proof": proof}}) for form in batch.decisions)
        return [await self._take_batched(form) for form in forms]

    async def _take_batched(self, form: DecisionForm) -> BatchedDecision:
        try:
            id_, case = await self.take(form)
        except HTTPException as error:
            return BatchedDecision(reason=str(error.detail))
        except UnknownRequest as error:
            return BatchedDecision(reason=str(error))
        except RequestValidationError:
            return BatchedDecision(reason="malformed")
        return BatchedDecision(id=id_, case=case)

    async def _case(self, decision: Decision) -> IntakeCase | None:
        """
        Return the case of *decision*; None where it is about no request, or makes one.

        Raises UnknownRequest, or HTTPException, if there is no such request or incident.
        """
        case_id = decision.request_id
        if isinstance(decision, RequestTaken):
            await self.service.vault.create(case_id)
            return None
        if isinstance(decision, IncidentDecision):
            if not await self.incidents.cases_between(case_id, case_id):
                raise HTTPException(HTTPStatus.NOT_FOUND, NO_INCIDENT)
            return None
        mails = isinstance(decision, ContentOpened)
        return await self.service.case(case_id, mails=mails) if decision.of_request else None

    async def _keep_text(self, decision: Decision, text: bytes) -> None:
        item = written_item(text)
        _must_name(decision, item)
        if written_text(item, text) is None:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the text is no UTF-8")
        try:
            await self.service.vault.seal(decision.request_id, item, text)
        except Destroyed:
            raise UnknownRequest(UNKNOWN) from None

    async def _keep_package(self, decision: Decision, content: bytes) -> None:
        """Seal a package before its facts: with these it is whole, and is not sealed again."""
        case_id, item, vault = decision.request_id, packed_item(content), self.service.vault
        _must_name(decision, item)
        if not content.startswith(ZIP_MAGIC):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the package is not a ZIP file")
        if await vault.holds(case_id, facts_of(item)):
            return
        facts = PackageFacts(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        try:
            await vault.seal_stream(case_id, item, single_piece(content))
            await vault.seal(case_id, facts_of(item), facts.model_dump_json().encode())
        except Destroyed:
            raise UnknownRequest(UNKNOWN) from None

    async def status(self, id_: str) -> DecisionStatus:
        """Return the effect of a decision, on all services that act on its type."""
        outcomes = await self.register.outcomes(id_)
        reasons = [outcome.reason for outcome in outcomes if outcome.reason is not None]
        if reasons:
            return DecisionStatus(id=id_, status=Effect.REFUSED, reason=reasons[0])
        acting = {service for outcome in outcomes for service in _acting_services(outcome.type)}
        seen = {outcome.service for outcome in outcomes}
        done = bool(acting) and acting <= seen
        results = dict.fromkeys(result for outcome in outcomes for result in outcome.results)
        return DecisionStatus(id=id_, status=Effect.ACCEPTED if done else Effect.PENDING, results=[*results])


def staff_decisions(decisions: StaffDecisions, root: str) -> APIRouter:
    """Return the API for staff accounts; *root* is the public address of intake."""
    router = APIRouter(prefix="/v1/staff", dependencies=[Depends(decisions.throttle)])

    @router.get("/accounts/{name}/salt", **operations.GET_STAFF_SALT)
    async def salt(name: Code) -> Salt:
        """Return the salt of an account's password."""
        return Salt(salt=decisions.register.salt(name).hex())

    @router.post("/decisions", status_code=HTTPStatus.ACCEPTED, **operations.SUBMIT_DECISION)
    async def decide(form: DecisionForm) -> DecisionTaken:
        """Publish a signed decision; the acting services verify it."""
        id_, case = await decisions.take(form)
        return DecisionTaken(id=id_, case=case, status_url=f"{root}/v1/staff/decisions/{id_}")

    @router.post("/decisions/batch", status_code=HTTPStatus.ACCEPTED, **operations.SUBMIT_BATCH)
    async def decide_batch(batch: BatchForm) -> Sequence[BatchedDecision]:
        """Publish decisions that one code has signed; each is answered on its own, in order."""
        return await decisions.take_batch(batch)

    @router.get("/decisions", **operations.LIST_DECISIONS)
    async def statuses(
        id: Annotated[Sequence[RequestId], Query(min_length=1, max_length=MOST_BATCHED)],  # noqa: A002
    ) -> Sequence[DecisionStatus]:
        """Return the effects of several decisions, in order."""
        return [await decisions.status(one) for one in id]

    @router.post(
        "/decisions/package", status_code=HTTPStatus.ACCEPTED, **operations.SUBMIT_DECISION_WITH_PACKAGE
    )
    async def decide_with_package(request: Request) -> DecisionTaken:
        """Publish a signed decision with a package: the decision as one line of JSON, then the ZIP."""
        id_, case = await decisions.take_with_package(request.stream())
        return DecisionTaken(id=id_, case=case, status_url=f"{root}/v1/staff/decisions/{id_}")

    @router.get("/decisions/{decision_id:id}", **operations.GET_DECISION)
    async def status(decision_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]) -> DecisionStatus:
        """Return the effect of a decision."""
        return await decisions.status(decision_id)

    return router


async def _joined(start: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield *start* and *rest*; raise HTTPException if they are larger than a package."""
    size = len(start)
    yield start
    async for piece in rest:
        size += len(piece)
        if size > MOST_DOCUMENT_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the package is too large")
        yield piece


def _must_name(decision: Decision, item: Code) -> None:
    if item not in decision.model_dump().values():
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the decision does not name what goes with it")


def _read(form: DecisionForm) -> StaffDecision:
    kind = KINDS.get(form.type)
    if kind is None:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"type: known are {', '.join(sorted(KINDS))}")
    try:
        return kind.model_validate(form.data)
    except ValidationError as error:
        raise error_of_body(error) from None


def _acting_services(type_: str) -> Sequence[str]:
    """Return the services that act on decisions of a type; declarations go to intake."""
    acting = [service for service, types in topology.LISTENS.items() if type_ in types]
    return acting or ["intake"]
