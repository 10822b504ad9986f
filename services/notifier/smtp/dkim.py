"""
DKIM signatures (RFC 6376), relaxed/relaxed, with RSA or with Ed25519 (RFC 8463).

Signed here and not by a library, for two reasons that were measured: dkimpy needs ten milliseconds for an RSA
signature, where OpenSSL needs one, and it dates each signature. Without a date the same letter has the same
bytes whenever it is signed, which is how a letter sent twice in doubt is recognised.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SigningKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey
RSA_BITS = 2048
"""The least that signers should use (RFC 8301 section 3.2)."""
SIGNED = frozenset(
    {
        "auto-submitted",
        "content-language",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "subject",
        "to",
        "x-habeas-request",
    }
)
"""Headers that identify the letter (RFC 6376 section 5.4.1); trace headers and the like are left out."""
ONLY_ONCE = ("from", "to", "subject", "date", "reply-to")
"""Named once more than they are there: a second one, added on the way, breaks the signature (8.15)."""
WHITE_SPACE = re.compile(rb"[ \t]{2,}|\t")
"""All that is not one space already."""
LINE = 72
"""Characters of a signature on a line."""
SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class DkimSigner:
    """Signs in the name of a domain, with the private key of the selector in its DNS."""

    domain: str
    selector: str
    key: SigningKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return *message* with a signature before its headers. The same message gives the same bytes."""
        head, _, body = message.partition(b"\r\n\r\n")
        headers = [(name, value) for name, value in _headers(head) if name in SIGNED]
        signature = self._unsigned(headers, body)
        data = b"".join(_relaxed(name, value) + b"\r\n" for name, value in headers)
        signed = self._sign(data + _relaxed("dkim-signature", signature))
        return b"DKIM-Signature:" + signature + _folded(signed) + b"\r\n" + message

    def _unsigned(self, headers: Sequence[tuple[str, bytes]], body: bytes) -> bytes:
        """Return the value of the header up to ``b=``."""
        algorithm = "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"
        names = ":".join([*(name for name, _ in headers), *ONLY_ONCE])
        digest = b64encode(sha256(_relaxed_body(body)).digest()).decode()
        return (
            f" v=1; a={algorithm}; c=relaxed/relaxed; d={self.domain};\r\n"
            f" s={self.selector}; h={names};\r\n"
            f" bh={digest};\r\n"
            " b="
        ).encode()

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(sha256(data).digest())  # of the digest: RFC 8463 section 3


def signer(domain: str, selector: str, pem: bytes) -> DkimSigner:
    """
    Return a signer for *domain* with the private key *pem*.

    Raises:
        ValueError: Selector or key is none; neither is quoted.
    """
    if not SELECTOR.fullmatch(selector):
        raise ValueError("the selector is no name of a DNS label")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM, or one with a password") from None
    match key:
        case Ed25519PrivateKey():
            return DkimSigner(domain, selector, key)
        case RSAPrivateKey() if key.key_size >= RSA_BITS:
            return DkimSigner(domain, selector, key)
        case _:
            raise ValueError(f"neither an Ed25519 key nor an RSA key of {RSA_BITS} bits or more")


def _headers(head: bytes) -> list[tuple[str, bytes]]:
    """Return names, in small letters, and values, folded as they are."""
    unfolded = re.split(rb"\r\n(?![ \t])", head)
    parts = (line.partition(b":") for line in unfolded)
    return [(name.decode().lower(), value) for name, _, value in parts]


def _relaxed(name: str, value: bytes) -> bytes:
    """Return a header in the relaxed form (RFC 6376 section 3.4.2), without the line break at its end."""
    words = WHITE_SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.encode() + b":" + words


def _relaxed_body(body: bytes) -> bytes:
    """Return *body* in the relaxed form (section 3.4.4)."""
    content = WHITE_SPACE.sub(b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" ").rstrip(b"\r\n")
    return content + b"\r\n" if content else b""


def _folded(signature: bytes) -> bytes:
    text = b64encode(signature)
    return b"\r\n ".join(text[start : start + LINE] for start in range(0, len(text), LINE))
