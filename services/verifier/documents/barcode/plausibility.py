"""Plausibility of a licence's data: dates in order, a known issuer. Pure, without a clock."""

from datetime import date
from typing import Final

from services.verifier.documents.barcode.issuers import country_of
from services.verifier.documents.results import Check, CheckResult, Licence

LONGEST_VALIDITY_YEARS: Final = 15
"""Longer ones are rare (Arizona once issued to the age of 65) and are looked at by a person."""
YOUNGEST_HOLDER_YEARS, OLDEST_HOLDER_YEARS = 0, 120


def plausibility(licence: Licence) -> tuple[Check, ...]:
    """
    Return the plausibility checks of the data of *licence*.

    Whether it has expired today is not asked here: that depends on the day of the request.
    """
    return (
        _check("barcode_dates", "barcode_malformed", holds=_dates_in_order(licence)),
        _check("barcode_issuer", "issuer_unknown", holds=_issuer_fits(licence)),
        _check("barcode_number", "barcode_malformed", holds=any(sign.isdigit() for sign in licence.number)),
    )


def _check(name: str, reason: str, *, holds: bool) -> Check:
    """Return a check that asks for a person where it does not hold: genuine cards with such errors exist."""
    if holds:
        return Check(name=name, result=CheckResult.PASS)
    return Check(name=name, result=CheckResult.INCONCLUSIVE, reasons=(reason,))


def _dates_in_order(licence: Licence) -> bool:
    """Return whether birth, issue and expiry follow one another at credible distances."""
    born, issued, expires = licence.born, licence.issued, licence.expires
    if born is None or expires is None:
        return False
    if not YOUNGEST_HOLDER_YEARS < _years(born, expires) <= OLDEST_HOLDER_YEARS:
        return False
    return issued is None or (born < issued <= expires and _years(issued, expires) <= LONGEST_VALIDITY_YEARS)


def _years(start: date, end: date) -> int:
    """Return the full years from *start* to *end*."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _issuer_fits(licence: Licence) -> bool:
    """
    Return whether the issuer is known and of the country the card names.

    It need not be that of the address: people move, and may keep the card.
    """
    return bool(licence.issuer and licence.country) and licence.country == country_of("", licence.issuer)
