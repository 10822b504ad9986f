"""
Previews of letters: what would be sent if the staff made a decision. Nothing is sent, and no state changes.

A preview has a place of its own in the vault of its case: handlers that run for it read the case, and write
there. It is removed once it is read, or by a timer.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from pydantic import BaseModel, ConfigDict

from shared.contract.correlation import Correlation
from shared.contract.envelope import FACTS
from shared.contract.events import Code, Decision, Fact, LetterKind, Record
from shared.contract.ports import VaultPort
from shared.errors import RefusedDecision

PREVIEW = "preview_"
"""First part of the names of everything that belongs to a preview."""
DECISION = "decision"
"""Name, in the place of a preview, of the decision that its acting service drafts."""
DRAFT = "draft"
"""Name there of the facts that would follow."""
RESULT = "result"
"""Name there of the :class:`DecisionPreview`."""
NO_LETTER = "no_letter"


class PreviewedLetter(BaseModel):
    """A letter as it would be sent; links that act for their holder are withheld."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    letter: LetterKind
    subject: str
    text: str
    html: str


class DecisionPreview(BaseModel):
    """The letters of a decision, or why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    letters: tuple[PreviewedLetter, ...] = ()
    refused: Code | None = None
    """Why the decision would be refused."""
    reason: Code | None = None
    """Why no letter would be sent: the reason of a failed notice, or ``no_letter``."""


@dataclass(frozen=True, slots=True)
class PreviewVault:
    """The vault of a case for a preview: what is written lies in the preview's place, nothing is removed."""

    vault: VaultPort
    preview: Code

    def own(self, item: str) -> str:
        """Return the name of *item* in the preview's place."""
        return f"{self.preview}_{item}"

    async def create(self, case: str) -> None:
        """Do nothing."""

    async def seal(self, case: str, item: str, content: bytes, *, like: bytes = b"") -> bool:
        """Seal *content* in the preview's place."""
        return await self.vault.seal(case, self.own(item), content, like=like)

    async def open(self, case: str, item: str) -> bytes:
        """Return *item* of the preview, or of the case."""
        try:
            return await self.vault.open(case, self.own(item))
        except KeyError:
            return await self.vault.open(case, item)

    async def holds(self, case: str, item: str) -> bool:
        """Return whether the preview or the case has *item*."""
        return await self.vault.holds(case, self.own(item)) or await self.vault.holds(case, item)

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Do nothing."""

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Do nothing."""

    async def seal_stream(
        self, case: str, item: str, content: AsyncIterable[bytes], *, like: bytes = b""
    ) -> int:
        """Seal *content* in the preview's place."""
        return await self.vault.seal_stream(case, self.own(item), content, like=like)

    async def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """Yield *item* of the preview, or of the case."""
        own = self.own(item)
        found = own if await self.vault.holds(case, own) else item
        async for piece in self.vault.open_stream(case, found, start=start):
            yield piece

    async def destroy(self, case: str) -> None:
        """Do nothing."""

    async def decision(self, case: str) -> Decision | None:
        """Return the decision that is previewed; None if the preview was removed meanwhile."""
        facts = await self.facts(case, DECISION)
        return next((one for one in facts or () if isinstance(one, Decision)), None)

    async def facts(self, case: str, item: str = DRAFT) -> list[Fact] | None:
        """Return the facts that are kept as *item*; None if the preview was removed meanwhile."""
        try:
            content = await self.vault.open(case, self.own(item))
        except KeyError:
            return None
        return [FACTS[type_].model_validate(data) for type_, data in orjson.loads(content)]

    async def draft(self, case: str, decided: Awaitable[Sequence[Fact]]) -> bool:
        """
        Keep the facts that a handler has *decided*, or why it refuses the decision.

        Returns True if there are facts: then the notifier writes the letter.
        """
        try:
            facts = await decided
        except RefusedDecision as refused:
            await self.conclude(case, DecisionPreview(refused=str(refused)))
            return False
        published = [fact for fact in facts if not isinstance(fact, Record)]
        await self.seal(case, DRAFT, packed_facts(published))
        return True

    async def conclude(self, case: str, result: DecisionPreview) -> None:
        """Keep the result; intake reads it."""
        await self.seal(case, RESULT, result.model_dump_json().encode())


class NoTimers:
    """Timers of a preview: none is set."""

    async def set(self, case: str, name: str, at: datetime, correlation: Correlation | None = None) -> None:
        """Do nothing."""

    async def cancel(self, case: str, kind: str) -> None:
        """Do nothing."""


def packed_facts(facts: Sequence[Fact]) -> bytes:
    """Return *facts* as they lie in the place of a preview."""
    return orjson.dumps([[fact.TYPE, fact.model_dump(mode="json")] for fact in facts])
