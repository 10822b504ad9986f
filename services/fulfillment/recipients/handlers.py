"""Handlers that notify the recipients of a person's data, and send packages on to other controllers."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import timedelta

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.act_marks import ActMark
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.recipients.carrier import Parcel
from services.fulfillment.recipients.directory import pseudonyms, recipients_of
from services.fulfillment.recipients.receivers import PackageReceiver, ReceiverUnproven
from services.fulfillment.search.identities import Identities
from shared.contract.answer import Answer, PackageFacts, TransferResult, facts_of
from shared.contract.events import (
    Fact,
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientNotified,
    RecipientRetried,
    RequestFulfilled,
    RequestSubmitted,
    SubjectRectified,
    TransferOrdered,
)
from shared.errors import RefusedDecision, StoreUnavailable
from shared.law import Right
from shared.runtime.openpgp import encrypted
from shared.runtime.safe_http import (
    NotAllowed,
    Receipt,
    ReceiverRefused,
    ReceiverUnavailable,
    ReceiverUnreached,
    receiver,
)

NO_WAY_AGREED = "no_way_agreed"
"""The data map names the recipient and no setting defines its notification."""


def notifications_of(
    fact: Fact, plan: RecordPlan, data_map: DataMap, ctx: FulfillmentContext
) -> Sequence[RecipientConcerned]:
    """Return the events for the recipients of the records that *plan* has changed, about *fact*."""
    return notifications_to(fact, recipients_of(plan, data_map), plan.identities, ctx)


def notifications_to(
    fact: Fact, names: Sequence[str], identities: Identities, ctx: FulfillmentContext
) -> Sequence[RecipientConcerned]:
    """Return the events for the recipients *names*, about *fact* and the person with *identities*."""
    return [
        RecipientConcerned(
            request_id=ctx.case_id,
            recipient=name,
            notice=secrets.token_hex(16),
            about=fact.TYPE,
            identifiers=pseudonyms(identities, ctx.house.key_of(name)),
            fields=fact.fields if isinstance(fact, SubjectRectified) else (),
        )
        for name in names
    ]


async def notify(event: RecipientConcerned, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Notify one recipient until it has acknowledged (GDPR Art. 19); after too long, inform the staff."""
    recipient = ctx.house.recipients.get(event.recipient)
    if recipient is None:
        return [_failed(event, NO_WAY_AGREED)]
    if recipient.webhook is None:
        return [RecipientNotified(**_message_of(event))]
    try:
        await ctx.webhooks.send(recipient, event.notice, _message(event, ctx), ctx.now)
    except NotAllowed:
        return [_failed(event, "not_allowed")]
    except ReceiverRefused:
        return [_failed(event, "refused")]
    except ReceiverUnavailable:
        if ctx.now - ctx.occurred_at < ctx.house.patience:
            raise
        return [_failed(event, "unreachable")]
    return [RecipientAcknowledged(**_message_of(event))]


