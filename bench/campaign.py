"""
A campaign under measurement: ``python -m bench.campaign [PEOPLE]``; ``--help`` says what can be changed.

First the rate: rounds of the raw floors (``bench.campaign_floor``) and of ours in turn, on the same machine
with the same mail server (``bench.servers``). Then the guarantee: one campaign to all, during which the
service is killed over and over and the broker is killed once; whom the server took how many letters for is
counted afterwards.

Says of each goal (``bench.campaign_goals``) whether it was reached. Ends with 1 where anybody was missed, or
written to twice beyond what the ledger calls doubtful, or more is doubtful than may be, or the service takes
too much memory.
"""

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.breach_fixture import Breach, address, seal
from bench.campaign_goals import Goal, Kept, guarantees, memory
from bench.campaign_goals import rates as rated
from bench.fault_injection import Worker
from bench.figures import Figure, figure, out, report
from bench.installation import MASTER_KEY, Ground, environment
from bench.processes import cpu_seconds, resident_mib
from bench.servers import SERVERS, Server, serving
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process
from habeas.embedded.stack import Stack, StackPart
from shared.contract.affected_people import MOST_IN_BATCH
from shared.contract.envelope import encode
from shared.contract.events.breaches import BreachNotified
from shared.contract.topology import EVENTS
from shared.runtime.broker import Bus, Message, declare
from shared.runtime.mongo import Collection, Document, connect
from shared.runtime.vault import Vault

FLOORS = {
    "bare letters": "bare",
    "the client's own sendmail": "client",
}
"""What ours is measured beside → the way of ``bench.campaign_floor``."""
LOOK_S = 0.05
SETTLED_S = 1.0
ENDS_WITHIN_S = 1800.0


@dataclass(frozen=True, slots=True)
class Order:
    """How large a run is."""

    people: int
    rounds: int
    kills: int
    connections: int
    seed: int = 1
    latency_ms: int = 0
    """How long the sink takes to accept a letter: what is under way when somebody is killed."""
    server: str = "sink"
    """Which of ``bench.servers.SERVERS`` takes the letters."""


@dataclass(slots=True)
class KillCounts:
    """What was killed, and what memory the service took meanwhile."""

    kills: int = 0
    restarts: int = 0
    memory_mib: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Rates:
    """Letters a second."""

    ours: list[float] = field(default_factory=list)
    floors: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FLOORS})

    def figures(self) -> list[Figure]:
        """Return ours beside each floor."""
        return [
            figure(f"notices of a breach, beside {name}", self.ours, "letters/s", floor)
            for name, floor in self.floors.items()
            if self.ours
        ]


@dataclass(frozen=True, slots=True)
class Field:
    """Broker, database, mail server and the notifier."""

    here: Ground
    bus: Bus
    worker: Worker
    server: Server
    sink: Process
    connections: int

    @property
    def vault(self) -> Vault:
        """The vault."""
        return Vault(self.here.client, prefix="habeas", master_key=MASTER_KEY)

    @property
    def ledgers(self) -> Collection:
        """The ledgers."""
        return self.here.client["habeas_campaigns"]["ledgers"]

    async def release(self, breach: Breach) -> None:
        """Let the notices of *breach* go."""
        fact = breach.released()
        body = encode(fact, id=breach.incident, source="bench", time=_now())
        await self.bus.publish([Message(EVENTS, fact.TYPE, body, breach.incident)])

    async def written(self, breach: Breach) -> int:
        """Return how many are on record as written to."""
        sums = {"$group": {"_id": None, "sent": {"$sum": "$sent"}}}
        cursor = self.ledgers.aggregate([{"$match": {"incident": breach.incident}}, sums])
        return sum([group["sent"] async for group in cursor])

    async def letters_per_update(self, breach: Breach) -> float:
        """Return how many letters an update of a ledger stood for."""
        found = self.ledgers.find({"incident": breach.incident})
        return breach.people / sum([int(ledger["step"]) async for ledger in found])

    async def ended(self, breach: Breach) -> bool:
        """Return whether it is on record that everybody was written to."""
        told = {"facts.type": BreachNotified.TYPE, "case": {"$regex": f"^{breach.incident}"}}
        return await self.here.client["habeas_chunks"]["journal"].find_one(told, {"_id": 1}) is not None


