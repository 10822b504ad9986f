"""Ports that several services use: the vault and the timers. Pure."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from shared.contract.correlation import Correlation


class VaultPort(Protocol):
    """The vault. Each case has a key of its own; without it nothing can be opened."""

    async def create(self, case: str) -> None:
        """Give *case* its key; after its key was destroyed, a case never gets another."""

    async def seal(self, case: str, item: str, content: bytes, *, like: bytes = b"") -> bool:
        """
        Seal *content* under the name *item*, unless the name is taken; return whether this content is there.

        *like* is text without personal data that *content* resembles; it takes less room then.

        Raises:
            Destroyed: The case has no key.
            StoreUnavailable: The database did not answer.
        """

    async def open(self, case: str, item: str) -> bytes:
        """
        Return the content of *item*.

        Raises:
            Destroyed: The case or the item is gone.
            StoreUnavailable: The database did not answer.
        """

    async def holds(self, case: str, item: str) -> bool:
        """Return whether there is an item of that name."""

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good."""

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Remove all items with names that begin with one of *prefixes*, except those in *but*."""

    async def seal_stream(
        self, case: str, item: str, content: AsyncIterable[bytes], *, like: bytes = b""
    ) -> int:
        """
        Seal a large *content*; return its size in bytes. *like* is as for :meth:`seal`.

        Raises:
            Destroyed: The case has no key.
            StoreUnavailable: The database did not answer.
        """

    def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """
        Yield the content that was sealed by :meth:`seal_stream`, from byte *start* on.

        Raises:
            Destroyed: The case or the item is gone.
            StoreUnavailable: The database did not answer.
        """

    async def destroy(self, case: str) -> None:
        """Destroy the key of *case*, and with it all that it sealed."""


class TimersPort(Protocol):
    """Moments at which a service gets an event."""

    async def set(self, case: str, name: str, at: datetime, correlation: Correlation | None = None) -> None:
        """
        Report the moment *at* to the service; the first one that is set under *name* counts.

        *correlation* is for a moment that may come before the first row of *case*.
        """

    async def cancel(self, case: str, kind: str) -> None:
        """Remove the timers of *case* with a name that begins with *kind*; they may be set again."""
