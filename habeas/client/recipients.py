"""Notices to recipients of data, for the privacy staff: from fulfillment's journal."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from shared.contract.events import (
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientNotified,
)
from shared.runtime.mongo import Client, connect, translated

STATUSES: Mapping[str, str] = {
    RecipientConcerned.TYPE: "under_way",
    RecipientNotified.TYPE: "notified",
    RecipientAcknowledged.TYPE: "acknowledged",
    RecipientFailed.TYPE: "failed",
}

RecipientFact: TypeAlias = tuple[str, datetime, Mapping[str, Any]]
"""A case, the moment of a fact, and the fact's data."""


@dataclass
class RecipientMessage:
    """A message to a recipient, and its state."""

    concerned: RecipientConcerned
    since: datetime
    status: str = STATUSES[RecipientConcerned.TYPE]
    reason: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "recipient": self.concerned.recipient,
            "about": self.concerned.about,
            "request": self.concerned.request_id,
            "status": self.status,
            "reason": self.reason,
            "since": self.since.isoformat(),
        }


async def messages(mongo_url: str, prefix: str, *, failed: bool) -> list[RecipientMessage]:
    """Return every message to a recipient, oldest first; the *failed* ones alone, if so."""
    client, found = connect(mongo_url, app_name="habeas command"), dict[str, RecipientMessage]()
    try:
        async for case, at, fact in _facts(client, prefix):
            data = fact["data"]
            if fact["type"] == RecipientConcerned.TYPE:
                concerned = RecipientConcerned.model_validate({**data, "request_id": case})
                found[concerned.notice] = RecipientMessage(concerned, at)
            elif data["notice"] in found:
                message = found[data["notice"]]
                message.status, message.reason = STATUSES[fact["type"]], data.get("reason")
                message.since = at
    finally:
        client.close()
    return [message for message in found.values() if not failed or message.status == "failed"]


async def _facts(client: Client, prefix: str) -> AsyncIterator[RecipientFact]:
    """Yield the facts about recipients in the order of time, those that were sent again included."""
    wanted = {"$in": list(STATUSES)}
    with translated("read fulfillment's journal"):
        rows = client[f"{prefix}_fulfillment"]["journal"].find(
            {"$or": [{"facts.type": wanted}, {"event.type": wanted}]}
        )
        async for row in rows.sort([("at", 1), ("n", 1)]):
            for fact in (row["event"], *row["facts"]):
                if fact is not None and fact["type"] in STATUSES:
                    yield row["case"], row["at"], fact
