"""Hands letters to the mail server: admit, claim, sign, send; the journal's row is the record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from prometheus_client import Counter

from services.notifier.domain import LetterCount
from services.notifier.smtp.server import Barred, MailboxFull, MailInDoubt, NoSuchMailbox, SenderBlamed
from shared.contract.events import Code
from shared.errors import MailRefused, MailUnavailable
from shared.runtime.log import logger
from shared.runtime.metrics import REGISTRY

_LETTERS = Counter(  # labels come from closed vocabularies; never an address or a domain
    "habeas_letters",
    "Outcomes of letters, each time that they were tried.",
    ["outcome"],
    registry=REGISTRY,
)
_REPORTS = Counter(
    "habeas_mail_reports",
    "Messages to the port for returned mail: `no_report` and `unknown_letter` were dropped.",
    ["outcome"],
    registry=REGISTRY,
)


def count_letter(outcome: str, count: int = 1) -> None:
    """Count letters that were tried."""
    _LETTERS.labels(outcome).inc(count)


def count_report(outcome: str) -> None:
    """Count a message that came back."""
    _REPORTS.labels(outcome).inc()


class Posted(StrEnum):
    """The outcome of posting a letter."""

    SENT = "sent"
    SENT_PERHAPS_TWICE = "sent_perhaps_twice"
    REFUSED = "refused"
    UNKNOWN_MAILBOX = "unknown_mailbox"
    FULL = "full"

    @property
    def failure(self) -> Code | None:
        """Why the person must be notified by other means; None where the letter went out."""
        return FAILURES.get(self)


FAILURES = {
    Posted.REFUSED: "mail_refused",
    Posted.UNKNOWN_MAILBOX: "mailbox_unknown",
    Posted.FULL: "mailbox_full",
}


class MailServerPort(Protocol):
    """A mail server."""

    async def send(self, sender: str, recipient: str, message: bytes) -> object:
        """Return when the server has taken *message*."""


class LetterClaimPort(Protocol):
    """Records of letters begun."""

    async def claim(self, letter: str) -> bool:
        """Claim *letter*; return whether it was not begun before."""

    async def release(self, letter: str) -> None:
        """Take the claim back."""

    async def put_off(self, letter: str, now: datetime) -> datetime:
        """Note that *letter* is not let in for now; return when that was first so."""


class DomainLimitPort(Protocol):
    """Limits on letters to a domain."""

    async def admit(self, recipient: str) -> None:
        """Count a letter to *recipient*, or raise ``MailUnavailable``."""


class MailboxLimitPort(Protocol):
    """Limits on letters to a mailbox."""

    async def admit(self, counted: LetterCount, mailbox: str, letter: str, now: datetime) -> bool:
        """Count *letter* towards the limit *counted* and return whether *mailbox* may get it."""


@dataclass(frozen=True, slots=True)
class LetterPost:
    """The way out for letters."""

    channel: MailServerPort
    claims: LetterClaimPort
    limits: DomainLimitPort
    mailboxes: MailboxLimitPort
    return_path: Callable[[str], str]
    """Letter → envelope sender."""
    sign: Callable[[bytes], bytes]
    wait_for: timedelta
    """How long a full mailbox, or a policy, is waited for before the person is notified by other means."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        """Return whether *recipient* may get one more of the letters *counted* today."""
        admitted = await self.mailboxes.admit(counted, recipient, letter, self.clock())
        if not admitted:
            count_letter("limited")
        return admitted

    async def send(self, letter: str, recipient: str, message: bytes) -> Posted:
        """
        Hand over *message*, known as *letter* and not signed yet, at most once as far as that can be known.

        A letter that was begun and never recorded goes out again with the same Message-ID.

        Raises:
            MailUnavailable: The mail server does not take it now, or the domain is sent no more for now.
        """
        try:
            posted = await self._send(letter, recipient, message)
        except MailUnavailable as error:
            count_letter("later")
            if isinstance(error, SenderBlamed):  # every letter waits until the operator sees to it
                logger().error("the mail server blames the sender", reason=str(error))
            raise
        count_letter(posted)
        return posted

    async def _send(self, letter: str, recipient: str, message: bytes) -> Posted:
        await self.limits.admit(recipient)
        first = await self.claims.claim(letter)
        try:
            await self.channel.send(self.return_path(letter), recipient, self.sign(message))
        except MailInDoubt:
            raise
        except MailUnavailable as error:
            if first:
                await self.claims.release(letter)
            if isinstance(error, MailboxFull | Barred) and await self._waits_for_long(letter):
                return Posted.FULL if isinstance(error, MailboxFull) else Posted.REFUSED
            raise
        except NoSuchMailbox:
            return Posted.UNKNOWN_MAILBOX
        except MailRefused:
            return Posted.REFUSED
        return Posted.SENT if first else Posted.SENT_PERHAPS_TWICE

    async def _waits_for_long(self, letter: str) -> bool:
        now = self.clock()
        return now - await self.claims.put_off(letter, now) >= self.wait_for
