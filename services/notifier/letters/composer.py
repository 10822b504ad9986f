"""Letters to people: facts go in, the bytes of a message come out. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date as Date  # noqa: N812 - `date` is the parameter of compose
from datetime import datetime, tzinfo
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from markupsafe import escape

from services.notifier.letters import mime
from services.notifier.letters.languages import CATALOGUES
from services.notifier.letters.legal_content import Laws
from services.notifier.letters.letter_models import AuthorityContact, Facts, Sender
from services.notifier.letters.skeletons import LetterShape, mark, skeletons
from services.notifier.letters.translations import title
from shared.law import Money, Policy, Regulation
from shared.pages.translation import AT_HOME, Words

LONGEST_NAME = 60
NO_NAME = re.compile(r"[/\\@:<>\[\]{}|]|www\.|\w\.\w{2}", re.IGNORECASE)
"""
Parts of a name that could act as a link or a second message: any requester chooses the name,
and a stranger may read it.
"""

ENGLISH: Mapping[Regulation, str] = MappingProxyType(
    {
        Regulation.CCPA: "US",
        Regulation.US_STATE: "US",
        Regulation.PIPEDA: "CA",
        Regulation.QUEBEC: "CA",
        Regulation.DPDP: "IN",
        Regulation.PDPA: "SG",
    }
)
"""Countries of American English for readers without a stated one: dates differ. Elsewhere it is British."""


@dataclass(frozen=True, slots=True)
class LetterRequest:
    """The content, the recipient, the laws and the language of a letter."""

    facts: Facts
    request_id: str
    to: str
    name: str
    locale: str
    laws: tuple[Policy, ...]
    """Those that protect the person: the letter meets the demands of each. The first governs the answer."""
    authorities: tuple[AuthorityContact, ...]
    """For each of the laws, where the person can complain."""
    answers: str = ""
    """Where answers go, when not to where all answers go."""
    stop: str = ""
    """Link that stops the request; empty for a letter that has none."""


def compose(letter: LetterRequest, *, sender: Sender, message_id: str, date: datetime) -> bytes:
    """
    Return *letter* as an RFC 5322 message with a text and an HTML form.

    The same arguments give the same bytes.

    Args:
        letter: The content.
        sender: The sender.
        message_id: ``<…@domain>``, the same for every attempt to send this letter.
        date: When it was written.

    Raises:
        MailRefused: The person's mail address is invalid.
    """
    words = _words(letter, sender.zone)
    answers = letter.answers or sender.reply_to
    headers = {
        "From": mime.mailbox(mime.MimeMailbox(sender.name, sender.address)),
        "To": mime.mailbox(mime.MimeMailbox(presentable(letter.name), letter.to)),
        **({"Reply-To": mime.addr_spec(answers)} if answers else {}),
        "Subject": mime.unstructured(words.say(title(letter.facts))),
        "Date": mime.date_header(date),
        "Content-Language": words.language,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        **({"X-Habeas-Request": mime.unstructured(letter.request_id)} if letter.request_id else {}),
    }
    return mime.message(headers, render(letter, sender), message_id=message_id)


def render(letter: LetterRequest, sender: Sender) -> mime.Alternatives:
    """Return the words of *letter* in both forms."""
    outline = LetterOutline(_words(letter, sender.zone), [])
    shape = LetterShape(
        facts=outline.of(letter.facts),
        name=outline.of(presentable(letter.name)),
        reference=outline.of(letter.request_id),
        stop=outline.of(letter.stop),
        sender=sender,
        authorities=outline.of(_once(letter.authorities)),
        laws=Laws.of(letter.laws),
        language=outline.words.language,
    )
    text, html = skeletons(shape)
    escaped = [str(escape(value)) for value in outline.values]
    return mime.Alternatives(text=text.fill(outline.values), html=html.fill(escaped))


def presentable(name: str) -> str:
    """Return *name* as a letter may show it: one line, and nothing if it is more than a name."""
    name = mime.one_line(name)
    return "" if len(name) > LONGEST_NAME or NO_NAME.search(name) else name


@dataclass(frozen=True, slots=True)
class LetterOutline:
    """Takes the values out of facts, in words, and leaves numbered marks."""

    words: Words
    values: list[str]

    def of(self, value: Any) -> Any:
        """Return *value* with a mark for every text, date and number in it; those go to ``values``."""
        if (not value and value != 0) or isinstance(value, Enum | bool):
            return value
        if isinstance(value, tuple):
            return tuple(self.of(item) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            return type(value)(*[self.of(getattr(value, name)) for name in _field_names(type(value))])
        self.values.append(self._in_words(value))
        return mark(len(self.values) - 1)

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
    return tuple(field.name for field in fields(kind))


def _once(authorities: tuple[AuthorityContact, ...]) -> tuple[AuthorityContact | None, ...]:
    """Where several laws have the same, it stands with the first."""
    return tuple(
        None if authority in authorities[:place] else authority for place, authority in enumerate(authorities)
    )


def _words(letter: LetterRequest, zone: tzinfo) -> Words:
    law = letter.laws[0].regulation
    at_home = ENGLISH.get(law, AT_HOME) if law else AT_HOME
    return CATALOGUES.words(letter.locale, zone, at_home=at_home)
