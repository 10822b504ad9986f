"""
Publishes new counts to the register when letters come back after the end of a campaign.

They may come back by the thousand, within minutes, and each count goes through all ledgers of a phase. So it
is noted that some came, and counted now and then.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, uuid5

from services.notifier.breach.campaign.ledgers import Ledgers
from services.notifier.breach.campaign.states import LateBounces, Standings
from shared.contract.breaches import BreachRecounted
from shared.contract.envelope import encode
from shared.runtime.broker import Message
from shared.runtime.worker import work_forever

COUNT_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class LateBounceCounter:
    """Counts letters that came back late, in one replica of the notifier."""

    ledgers: Ledgers
    standings: Standings
    publish: Callable[[list[Message]], Awaitable[None]]

    async def run(self) -> None:
        """Count, for ever; an outage only delays it."""
        await work_forever(
            self.count,
            service="campaigns",
            delayed="letters that came back are counted later",
            every_s=COUNT_EVERY_S,
        )

    async def count(self) -> None:
        """
        Publish the counts of all phases to which letters came back since they were counted.

        Raises:
            TransientError: The database or the broker did not answer; the next call publishes it.
        """
        for late in await self.standings.late():
            counted = [await self._counted(late, phase) for phase in late.phases]
            await self.publish(counted)
            await self.standings.counted(late)

    async def _counted(self, late: LateBounces, phase: int) -> Message:
        sums = await self.ledgers.sums(late.incident, phase)
        missed = await self.ledgers.missed(late.incident, phase)
        fact = BreachRecounted(request_id=late.incident, phase=phase, **sums, missed=missed)
        id_ = uuid5(NAMESPACE_OID, f"recounted {late.incident}.{phase} {late.times[str(phase)]}").hex
        body = encode(fact, id=id_, source="habeas/campaigns", time=datetime.now(UTC))
        return Message(fact.EXCHANGE, fact.TYPE, body, id_)
