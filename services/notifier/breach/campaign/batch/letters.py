"""The letters of a batch, each made when its turn comes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from services.notifier.breach.campaign.batch.send_queue import NoticePace
from services.notifier.breach.campaign.outcomes import Failed
from services.notifier.breach.notices import mailboxes
from services.notifier.breach.notices.writer import Notices
from services.notifier.letters.mime import Wired, wired
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths
from shared.contract.affected_people import NoticeRecipient
from shared.errors import MailRefused


@dataclass(frozen=True, slots=True)
class ReadyNotice:
    """A notice, ready to go."""

    sender: str
    recipient: str
    message: Wired


@dataclass(frozen=True, slots=True)
class BatchLetters:
    """Makes a letter to each of the people of a batch; the same one however often it is made."""

    people: Sequence[NoticeRecipient] = field(repr=False)
    notices: Notices = field(repr=False)
    first: CampaignNotice
    """The letter to the first of them."""
    paths: NoticePaths
    domain: str
    """The domain of message ids."""
    sender: str
    """Where letters come back to; empty: each to an address of its own."""
    sign: Callable[[bytes], bytes] | None
    """Signs a letter; None: letters are not signed."""
    pace: NoticePace

    def limited(self, number: int) -> str | None:
        """Return the mail domain of the person *number* if it is limited."""
        return self.pace.limited(self._addresses(number)[0])

    def others(self, number: int) -> int:
        """Return the number of further addresses that the person *number* has for letters."""
        return len(self._addresses(number)) - 1

    def _addresses(self, number: int) -> Sequence[str | None]:
        """
        Return the addresses of the person *number*, at least one; each is used if the one before is given up.

        Mailboxes with a breached password are left out if there are others, and so are further addresses at
        domains with a limit.
        """
        person = self.people[number]
        if not person.others:
            return [person.email]
        first, *others = mailboxes.addresses(person, self.notices.declared) or (person.email,)
        return [first, *(address for address in others if self.pace.limited(address) is None)]

    def make(self, number: int, *, gone: int = 0) -> ReadyNotice | Failed:
        """Return the letter to the person *number*, without their first *gone* addresses; or the failure."""
        person, notice = self.people[number], replace(self.first, number=number)
        if not person.email:
            return Failed(number, "no_address", "the records hold no mail address")
        if person.others:
            person = person.model_copy(update={"email": self._addresses(number)[gone]})
        try:
            message = self._message(person, self.paths.message_id(notice, self.domain))
        except mailboxes.BreachedMailbox as error:
            return Failed(number, "mailbox_breached", str(error))
        except MailRefused as error:
            return Failed(number, "mail_refused", str(error))
        return ReadyNotice(self.sender or self.paths.of(notice), str(person.email), message)

    def _message(self, person: NoticeRecipient, message_id: str) -> Wired:
        if self.sign is None:
            return self.notices.wired(person, message_id=message_id)
        return wired(self.sign(self.notices.of(person, message_id=message_id)))
