"""
The signal of a browser that data must not be sold or shared (Global Privacy Control).

Law:
    Cal. Civ. Code § 1798.135(e); 11 CCR § 7025: it is an opt-out of the browser and, once they are known, of
    the person. Nothing more may be asked for, and it must be shown that it was processed (§ 7025(c)(6)).
"""

from datetime import date

from services.intake.cases.service import RequestService
from services.intake.domain import GPC
from shared.contract.events import Details, RequestSubmitted, Subject
from shared.law import CompanyProfile, Regulation, Right
from shared.matching import mailbox

KEPT = "signal"
"""Name under which lies in the vault what the browser sent."""
HEADER = b"Sec-GPC: 1"
SUPPORT = {"gpc": True, "lastUpdate": date(2026, 11, 26).isoformat()}
"""What ``/.well-known/gpc.json`` says (Global Privacy Control, section 4), and since when."""


async def honour(door: RequestService, company: CompanyProfile, email: str, locale: str) -> str:
    """
    Record that the person at *email* sends the signal: their data is not sold or shared from now on.

    However many forms they send on one day, it is one request. It is never more than that: no erasure, no
    access, and no proof of who they are.
    """
    day = door.clock().astimezone(company.zone).date()
    reference = door.id_of(GPC, f"{mailbox(email) or email} {day}")
    request = RequestSubmitted(
        reference=reference,
        right=Right.OPT_OUT_OF_SALE,
        regulation=Regulation.CCPA,
        subject=Subject(email=email),
        details=Details(),
        locale=locale,
    )
    await note(door, door.id_of(GPC, reference))
    return await door.lodge(request, GPC)


async def note(door: RequestService, case_id: str) -> None:
    """Keep with a case, as evidence, that the browser sent the signal."""
    await door.keep(case_id, KEPT, HEADER)
