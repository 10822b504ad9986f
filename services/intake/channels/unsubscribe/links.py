"""
Links by which a person unsubscribes: they name the person and the list, and nobody else can read or make one.

The token is authenticated encryption (AES-SIV, RFC 5297) of the two: the same person and list have the same
token, wherever it is made, and nothing needs to be stored for it.
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
"""What a token is, in which form; another one would not open."""
TAG_BYTES = 16
TOO_LONG = "too_long_for_a_link"
"""Type of the fault that a name has which no link can hold."""
MOST_CHARACTERS = 2_000
"""Of a token."""
MOST_BYTES = MOST_CHARACTERS * 3 // 4 - TAG_BYTES
"""Of what stands in a token, as JSON: more than the longest address and name of a list need in ASCII."""


def _content(subscription: Mapping[str, str | None]) -> bytes:
    return orjson.dumps(subscription, option=orjson.OPT_SORT_KEYS)


class MailSubscription(Strict):
    """Who gets which mails."""

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
        """The person, as a request describes them."""
        return Subject(email=self.email)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a token that is ours says."""

    subscription: MailSubscription
    name: str
    """The same for the same subscription; nobody can work it out."""


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """Makes links, and opens what was in one."""

    master_key: RootKey = field(repr=False)
    root: str
    """Where people reach intake."""

    def url_for(self, subscription: MailSubscription) -> str:
        """Return the link by which *subscription* ends."""
        content = _content(subscription.model_dump(exclude_none=True))
        token = base64.urlsafe_b64encode(self._cipher().encrypt(content, FORM)).decode().rstrip("=")
        return f"{self.root.rstrip('/')}/unsubscribe/{token}"

    def headers_for(self, subscription: MailSubscription) -> Mapping[str, str]:
        """Return the headers that a mail carries; DKIM must sign both (RFC 8058 section 3.1)."""
        return {
            "List-Unsubscribe": f"<{self.url_for(subscription)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }

    def opened(self, token: str) -> OpenedLink | None:
        """Return what *token* says; None where it is none of ours."""
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
