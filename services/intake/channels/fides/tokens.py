"""
Bearer tokens of clients.

Kept in the database, for all replicas and after a restart; as a keyed hash, so that reading the database does
not allow calls.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from shared.runtime.mongo import Database, insert_new, translated

LIFETIME = timedelta(hours=1)
TOKEN_BYTES = 32


class FidesTokens:
    """The tokens of clients; one client may have several."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*, hashed with *key*."""
        self._tokens = database["fides_tokens"]
        self._key = key

    async def prepare(self) -> None:
        """Create the index that expires them."""
        with translated("index the tokens of clients"):
            await self._tokens.create_index("expires_at", expireAfterSeconds=0)

    async def issue(self, client_id: str, expires_at: datetime) -> str:
        """Return a new token for a client, good until *expires_at*."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        kept = {"_id": self._hashed(token), "client": client_id, "expires_at": expires_at}
        await insert_new(self._tokens, [kept])
        return token

    async def holder(self, token: str, now: datetime) -> str | None:
        """Return the client with the token; None if it is unknown, or expired by *now*."""
        with translated("find a token of a client"):
            found = await self._tokens.find_one({"_id": self._hashed(token)})
        return None if found is None or found["expires_at"] <= now else str(found["client"])

    def _hashed(self, token: str) -> str:
        return hmac.new(self._key, token.encode("utf-8", "surrogatepass"), sha256).hexdigest()
