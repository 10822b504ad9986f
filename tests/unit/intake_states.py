"""Requests as a person may find them on their page, each with what happened to it; for tests of pages."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from services.intake.cases.alias_codes import AliasCodes
from services.intake.http.packages import Packages
from shared.contract.answer import facts_of
from shared.contract.events import (
    DeliveryAction,
    Evidence,
    Fact,
    FeeQuoted,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    LetterKind,
    NoticeReported,
    NoticeSent,
    OfferedAliases,
    Outcome,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    RequestFulfilled,
    RequestPaused,
    RequestResumed,
)
from shared.law import FeeReason, Money, Right
from tests.unit.fakes import ABROAD, NOW, SOURCE, Office, request
from tests.unit.intake_api import CASE, FACTS, PACKAGE

E = Evidence
CALIFORNIA: dict[str, Any] = {"residence": {"country": "US", "subdivision": "CA"}}
VIRGINIA: dict[str, Any] = {"residence": {"country": "US", "subdivision": "VA"}}
EVERYTHING = (
    (E.ACCOUNT,),
    (E.MAILBOX, E.TWO_POINTS, E.DECLARATION),
    (E.THREE_POINTS, E.DECLARATION),
    (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT),
)
DOCUMENTS = ((E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT),)
QUOTED = FeeQuoted(
    request_id=CASE,
    fee=Money(amount=Decimal("12.5"), currency="EUR"),
    reason=FeeReason.FURTHER_COPY,
    answer_by=date(2026, 3, 18),
)
DOCUMENT = ProofRef(kind=ProofKind.DOCUMENT, ref="document", slot=None)
ANSWERED = RequestFulfilled(
    request_id=CASE,
    right=Right.ACCESS,
    outcome=Outcome.GRANTED,
    answer="answer",
    package="package",
    package_expires_at=NOW + timedelta(days=40),
)
REFUSED = IdentityRefused(request_id=CASE, reasons=("not_proven_in_time",))


def sent(letter: LetterKind) -> NoticeSent:
    return NoticeSent(request_id=CASE, letter=letter)


async def then(office: Office, *facts: Fact | timedelta) -> Office:
    """Return *office* after *facts* of others, and the time between them."""
    for fact in facts:
        if isinstance(fact, timedelta):
            office.clock.move(fact)
        else:
            await office.tell(fact)
    return office


async def after(office: Office, *facts: Fact | timedelta, **changes: Any) -> Office:
    """Return *office* after a request was made and confirmed, and *facts* followed."""
    await office.submit(request(**changes))
    return await then(office, timedelta(minutes=1), sent(LetterKind.ACKNOWLEDGEMENT), *facts)


def challenged(*ways: tuple[Evidence, ...], code: bool = False, **more: Any) -> IdentityChallenged:
    """Return that one of *ways* is asked for; by a code, that it was mailed as well."""
    coded = {"kind": ProofKind.EMAIL_CODE, "ref": "code"} if code else {}
    lapses_at = NOW + timedelta(days=30)
    return IdentityChallenged(request_id=CASE, expires_at=lapses_at, wanted=ways, **coded, **more)


async def code_awaited() -> Office:
    return await after(Office(), challenged((E.MAILBOX,), code=True), sent(LetterKind.CODE))


async def everything_asked() -> Office:
    facts = (challenged(*EVERYTHING, code=True), sent(LetterKind.CODE), sent(LetterKind.PROOF_WANTED))
    return await after(Office(practice=ABROAD), *facts, **CALIFORNIA)


async def documents_asked() -> Office:
    paused = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
    facts = (challenged(*DOCUMENTS), paused, sent(LetterKind.PROOF_WANTED))
    return await after(Office(), *facts)


async def document_refused() -> Office:
    return await then(
        await documents_asked(),
        timedelta(days=3),
        ProofReceived(request_id=CASE, proofs=(DOCUMENT,)),
        ProofRefused(request_id=CASE, reason="document_unreadable", tries_left=2, spends_code=False),
    )


async def in_review() -> Office:
    return await then(
        await documents_asked(),
        timedelta(days=4, hours=3),
        ProofReceived(request_id=CASE, proofs=(DOCUMENT,)),
        RequestResumed(request_id=CASE, at=NOW + timedelta(days=4, hours=3)),
        IdentityReviewNeeded(request_id=CASE, reasons=("name_partial",)),
        timedelta(seconds=1),
        sent(LetterKind.IN_REVIEW),
    )


async def fee_quoted() -> Office:
    return await after(Office(trusted={SOURCE}), timedelta(days=1), QUOTED, sent(LetterKind.FEE_QUOTED))


async def answered() -> Office:
    office = await after(Office(trusted={SOURCE}), timedelta(days=9), ANSWERED, sent(LetterKind.OUTCOME))
    office.vault.items[CASE] |= {"package": PACKAGE, facts_of("package"): FACTS}
    return office


async def downloaded() -> Office:
    returned = NoticeReported(
        request_id=CASE, letter=LetterKind.OUTCOME, action=DeliveryAction.FAILED, status="5.1.1"
    )
    office = await then(await answered(), timedelta(hours=2), returned)
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    async for _ in (await Packages(office.requests).open(CASE, code)).pieces:
        pass
    return office


async def other_mailbox_asked() -> Office:
    """A code is on its way to another mailbox in the records; the records name two."""
    office = await answered()
    offer = OfferedAliases(ref="aliases_1", identities=("email", "email"))
    office.vault.items[CASE][offer.ref] = b'[["email", "lou@example.net"], ["email", "max@example.net"]]'
    await then(office, ANSWERED.model_copy(update={"aliases": offer}))
    await AliasCodes(office.requests).issue(CASE, 2)
    return office


async def refused() -> Office:
    facts = (challenged(*DOCUMENTS), timedelta(days=30), REFUSED, sent(LetterKind.REFUSAL))
    return await after(Office(practice=ABROAD), *facts, **VIRGINIA)


async def withdrawn() -> Office:
    office = await then(await documents_asked(), timedelta(days=2))
    await office.requests.withdraw(CASE)
    await office.work()
    return await then(office, sent(LetterKind.WITHDRAWN))


async def appealed() -> Office:
    office = await then(await refused(), timedelta(days=6))
    await office.requests.appeal(CASE, "You overlooked my invoices.")
    await office.work()
    return await then(office, sent(LetterKind.APPEAL_RECEIVED))


STATES: Mapping[str, Callable[[], Awaitable[Office]]] = MappingProxyType(
    {
        "code awaited": code_awaited,
        "everything asked": everything_asked,
        "documents asked": documents_asked,
        "document refused": document_refused,
        "in review": in_review,
        "fee quoted": fee_quoted,
        "answered": answered,
        "downloaded": downloaded,
        "other mailbox asked": other_mailbox_asked,
        "refused": refused,
        "withdrawn": withdrawn,
        "appealed": appealed,
    }
)
