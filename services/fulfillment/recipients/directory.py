"""
Recipients of a person's data, and their notifications. Pure.

A recipient is named in the data map. It knows the person by identifiers hashed with a shared key, so that the
message means nothing to others.

Law:
    GDPR Art. 19: each recipient is notified of a rectification, an erasure, a restriction.
    11 CCR § 7022(b)(2)-(3), 7026(f)(2): they are notified of deletions and opt-outs.
"""

import base64
import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.steps import RecordPlan, alike
from services.fulfillment.search.identities import Identities
from shared.labels import default_of


@dataclass(frozen=True, slots=True)
class DataRecipient:
    """A recipient that is notified automatically."""

    key: bytes = field(repr=False)
    """Hashes identifiers, and signs webhooks."""
    webhook: str | None = None
    """Address of the messages; without it, the recipient listens to our events."""
    inside: bool = False
    """Whether it may be an internal machine, without TLS."""


def recipients_of(plan: RecordPlan, data_map: DataMap) -> tuple[str, ...]:
    """Return the recipients of the data that *plan* changes, by name, for the person (GDPR Art. 19)."""
    keys = dict.fromkeys(step.key for step, _ in alike(plan.steps) if step.changes)
    named = (recipient for key in keys for recipient in data_map.by_key[key].facts.recipients)
    return tuple(dict.fromkeys(named))


def by_hand(names: Iterable[str], agreed: Collection[str]) -> tuple[str, ...]:
    """Return those of *names* that the staff must notify (GDPR Art. 19), without an agreed automatic way."""
    return tuple(name for name in names if default_of(name) not in agreed)


def pseudonyms(identities: Identities, key: bytes) -> dict[str, str]:
    """Return *identities* as holders of *key* know them: HMAC-SHA256 of the value in small letters."""
    return {
        name: hmac.new(key, spellings[0].casefold().encode(), sha256).hexdigest()
        for name, spellings in identities.items()
        if spellings
    }


def signed(message_id: str, at: datetime, body: bytes, key: bytes) -> Mapping[str, str]:
    """Return the headers that sign *body* in the form of Standard Webhooks."""
    moment = str(int(at.timestamp()))
    digest = hmac.digest(key, f"{message_id}.{moment}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
