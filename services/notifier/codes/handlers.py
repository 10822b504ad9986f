"""
Handlers that mail codes.

A code waits for no other letter: not for one to another person, and not for the acknowledgement of its own
request. So requests are noted here as well, and no letter is written about them.
"""

from services.notifier.handlers import challenge, send_alias_code, send_package_code
from shared.contract.events import (
    AliasCodeIssued,
    IdentityChallenged,
    PackageCodeIssued,
    RequestPurged,
    RequestReceived,
)
from shared.runtime.service import forget, noted, on


def asks_for_other_proof(event: IdentityChallenged) -> bool:
    """Return whether no code is mailed: the notifier asks for other proofs."""
    return event.ref is None


SUBSCRIPTIONS = (
    noted(RequestReceived, forget),
    on(IdentityChallenged, challenge, ignored=asks_for_other_proof),
    on(PackageCodeIssued, send_package_code),
    on(AliasCodeIssued, send_alias_code),
    on(RequestPurged, forget),
)
