"""The check of a signed declaration: its text, its signer and its date. Pure."""

from datetime import datetime, timedelta

from shared.contract.declarations import TEXTS
from shared.contract.events import Declaration
from shared.matching import match_names

VALID_FOR = timedelta(days=30)
CLOCKS_DIFFER = timedelta(minutes=10)


def flaw(declaration: Declaration, claimed_name: str | None, now: datetime) -> str | None:
    """
    Return the reason code for which *declaration* does not count, or None where it does.

    Args:
        declaration: The signed text, the signer and the date.
        claimed_name: The name in the request.
        now: The present moment.

    Law:
        11 CCR § 7062(c): a signed declaration under penalty of perjury; § 7001(ii): electronically, too.
    """
    if _plain(declaration.text) not in map(_plain, TEXTS.values()):
        return "decl_text_version"
    if not now - VALID_FOR < declaration.signed_at <= now + CLOCKS_DIFFER:
        return "decl_stale"
    if claimed_name is None or not match_names(declaration.name, claimed_name):
        return "decl_name_mismatch"
    return None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
