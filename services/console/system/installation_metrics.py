"""
Figures of the whole installation for Prometheus: open requests, last days, work of the staff, queues, disk.

They are refreshed at intervals, so that a scrape costs the same with any number of cases. The console has
them, because its read model has a row for each case.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.console.read_model.cases import CaseList, OpenCount, WaitingWork
from services.console.state import CaseStage
from services.console.system.queue_states import QueueState, queue_states
from shared.contract.topology import CONSOLE
from shared.runtime.metrics import gauge, replace_series
from shared.runtime.mongo import Database, translated
from shared.runtime.worker import work_forever

EVERY_S = 15.0
AGES: Final = ((7, "0-7d"), (30, "8-30d"), (90, "31-90d"))
"""Oldest day of an age, and its name."""
OLDEST: Final = "91d+"
_OPEN = gauge("habeas_open_requests", "Open requests by stage and days since their receipt.", "stage", "age")
_DEADLINES = gauge(
    "habeas_deadlines",
    "Requests whose target day has come (`near`), and those whose last day is over (`missed`).",
    "state",
)
_WORK = gauge("habeas_staff_work", "Cases that wait for the staff, by the work.", "kind")
_MESSAGES = gauge(
    "habeas_queue_messages",
    "Messages ready in a queue, without those that a service holds unacknowledged.",
    "queue",
)
_PARKED = gauge("habeas_parked_messages", "Parked messages of a service.", "service")
_DISK_FREE = gauge("habeas_database_disk_free_bytes", "Free space on the disk of the database.", "service")
_DISK_SIZE = gauge("habeas_database_disk_size_bytes", "Size of the disk of the database.", "service")
_REFRESHED = gauge(
    "habeas_figures_refreshed_timestamp_seconds",
    "Time of the last refresh of the console's figures about the installation.",
    "figures",
)


def age_of(received_on: date, today: date) -> str:
    """Return the name of the age of a request."""
    days = (today - received_on).days
    return next((name for oldest, name in AGES if days <= oldest), OLDEST)


def show_cases(counts: Sequence[OpenCount], work: WaitingWork, today: date) -> None:
    """Set the figures of cases."""
    ages = [name for _, name in AGES] + [OLDEST]
    stages = Counter({(stage.value, age): 0 for stage in CaseStage for age in ages})
    for one in counts:
        stages[one.stage, age_of(one.received_on, today)] += one.count
    replace_series(_OPEN, stages.items())
    near = sum(one.count for one in counts if one.near)
    replace_series(_DEADLINES, [(["near"], near), (["missed"], work.late)])
    replace_series(_WORK, [([kind], count) for kind, count in work.counts().items() if kind != "late"])


def show_queues(states: Sequence[QueueState]) -> None:
    """Set the figures of queues."""
    replace_series(_MESSAGES, [([one.name], one.messages) for one in states if not one.parking])
    parked = [([one.name.removesuffix(".parking")], one.messages) for one in states if one.parking]
    replace_series(_PARKED, parked)


def show_disk(stats: Mapping[str, float]) -> None:
    """Set the figures of the database's disk."""
    _DISK_FREE.labels(CONSOLE).set(stats["fsTotalSize"] - stats["fsUsedSize"])
    _DISK_SIZE.labels(CONSOLE).set(stats["fsTotalSize"])


@dataclass(frozen=True, slots=True)
class InstallationMetrics:
    """Refreshes the figures of the installation."""

    cases: CaseList
    database: Database
    amqp_url: str
    today: Callable[[], date]

    async def run(self) -> None:
        """Refresh them for as long as the service runs; where one part is away, the others go on."""
        parts = {"cases": self._cases, "queues": self._queues, "disk": self._disk}
        async with asyncio.TaskGroup() as group:
            for name, refresh in parts.items():
                _REFRESHED.labels(name).set(time.time())  # else an outage from the start would not show
                group.create_task(self._refresh(name, refresh))

    async def _refresh(self, name: str, refresh: Callable[[], Awaitable[None]]) -> None:
        async def refreshed() -> None:
            await refresh()
            _REFRESHED.labels(name).set(time.time())

        await work_forever(refreshed, service=CONSOLE, delayed=f"figures of {name} delayed", every_s=EVERY_S)

    async def _cases(self) -> None:
        today = self.today()
        show_cases(await self.cases.open_counts(today), await self.cases.work(today), today)

    async def _queues(self) -> None:
        show_queues(await queue_states(self.amqp_url))

    async def _disk(self) -> None:
        with translated("read the size of the disk"):
            show_disk(await self.database.command("dbStats"))
