"""Letters to people: facts go in, the bytes of a message come out. Pure."""

import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date as Date  # noqa: N812 - `date` is the parameter of compose
from datetime import datetime, tzinfo
from enum import Enum
from functools import lru_cache
from typing import Any

from markupsafe import escape
from pydantic import BaseModel

from services.notifier.letters import mime
from services.notifier.letters.languages import CATALOGUES
from services.notifier.letters.letter_models import (
    AuthorityContact,
    ForwardedToController,
    LetterFacts,
    Sender,
    totals_of,
)
from services.notifier.letters.skeletons import Laws, LetterShape, Skeleton, mark, skeletons
from services.notifier.letters.translations import title
from shared.contract.answer import LetterCopy
from shared.contract.references import short_reference
from shared.law import Money, Policy
from shared.pages.translation import Words, home_of

LONGEST_NAME = 60
WITHHELD = "[withheld]"
"""Takes the place of a secret in the copy of a letter."""
NO_NAME = re.compile(r"[/\\@:<>\[\]{}|]|www\.|\w\.\w{2}", re.IGNORECASE)
"""
Parts of a name that could act as a link or a second message: any requester chooses the name,
and a stranger may read it.
"""


@dataclass(frozen=True, slots=True)
class LetterRequest:
    """The content, the recipient, the laws and the language of a letter."""

    facts: LetterFacts
    request_id: str
    to: str
    name: str
    locale: str
    laws: tuple[Policy, ...]
    """Those that protect the person: the letter meets the demands of each. The first governs the answer."""
    authorities: tuple[AuthorityContact, ...]
    """For each of the laws, where the person can complain."""
    reply_to: str = ""
    """Where replies go, when not to the address for all replies."""
    stop: str = ""
    """Link that stops the request; empty for a letter that has none."""
    page: str = ""
    """Page of the request; empty for a letter to a reader who must not see it."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The links that act on the request, or open it, for everyone who has them."""
        opening = self.facts.url if isinstance(self.facts, ForwardedToController) else ""
        return tuple(filter(None, (self.stop, opening)))


@dataclass(frozen=True, slots=True)
class Composed:
    """A written letter."""

    message: bytes
    """RFC 5322, not signed yet."""
    subject: str
    body: mime.Alternatives
    forms: tuple[Skeleton, Skeleton] = field(repr=False)
    """Text and HTML without the values of this letter."""

    @property
    def template(self) -> bytes:
        """The copy of a letter of this shape without its values."""
        return _template(self.subject, self.forms)

    def copy_of(self, letter: LetterRequest) -> LetterCopy:
        """Return the copy for the staff; it withholds the links of *letter* that act for their holder."""
        text, html = self.body.text, self.body.html
        for secret in letter.secrets:
            text = text.replace(secret, WITHHELD)
            html = html.replace(str(escape(secret)), WITHHELD)
        return LetterCopy(to=letter.to, subject=self.subject, text=text, html=html)


def compose(letter: LetterRequest, *, sender: Sender, message_id: str, date: datetime) -> Composed:
    """
    Return *letter* as an RFC 5322 message, in text and HTML; the same arguments give the same bytes.

    Raises:
        MailRefused: The person's mail address is invalid.
    """
    words = _words(letter, sender.zone)
    subject, to = words.say(title(letter.facts)), mime.mailbox(presentable(letter.name), letter.to)
    replying = replace(sender, reply_to=letter.reply_to or sender.reply_to)
    headers = headers_of(replying, subject, words, date, to=to)
    if letter.request_id:
        headers["X-Habeas-Request"] = mime.unstructured(letter.request_id)
    outline, forms = _outlined(letter, sender)
    body = outline.filled(forms)
    message = mime.message(headers, body, message_id=message_id, logo=sender.logo)
    return Composed(message, subject, body, forms)


@lru_cache(maxsize=1024)
def _template(subject: str, forms: tuple[Skeleton, Skeleton]) -> bytes:
    text, html = ("".join(form.pieces) for form in forms)
    return LetterCopy(to="", subject=subject, text=text, html=html).written()


