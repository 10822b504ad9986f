"""The clients of Fides, and their permissions. Pure."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.intake.domain import PUBLIC_SOURCE
from shared.contract.events import Code, Decision
from shared.contract.sources import ChannelSource, Source, channel_source
from shared.contract.staff import signed

SECRET_CHARACTERS = 16
"""Shorter secrets can be guessed."""
KEY_BYTES = 32


class ClientScope(StrEnum):
    """A permission of a client."""

    CREATE = "privacy-request:create"
    READ = "privacy-request:read"
    REVIEW = "privacy-request:review"
    ACCESS_RESULTS = "privacy-request-access-results:read"


def _a_key(key: SecretStr) -> SecretStr:
    try:
        seed = base64.b64decode(key.get_secret_value(), validate=True)
    except binascii.Error:
        seed = b""
    if len(seed) != KEY_BYTES:
        raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
    return key


class Client(BaseModel):
    """A system with its own credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: Annotated[SecretStr, Field(min_length=SECRET_CHARACTERS)]
    scopes: frozenset[ClientScope]
    account: Code | None = None
    """Staff account of a program that the client decides as; without one it decides nothing."""
    key: Annotated[SecretStr, AfterValidator(_a_key)] | None = None
    """Key of that account: base64 of 32 bytes, as `habeas staff add-program` prints it."""

    @model_validator(mode="after")
    def _has_both(self) -> "Client":
        if (self.account is None) is not (self.key is None):
            raise ValueError("account and key belong together")
        return self

    def signed(self, decision: Decision, nonce: str, now: datetime) -> Decision:
        """
        Return *decision*, signed by the client's account.

        Raises:
            ValueError: It has none.
        """
        if self.account is None or self.key is None:
            raise ValueError("the client has no staff account")
        seed = base64.b64decode(self.key.get_secret_value())
        own = decision.model_copy(update={"by": self.account})
        return signed(own, Ed25519PrivateKey.from_private_bytes(seed), at=now, nonce=nonce)


def source_of(client_id: str | None) -> Source:
    """Return the CloudEvents source of the client's requests; None: a caller without a token."""
    return PUBLIC_SOURCE if client_id is None else channel_source(ChannelSource.FIDES, client_id)


def shows_secret(clients: Mapping[str, Client], client_id: str, secret: str) -> bool:
    """Return whether *secret* is the client's, in constant time."""
    client = clients.get(client_id)
    right = client.secret.get_secret_value() if client else ""
    return hmac.compare_digest(right.encode(), secret.encode("utf-8", "surrogatepass")) and client is not None
