"""
Instructions of controllers, and the cases made of them.

The body is sealed first, byte for byte: it is the basis of everything done afterwards. Then the instruction
claims its fingerprint, gets its id, and is lodged. A later call that finds the claim completes it, so the
claim of a crashed process blocks no other. The id follows from the controller and its name for the request,
so that no controller can name another's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol
from uuid import uuid4

from services.intake.cases.service import RequestService
from services.intake.channels.opendsr import messages
from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.opendsr.statuses import OpenDsrStatusReport, report_of
from services.intake.channels.protocols import case_or_new
from services.intake.context import FirstRequestPort
from services.intake.domain import CaseStatus, Instruction, IntakeCase
from services.intake.http.callbacks import WatchedRequestPort
from shared.errors import UnknownRequest

CALL, CANCELLATION = "opendsr_call", "opendsr_cancellation"
"""Names in the vault: the body as received, below a line of ours; and the mark of a cancellation."""


class RequestGroupPort(Protocol):
    """The groups of requests."""

    async def add(self, controller: ListedController, group: str, request_id: str, at: datetime) -> None:
        """Add a request to *group*; adding it again has no effect."""

    async def of(self, controller: ListedController, group: str) -> list[str]:
        """Return the ids of the requests of *group*, oldest first."""


@dataclass(frozen=True, slots=True)
class FiledInstruction:
    """A received instruction, with its body."""

    controller: ListedController
    version: messages.Version
    received_at: datetime
    body: bytes
    case_id: str
    attempt: str
    """Distinguishes it from other attempts with the same id, of which one counts."""

    @property
    def draft(self) -> str:
        """Its name in the vault until it is the instruction of its id."""
        return f"{CALL}_{self.attempt}"

    @property
    def claimant(self) -> str:
        """The owner of its claims."""
        return f"{self.case_id}/{self.attempt}"

    @property
    def said(self) -> messages.OpenDsrMessage:
        """The controller's message."""
        return messages.read(self.body, self.version)

    def to_bytes(self) -> bytes:
        """Return its sealed form."""
        line = {
            "controller": self.controller.id,
            "version": self.version.value,
            "received_at": self.received_at.isoformat(),
            "attempt": self.attempt,
        }
        return json.dumps(line).encode() + b"\n" + self.body


