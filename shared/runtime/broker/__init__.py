"""
The only package that speaks AMQP.

It publishes in confirmed batches and hands out deliveries in natural batches. It knows no event and
decides nothing; the outcome of a message is ``shared.runtime.service``'s business.

Facts this rests on (tried on RabbitMQ 4.0 and aio-pika 10): a publication that no queue takes is silent
unless the channel raises on returns; a returned message is matched by its message id, so no two in flight
may share one; acknowledging on another channel than the one that delivered is an error; a confirm may
never come, so every wait has a limit; flow control stops a whole connection, so publishing and consuming
each have their own.
"""

from shared.runtime.broker.connection import QueueSize, connect, sizes_of, translated, user_of
from shared.runtime.broker.declarations import (
    QueueFault,
    declare,
    delete_idle_queue,
    queue_faults,
    unbind,
)
from shared.runtime.broker.messages import Delivery, EventPublisher, Inbox, Message
from shared.runtime.broker.publisher import Bus
from shared.runtime.broker.subscriber import Consumer, Parking

__all__ = [
    "Bus",
    "Consumer",
    "Delivery",
    "EventPublisher",
    "Inbox",
    "Message",
    "Parking",
    "QueueFault",
    "QueueSize",
    "connect",
    "declare",
    "delete_idle_queue",
    "queue_faults",
    "sizes_of",
    "translated",
    "unbind",
    "user_of",
]
