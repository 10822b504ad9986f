"""Checks of platforms' signatures by a shared secret, over the received bytes. Pure."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable

BASE64URL = re.compile(rb"[A-Za-z0-9_-]+")


def is_signed(content: bytes, signature: bytes, secrets: Iterable[bytes]) -> bool:
    """
    Return whether *signature* is the HMAC-SHA256 of *content* under one of *secrets*.

    The comparison takes constant time.
    """
    digests = (hmac.digest(secret, content, "sha256") for secret in secrets)
    return any(hmac.compare_digest(digest, signature) for digest in digests)


def from_base64(text: str) -> bytes:
    """Return the bytes of *text*; empty if it is not base64."""
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""


def from_base64url(text: bytes) -> bytes:
    """Return the bytes of *text*, written without ``=`` (RFC 7515 section 2); empty if invalid."""
    text = text.rstrip(b"=")
    if not BASE64URL.fullmatch(text):
        return b""
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""