@asynccontextmanager
async def prepared(folder: Path, order: Order) -> AsyncIterator[Field]:
    """Start broker, database, the mail server and the notifier."""
    stack = Stack(folder / "stack")
    client = connect(stack.mongo_url, app_name="habeas-bench")
    bus = Bus(stack.amqp_url, name="bench publishes")
    async with (
        serving(order.server, order.latency_ms) as (server, sink),
        httpx.AsyncClient(timeout=5) as http,
    ):
        here = Ground(stack, folder, client, f"smtp://{HOST}:{server.port}")
        worker = _worker(here, http, order.connections)
        try:
            await asyncio.gather(*(stack.start(part) for part in (StackPart.BROKER, StackPart.DATABASE)))
            await declare(stack.amqp_url)
            await worker.start()
            yield Field(here, bus, worker, server, sink, order.connections)
        finally:
            await worker.stop()
            await bus.close()
            client.close()
            await stack.stop()


def _worker(here: Ground, http: httpx.AsyncClient, connections: int) -> Worker:
    port = free_port()
    settings = {
        **os.environ,
        **environment(here),
        "HABEAS_HTTP_PORT": "0",
        "HABEAS_OPS_PORT": str(port),
        "HABEAS_NOTICE_CONNECTIONS": str(connections),
    }
    command = (sys.executable, "-m", "habeas", "serve", "notifier")
    log = here.folder / "notifier.log"
    return Worker("notifier", Command(command, Path.cwd(), log, settings), f"http://{HOST}:{port}", http)


async def rate(ground: Field, order: Order, counts: KillCounts) -> Rates:
    """Measure the rate, ours beside the floors' in each round; *counts* hears what memory ours takes."""
    each, rates = order.people // order.rounds, Rates()
    for number in range(order.rounds):
        breach = await seal(ground.vault, each)
        await asyncio.to_thread(ground.server.forget)
        used = {name: await _floor(ground, way, each) for name, way in FLOORS.items()}
        for name, (seconds, _) in used.items():
            rates.floors[name].append(each / seconds)
        before = _cpu(ground)
        rates.ours.append(each / await _campaign(ground, breach, counts))
        spent = [1e6 * (now - was) / each for now, was in zip(_cpu(ground), before, strict=True)]
        parts = dict(zip(("service", "database", "broker", "sink"), spent, strict=True))
        floors = {name: 1e6 * cpu / each for name, (_, cpu) in used.items()}
        out.print(
            f"round {number + 1} of {order.rounds}: {rates.ours[-1]:.0f}/s, "
            f"{await ground.letters_per_update(breach):.0f} letters an update; µs of CPU a letter: "
            + ", ".join(f"{name} {cpu:.0f}" for name, cpu in (parts | floors).items())
        )
    return rates


def _cpu(ground: Field) -> tuple[float, ...]:
    process = ground.worker.process
    parts = ground.here.parts
    pids = (
        process.pid if process else 0,
        parts[StackPart.DATABASE],
        parts[StackPart.BROKER],
        ground.sink.pid,
    )
    return tuple(cpu_seconds([pid]) for pid in pids)


async def _floor(ground: Field, way: str, count: int) -> tuple[float, float]:
    """Return how many seconds the floor takes for *count* letters, and how many of a processor."""
    arguments = (way, ground.here.smtp_url, str(ground.connections), str(count))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.campaign_floor", *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    seconds, used = map(float, said.split())
    return seconds, used


async def _campaign(ground: Field, breach: Breach, counts: KillCounts) -> float:
    """Return how many seconds it takes until everybody is written to."""
    began = time.perf_counter()
    await ground.release(breach)
    while not await ground.ended(breach):
        _weigh(ground, counts)
        await asyncio.sleep(LOOK_S)
        if time.perf_counter() - began > ENDS_WITHIN_S:
            raise SystemExit("bench: the campaign does not end")
    return time.perf_counter() - began


def _weigh(ground: Field, counts: KillCounts) -> None:
    process = ground.worker.process
    if process is not None and process.running:
        with suppress(FileNotFoundError):  # killed this very moment
            counts.memory_mib.append(resident_mib([process.pid]))


