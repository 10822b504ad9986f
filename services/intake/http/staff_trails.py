"""Export of the trail of a case, in a session of an account that audits; the export is on record."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response

from services.intake.cases.service import UNKNOWN, RequestService
from services.intake.domain import CaseStatus
from services.intake.http import operations
from services.intake.http.staff_actions import MAY_NOT_ACT
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from services.intake.trail.archive import signed_archive
from services.intake.trail.chain import CaseChainPort
from services.intake.trail.document import TrailExport, trail_of
from shared.contract.events import RequestId, StaffRole, TrailExported
from shared.contract.references import short_reference
from shared.errors import UnknownRequest
from shared.runtime.client_limits import Allowance

AUDITING: Final = frozenset({StaffRole.AUDITOR, StaffRole.APPROVER, StaffRole.ADMIN})
"""Roles of which an account needs one."""
EXPORTS_PER_HOUR: Final = 120
"""Exports of one account: each verifies a chain and draws a document."""
NOT_REGISTERED: Final = "The request is not registered: it has no trail yet."


@dataclass(frozen=True, slots=True)
class CaseTrails:
    """Exports the trails of cases."""

    chains: CaseChainPort
    key: Ed25519PrivateKey
    """Signs the heads of the journal, and trails."""
    controller: str
    exports: Allowance


@dataclass(frozen=True, slots=True)
class TrailExports:
    """Exports of signed-in accounts."""

    service: RequestService
    trails: CaseTrails
    clock: Callable[[], datetime]

    async def export(self, session: StaffSession, case_id: str) -> bytes:
        """
        Record the export of a trail, and return its signed archive.

        Answer 403 to an account without a role to audit, 409 if the request is not registered, and 429 above
        the limit. Raises UnknownRequest if intake has no such request, or no longer.
        """
        account = session.account
        if not account.roles & AUDITING:
            raise HTTPException(HTTPStatus.FORBIDDEN, MAY_NOT_ACT)
        case = await self.service.case(case_id)
        if case.session is not None or case.status is CaseStatus.PURGED:
            raise UnknownRequest(UNKNOWN)
        if case.received is None:
            raise HTTPException(HTTPStatus.CONFLICT, NOT_REGISTERED)
        if not self.trails.exports.take(account.name):
            raise HTTPException(429, "Too many exports of this account.", {"Retry-After": "3600"})
        await self.service.record(case_id, TrailExported(request_id=case_id, by=account.name))
        case, rows = await self.service.rows(case_id)
        chain = await self.trails.chains.of(case_id)
        export = TrailExport(self.trails.controller, self.clock(), account.name, chain)
        trail = trail_of(case_id, case, rows, export)
        return await asyncio.to_thread(signed_archive, trail, self.trails.key)


def trail_routes(exports: TrailExports, sessions: StaffSessions) -> APIRouter:
    """Return the API for trails."""
    router = APIRouter(prefix="/v1/staff/cases/{case_id:id}/trail")

    @router.post("", response_class=Response, **operations.EXPORT_TRAIL)
    async def export(
        case_id: RequestId, session: Annotated[StaffSession, Depends(sessions.signed_in)]
    ) -> Response:
        """
        Export the trail of a request as a signed archive: JSON, PDF, digests and their signature.

        The export is recorded with the account before anything is read.
        """
        archive = await exports.export(session, case_id)
        name = f"trail-{short_reference(case_id)}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(archive, media_type="application/zip", headers=headers)

    return router
