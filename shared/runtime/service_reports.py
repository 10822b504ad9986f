"""
Reports of services about themselves, which the console shows: versions, and parts outside the installation.

Each service writes its own report every minute, into the database of its account. A report holds no personal
data.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final, Self, TypeAlias

from shared.errors import HabeasError
from shared.runtime.mongo import Collection, Database, Document, translated
from shared.runtime.worker import work_forever

MAP_REPORT: Final = "data map"
"""Id of fulfillment's report about its data map; every other id is the name of a service."""
CREDENTIAL: Final = "console credential"
"""Id of the console's credential, beside intake's reports."""
MAIL_SERVER: Final = "mail server"
"""Name of the part that the notifier reports on."""
EVERY_S: Final = 60.0
SILENT_AFTER: Final = timedelta(minutes=5)
ANSWERS: Final = "ok"
"""State of a part that answers; any other text is the reason why it does not."""
Checks: TypeAlias = Mapping[str, Callable[[], Awaitable[None]]]
"""Name of a part → a call that raises when the part does not answer."""


def reports_in(database: Database) -> Collection:
    """Return the reports in the *database* of an account; the console may read them."""
    return database["reports"]


async def state_of(check: Callable[[], Awaitable[None]]) -> str:
    """Return the state of a part: :data:`ANSWERS`, or the reason of the error."""
    try:
        await check()
    except HabeasError as error:
        return str(error)
    return ANSWERS


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What a service reported last."""

    service: str
    version: str
    at: datetime
    parts: Mapping[str, str]
    """Name of a part outside the installation → its state."""

    @classmethod
    def read(cls, stored: Document) -> Self:
        """Return the report of a *stored* document."""
        parts = {one["name"]: one["state"] for one in stored["parts"]}
        return cls(stored["_id"], stored["version"], stored["at"], parts)

    def silent(self, now: datetime) -> bool:
        """Return whether the service has reported nothing for long."""
        return now - self.at > SILENT_AFTER


@dataclass(frozen=True, slots=True)
class ServiceReporter:
    """Writes the report of one service."""

    database: Database
    service: str
    outside: Checks

    async def run(self) -> None:
        """Write it every minute, for ever."""
        await work_forever(self.write, service=self.service, delayed="report delayed", every_s=EVERY_S)

    async def write(self) -> None:
        """Write the report of this moment. Raises StoreUnavailable if the database does not answer."""
        parts = [{"name": name, "state": await state_of(check)} for name, check in self.outside.items()]
        report = {"version": version("habeas"), "at": datetime.now(UTC), "parts": parts}
        with translated("write a report"):
            await reports_in(self.database).replace_one({"_id": self.service}, report, upsert=True)