async def guarantee(ground: Field, order: Order, counts: KillCounts) -> Kept:
    """Write to all while the service is killed, which *counts* hears of; return what was kept."""
    breach = await seal(ground.vault, order.people)
    await asyncio.to_thread(ground.server.forget)
    killing = asyncio.create_task(_kill(ground, breach, order, counts))
    seconds = await _campaign(ground, breach, counts)
    killing.cancel()
    await asyncio.wait([killing])
    await _settled(ground.server)
    return await _kept(ground, breach, seconds, counts.kills * ground.connections)


async def _settled(server: Server) -> None:
    """Wait until *server* has noted all that it took: it does so now and then."""
    before: Mapping[str, list[str]] = {}
    while before != (noted := await asyncio.to_thread(server.letters)):
        before = noted
        await asyncio.sleep(SETTLED_S)


async def _kill(ground: Field, breach: Breach, order: Order, counts: KillCounts) -> None:
    """Kill the service, and once the broker as well, when as many are written to as the dice say."""
    dice = random.Random(order.seed)
    moments = sorted(dice.uniform(0.02, 0.95) * breach.people for _ in range(order.kills))
    for number, moment in enumerate(moments):
        while await ground.written(breach) < moment:  # noqa: ASYNC110 - a database rings no bell
            await asyncio.sleep(LOOK_S)
        await ground.worker.kill()
        counts.kills += 1
        if number == order.kills // 2:
            await ground.here.stack.kill(StackPart.BROKER)
            counts.restarts += 1
            await ground.here.stack.start(StackPart.BROKER)
        await ground.worker.start()


async def _kept(ground: Field, breach: Breach, seconds: float, bound: int) -> Kept:
    letters = await asyncio.to_thread(ground.server.letters)
    expected = {address(number) for number in range(breach.people)}
    copies = Counter({recipient: len(ids) - 1 for recipient, ids in letters.items()})
    ledgers = ground.ledgers.find({"incident": breach.incident})
    doubts: Counter[str] = Counter()
    async for ledger in ledgers:
        doubts.update(address(_place(ledger, number)) for number in ledger["doubt"])
    return Kept(
        people=breach.people,
        missed=len(expected - letters.keys()),
        doubled=copies.total(),
        strangers=len(letters.keys() - expected),
        renamed=sum(len(set(ids)) > 1 for ids in letters.values()),
        unforeseen=(copies - doubts).total(),
        doubtful=doubts.total(),
        bound=bound,
        seconds=seconds,
    )


def _place(ledger: Document, number: int) -> int:
    return int(ledger["chunk"]) * MOST_IN_BATCH + number


def _now() -> datetime:
    return datetime.now(UTC)


async def main(order: Order, folder: Path) -> int:
    """Measure, print, and return the exit code."""
    counts, rates = KillCounts(), Rates()
    goals: list[Goal] = []
    async with prepared(folder, order) as ground:
        if order.rounds:
            rates = await rate(ground, order, counts)
        if order.kills:
            kept = await guarantee(ground, order, counts)
            out.print(f"{kept}\nkilled {counts.kills} times, the broker {counts.restarts} times")
            goals += guarantees(kept)
    goals += [*memory(counts.memory_mib), *rated(rates.ours, rates.floors)]
    report([*rates.figures(), figure("memory of the service, at most", [max(counts.memory_mib)], "MiB")])
    for goal in goals:
        out.print(f"goal: {goal}")
    return 1 if any(goal.must and not goal.reached for goal in goals) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("people", type=int, nargs="?", default=200_000, help="people (200000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of ours and the floor; 0: none (5)")
    parser.add_argument("--kills", type=int, default=10, help="kills in the run after that; 0: none (10)")
    parser.add_argument(
        "--connections", type=int, default=128, help="connections of ours and the floor (128)"
    )
    parser.add_argument("--seed", type=int, default=1, help="when is killed (1)")
    parser.add_argument("--server", choices=SERVERS, default="sink", help="who takes the letters (sink)")
    told = parser.parse_args()
    order = Order(told.people, told.rounds, told.kills, told.connections, told.seed, server=told.server)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # the broker is killed under it
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(asyncio.run(main(order, Path(scratch))))
