"""
Groups of categories of the taxonomy. A category covers its sub-categories.

``user.contact`` covers ``user.contact.email`` and not ``user.contacts``.
"""

from collections.abc import Iterable

PERSONAL = ("user",)
"""The default scope of an erasure."""

NEVER_DISCLOSED = (
    "user.authorization",
    "user.biometric",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.health_and_medical.record_id",
)
"""
Withheld by default: an answer states that they are held, not their values.

Law:
    11 CCR § 7024(d): government and medical numbers, account numbers, passwords, unique biometric data
    are never disclosed; that they are held is said with particularity.
"""


def covered(category: str, by: Iterable[str]) -> bool:
    """Return whether *category* is one of *by* or a sub-category of one."""
    return any(category == parent or category.startswith(f"{parent}.") for parent in by)
