"""
Writes notices: a declaration and a batch of people go in, messages come out.

A batch is notified under the same laws, in the same language. So a notice is laid out, translated
and encoded once for each set of categories; each person adds an address, an id and a line. Declared texts,
dates and kinds of data are marks in a skeleton, as in letters: no cache holds them. Quoted-printable is
encoded line by line: so the line with a name can be put in between others that were encoded before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, Self

from markupsafe import escape

from services.notifier.breach.notices import mailboxes
from services.notifier.breach.notices.facts import (
    BreachNotice,
    Circumstances,
    NoticeAddressees,
    lines,
    monitoring,
    names,
    paragraphs,
)
from services.notifier.breach.notices.methods import MANNERS, NoticeMethod, Part
from services.notifier.context import SenderSettings
from services.notifier.letters import mime
from services.notifier.letters.composer import LetterOutline, headers_of, presentable
from services.notifier.letters.languages import CATALOGUES
from services.notifier.letters.letter_models import AuthorityContact, Sender
from services.notifier.letters.skeletons import Say, Skeleton, rendered
from shared.contract.affected_people import NoticeBatch, NoticeRecipient
from shared.contract.events.breaches import BreachDeclared
from shared.contract.references import short_reference
from shared.errors import MailRefused
from shared.law.breaches import BreachPolicy
from shared.law.library import breach_policies
from shared.pages.translation import Words
from shared.pages.translation import mark as _

DRILL = _("Drill")
"""Before the subject of a letter of a drill."""
NAME = "\x00"
"""Stands where the name belongs."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """A contact with an address and a telephone number."""

    name: str
    address: str
    telephone: str
    url: str


BUREAUS = (
    Mailing("Equifax", "P.O. Box 105788, Atlanta, GA 30348", "1-888-298-0045", "www.equifax.com"),
    Mailing("Experian", "P.O. Box 9554, Allen, TX 75013", "1-888-397-3742", "www.experian.com"),
    Mailing("TransUnion", "P.O. Box 160, Woodlyn, PA 19094", "1-888-909-8872", "www.transunion.com"),
)
"""
The consumer reporting agencies that cover the whole country.

Law:
    Cal. Civ. Code § 1798.82(d)(2)(F): their toll-free telephone numbers and addresses. These are the
    ones for security freezes; secondary source, to be checked before a notice goes out.
