"""
One-time codes: mailed, and kept only as a keyed hash.

A code has six digits, or eight letters where it confirms an erasure or a transfer. It is worth as much as the
tries it allows: five per code, so that a guesser's chance is one in 200,000 for six digits and one in five
billion for eight letters. Times and numbers are those of NIST SP 800-63B § 5.1.3; the letters are those of
RFC 8628 § 6.1: no vowels, so that no words come out, and nothing that looks like a digit. Pure.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

DIGITS = 6
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
STRONG_LENGTH = 8
STRONG_HALF = STRONG_LENGTH // 2
_LETTER = f"[{LETTERS}{LETTERS.lower()}]"
MOST_TYPED = 40
"""Characters that people type in a code."""
TYPED = rf"^[\s-]*(?:(?:[0-9][\s-]*){{{DIGITS}}}|(?:{_LETTER}[\s-]*){{{STRONG_LENGTH}}})$"
"""Pattern of a code as people type it: any case, with spaces and hyphens."""
WRITTEN = (
    rf"(?<![0-9A-Za-z-])(?:[0-9]{{{DIGITS}}}|[0-9]{{3}}[ -][0-9]{{3}}"
    rf"|{_LETTER}{{{STRONG_HALF}}}[ -]?{_LETTER}{{{STRONG_HALF}}})(?![0-9A-Za-z-])"
)
"""Pattern of a code within other text, as letters show it or as people write it in a mail."""
ALONE = re.compile(rf"^[^\w\n]*({WRITTEN})[^\w\n]*$", re.MULTILINE)
"""A code alone on a line; the group is the code."""
TRIES = 5
LIFETIME = timedelta(minutes=30)
"""Long enough for a mail server that delays strangers' mail on first sight."""
MOST_ISSUED = 3
"""Codes a case may be sent; without a limit, new codes would be new tries."""


class CodeVerdict(StrEnum):
    """The verdict on an offered code."""

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


def draw_code(*, strong: bool = False) -> str:
    """Return a random code, as letters show it: six digits, or where it is to be *strong* ``BCDF-GHJK``."""
    if not strong:
        return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    drawn = "".join(secrets.choice(LETTERS) for _ in range(STRONG_LENGTH))
    return f"{drawn[:STRONG_HALF]}-{drawn[STRONG_HALF:]}"


def is_code(text: str) -> bool:
    """Return whether *text* can be a code, however it was typed."""
    return len(text) <= MOST_TYPED and re.fullmatch(TYPED, text, re.ASCII) is not None


def normalized(code: str) -> str:
    """Return *code* without spaces and hyphens, in capital letters."""
    return re.sub(r"[\s-]", "", code).upper()


def digest_of(code: str, *, key: bytes, ref: str) -> str:
    """
    Return the keyed hash of *code*.

    A million codes are hashed in a second, so an unkeyed hash would hide nothing from readers of the journal.

    Args:
        code: As it was typed.
        key: Derived from the master key for this purpose.
        ref: The id that the code belongs to; the same digits issued twice have two digests.
    """
    return hmac.new(key, f"{ref}/{normalized(code)}".encode(), hashlib.sha256).hexdigest()


def judge(issued: IssuedCode | None, offered: str, *, now: datetime) -> CodeVerdict:
    """Return the verdict on the digest *offered* against the code *issued*. Takes constant time."""
    if issued is None:
        return CodeVerdict.NOT_ISSUED
    if issued.tries_left <= 0:
        return CodeVerdict.EXHAUSTED
    if now >= issued.expires_at:
        return CodeVerdict.EXPIRED
    return CodeVerdict.MATCHED if hmac.compare_digest(issued.digest, offered) else CodeVerdict.WRONG


def uses_a_try(verdict: CodeVerdict) -> bool:
    """Return whether a try was spent on *verdict*."""
    match verdict:
        case CodeVerdict.WRONG:
            return True
        case CodeVerdict.MATCHED | CodeVerdict.EXPIRED | CodeVerdict.EXHAUSTED | CodeVerdict.NOT_ISSUED:
            return False
        case _:
            assert_never(verdict)
