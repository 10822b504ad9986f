"""
Kinds of data that laws list, in the words of the data map.

The laws of the States demand notices only if data of certain kinds is breached, mostly together with a
name. Where a map is coarser than the law (``user.financial``), the listed kind may be in it: it counts. So
does a word that the taxonomy does not know: it is taken to be all of the nearest that it knows above it.

Law:
    Cal. Civ. Code § 1798.82(h), and the definitions in the laws of the other States (``policies/breaches``).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from shared.law.taxonomy import nearest


class BreachedKind(StrEnum):
    """A kind of data that laws list."""

    SOCIAL_SECURITY = "social_security"
    DRIVERS_LICENCE = "drivers_licence"
    """Also a State's identification card."""
    OTHER_ID = "other_id"
    """Passports, numbers of taxpayers and of the military, other unique numbers that a government issues."""
    ACCOUNT = "account"
    """
    Numbers of accounts and cards. The laws want the code beside it that opens the account; a map does not
    say whether one is there, so the number is taken to be enough.
    """
    MEDICAL = "medical"
    HEALTH_INSURANCE = "health_insurance"
    BIOMETRIC = "biometric"
    GENETIC = "genetic"
    PLATE_READER = "plate_reader"
    """Recordings of cameras that read number plates."""
    BIRTH_DATE = "birth_date"
    EMPLOYEE_NUMBER = "employee_number"
    CREDENTIALS = "credentials"
    """A user name or a mail address, with a secret of the account: a password, or an answer to a question."""


NAME = ("user.name",)
_NUMBER = ("user.government_id.national_identification_number",)
WORDS: Mapping[BreachedKind, tuple[tuple[str, ...], ...]] = {
    BreachedKind.SOCIAL_SECURITY: (_NUMBER,),
    BreachedKind.DRIVERS_LICENCE: (("user.government_id.drivers_license_number", *_NUMBER),),
    BreachedKind.OTHER_ID: (
        ("user.government_id.passport_number", "user.government_id.immigration", *_NUMBER),
    ),
    BreachedKind.ACCOUNT: (("user.financial.bank_account", "user.financial.credit_card", "user.payment"),),
    BreachedKind.MEDICAL: (("user.health_and_medical", "user.biometric.health"),),
    BreachedKind.HEALTH_INSURANCE: (("user.health_and_medical.insurance_beneficiary_id",),),
    BreachedKind.BIOMETRIC: (("user.biometric", "user.authorization.biometric"),),
    BreachedKind.GENETIC: (("user.health_and_medical.genetic",),),
    BreachedKind.PLATE_READER: (("user.government_id.vehicle_registration",),),
    BreachedKind.BIRTH_DATE: (("user.demographic.date_of_birth",),),
    BreachedKind.EMPLOYEE_NUMBER: (("user.workplace",),),
    BreachedKind.CREDENTIALS: (
        ("user.account.username", "user.contact.email"),
        ("user.authorization.password", "user.authorization.credentials"),
    ),
}
"""Of each kind: categories of which one of every group is there."""


def is_there(kind: BreachedKind, categories: Iterable[str]) -> bool:
    """Return whether data of *categories* has, or may have, the *kind*."""
    there = tuple(map(nearest, categories))
    return all(_meets(group, there) for group in WORDS[kind])


def names_a_person(categories: Iterable[str]) -> bool:
    """Return whether data of *categories* has a name in it."""
    return _meets(NAME, tuple(map(nearest, categories)))


def _meets(group: Iterable[str], categories: tuple[str, ...]) -> bool:
    return any(_overlap(wanted, there) for wanted in group for there in categories)


def _overlap(one: str, other: str) -> bool:
    """Return whether one of the two categories is, or is a part of, the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
