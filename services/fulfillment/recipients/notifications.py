"""Notifications of the recipients of a person's data, each by its agreed way."""

import json
import secrets
from collections.abc import Sequence

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.recipients.directory import pseudonyms, recipients_of
from services.fulfillment.search.identities import Identities
from shared.contract.events import (
    Fact,
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientNotified,
    SubjectRectified,
)
from shared.runtime.safe_http import NotAllowed, ReceiverRefused, ReceiverUnavailable

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
    """
    Notify one recipient until it has acknowledged; after too long, report the failure to the staff.

    Law:
        GDPR Art. 19: unless this proves impossible.
    """
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


def _failed(event: RecipientConcerned, reason: str) -> RecipientFailed:
    return RecipientFailed(**_message_of(event), reason=reason)


def _message_of(event: RecipientConcerned) -> dict[str, str]:
    return {
        "request_id": event.request_id,
        "recipient": event.recipient,
        "notice": event.notice,
        "about": event.about,
    }


def _message(event: RecipientConcerned, ctx: FulfillmentContext) -> bytes:
    """Return the message; the same for every attempt."""
    data = {"request": event.request_id, "identifiers": event.identifiers}
    if event.fields:
        data["fields"] = event.fields
    content = {"type": event.about, "timestamp": ctx.occurred_at.isoformat(), "data": data}
    return json.dumps(content).encode()
