"""
What fulfillment tells the notifier about an answer, through the vault.

It names groups of records and holds none of them; it is sealed all the same, because what a company holds
about a person says something about the person.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict

ANSWER = "answer"
"""Name under which an answer lies in the vault."""


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Group(_Piece):
    """Records of one kind: disclosed, erased or masked."""

    label: str
    records: int


class WithheldGroup(_Piece):
    """A kind of data that is held but not handed over."""

    label: str
    reason: str
    citation: str = ""


class KeptGroup(_Piece):
    """Records that an erasure left, and until when; no end where nobody knows one."""

    label: str
    records: int
    reason: str
    citation: str = ""
    until: date | None = None


class Answer(_Piece):
    """What was done about a request, group by group."""

    disclosed: tuple[Group, ...] = ()
    withheld: tuple[WithheldGroup, ...] = ()
    erased: tuple[Group, ...] = ()
    masked: tuple[Group, ...] = ()
    kept: tuple[KeptGroup, ...] = ()
    recipients: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    """Labels of all that was looked through."""
