"""
The crash run: ``python -m bench.crashes [--requests N] [--kills N] [--seed N]``.

Requests go in at a pace while services, broker and database are killed (SIGKILL) one after the other and
started again at once. When all is quiet, everything that was left behind is looked through. Ends with 1 when
anything was lost or done twice, when more letters are in doubt than may be, or services recover too slowly.
"""

import argparse
import asyncio
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
from rich.console import Console
from rich.table import Table

from bench import evidence
from bench.audit import Books, Finding, Verdict, audit, books, doubled_letters
from bench.evidence import Evidence, Place
from bench.fault_injection import KillCounts, KillSchedule, service_recoveries, victims_of, worker
from bench.installation import SERVICES, Ground
from bench.requesters import ACCOUNTS, DATA_MAP, ORDERS, STORE, Load, made_up
from bench.upstream import QUEUE, Listener, Publisher, waiting
from habeas.embedded.parts.ports import HOST, dial, free_port
from habeas.embedded.parts.process import Command, Process
from habeas.embedded.stack import Stack, StackPart
from services.notifier.bootstrap import BATCH
from shared.contract.topology import LISTENS, queues
from shared.runtime.broker import Bus, declare
from shared.runtime.broker.subscriber import CAUTIOUS_PREFETCH
from shared.runtime.mongo import Client, connect

RESULTS = Path(__file__).parent / "results" / "crashes.jsonl"
BETWEEN_KILLS_S = 2.0
"""The load is spread so that kills come about this far apart; a slower machine takes longer."""
MOST_OPEN = 500
"""Requests under way at once: enough that no service is ever idle, few enough that each is soon through."""
QUIET_S = 2.0
"""Nothing waits and no row comes for as long: then all is done. Longer than the shortest delay of a retry."""
QUIET_WITHIN_S = 600.0
STALLED_S = 150.0
"""Nothing happens for as long: then nothing more will. Longer than a message waits for its fourth try."""
WITHIN_S = 30.0
LOOK_S = 0.2
RECOVERY_S = 5.0
HELD = BATCH + CAUTIOUS_PREFETCH
"""Letters a notifier can have begun when it is killed: what the broker lets it hold."""


