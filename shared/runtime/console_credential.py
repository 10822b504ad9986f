"""
The credential by which intake recognises the console.

Intake draws it once and keeps it beside its reports. Of the other accounts only those of the console and the
command may read it. A call with it counts for the network of the console's client, not for the console's
address: neither strangers at the sign-in page nor colleagues use up the calls of other networks.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.runtime.mongo import Database, Document, ReturnDocument, translated
from shared.runtime.service_reports import CREDENTIAL, reports_in

HEADER: Final = "habeas-console"
CLIENT: Final = "habeas-console-client"
"""Header with the network of the console's client."""
READ_AGAIN_S: Final = 60.0


async def issued(database: Database) -> str:
    """Return the credential in intake's *database*; it is drawn at the first call."""
    fresh = {"$setOnInsert": {"secret": secrets.token_urlsafe(32)}}
    with translated("issue the console's credential"):
        stored: Document = await reports_in(database).find_one_and_update(
            {"_id": CREDENTIAL}, fresh, upsert=True, return_document=ReturnDocument.AFTER
        )
    return str(stored["secret"])


def client_of(headers: Mapping[str, str], credential: str) -> str | None:
    """Return the network of the console's client that *headers* name; None if they are not the console's."""
    shown = headers.get(HEADER, "")
    if not credential or not hmac.compare_digest(shown.encode(), credential.encode()):
        return None
    return headers.get(CLIENT, "")


@dataclass(slots=True)
class ConsoleCredential:
    """The credential as the console reads it, at most once a minute."""

    database: Database
    client: Callable[[], str]
    """Returns the network of the client of the present request; empty if there is none."""
    _known: str = ""
    _read_at: float = field(default=float("-inf"))

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a call for the present client; none before intake has issued a credential."""
        now = asyncio.get_running_loop().time()
        if not self._known or now - self._read_at >= READ_AGAIN_S:
            with translated("read the console's credential"):
                stored = await reports_in(self.database).find_one({"_id": CREDENTIAL})
            self._known, self._read_at = "" if stored is None else str(stored["secret"]), now
        return {HEADER: self._known, CLIENT: self.client()} if self._known else {}
