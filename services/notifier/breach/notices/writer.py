"""
Writes notices: a declaration and a chunk of people go in, messages come out.

A chunk is notified under the same laws, in the same language. So a notice is laid out, translated
and encoded once for each set of categories; each person adds an address, an id and a line.
"""

from dataclasses import dataclass, field
from datetime import datetime

from services.notifier.breach.notices import mailboxes
from services.notifier.breach.notices.composer import MessageForm
from services.notifier.breach.notices.declared import Circumstances
from services.notifier.breach.notices.draft import Draft
from services.notifier.context import SenderSettings
from services.notifier.letters import mime
from services.notifier.letters.composer import presentable
from services.notifier.smtp.smtp_data import Wired
from shared.contract.affected_people import Chunk, NoticeRecipient
from shared.contract.events.breaches import BreachDeclared
from shared.errors import MailRefused


@dataclass(slots=True)
class Notices:
    """
    Writes to the people of a chunk.

    Raises:
        ConfigurationError: A law is none that is known.
    """

    declared: BreachDeclared
    """The content."""
    incident_id: str
    chunk: Chunk
    """The people, their laws and their language."""
    house: SenderSettings
    """The sender."""
    held_by_police: bool = field(kw_only=True, default=False)
    """Whether an investigation has delayed it."""
    written_at: datetime = field(kw_only=True)
    """When it is written; the same at each attempt, so that a notice stays the same."""
    further: bool = field(kw_only=True, default=False)
    """Whether others were notified of the breach before these people were known."""
    _draft: Draft = field(init=False, repr=False)
    _forms: dict[tuple[object, ...], MessageForm] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        circumstances = Circumstances(self.incident_id, self.further, self.held_by_police, self.written_at)
        self._draft = Draft.of(self.declared, circumstances, self.chunk, self.house)

    def of(self, person: NoticeRecipient, *, message_id: str) -> bytes:
        """
        Return the notice to *person* as an RFC 5322 message, not signed yet.

        The same arguments give the same bytes.

        Args:
            person: One of the chunk.
            message_id: ``<…@domain>``, the same for every attempt to send it.

        Raises:
            MailRefused: The person has no address that mail could go to, or the password of its mailbox
                was breached.
        """
        return self._filled(person, message_id, wired=False)

    def wired(self, person: NoticeRecipient, *, message_id: str) -> Wired:
        """
        Return the notice to *person* as it goes over the wire.

        The common parts were made ready before: it costs less than to make the message ready.

        Args and errors: as :meth:`of`.
        """
        return Wired(self._filled(person, message_id, wired=True))

    def _filled(self, person: NoticeRecipient, message_id: str, *, wired: bool) -> bytes:
        if not person.email:
            raise MailRefused("there is no mail address")
        mailboxes.must_be_safe(person, self.declared)
        name = presentable(person.name) if person.name else ""
        form = self._form(person, named=bool(name), wired=wired)
        return form.filled(mime.mailbox(mime.MimeMailbox(name, person.email)), name, message_id)

    def _form(self, person: NoticeRecipient, *, named: bool, wired: bool) -> MessageForm:
        key = (person.categories, person.services, named, wired)
        form = self._forms.get(key)
        if form is None:
            form = self._draft.form(person, named=named)
            form = self._forms[key] = form.on_the_wire() if wired else form
        return form
