"""The rights that can be exercised, and the law each request is answered under."""

from enum import StrEnum


class Regulation(StrEnum):
    """The law a request is answered under; the laws of the States of the US but California's are one."""

    GDPR = "gdpr"
    UK_GDPR = "uk_gdpr"
    FADP = "fadp"
    CCPA = "ccpa"
    US_STATE = "us_state"
    LGPD = "lgpd"
    PIPEDA = "pipeda"
    QUEBEC = "quebec"
    DPDP = "dpdp"
    PIPL = "pipl"
    PDPA = "pdpa"


class Role(StrEnum):
    """The person's role towards the company."""

    CONSUMER = "consumer"
    EMPLOYEE = "employee"
    """Also applicants, and contractors."""
    BUSINESS_CONTACT = "business_contact"
    """A person acting for another company."""
    END_USER = "end_user"
    """A person in the data that the company holds for a customer, on the customer's orders."""


class Right(StrEnum):
    """A right of a data subject (CCPA: consumer)."""

    ACCESS = "access"
    PORTABILITY = "portability"
    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    KNOW_CATEGORIES = "know_categories"
    OPT_OUT_OF_SALE = "opt_out_of_sale"
    LIMIT_SENSITIVE_USE = "limit_sensitive_use"


PROOFLESS = frozenset({Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE, Right.CONSENT_WITHDRAWAL})
"""
Rights that anyone may exercise for anyone: the worst that can happen is that less is done with the data.

Law:
    11 CCR §§ 7026(d), 7027(e), 7060(b): no verification of requests to opt out or to limit.
    GDPR Art. 7(3): withdrawing consent is as easy as giving it.
"""

DIRECT_MARKETING = "direct_marketing"
"""Scope of an objection to direct marketing alone."""


def needs_proof(right: Right, *, direct_marketing: bool = False) -> bool:
    """
    Return whether *right* needs proof of identity.

    Args:
        right: The right of the request.
        direct_marketing: Whether it is an objection to direct marketing alone.

    Law:
        GDPR Art. 21(2)-(3): an objection to direct marketing stops it, for any reason. Nothing is
        weighed and nothing can go wrong, so there is no doubt to clear (Art. 12(6)).
        11 CCR §§ 7026(d), 7027(e), 7060(b): see :data:`PROOFLESS`.
    """
    return right not in PROOFLESS and not (right is Right.OBJECTION and direct_marketing)
