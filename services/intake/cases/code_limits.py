"""
Limits attempts at one-time codes over all requests, more strictly while many are wrong.

People are counted per network; an upstream system, by API key or event, per source.

Each code allows five tries, but an attacker who knows many requests has five tries at each of their codes.
Wrong codes are therefore counted over all requests, in the database, so that all replicas share the count.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.intake.cases.errors import TooManyAttempts
from shared.runtime import metrics
from shared.runtime.client_limits import Allowance
from shared.runtime.log import logger
from shared.runtime.mongo import Database, translated

WINDOW: Final = timedelta(hours=1)
KEEP: Final = timedelta(days=2)
PER_NETWORK: Final = 60
"""Codes that one network may offer within an hour: people behind one address share it."""
PER_NETWORK_IN_ALARM: Final = 5
PER_SOURCE: Final = 1_000
"""Codes that one upstream system may offer within an hour, for all its customers."""
PER_SOURCE_IN_ALARM: Final = 100


class WrongCodeCount(Protocol):
    """The wrong codes of the last hour."""

    async def note(self, attempt: str, at: datetime) -> None:
        """Count the wrong code of *attempt*; the same attempt counts once."""

    async def is_alarming(self, now: datetime) -> bool:
        """Return whether the number of wrong codes within the hour suggests guessing."""


class WrongCodes:
    """Counts wrong codes in the collection ``wrong_codes``; it holds no code and no request."""

    def __init__(self, database: Database, *, alarm_at: int) -> None:
        """Count in *database*; *alarm_at* wrong codes within an hour are an alarm."""
        self._wrong = database["wrong_codes"]
        self._alarm_at = alarm_at
        self._reported = 0
        """How many times the alarm's number was reached when it was logged last."""

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the wrong codes"):
            await self._wrong.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def note(self, attempt: str, at: datetime) -> None:
        """Count the wrong code of *attempt*, and log an error whenever the alarm is reached once more."""
        with translated("count a wrong code"):
            noted = await self._wrong.update_one({"_id": attempt}, {"$setOnInsert": {"at": at}}, upsert=True)
            if noted.upserted_id is None:
                return
            count = await self._wrong.count_documents({"at": {"$gt": at - WINDOW}})
        metrics.wrong_code()
        metrics.code_alarm(on=count >= self._alarm_at)
        self._report(count)

    def _report(self, count: int) -> None:
        """Log the multiple of the alarm's number that *count* has reached; codes side by side may skip it."""
        reached = count // self._alarm_at
        if reached > self._reported:
            logger().error("many codes are wrong: possible guessing", count=reached * self._alarm_at)
        elif count > (self._reported - 0.5) * self._alarm_at:
            return  # as many as before, or counted a moment earlier
        self._reported = reached

    async def is_alarming(self, now: datetime) -> bool:
        """Return whether the alarm is on."""
        with translated("count wrong codes"):
            recent = {"at": {"$gt": now - WINDOW}}
            count = await self._wrong.count_documents(recent, limit=self._alarm_at)
        alarm = bool(count >= self._alarm_at)
        metrics.code_alarm(on=alarm)
        return alarm


@dataclass(slots=True)
class CodeLimit:
    """
    Limits the codes that one network, or one upstream system, may offer within an hour.

    While the alarm is on, the limit of a network is five: an attacker with many addresses is slowed down, and
    a person who enters the code of their own letter is still heard.
    """

    wrong: WrongCodeCount | None = None
    calm: Allowance = field(default_factory=lambda: Allowance(PER_NETWORK))
    alarmed: Allowance = field(default_factory=lambda: Allowance(PER_NETWORK_IN_ALARM))

    of_source: Allowance = field(default_factory=lambda: Allowance(PER_SOURCE))
    of_source_alarmed: Allowance = field(default_factory=lambda: Allowance(PER_SOURCE_IN_ALARM))

    @classmethod
    def of(cls, wrong: WrongCodeCount, per_network: int) -> "CodeLimit":
        """Return the limit of *per_network* codes; *wrong* reports the alarm."""
        return cls(wrong, Allowance(per_network))

    async def take(self, network: str, now: datetime) -> None:
        """Count one code from *network*; raise ``TooManyAttempts`` above the limit of an hour."""
        if not self.calm.take(network) or (await self._alarm(now) and not self.alarmed.take(network)):
            raise TooManyAttempts("too many codes were offered from this address; try again in an hour")

    async def take_of_source(self, source: str, codes: int, now: datetime) -> None:
        """Count *codes* from an upstream system; raise ``TooManyAttempts`` above the limit of an hour."""
        for _ in range(codes):
            alarm = await self._alarm(now)
            if not self.of_source.take(source) or (alarm and not self.of_source_alarmed.take(source)):
                raise TooManyAttempts("too many codes were offered by this source; try again in an hour")

    async def _alarm(self, now: datetime) -> bool:
        return self.wrong is not None and await self.wrong.is_alarming(now)

    async def failed(self, attempt: str, now: datetime) -> None:
        """Count a wrong code."""
        if self.wrong is not None:
            await self.wrong.note(attempt, now)
