"""Faults of a cluster, caused from outside: each has a beginning and an end."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shutil import disk_usage
from typing import ClassVar

from bench.cluster.containers import CommandFailed, Containers
from shared.errors import HabeasError
from shared.runtime.mongo import connect, translated

CLOCK = "/dev/shm/clock"  # noqa: S108  in the container
"""File that libfaketime reads in a service: how far its clock is off."""
BALLAST = "ballast"
BROKER_KEEPS_MIB = 20
"""Space that is left to a broker: less than its limit, so that it raises its alarm."""


class FaultKind(StrEnum):
    """A kind of faults."""

    KILLED = "killed (SIGKILL)"
    STOPPED = "stopped (SIGTERM)"
    PAUSED = "paused"
    PARTITIONED = "cut off from the other members"
    ISOLATED = "cut off from all"
    DELAYED = "slow network"
    LOSSY = "lost packets"
    DISK_FULL = "disk full"
    CLOCK_OFF = "clock off"
    STEPPED_DOWN = "primary stepped down"
    LEADER_MOVED = "leader of a queue moved"


@dataclass(frozen=True, slots=True)
class ClusterFault(ABC):
    """A fault of one container."""

    kind: ClassVar[FaultKind]
    target: str

    @abstractmethod
    async def begin(self, cluster: Containers) -> None:
        """Cause it in *cluster*. Raises CommandFailed if that fails."""

    @abstractmethod
    async def end(self, cluster: Containers) -> None:
        """Take it away; what has ended by itself meanwhile is no error."""


@dataclass(frozen=True, slots=True)
class Killed(ClusterFault):
    """The process ends without doing anything more, and is started again at the end."""

    kind = FaultKind.KILLED

    async def begin(self, cluster: Containers) -> None:
        """Kill it."""
        await cluster.engine("kill", self.target, "--signal", "KILL")

    async def end(self, cluster: Containers) -> None:
        """Start it."""
        await cluster.engine("start", self.target)


@dataclass(frozen=True, slots=True)
class Stopped(ClusterFault):
    """The process is asked to end, as in an upgrade, and is started again at the end."""

    kind = FaultKind.STOPPED

    async def begin(self, cluster: Containers) -> None:
        """Stop it."""
        await cluster.engine("stop", self.target)

    async def end(self, cluster: Containers) -> None:
        """Start it."""
        await cluster.engine("start", self.target)


@dataclass(frozen=True, slots=True)
class Paused(ClusterFault):
    """All threads stand still; connections stay open."""

    kind = FaultKind.PAUSED

    async def begin(self, cluster: Containers) -> None:
        """Pause it."""
        await cluster.engine("pause", self.target)

    async def end(self, cluster: Containers) -> None:
        """Let it go on."""
        with suppress(CommandFailed):
            await cluster.engine("unpause", self.target)


@dataclass(frozen=True, slots=True)
class Partitioned(ClusterFault):
    """No packet passes between a member and the *others*; in one direction only where it is *one_way*."""

    kind = FaultKind.PARTITIONED
    others: tuple[str, ...]
    one_way: bool = False

    async def begin(self, cluster: Containers) -> None:
        """Drop the packets."""
        for other in self.others:
            for address in await cluster.addresses(other):
                for rule in self._rules(address):
                    await cluster.in_network_of(self.target, "iptables", "-A", *rule)

    async def end(self, cluster: Containers) -> None:
        """Let all packets pass."""
        await _let_pass(cluster, self.target)

    def _rules(self, address: str) -> Sequence[Sequence[str]]:
        incoming = ("INPUT", "-s", address, "-j", "DROP")
        return (incoming,) if self.one_way else (incoming, ("OUTPUT", "-d", address, "-j", "DROP"))


@dataclass(frozen=True, slots=True)
class Isolated(ClusterFault):
    """No packet passes between a container and any other."""

    kind = FaultKind.ISOLATED

    async def begin(self, cluster: Containers) -> None:
        """Drop all packets but those to itself."""
        for chain, device in (("INPUT", "-i"), ("OUTPUT", "-o")):
            rule = (chain, "!", device, "lo", "-j", "DROP")
            await cluster.in_network_of(self.target, "iptables", "-A", *rule)

    async def end(self, cluster: Containers) -> None:
        """Let all packets pass."""
        await _let_pass(cluster, self.target)


@dataclass(frozen=True, slots=True)
class Delayed(ClusterFault):
    """
    Each packet that a container sends waits.

    Where the kernel has no ``netem``, the link gets so slow that packets queue for up to *delay_ms*.
    """

    kind = FaultKind.DELAYED
    delay_ms: int = 400

    async def begin(self, cluster: Containers) -> None:
        """Slow the link down."""
        for device in await _devices(cluster, self.target):
            add = ("tc", "qdisc", "replace", "dev", device, "root")
            delay = f"{self.delay_ms}ms"
            try:
                await cluster.in_network_of(
                    self.target, *add, "netem", "delay", delay, f"{self.delay_ms // 4}ms"
                )
            except CommandFailed:
                slow = ("tbf", "rate", "512kbit", "burst", "2kb", "latency", delay)
                await cluster.in_network_of(self.target, *add, *slow)

    async def end(self, cluster: Containers) -> None:
        """Let the link be as it was."""
        with suppress(CommandFailed):
            for device in await _devices(cluster, self.target):
                await cluster.in_network_of(self.target, "tc", "qdisc", "del", "dev", device, "root")


@dataclass(frozen=True, slots=True)
class Lossy(ClusterFault):
    """A share of the packets to a container is lost: they come late, after a timeout of the sender."""

    kind = FaultKind.LOSSY
    share: float = 0.2

    async def begin(self, cluster: Containers) -> None:
        """Drop packets at random."""
        some = ("-m", "statistic", "--mode", "random", "--probability", str(self.share))
        rule = ("INPUT", "!", "-i", "lo", *some, "-j", "DROP")
        await cluster.in_network_of(self.target, "iptables", "-A", *rule)

    async def end(self, cluster: Containers) -> None:
        """Let all packets pass."""
        await _let_pass(cluster, self.target)


@dataclass(frozen=True, slots=True)
class DiskFull(ClusterFault):
    """A file fills the disk of a broker or database, whose folder is on *disk*."""

    kind = FaultKind.DISK_FULL
    disk: Path
    keep_mib: int = 0

    async def begin(self, cluster: Containers) -> None:
        """Fill it; what the container gives free meanwhile stays free."""
        del cluster
        ballast = self.disk / BALLAST
        piece = bytes(1024 * 1024)
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while _free_mib(self.disk) > self.keep_mib:
                file.write(piece)

    async def end(self, cluster: Containers) -> None:
        """Free it, and start the container if it has ended."""
        (self.disk / BALLAST).unlink(missing_ok=True)
        await cluster.engine("start", self.target)


@dataclass(frozen=True, slots=True)
class ClockOff(ClusterFault):
    """The clock of a service is *off*, as libfaketime writes it: ``+1h``."""

    kind = FaultKind.CLOCK_OFF
    off: str = "+1h"

    async def begin(self, cluster: Containers) -> None:
        """Set it off in one step: half a line would end the process."""
        await self._set(cluster, self.off)

    async def end(self, cluster: Containers) -> None:
        """Set it right."""
        with suppress(CommandFailed):
            await self._set(cluster, "+0")

    async def _set(self, cluster: Containers, off: str) -> None:
        write = f"echo {off} >{CLOCK}.new && mv {CLOCK}.new {CLOCK}"
        await cluster.run(self.target, "bash", "-c", write, user="10001:10001")


@dataclass(frozen=True, slots=True)
class SteppedDown(ClusterFault):
    """The primary of the databases, reached at *url*, gives its place up for ten seconds."""

    kind = FaultKind.STEPPED_DOWN
    url: str

    async def begin(self, cluster: Containers) -> None:
        """Step down; a replica set without a primary has none to step down."""
        del cluster
        client = connect(self.url, app_name="habeas-chaos")
        try:
            with suppress(HabeasError), translated("step down"):
                await client.admin.command({"replSetStepDown": 10, "force": True})
        finally:
            client.close()

    async def end(self, cluster: Containers) -> None:
        """Do nothing: another one was elected, or it may be again."""


@dataclass(frozen=True, slots=True)
class LeaderMoved(ClusterFault):
    """The leader of *queue* moves to the broker *target*."""

    kind = FaultKind.LEADER_MOVED
    queue: str

    async def begin(self, cluster: Containers) -> None:
        """Move it; a broker that has no current copy is refused."""
        queue = f'rabbit_misc:r(<<"/">>, queue, <<"{self.queue}">>)'
        move = (
            f"{{ok, Q}} = rabbit_amqqueue:lookup({queue}), "
            f"rabbit_quorum_queue:transfer_leadership(Q, 'rabbit@{self.target}')."
        )
        await cluster.run(self.target, "rabbitmqctl", "eval", move, user="999:999")

    async def end(self, cluster: Containers) -> None:
        """Do nothing: a leader is as good on one broker as on another."""


async def _devices(cluster: Containers, name: str) -> list[str]:
    """Return the network devices of the container *name* but that to itself."""
    shown = await cluster.in_network_of(name, "ip", "-o", "link", "show")
    return [line.split()[1].split("@")[0] for line in shown.splitlines() if "eth" in line.split()[1]]


async def _let_pass(cluster: Containers, name: str) -> None:
    """Remove our rules; a container that was started again has none. Docker's own are in another table."""
    with suppress(CommandFailed):
        await cluster.in_network_of(name, "iptables", "-F", "INPUT")
        await cluster.in_network_of(name, "iptables", "-F", "OUTPUT")


def _free_mib(disk: Path) -> int:
    found = disk_usage(disk)
    return found.free // (1024 * 1024)


async def heal(cluster: Containers, names: Sequence[str], disks: Sequence[Path]) -> None:
    """End all faults of the containers *names*."""
    for disk in disks:
        (disk / BALLAST).unlink(missing_ok=True)
    for name in names:
        for fault in (Paused(name), Killed(name), Delayed(name), Lossy(name)):
            await fault.end(cluster)
