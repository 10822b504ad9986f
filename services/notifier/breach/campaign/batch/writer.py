"""The writer of a chunk, and its parts."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from services.notifier.breach.campaign.batch.ledger import BatchLedger
from services.notifier.breach.campaign.batch.letters import BatchLetters
from services.notifier.breach.campaign.batch.pace import NoticePace
from services.notifier.breach.campaign.batch.retries import Persistence
from services.notifier.breach.campaign.batch.run import ConnectionPool, SendingPorts, Turn
from services.notifier.breach.campaign.ledgers import LedgerPage, Ledgers
from services.notifier.breach.campaign.outcomes import Failed, LeasedBatch, NoticeSentOutcome, Outcome
from services.notifier.breach.campaign.states import CampaignState, Standings
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from services.notifier.smtp import metrics
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths
from shared.contract.affected_people import Chunk, chunk_item
from shared.contract.breaches import BreachDeclared, ChunkDue
from shared.contract.ports import VaultPort
from shared.runtime.journal import Journal

SIDE_BY_SIDE = 2
"""Chunks that share the connections: letters of one go while records of the other become durable."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to chunks of people."""

    ledgers: Ledgers
    standings: Standings
    vault: VaultPort = field(repr=False)
    channel: ConnectionPool
    connections: int
    house: SenderSettings
    paths: NoticePaths
    sender: str
    """Where letters come back to; empty: each to an address of its own."""
    sign: Callable[[bytes], bytes] | None
    persistence: Persistence
    pace: NoticePace
    journal: Journal
    """Where each chunk is a case of its own."""

    async def standing(self, incident: str) -> CampaignState:
        """Return the state of *incident* now: a resumed campaign must not be found paused."""
        return await self.standings.of(incident)

    async def write(self, event: ChunkDue, taken: LeasedBatch) -> Turn:
        """Write the letters left of a chunk, as far as it goes; return the turn that is over."""
        book = BatchLedger(self.ledgers, taken, on_page=_count)
        means = SendingPorts(
            self.channel,
            math.ceil(self.connections / SIDE_BY_SIDE),
            self.persistence,
            self.pace,
            goes_on=lambda: self._goes_on(event.request_id),
        )
        turn = Turn(taken, await self._letters(event, taken), book, means)
        await turn.run()
        if not turn.left:
            await book.close()
        return turn

    async def give_up(self, taken: LeasedBatch) -> None:
        """Close a chunk as it is."""
        await BatchLedger(self.ledgers, taken, on_page=_count).close()

    async def _goes_on(self, incident: str) -> bool:
        return await self.standings.lately(incident) is CampaignState.ON

    async def _letters(self, event: ChunkDue, taken: LeasedBatch) -> BatchLetters:
        case = event.request_id
        declared, sealed = await asyncio.gather(
            self.vault.open(case, event.declaration),
            self.vault.open(case, chunk_item(event.phase, event.chunk)),
        )
        chunk = Chunk.model_validate_json(sealed)
        notices = Notices(
            BreachDeclared.model_validate_json(declared),
            case,
            chunk,
            self.house,
            written_at=taken.begun_at,
            held_by_police=event.held_by_police,
            further=event.further,
        )
        first = CampaignNotice(self.paths.campaign(case), event.phase, event.chunk, 0)
        return BatchLetters(
            chunk.people, notices, first, self.paths, taken.domain, self.sender, self.sign, self.pace
        )


def _count(page: LedgerPage) -> None:
    for outcome, count in Counter(map(_kind, page.outcomes)).items():
        metrics.letter(outcome, count)


def _kind(outcome: Outcome) -> str:
    match outcome:
        case NoticeSentOutcome():
            return "sent_perhaps_twice" if outcome.doubtful else "sent"
        case Failed():
            return "refused"
        case _:
            return "later"
