"""
One-time codes: six digits, mailed, and kept only as a keyed hash.

A code is worth as much as the tries it allows: five per code, so that a guesser's chance is one in
200,000 for each code issued. Times and numbers are those of NIST SP 800-63B § 5.1.3.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

DIGITS = 6
TRIES = 5
LIFETIME = timedelta(minutes=30)
"""Long enough for a mail server that delays strangers' mail on first sight."""
MOST_ISSUED = 3
"""Codes a case may be sent; without a limit, new codes would be new tries."""


class Verdict(StrEnum):
    """What an offered code is worth."""

    MATCHED = "matched"
    WRONG = "wrong_code"
    EXPIRED = "code_expired"
    EXHAUSTED = "too_many_attempts"
    NOT_ISSUED = "no_code_issued"


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """The last code that was sent, as a digest."""

    digest: str
    expires_at: datetime
    tries_left: int = TRIES

    def tried(self) -> "IssuedCode":
        """Return it with one try less."""
        return replace(self, tries_left=self.tries_left - 1)


def draw_code() -> str:
    """Return a random code."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def digest_of(code: str, *, key: bytes, ref: str) -> str:
    """
    Return the keyed hash of *code*.

    A million codes are hashed in a second, so an unkeyed hash would hide nothing from who reads the journal.

    Args:
        code: Digits, as they were typed.
        key: Derived from the master key for this purpose.
        ref: What the code belongs to; the same digits issued twice have two digests.
    """
    return hmac.new(key, f"{ref}/{code.strip()}".encode(), hashlib.sha256).hexdigest()


def judge(issued: IssuedCode | None, offered: str, *, now: datetime) -> Verdict:
    """Return what the digest *offered* is worth against the code that was *issued*. Takes constant time."""
    if issued is None:
        return Verdict.NOT_ISSUED
    if issued.tries_left <= 0:
        return Verdict.EXHAUSTED
    if now >= issued.expires_at:
        return Verdict.EXPIRED
    return Verdict.MATCHED if hmac.compare_digest(issued.digest, offered) else Verdict.WRONG


def uses_a_try(verdict: Verdict) -> bool:
    """Return whether a try was spent on *verdict*."""
    match verdict:
        case Verdict.WRONG:
            return True
        case Verdict.MATCHED | Verdict.EXPIRED | Verdict.EXHAUSTED | Verdict.NOT_ISSUED:
            return False
        case _:
            assert_never(verdict)
