"""
The services on a real broker and database, one message at a time, in an order that a test chooses.

Handlers, journals, inboxes, vault, timers and mail are the product's, put together as in a process of their
own. Chance is the test's: it chooses which waiting message comes next, whether it comes twice, when a process
dies, and how time passes. So the same choices lead to the same life.
"""

import asyncio
import inspect
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest

from services.fulfillment import bootstrap as fulfillment
from services.fulfillment.erasure.window import window_ended
from services.intake import bootstrap as intake
from services.intake.cases.service import RequestService, ServiceKeys
from services.intake.cases.waiting_queue import WaitingQueue
from services.notifier import bootstrap as notifier
from services.notifier.smtp.mail_channel import SmtpChannel
from services.verifier import bootstrap as verifier
from shared.contract import topology
from shared.contract.events import DeadlineCame, TimeCame
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.broker import Bus, Consumer, Delivery, EventPublisher, Message, connection
from shared.runtime.journal import JournalRow
from shared.runtime.key_rings import derived_key
from shared.runtime.message_origin import OriginSeals
from shared.runtime.mongo import Client, connect
from shared.runtime.scheduler import Timers, row_of
from shared.runtime.seal_store import seal_keys
from shared.runtime.service import Runtime, messages_of
from shared.runtime.settings import load
from shared.runtime.staff_register import StaffKeys, StaffRegister
from shared.runtime.vault import Vault
from tests.integration.crash_points import Killed, Life, Mortal
from tests.runtime_fakes import takers

PLANS: tuple[ServicePlan[Any], ...] = (
    intake.PLANS[0],
    verifier.PLANS[0],
    fulfillment.PLANS[0],
    notifier.PLANS[0],
    notifier.CODES,
)
TIMERS: dict[str, Callable[..., Any]] = {
    "intake": DeadlineCame,
    "verifier": TimeCame,
    "fulfillment": window_ended,
}
"""Service → the event of its timers."""
WRITES = {
    "journal": ("append", "note"),
    "vault": ("create", "seal", "seal_stream", "discard", "destroy"),
    "inbox": ("settle",),
    "publisher": ("publish",),
}
"""Boundaries before and after which a process may die."""
ARRIVES_WITHIN_S = 60.0
MOST_AT_ONCE = 3
"""Messages that a service takes together, at most."""


@dataclass
class Router:
    """Publishes on the real broker, and counts what each queue gets: so a test knows what is to come."""

    bus: Bus
    coming: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, set[bytes]] = field(default_factory=dict)
    """Id of an event → what was published under it."""
    parked: list[Message] = field(default_factory=list)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish *messages*; one for a later try comes at once, as if its delay were over."""
        sent = [_without_delay(message) for message in messages]
        await self.bus.publish(sent)
        for message in sent:
            self.coming.update(queue.name for queue in takers(message.exchange, message.routing_key))
            if message.exchange == topology.PARKING:
                self.parked.append(message)
            elif message.exchange == topology.EVENTS:
                self.bodies.setdefault(message.message_id, set()).add(message.body)


def _without_delay(message: Message) -> Message:
    return replace(message, exchange=topology.REDELIVERY) if message.exchange == topology.RETRY else message


def _close(work: Coroutine[Any, Any, None]) -> None:
    """Close *work*, which has not begun, and the works that it is made of."""
    frame = inspect.getcoroutinelocals(work)
    for part in frame.get("works", ()):
        _close(part)
    work.close()


@dataclass
class HandedOut:
    """An inbox that hands out what a test has chosen, and then ends."""

    real: Consumer
    chosen: list[Delivery]
    settled: Callable[[int], None]

    async def take(self, limit: int) -> list[Delivery]:
        """Return the chosen deliveries, at most *limit*."""
        some, self.chosen = self.chosen[:limit], self.chosen[limit:]
        return some

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge *deliveries* to the broker; one that came twice counts once."""
        held = {one.tag for one in deliveries} & self.real._held
        await self.real.settle(deliveries)
        self.settled(len(held))


@dataclass
class Chance:
    """The choices of a test that do not depend on the state of a case."""

    random: random.Random
    disorder: bool = False
    """Whether messages come in another order than they were sent, or twice."""
    dies_at: float = float("inf")
    """The boundary of a write at which the process dies that handles the next messages."""


