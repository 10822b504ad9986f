"""Messages, and the ports to publish and consume them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = "application/cloudevents+json"
    headers: Mapping[str, Any] = field(default_factory=dict)
    mandatory: bool = True
    """Whether it is an error when no queue takes it."""
    user_id: str | None = None
    """The broker user it says it is from; the broker refuses another than the connection's."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that arrived, and its acknowledgement."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str | None
    content_type: str | None
    headers: Mapping[str, Any]
    redelivered: bool
    tag: int
    channel: object
    user_id: str | None = None
    """The broker user that has published it, as the broker has checked; None where it does not say."""


class EventPublisher(Protocol):
    """The port to publish events."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """
        Publish *messages*; return when the broker has them all on disk.

        Raises:
            BrokerUnavailable: It did not confirm all in time; some may have been taken.
            Unroutable: No queue takes a mandatory one.
        """


class Inbox(Protocol):
    """The source of a service's messages."""

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for messages; return those that have arrived, at most *limit*. Empty: stopped, and dry."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """
        Acknowledge *deliveries*; one that was settled before is passed over.

        Those of a lost channel are left: the broker delivers them again.
        """
