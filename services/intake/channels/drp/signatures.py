"""
Signed envelopes of messages, and the refusals of calls. Pure.

The body is base64 of what libsodium calls combined mode: 64 bytes of an Ed25519 signature, then the message.
"""

import base64
import binascii
from hashlib import sha256
from http import HTTPStatus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNATURE_BYTES = 64


class DrpCallRefused(Exception):
    """A call is refused; *fatal* if the same message will always be."""

    def __init__(self, status: HTTPStatus, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.fatal = fatal


def verified_message(body: bytes, key: bytes) -> bytes:
    """
    Return the message in *body*, if it is signed with the public *key*.

    Raises:
        DrpCallRefused: It is not base64 (400), or has another signature (403).
    """
    try:
        signed = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise DrpCallRefused(HTTPStatus.BAD_REQUEST, "the body is not base64", fatal=True) from None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:])
    except InvalidSignature:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "the agent has not signed this message") from None
    return signed[SIGNATURE_BYTES:]


def message_in(body: bytes) -> bytes:
    """Return the message in a *body* that was checked before."""
    return base64.b64decode(body)[SIGNATURE_BYTES:]


def unsigned(message: bytes) -> bytes:
    """Return *message* in the form of an unsigned body."""
    return base64.b64encode(bytes(SIGNATURE_BYTES) + message)


def digest_of(message: bytes) -> str:
    """
    Return the digest that identifies *message*.

    The message, not the body: one message has many signatures, and many spellings in base64.
    """
    return sha256(message).hexdigest()
