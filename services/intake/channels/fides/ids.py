"""
How requests are called: ``pri_`` and a UUID, whose digits are the id that they have everywhere else. Pure.

Of each request there is one spelling, so that nobody takes one request for two.
"""

import re
from uuid import UUID

from shared.contract.events import RequestId

PRIVACY_REQUEST, CONSENT_REQUEST = "pri", "con"
_SPELT = re.compile(r"(pri|con)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def spelt(case_id: RequestId, kind: str = PRIVACY_REQUEST) -> str:
    """Return how clients call the request *case_id*."""
    return f"{kind}_{UUID(case_id)}"


def case_of(name: str, kind: str = PRIVACY_REQUEST) -> RequestId | None:
    """Return the id of the request that clients call *name*; None where nothing is called so."""
    found = _SPELT.fullmatch(name)
    return found[2].replace("-", "") if found and found[1] == kind else None
