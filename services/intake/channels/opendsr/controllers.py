"""
The controllers that may send instructions, their credentials, and their groups of requests.

Groups are stored by a keyed hash: a controller's name for a group may be a person's.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from shared.contract.sources import ChannelSource, Source, channel_source
from shared.runtime.mongo import Database, translated

SECRET_CHARACTERS = 16
"""A short secret could be guessed."""

KEEP = timedelta(days=2 * 365)
"""The shortest retention of a request's record (docs/reference/register.md)."""
MOST = 1_000
"""Requests of one group in an answer."""


class ListedController(BaseModel):
    """A controller that the company is a processor of."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,80}$")]
    """Its name here, and in every answer."""
    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^:]+$")]
    """Its name for HTTP Basic."""
    secret: SecretStr
    """Its password for HTTP Basic; a bearer token where it is shown alone."""
    always_waits: bool = False
    """Whether its erasures have the window, even where an instruction skips it."""

    @field_validator("secret")
    @classmethod
    def _is_hard_to_guess(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value()) < SECRET_CHARACTERS:
            raise ValueError(f"must have at least {SECRET_CHARACTERS} characters")
        return secret

    @property
    def source(self) -> Source:
        """CloudEvents source of the requests that it sends."""
        return channel_source(ChannelSource.OPENDSR, self.id)

    def shows(self, credential: bytes) -> bool:
        """Return whether *credential* is its own, for HTTP Basic or as a bearer token."""
        secret = self.secret.get_secret_value().encode()
        basic = hmac.compare_digest(credential, b"Basic " + self.key.encode() + b":" + secret)
        return basic | hmac.compare_digest(credential, b"Bearer " + secret)


def controller_of(authorization: str, controllers: Iterable[ListedController]) -> ListedController | None:
    """Return the controller that sent the header *authorization*; None if unknown."""
    credential = _credential(authorization)
    found = [one for one in controllers if one.shows(credential)]
    return found[0] if found else None


def name_in(authorization: str) -> str:
    """Return the name in the header *authorization*; empty without one."""
    scheme, _, content = _credential(authorization).partition(b" ")
    return content.partition(b":")[0].decode(errors="replace") if scheme == b"Basic" else ""


def _credential(authorization: str) -> bytes:
    scheme, _, value = authorization.partition(" ")
    content = value.strip().encode()
    if scheme.lower() == "bearer":
        return b"Bearer " + content
    try:
        return b"Basic " + base64.b64decode(content, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        return b""


class RequestGroups:
    """The groups of requests."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._groups = database["opendsr_groups"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index groups of requests"):
            await self._groups.create_index("group")
            await self._groups.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def add(self, controller: ListedController, group: str, request_id: str, at: datetime) -> None:
        """Add a request to *group*; adding it again has no effect."""
        fresh = {"group": self._hashed(controller, group), "at": at}
        with translated("add to a group of requests"):
            await self._groups.update_one({"_id": request_id}, {"$setOnInsert": fresh}, upsert=True)

    async def of(self, controller: ListedController, group: str) -> list[str]:
        """Return the ids of the requests of *group*, oldest first."""
        with translated("read a group of requests"):
            found = self._groups.find({"group": self._hashed(controller, group)})
            return [str(one["_id"]) async for one in found.sort("at", 1).limit(MOST)]

    def _hashed(self, controller: ListedController, group: str) -> str:
        return hmac.new(self._key, f"{controller.source} {group}".encode(), sha256).hexdigest()
