"""Application service for controllers, without HTTP."""

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from services.intake.cases.clock import Arrival, received_request
from services.intake.cases.errors import NotPossibleNow, TooManyAttempts
from services.intake.channels.opendsr import messages
from services.intake.channels.opendsr.certificate import ProcessorCertificate
from services.intake.channels.opendsr.controllers import ListedController, controller_of, name_in
from services.intake.channels.opendsr.instructions import FiledInstruction, Instructions
from services.intake.channels.opendsr.messages import (
    RAW,
    InstructionKind,
    Version,
    instant,
    refused,
)
from services.intake.channels.opendsr.statuses import OpenDsrStatus, OpenDsrStatusReport, next_report
from services.intake.channels.protocols import JSON, is_receiver
from services.intake.domain import IntakeCase
from services.intake.http.callbacks import Callback
from services.intake.http.failed_attempts import FailedAttempts
from services.intake.http.packages import Download, Packages, RangeRequest
from shared.errors import UnknownRequest
from shared.law import ClockRules, end_of
from shared.runtime.client_limits import Allowance


class DownloadGone(Exception):
    """The package is no longer available."""


@dataclass(frozen=True, slots=True)
class OpenDsrService:
    """
    The processor, for controllers.

    Raises:
        OpenDsrCallRefused: An instruction is refused, or it is too late to cancel it.
        UnknownRequest: A request does not exist, or has no package.
        DownloadGone: A package is no longer available.
        NotSatisfiable: A wanted range begins behind the end of the package.
        TooManyAttempts: Too many wrong secrets, submissions, or operations on a request within the hour.
    """

    files: Instructions
    certified: ProcessorCertificate
    practice: ClockRules
    url: str
    """The public address for controllers; the versions' paths follow."""
    submissions: Allowance
    local_callbacks: bool = False
    """Whether controllers on this machine may be called back over plain HTTP."""
    attempts: FailedAttempts = field(default_factory=FailedAttempts)

    def caller(self, authorization: str, network: str) -> ListedController | None:
        """Return the controller with the credential in the header *authorization*; None if unknown."""
        controllers = self.files.controllers.values()
        name = name_in(authorization)
        if not name:
            return controller_of(authorization, controllers)
        return self.attempts.shown(name, network, lambda: controller_of(authorization, controllers))

    def discovery(self, version: Version) -> dict[str, Any]:
        """Return the supported features."""
        return {
            "api_version": version.full,
            "supported_identities": [
                {"identity_type": kind, "identity_format": RAW} for kind in self.files.served.identities
            ],
            "supported_subject_request_types": list(InstructionKind),
            "processor_certificate": f"{self.url}/certificate.pem",
        }

    async def submit(self, controller: ListedController, version: Version, body: bytes) -> dict[str, Any]:
        """Store an instruction, once, and return its receipt."""
        if not self.submissions.take(controller.id):
            raise TooManyAttempts("too many requests were sent within the hour")
        filed = self.files.begin(controller, version, body)
        for number, url in enumerate(filed.said.callbacks):
            if not is_receiver(url, local=self.local_callbacks):
                message = "must be a plain HTTPS address"
                raise refused(f"status_callback_urls.{number}", message)
        await self.files.take(filed)
        return {
            "controller_id": controller.id,
            "expected_completion_time": self._expected(filed, IntakeCase()),
            "received_time": instant(filed.received_at),
            "encoded_request": base64.b64encode(body).decode(),
            "subject_request_id": filed.said.subject_request_id,
        }

    async def status(self, controller: ListedController, name: str, version: Version) -> dict[str, Any]:
        """Return the status of the request that *controller* calls *name*."""
        filed = await self.files.named(controller, name)
        return self._status(filed, *await self.files.stands(filed), version)

    async def group(self, controller: ListedController, group: str, version: Version) -> list[dict[str, Any]]:
        """Return the statuses of the requests of *group*, without purged ones."""
        found: list[dict[str, Any]] = []
        for case_id in await self.files.groups.of(controller, group):
            try:
                filed = await self.files.filed(case_id)
                found.append(self._status(filed, *await self.files.stands(filed), version))
            except UnknownRequest:
                continue
        return found

    async def cancel(self, controller: ListedController, name: str, version: Version) -> dict[str, Any]:
        """Cancel a request that is still pending, or an erasure that has not begun."""
        filed = await self.files.named(controller, name)
        case, report = await self.files.stands(filed)
        waits = case.erased_after(self.files.requests.clock()) is not None
        if report.standing is not OpenDsrStatus.PENDING and not waits:
            raise refused("", f"only a pending request can be cancelled: this one is {report.standing}")
        try:
            await self.files.cancel(filed)
        except NotPossibleNow:
            raise refused("", "only a pending request can be cancelled: this one is over") from None
        receipt = {
            "controller_id": controller.id,
            "received_time": instant(self.files.requests.clock()),
            "subject_request_id": filed.said.subject_request_id,
            "api_version": version.full,
        }
        return receipt | ({"expected_completion_time": None} if version is Version.THREE else {})

    async def results(self, controller: ListedController, name: str, wanted: RangeRequest) -> Download:
        """Return the package of a request, or the *wanted* part; the download is recorded."""
        filed = await self.files.named(controller, name)
        _, report = await self.files.stands(filed)
        if not report.results:
            raise UnknownRequest("the request has no results")
        try:
            return await Packages(self.files.requests).hand_over(filed.case_id, controller.source, wanted)
        except NotPossibleNow:
            raise DownloadGone("the results are no longer available") from None

    async def callback(self, name: str, reported: str) -> Callback | None:
        """Return the status to report after the one *reported* last; none is skipped, however short."""
        case_id, _, number = name.partition("/")
        try:
            filed = await self.files.filed(case_id)
            case, now = await self.files.stands(filed)
        except UnknownRequest:
            return None
        after = next_report(now, reported.partition(" ")[0])
        url = filed.said.callbacks[int(number)]
        status = self._status(filed, case, after, filed.version) | {"status_callback_url": url}
        body = json.dumps(status).encode()
        headers = {**JSON, **self.certified.headers(body, filed.version)}
        mark = f"{after.standing} {sha256(body).hexdigest()}"
        behind = after.standing is not now.standing
        return Callback(url, headers, body, mark, after.settled, behind)

    def _status(
        self, filed: FiledInstruction, case: IntakeCase, report: OpenDsrStatusReport, version: Version
    ) -> dict[str, Any]:
        said = filed.said
        always = {
            "controller_id": filed.controller.id,
            "expected_completion_time": self._expected(filed, case),
            "subject_request_id": said.subject_request_id,
            "request_status": report.standing,
            "api_version": version.full,
        }
        path = f"{version.requests}/{said.subject_request_id}/results"
        optional: dict[str, Any] = {
            "results_url": f"{self.url}{path}" if report.results else None,
            "extensions": {self.files.served.domain: dict(report.remark)} if report.remark else None,
        }
        if version is Version.THREE:
            always |= optional | {"group_id": said.group}
        else:
            always |= {name: value for name, value in optional.items() if value is not None}
        return always if report.count is None else always | {"results_count": report.count}

    def _expected(self, filed: FiledInstruction, case: IntakeCase) -> str:
        """Return the last second of the last day, also before the request is registered."""
        day = case.due_on
        if day is None:
            request = messages.without_identities(filed.said)
            source, now = filed.controller.source, self.files.requests.clock()
            arrival = Arrival(filed.case_id, source, filed.received_at, now, instructed=True)
            day = received_request(request, arrival, self.practice).due_on
        return instant(end_of(day, self.practice.zone) - timedelta(seconds=1))
