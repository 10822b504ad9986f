"""Faults of a cluster, drawn at random by a seed, while requests are under way."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.cluster.containers import BROKERS, DATABASES, MAIL, SERVICES, SINGLE, CommandFailed, Containers
from bench.cluster.faults import (
    BROKER_KEEPS_MIB,
    ClockOff,
    ClusterFault,
    Delayed,
    DiskFull,
    FaultKind,
    Isolated,
    Killed,
    LeaderMoved,
    Lossy,
    Partitioned,
    Paused,
    SteppedDown,
    Stopped,
)

PARTS = (*BROKERS, *DATABASES)
QUEUES = ("intake", "verifier", "fulfillment", "notifier", "codes")
CLOCKS = ("-5m", "+5m")
"""How far clocks are off: less than a code is valid, for a code that has expired is no anomaly."""
MOMENT, SHORT, LONG = (0.0, 1.0), (2.0, 20.0), (10.0, 40.0)
LASTS = {
    FaultKind.STEPPED_DOWN: MOMENT,
    FaultKind.LEADER_MOVED: MOMENT,
    FaultKind.KILLED: SHORT,
    FaultKind.STOPPED: SHORT,
    FaultKind.PAUSED: LONG,
    FaultKind.PARTITIONED: LONG,
    FaultKind.ISOLATED: LONG,
    FaultKind.DELAYED: LONG,
    FaultKind.LOSSY: LONG,
    FaultKind.DISK_FULL: LONG,
    FaultKind.CLOCK_OFF: LONG,
}
"""Seconds between beginning and end of a fault, least and most."""
WEIGHTS = {kind: 6 if kind is FaultKind.KILLED else 2 for kind in FaultKind}
BREATH_S = 3.0
"""Most seconds between the end of a fault and the next one."""


@dataclass(frozen=True, slots=True)
class FaultGround:
    """The containers and networks of a cluster."""

    url: str = field(repr=False)
    """Of the databases, for their administrator."""
    disks: Path
    """Folder with the disk of each broker and database, by its name."""


def drawn_faults(dice: Random, ground: FaultGround) -> Iterator[tuple[ClusterFault, float]]:
    """Yield faults and the seconds that each lasts, without end: first each kind once, then by weight."""
    first = list(FaultKind)
    dice.shuffle(first)
    while True:
        kind = first.pop() if first else dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        yield _drawn(kind, dice, ground), dice.uniform(*LASTS[kind])


def _drawn(kind: FaultKind, dice: Random, ground: FaultGround) -> ClusterFault:
    anyone = dice.choice((*SERVICES, *SINGLE, *PARTS, *PARTS))
    member = dice.choice(PARTS)
    others = tuple(one for one in (BROKERS if member in BROKERS else DATABASES) if one != member)
    disk, keeps = ground.disks / member, BROKER_KEEPS_MIB if member in BROKERS else 0
    made: dict[FaultKind, Callable[[], ClusterFault]] = {
        FaultKind.KILLED: lambda: Killed(anyone),
        FaultKind.STOPPED: lambda: Stopped(anyone),
        FaultKind.PAUSED: lambda: Paused(dice.choice((anyone, MAIL))),
        FaultKind.PARTITIONED: lambda: Partitioned(member, others, one_way=dice.random() < 0.3),
        FaultKind.ISOLATED: lambda: Isolated(anyone),
        FaultKind.DELAYED: lambda: Delayed(anyone, dice.choice((100, 400, 1500))),
        FaultKind.LOSSY: lambda: Lossy(anyone, dice.choice((0.05, 0.2, 0.4))),
        FaultKind.DISK_FULL: lambda: DiskFull(member, disk, keeps),
        FaultKind.CLOCK_OFF: lambda: ClockOff(dice.choice(SERVICES), dice.choice(CLOCKS)),
        FaultKind.STEPPED_DOWN: lambda: SteppedDown("databases", ground.url),
        FaultKind.LEADER_MOVED: lambda: LeaderMoved(dice.choice(BROKERS), dice.choice(QUEUES)),
    }
    return made[kind]()


@dataclass(slots=True)
class Injection:
    """Causes faults in a cluster, *at_once* of them together; none where another one lasts."""

    cluster: Containers
    faults: Iterator[tuple[ClusterFault, float]]
    dice: Random
    at_once: int = 2
    done: Counter[FaultKind] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    """Faults that could not begin or end, and why."""
    log: Callable[[str], None] = print
    _busy: set[str] = field(default_factory=set)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def go_on(self) -> None:
        """Let faults begin and end until :meth:`stop`; the last ones end first."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.at_once):
                group.create_task(self._hand())

    def stop(self) -> None:
        """Begin no more."""
        self._stopping.set()

    async def _hand(self) -> None:
        while not self._stopping.is_set():
            fault, seconds = next(self.faults)
            if fault.target in self._busy:
                continue
            self._busy.add(fault.target)
            try:
                await self._cause(fault, seconds)
            finally:
                self._busy.discard(fault.target)
            await self._pause(self.dice.uniform(0, BREATH_S))

    async def _cause(self, fault: ClusterFault, seconds: float) -> None:
        began = time.strftime("%H:%M:%S")
        try:
            await fault.begin(self.cluster)
            await self._pause(seconds)
            self.done[fault.kind] += 1
        except CommandFailed as error:
            self.failed.append(f"{fault.kind} {fault.target}: {error}")
        try:
            await fault.end(self.cluster)
        except CommandFailed as error:
            self.failed.append(f"end of {fault.kind} {fault.target}: {error}")
        self.log(f"{began} {fault.target}: {fault.kind}, {seconds:.0f} s")

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def names() -> Sequence[str]:
    """Return all containers in which faults may be caused."""
    return (*SERVICES, *SINGLE, *PARTS, MAIL)
