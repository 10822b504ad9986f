"""
Names of requests: ``pri_`` and a UUID with the digits of the case's id. Pure.

Each request has a single spelling, so that no two look different.
"""

import re
from uuid import UUID

from shared.contract.events import RequestId

PRIVACY_REQUEST, CONSENT_REQUEST = "pri", "con"
_SPELT = re.compile(r"(pri|con)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def spelt(case_id: RequestId, kind: str = PRIVACY_REQUEST) -> str:
    """Return the clients' name for the request *case_id*."""
    return f"{kind}_{UUID(case_id)}"


def case_of(name: str, kind: str = PRIVACY_REQUEST) -> RequestId | None:
    """Return the id of the request called *name*; None if there is none."""
    found = _SPELT.fullmatch(name)
    return found[2].replace("-", "") if found and found[1] == kind else None