class ScheduledServices:
    """All services, at the moment that a test has chosen."""

    def __init__(self, client: Client, prefix: str, amqp_url: str, bus: Bus) -> None:
        self.client, self.prefix, self.amqp_url = client, prefix, amqp_url
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.router = Router(bus)
        self.life = Life()
        self.chance = Chance(random.Random(0))
        self.crashes = 0
        self.settings = {plan: load(plan.settings) for plan in PLANS}
        self.root_key = root = next(iter(self.settings.values())).root_key
        self.vault = Vault(client, prefix=prefix, master_key=root)
        self.staff = StaffRegister(client, prefix=prefix, keys=StaffKeys.of(root), vault=self.vault)
        self.parts: dict[str, Running] = {}
        self.consumers: dict[str, Consumer] = {}
        self.waiting: dict[str, list[Delivery]] = {}
        self.open: Counter[str] = Counter()
        """Service → messages that it has not settled."""
        self.built: dict[str, tuple[ServicePlan[Any], AsyncExitStack]] = {}

    def clock(self) -> datetime:
        """Return the moment that the test has chosen."""
        return self.now

    async def start(self) -> None:
        """Put all services together, as at the start of their processes."""
        for plan in PLANS:
            await self._start(plan)

    async def _start(self, plan: ServicePlan[Any]) -> str:
        """Put a service together; return its name."""
        platform = ServiceRuntime(
            client=self.client,
            bus=cast("Bus", self._mortal(self.router, "publisher")),
            vault=cast("Vault", self._mortal(self.vault, "vault")),
            staff=self.staff,
        )
        built = AsyncExitStack()
        part = await built.enter_async_context(plan.build(self.settings[plan], platform))
        if part.background is not None:
            _close(part.background)  # timers come when the test lets time pass
        name = part.service.name
        self.parts[name], self.built[name], self.waiting[name] = part, (plan, built), []
        self.consumers[name] = Consumer(self.amqp_url, name, prefetch=500)
        return name

    async def stop(self) -> None:
        """End all processes; the broker delivers again what they have not settled."""
        await asyncio.gather(*map(self._stop, self.parts))

    async def _stop(self, name: str) -> ServicePlan[Any]:
        plan, built = self.built[name]
        await self.consumers[name].close()
        await built.aclose()
        return plan

    async def crash(self, name: str) -> None:
        """Start the process of a service again."""
        self.crashes += 1
        self.life.last, self.chance.dies_at = float("inf"), float("inf")
        await self._start(await self._stop(name))

    @property
    def pages(self) -> RequestService:
        """The service behind the pages of requests; its clock shows the moment that the test has chosen."""
        part, key = self.parts["intake"], derived_key(self.root_key, "request ids")
        return RequestService(
            self.vault,
            cast("Any", part.journal),
            cast("EventPublisher", self.router),
            ServiceKeys(requests=key, codes=derived_key(self.root_key, "package codes")),
            cast("Any", part.service.context),
            WaitingQueue(self.client[f"{self.prefix}_intake"], {}),
            clock=self.clock,
        )

    def _mortal(self, real: Any, kind: str) -> Any:
        return Mortal(real, self.life, WRITES[kind])

    # --- messages -------------------------------------------------------------------------------------------

    async def publish(self, *messages: Message) -> None:
        """Publish *messages* as another system does."""
        await self.router.publish(messages)

    async def settle(self) -> None:
        """Let the services work until nothing is left to do now."""
        while await self._arrived():
            await self._work_on(self._next_service())

    async def _arrived(self) -> bool:
        """Wait for every message that is on its way; return whether any waits."""
        self.open.update({name: self.router.coming.pop(name, 0) for name in self.parts})
        async with asyncio.timeout(ARRIVES_WITHIN_S):
            for name, consumer in self.consumers.items():
                while len(self.waiting[name]) < self.open[name]:
                    self.waiting[name] += await consumer.take(500)
        return any(self.waiting.values())

    def _next_service(self) -> str:
        names = [name for name, some in self.waiting.items() if some]
        return self.chance.random.choice(names) if self.chance.disorder else names[0]

    async def _work_on(self, name: str) -> None:
        chosen = self._chosen(name)
        part, settled = self.parts[name], partial(self._note_settled, name, chosen)
        inbox = HandedOut(self.consumers[name], list(chosen), settled)
        self.life.passed, self.life.last = 0, self.chance.dies_at
        runtime = Runtime(
            service=part.service,
            journal=self._mortal(part.journal, "journal"),
            inbox=self._mortal(inbox, "inbox"),
            publisher=cast("EventPublisher", self._mortal(self.router, "publisher")),
            clock=self.clock,
            staff=self.staff,
            seals=OriginSeals(name, seal_keys(self.root_key, name)),
        )
        try:
            await runtime.run()
        except* Killed:
            await self.crash(name)

    def _chosen(self, name: str) -> list[Delivery]:
        """Take the next messages of a service: the oldest one, or in disorder some, perhaps one twice."""
        some = self.waiting[name]
        if not self.chance.disorder:
            return [some[0]]
        chance = self.chance.random
        chosen = chance.sample(some, chance.randint(1, min(MOST_AT_ONCE, len(some))))
        if chance.random() < 0.3:
            chosen.append(replace(chance.choice(chosen), redelivered=True))
        return chosen

    def _note_settled(self, name: str, chosen: Sequence[Delivery], count: int) -> None:
        self.open[name] -= count
        tags = {one.tag for one in chosen}
        self.waiting[name] = [one for one in self.waiting[name] if one.tag not in tags]

    # --- time -----------------------------------------------------------------------------------------------

    async def pass_time(self, by: timedelta) -> None:
        """Let time pass: each timer that is due on the way comes in its moment."""
        until = self.now + by
        while (moment := await self._next_timer(until)) is not None:
            self.now = max(self.now, moment)
            await self._publish_due()
            await self.settle()
        self.now = until

    async def _next_timer(self, until: datetime) -> datetime | None:
        wanted = {"published": False, "at": {"$lte": until}}
        found = [
            await self.client[f"{self.prefix}_{name}"]["timers"].find_one(wanted, sort=[("at", 1)])
            for name in TIMERS
        ]
        return min((one["at"] for one in found if one is not None), default=None)

    async def _publish_due(self) -> None:
        for name, event in TIMERS.items():
            timers = Timers(self.client[f"{self.prefix}_{name}"])
            due = await timers.due(self.now)
            rows = [row_of(timer, event) for timer in due]
            await self.publish(*(message for row in rows for message in messages_of(row, name)))
            await timers.mark_published(due)

    # --- what came out --------------------------------------------------------------------------------------

    async def histories(self, cases: set[str]) -> dict[str, dict[str, list[JournalRow]]]:
        """Return the rows of each case in the journal of each service."""
        journals: list[Any] = [part.journal for part in self.parts.values()]
        found = await asyncio.gather(*(journal.histories(cases) for journal in journals))
        return {
            name: {case: rows.get(case, []) for case in cases}
            for name, rows in zip(self.parts, found, strict=True)
        }

    async def forget_timers(self) -> None:
        """Remove all timers: no case of before goes on."""
        for name in TIMERS:
            await self.client[f"{self.prefix}_{name}"]["timers"].delete_many({})


@asynccontextmanager
async def scheduled_services(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ScheduledServices]:
    """Run the services with the settings *environment* until the end of the block."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    amqp_url = environment["HABEAS_AMQP_URL"]
    client = connect(environment["HABEAS_MONGO_URL"], app_name="habeas-tests")
    bus = Bus(amqp_url, name="scheduled services")
    services = ScheduledServices(client, environment["HABEAS_DATABASE_PREFIX"], amqp_url, bus)

    class MortalChannel(SmtpChannel):
        """A channel whose process may die before or after it has handed a letter over."""

        async def send(self, sender: str, recipient: str, message: bytes) -> str:
            services.life.passes()
            answer = await super().send(sender, recipient, message)
            services.life.passes()
            return answer

    monkeypatch.setattr(notifier, "SmtpChannel", MortalChannel)
    # The loop stands still while a test thinks; the broker would end connections that answer nothing.
    monkeypatch.setattr(connection, "HEARTBEAT_S", 0)
    await services.staff.prepare()
    await services.vault.prepare()
    try:
        await services.start()
        for part in services.parts.values():
            await part.journal.prepare()
        yield services
    finally:
        await services.stop()
        await bus.close()
        client.close()
