"""Notices to recipients of data, for the privacy staff: from fulfillment's journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, TypeAlias

from shared.contract.events import (
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientInformed,
    RecipientNotified,
)
from shared.runtime.mongo import Client, Document, connect, translated

STATUSES: Mapping[str, str] = {
    RecipientConcerned.TYPE: "under_way",
    RecipientNotified.TYPE: "notified",
    RecipientAcknowledged.TYPE: "acknowledged",
    RecipientFailed.TYPE: "failed",
}
BY_HAND = "informed"
"""Status of a failed message whose recipient the staff has notified by other means."""

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
        for case, at, fact in await _facts(client, prefix):
            data = fact["data"]
            if fact["type"] == RecipientConcerned.TYPE:
                concerned = RecipientConcerned.model_validate({**data, "request_id": case})
                found[concerned.notice] = RecipientMessage(concerned, at)
            elif data["notice"] in found:
                message = found[data["notice"]]
                message.status, message.reason = STATUSES[fact["type"]], data.get("reason")
                message.since = at
        await _note_informed(client, prefix, found.values())
    finally:
        client.close()
    return [message for message in found.values() if not failed or message.status == "failed"]


async def _note_informed(client: Client, prefix: str, messages: Iterable[RecipientMessage]) -> None:
    """Note the decisions that a recipient of a failed message was notified by other means."""
    failed = [one for one in messages if one.status == STATUSES[RecipientFailed.TYPE]]
    cases = list({one.concerned.request_id for one in failed})
    query = {"case": {"$in": cases}, "event.type": RecipientInformed.TYPE}
    with translated("read intake's journal"):
        rows = await client[f"{prefix}_intake"]["journal"].find(query).to_list(None)
    at = {(row["case"], row["event"]["data"]["recipient"]): row["at"] for row in rows}
    for one in failed:
        informed = at.get((one.concerned.request_id, one.concerned.recipient))
        if informed is not None and informed > one.since:
            one.status, one.since = BY_HAND, informed


async def _facts(client: Client, prefix: str) -> list[RecipientFact]:
    """Return the facts about recipients in the order of time, those that were sent again included."""
    journal, rows = client[f"{prefix}_fulfillment"]["journal"], dict[str, Document]()
    with translated("read fulfillment's journal"):
        # A query each: for one, or sorted, the database would read all rows.
        for field, type_ in product(("event.type", "facts.type"), STATUSES):
            rows |= {row["_id"]: row async for row in journal.find({field: type_})}
    return [
        (row["case"], row["at"], fact)
        for row in sorted(rows.values(), key=lambda row: (row["at"], row["n"]))
        for fact in (row["event"], *row["facts"])
        if fact is not None and fact["type"] in STATUSES
    ]
