"""The queues of an installation: how many messages wait, and how many consumers take them."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contract.topology import console_queues, inboxes, parking_of, queues
from shared.runtime.broker import QueueSize, sizes_of


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as the page shows it."""

    name: str
    messages: int
    consumers: int
    parking: bool
    delays: bool

    @property
    def healthy(self) -> bool:
        """Whether nothing is parked, and a consumer takes the messages of a service."""
        return self.messages == 0 if self.parking else self.delays or self.consumers > 0


async def queue_states(amqp_url: str) -> Sequence[QueueState]:
    """Return the state of every queue; raise BrokerUnavailable if the broker does not answer."""
    names = [queue.name for queue in (*console_queues(), *queues())]
    return [_state(size) for size in await sizes_of(amqp_url, names)]


async def parked_count(amqp_url: str) -> int:
    """Return the number of parked messages; raise BrokerUnavailable if the broker does not answer."""
    return sum(size.messages for size in await sizes_of(amqp_url, map(parking_of, inboxes())))


def _state(size: QueueSize) -> QueueState:
    parking, delays = size.name.endswith(".parking"), size.name.startswith("habeas.retry.")
    return QueueState(size.name, size.messages, size.consumers, parking, delays)
