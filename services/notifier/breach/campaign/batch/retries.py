"""Retries of letters that are not taken, and answers that concern the sender or the server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.notifier.breach.campaign.batch.send_queue import PAUSES_S
from services.notifier.breach.campaign.outcomes import Delayed
from services.notifier.smtp.mail_channel import MailboxFull, Objected, SenderBlamed
from shared.contract.events import Code
from shared.errors import MailUnavailable

NO_REST = timedelta()
RESTS = (NO_REST, NO_REST, NO_REST, timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
"""How long a letter rests that was not taken in so many turns, however often its chunk has one."""
COPIES = 3
"""So many times, at the most, a letter is handed over to a server that does not say whether it took it."""
DOUBT_RESTS = timedelta(hours=1)
"""Between two of these."""
SEVERAL = 5
"""Number of people in a row with the same answer after which a server means us, and not them."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """Limits on retries of letters that are not taken."""

    whole: timedelta
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def given_up(self, error: MailUnavailable, delayed: Delayed) -> Code | None:
        """Return why the letter is given up, if it is: for a full mailbox and a policy half is waited."""
        waited = self.clock() - delayed.since
        if isinstance(error, MailboxFull) and waited >= self.whole / 2:
            return "mailbox_full"
        if isinstance(error, Objected) and waited >= self.whole / 2:
            return "mail_refused"
        return "not_taken" if waited >= self.whole else None

    def not_before(self, tries: int, *, in_doubt: bool) -> datetime | None:
        """Return when a letter is tried again that was not taken *tries* times; None: with the next turn."""
        if in_doubt:
            return self.clock() + DOUBT_RESTS
        turn = tries // (len(PAUSES_S) + 1)
        rest = RESTS[min(turn, len(RESTS) - 1)]
        return self.clock() + rest if rest else None


@dataclass(slots=True)
class Objections:
    """A mail server's refusals of us since it took a letter."""

    answer: str = ""
    about: set[int] = field(default_factory=set)

    def add(self, number: int, answer: str) -> int:
        """Return to how many letters in a row *answer* was the answer, the one to *number* with them."""
        if answer != self.answer:
            self.answer, self.about = answer, set()
        self.about.add(number)
        return len(self.about)


def about_the_letter(error: MailUnavailable) -> bool:
    """Return whether another letter may fare better than the one that *error* is about."""
    return isinstance(error, Objected) or not isinstance(error, SenderBlamed)