@dataclass(frozen=True, slots=True)
class Order:
    """How large the run is."""

    requests: int
    kills: int
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown."""

    kept: Books
    counts: KillCounts
    findings: Sequence[Finding]
    accepted: int
    retried: int
    quiet: bool
    seconds: float

    @property
    def bound(self) -> int:
        """Letters that may be in doubt: those held at each kill of the notifier, or of what it writes to."""
        away = (
            self.counts.kills["notifier"]
            + self.counts.ended["notifier"]
            + self.counts.kills[StackPart.DATABASE]
        )
        return HELD * away

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        recovered = statistics.median(service_recoveries(self.counts) or [0.0]) < RECOVERY_S
        return not self.findings and self.quiet and len(self.kept.doubtful) <= self.bound and recovered

    def found(self, verdict: Verdict) -> int:
        """Return how many findings amount to *verdict*."""
        return sum(finding.verdict is verdict for finding in self.findings)


async def crash_run(order: Order, folder: Path, out: Console) -> Outcome:
    """Do the run in *folder*."""
    load, dice, counts = made_up(order.requests, order.seed), random.Random(order.seed), KillCounts()
    began = time.monotonic()
    async with AsyncExitStack() as running:
        here = await running.enter_async_context(_ground(folder))
        before = await _filled(here.client, load)
        listener = Listener(here.stack.amqp_url)
        await listener.declare()
        http = await running.enter_async_context(httpx.AsyncClient(timeout=5))
        workers = {name: worker(name, here, http) for name in SERVICES}
        await asyncio.gather(*(each.start() for each in workers.values()))
        await here.stack.broker.settle()  # a queue that is killed too young is lost: not what is tried here
        bus = Bus(here.stack.amqp_url, name="bench publishes")
        running.push_async_callback(bus.close)
        per_second = len(load.messages) / max(order.kills * BETWEEN_KILLS_S, 1)
        publisher = Publisher(bus, load.messages, per_second)
        killer = KillSchedule(here.stack, workers, counts, dice)
        listening = [asyncio.create_task(listener.listen()), asyncio.create_task(killer.watch())]
        reporting = asyncio.create_task(_report(publisher, listener, counts, out))
        await _storm(load, publisher, killer, listener, victims_of(order.kills, dice))
        quiet = await _quiet(here, load, listener)
        for task in (*listening[1:], reporting):
            task.cancel()
        await asyncio.gather(*(each.stop() for each in workers.values()))
        await _heard_out(here.stack.amqp_url)
        listening[0].cancel()
        found = await _looked_through(here, before, listener)
    found = evidence.with_letters(found, folder / "mail.log")
    kept = books(load, found)
    seconds = time.monotonic() - began
    return Outcome(kept, counts, audit(kept), publisher.accepted, publisher.retried, quiet, seconds)


async def _storm(
    load: Load, publisher: Publisher, killer: KillSchedule, listener: Listener, victims: Sequence[str]
) -> None:
    """Send the load and kill those of *victims* meanwhile; the load waits for a kill that is late."""
    begun = [0, *load.begun()]

    def may_go_on() -> bool:
        done = sum(killer.counts.kills.values())
        behind = publisher.progress > (done + 1) / (len(victims) + 1) and done < len(victims)
        return not behind and begun[publisher.accepted] - len(listener.ended) < MOST_OPEN

    async with asyncio.TaskGroup() as group:
        group.create_task(publisher.publish(may_go_on))
        group.create_task(killer.carry_out(victims, lambda: publisher.progress))


@asynccontextmanager
async def _ground(folder: Path) -> AsyncIterator[Ground]:
    """Start a broker, a database and a mail sink that keeps a log."""
    (folder / "map").mkdir(parents=True)
    (folder / "map" / "shop.yml").write_text(DATA_MAP, encoding="utf-8")
    stack, port = Stack(folder / "stack"), free_port()
    arguments = (sys.executable, "-m", "bench.mail_sink", str(port), str(folder / "mail.log"))
    async with AsyncExitStack() as running:
        sink = await Process.start(Command(arguments, Path.cwd(), folder / "sink.log"))
        running.push_async_callback(sink.stop, evidence.SINK_STOPS_WITHIN)
        await sink.until(lambda: dial(port), evidence.SINK_STOPS_WITHIN)
        running.push_async_callback(stack.stop)
        await asyncio.gather(*(stack.start(part) for part in (StackPart.BROKER, StackPart.DATABASE)))
        await declare(stack.amqp_url)
        client = connect(stack.mongo_url, app_name="habeas-bench")
        running.callback(client.close)
        yield Ground(stack, folder, client, f"smtp://{HOST}:{port}")


async def _filled(client: Client, load: Load) -> dict[Place, bytes]:
    """Fill the shop; return what is in it."""
    for name in (ACCOUNTS, ORDERS):
        documents = [document for collection, document in load.records() if collection == name]
        await client[STORE][name].insert_many(documents)
        await client[STORE][name].create_index("email", collation={"locale": "en", "strength": 2})
    return await evidence.records(client)


async def _quiet(here: Ground, load: Load, listener: Listener) -> bool:
    """Wait until everything has come to an end and nothing happens any more; return whether it has."""
    deadline, since, last = time.monotonic() + QUIET_WITHIN_S, time.monotonic(), None
    ends = len(load.requesters) + load.malformed
    while time.monotonic() < min(deadline, since + STALLED_S):
        now = (await _rows(here.client), await waiting(here.stack.amqp_url, _ours()))
        if now != last:
            since, last = time.monotonic(), now
        settled = not any(now[1].values()) and len(listener.ended) >= ends
        if settled and time.monotonic() - since > QUIET_S:
            return True
        await asyncio.sleep(LOOK_S)
    return False


async def _rows(client: Client) -> int:
    journals = [client[f"habeas_{name}"]["journal"] for name in LISTENS]
    return sum([await journal.estimated_document_count() for journal in journals])


def _ours() -> list[str]:
    return [queue.name for queue in queues() if not queue.name.endswith(".parking")]


async def _heard_out(amqp_url: str) -> None:
    """Wait until the listener has taken what lies in its queue; what is left then shows as not heard."""
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            while any((await waiting(amqp_url, [QUEUE])).values()):  # noqa: ASYNC110 - the broker is asked
                await asyncio.sleep(LOOK_S)


async def _looked_through(here: Ground, before: dict[Place, bytes], listener: Listener) -> Evidence:
    """Gather what is left behind, after the services have ended: nothing is held by them any more."""
    return Evidence(
        journals=await evidence.journals(here.client),
        notes=await evidence.notes(here.client),
        claims=await evidence.claims(here.client),
        before=before,
        after=await evidence.records(here.client),
        changes=await evidence.changes(here.client),
        letters={},
        heard=listener.heard,
        queues=await waiting(here.stack.amqp_url, [queue.name for queue in queues()]),
    )


async def _report(publisher: Publisher, listener: Listener, counts: KillCounts, out: Console) -> None:
    """Say how far the run is, every few seconds."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(5)
        out.print(
            f"  {time.monotonic() - began:4.0f} s  accepted {publisher.accepted:6,} of "
            f"{len(publisher.messages):,}  ended {len(listener.ended):6,}  kills {counts.kills.total():3}",
            highlight=False,
        )


