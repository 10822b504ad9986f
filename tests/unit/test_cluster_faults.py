"""Faults on a cluster: drawn by a seed, each with a beginning and an end that belong together."""

import asyncio
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from bench.cluster.containers import BROKERS, DATABASES, MAIL, REPLICATED, SINGLE, CommandFailed, Containers
from bench.cluster.faults import (
    ClusterFault,
    Delayed,
    DiskFull,
    FaultKind,
    Isolated,
    Killed,
    Lossy,
    Partitioned,
    Paused,
)
from bench.cluster.injection import LASTS, FaultGround, Injection, drawn_faults, names

ROOT = Path(__file__).parents[2]
GROUND = FaultGround("mongodb://database", Path("/disks"))


def drawn(seed: int, count: int) -> list[tuple[ClusterFault, float]]:
    return list(islice(drawn_faults(Random(seed), GROUND), count))


class Ledger(Containers):
    """Notes the commands that a cluster would get; those with a word of *refused* fail."""

    def __init__(self, *refused: str) -> None:
        super().__init__("ledger")
        object.__setattr__(self, "commands", [])
        object.__setattr__(self, "refused", refused)

    commands: list[tuple[str, ...]]
    refused: tuple[str, ...]

    async def _note(self, *words: str) -> str:
        if set(words) & set(self.refused):
            raise CommandFailed("refused")
        self.commands.append(words)
        return ""

    async def engine(self, verb: str, name: str, *words: str) -> str:
        return await self._note(verb, name, *words)

    async def run(self, name: str, *command: str, user: str = "0:0") -> str:
        del user
        return await self._note(name, *command)

    async def in_network_of(self, name: str, *command: str) -> str:
        await self._note(name, *command)
        return "2: eth0@if7: <UP> mtu 1500\n1: lo: <UP>\n" if command[0] == "ip" else ""

    async def addresses(self, name: str) -> list[str]:
        return [f"192.0.2.{DATABASES.index(name) + 1}"]


def test_faults_follow_from_the_seed() -> None:
    assert drawn(3, 50) == drawn(3, 50)
    assert drawn(3, 50) != drawn(4, 50)


def test_every_kind_befalls_a_cluster_before_any_comes_again() -> None:
    assert {fault.kind for fault, _ in drawn(1, len(FaultKind))} == set(FaultKind)


def test_faults_last_as_long_as_their_kind_may_and_hit_known_containers() -> None:
    for fault, seconds in drawn(1, 500):
        least, most = LASTS[fault.kind]
        assert least <= seconds <= most
        assert fault.target in names() or fault.kind is FaultKind.STEPPED_DOWN
        if isinstance(fault, Partitioned):
            assert fault.target not in fault.others
            assert len(fault.others) == 2


def test_containers_are_those_of_the_compose_files() -> None:
    known: set[str] = set()
    for file in ("docker-compose.yml", "docker-compose.cluster.yml"):
        text = (ROOT / file).read_text(encoding="utf-8").replace("!reset ", "")
        known |= yaml.safe_load(text)["services"].keys()
    assert {*BROKERS, *DATABASES, *REPLICATED, *SINGLE, MAIL} <= known


async def test_partition_of_one_direction_drops_no_packet_of_the_other() -> None:
    both, one_way = Ledger(), Ledger()
    await Partitioned("database", ("database-2",)).begin(both)
    await Partitioned("database", ("database-2",), one_way=True).begin(one_way)
    dropped = [("database", "iptables", "-A", "INPUT", "-s", "192.0.2.2", "-j", "DROP")]
    assert one_way.commands == dropped
    assert both.commands == [
        *dropped,
        ("database", "iptables", "-A", "OUTPUT", "-d", "192.0.2.2", "-j", "DROP"),
    ]


@pytest.mark.parametrize(
    "fault",
    [Partitioned("database", ("database-2",)), Isolated("database"), Lossy("database")],
    ids=lambda one: one.kind,
)
async def test_end_of_a_fault_of_the_network_removes_all_rules(fault: ClusterFault) -> None:
    cluster = Ledger()
    await fault.end(cluster)
    assert cluster.commands == [("database", "iptables", "-F", chain) for chain in ("INPUT", "OUTPUT")]


async def test_network_is_slow_by_a_narrow_link_where_the_kernel_cannot_delay_packets() -> None:
    cluster = Ledger("netem")
    await Delayed("intake-1", 400).begin(cluster)
    assert cluster.commands[-1][:8] == ("intake-1", "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf")


async def test_full_disk_leaves_as_much_as_was_said_and_is_empty_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter((5, 4, 3, 2, 1))
    monkeypatch.setattr("bench.cluster.faults._free_mib", lambda _disk: next(free))
    fault, cluster = DiskFull("broker", tmp_path, keep_mib=3), Ledger()
    await fault.begin(cluster)
    assert (tmp_path / "ballast").stat().st_size == 2 * 1024 * 1024
    await fault.end(cluster)
    assert not (tmp_path / "ballast").exists()
    assert cluster.commands == [("start", "broker")]


async def test_fault_that_cannot_begin_is_reported_not_counted_and_ended() -> None:
    cluster = Ledger("pause")
    injection = Injection(cluster, iter([(Paused("mail"), 1.0), (Killed("mail"), 0.0)]), Random(1), at_once=1)
    await stopped_after_two(injection)
    assert dict(injection.done) == {FaultKind.KILLED: 1}
    assert injection.failed == ["paused mail: refused"]
    assert cluster.commands == [("unpause", "mail"), ("kill", "mail", "--signal", "KILL"), ("start", "mail")]


async def stopped_after_two(injection: Injection) -> None:
    """Let the injection go on until both of its faults have ended."""
    ended: list[Any] = []

    def note(line: str) -> None:
        ended.append(line)
        if len(ended) == 2:
            injection.stop()

    injection.log = note
    await asyncio.wait_for(injection.go_on(), 120)
