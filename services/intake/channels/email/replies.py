"""
What an answer in a case does. Pure.

The address of a case is known to all who had its letters, so it proves nothing. A code counts if it is the
entire answer and our mail server vouches for the address that it was mailed to. Documents, and taking the
request back, are left to that address as well. All else is for people to read, and stops the request.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.intake.channels.email.classification import MailMeaning, is_withdrawal, says_more
from services.intake.channels.email.rulebook import MailIntent, Rulebook
from services.intake.domain import ANSWERED, CaseStatus, IntakeCase
from shared.contract.answer import Inquiry
from shared.contract.events import Document, EmailCode, Proof, SenderCheck
from shared.law import Right

AT_ONCE = frozenset(
    {
        MailIntent.OBJECTION_TO_MARKETING,
        MailIntent.OPT_OUT_OF_SALE,
        MailIntent.CONSENT_WITHDRAWAL,
        MailIntent.LIMIT_SENSITIVE_USE,
    }
)
"""Wishes that take effect at once, and wait for no other request."""
ENDED = ANSWERED | {CaseStatus.WITHDRAWN, CaseStatus.DUPLICATE}
PROVEN = frozenset({CaseStatus.VERIFIED, CaseStatus.REFERRED})
"""Where a case stands in which no proof is waited for any more."""


class ReplyAction(StrEnum):
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
class MailReply:
    """What came in an answer."""

    words: str
    """What its sender wrote themselves."""
    understood: MailMeaning
    """What it asks for, read by itself."""
    documents: tuple[Document, ...]
    own: bool
    """Whether it is from the request's own address, as far as our mail server says."""
    asked: Right | None = None
    """What the request asks for that it belongs to."""
    code: str | None = None
    """The code that it consists of; None if it says anything else."""
    check: SenderCheck | None = None
    """Whether our mail server vouches for the request's address; None if it is from another."""

    @property
    def is_new(self) -> bool:
        """Whether it clearly asks for something else, or for what takes effect at once."""
        wish = self.understood.wish
        return self.own and wish is not None and (wish in AT_ONCE or wish.right is not self.asked)

    @property
    def is_code(self) -> bool:
        """Whether it is a code and nothing else, from the address that codes are mailed to."""
        return self.code is not None and self.check is not None

    def proofs(self, case: IntakeCase, book: Rulebook) -> tuple[Proof, ...]:
        """Return the proofs in it, where one is waited for: a code, or documents with few words."""
        if not _is_open(case) or case.status in PROVEN:
            return ()
        if self.code is not None and self.check is not None:
            return (EmailCode(kind="email_code", code=self.code),)
        return self.documents if self.own and not says_more(self.words, book) else ()


def action_of(answer: MailReply, case: IntakeCase, inquiry: Inquiry | None, book: Rulebook) -> ReplyAction:
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
        return ReplyAction.CLARIFIES if clear else ReplyAction.FILED
    if answer.own and case.withdrawable and is_withdrawal(answer.words, book):
        return ReplyAction.WITHDRAWS
    if answer.proofs(case, book):
        return ReplyAction.PROVES
    return ReplyAction.BEGINS if answer.is_new or (clear and case.status in ENDED) else ReplyAction.FILED


def stops(answer: MailReply, deed: ReplyAction, case: IntakeCase) -> bool:
    """
    Return whether *answer* stops its request until the staff has read it.

    A code that comes too late says nothing against the request. A clear new wish leaves an answer that was
    given alone; anything else stops whatever can still be disclosed or erased.
    """
    match deed:
        case ReplyAction.BEGINS:
            return _is_open(case)
        case ReplyAction.FILED if not answer.is_code:
            return _is_open(case) or (case.fulfilled is not None and case.fulfilled.package is not None)
        case _:
            return False


def _is_open(case: IntakeCase) -> bool:
    return case.withdrawable or case.status is CaseStatus.UNKNOWN
