"""
Runs the tests in several workers that share one broker and one database.

The process that starts the workers starts both parts and hands their addresses to each worker. A worker runs
all tests of a file; one worker runs all files whose tests stop a part, on parts of its own, one all tests on
containers, and one those of the console. The first two come first and unit tests last: the workers end
together. Half of the workers collect and run unit tests: these never wait; one worker a core is enough.
"""

import asyncio
import os
import pickle
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from habeas.embedded.parts import ports
from habeas.embedded.parts.broker import Broker
from habeas.embedded.parts.database import Database
from habeas.embedded.stack import Stack, StackPart
from shared.errors import ConfigurationError
from shared.runtime.mongo import connect

WORKERS = min(2 * (os.cpu_count() or 1), 8)
"""Half of the time of a test on real parts is waiting. With three workers a core the suite takes longer."""
TICK_MS = 300_000
"""Interval in which the broker looks after each queue."""
DATABASE = {
    # How long the transaction of a killed process holds its locks: a minute by default.
    "transactionLifetimeLimitSeconds": 20,
    # A write that is acknowledged is in the journal at any interval; dropping a database waits for it.
    "journalCommitInterval": 30,
    # How long it keeps what a snapshot may read, and how often it makes a checkpoint. By default, dropped
    # collections stay open for five minutes, by the ten thousand, and to close one takes a look at all.
    # Backups alone read a snapshot, and take a second here.
    "minSnapshotHistoryWindowInSeconds": 30,
    "syncdelay": 10,
    # Once a minute it would remove what tests date in the past: the count of an hour in the middle of a test.
    "ttlMonitorEnabled": False,
    # The least the server allows: each pipeline makes ten accounts.
    "scramIterationCount": 5_000,
    "scramSHA256IterationCount": 5_000,
}
"""Parameters of the database."""
STOPS_PARTS = frozenset(
    f"tests/{topic}.py"
    for topic in (
        "attacks/test_outbox",
        "integration/test_bus_load",
        "integration/test_host",
        "integration/test_outages",
        "integration/test_pipeline_failures",
        "integration/test_pipeline_outages",
        "integration/test_runtime",
        "integration/test_scoping_memory",
        "integration/test_stack",
    )
)
"""Files with tests that stop a part, or that change it for all its users."""
CONTAINERS = "tests/e2e/"
CONSOLE = "tests/integration/test_console"
"""Files with tests that share one console."""
UNIT = "tests/unit/"
MEMORY = Path("/dev/shm")  # noqa: S108  each folder in it has a name of its own, and only the owner enters
ROOM_BYTES, ROOM_KIB = 8 << 30, 12 << 20
"""How much is free in that file system, and in the whole memory, if data of parts is kept there."""
START_WITHIN_S = 90.0
POLL_S = 0.05


def group(nodeid: str) -> str:
    """Return the name of the group of tests that one worker runs."""
    file = nodeid.partition("::")[0]
    if file.startswith(CONTAINERS):
        return CONTAINERS
    if file.startswith(CONSOLE):
        return CONSOLE
    return "tests that stop parts" if stops_parts(nodeid) else file


def stops_parts(nodeid: str) -> bool:
    """Return whether a test, or another of its file, stops parts."""
    return nodeid.partition("::")[0] in STOPS_PARTS


def rank(nodeid: str) -> int:
    """Return the place of a test's group: long groups first, short ones last."""
    file = nodeid.partition("::")[0]
    if file.startswith(CONTAINERS) or stops_parts(nodeid):
        return 0
    return 2 if is_unit(nodeid) else 1


def is_unit(nodeid: str) -> bool:
    """Return whether a test, or a group of tests, needs no parts."""
    return nodeid.startswith(UNIT)


