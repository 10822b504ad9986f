"""
Unsubscribe links: an encrypted token of the person and the list, which only intake can read or make.

The token is authenticated encryption (AES-SIV, RFC 5297): the same person and list always have the same
token, and nothing is stored for it.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.contract.events import Strict, Subject, Text
from shared.runtime.key_rings import RootKey, derived_key

PURPOSE = "unsubscribe links"
FORM = [b"habeas unsubscribe link 1"]
"""The form of a token; a token of another form does not open."""
TAG_BYTES = 16
TOO_LONG = "too_long_for_a_link"
"""Error type of a name that is too long for a link."""
MOST_CHARACTERS = 2_000
"""Of a token."""
MOST_BYTES = MOST_CHARACTERS * 3 // 4 - TAG_BYTES
"""Size of a token's content, as JSON: more than the longest ASCII address and list name need."""


def _content(subscription: Mapping[str, str | None]) -> bytes:
    return orjson.dumps(subscription, option=orjson.OPT_SORT_KEYS)


class MailSubscription(Strict, defer_build=False):
    """A person, and a mailing list."""

    email: str = Field(max_length=320, pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$")
    list: Text | None = None
    """The company's name of the list; None for all mails."""

    @field_validator("list", mode="after")
    @classmethod
    def _fits(cls, name: str | None, info: ValidationInfo) -> str | None:
        if len(_content({"email": info.data.get("email", ""), "list": name})) > MOST_BYTES:
            raise PydanticCustomError(TOO_LONG, "is too long for a link")
        return name

    @property
    def subject(self) -> Subject:
        """The person, in the form of a request."""
        return Subject(email=self.email)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """The content of a valid token."""

    subscription: MailSubscription
    name: str
    """Equal for the same subscription, and impossible to guess."""


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """Makes links, and opens their tokens."""

    master_key: RootKey = field(repr=False)
    root: str
    """The public address of intake."""

    def url_for(self, subscription: MailSubscription) -> str:
        """Return the link that ends *subscription*."""
        content = _content(subscription.model_dump(exclude_none=True))
        token = base64.urlsafe_b64encode(self._cipher().encrypt(content, FORM)).decode().rstrip("=")
        return f"{self.root.rstrip('/')}/unsubscribe/{token}"

    def headers_for(self, subscription: MailSubscription) -> Mapping[str, str]:
        """Return the headers of a mail; DKIM must sign both (RFC 8058 section 3.1)."""
        return {
            "List-Unsubscribe": f"<{self.url_for(subscription)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }

    def opened(self, token: str) -> OpenedLink | None:
        """Return the content of *token*; None if it is not valid."""
        if len(token) > MOST_CHARACTERS:
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            content = self._cipher().decrypt(sealed, FORM)
            return OpenedLink(MailSubscription.model_validate_json(content), sealed[:TAG_BYTES].hex())
        except (binascii.Error, InvalidTag, ValidationError, ValueError):
            return None

    def _cipher(self) -> AESSIV:
        return AESSIV(derived_key(self.master_key, PURPOSE))
