"""
The raw floor: bare aio-pika and motor doing the same durable writes in the same batches, and nothing else.

``python -m bench.floor WORK SERVICE`` runs one service's share of it. Each message stands for an event of the
product: it is inserted where the product inserts (keys, vault, timers, claims, notes, journal), the
messages that follow it are published with confirms, and then it is acknowledged. No event is read, no letter
written, nothing sealed, no record looked at but the one that is deleted.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika
import motor.motor_asyncio as motor
import uvloop
from aio_pika.abc import AbstractIncomingMessage

BATCH = 500
ROW = b"x" * 600
"""About the size of a row of the journal."""
COLLECTIONS = ("keys", "vault", "timers", "suppressions", "copies", "claims", "notes", "journal")
LIMITS: Mapping[str, int] = {"notifier": 64}


@dataclass(frozen=True, slots=True)
class Step:
    """What one event costs at one service."""

    inserts: tuple[str, ...] = ("journal",)
    publishes: tuple[str, ...] = ()
    finds: int = 0
    deletes: int = 0


INTAKE: Mapping[str, Step] = {
    "submitted": Step(("keys", "vault", "timers", "claims", "journal"), ("received",)),
    "assessed": Step(("notes",)),
    "sent": Step(("notes",)),
    "fulfilled": Step(("timers", "journal")),
    "sent_outcome": Step(publishes=("closed",)),
}
VERIFIER: Mapping[str, Step] = {"received": Step(publishes=("assessed", "verified"))}
NOTIFIER: Mapping[str, Step] = {
    "received": Step(("notes",)),
    "assessed": Step(("claims", "journal"), ("sent",)),
    "fulfilled": Step(("claims", "journal"), ("sent_outcome",)),
}
PLANNED = Step(("vault", "journal"), ("planned",), finds=1)
FULFILLMENT: Mapping[str, Mapping[str, Step]] = {
    "opt_out_of_sale": {
        "verified": PLANNED,
        "planned": Step(("suppressions", "vault", "journal"), ("fulfilled", "opted_out")),
    },
    "erasure": {
        "verified": PLANNED,
        "planned": Step(("vault", "vault", "journal"), ("fulfilled", "erased"), finds=2, deletes=1),
    },
    "access": {"verified": Step(("vault", "vault", "copies", "journal"), ("fulfilled",), finds=1)},
}
WORKS: Mapping[str, Mapping[str, Mapping[str, Step]]] = {
    right: {"intake": INTAKE, "verifier": VERIFIER, "notifier": NOTIFIER, "fulfillment": steps}
    for right, steps in FULFILLMENT.items()
}
"""
Requests with one record, vouched for by their source: right → service → event → cost, as the product does it.

Nothing is sold of the person who opts out: they are looked up, suppressed and answered.
"""


@dataclass(slots=True)
class Share:
    """One service's share."""

    name: str
    steps: Mapping[str, Step]
    database: Any
    exchange: Any
    arrived: list[AbstractIncomingMessage]
    doorbell: asyncio.Event

    async def run(self) -> None:
        """Handle what arrives in natural batches."""
        limit = LIMITS.get(self.name, BATCH)
        while True:
            await self.doorbell.wait()
            batch, self.arrived = self.arrived[:limit], self.arrived[limit:]
            if not self.arrived:
                self.doorbell.clear()
            if batch:
                await self._handle(batch)

    async def _handle(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        steps = [(message, self.steps[message.routing_key or ""]) for message in batch]
        await self._touch(steps)
        for collection in COLLECTIONS:
            rows = [
                {"_id": f"{m.message_id}/{m.routing_key}/{n}", "row": ROW}
                for m, step in steps
                for n in range(step.inserts.count(collection))
            ]
            if rows:
                await self.database[f"{self.name}_{collection}"].insert_many(rows, ordered=False)
        await asyncio.gather(
            *(self._publish(m.message_id or "", key) for m, step in steps for key in step.publishes)
        )
        await batch[-1].channel.basic_ack(batch[-1].delivery_tag or 0, multiple=True)

    async def _touch(self, steps: Sequence[tuple[Any, Step]]) -> None:
        ids = [m.message_id for m, step in steps if step.finds]
        for _ in range(max(step.finds for _, step in steps)):
            await self.database["people"].find({"_id": {"$in": ids}}).to_list(None)
        gone = [m.message_id for m, step in steps if step.deletes]
        if gone:
            await self.database["people"].delete_many({"_id": {"$in": gone}})

    async def _publish(self, message_id: str, key: str) -> None:
        message = aio_pika.Message(ROW, message_id=message_id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self.exchange.publish(message, key, mandatory=False)


async def declare(channel: Any, work: str) -> Any:
    """Declare the exchange and a quorum queue per service."""
    exchange = await channel.declare_exchange(f"floor.{work}", "topic", durable=True)
    for name, steps in WORKS[work].items():
        queue = await channel.declare_queue(
            f"floor.{work}.{name}", durable=True, arguments={"x-queue-type": "quorum"}
        )
        for key in steps:
            await queue.bind(exchange, key)
    return exchange


async def main(work: str, name: str, amqp_url: str, mongo_url: str) -> None:
    """Run the share of the service *name* in *work* until killed."""
    client: Any = motor.AsyncIOMotorClient(mongo_url, w="majority", journal=True)
    publishing = await aio_pika.connect(amqp_url)
    consuming = await aio_pika.connect(amqp_url)
    exchange = await declare(await publishing.channel(), work)
    channel = await consuming.channel()
    await channel.set_qos(2 * LIMITS.get(name, BATCH))
    share = Share(name, WORKS[work][name], client["floor"], exchange, [], asyncio.Event())

    async def receive(message: AbstractIncomingMessage) -> None:
        share.arrived.append(message)
        share.doorbell.set()

    await (await channel.get_queue(f"floor.{work}.{name}")).consume(receive)
    print("ready", flush=True)
    await share.run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        work, name = sys.argv[1:3]
        runner.run(main(work, name, os.environ["HABEAS_AMQP_URL"], os.environ["HABEAS_MONGO_URL"]))
