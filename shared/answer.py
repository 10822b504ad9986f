"""
What services tell one another through the vault: the request, and what was done about it.

It names groups of records and holds none of them; it is sealed all the same, because what a company holds
about a person says something about the person.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict

SUBMISSION = "submission"
"""Name under which a request lies in the vault, as it was submitted and without its proofs."""
ANSWER = "answer"
"""First part of the name under which an answer lies there."""


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
