"""
Handlers that mail codes.

A code waits for no other letter: not for one to anybody else, and not for the acknowledgement of its own
request. So requests are noted here as well, and no letter is written about them.
"""

from collections.abc import Sequence

from services.notifier.context import Notifier
from services.notifier.handlers import challenge, send_alias_code, send_package_code
from shared.contract.events import (
    AliasCodeIssued,
    Fact,
    IdentityChallenged,
    PackageCodeIssued,
    RequestPurged,
    RequestReceived,
)
from shared.runtime.service import forget, on


async def note(_event: RequestReceived, _ctx: Notifier) -> Sequence[Fact]:
    """Record a request."""
    return []


async def mail_code(event: IdentityChallenged, ctx: Notifier) -> Sequence[Fact]:
    """Send the code that proves the mailbox. Other proofs are requested by the notifier."""
    return await challenge(event, ctx) if event.ref else []


SUBSCRIPTIONS = (
    on(RequestReceived, note),
    on(IdentityChallenged, mail_code),
    on(PackageCodeIssued, send_package_code),
    on(AliasCodeIssued, send_alias_code),
    on(RequestPurged, forget),
)
