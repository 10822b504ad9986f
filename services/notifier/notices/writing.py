"""
Writes notices: what was declared and a chunk of people go in, messages come out. Pure, and fast.

All people of a chunk are told under the same laws, in the same language. So a notice is laid out, translated
and encoded once for each set of categories; what is made for each person is an address, an id and a line.
"""

from dataclasses import dataclass, field
from datetime import datetime

from services.notifier import mime
from services.notifier.letters import presentable
from services.notifier.notices import mailboxes
from services.notifier.notices.composing import Form
from services.notifier.notices.declared import Circumstances
from services.notifier.notices.drafting import Draft
from services.notifier.wire import Wired
from services.notifier.writing import House
from shared.affected import Chunk, Reached
from shared.errors import MailRefused
from shared.incidents import BreachDeclared


@dataclass(slots=True)
class Notices:
    """
    Writes to the people of a chunk.

    Raises:
        ConfigurationError: A law is none that is known.
    """

    declared: BreachDeclared
    """What is told."""
    incident_id: str
    chunk: Chunk
    """Whom it is told, under which laws and in which language."""
    house: House
    """Who tells it."""
    held_by_police: bool = field(kw_only=True, default=False)
    """Whether an investigation has delayed it."""
    written_at: datetime = field(kw_only=True)
    """When it is written; the same at each attempt, so that a notice stays the same."""
    further: bool = field(kw_only=True, default=False)
    """Whether others were told of the breach before, when nobody knew of these people."""
    _draft: Draft = field(init=False, repr=False)
    _forms: dict[tuple[object, ...], Form] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        told = Circumstances(self.incident_id, self.further, self.held_by_police, self.written_at)
        self._draft = Draft.of(self.declared, told, self.chunk, self.house)

    def of(self, person: Reached, *, message_id: str) -> bytes:
        """
        Return the notice to *person* as an RFC 5322 message, not signed yet.

        The same arguments give the same bytes.

        Args:
            person: One of the chunk.
            message_id: ``<…@domain>``, the same for every attempt to send it.

        Raises:
            MailRefused: The person has no address that mail could go to, or it is the mailbox whose password
                was breached.
        """
        return self._filled(person, message_id, wired=False)

    def wired(self, person: Reached, *, message_id: str) -> Wired:
        """
        Return the notice to *person* as it goes over the wire.

        What is the same for all was made ready before: it costs less than to make the message ready.

        Args and errors: as :meth:`of`.
        """
        return Wired(self._filled(person, message_id, wired=True))

    def _filled(self, person: Reached, message_id: str, *, wired: bool) -> bytes:
        if not person.email:
            raise MailRefused("there is no mail address")
        mailboxes.must_be_safe(person, self.declared)
        name = presentable(person.name) if person.name else ""
        form = self._form(person, named=bool(name), wired=wired)
        return form.filled(mime.mailbox(mime.Mailbox(name, person.email)), name, message_id)

    def _form(self, person: Reached, *, named: bool, wired: bool) -> Form:
        key = (person.categories, person.services, named, wired)
        form = self._forms.get(key)
        if form is None:
            form = self._draft.form(person, named=named)
            form = self._forms[key] = form.on_the_wire() if wired else form
        return form
