"""
The origin of a message, and the seal under which it survives retries and parking.

A message that comes again is published by the service that failed to handle it: the broker vouches for that
service, and no longer for the first publisher. Headers carry the origin meanwhile, and the account of the
service can write them. So the service seals them, with a key that is in none of the broker's accounts.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.contract import topology
from shared.runtime.broker import Delivery, Message

EXCHANGE = "x-habeas-exchange"
ROUTING_KEY = "x-habeas-routing-key"
USER = "x-habeas-user"
SEAL = "x-habeas-seal"
UNBELIEVED = "the origin that its headers state has no seal of this service"
"""Reason of a parked message whose origin is not believed."""
_FORMAT = "origin 1"


@dataclass(frozen=True, slots=True)
class Origin:
    """The first publication of a message."""

    exchange: str
    routing_key: str
    user: str | None = None
    """The broker user that published it, as the broker has checked."""

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that state it, without a seal."""
        user = {} if self.user is None else {USER: self.user}
        return {EXCHANGE: self.exchange, ROUTING_KEY: self.routing_key, **user}


def stated_origin(delivery: Delivery) -> Origin:
    """
    Return the origin that a message states, for a listing: its seal is not verified.

    A message that the broker parked, after deliveries that killed their consumer, carries the publisher's
    headers: of that one the broker itself states the origin.
    """
    return _moved_by_broker(delivery) or Origin(
        exchange=str(delivery.headers.get(EXCHANGE, delivery.exchange)),
        routing_key=str(delivery.headers.get(ROUTING_KEY, delivery.routing_key)),
        user=None if (user := delivery.headers.get(USER)) is None else str(user),
    )


def stated_headers(delivery: Delivery) -> dict[str, str]:
    """Return the headers about the origin, and its seal, as *delivery* has them."""
    names = (EXCHANGE, ROUTING_KEY, USER, SEAL)
    return {name: str(delivery.headers[name]) for name in names if name in delivery.headers}


def publishers_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the publisher's headers. Those of the broker (``x-death`` …) describe one journey only."""
    return {
        name: value
        for name, value in headers.items()
        if not name.startswith("x-") and isinstance(value, str | int | bool)
    }


@dataclass(frozen=True, slots=True)
class OriginSeals:
    """The seals of one service."""

    service: str
    keys: Sequence[bytes] = field(repr=False)
    """The first one seals; each of them verifies."""
    unsealed_until: datetime | None = None
    """The end of the time in which messages of an earlier release, which have no seal, are believed."""

    def sealed(self, message: Message, origin: Origin) -> dict[str, str]:
        """
        Return the headers that carry *origin* with *message*.

        The seal covers all that decides how the message is read: another body, id, content type or header of
        the publisher (in binary mode these name the event), and another queue, break it.
        """
        digest = _digest(self.keys[0], self.service, origin, message)
        return {**origin.headers, SEAL: digest}

    def origin_of(self, delivery: Delivery, now: datetime) -> Origin | None:
        """
        Return where *delivery* was first published; None where that is stated without a seal of ours.

        Our headers count only where our accounts alone publish: an upstream system that could name an
        exchange in a header could pass a submission off as a fact.
        """
        if delivery.exchange != topology.REDELIVERY:
            return Origin(delivery.exchange, delivery.routing_key, delivery.user_id)
        moved = _moved_by_broker(delivery)
        if moved is not None:
            return moved
        return (
            stated_origin(delivery) if self._is_sealed(delivery) or self._is_earlier(delivery, now) else None
        )

    def _is_sealed(self, delivery: Delivery) -> bool:
        shown, origin, message = (
            str(delivery.headers.get(SEAL, "")),
            stated_origin(delivery),
            _again(delivery),
        )
        digests = [_digest(key, self.service, origin, message) for key in self.keys]
        return any(hmac.compare_digest(shown.encode(), one.encode()) for one in digests)

    def _is_earlier(self, delivery: Delivery, now: datetime) -> bool:
        unsealed = SEAL not in delivery.headers
        return unsealed and self.unsealed_until is not None and now < self.unsealed_until


def _digest(key: bytes, service: str, origin: Origin, message: Message) -> str:
    """Return the keyed digest of what a seal covers, in a form that no two different ones share."""
    covered = [
        _FORMAT,
        service,
        [origin.exchange, origin.routing_key, origin.user],
        message.message_id,
        message.content_type,
        sha256(message.body).hexdigest(),
        sorted(publishers_headers(message.headers).items()),
    ]
    return hmac.digest(key, json.dumps(covered).encode(), "sha256").hex()


def _again(delivery: Delivery) -> Message:
    """Return *delivery* as it was published to come again."""
    return Message(
        delivery.exchange,
        delivery.routing_key,
        delivery.body,
        delivery.message_id or "",
        delivery.content_type or "",
        delivery.headers,
    )


def _moved_by_broker(delivery: Delivery) -> Origin | None:
    """
    Return the first publication of a message that the broker alone has moved since; None of another one.

    The broker writes each move into ``x-death``, with the exchange that the message had come by. A message
    that an account has put into a retry or parking queue shows that exchange there, whatever else it states.
    """
    stated = delivery.headers.get("x-death")
    deaths = [one for one in stated if isinstance(one, Mapping)] if isinstance(stated, list) else []
    if any(one.get("exchange") in (topology.RETRY, topology.PARKING) for one in deaths):
        return None
    for one in deaths:
        if one.get("exchange") in (topology.REQUESTS, topology.EVENTS):
            return Origin(str(one["exchange"]), str(one["routing-keys"][0]), delivery.user_id)
    return None
