"""Checks of a bill: that the person got it lately, at their address. Pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from services.verifier.documents.results import Bill, BillKind, Check, CheckResult, Reason
from shared.matching import Address, Doubt, Match, MatchOutcome, PersonName, match_addresses, match_names
from shared.matching.outcome import best

ACCEPTED = frozenset({BillKind.UTILITY, BillKind.TELECOM, BillKind.BANK, BillKind.CARD, BillKind.TAX})
"""Letters that are sent to a residence. The controller selects those that count."""
MOST_DAYS = 90
_ZONES = timedelta(days=1)
"""It may be tomorrow where the bill was issued."""
_RESULTS = {
    MatchOutcome.MATCH: CheckResult.PASS,
    MatchOutcome.PARTIAL: CheckResult.INCONCLUSIVE,
    MatchOutcome.MISMATCH: CheckResult.FAIL,
}
_AND = re.compile(r"(?i)\s+(?:und|and|&|\+|et|y|e|i|en|oraz)\s+|\s*/\s*")


def bill_checks(  # noqa: PLR0913 - the claims, and the policy's limits
    bill: Bill | None,
    name: str | PersonName | None,
    address: Address | Sequence[str] | str | None,
    today: date,
    most_days: int = MOST_DAYS,
    *,
    accepted: Collection[BillKind] = ACCEPTED,
) -> tuple[Check, ...]:
    """
    Return the checks of *bill* for a person living at an address.

    Name and address are compared with one block of the bill, the recipient's: a name from one place and an
    address from another prove nothing together.

    Args:
        bill: The bill; none where the page is no bill.
        name: The person's, as claimed or as another proof has it; none if unknown.
        address: The person's claimed residence; none if not claimed.
        today: In the controller's zone.
        most_days: Age up to which it is accepted.
        accepted: Kinds that are accepted.
    """
    if bill is None:
        return (_kind(BillKind.UNKNOWN, accepted),)
    return (
        _kind(bill.kind, accepted),
        _date(bill.issued, today, timedelta(days=most_days)),
        _recipient(bill.recipient, name),
        _address(bill, address),
    )


def _kind(kind: BillKind, accepted: Collection[BillKind]) -> Check:
    if kind in accepted:
        return Check(name="bill_kind", result=CheckResult.PASS)
    unsure = kind is BillKind.UNKNOWN
    result = CheckResult.INCONCLUSIVE if unsure else CheckResult.FAIL
    return Check(name="bill_kind", result=result, reasons=("bill_type_not_accepted",))


def _date(issued: Sequence[date], today: date, most: timedelta) -> Check:
    verdicts = {_age(day, today, most) for day in issued}
    if not verdicts:
        return Check(name="bill_date", result=CheckResult.INCONCLUSIVE, reasons=("bill_date_unreadable",))
    if verdicts == {None}:
        return Check(name="bill_date", result=CheckResult.PASS)
    if None in verdicts:
        return Check(name="bill_date", result=CheckResult.INCONCLUSIVE, reasons=("bill_date_unreadable",))
    reasons = tuple(sorted(filter(None, verdicts)))
    return Check(name="bill_date", result=CheckResult.FAIL, reasons=reasons)


def _age(day: date, today: date, most: timedelta) -> Reason | None:
    if day > today + _ZONES:
        return "doc_not_yet_valid"
    return "bill_too_old" if today - day > most else None


def _recipient(recipient: str, name: str | PersonName | None) -> Check:
    if name is None:
        return Check(name="bill_name", result=CheckResult.INCONCLUSIVE, reasons=("name_not_claimed",))
    if not recipient:
        return Check(name="bill_name", result=CheckResult.INCONCLUSIVE, reasons=("bill_recipient_missing",))
    match = best(match_names(one, name) for one in persons_of(recipient))
    return Check(name="bill_name", result=_RESULTS[match.outcome], reasons=name_reasons(match))


def name_reasons(match: Match) -> tuple[Reason, ...]:
    """Return the reasons that the outcome of comparing two names has."""
    script = ("script_not_comparable",) if Doubt.SCRIPT in match.doubts else ()
    return (f"name_{match.outcome.value}", *script)


def persons_of(recipient: str) -> Iterator[str]:
    """Yield the names that *recipient* may be: as it is, and each of two with the surname they share."""
    yield recipient
    several = [part.strip() for part in _AND.split(recipient) if part.strip()]
    if len(several) > 1:
        surname = several[-1].split()[-1]
        yield from (part if len(part.split()) > 1 else f"{part} {surname}" for part in several)


def _address(bill: Bill, address: Address | Sequence[str] | str | None) -> Check:
    if address is None:
        return Check(name="bill_address", result=CheckResult.INCONCLUSIVE, reasons=("address_not_claimed",))
    if not (bill.recipient and bill.address):
        return Check(
            name="bill_address", result=CheckResult.INCONCLUSIVE, reasons=("bill_recipient_missing",)
        )
    match = match_addresses(bill.address, address)
    if match.outcome is MatchOutcome.MISMATCH:
        return Check(name="bill_address", result=CheckResult.FAIL, reasons=("address_mismatch",))
    partly: tuple[Reason, ...] = () if match else ("address_partial",)
    several: tuple[Reason, ...] = ("bill_address_ambiguous",) if bill.addresses > 1 else ()
    reasons = (*partly, *several)
    result = CheckResult.INCONCLUSIVE if reasons else CheckResult.PASS
    return Check(name="bill_address", result=result, reasons=reasons)
