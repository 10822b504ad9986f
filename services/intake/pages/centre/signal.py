"""
The browser signal Global Privacy Control: no sale or sharing of data.

Law:
    Cal. Civ. Code § 1798.135(e); 11 CCR § 7025: it is an opt-out of the browser and, once known, of the
    person. No other data may be required, and its processing must be shown (§ 7025(c)(6)).
"""

from datetime import date

from services.intake.cases.service import RequestService
from services.intake.domain import GPC
from shared.contract.events import Details, RequestSubmitted, Subject
from shared.law import CompanyProfile, Regulation, Right
from shared.matching import mailbox

KEPT = "signal"
"""Name of the browser's signal in the vault."""
HEADER = b"Sec-GPC: 1"
SUPPORT = {"gpc": True, "lastUpdate": date(2026, 11, 26).isoformat()}
"""The content of ``/.well-known/gpc.json`` (Global Privacy Control, section 4), with its date."""


async def honour(service: RequestService, company: CompanyProfile, email: str, locale: str) -> str:
    """
    Record the signal of the person at *email*: their data is not sold or shared from now on.

    All forms of one day make one request. It is an opt-out alone: no erasure, no access, and no proof of
    identity.
    """
    day = service.clock().astimezone(company.zone).date()
    reference = service.id_of(GPC, f"{mailbox(email) or email} {day}")
    request = RequestSubmitted(
        reference=reference,
        right=Right.OPT_OUT_OF_SALE,
        regulation=Regulation.CCPA,
        subject=Subject(email=email),
        details=Details(),
        locale=locale,
    )
    await note(service, service.id_of(GPC, reference))
    return await service.lodge(request, GPC)


async def note(service: RequestService, case_id: str) -> None:
    """Store the signal with a case, as evidence."""
    await service.keep(case_id, KEPT, HEADER)
