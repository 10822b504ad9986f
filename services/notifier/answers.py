"""
What a mail server's answer means for a letter: a table, and how it is read. Pure.

One rule: the numbers count, never the prose, which is in any language and may quote an address.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

FIRST_PERMANENT = 500
STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")
"""An enhanced status code (RFC 3463 section 2), as an answer begins with it (RFC 2034 section 4)."""


class Fate(StrEnum):
    """What becomes of a letter."""

    LATER = "later"
    """Nobody's fault, and it passes: tried again, then parked."""
    FULL = "full"
    """The mailbox is full: tried again for a while, then told otherwise."""
    NOBODY = "nobody"
    """No such mailbox: told otherwise at once."""
    NEVER = "never"
    """This letter is not taken: told otherwise at once."""
    BARRED = "barred"
    """Their policy, about us or about this letter: loud, tried again for a while, then told otherwise."""
    OURS = "ours"
    """They take nothing from us as we are set up: loud, and tried again, because the letter is sound."""


BY_STATUS: Mapping[str, Fate] = {
    # X.1: addresses (RFC 3463 section 3.2; 5.1.10: RFC 7505 section 4.2)
    "5.1": Fate.NOBODY,
    "5.1.7": Fate.OURS,  # the sender's address is none
    "5.1.8": Fate.OURS,  # the sender's domain is none
    # X.2: mailboxes (section 3.3)
    "5.2": Fate.NEVER,
    "5.2.1": Fate.NOBODY,  # the mailbox is disabled
    "5.2.2": Fate.FULL,  # "persistent transient" by its own words, whatever the first digit says
    "4.2.2": Fate.FULL,
    # X.3: mail systems (section 3.4): full, down for now, or set up wrongly; passes for whoever waits
    "5.3": Fate.LATER,
    "5.3.4": Fate.NEVER,  # the letter is too large
    # X.5: the dialogue (section 3.6): with the recipient named, large providers mean an unknown mailbox
    "5.5": Fate.NEVER,
    # X.7: security and policy (section 3.8; RFC 7372, RFC 8616): not authenticated, not signed
    "5.7": Fate.OURS,
    "5.7.1": Fate.BARRED,  # "not authorized": a block of ours, a list that takes no mail, a person's own rule
}
"""The longest beginning of a status counts; one that is not here is read by its basic code."""

BY_CODE: Mapping[int, Fate] = {
    # RFC 5321 section 4.2.3; the text of 550 covers unknown mailboxes and policy alike
    500: Fate.OURS,
    501: Fate.OURS,
    502: Fate.OURS,
    503: Fate.OURS,
    504: Fate.OURS,
    551: Fate.NOBODY,
    552: Fate.FULL,
    553: Fate.NOBODY,
    555: Fate.OURS,
    # RFC 4954 section 6: our log-in
    530: Fate.OURS,
    534: Fate.OURS,
    535: Fate.OURS,
    538: Fate.OURS,
    # RFC 7504: the host, or the domain, takes no mail at all
    521: Fate.NEVER,
    556: Fate.NOBODY,
}
"""Of an answer without a status. Others: 4yz is ``LATER`` (451: greylisting too), 5yz is ``NEVER``."""


def status_in(text: str) -> str | None:
    """Return the enhanced status code that *text* begins with."""
    found = STATUS.match(text)
    return found[0] if found else None


def fate(code: int, status: str | None, *, recipient_named: bool = True) -> Fate:
    """
    Return what becomes of a letter that was answered with *code* and *status*.

    Args:
        code: Basic reply code, 400 to 599.
        status: Enhanced status code, if there was one.
        recipient_named: Whether the server knew who the letter is for. What it refuses before is ours.
    """
    if code >= FIRST_PERMANENT and not recipient_named:
        return Fate.OURS
    return (by_status(status) if status else None) or BY_CODE.get(code) or _by_class(code)


def by_status(status: str) -> Fate | None:
    """Return what the table says of *status*, which is read from the left."""
    exact, subject = status, status.rpartition(".")[0]
    return BY_STATUS.get(exact) or BY_STATUS.get(subject)


def _by_class(code: int) -> Fate:
    return Fate.NEVER if code >= FIRST_PERMANENT else Fate.LATER
