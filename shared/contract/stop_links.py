"""
Links by which a person stops a request that they did not make. Pure.

The token is authenticated encryption (AES-SIV, RFC 5297) of the case's id under a key for this purpose alone.
It shows nothing of the id, which opens the page of a request, and serves for nothing but stopping. Nothing is
stored.
"""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PURPOSE = "stop links"
"""Purpose of the key that :func:`shared.runtime.key_rings.derived_key` makes for these links."""
PATH = "/stop"
"""Where the page of a link lies at intake."""
FORM = [b"habeas stop link 1"]
"""Binds a token to this use and form."""
TOKEN_CHARACTERS = 43
"""Of a token: a tag and an id of 16 bytes each, in Base64 without padding."""


def stop_url(public_url: str, key: bytes, case: str) -> str:
    """
    Return the link that stops *case*; the same case has the same link.

    Args:
        public_url: Where people reach intake.
        key: The key for :data:`PURPOSE`.
        case: Id of the request: 32 hexadecimal digits.
    """
    sealed = AESSIV(key).encrypt(bytes.fromhex(case), FORM)
    token = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    return f"{public_url.rstrip('/')}{PATH}/{token}"


def stopped_case(key: bytes, token: str) -> str | None:
    """Return the id of the case that *token* was made for under *key*; None if it was not."""
    if len(token) != TOKEN_CHARACTERS:
        return None
    try:
        sealed = base64.b64decode(f"{token}=", altchars=b"-_", validate=True)
        return AESSIV(key).decrypt(sealed, FORM).hex()
    except (binascii.Error, InvalidTag, ValueError):
        return None
