"""
What services tell one another through the vault: the request, and what was done about it.

It names groups of records and holds none of them; it is sealed all the same, because what a company holds
about a person says something about the person.
"""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contract.events import Locale, Residence, Subject
from shared.law import Regulation, Right

SUBMISSION = "submission"
"""Name under which a request lies in the vault, as it was submitted and without its proofs."""
INQUIRY = "inquiry"
"""Name under which an :class:`Inquiry` lies there."""
ANSWER = "answer"
"""First part of the name under which an answer lies there."""


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AnswerGroup(_Piece):
    """Records of one kind: disclosed, erased or masked."""

    label: str
    records: int


class WithheldGroup(_Piece):
    """A kind of data that is held but not handed over."""

    label: str
    reason: str
    citation: str = ""


class BlackedOutGroup(_Piece):
    """What of other people was blacked out in texts that were handed over."""

    label: str
    count: int


class KeptGroup(_Piece):
    """Records that an erasure left, and until when; no end where nobody knows one."""

    label: str
    records: int
    reason: str
    citation: str = ""
    until: date | None = None
    """Last day of the last of them."""
    first: date | None = None
    """Last day of the first of them, where they have several."""


class LeftGroup(_Piece):
    """Records that stay as they are although something was to be done to them."""

    label: str
    records: int
    reason: str


class CorrectedValue(_Piece):
    """A value that was corrected; what is never disclosed is not repeated."""

    label: str
    before: str = ""
    after: str = ""


class DeclinedCorrection(_Piece):
    """A correction that was not made."""

    label: str
    reason: str


class TransferResult(_Piece):
    """What came of sending the package on to another controller."""

    to: str
    """Host name of the receiver."""
    done: bool
    reason: Literal["", "not_allowed", "unreachable", "refused"] = ""
    """Why it was not done."""


class PackageFacts(_Piece):
    """Size and digest of a package, for whoever downloads it in pieces."""

    size: int
    """In bytes."""
    sha256: str


def facts_of(package: str) -> str:
    """Return the name under which the :class:`PackageFacts` of *package* lie in the vault."""
    return f"{package}_facts"


class Inquiry(_Piece):
    """A mail that does not say clearly what is asked for; what its sender answers makes a request of it."""

    reference: str
    """What the request is known by, once it is one."""
    subject: Subject
    locale: Locale | None
    received_at: AwareDatetime
    rights: tuple[Right, ...] = ()
    """What it may mean; nothing where it could be anything."""
    residence: Residence | None = None
    regulation: Regulation | None = None


class Answer(_Piece):
    """What was done about a request, group by group."""

    disclosed: tuple[AnswerGroup, ...] = ()
    withheld: tuple[WithheldGroup, ...] = ()
    blacked_out: tuple[BlackedOutGroup, ...] = ()
    categories: tuple[str, ...] = ()
    """Kinds of data that are held, where an answer tells these and no data."""
    copies: int = 0
    """How many copies the person was given within a year, with this one."""
    transfer: TransferResult | None = None
    erased: tuple[AnswerGroup, ...] = ()
    masked: tuple[AnswerGroup, ...] = ()
    kept: tuple[KeptGroup, ...] = ()
    marked: tuple[AnswerGroup, ...] = ()
    left: tuple[LeftGroup, ...] = ()
    corrected: tuple[CorrectedValue, ...] = ()
    declined: tuple[DeclinedCorrection, ...] = ()
    statement_kept: bool = False
    """Whether a statement of the person's is kept with data that was not corrected."""
    recipients: tuple[str, ...] = ()
    """Who had the data from us and must be told, by name."""
    by_hand: tuple[str, ...] = ()
    """Those of them with whom no way is agreed, so that somebody must tell them by other means."""
    searched: tuple[str, ...] = ()
    """Labels of all that was looked through."""
    unconfirmed: tuple[str, ...] = ()
    """Names of identities in the person's records that are not verified: nothing was searched by these."""
