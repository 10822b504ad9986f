"""
Parked messages: what could not be handled, why, and what an administrator does about each.

A replayed message goes back to its service as its publisher sent it. A message about a purged case is only
discarded: it would begin the case again. Each action is a decision of the account in intake's journal; the
record here has the message and the reason.
"""

import asyncio
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from time import monotonic

import orjson

from services.console.read_model.histories import CaseHistories
from shared.contract.catalogue import catalogue
from shared.contract.events import Code, MessageRepaired, breaches
from shared.contract.staff import TEXT_SALT_BYTES, written_item
from shared.contract.topology import inboxes, parking_of
from shared.errors import HabeasError, TransientError
from shared.runtime import retry_policy
from shared.runtime.broker import Delivery, Parking, sizes_of
from shared.runtime.message_origin import stated_origin
from shared.runtime.mongo import Database, Document, IndexModel, translated

CASE_ID = re.compile("[0-9a-f]{32}")
INCIDENT_TYPES = frozenset(kind.TYPE for kind in catalogue() if kind.__module__ == breaches.__name__)
READ_EVERY_S = 10.0
MOST_READ = 500
"""Messages of one queue that are read for the pages of cases."""
MOST_SHOWN = 6
"""Messages of one queue that are listed: a page has those of all queues, and at most 200 kB."""


class RepairAction(StrEnum):
    """An action on a parked message."""

    REPLAY = "replay"
    DISCARD = "discard"


class RepairRefused(HabeasError):
    """A parked message is not there any more, or must not be replayed."""


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message that could not be handled."""

    service: str
    id: str
    """Chosen by its publisher, and empty if it has chosen none: others may have the same."""
    digest: str
    """SHA-256 of id and body: messages that agree in it are the same."""
    type: str
    case: str | None
    reason: str
    error: str
    """Class of the error; empty if the broker parked the message."""
    location: str
    """Module, function and line that raised it."""
    attempts: int
    first_failure: str

    @property
    def of_incident(self) -> bool:
        """Whether its case is an incident: all events of incidents have these types."""
        return self.type in INCIDENT_TYPES


class ParkedMessages:
    """The parking queues of an installation."""

    def __init__(self, amqp_url: str, histories: CaseHistories, database: Database) -> None:
        """Read the queues at *amqp_url*, and record actions in *database*."""
        self._url = amqp_url
        self._histories = histories
        self._repairs = database["repairs"]
        self._known: Sequence[ParkedMessage] = ()
        self._read_until = 0.0
        self._reading = asyncio.Lock()

    async def prepare(self) -> None:
        """Create the indexes of the record."""
        with translated("index the repairs"):
            await self._repairs.create_indexes([IndexModel("message"), IndexModel("at")])

    async def all(
        self, services: Iterable[str] | None = None, most: int = MOST_SHOWN
    ) -> Sequence[ParkedMessage]:
        """
        Return the parked messages of *services*, or of all, *most* of each; they stay where they are.

        Raises:
            BrokerUnavailable: The broker does not answer.
        """
        found: list[ParkedMessage] = []
        for service in inboxes() if services is None else services:
            async with Parking(self._url, parking_of(service)) as parking:
                shown = 0
                async for delivery in parking:
                    found.append(_described(service, delivery))
                    shown += 1
                    if shown >= most:
                        break
        return found

    async def of_case(self, case: str) -> Sequence[ParkedMessage]:
        """
        Return the parked messages about *case*, as they were some seconds ago; none if the broker is away.

        The page of a case is shown often: the queues are not read for each, and no page waits for another
        that reads them.
        """
        if monotonic() >= self._read_until and not self._reading.locked():
            async with self._reading:
                try:
                    self._known = await self._read()
                except TransientError:
                    self._known = ()
                self._read_until = monotonic() + READ_EVERY_S
        return [one for one in self._known if one.case == case]

    async def _read(self) -> Sequence[ParkedMessage]:
        sizes = await sizes_of(self._url, map(parking_of, inboxes()))
        full = {size.name for size in sizes if size.messages}
        return await self.all([one for one in inboxes() if parking_of(one) in full], most=MOST_READ)

    async def repair(self, wanted: ParkedMessage, action: RepairAction, repair: Document) -> None:
        """
        Replay or discard one message, and record *repair* before.

        Raises:
            RepairRefused: The message is not there any more, or its case is purged and it is to be replayed.
            BrokerUnavailable: The broker does not answer.
        """
        async with Parking(self._url, parking_of(wanted.service)) as parking:
            async for delivery in parking:
                if _digest_of(delivery) != wanted.digest:
                    continue
                case = _case_of(delivery)
                if action is RepairAction.REPLAY and case and await self._histories.is_purged(case):
                    raise RepairRefused("its case is purged: discard it")
                with translated("record a repair"):
                    await self._repairs.insert_one({**repair, "case": case})
                if action is RepairAction.REPLAY:
                    await parking.hand_back(delivery)
                else:
                    await parking.remove(delivery)
                return
        raise RepairRefused("the message is not parked any more")

    async def repairs(self, most: int = 50) -> Sequence[Document]:
        """Return the last actions, the newest first."""
        with translated("read the repairs"):
            return await self._repairs.find({}).sort("at", -1).to_list(most)


def repair_record(
    message: ParkedMessage, action: RepairAction, account: str, reason: str, at: datetime
) -> Document:
    """Return the record of an action."""
    return {
        "at": at,
        "account": account,
        "action": action.value,
        "reason": reason,
        "service": message.service,
        "message": message.id,
        "digest": message.digest,
        "salt": secrets.token_hex(TEXT_SALT_BYTES),
    }


def repair_decision(record: Document) -> MessageRepaired:
    """Return the unsigned decision of the action in *record*, which it names by a digest."""
    return MessageRepaired(
        request_id=secrets.token_hex(16),
        by=record["account"],
        service=record["service"],
        replayed=record["action"] == RepairAction.REPLAY,
        content=content_of(record),
    )


def content_of(record: Document) -> Code:
    """Return the digest of message and reason in *record*, after its salt."""
    named = orjson.dumps([record["message"], record["digest"], record["reason"]])
    return written_item(bytes.fromhex(record["salt"]) + named)


def _described(service: str, delivery: Delivery) -> ParkedMessage:
    headers = delivery.headers
    return ParkedMessage(
        service,
        delivery.message_id or "",
        _digest_of(delivery),
        stated_origin(delivery).routing_key,
        _case_of(delivery),
        str(headers.get(retry_policy.REASON, "its consumer died too often")),
        str(headers.get(retry_policy.ERROR, "")),
        str(headers.get(retry_policy.LOCATION, "")),
        retry_policy.attempts_in(headers),
        str(headers.get(retry_policy.FIRST_FAILURE, "")),
    )


def _digest_of(delivery: Delivery) -> str:
    return sha256(orjson.dumps(delivery.message_id) + delivery.body).hexdigest()


def _case_of(delivery: Delivery) -> str | None:
    """Return the request that a message names; None if it does not read."""
    try:
        known = orjson.loads(delivery.body)
    except orjson.JSONDecodeError:
        return None
    named = known.get("correlationid") if isinstance(known, dict) else None
    return named if isinstance(named, str) and CASE_ID.fullmatch(named) else None
