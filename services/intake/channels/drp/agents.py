"""The authorised agents, as the protocol's service directory lists them, and their bearer tokens."""

import base64
import binascii
import hmac
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.contract.events import Text
from shared.contract.sources import ChannelSource, Source, channel_source
from shared.runtime.mongo import Database, insert_new, translated

KEY_BYTES, TOKEN_BYTES = 32, 32


def _key(text: str) -> str:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be base64 of exactly {KEY_BYTES} bytes")
    return text


class ListedAgent(BaseModel):
    """An entry of ``agents.json``; its other fields are not used."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    """Opaque."""
    name: Text
    verify_key: Annotated[str, AfterValidator(_key)]
    """Base64 of its Ed25519 public key."""
    web_url: str = ""
    business_contact: Text
    """The address for letters to the agent."""

    @property
    def key(self) -> bytes:
        """The public key."""
        return base64.b64decode(self.verify_key)

    @property
    def source(self) -> Source:
        """CloudEvents source of its requests."""
        return channel_source(ChannelSource.DRP, self.id)

    def is_at(self, address: str) -> bool:
        """Return whether *address* is a page of the agent's own, so that people may be redirected there."""
        try:
            wanted, own = urlsplit(address), urlsplit(self.web_url)
        except ValueError:
            return False
        return wanted.scheme == "https" and bool(own.netloc) and wanted.netloc == own.netloc


class DrpTokens:
    """
    The pair-wise keys: one bearer token per agent, and the messages that were used for them.

    Kept in the database, for all replicas and after a restart; tokens as a keyed hash, so that reading the
    database does not allow calls.
    """

    def __init__(self, database: Database, key: bytes) -> None:
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
        Return a new token for *agent*: the former becomes invalid.

        None if *message*, a digest that is remembered until *expires_at*, was used for one before.
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