def figures(outcome: Outcome) -> list[tuple[str, float, str]]:
    """Return what a run has shown: figure, value, unit."""
    counts, kept = outcome.counts, outcome.kept
    recoveries = service_recoveries(counts) or [0.0]
    return [
        *((f"kills: {name}", times, "kills") for name, times in sorted(counts.kills.items())),
        ("kills", counts.kills.total(), "kills"),
        ("services that ended by themselves", counts.ended.total(), "times"),
        ("requests", len(kept.load.requesters), "requests"),
        ("messages accepted", outcome.accepted, "messages"),
        ("messages sent again for want of a confirm", outcome.retried, "messages"),
        ("lost", outcome.found(Verdict.LOST), "findings"),
        ("effects done twice", outcome.found(Verdict.DOUBLED), "findings"),
        ("wrong", outcome.found(Verdict.WRONG), "findings"),
        ("letters", sum(kept.evidence.letters.values()), "letters"),
        ("letters sent twice", doubled_letters(kept), "letters"),
        ("letters in doubt", len(kept.doubtful), "letters"),
        ("letters in doubt: bound", outcome.bound, "letters"),
        ("recovery of a service: median", round(statistics.median(recoveries), 2), "s"),
        ("recovery of a service: longest", round(max(recoveries), 2), "s"),
        *(
            (f"recovery of the {part}: longest", round(max(counts.recoveries.get(part, [0.0])), 2), "s")
            for part in (StackPart.BROKER, StackPart.DATABASE)
        ),
        ("duration", round(outcome.seconds), "s"),
    ]


def show(outcome: Outcome, out: Console) -> None:
    """Print the table and what was found."""
    table = Table("figure", "value", "unit", title="crash run")
    for figure, value, unit in figures(outcome):
        table.add_row(figure, f"{value:,}", unit)
    out.print(table)
    kinds = sorted({(finding.verdict, finding.what) for finding in outcome.findings})
    for verdict, what in kinds:
        places = [f.where for f in outcome.findings if (f.verdict, f.what) == (verdict, what)]
        out.print(f"  {verdict}: {what}: {len(places)} times, as in {', '.join(places[:3])}", highlight=False)
    if not outcome.quiet:
        out.print("  it never became quiet", highlight=False)
    out.print("passed" if outcome.passed else "FAILED")


def write(outcome: Outcome, path: Path) -> None:
    """Write the figures, one a line."""
    path.parent.mkdir(exist_ok=True)
    lines = (
        orjson.dumps({"figure": figure, "value": value, "unit": unit}) + b"\n"
        for figure, value, unit in figures(outcome)
    )
    path.write_bytes(b"".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crashes", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--state", type=Path, help="folder to keep everything in; else a temporary one")
    given = parser.parse_args()
    out = Console()
    logging.getLogger("aiormq").setLevel(
        logging.CRITICAL
    )  # it reports every attempt to reach a killed broker
    order = Order(given.requests, given.kills, given.seed)
    out.print(f"{order.requests:,} requests, {order.kills} kills, seed {order.seed}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="habeas-crashes-") as temporary, suppress(KeyboardInterrupt):
        outcome = asyncio.run(crash_run(order, given.state or Path(temporary) / "run", out))
        show(outcome, out)
        write(outcome, RESULTS)
        sys.exit(not outcome.passed)


if __name__ == "__main__":
    main()
