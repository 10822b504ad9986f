"""
Parked messages, and submissions that could not be read.

Neither is lost. A parked message keeps its reason and number of tries; it can be replayed once the cause
is gone. A submission that could not be read is sealed in the vault, because it may hold personal data.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from shared.contract.envelope import decode
from shared.contract.events import Fact, RequestPurged, RequestRejected, SubmissionHandled
from shared.contract.topology import LISTENS, parking_of, publishers_of
from shared.errors import ConfigurationError, PermanentError
from shared.runtime import retry_policy
from shared.runtime.broker import Delivery, Parking
from shared.runtime.message_origin import stated_origin
from shared.runtime.mongo import Client, connect, translated


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that waits for staff."""

    service: str
    message_id: str
    type: str
    request: str | None
    reason: str
    error: str
    location: str
    attempts: int
    first_failure: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A submission that could not be read."""

    case: str
    at: datetime
    source: str
    id: str
    flaws: tuple[str, ...]


async def parked(amqp_url: str) -> list[Parked]:
    """Return all parked messages; they stay where they are."""
    found: list[Parked] = []
    for service in LISTENS:
        async with Parking(amqp_url, parking_of(service)) as parking:
            found += [_described(service, delivery) async for delivery in parking]
    return found


async def set_aside(client: Client, prefix: str) -> list[SetAside]:
    """Return the submissions that intake could not read and staff has not handled, oldest first."""
    with translated("read intake's journal"):
        rows = client[f"{prefix}_intake"]["journal"].find({"facts.type": RequestRejected.TYPE}).sort("at")
        found: list[SetAside] = []
        async for row in rows:
            for fact in (fact for fact in row["facts"] if fact["type"] == RequestRejected.TYPE):
                rejected = RequestRejected.model_validate({**fact["data"], "request_id": row["case"]})
                event = (rejected.publisher_source or "", rejected.publisher_id or "")
                found.append(SetAside(row["case"], row["at"], *event, tuple(map(str, rejected.errors))))
        cases = [one.case for one in found]
        query = {"case": {"$in": cases}, "event.type": SubmissionHandled.TYPE}
        handled = {row["case"]: row["at"] async for row in client[f"{prefix}_intake"]["journal"].find(query)}
        return [one for one in found if one.case not in handled or handled[one.case] < one.at]


async def replay(amqp_url: str, client: Client, prefix: str, service: str) -> tuple[int, int]:
    """
    Replay all parked messages of *service*, but drop those about purged cases; return the numbers of both.

    A message about a purged case would begin the case again. Raises ConfigurationError for another service.
    """
    if service not in LISTENS:
        raise ConfigurationError(f"no service is called {service}; there are {', '.join(LISTENS)}")
    replayed = dropped = 0
    async with Parking(amqp_url, parking_of(service)) as parking:
        async for delivery in parking:
            if await _is_of_purged_case(client, prefix, delivery):
                await parking.remove(delivery)
                dropped += 1
            else:
                await parking.hand_back(delivery)
                replayed += 1
    return replayed, dropped


async def _is_of_purged_case(client: Client, prefix: str, delivery: Delivery) -> bool:
    """Return whether *delivery* is a fact about a purged case, other than the purge itself."""
    exchange, kind = stated_origin(delivery).exchange, delivery.content_type
    try:
        event = decode(delivery.body, exchange=exchange, content_type=kind, headers=delivery.headers).event
    except PermanentError:
        return False
    if not isinstance(event, Fact) or isinstance(event, RequestPurged):
        return False
    purged = {"case": event.case, "facts.type": RequestPurged.TYPE}
    with translated("look for purged cases"):
        databases = [client[f"{prefix}_{service}"] for service in publishers_of(RequestPurged.TYPE)]
        return any([await database["journal"].find_one(purged) for database in databases])


async def found(amqp_url: str, mongo_url: str, prefix: str) -> dict[str, list[dict[str, Any]]]:
    """Return all of both kinds as plain values."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        unread = await set_aside(client, prefix)
    return {
        "parked": [asdict(message) for message in await parked(amqp_url)],
        "set_aside": [asdict(submission) for submission in unread],
    }


def table(everything: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table | str:
    """Return the result of :func:`found` as a table."""
    if not any(everything.values()):
        return "no dead letter"
    shown = Table("where", "since", "request", "what", "why")
    for message in everything["parked"]:
        why = (
            f"{message['reason']} ({message['attempts']} attempts)\n{message['error']} {message['location']}"
        )
        where, since, request = f"{message['service']}.parking", message["first_failure"], message["request"]
        shown.add_row(where, since, request or "", message["type"], why.rstrip())
    for submission in everything["set_aside"]:
        what = f"{submission['source'] or 'unknown source'} {submission['id']}"
        flaws = "\n".join(submission["flaws"])
        shown.add_row("set aside, sealed", str(submission["at"]), submission.get("case", ""), what, flaws)
    return shown


def _described(service: str, delivery: Delivery) -> Parked:
    headers, origin = delivery.headers, stated_origin(delivery)
    return Parked(
        service=service,
        message_id=delivery.message_id or "",
        type=origin.routing_key,
        request=retry_policy.request_of(delivery, origin),
        reason=str(headers.get(retry_policy.REASON, "its consumer died too often")),
        error=str(headers.get(retry_policy.ERROR, "")),
        location=str(headers.get(retry_policy.LOCATION, "")),
        attempts=retry_policy.attempts_in(headers),
        first_failure=str(headers.get(retry_policy.FIRST_FAILURE, "")),
    )
