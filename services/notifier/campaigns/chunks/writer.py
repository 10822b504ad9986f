"""What it takes to write to a chunk of people, and how it is put together."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from services.notifier import figures
from services.notifier.campaigns.chunks.book import Book
from services.notifier.campaigns.chunks.letters import Letters
from services.notifier.campaigns.chunks.pace import Pace
from services.notifier.campaigns.chunks.patience import Persistence
from services.notifier.campaigns.chunks.turn import Channel, Means, Turn
from services.notifier.campaigns.ledgers import Ledgers, Page
from services.notifier.campaigns.outcomes import Failed, Outcome, Sent, Taken
from services.notifier.campaigns.standings import Standing, Standings
from services.notifier.notices.writing import Notices
from services.notifier.returnpath import Notice, NoticePaths
from services.notifier.writing import House, Vault
from shared.affected import Chunk, chunk_item
from shared.incidents import BreachDeclared, ChunkDue
from shared.journal import Journal

SIDE_BY_SIDE = 2
"""Chunks that share the connections: letters of one go while what is said of the other becomes durable."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to chunks of people."""

    ledgers: Ledgers
    standings: Standings
    vault: Vault = field(repr=False)
    channel: Channel
    connections: int
    house: House
    paths: NoticePaths
    sender: str
    """Where letters come back to; empty: each to an address of its own."""
    sign: Callable[[bytes], bytes] | None
    persistence: Persistence
    pace: Pace
    journal: Journal
    """Where each chunk is a case of its own."""

    async def standing(self, incident: str) -> Standing:
        """Return how it stands with *incident* now: who is let go on must not find that it is paused."""
        return await self.standings.of(incident)

    async def write(self, event: ChunkDue, taken: Taken) -> Turn:
        """Write to who of a chunk is left, as far as it goes; return the turn that is over."""
        book = Book(self.ledgers, taken, told=_count)
        means = Means(
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

    async def give_up(self, taken: Taken) -> None:
        """Close a chunk as it is."""
        await Book(self.ledgers, taken, told=_count).close()

    async def _goes_on(self, incident: str) -> bool:
        return await self.standings.lately(incident) is Standing.ON

    async def _letters(self, event: ChunkDue, taken: Taken) -> Letters:
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
        first = Notice(self.paths.campaign(case), event.phase, event.chunk, 0)
        return Letters(
            chunk.people, notices, first, self.paths, taken.domain, self.sender, self.sign, self.pace
        )


def _count(page: Page) -> None:
    for outcome, count in Counter(map(_kind, page.outcomes)).items():
        figures.letter(outcome, count)


def _kind(outcome: Outcome) -> str:
    match outcome:
        case Sent():
            return "sent_perhaps_twice" if outcome.doubtful else "sent"
        case Failed():
            return "refused"
        case _:
            return "later"