def headers_of(sender: Sender, subject: str, words: Words, date: datetime, *, to: str = "") -> dict[str, str]:
    """Return the headers of every letter; *to* is a value, encoded, and left out where it is empty."""
    return {
        "From": mime.mailbox(sender.name, sender.address),
        **({"To": to} if to else {}),
        **({"Reply-To": mime.addr_spec(sender.reply_to)} if sender.reply_to else {}),
        "Subject": mime.unstructured(subject),
        "Date": mime.date_header(date),
        "Content-Language": words.language,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }


def render(letter: LetterRequest, sender: Sender) -> mime.Alternatives:
    """Return the words of *letter* in both forms."""
    outline, forms = _outlined(letter, sender)
    return outline.filled(forms)


def _outlined(letter: LetterRequest, sender: Sender) -> tuple["LetterOutline", tuple[Skeleton, Skeleton]]:
    """Return the values of *letter*, and its skeletons."""
    outline = LetterOutline(_words(letter, sender.zone))
    shape = LetterShape(
        facts=outline.of(letter.facts),
        name=outline.of(presentable(letter.name)),
        reference=outline.of(short_reference(letter.request_id) if letter.request_id else ""),
        page=outline.of(letter.page),
        totals=outline.of(totals_of(letter.facts)),
        stop=outline.of(letter.stop),
        sender=sender,
        authorities=outline.of(_once(letter.authorities)),
        laws=Laws.of(letter.laws),
        language=outline.words.language,
    )
    return outline, skeletons(shape)


def presentable(name: str) -> str:
    """Return *name* as a letter may show it: one line, and nothing if it is more than a name."""
    name = mime.one_line(name)
    return "" if len(name) > LONGEST_NAME or NO_NAME.search(name) else name


@dataclass(frozen=True, slots=True)
class LetterOutline:
    """Takes the values out of facts, in words, and leaves numbered marks."""

    words: Words
    values: list[str] = field(default_factory=list)

    def of(self, value: Any) -> Any:
        """Return *value* with a mark for every text, date and number in it; those go to ``values``."""
        if (not value and value != 0) or isinstance(value, Enum | bool):
            return value
        if isinstance(value, tuple):
            return tuple(self.of(item) for item in value)
        if isinstance(value, BaseModel) and not isinstance(value, Money):
            # A reason is a code: the skeleton has its sentence. Most fields are empty.
            # Values that are not counted have no number.
            marked = {
                name: self.of(one)
                for name, one in value
                if (one or (one == 0 and name != "values")) and name != "reason"
            }
            return value.model_copy(update=marked)
        if is_dataclass(value) and not isinstance(value, type):
            return type(value)(*[self.of(getattr(value, name)) for name in _field_names(type(value))])
        return self.mark(self._in_words(value))

    def mark(self, words: str) -> str:
        """Return a mark for *words*, which stay as they are."""
        self.values.append(words)
        return mark(len(self.values) - 1)

    def filled(self, forms: tuple[Skeleton, Skeleton]) -> mime.Alternatives:
        """Return *forms*, text and HTML, with the values in their places."""
        text, html = forms
        return mime.Alternatives(text.fill(self.values), html.fill([str(escape(one)) for one in self.values]))

    def _in_words(self, value: object) -> str:
        match value:
            case datetime():
                return self.words.moment(value)
            case Date():
                return self.words.day(value)
            case int():
                return self.words.number(value)
            case Money():
                return self.words.money(value.amount, value.currency)
            case _:
                return mime.one_line(str(value))


@lru_cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _once(authorities: tuple[AuthorityContact, ...]) -> tuple[AuthorityContact | None, ...]:
    """Where several laws have the same, it stands with the first."""
    return tuple(
        None if authority in authorities[:place] else authority for place, authority in enumerate(authorities)
    )


def _words(letter: LetterRequest, zone: tzinfo) -> Words:
    home = home_of(place for law in letter.laws for place in law.places)
    return CATALOGUES.words(letter.locale, zone, at_home=home)
