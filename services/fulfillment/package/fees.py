"""
Fees for answers: the person is informed of amount and reason, and nothing is done before they agree.

The answer does not wait for the payment: invoices and payments are outside this service.
"""

from collections.abc import Sequence
from datetime import timedelta

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.state import FulfillmentStatus
from shared.contract.events import Code, Fact, FeeDecided, FeeQuoted, IdentityVerified
from shared.law import FeeReason, GivenCopies, Money, may_cost
from shared.law.library import policies
from shared.runtime.log import logger

TO_DECIDE = timedelta(days=10)
"""Time to agree (DPO Art. 19(3)); other laws state none, so it is the same for all."""


def fee_for_copy(
    event: IdentityVerified, before: GivenCopies, fee: Money, ctx: FulfillmentContext
) -> FeeQuoted | None:
    """
    Return the fee for a copy; None if it is free, or already agreed to.

    Args:
        event: States the laws that protect the person.
        before: The person's copies within a year.
        fee: The company's fee for a further copy.
        ctx: Knows whether a fee was quoted.

    Law:
        GDPR Art. 12(5), 15(3): the first copy is free; for others a reasonable fee may be charged.
        EDPB Guidelines 01/2022 paras. 27-29: only of the same data; about other data it is a new request.
    """
    agreed = ctx.known.quoted is not None
    if agreed or not _may_cost(event, FeeReason.FURTHER_COPY, fee, before):
        return None
    return _quoted(fee, FeeReason.FURTHER_COPY, None, ctx)


def fee_by_staff(event: IdentityVerified, ctx: FulfillmentContext) -> FeeQuoted | None:
    """
    Return the fee that the staff decided; None if there is none, or one was quoted already.

    A fee that one of the person's laws forbids is not quoted: the answer is free then.

    Law:
        GDPR Art. 12(5), Cal. Civ. Code § 1798.145(h)(3): for a request that is manifestly unfounded or
        excessive, which the controller has to show.
    """
    decided = ctx.known.decided
    if decided is None or ctx.known.quoted is not None:
        return None
    if not _may_cost(event, decided.reason, decided.fee, GivenCopies()):
        _warn(f"a law forbids {decided.fee} for {decided.reason}", ctx)
        return None
    return _quoted(decided.fee, decided.reason, decided.by, ctx)


async def decide_fee(event: FeeDecided, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Quote the fee that the staff decided, now if the identity is verified, else at the verification.

    One fee is quoted per request, and none once it is answered or being executed.
    """
    if ctx.known.quoted is not None or ctx.known.status not in {
        FulfillmentStatus.UNDECIDED,
        FulfillmentStatus.REFERRED,
    }:
        _warn(f"no fee can be quoted: the request is {ctx.known.status}", ctx)
        return []
    if ctx.known.verified is None:
        return []
    quoted = fee_by_staff(ctx.known.verified, ctx.after(event))
    return [] if quoted is None else [quoted]


def _may_cost(event: IdentityVerified, reason: FeeReason, fee: Money, before: GivenCopies) -> bool:
    return may_cost([policies().named(id_) for id_ in event.laws], reason, fee, before)


def _quoted(fee: Money, reason: FeeReason, by: Code | None, ctx: FulfillmentContext) -> FeeQuoted:
    answer_by = ctx.today() + TO_DECIDE
    return FeeQuoted(request_id=ctx.case_id, fee=fee, reason=reason, by=by, answer_by=answer_by)


def _warn(reason: str, ctx: FulfillmentContext) -> None:
    logger().warning("fee not possible", request_id=ctx.case_id, reason=reason)
