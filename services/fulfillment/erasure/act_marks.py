"""
Marks that an act has begun, sealed in the vault before its first effect.

An act that has begun is finished and reported, also after a stop, a withdrawal or a crash. Two replicas may
handle its event side by side: the one that has read of a stop seals the same mark with other content. The
vault keeps the first content of a name, and both obey it. No other service but intake opens the compartment
of these names, and so none can hold an act back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.fulfillment.context import FulfillmentContext

BEGUN, HELD_BACK = b"begun", b"held back"
MARK = "act"
"""First part of the names of marks."""


@dataclass(frozen=True, slots=True)
class ActMark:
    """The mark of one act; each release of the request gives the act another name to begin under."""

    item: str
    """Name in the vault of the plan or the package."""
    ctx: FulfillmentContext
    earlier: str = ""
    """The name of the mark in 0.1.0, which said by being there that the act had begun."""

    async def begins(self) -> bool:
        """Mark the act as begun; return False if it is held back since another replica read of a stop."""
        return await self.is_first() or await self.stands()

    async def is_first(self) -> bool:
        """Mark the act as begun, unless it is marked; return whether it was not."""
        return await self.ctx.vault.seal(self.ctx.case_id, self._names()[-1], BEGUN)

    async def stands(self) -> bool:
        """Return whether the act has begun."""
        begun = [await self._begun_as(name) for name in self._names()]
        return any(begun) or bool(self.earlier and await self.ctx.vault.holds(self.ctx.case_id, self.earlier))

    async def has_begun(self) -> bool:
        """Return whether the act has begun; if not, hold it back until the request is released."""
        for name in self._names():
            await self.ctx.vault.seal(self.ctx.case_id, name, HELD_BACK)
        return await self.stands()

    async def take_back(self) -> None:
        """Remove the mark of an act that surely had no effect."""
        await self.ctx.vault.discard(self.ctx.case_id, self._names()[-1:])

    async def _begun_as(self, name: str) -> bool:
        try:
            return await self.ctx.vault.open(self.ctx.case_id, name) != HELD_BACK
        except KeyError:
            return False

    def _names(self) -> Sequence[str]:
        """Return the names that the act may have begun under, the one for now last."""
        later = range(1, self.ctx.known.releases + 1)
        return [f"{MARK}_{self.item}", *(f"{MARK}_{self.item}_{number}" for number in later)]
