"""
What an answer in a case does. Pure.

The address of a case is a secret of those who had its letters, and so proves nothing: proofs are weighed like
any other, whoever brings them; taking a request back is left to the address that made it. All else is for
people to read.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.intake.domain import ANSWERED, Case, Status
from services.intake.mail.classifying import Understood, code_in, is_withdrawal
from services.intake.mail.rulebook import Rulebook, Wish
from shared.answer import Inquiry
from shared.events import Document, EmailCode, Proof
from shared.law import Right

AT_ONCE = frozenset(
    {Wish.OBJECTION_TO_MARKETING, Wish.OPT_OUT_OF_SALE, Wish.CONSENT_WITHDRAWAL, Wish.LIMIT_SENSITIVE_USE}
)
"""Wishes that take effect at once, and wait for no other request."""
ENDED = ANSWERED | {Status.WITHDRAWN, Status.DUPLICATE}


class Deed(StrEnum):
    """What an answer does."""

    BEGINS = "begins"
    """It makes a request of its own."""
    CLARIFIES = "clarifies"
    """It says what is asked for, and so makes the request."""
    PROVES = "proves"
    WITHDRAWS = "withdraws"
    FILED = "filed"
    """Nothing by itself: people read it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came in an answer."""

    words: str
    """What its sender wrote themselves."""
    understood: Understood
    """What it asks for, read by itself."""
    documents: tuple[Document, ...]
    own: bool
    """Whether it is from the request's own address, as far as our mail server says."""
    asked: Right | None = None
    """What the request asks for that it belongs to."""

    @property
    def is_new(self) -> bool:
        """Whether it clearly asks for something else, or for what takes effect at once."""
        wish = self.understood.wish
        return self.own and wish is not None and (wish in AT_ONCE or wish.right is not self.asked)

    def proofs(self, case: Case) -> tuple[Proof, ...]:
        """Return the proofs in it: a code counts where one is waited for."""
        awaited = case.awaits_proof or case.status is Status.UNKNOWN
        code = code_in(self.words) if awaited else None
        return (*([EmailCode(kind="email_code", code=code)] if code else []), *self.documents)


def deed_of(answer: Answer, case: Case, inquiry: Inquiry | None, book: Rulebook) -> Deed:
    """
    Return what *answer* does.

    Args:
        answer: What came in.
        case: What is known of the request that it belongs to.
        inquiry: Set where it is still unclear what is asked for.
        book: The rules.
    """
    clear = answer.own and answer.understood.wish is not None
    if inquiry is not None:
        return Deed.CLARIFIES if clear else Deed.FILED
    if answer.own and case.withdrawable and is_withdrawal(answer.words, book):
        return Deed.WITHDRAWS
    if answer.proofs(case) and (case.awaits_proof or case.status is Status.UNKNOWN or not clear):
        return Deed.PROVES
    return Deed.BEGINS if answer.is_new or (clear and case.status in ENDED) else Deed.FILED
