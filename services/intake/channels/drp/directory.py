"""The authorised agents, as the protocol's service directory lists them. Pure."""

import base64
import binascii
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.contract.events import Text
from shared.contract.sources import ChannelSource, Source, channel_source

KEY_BYTES = 32


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
        wanted, own = urlsplit(address), urlsplit(self.web_url)
        return wanted.scheme == "https" and bool(own.netloc) and wanted.netloc == own.netloc
