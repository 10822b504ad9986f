"""The rights that can be exercised, and the law each request is answered under."""

from enum import StrEnum


class Regulation(StrEnum):
    """The law a request is answered under."""

    GDPR = "gdpr"
    UK_GDPR = "uk_gdpr"
    CCPA = "ccpa"


class Right(StrEnum):
    """What a data subject (CCPA: consumer) asks for."""

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
"""What the scope of an objection says where it is to direct marketing, and to nothing else."""


def needs_proof(right: Right, *, direct_marketing: bool = False) -> bool:
    """
    Tell whether anybody is asked who they are before *right* is exercised.

    Args:
        right: What is asked for.
        direct_marketing: Whether it is an objection to direct marketing alone.

    Law:
        GDPR Art. 21(2)-(3): an objection to direct marketing stops it, whatever the reasons. Nothing is
        weighed and nothing can go wrong, so there is no doubt to clear (Art. 12(6)).
        11 CCR §§ 7026(d), 7027(e), 7060(b): see :data:`PROOFLESS`.
    """
    return right not in PROOFLESS and not (right is Right.OBJECTION and direct_marketing)


# fmt: off
EEA = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    "IS", "LI", "NO",                          # by the EEA Agreement
    "AX", "GF", "GP", "MF", "MQ", "RE", "YT",  # of the Union by TFEU Art. 355, with codes of their own
})
# fmt: on


def choose_regulation(
    residence_country: str | None,
    subdivision: str | None,
    requested: Regulation | None,
    *,
    floor: Regulation = Regulation.GDPR,
) -> Regulation:
    """
    Choose the law to answer under: the one invoked, else that of the residence, else *floor*.

    Nobody is refused because the residence is unknown or unproven: *floor* is what the company grants to
    everybody. Codes are those of ISO 3166 (``US``, with ``CA`` or ``US-CA``).

    Law:
        GDPR Art. 3: the scope turns on the controller, not on where the data subject lives.
        UK GDPR Art. 3: the same, for the United Kingdom.
        Cal. Civ. Code § 1798.140(i): a consumer is a resident of California.
    """
    country = (residence_country or "").upper()
    part = (subdivision or "").upper().removeprefix("US-")
    if requested is not None:
        return requested
    if country in EEA:
        return Regulation.GDPR
    if country == "GB":
        return Regulation.UK_GDPR
    if (country, part) == ("US", "CA"):
        return Regulation.CCPA
    return floor
