"""Hands letters to the mail server: claim, send; the journal's row is the record."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.notifier.channels import MailInDoubt
from shared.errors import MailRefused, MailUnavailable


class Posted(StrEnum):
    """What became of a letter."""

    SENT = "sent"
    SENT_PERHAPS_TWICE = "sent_perhaps_twice"
    REFUSED = "refused"


class Channel(Protocol):
    """A mail server."""

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Return when the server has taken *message*."""


class Claims(Protocol):
    """Which letters were begun."""

    async def claim(self, letter: str) -> bool:
        """Claim *letter*; return whether nobody had begun it before."""

    async def release(self, letter: str) -> None:
        """Take the claim back."""


@dataclass(frozen=True, slots=True)
class Post:
    """The way out for letters."""

    channel: Channel
    claims: Claims
    bounces_to: str
    """Envelope sender."""

    async def send(self, letter: str, recipient: str, message: bytes) -> Posted:
        """
        Hand over *message*, known as *letter*, at most once as far as that can be known.

        A letter that was begun and never recorded goes out again with the same Message-ID.

        Raises:
            MailUnavailable: The mail server does not take it now.
        """
        first = await self.claims.claim(letter)
        try:
            await self.channel.send(self.bounces_to, recipient, message)
        except MailInDoubt:
            raise
        except MailUnavailable:
            if first:
                await self.claims.release(letter)
            raise
        except MailRefused:
            return Posted.REFUSED
        return Posted.SENT if first else Posted.SENT_PERHAPS_TWICE
