"""
Access to California's lists for the services: sealing, announcement, search results, requests.

Unsalted hashes are personal data, so they stay in the vault and nothing else names them; the results of
fulfillment's search come back the same way (docs/adr/0019).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce

from services.intake.channels.drop.ledger import SetAsideList
from services.intake.domain import IntakeCase, evolve
from shared.contract.drop import LineSplitter, ListRow, id_in, row_of
from shared.contract.events import DropListed, DropMatched
from shared.contract.ports import VaultPort
from shared.errors import Destroyed
from shared.runtime.broker import EventPublisher
from shared.runtime.journal import JournalRow, events_of
from shared.runtime.service import JournalRowPort, messages_of

NAME = "intake"
PREFIX = "drop_"
"""Prefix of all names in the vault of a batch."""
MOST_ROWS = 20
"""Most unreadable rows of a list that the staff sees one by one."""


@dataclass(frozen=True, slots=True)
class BatchLists:
    """The lists of a batch."""

    vault: VaultPort
    journal: JournalRowPort
    publisher: EventPublisher
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def keep(self, batch: str, item: str, content: AsyncIterator[bytes]) -> None:
        """Seal a list."""
        await self.vault.create(batch)
        await self.vault.seal_stream(batch, item, content)

    async def announce(self, batch: str, items: tuple[str, ...]) -> None:
        """Have all lists so far searched, and *items* of *batch*; it may be repeated."""
        await self.vault.create(batch)
        facts = (DropListed(request_id=batch, lists=items),)
        row = JournalRow("", 0, f"listed {batch}", None, facts, self.clock())
        await self.publisher.publish(list(messages_of(row, NAME)))

    async def found(self, batch: str) -> DropMatched | None:
        """Return the results for *batch*; None while the search runs."""
        rows = (await self.journal.histories({batch})).get(batch, [])
        return next((fact for fact in events_of(rows) if isinstance(fact, DropMatched)), None)

    def content(self, batch: str, item: str) -> AsyncIterator[bytes]:
        """Yield the sealed *item*, in chunks."""
        return self.vault.open_stream(batch, item)

    async def is_whole(self, batch: str, item: str) -> bool:
        """Return whether *item* is sealed to its end."""
        try:
            async for _ in self.content(batch, item):
                pass
        except (KeyError, Destroyed):
            return False
        return True

    async def unreadable(self, batch: str, item: str, file: str) -> SetAsideList | None:
        """Return the unreadable rows of the list *item*, if any; its first line is the header."""
        number, count, rows = 0, 0, list[str]()
        async for line in self.lines(batch, item):
            number += 1
            if number > 1 and line and row_of(line) is None:
                count += 1
                if count <= MOST_ROWS:
                    rows.append(f"{number} {id_in(line)}".strip())
        return SetAsideList(batch, file, count, tuple(rows)) if count else None

    async def lines(self, batch: str, item: str) -> AsyncIterator[str]:
        """Yield the lines of the sealed *item*. Raises KeyError: it is not there."""
        lines = LineSplitter()
        async for piece in self.vault.open_stream(batch, item):
            for line in lines.of(piece):
                yield line
        for line in lines.rest():
            yield line

    async def rows(self, batch: str, item: str) -> AsyncIterator[ListRow]:
        """Yield the requests of a list; unreadable rows are skipped: they are set aside."""
        async for line in self.lines(batch, item):
            row = row_of(line)
            if row is not None:
                yield row

    async def cases(self, ids: set[str]) -> Mapping[str, IntakeCase]:
        """Return the state of each of *ids*."""
        histories = await self.journal.histories(ids)
        return {id_: reduce(evolve, events_of(histories.get(id_, ())), IntakeCase()) for id_ in ids}

    async def discard(self, batch: str) -> None:
        """Remove the lists and the results of *batch* for good."""
        await self.vault.discard_all(batch, (PREFIX,))
