"""
What controllers can do, without HTTP.

The body is sealed first, byte for byte: it is the instruction that everything done afterwards rests on. Then
the request is lodged as any other is. Its id follows from who sends it and what they call it, so that no
controller can name another's.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Protocol

from services.intake.callbacks import Callback, Listeners
from services.intake.clock import Arrival, Practice, end_of, receive
from services.intake.context import Firsts
from services.intake.domain import Case, Status
from services.intake.door import Allowance, Door, Download, NotNow, TooOften
from services.intake.opendsr import messages
from services.intake.opendsr.certificate import Certified
from services.intake.opendsr.controllers import ListedController
from services.intake.opendsr.messages import Message, Served
from services.intake.opendsr.protocol import EXISTS, RAW, Flaw, Kind, Refused, Version, instant, refused
from services.intake.opendsr.statuses import Standing, Told, next_of, told_of
from services.intake.ranges import Wanted
from services.intake.repeating import Claim
from shared import outward
from shared.errors import UnknownRequest

CALL, CANCELLATION = "opendsr_call", "opendsr_cancellation"
"""Names in the vault: the body as it came, below a line of ours; and that the request was cancelled."""
BEGUN_WITHIN = timedelta(minutes=1)
"""How long a request is waited for that is about to be taken in."""
JSON = MappingProxyType({"Content-Type": "application/json"})


class Groups(Protocol):
    """Which requests a controller has tied together."""

    async def add(self, controller: ListedController, group: str, request_id: str, at: datetime) -> None:
        """Count a request to *group*; adding it again changes nothing."""

    async def of(self, controller: ListedController, group: str) -> list[str]:
        """Return the ids of the requests of *group*, the oldest first."""


class Gone(Exception):
    """What was to be downloaded is kept no longer."""


@dataclass(frozen=True, slots=True)
class Filed:
    """An instruction that was taken in, and the body that it came in."""

    controller: ListedController
    version: Version
    received_at: datetime
    body: bytes
    case_id: str

    @property
    def said(self) -> Message:
        """What the controller said."""
        return messages.read(self.body, self.version)

    def to_bytes(self) -> bytes:
        """Return what is sealed of it."""
        line = {
            "controller": self.controller.id,
            "version": self.version.value,
            "received_at": self.received_at.isoformat(),
        }
        return json.dumps(line).encode() + b"\n" + self.body


@dataclass(frozen=True, slots=True)
class Desk:
    """The processor, as controllers see it."""

    door: Door
    watch: Listeners
    groups: Groups
    firsts: Firsts
    controllers: Mapping[str, ListedController]
    served: Served
    certified: Certified
    practice: Practice
    url: str
    """Where controllers reach it; the versions' paths follow."""
    submissions: Allowance

    def discovery(self, version: Version) -> dict[str, Any]:
        """Return what is served here."""
        return {
            "api_version": version.full,
            "supported_identities": [
                {"identity_type": kind, "identity_format": RAW} for kind in self.served.identities
            ],
            "supported_subject_request_types": list(Kind),
            "processor_certificate": f"{self.url}/certificate.pem",
        }

    async def submit(self, controller: ListedController, version: Version, body: bytes) -> dict[str, Any]:
        """
        Take an instruction in, once, and return its receipt.

        Raises:
            Refused: It is malformed, exists already, or an equal one is in progress.
            TooOften: The controller has sent too many within the hour.
        """
        if not self.submissions.take(controller.id):
            raise TooOften("too many requests were sent within the hour")
        message = messages.read(body, version)
        messages.request_in(message, self.served)
        _must_lead_somewhere(message)
        case_id = self.door.id_of(controller.source, message.subject_request_id)
        filed = Filed(controller, version, self.door.clock(), body, case_id)
        await self._must_be_new(filed)
        await self._must_be_alone(filed)
        if not await self._kept(filed):
            await self._must_be_new(filed)
        await self._lodge(filed)
        expected = instant(self._expected(filed, Case()))
        return {
            "controller_id": controller.id,
            "expected_completion_time": expected,
            "received_time": instant(filed.received_at),
            "encoded_request": base64.b64encode(body).decode(),
            "subject_request_id": message.subject_request_id,
        }

    async def status(self, controller: ListedController, name: str, version: Version) -> dict[str, Any]:
        """
        Return where the request stands that *controller* calls *name*.

        Raises:
            UnknownRequest: There is none.
        """
        filed = await self._named(controller, name)
        return self._status(filed, await self._case(filed), await self._told(filed), version)

    async def group(self, controller: ListedController, group: str, version: Version) -> list[dict[str, Any]]:
        """Return where the requests of *group* stand; those whose record is gone are left out."""
        found: list[dict[str, Any]] = []
        for case_id in await self.groups.of(controller, group):
            try:
                filed = await self._filed(case_id)
                found.append(self._status(filed, await self._case(filed), await self._told(filed), version))
            except UnknownRequest:
                continue
        return found

    async def cancel(self, controller: ListedController, name: str, version: Version) -> dict[str, Any]:
        """
        Cancel a request that is still pending.

        Raises:
            Refused: It is in progress, or over.
            UnknownRequest: There is none.
            TooOften: Too much was done about it within the hour.
        """
        filed = await self._named(controller, name)
        standing = (await self._told(filed)).standing
        if standing is not Standing.PENDING:
            raise refused("", f"only a pending request can be cancelled: this one is {standing}")
        try:
            await self.door.withdraw(filed.case_id)
        except NotNow:
            raise refused("", "only a pending request can be cancelled: this one is over") from None
        await self.door.keep(filed.case_id, CANCELLATION, b"")
        receipt = {
            "controller_id": controller.id,
            "received_time": instant(self.door.clock()),
            "subject_request_id": name,
            "api_version": version.full,
        }
        return receipt | ({"expected_completion_time": None} if version is Version.THREE else {})

    async def results(self, controller: ListedController, name: str, wanted: Wanted) -> Download:
        """
        Return the package that a request has come to, or what is *wanted* of it; that is on record then.

        Raises:
            UnknownRequest: There is no such request, or nothing to download.
            Gone: It is kept no longer.
            TooOften: Too much was done about the request within the hour.
            NotSatisfiable: The bytes wanted lie behind the end.
        """
        filed = await self._named(controller, name)
        if not (await self._told(filed)).results:
            raise UnknownRequest("there are no results of this request")
        try:
            return await self.door.hand_over_package(filed.case_id, controller.source, wanted)
        except NotNow:
            raise Gone("the results are kept no longer") from None

    async def callback(self, name: str, told: str) -> Callback | None:
        """
        Return the next status that a callback address is to hear of, after what it was *told* last.

        Every status is told, also one that a request was in too shortly to be seen.
        """
        case_id, _, number = name.partition("/")
        try:
            filed = await self._filed(case_id)
            now = await self._told(filed)
            case = await self._case(filed)
        except UnknownRequest:
            return None
        after = next_of(now, told.partition(" ")[0])
        url = filed.said.callbacks[int(number)]
        status = self._status(filed, case, after, filed.version) | {"status_callback_url": url}
        body = json.dumps(status).encode()
        headers = {**JSON, **self.certified.headers(body, filed.version)}
        mark = f"{after.standing} {sha256(body).hexdigest()}"
        behind = after.standing is not now.standing
        return Callback(url, headers, body, mark, after.settled, behind)

    def _status(self, filed: Filed, case: Case, told: Told, version: Version) -> dict[str, Any]:
        said = filed.said
        always = {
            "controller_id": filed.controller.id,
            "expected_completion_time": instant(self._expected(filed, case)),
            "subject_request_id": said.subject_request_id,
            "request_status": told.standing,
            "api_version": version.full,
        }
        path = f"{version.requests}/{said.subject_request_id}/results"
        optional: dict[str, Any] = {
            "results_url": f"{self.url}{path}" if told.results else None,
            "extensions": {self.served.domain: dict(told.remark)} if told.remark else None,
        }
        if version is Version.THREE:
            always |= optional | {"group_id": said.group}
        else:
            always |= {name: value for name, value in optional.items() if value is not None}
        return always if told.count is None else always | {"results_count": told.count}

    def _expected(self, filed: Filed, case: Case) -> datetime:
        """Return the last second of the last day for the answer, also before the register knows of it."""
        day = case.due_on
        if day is None:
            request = messages.nameless(filed.said)
            arrival = Arrival(
                filed.case_id, filed.controller.source, filed.received_at, self.door.clock(), instructed=True
            )
            day = receive(request, arrival, self.practice).due_on
        return end_of(day, self.practice.zone) - timedelta(seconds=1)

    async def _must_be_new(self, filed: Filed) -> None:
        """
        Refuse an id that was used before.

        Of what a crash has left kept and not lodged, or not announced, this is what makes a case of it.
        """
        try:
            known = await self._filed(filed.case_id)
        except UnknownRequest:
            return
        if (await self._case(known)).status is Status.UNKNOWN:
            await self._lodge(known)
        raise _exists()

    async def _must_be_alone(self, filed: Filed) -> None:
        """Refuse what asks for the same as another request that is open."""
        wish, now = messages.wish_of(filed.said, filed.controller), filed.received_at
        while True:
            held = await self.firsts.claim(wish, filed.case_id, now)
            if held.case == filed.case_id:
                return
            if await self._is_open(held, now):
                flaw = Flaw("", "an equal request is in progress")
                raise Refused(HTTPStatus.CONFLICT, flaw)
            if await self.firsts.pass_on(held, filed.case_id, now):
                return

    async def _is_open(self, held: Claim, now: datetime) -> bool:
        try:
            return not (await self._told(await self._filed(held.case))).final
        except UnknownRequest:
            return now < held.at + BEGUN_WITHIN

    async def _kept(self, filed: Filed) -> bool:
        try:
            return await self.door.keep(filed.case_id, CALL, filed.to_bytes())
        except UnknownRequest:
            raise _exists() from None

    async def _lodge(self, filed: Filed) -> None:
        said, now = filed.said, self.door.clock()
        request = messages.request_in(said, self.served)
        if said.group is not None:
            await self.groups.add(filed.controller, said.group, filed.case_id, filed.received_at)
        await self.door.lodge(request, filed.controller.source, instructed=True)
        for number in range(len(said.callbacks)):
            await self.watch.add(f"{filed.case_id}/{number}", now)

    async def _named(self, controller: ListedController, name: str) -> Filed:
        return await self._filed(self.door.id_of(controller.source, name))

    async def _filed(self, case_id: str) -> Filed:
        line, _, body = (await self.door.kept(case_id, CALL)).partition(b"\n")
        known = json.loads(line)
        controller = self.controllers.get(known["controller"])
        if controller is None:
            raise UnknownRequest("no request has this id")
        received_at = datetime.fromisoformat(known["received_at"])
        return Filed(controller, Version(known["version"]), received_at, body, case_id)

    async def _case(self, filed: Filed) -> Case:
        try:
            return await self.door.case(filed.case_id)
        except UnknownRequest:
            return Case()  # kept, and not lodged yet

    async def _told(self, filed: Filed) -> Told:
        try:
            await self.door.kept(filed.case_id, CANCELLATION)
        except UnknownRequest:
            return told_of(await self._case(filed), cancelled=False)
        return told_of(await self._case(filed), cancelled=True)


def _must_lead_somewhere(message: Message) -> None:
    for number, url in enumerate(message.callbacks):
        try:
            outward.receiver(url)
        except outward.NotAllowed:
            raise refused(f"status_callback_urls.{number}", "is no plain address for HTTPS") from None


def _exists() -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, Flaw("", EXISTS))
