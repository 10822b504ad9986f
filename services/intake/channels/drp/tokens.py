"""
Bearer tokens of agents, and the messages that were used for them.

Kept in the database, for all replicas and after a restart; tokens as a keyed hash, so that reading the
database does not allow calls.
"""

import hmac
import secrets
from datetime import UTC, datetime
from hashlib import sha256

from shared.runtime.mongo import Database, insert_new, translated

TOKEN_BYTES = 32


class DrpTokens:
    """The pair-wise keys: one token per agent."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*, hashed with *key*."""
        self._tokens = database["drp_tokens"]
        self._used = database["drp_messages"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the tokens of agents"):
            await self._tokens.create_index("token", unique=True)
            await self._used.create_index("expires_at", expireAfterSeconds=0)

    async def issue(self, agent: str, message: str, expires_at: datetime) -> str | None:
        """
        Return a new token for *agent*, or None if *message* was used for one before.

        The former token becomes invalid.

        Args:
            agent: The agent.
            message: Digest of the message that asks for it: it counts once.
            expires_at: End of the message's validity; it is remembered as long.
        """
        if await insert_new(self._used, [{"_id": message, "expires_at": expires_at}]):
            return None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with translated("store a token of an agent"):
            kept = {"token": self._hashed(token), "issued_at": datetime.now(UTC)}
            await self._tokens.update_one({"_id": agent}, {"$set": kept}, upsert=True)
        return token

    async def holder(self, token: str) -> str | None:
        """Return the agent with the *token*; None if there is none."""
        with translated("find a token of an agent"):
            found = await self._tokens.find_one({"token": self._hashed(token)})
        return None if found is None else str(found["_id"])

    def _hashed(self, token: str) -> str:
        return hmac.new(self._key, token.encode(), sha256).hexdigest()