@dataclass(frozen=True, slots=True)
class Instructions:
    """
    The received instructions.

    Raises:
        OpenDsrCallRefused: An instruction is refused: malformed, existing, or equal to one in progress.
        UnknownRequest: It does not exist, or its controller is no longer configured.
        NotPossibleNow: It is answered already.
        TooManyAttempts: Too many operations on it within the hour.
    """

    requests: RequestService
    watch: WatchedRequestPort
    groups: RequestGroupPort
    duplicates: FirstRequestPort
    controllers: Mapping[str, ListedController]
    served: messages.DiscoveryDocument
    """The document of supported features."""

    def begin(self, controller: ListedController, version: messages.Version, body: bytes) -> FiledInstruction:
        """Return the instruction in *body*, which is not stored yet."""
        message = messages.read(body, version)
        messages.request_in(message, self.served)
        if controller.always_waits and messages.skips_waiting(message, self.served.domain):
            raise messages.refused("extensions", f"{messages.SKIPS_WAITING} is not permitted: leave it out")
        case_id = self._id_of(controller, message.subject_request_id)
        return FiledInstruction(controller, version, self.requests.clock(), body, case_id, uuid4().hex)

    async def take(self, filed: FiledInstruction) -> None:
        """Store and lodge an instruction, once."""
        fingerprint = messages.fingerprint_of(filed.said, filed.controller)
        await self._must_be_new(filed)
        try:
            await self.requests.keep(filed.case_id, filed.draft, filed.to_bytes())
        except UnknownRequest:
            raise messages.refused("", messages.EXISTS) from None
        await self._must_be_alone(filed, fingerprint)
        if await self._complete_claim(filed.claimant) is None:
            raise messages.refused("", messages.EXISTS)

    async def named(self, controller: ListedController, name: str) -> FiledInstruction:
        """Return the instruction that *controller* calls *name*."""
        return await self.filed(self._id_of(controller, name))

    async def filed(self, case_id: str, item: str = CALL) -> FiledInstruction:
        """Return the instruction of a case; its draft if *item* names one."""
        line, _, body = (await self.requests.kept(case_id, item)).partition(b"\n")
        known = json.loads(line)
        controller = self.controllers.get(known["controller"])
        if controller is None:
            raise UnknownRequest("no request has this id")
        received_at = datetime.fromisoformat(known["received_at"])
        version = messages.Version(known["version"])
        return FiledInstruction(controller, version, received_at, body, case_id, known["attempt"])

    async def stands(self, filed: FiledInstruction) -> tuple[IntakeCase, OpenDsrStatusReport]:
        """Return the state of a request, and its status."""
        case = await case_or_new(self.requests, filed.case_id)
        return case, report_of(case, cancelled=await self.requests.holds(filed.case_id, CANCELLATION))

    async def cancel(self, filed: FiledInstruction) -> None:
        """Withdraw a request."""
        await self.requests.withdraw(filed.case_id)
        await self.requests.keep(filed.case_id, CANCELLATION, b"")

    def _id_of(self, controller: ListedController, name: str) -> str:
        return self.requests.id_of(controller.source, messages.canonical(name))

    async def _must_be_new(self, filed: FiledInstruction) -> None:
        """Refuse an id that was used before; an instruction that a crash left unlodged is lodged here."""
        try:
            known = await self.filed(filed.case_id)
        except UnknownRequest:
            return
        await self._lodge_if_new(known)
        raise messages.refused("", messages.EXISTS)

    async def _must_be_alone(self, filed: FiledInstruction, fingerprint: bytes) -> None:
        """Refuse an instruction with the same fingerprint as another open request, and forget it."""
        now = filed.received_at
        while (held := await self.duplicates.claim(fingerprint, filed.claimant, now)).case != filed.claimant:
            if refusal := await self._refusal(filed, held.case):
                await self.requests.forget(filed.case_id, filed.draft)
                raise refusal
            if await self.duplicates.pass_on(held, filed.claimant, now):
                return

    async def _refusal(self, filed: FiledInstruction, claimant: str) -> messages.OpenDsrCallRefused | None:
        """Return why *filed* is refused if *claimant* was first; None if that request is over."""
        first = await self._complete_claim(claimant)
        if first is None:
            return None
        if first.case_id == filed.case_id:
            return messages.refused("", messages.EXISTS)
        _, report = await self.stands(first)
        if report.final:
            return None
        return messages.OpenDsrCallRefused(
            HTTPStatus.CONFLICT, messages.CallError("", "an equal request is in progress")
        )

    async def _complete_claim(self, claimant: str) -> FiledInstruction | None:
        """Complete an instruction that has claimed its fingerprint; return it if it is the one of its id."""
        case_id, _, attempt = claimant.partition("/")
        try:
            filed = await self._choose_draft(case_id, attempt)
        except UnknownRequest:
            return None
        await self._lodge_if_new(filed)
        await self.requests.forget(case_id, f"{CALL}_{attempt}")
        return filed if filed.attempt == attempt else None

    async def _choose_draft(self, case_id: str, attempt: str) -> FiledInstruction:
        """Make an instruction the one of its id, unless there is one; return that one."""
        try:
            draft = await self.filed(case_id, f"{CALL}_{attempt}")
            await self.requests.keep(case_id, CALL, draft.to_bytes())
        except UnknownRequest:
            pass  # done before
        return await self.filed(case_id)

    async def _lodge_if_new(self, filed: FiledInstruction) -> None:
        """Lodge an instruction unless it is, last: a lodged request must be complete."""
        if (await case_or_new(self.requests, filed.case_id)).status is not CaseStatus.UNKNOWN:
            return
        said, now = filed.said, self.requests.clock()
        request = messages.request_in(said, self.served)
        if said.group is not None:
            await self.groups.add(filed.controller, said.group, filed.case_id, filed.received_at)
        for number in range(len(said.callbacks)):
            await self.watch.add(f"{filed.case_id}/{number}", now)
        instruction = Instruction(at_once=messages.skips_waiting(said, self.served.domain))
        await self.requests.lodge(request, filed.controller.source, instruction=instruction)
