"""The opening of a case for an account of the staff, and the pictures of documents that are drawn for it."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, NonNegativeInt

EVERYTHING = "everything"
"""Item of the opening of a whole case: all sealed content that the staff may read."""
OPENED_FOR = timedelta(minutes=15)
"""How long an opening lasts: long enough to read a case, and to be asked again before the next one."""
DRAWING = timedelta(minutes=10)
"""How long after an opening pictures may still be drawn: those of several documents take minutes."""


class DrawnPages(BaseModel):
    """The pages of a document that are drawn, and why the others are not."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    pages: NonNegativeInt
    """Pictures, numbered from 1."""
    more: NonNegativeInt = 0
    """Further pages of the document that are not drawn."""
    reasons: tuple[str, ...] = ()
    """Why no page is drawn."""


def pictures_of(proof: str) -> str:
    """Return the first part of the names of all that is drawn of the document *proof*."""
    return f"{proof}_page"


def pages_of(proof: str) -> str:
    """Return the name under which the :class:`DrawnPages` of *proof* lie in the vault, once all are drawn."""
    return f"{pictures_of(proof)}s"


def page_of(proof: str, number: int) -> str:
    """Return the name of the picture of page *number* of *proof*, a JPEG."""
    return f"{pictures_of(proof)}_{number}"


def report_of(proof: str) -> str:
    """Return the name under which the report on the examination of *proof* lies in the vault."""
    return f"report_{proof}"