def leaves_out(folder: Path, root: Path) -> bool:
    """Return whether this process is a worker that does not collect the tests of *folder*."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    # One that takes the place of a worker that has died collects all.
    return folder == root / UNIT and (count + 1) // 2 <= number < count


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker one group of tests after the other."""

    registered_collections: dict[Any, list[str]]

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

    def schedule(self) -> None:
        if self.collection is None:
            found = sorted(self.registered_collections.items(), key=lambda one: len(one[1]), reverse=True)
            self.registered_collections = dict(found)  # the first one counts as what there is
        super().schedule()

    def _check_nodes_have_same_collection(self) -> bool:
        whole, *others = self.registered_collections.values()
        parts = [nodeid for nodeid in whole if not is_unit(nodeid)]
        if all(collection in (whole, parts) for collection in others):
            return True
        same: bool = super()._check_nodes_have_same_collection()
        return same

    def _reschedule(self, node: Any) -> None:
        if node in self.registered_collections:  # one that takes another's place is still collecting
            super()._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        if len(self.registered_collections[node]) < len(self.collection):
            first = next((scope for scope in self.workqueue if not is_unit(scope)), None)
            if first is None:
                node.shutdown()
                return
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@contextmanager
def parts_folder() -> Iterator[Path]:
    """
    Yield a folder for the data of parts, in memory if there is room, and remove it at the end.

    On a disk a part waits for each write, half of the time in which a pipeline starts. In memory, too, a part
    that was killed finds all that it has written; only the end of the machine, which no test tries, loses it.
    """
    remove_folders_of_ended_processes(MEMORY)
    place = MEMORY if _has_room() else None
    folder = Path(tempfile.mkdtemp(prefix=f"habeas-tests-{os.getpid()}-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def remove_folders_of_ended_processes(place: Path) -> None:
    """Remove the folders of test runs that were killed: in memory, nothing else does."""
    for folder in place.glob("habeas-tests-*"):
        owner = folder.name.split("-")[2]
        if not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    try:
        [kib] = re.findall(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
        return shutil.disk_usage(MEMORY).free >= ROOM_BYTES and int(kib) >= ROOM_KIB
    except (OSError, ValueError):
        return False


class SharedParts:
    """
    A broker and a database for all workers.

    They run under a thread of this process, which collects tests and results at the same time.
    """

    def __init__(self, folder: Path) -> None:
        self._answer = folder / "started"
        self._stack = Stack(folder / "stack")
        self._done = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="parts")

    def start(self) -> None:
        """Start the parts; workers wait until they answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the parts."""
        self._done.set()
        self._thread.join()

    def address(self) -> bytes:
        """Return all that :func:`joined` needs."""
        return pickle.dumps((self._answer, self._stack.broker, self._stack.database))

    async def _run(self) -> None:
        async with AsyncExitStack() as running:
            running.push_async_callback(self._stack.stop)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._stack.start(StackPart.BROKER))
                    group.create_task(self._stack.start(StackPart.DATABASE))
                await adjust(self._stack)
            except* ConfigurationError as errors:
                self._say(str(errors.exceptions[0]))
            else:
                self._say("")
            await asyncio.to_thread(self._done.wait)

    def _say(self, error: str) -> None:
        written = self._answer.with_suffix(".new")
        written.write_text(error, encoding="utf-8")
        written.rename(self._answer)


async def adjust(stack: Stack) -> None:
    """
    Have the broker look after queues every five minutes instead of every five seconds, also once restarted.

    Tests leave their queues behind, a thousand in the end: they took a tenth of a processor. And have the
    database end transactions of killed processes soon, and save processor time.
    """
    configuration = f"[{{rabbit, [{{quorum_tick_interval, {TICK_MS}}}]}}]."
    (stack.broker.folder / "advanced.config").write_text(configuration, encoding="ascii")
    await stack.broker._evaluate(f"application:set_env(rabbit, quorum_tick_interval, {TICK_MS}).")
    client = connect(stack.mongo_url, app_name="habeas-tests")
    await client["admin"].command({"setParameter": 1, **DATABASE})
    client.close()


def joined(address: bytes, folder: Path) -> Stack:
    """
    Return a stack of the shared broker and database, and of a mail server of its own which is not started.

    Raises:
        ConfigurationError: The shared parts did not start.
    """
    answer, broker, database = _unpacked(address)
    deadline = time.monotonic() + START_WITHIN_S
    while not answer.exists():
        if time.monotonic() > deadline:
            raise ConfigurationError(f"the shared parts did not start within {START_WITHIN_S} s")
        time.sleep(POLL_S)
    if error := answer.read_text(encoding="utf-8"):
        raise ConfigurationError(error)
    stack = Stack(folder)
    stack.broker, stack.database = broker, database
    return stack


def _unpacked(address: bytes) -> tuple[Path, Broker, Database]:
    unpacked: tuple[Path, Broker, Database] = pickle.loads(address)  # noqa: S301  the starting process made it
    return unpacked


def take_own_ports() -> None:
    """Take free ports from a range that no other worker of this run takes any from."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    # The last part is for the starting process and for the processes that tests start.
    width = (ports.HIGHEST - ports.LOWEST) // (count + 1)
    ports.LOWEST += number * width
    ports.HIGHEST = ports.LOWEST + width


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process runs tests for another."""
    return hasattr(config, "workerinput")
