"""
A campaign under measurement: ``python -m bench.campaign [PEOPLE]``; ``--help`` says what can be changed.

First the rate: rounds of the raw floor (``bench.campaign_floor``) and of ours in turn, on the same machine
with the same sink. Then the guarantee: one campaign to all, during which the service is killed over and over
and the broker is killed once; whom the sink took how many letters for is counted afterwards. Ends with 1
where anybody was missed, or written to twice beyond what the ledger calls doubtful, or more is doubtful than
may be, or the service takes too much memory.
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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.figures import Figure, figure, out, report
from bench.notices import Breach, address, letters_in, seal
from bench.processes import cpu_seconds, resident_mib
from bench.victims import Worker
from bench.works import MASTER_KEY, WITHIN, Ground, environment
from habeas.parts.ports import HOST, dial, free_port
from habeas.parts.process import Command, Process
from habeas.stack import Part, Stack
from shared.affected import CHUNK
from shared.bus import Bus, Message, declare
from shared.envelope import encode
from shared.incidents import BreachNotified
from shared.mongo import Collection, Document, connect
from shared.topology import EVENTS
from shared.vault import Vault

MEMORY_MIB = 300
LOOK_S = 0.05
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


@dataclass(slots=True)
class Toll:
    """What was killed, and what memory the service took meanwhile."""

    kills: int = 0
    restarts: int = 0
    memory_mib: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the sink and the ledgers say in the end."""

    people: int
    missed: int
    doubled: int
    """Letters that came once more."""
    strangers: int
    renamed: int
    """Letters that came again with another Message-ID."""
    unforeseen: int
    """Of those that came once more: how many are not doubtful in the ledger."""
    doubtful: int
    bound: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether nobody was missed, and nobody written to twice beyond what is known and bounded."""
        wrong = self.missed + self.strangers + self.renamed + self.unforeseen
        return not wrong and self.doubled <= self.doubtful <= self.bound


@dataclass(frozen=True, slots=True)
class Field:
    """Broker, database, sink and the notifier."""

    here: Ground
    bus: Bus
    worker: Worker
    log: Path
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
    """Start broker, database, a sink that keeps a log, and the notifier."""
    stack, port, log = Stack(folder / "stack"), free_port(), folder / "taken.log"
    arguments = (sys.executable, "-m", "bench.sink", str(port), str(log), str(order.latency_ms))
    sink = await Process.start(Command(arguments, Path.cwd(), folder / "sink.log"))
    client = connect(stack.mongo_url, app_name="habeas-bench")
    bus = Bus(stack.amqp_url, name="bench publishes")
    here = Ground(stack, folder, client, f"smtp://{HOST}:{port}")
    async with httpx.AsyncClient(timeout=5) as http:
        worker = _worker(here, http, order.connections)
        try:
            await sink.until(lambda: dial(port), WITHIN)
            await asyncio.gather(*(stack.start(part) for part in (Part.BROKER, Part.DATABASE)))
            await declare(stack.amqp_url)
            await worker.start()
            yield Field(here, bus, worker, log, order.connections)
        finally:
            await worker.stop()
            await bus.close()
            client.close()
            await sink.stop(WITHIN)
            await stack.stop()


def _worker(here: Ground, http: httpx.AsyncClient, connections: int) -> Worker:
    port = free_port()
    settings = {
        **os.environ,
        **environment(here),
        "HABEAS_HTTP_PORT": str(port),
        "HABEAS_NOTICE_CONNECTIONS": str(connections),
    }
    command = (sys.executable, "-m", "habeas", "serve", "notifier")
    log = here.folder / "notifier.log"
    return Worker("notifier", Command(command, Path.cwd(), log, settings), f"http://{HOST}:{port}", http)


async def rate(ground: Field, order: Order) -> list[Figure]:
    """Measure the rate, ours beside the floor's in each round, and what memory ours takes."""
    each, toll = order.people // order.rounds, Toll()
    ours: list[float] = []
    floors: list[float] = []
    clients: list[float] = []
    for number in range(order.rounds):
        breach = await seal(ground.vault, each)
        client, _ = await _floor(ground, "client", each)
        clients.append(each / client)
        seconds, used = await _floor(ground, "bare", each)
        floors.append(each / seconds)
        before = _cpu(ground)
        seconds = await _campaign(ground, breach, toll)
        ours.append(each / seconds)
        spent = [round(1e6 * (now - was) / each) for now, was in zip(_cpu(ground), before, strict=True)]
        out.print(
            f"round {number + 1} of {order.rounds}: {ours[-1]:.0f}/s, bare {floors[-1]:.0f}/s, "
            f"the client {clients[-1]:.0f}/s; "
            f"µs of CPU a letter: service, database, broker {spent}, bare {1e6 * used / each:.0f}; "
            f"{await ground.letters_per_update(breach):.0f} letters an update"
        )
    return [
        figure("notices of a breach, beside bare letters", ours, "letters/s", floors),
        figure("the same, beside the client's own sendmail", ours, "letters/s", clients),
        figure("memory of the service meanwhile, at most", [max(toll.memory_mib)], "MiB"),
    ]


