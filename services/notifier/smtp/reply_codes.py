"""
The outcome of a letter by the mail server's answer: a table, and how it is read. Pure.

One rule: the numbers count, never the prose, which is in any language and may quote an address.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

FIRST_PERMANENT = 500
STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")
"""An enhanced status code (RFC 3463 section 2), as an answer begins with it (RFC 2034 section 4)."""


class LetterOutcome(StrEnum):
    """The outcome of a letter."""

    LATER = "later"
    """A passing cause: tried again, then parked."""
    FULL = "full"
    """The mailbox is full: tried again for a while, then failed."""
    UNKNOWN_MAILBOX = "unknown_mailbox"
    """No such mailbox: failed at once."""
    NEVER = "never"
    """This letter is not taken: failed at once."""
    BARRED = "barred"
    """Their policy, about us or about this letter: loud, tried again for a while, then failed."""
    OURS = "ours"
    """They take nothing from us as we are set up: loud, and tried again, because the letter is sound."""


BY_STATUS: Mapping[str, LetterOutcome] = {
    # X.1: addresses (RFC 3463 section 3.2; 5.1.10: RFC 7505 section 4.2)
    "5.1": LetterOutcome.UNKNOWN_MAILBOX,
    "5.1.7": LetterOutcome.OURS,  # the sender's address is none
    "5.1.8": LetterOutcome.OURS,  # the sender's domain is none
    # X.2: mailboxes (section 3.3)
    "5.2": LetterOutcome.NEVER,
    "5.2.1": LetterOutcome.UNKNOWN_MAILBOX,  # the mailbox is disabled
    "5.2.2": LetterOutcome.FULL,  # "persistent transient" by its own words, despite the first digit
    "4.2.2": LetterOutcome.FULL,
    # X.3: mail systems (section 3.4): full, down for now, or set up wrongly; passes with time
    "5.3": LetterOutcome.LATER,
    "5.3.4": LetterOutcome.NEVER,  # the letter is too large
    # X.5: the dialogue (section 3.6): with the recipient named, large providers mean an unknown mailbox
    "5.5": LetterOutcome.NEVER,
    # X.7: security and policy (section 3.8; RFC 7372, RFC 8616): not authenticated, not signed
    "5.7": LetterOutcome.OURS,
    # "not authorized": a block of ours, a list that takes no mail, a person's own rule
    "5.7.1": LetterOutcome.BARRED,
}
"""The longest beginning of a status counts; one that is not here is read by its basic code."""

BY_CODE: Mapping[int, LetterOutcome] = {
    # RFC 5321 section 4.2.3; the text of 550 covers unknown mailboxes and policy alike
    500: LetterOutcome.OURS,
    501: LetterOutcome.OURS,
    502: LetterOutcome.OURS,
    503: LetterOutcome.OURS,
    504: LetterOutcome.OURS,
    551: LetterOutcome.UNKNOWN_MAILBOX,
    552: LetterOutcome.FULL,
    553: LetterOutcome.UNKNOWN_MAILBOX,
    555: LetterOutcome.OURS,
    # RFC 4954 section 6: our log-in
    530: LetterOutcome.OURS,
    534: LetterOutcome.OURS,
    535: LetterOutcome.OURS,
    538: LetterOutcome.OURS,
    # RFC 7504: the host, or the domain, takes no mail at all
    521: LetterOutcome.NEVER,
    556: LetterOutcome.UNKNOWN_MAILBOX,
}
"""Of an answer without a status. Others: 4yz is ``LATER`` (451: greylisting too), 5yz is ``NEVER``."""


def status_in(text: str) -> str | None:
    """Return the enhanced status code that *text* begins with."""
    found = STATUS.match(text)
    return found[0] if found else None


def outcome_of(code: int, status: str | None, *, recipient_named: bool = True) -> LetterOutcome:
    """
    Return the outcome of a letter that was answered with *code*, 400 to 599, and an enhanced *status*.

    *recipient_named*: whether the server knew the recipient. Refusals before that concern us.
    """
    if code >= FIRST_PERMANENT and not recipient_named:
        return LetterOutcome.OURS
    by_class = LetterOutcome.NEVER if code >= FIRST_PERMANENT else LetterOutcome.LATER
    return (by_status(status) if status else None) or BY_CODE.get(code, by_class)


def by_status(status: str) -> LetterOutcome | None:
    """Return the outcome of *status* in the table, which is read from the left."""
    return BY_STATUS.get(status) or BY_STATUS.get(status.rpartition(".")[0])
