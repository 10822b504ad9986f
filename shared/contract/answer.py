"""
Answers, and other content that services exchange through the vault.

It names groups of records and holds none of them; it is sealed all the same, because what a company holds
about a person says something about the person.
"""

import zlib
from datetime import date
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contract.events import Locale, Residence, Subject
from shared.law import Regulation, Right

SUBMISSION = "submission"
"""Name under which a request lies in the vault, as it was submitted and without its proofs."""
INQUIRY = "inquiry"
"""Name under which an :class:`Inquiry` lies there."""
RAW_MAIL = "mail"
"""Name under which a mail lies there, as it arrived."""
ANSWER = "answer"
"""First part of the name under which an answer lies there."""
LETTER = "letter_"
"""First part of the name under which a :class:`LetterCopy` lies there."""


MOST_SCOPE_ENTRIES = 20


def scope_entries(text: str) -> tuple[str, ...]:
    """Return the entries of a scope in the vault, one a line."""
    entries = (" ".join(line.split())[:500] for line in text.splitlines())
    return tuple(dict.fromkeys(filter(None, entries)))[:MOST_SCOPE_ENTRIES]


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid", hide_input_in_errors=True)


class AnswerGroup(_Piece):
    """Records of one kind: disclosed, erased or masked."""

    label: str
    records: int


class WithheldGroup(_Piece):
    """A kind of data that is held but not handed over."""

    label: str
    reason: str
    citation: str = ""
    """The provision, for the person."""
    provision: str = ""
    """The same as the data map knows it, if it has another text in the person's language."""
    values: int = 0
    """How many values that are; 0 if they are not counted."""
    category: str = ""
    """The kind in the data map; empty where it is none."""


class BlackedOutGroup(_Piece):
    """Other people's data that was blacked out in disclosed texts."""

    label: str
    count: int


class KeptGroup(_Piece):
    """Records that an erasure left, and until when; None if no end is known."""

    label: str
    records: int
    reason: str
    citation: str = ""
    until: date | None = None
    """Last day of the last of them."""
    first: date | None = None
    """Last day of the first of them, where they have several."""
    locked: bool = False
    """Whether each of them carries the mark that locks it for other uses."""


class GroundedGroup(_Piece):
    """Kinds of data that were erased on one ground."""

    label: str
    reason: str


class LeftGroup(_Piece):
    """Records that stay as they are although something was to be done to them."""

    label: str
    records: int
    reason: str


class CorrectedValue(_Piece):
    """A value that was corrected; values never disclosed are not repeated."""

    label: str
    before: str = ""
    after: str = ""


class DeclinedCorrection(_Piece):
    """A correction that was not made."""

    label: str
    reason: str


class TransferResult(_Piece):
    """The result of sending the package on to another controller."""

    to: str
    """Host name of the receiver."""
    done: bool
    reason: Literal["", "not_allowed", "unreachable", "refused", "no_key", "unproven"] = ""
    """Why it was not done."""


class PackageFacts(_Piece):
    """Size and digest of a package, for downloads in pieces."""

    size: int
    """In bytes."""
    sha256: str


class FileFacts(_Piece):
    """Name and size of a file that the staff attached."""

    name: str = ""
    """As it was called where it came from."""
    size: int | None = None
    """In bytes."""


def facts_of(package: str) -> str:
    """Return the vault name of the :class:`PackageFacts` of *package*, or :class:`FileFacts` of a file."""
    return f"{package}_facts"


def outline_of(plan: str) -> str:
    """Return the vault name of the outline of an erasure's *plan*, an :class:`Answer`."""
    return f"{plan}_outline"


ZLIB = b"\x78"
"""First byte of what zlib has compressed; JSON begins with none."""


class LetterCopy(_Piece):
    """A letter as it was sent, for the staff; links that act for their holder are withheld."""

    to: str
    subject: str
    text: str
    html: str

    def written(self) -> bytes:
        """Return it as it is sealed."""
        return self.model_dump_json().encode()

    @classmethod
    def read(cls, content: bytes) -> "LetterCopy":
        """Read a letter as :meth:`written` wrote it; 0.1.0 compressed it before the vault did."""
        return cls.model_validate_json(zlib.decompress(content) if content[:1] == ZLIB else content)


class Inquiry(_Piece):
    """A mail with an unclear request; its sender's answer makes a request of it."""

    reference: str
    """The reference of the later request."""
    subject: Subject
    locale: Locale | None
    received_at: AwareDatetime
    rights: tuple[Right, ...] = ()
    """Rights that it may mean; nothing where it could be anything."""
    residence: Residence | None = None
    regulation: Regulation | None = None


class Answer(_Piece):
    """The answer to a request, group by group."""

    scope: tuple[str, ...] = ()
    """Labels of the data that the person limited the request to; empty: all."""

    disclosed: tuple[AnswerGroup, ...] = ()
    withheld: tuple[WithheldGroup, ...] = ()
    blacked_out: tuple[BlackedOutGroup, ...] = ()
    categories: tuple[str, ...] = ()
    """Kinds of data that are held, where an answer states these and no data."""
    copies: int = 0
    """How many copies the person was given within a year, with this one."""
    transfer: TransferResult | None = None
    erased: tuple[AnswerGroup, ...] = ()
    masked: tuple[AnswerGroup, ...] = ()
    grounds: tuple[GroundedGroup, ...] = ()
    """Grounds of erasure, with the labels of the erased or masked data; none where no law needs one."""
    kept: tuple[KeptGroup, ...] = ()
    marked: tuple[AnswerGroup, ...] = ()
    left: tuple[LeftGroup, ...] = ()
    corrected: tuple[CorrectedValue, ...] = ()
    declined: tuple[DeclinedCorrection, ...] = ()
    erasable: tuple[str, ...] = ()
    """Labels of the data that anybody's withdrawn consent alone allowed; the person can have it erased."""
    disputed: tuple[str, ...] = ()
    """Labels of values that no request may change; the staff checks whether they are accurate."""
    statement_kept: bool = False
    """Whether a statement of the person's is kept with data that was not corrected."""
    recipients: tuple[str, ...] = ()
    """Names of recipients that had the data from us and must be notified."""
    by_hand: tuple[str, ...] = ()
    """Those of them without an agreed way, to be notified by the staff by other means."""
    backups_until: date | None = None
    """Last day on which a backup may hold the erased data; None if the operator declares no period."""
    unsearched: bool = False
    """Whether no records were read for it: the recipients are those of any person's data."""
    searched: tuple[str, ...] = ()
    """Labels of all that was looked through."""
    unconfirmed: tuple[str, ...] = ()
    """Names of identities in the person's records that are not verified: nothing was searched by these."""
