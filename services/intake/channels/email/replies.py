"""
Effects of a reply in a case. Pure.

Every recipient of a case's letters knows its address, so the address proves nothing. A code counts if it is
the entire reply and our mail server authenticates the address it was mailed to. The same address may send
documents and withdraw the request. The staff reads all else, and the request stops.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from services.intake.channels.email.classification import MailMeaning, folded, is_withdrawal, says_more
from services.intake.channels.email.rulebook import MailIntent, Rulebook
from services.intake.domain import ANSWERED, CaseStatus, IntakeCase
from services.intake.pages.centre.form import SCOPES
from shared.contract.answer import Inquiry
from shared.contract.events import Document, EmailCode, Proof, SenderCheck
from shared.law import Right
from shared.pages.categories import CATALOGUES, called

AT_ONCE = frozenset(
    {
        MailIntent.OBJECTION_TO_MARKETING,
        MailIntent.OPT_OUT_OF_SALE,
        MailIntent.CONSENT_WITHDRAWAL,
        MailIntent.LIMIT_SENSITIVE_USE,
    }
)
"""Intents that take effect at once, and wait for no other request."""
ENDED = ANSWERED | {CaseStatus.WITHDRAWN, CaseStatus.DUPLICATE}
PROVEN = frozenset({CaseStatus.VERIFIED, CaseStatus.REFERRED})
"""Statuses that await no more proof."""


EVERYTHING = frozenset({"everything", "all", "alles", "tout", "todo", "tutto", "tudo", "全部", "所有"})
"""Replies, in folded text, that mean all data."""
SEPARATORS = re.compile(r"[\n,;、，；]")


class ReplyAction(StrEnum):
    """The effect of a reply."""

    BEGINS = "begins"
    """It makes a request of its own."""
    CLARIFIES = "clarifies"
    """It clarifies the intent, and so makes the request."""
    PROVES = "proves"
    WITHDRAWS = "withdraws"
    SPECIFIES = "specifies"
    """It says which data the request means."""
    FILED = "filed"
    """It has no effect by itself: the staff reads it."""


@dataclass(frozen=True, slots=True)
class MailReply:
    """The content of a reply."""

    words: str
    """The sender's own words."""
    understood: MailMeaning
    """Its intent, classified by itself."""
    documents: tuple[Document, ...]
    own: bool
    """Whether it is from the request's own address, according to our mail server."""
    may_withdraw: bool = True
    """Whether the sender is authenticated, or knows more than the short reference of the request."""
    asked: Right | None = None
    """The right of the request that it belongs to."""
    code: str | None = None
    """The code that is its whole content; None for other content."""
    check: SenderCheck | None = None
    """The check of the request's address; None if it is from another."""

    @property
    def is_new(self) -> bool:
        """Whether it clearly asks for another right, or for an immediate effect."""
        wish = self.understood.wish
        return self.own and wish is not None and (wish in AT_ONCE or wish.right is not self.asked)

    @property
    def is_code(self) -> bool:
        """Whether it is a code alone, from the address that codes are mailed to."""
        return self.code is not None and self.check is not None

    def proofs(self, case: IntakeCase, book: Rulebook) -> tuple[Proof, ...]:
        """Return its proofs, if one is awaited: a code, or documents with few words."""
        if not _is_open(case) or case.status in PROVEN:
            return ()
        if self.code is not None and self.check is not None:
            return (EmailCode(kind="email_code", code=self.code),)
        return self.documents if self.own and not says_more(self.words, book) else ()


@lru_cache(maxsize=1)
def _categories() -> Mapping[str, str]:
    """Return the categories of the form by their names in all languages, as folded text."""
    return {
        folded(called(category, language) or category): category
        for category in SCOPES.values()
        for language in CATALOGUES.languages
    }


def named_scope(words: str) -> tuple[str, ...] | None:
    """Return the categories that a reply names; empty for everything, None for a reply with other words."""
    entries = [folded(entry).strip(" .!-*") for entry in SEPARATORS.split(words)]
    named = list(filter(None, entries))
    if not named or not all(entry in EVERYTHING or entry in _categories() for entry in named):
        return None
    if not EVERYTHING.isdisjoint(named):
        return ()
    return tuple(dict.fromkeys(_categories()[entry] for entry in named))


def action_of(answer: MailReply, case: IntakeCase, inquiry: Inquiry | None, book: Rulebook) -> ReplyAction:
    """Return the effect of *answer*; *inquiry* is set while the intent is unclear."""
    clear = answer.own and answer.understood.wish is not None
    if inquiry is not None:
        return ReplyAction.CLARIFIES if clear else ReplyAction.FILED
    if answer.own and answer.may_withdraw and case.withdrawable and is_withdrawal(answer.words, book):
        return ReplyAction.WITHDRAWS
    if answer.own and answer.may_withdraw and case.awaits_scope and named_scope(answer.words) is not None:
        return ReplyAction.SPECIFIES
    if answer.proofs(case, book):
        return ReplyAction.PROVES
    return ReplyAction.BEGINS if answer.is_new or (clear and case.status in ENDED) else ReplyAction.FILED


def stops(answer: MailReply, deed: ReplyAction, case: IntakeCase) -> bool:
    """
    Return whether *answer* stops its request until the staff has read it.

    A late code does not count against the request. A clear new intent leaves a sent answer alone; anything
    else stops a request that can still disclose or erase data.
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
