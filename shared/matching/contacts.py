"""Comparison of mail addresses and telephone numbers. Pure."""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from shared.mail.domains import looked_up
from shared.matching.characters import disguised, folded, normal
from shared.matching.outcome import MATCH, MISMATCH, Doubt, Match, doubted, partial

LEAST_DIGITS = 7
"""Digits that two numbers must share where the country of one is not known."""
MOST_CHARACTERS = 60


def match_emails(one: str, other: str) -> Match:
    """
    Return whether both are the same mailbox.

    Compatibility forms and case make no difference. The text behind a ``+``, and dots, do: they are one
    mailbox with some providers and two with others.
    """
    ours, theirs = mailbox(one), mailbox(other)
    if not ours or ours != theirs:
        return MISMATCH
    return doubted(MATCH, [Doubt.DISGUISE] if disguised(one) or disguised(other) else [])


def match_phones(one: str, other: str, region: str | None = None) -> Match:
    """
    Return whether both are the same telephone number.

    *region*: where a number without its country's code is dialled, as two letters. Without it such a number
    is perhaps the one that ends in the same digits, and no more.
    """
    ours, theirs = _number(one, region), _number(other, region)
    if ours is not None and theirs is not None:
        if _e164(ours) != _e164(theirs):
            return MISMATCH
        return MATCH if (ours.extension or "") == (theirs.extension or "") else partial(Doubt.UNIT)
    short, long = sorted((_digits(one), _digits(other)), key=lambda digits: (len(digits), digits))
    return partial(Doubt.INCOMPLETE) if len(short) >= LEAST_DIGITS and long.endswith(short) else MISMATCH


def mailbox(address: str) -> str:
    """Return *address* in the one spelling of its mailbox; empty where it is no address."""
    local, at, domain = normal(address).rpartition("@")
    name = looked_up(domain)
    return f"{folded(local)}@{name}" if at and local and name else ""


def _number(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(normal(text)[:MOST_CHARACTERS], region)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _digits(text: str) -> str:
    """Return the digits of a number without its domestic prefix."""
    return re.sub(r"\D", "", normal(text)[:MOST_CHARACTERS]).lstrip("0")
