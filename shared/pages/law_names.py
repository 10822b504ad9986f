"""
Names of laws and rights on pages and in letters.

Marked here; catalogues of pages and letters translate them.
"""

from collections.abc import Callable, Mapping

from shared.law import Policy, Right
from shared.pages.translation import mark as _

RIGHTS: Mapping[Right, str] = {
    Right.ACCESS: _("A copy of your personal data"),
    Right.PORTABILITY: _("Your personal data in a form that other services can read"),
    Right.ERASURE: _("Erasure of your personal data"),
    Right.RECTIFICATION: _("Correction of your personal data"),
    Right.RESTRICTION: _("Restriction of what we do with your personal data"),
    Right.OBJECTION: _("An end to our use of your personal data (objection)"),
    Right.CONSENT_WITHDRAWAL: _("Withdrawal of your consent"),
    Right.KNOW_CATEGORIES: _("Which categories of personal data we hold about you"),
    Right.OPT_OUT_OF_SALE: _("An end to selling and sharing your personal data"),
    Right.LIMIT_SENSITIVE_USE: _("A limit to our use of your sensitive personal data"),
}

THEIR_RIGHTS: Mapping[Right, str] = {
    Right.ACCESS: _("A copy of their personal data"),
    Right.PORTABILITY: _("Their personal data in a form that other services can read"),
    Right.ERASURE: _("Erasure of their personal data"),
    Right.RECTIFICATION: _("Correction of their personal data"),
    Right.RESTRICTION: _("Restriction of what is done with their personal data"),
    Right.OBJECTION: _("An end to the use of their personal data (objection)"),
    Right.CONSENT_WITHDRAWAL: _("Withdrawal of their consent"),
    Right.KNOW_CATEGORIES: _("Which categories of personal data are held about them"),
    Right.OPT_OUT_OF_SALE: _("An end to selling and sharing their personal data"),
    Right.LIMIT_SENSITIVE_USE: _("A limit to the use of their sensitive personal data"),
}
"""For readers other than the person."""


def name_of(policy: Policy, say: Callable[[str], str]) -> str:
    """Return the name of a law, as *say* puts it where it has one in the person's language."""
    return say(policy.title or policy.name)
