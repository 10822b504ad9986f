"""Data with a fixed form: e-mail addresses, telephone numbers, numbers of accounts and cards."""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher

from services.fulfillment.package.redaction.own import LEAST_DIGITS, Own
from services.fulfillment.package.redaction.spans import RedactedKind, TextSpan, outside

LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
ADDRESS = re.compile(rf"(?<!{LOCAL}){LOCAL}+[@\uff20\ufe6b](?:\[[\d.:a-fA-F]+\]|{LABEL}(?:\.{LABEL})*)")
"""Starts only at the beginning of a run of such characters, so that a long text is read once."""
AT = re.compile(r"[@\uff20\ufe6b]")
"""Characters that every address has; a fast check."""
DIGITS = re.compile(r"\d(?:[^\w\n]*\d){5}")
"""Candidates for telephone numbers; the full check is slow."""
IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}")
CARD = re.compile(r"(?<!\d)\d(?:[ \u00a0-]?\d){12,18}(?!\d)")


def addresses(text: str, own: Own) -> Iterator[tuple[TextSpan, bool]]:
    """Yield the e-mail addresses in *text*, and whether each is the person's *own*."""
    for match in ADDRESS.finditer(text) if AT.search(text) else ():
        yield TextSpan(*match.span(), RedactedKind.EMAIL), own.is_at(match[0])


def numbers(text: str, own: Own) -> Iterator[tuple[TextSpan, bool]]:
    """Yield the telephone numbers in *text*, and whether each is the person's *own*."""
    if not DIGITS.search(text):
        return
    mine = [TextSpan(*match.span(), RedactedKind.PHONE) for match in own.numbers.finditer(text)]
    yield from ((span, True) for span in mine)
    found = PhoneNumberMatcher(text, own.region, leniency=Leniency.POSSIBLE)
    others = (_dialled(match) for match in found if _is_dialled(text, match, own.region))
    yield from ((span, False) for span in outside(others, mine))


def accounts(text: str) -> Iterator[TextSpan]:
    """Yield the numbers of accounts and cards in *text*."""
    for match in IBAN.finditer(text):
        if end := _iban_end(text, match):
            yield TextSpan(match.start(), end, RedactedKind.ACCOUNT)
    for match in CARD.finditer(text):
        if _luhn(match[0]):
            yield TextSpan(*match.span(), RedactedKind.ACCOUNT)


def _dialled(match: PhoneNumberMatch) -> TextSpan:
    """Return the place of the number, without a bracket before it that is closed after it."""
    opened = match.raw_string.startswith("(") and ")" not in match.raw_string
    return TextSpan(match.start + opened, match.end, RedactedKind.PHONE)


def _is_dialled(text: str, match: PhoneNumberMatch, region: str | None) -> bool:
    """Return whether the match is a telephone number: it can be dialled as it is written."""
    if text[max(match.start - 1, 0) : match.start].isalnum():
        return False
    if match.raw_string.lstrip("( ").startswith(("+", "\uff0b", "0")):
        return sum(map(str.isdigit, match.raw_string)) > LEAST_DIGITS
    begins = phonenumbers.ndd_prefix_for_region(region or "", True)
    return begins != "0" and phonenumbers.is_valid_number(match.number)


def _iban_end(text: str, match: re.Match[str]) -> int:
    """Return the end of the account number at *match*, by its check digits (ISO 13616); 0 if it is none."""
    places = [at for at in range(match.start(), match.end()) if text[at].isalnum()]
    for length in range(len(places), 14, -1):
        end = places[length - 1] + 1
        compact = "".join(text[at] for at in places[:length])
        digits = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
        if not text[end : end + 1].isalnum() and int(digits) % 97 == 1:
            return end
    return 0


def _luhn(number: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    digits = [int(character) for character in reversed(number) if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
