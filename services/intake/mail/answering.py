"""
What an answer in a case does. Pure.

The address of a case is a secret of those who had its letters, and so proves nothing: proofs are weighed like
any other, whoever brings them; taking a request back is left to the address that made it. All else is for
people to read.
"""

from collections.abc import Sequence
from enum import StrEnum

from services.intake.domain import ANSWERED, Case, Status
from services.intake.mail.classifying import Understood, code_in, is_withdrawal
from services.intake.mail.rulebook import Rulebook
from shared.events import Document

ENDED = ANSWERED | {Status.WITHDRAWN, Status.DUPLICATE}


class Deed(StrEnum):
    """What an answer does."""

    BEGINS = "begins"
    """A request of its own."""
    PROVES = "proves"
    WITHDRAWS = "withdraws"
    FILED = "filed"
    """Nothing by itself: people read it."""


def deed_of(
    words: str,
    understood: Understood,
    documents: Sequence[Document],
    case: Case,
    book: Rulebook,
    *,
    own: bool,
) -> Deed:
    """
    Return what an answer does.

    Args:
        words: What its sender wrote themselves.
        understood: What it asks for, read by itself.
        documents: What came with it.
        case: What is known of the request that it belongs to.
        book: The rules.
        own: Whether it names the request's own address as its sender.
    """
    if own and case.withdrawable and is_withdrawal(words, book):
        return Deed.WITHDRAWS
    if documents or code_for(words, case):
        return Deed.PROVES
    if own and understood.wish is not None and case.status in ENDED:
        return Deed.BEGINS
    return Deed.FILED


def code_for(words: str, case: Case) -> str | None:
    """Return the code in *words*, where one is waited for."""
    return code_in(words) if case.awaits_proof or case.status is Status.UNKNOWN else None
