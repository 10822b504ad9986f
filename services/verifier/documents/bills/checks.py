"""Checks of a bill: that the person got it lately, at their address. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from services.verifier.documents.results import Bill, BillKind, Check, CheckResult
from shared.matching import Address, Doubt, MatchOutcome, PersonName, match_addresses, match_names
from shared.matching.outcome import best

ACCEPTED = frozenset({BillKind.UTILITY, BillKind.TELECOM, BillKind.BANK, BillKind.CARD, BillKind.TAX})
"""Letters that are sent to a residence. The controller selects those that count."""
MOST_DAYS = 90
_ZONES = timedelta(days=1)
"""It may be tomorrow where the bill was issued."""
RESULTS = {
    MatchOutcome.MATCH: CheckResult.PASS,
    MatchOutcome.PARTIAL: CheckResult.INCONCLUSIVE,
    MatchOutcome.MISMATCH: CheckResult.FAIL,
}
_AND = re.compile(r"(?i)\s+(?:und|and|&|\+|et|y|e|i|en|oraz)\s+|\s*/\s*")


def bill_checks(
    bill: Bill | None,
    name: str | PersonName | None,
    address: Address | Sequence[str] | str | None,
    today: date,
    most_days: int = MOST_DAYS,
) -> tuple[Check, ...]:
    """
    Return the checks of *bill* for a person with *name* at *address*, as claimed or as another proof has it.

    Name and address are compared with one block of the bill, the recipient's: a name from one place and an
    address from another prove nothing together.
    """
    if bill is None:
        return (_kind(BillKind.UNKNOWN),)
    return (
        _kind(bill.kind),
        _date(bill.issued, today, timedelta(days=most_days)),
        _recipient(bill.recipient, name),
        _address(bill, address),
    )


def _kind(kind: BillKind) -> Check:
    if kind is BillKind.UNKNOWN:
        return Check.unsure("bill_kind", "bill_type_not_accepted")
    return Check.failed("bill_kind", "bill_type_not_accepted", unless=kind in ACCEPTED)


def _date(issued: Sequence[date], today: date, most: timedelta) -> Check:
    fitting = [day for day in issued if today - most <= day <= today + _ZONES]
    if fitting or not issued:
        # One of two days that the date may mean is not enough.
        return Check.unsure("bill_date", "bill_date_unreadable", unless=0 < len(issued) == len(fitting))
    reasons = {"doc_not_yet_valid" if day > today else "bill_too_old" for day in issued}
    return Check.failed("bill_date", *sorted(reasons))


def _recipient(recipient: str, name: str | PersonName | None) -> Check:
    if name is None:
        return Check.unsure("bill_name", "name_not_claimed")
    if not recipient:
        return Check.unsure("bill_name", "bill_recipient_missing")
    match = best(match_names(one, name) for one in persons_of(recipient))
    script = ("script_not_comparable",) if Doubt.SCRIPT in match.doubts else ()
    reasons = (f"name_{match.outcome}", *script)
    return Check(name="bill_name", result=RESULTS[match.outcome], reasons=reasons)


def persons_of(recipient: str) -> Iterator[str]:
    """Yield the names that *recipient* may be: as it is, and each of two with the surname they share."""
    yield recipient
    several = [part.strip() for part in _AND.split(recipient) if part.strip()]
    if len(several) > 1:
        surname = several[-1].split()[-1]
        yield from (part if len(part.split()) > 1 else f"{part} {surname}" for part in several)


def _address(bill: Bill, address: Address | Sequence[str] | str | None) -> Check:
    if address is None:
        return Check.unsure("bill_address", "address_not_claimed")
    if not (bill.recipient and bill.address):
        return Check.unsure("bill_address", "bill_recipient_missing")
    match = match_addresses(bill.address, address)
    if match.outcome is MatchOutcome.MISMATCH:
        return Check.failed("bill_address", "address_mismatch")
    partly = () if match else ("address_partial",)
    several = ("bill_address_ambiguous",) if bill.addresses > 1 else ()
    reasons = (*partly, *several)
    return Check.unsure("bill_address", *reasons, unless=not reasons)