"""
TRADE_COMMISSION = Mailing(
    "Federal Trade Commission",
    "600 Pennsylvania Avenue NW, Washington, DC 20580",
    "1-877-438-4338",
    "www.identitytheft.gov",
)


@dataclass(frozen=True, slots=True)
class NoticeShape:
    """A notice without its values: each of them is a mark."""

    facts: BreachNotice
    manner: NoticeMethod
    name: str
    reference: str
    sender: Sender
    authorities: tuple[AuthorityContact, ...]
    attorneys: tuple[AuthorityContact, ...]
    language: str


@dataclass(frozen=True, slots=True)
class EncodedBody:
    """A text in quoted-printable, with room for one line."""

    before: bytes
    line: tuple[str, ...]
    """The pieces of the line between which the name stands; none: nothing does."""
    after: bytes
    finish: Callable[[bytes], bytes]
    """Applied to all that is encoded."""

    @classmethod
    def of(cls, text: str, finish: Callable[[bytes], bytes]) -> "EncodedBody":
        """Encode *text*, in which :data:`NAME` stands in one line at most."""
        before, found, after = text.partition(NAME)
        if not found:
            return cls(finish(mime.quoted_printable(text)), (), b"", finish)
        lines, _, lead = before.rpartition("\n")
        rest, _, below = after.partition("\n")
        encoded = [finish(mime.quoted_printable(part)) for part in (f"{lines}\n", below)]
        return cls(encoded[0], (lead, *rest.split(NAME)), encoded[1], finish)

    def filled(self, name: str) -> bytes:
        """Return the whole text, with *name* in its place."""
        if not self.line:
            return self.before
        line = self.finish(mime.quoted_printable(f"{name.join(self.line)}\n"))
        return b"".join((self.before, line, self.after))


@dataclass(frozen=True, slots=True)
class MessageForm:
    """A message in pieces, between which recipient and id are filled in."""

    head: bytes
    rest: bytes
    text: EncodedBody
    between: bytes
    html: EncodedBody
    end: bytes

    @classmethod
    def of(
        cls, body: mime.Alternatives, headers: dict[str, str], *, wired: bool, logo: bytes = b""
    ) -> "MessageForm":
        """Return *body* with *headers* as a message to any person; *wired*: as it goes over the wire."""
        finish: Callable[[bytes], bytes] = mime.stuffed if wired else bytes
        boundary = f"=_{sha256((body.text + headers['Subject']).encode()).hexdigest()[:24]}"
        rest = [f"{name}: {value}" for name, value in headers.items() if name != "From"]
        rest += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""]
        return cls(
            head=finish(f"From: {headers['From']}\r\n".encode()),
            rest=finish("\r\n".join(rest).encode() + mime.part_head(boundary, "plain")),
            text=EncodedBody.of(body.text, finish),
            between=finish(b"\r\n" + mime.html_head(boundary, logo)),
            html=EncodedBody.of(body.html, finish),
            end=finish(mime.end(boundary, logo)) + (mime.END if wired else b""),
        )

    def filled(self, to: str, name: str, message_id: str) -> bytes:
        """Return the message; *to* is the value of the header, encoded, and *name* stands in the greeting."""
        addressed = f"To: {to}\r\nMessage-ID: {message_id}\r\n".encode()
        text, html = self.text.filled(name), self.html.filled(str(escape(name)))
        return b"".join((self.head, addressed, self.rest, text, self.between, html, self.end))


@dataclass(frozen=True, slots=True)
class Notices:
    """Writes to recipients of one kind, under the same laws and in the same language."""

    declared: BreachDeclared
    circumstances: Circumstances
    policies: tuple[BreachPolicy, ...]
    to: NoticeAddressees
    house: SenderSettings
    words: Words
    _forms: dict[tuple[object, ...], MessageForm] = field(init=False, repr=False, default_factory=dict)

    @classmethod
    def to_batch(
        cls, declared: BreachDeclared, circumstances: Circumstances, batch: NoticeBatch, house: SenderSettings
    ) -> Self:
        """
        Return the notices to *batch*.

        Raises:
            ConfigurationError: A law is none that is known.
        """
        policies = tuple(map(breach_policies().named, batch.laws))
        words = words_of(policies, batch.language, house)
        return cls(declared, circumstances, policies, batch.to, house, words)

    def of(self, person: NoticeRecipient, *, message_id: str) -> bytes:
        """
        Return the notice to *person*, not signed; the same arguments give the same bytes (RFC 5322).

        Raises:
            MailRefused: The person has no address that mail could go to, or the password of its mailbox
                was breached.
        """
        return self._filled(person, message_id, wired=False)

    def wired(self, person: NoticeRecipient, *, message_id: str) -> mime.Wired:
        """
        Return the notice to *person* as it goes over the wire; arguments and errors as of :meth:`of`.

        The common parts were made ready before: it costs less than to make the message ready.
        """
        return mime.Wired(self._filled(person, message_id, wired=True))

    def body(self, person: NoticeRecipient, name: str) -> mime.Alternatives:
        """Return the body of the notice to *person*, with *name* in the greeting."""
        outline = LetterOutline(self.words)
        return outline.filled(skeletons(self._shape(person, name, outline)))

    def _filled(self, person: NoticeRecipient, message_id: str, *, wired: bool) -> bytes:
        if not person.email:
            raise MailRefused("there is no mail address")
        mailboxes.must_be_safe(person, self.declared)
        name = presentable(person.name) if person.name else ""
        key = (person.categories, person.services, bool(name), wired)
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = self._form(person, named=bool(name), wired=wired)
        return form.filled(mime.mailbox(name, person.email), name, message_id)

    def _form(self, person: NoticeRecipient, *, named: bool, wired: bool) -> MessageForm:
        """Return the message to all with the same breached data as *person*, without their names."""
        outline, sender, incident = LetterOutline(self.words), self.house.sender, self.circumstances.incident
        shape = self._shape(person, NAME if named else "", outline)
        subject = titled(shape.manner.title, self.words.say, prescribed=shape.manner.prescribed)
        if self.declared.drill:
            subject = f"{self.words.say(DRILL)}: {subject}"
        # Replies go to the address for all: one that asks for something becomes a request.
        headers = headers_of(sender, subject, self.words, self.circumstances.written_at)
        headers["X-Habeas-Incident"] = mime.unstructured(incident)
        return MessageForm.of(outline.filled(skeletons(shape)), headers, wired=wired, logo=sender.logo)

    def _shape(self, person: NoticeRecipient, name: str, outline: LetterOutline) -> NoticeShape:
        notice = self._notice(person)
        return NoticeShape(
            facts=outline.of(notice),
            manner=MANNERS[self.to](self.policies, notice, person.categories or self.declared.categories),
            name=outline.mark(name) if name else "",
            reference=outline.of(short_reference(self.circumstances.incident)),
            sender=self.house.sender,
            authorities=self._bodies(Part.COMPLAINT, self.house.authority),
            attorneys=self._bodies(Part.AUTHORITIES, None),
            language=self.words.language,
        )

    def _notice(self, person: NoticeRecipient) -> BreachNotice:
        """Return the notice to *person*; texts in their language if they were declared in it."""
        declared, words, circumstances = self.declared, self.words, self.circumstances
        account = declared.account(str(words.locale))
        first_day = self._day(declared.occurred_from)
        last_day = self._day(declared.occurred_to) if declared.occurred_to else None
        american = _country(self.policies) == "US"
        return BreachNotice(
            nature=paragraphs(account.nature),
            consequences=paragraphs(account.consequences),
            measures=paragraphs(account.measures),
            advice=paragraphs(account.advice),
            contact=lines(declared.contact),
            first_day=first_day,
            last_day=None if last_day == first_day else last_day,
            one_day=last_day == first_day,
            noticed_on=self._day(declared.detected_at),
            written_on=self._day(circumstances.written_at),
            aware_at=declared.aware_at,
            categories=names(person.categories or declared.categories, words, american=american),
            to_controller=self.to == "controllers",
            to_public=self.to == "public",
            to_users=self.to == "users",
            held_by_police=circumstances.held_by_police,
            further=circumstances.further,
            late_because=paragraphs(account.late_because or ""),
            watch=monitoring(declared.protection, account.sign_up),
            services=person.services,
            next_update_at=declared.next_update_at,
            final=declared.final,
            drill=bool(declared.drill),
        )

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.words.zone).date()

    def _bodies(self, part: Part, otherwise: AuthorityContact | None) -> tuple[AuthorityContact, ...]:
        """Return the bodies of the laws that want *part*, each once."""
        wanting = (policy for policy in self.policies if any(said.element is part for said in policy.letter))
        found = (_authority(policy, self.words.language) or otherwise for policy in wanting)
        return tuple(dict.fromkeys(filter(None, found)))


def words_of(policies: Sequence[BreachPolicy], language: str, house: SenderSettings) -> Words:
    """Return the words of *language* where the first of *policies* is in force: its English, and its days."""
    zone = next((policy.zone for policy in policies[:1] if policy.zone), house.sender.zone)
    return CATALOGUES.words(language, zone, at_home=_country(policies))


def _authority(policy: BreachPolicy, language: str) -> AuthorityContact | None:
    body = policy.authority
    return AuthorityContact(body.name_in(language), body.for_people) if body else None


def _country(policies: Sequence[BreachPolicy]) -> str:
    """Return the country of the first of *policies*, if it is a law of one: laws are named after it."""
    law = policies[0].law if policies else ""
    return law[:2].upper() if law[2:3] == "-" else ""


@lru_cache(maxsize=1024)
def skeletons(shape: NoticeShape) -> tuple[Skeleton, Skeleton]:
    """Return the skeletons of *shape*: text and HTML."""
    cited = {part.replace("_", "-"): where for part, where in shape.manner.provisions}
    return rendered("notices/notice.jinja", shape.language, partial(_content, shape), cited.get, shape.sender)


def titled(words: str, translate: Say, *, prescribed: bool) -> str:
    """Return *words* translated; where a law prescribes them, as it has them, with the meaning beside."""
    meaning = translate(words)
    return f"{words} ({meaning})" if prescribed and meaning != words else meaning


def _content(shape: NoticeShape, translate: Say) -> Mapping[str, Any]:
    said = partial(titled, translate=translate, prescribed=shape.manner.prescribed)
    return {
        "_": translate,
        "f": shape.facts,
        "title": said(shape.manner.title),
        "heading": said,
        "sections": shape.manner.sections,
        "name": shape.name,
        "reference": shape.reference,
        "sender": shape.sender,
        "authorities": shape.authorities,
        "attorneys": shape.attorneys,
        "language": shape.language,
        "BUREAUS": BUREAUS,
        "TRADE_COMMISSION": TRADE_COMMISSION,
    }