def _cpu(ground: Field) -> tuple[float, ...]:
    process = ground.worker.process
    parts = ground.here.parts
    pids = (process.pid if process else 0, parts[Part.DATABASE], parts[Part.BROKER])
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


async def _campaign(ground: Field, breach: Breach, toll: Toll) -> float:
    """Return how many seconds it takes until everybody is written to."""
    began = time.perf_counter()
    await ground.release(breach)
    while not await ground.ended(breach):
        _weigh(ground, toll)
        await asyncio.sleep(LOOK_S)
        if time.perf_counter() - began > ENDS_WITHIN_S:
            raise SystemExit("bench: the campaign does not end")
    return time.perf_counter() - began


def _weigh(ground: Field, toll: Toll) -> None:
    process = ground.worker.process
    if process is not None and process.running:
        toll.memory_mib.append(resident_mib([process.pid]))


async def guarantee(ground: Field, order: Order) -> tuple[Kept, Toll]:
    """Write to all while the service is killed; return what was kept."""
    toll = Toll()
    breach = await seal(ground.vault, order.people)
    ground.log.unlink(missing_ok=True)
    killing = asyncio.create_task(_kill(ground, breach, order, toll))
    seconds = await _campaign(ground, breach, toll)
    killing.cancel()
    await asyncio.wait([killing])
    await asyncio.sleep(1)  # the sink writes its log now and then
    return await _kept(ground, breach, seconds, toll.kills * ground.connections), toll


async def _kill(ground: Field, breach: Breach, order: Order, toll: Toll) -> None:
    """Kill the service, and once the broker as well, when as many are written to as the dice say."""
    dice = random.Random(order.seed)
    moments = sorted(dice.uniform(0.02, 0.95) * breach.people for _ in range(order.kills))
    for number, moment in enumerate(moments):
        while await ground.written(breach) < moment:  # noqa: ASYNC110 - a database rings no bell
            await asyncio.sleep(LOOK_S)
        await ground.worker.kill()
        toll.kills += 1
        if number == order.kills // 2:
            await ground.here.stack.kill(Part.BROKER)
            toll.restarts += 1
            await ground.here.stack.start(Part.BROKER)
        await ground.worker.start()


async def _kept(ground: Field, breach: Breach, seconds: float, bound: int) -> Kept:
    letters = letters_in(ground.log.read_bytes())
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
    return int(ledger["chunk"]) * CHUNK + number


def _now() -> datetime:
    return datetime.now(UTC)


async def main(order: Order, folder: Path) -> int:
    """Measure, print, and return the exit code."""
    async with prepared(folder, order) as ground:
        figures = await rate(ground, order) if order.rounds else []
        sound = True
        if order.kills:
            kept, toll = await guarantee(ground, order)
            figures.append(figure("memory while it is killed, at most", [max(toll.memory_mib)], "MiB"))
            out.print(f"{kept}\nkilled {toll.kills} times, the broker {toll.restarts} times")
            sound = kept.sound
    report(figures)
    return 0 if sound else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("people", type=int, nargs="?", default=200_000, help="people (200000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of ours and the floor; 0: none (5)")
    parser.add_argument("--kills", type=int, default=10, help="kills in the run after that; 0: none (10)")
    parser.add_argument(
        "--connections", type=int, default=128, help="connections of ours and the floor (128)"
    )
    parser.add_argument("--seed", type=int, default=1, help="when is killed (1)")
    told = parser.parse_args()
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # the broker is killed under it
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(
            asyncio.run(
                main(Order(told.people, told.rounds, told.kills, told.connections, told.seed), Path(scratch))
            )
        )