async def notify_again(event: RecipientRetried, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Repeat the failed notices to a recipient, each under its own id.

    Raises:
        RefusedDecision: No notice to this recipient has failed.
    """
    failed = [
        one
        for one in ctx.known.notices
        if one.recipient == event.recipient and one.notice in ctx.known.failed_notices
    ]
    if not failed:
        raise RefusedDecision("no_such_recipient")
    return failed


def _failed(event: RecipientConcerned, reason: str) -> RecipientFailed:
    return RecipientFailed(**_message_of(event), reason=reason)


def _message_of(event: RecipientConcerned) -> dict[str, str]:
    return event.model_dump(include={"request_id", "recipient", "notice", "about"})


def _message(event: RecipientConcerned, ctx: FulfillmentContext) -> bytes:
    """Return the message; the same for every attempt."""
    fields = {"fields": event.fields} if event.fields else {}
    data = {"request": event.request_id, "identifiers": event.identifiers, **fields}
    return json.dumps({"type": event.about, "timestamp": ctx.occurred_at.isoformat(), "data": data}).encode()


FORMAT = "habeas-transfer/1"
RECEIPT = "transfer_receipt"
MOST_TRYING = timedelta(hours=12)
"""Time limit of a transfer, well before the bus gives up; then the person is informed."""
TRIPLE = 3
"""Bytes that base64 turns into whole characters."""


async def transfer(event: TransferOrdered, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Send a package on, and inform the person of the result; they can download it in any case.

    A transfer that may have reached the receiver is finished and reported, also after a stop or a withdrawal.

    Raises:
        ReceiverUnavailable: The receiver does not answer now; it is retried.

    Law:
        GDPR Art. 20(2): transmitted directly from one controller to another, where technically feasible.
    """
    ends = ctx.known.stopped or ctx.known.withdrawn
    if ends and not await _mark(event, ctx).has_begun():
        return []
    submitted = await ctx.submission()
    result = await _send(event, submitted, submitted.details.transfer_to or "", ctx)
    if result is None:
        return []
    answer = Answer.model_validate_json(await ctx.vault.open(ctx.case_id, event.answer))
    answer = answer.model_copy(update={"transfer": result})
    reason = "transferred" if result.done else f"transfer_{result.reason}"
    return [
        RequestFulfilled(
            request_id=ctx.case_id,
            number=ctx.answer_number,
            right=Right.PORTABILITY,
            outcome=event.outcome,
            dispositions=event.dispositions,
            reasons={**event.reasons, reason: 1},
            answer=await ctx.sealed_answer(answer),
            package=event.package,
            package_expires_at=ctx.now + ctx.house.package_lifetime,
            deciders=ctx.known.reviewers(two=ctx.house.two_deciders),
            aliases=event.aliases,
            withheld=event.withheld,
            absent=event.absent,
        )
    ]


async def _send(
    event: TransferOrdered, submitted: RequestSubmitted, to: str, ctx: FulfillmentContext
) -> TransferResult | None:
    """Return the result of sending the package; None if it is held back."""
    try:
        host = receiver(to).host
    except NotAllowed:
        # An invalid address could be any text; a letter must not contain it.
        return TransferResult(to="", done=False, reason="not_allowed")
    known = ctx.house.receivers.get(host)
    if known is None or not known.certificate.usable(ctx.now):
        return TransferResult(to=host, done=False, reason="no_key")
    try:
        await ctx.receivers.prove(known, ctx.carrier, ctx.now)
        name = await _encrypted(event.package, submitted, known, ctx)
        receipt = await _carried(event, known, name, ctx)
    except NotAllowed:
        return TransferResult(to="", done=False, reason="not_allowed")
    except ReceiverUnproven:
        return TransferResult(to=host, done=False, reason="unproven")
    except ReceiverRefused:
        return TransferResult(to=host, done=False, reason="refused")
    except ReceiverUnavailable:
        if ctx.now - ctx.occurred_at < MOST_TRYING:
            raise
        return TransferResult(to=host, done=False, reason="unreachable")
    if receipt is None:
        return None
    await ctx.sealed(RECEIPT, receipt.to_json())
    return TransferResult(to=host, done=True)


async def _carried(
    event: TransferOrdered, to: PackageReceiver, name: str, ctx: FulfillmentContext
) -> Receipt | None:
    """Send the message *name*, marked as begun; return the receipt, or None if it is held back."""
    mark, vault = _mark(event, ctx), ctx.vault
    first = await mark.is_first()
    if not first and not await mark.stands():
        return None
    parcel = Parcel(to.url, event.package, lambda: vault.open_stream(ctx.case_id, name), ctx.occurred_at)
    try:
        receipt = await ctx.carrier.send(parcel)
    except (ReceiverUnreached, StoreUnavailable):  # no whole message was sent
        if first:  # the person can still withdraw
            await mark.take_back()
        raise
    await mark.is_first()  # another replica, which did not reach the receiver, may have taken it back
    return receipt


def _mark(event: TransferOrdered, ctx: FulfillmentContext) -> ActMark:
    return ActMark(event.package, ctx)


async def _encrypted(
    package: str, submitted: RequestSubmitted, to: PackageReceiver, ctx: FulfillmentContext
) -> str:
    """Seal the message with *package*, encrypted to the receiver's key; return its name in the vault."""
    name = f"{package}_{to.certificate.fingerprint}"
    if await ctx.vault.holds(ctx.case_id, f"{name}_whole"):
        return name
    facts = PackageFacts.model_validate_json(await ctx.vault.open(ctx.case_id, facts_of(package)))
    begin, end = _frame(submitted, facts, ctx)
    content = _body(begin, ctx.vault.open_stream(ctx.case_id, package), end)
    async with aclosing(encrypted(content, to.certificate)) as message:
        await ctx.vault.seal_stream(ctx.case_id, name, message)
    await ctx.vault.seal(ctx.case_id, f"{name}_whole", b"")
    return name


def _frame(submitted: RequestSubmitted, facts: PackageFacts, ctx: FulfillmentContext) -> tuple[bytes, bytes]:
    """Return the JSON before and after the package."""
    package = {"media_type": "application/zip", "bytes": facts.size, "sha256": facts.sha256, "content": ""}
    message = {
        "format": FORMAT,
        "request": ctx.case_id,
        "sent_by": ctx.house.controller,
        "contact": ctx.house.contact,
        "subject": {"name": submitted.subject.name, "email": submitted.subject.email},
        "public_key": ctx.house.signer.public_key.pem.decode(),
        "package": package,
    }
    text = json.dumps(message).encode()
    return text[:-3], text[-3:]  # the quotation mark and the two brackets after the content


async def _body(begin: bytes, content: AsyncIterator[bytes], end: bytes) -> AsyncIterator[bytes]:
    yield begin
    held = b""
    async for piece in content:
        held += piece
        whole = len(held) // TRIPLE * TRIPLE
        yield base64.b64encode(held[:whole])
        held = held[whole:]
    yield base64.b64encode(held) + end
