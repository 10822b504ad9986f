"""
Ed25519 signatures (RFC 8032) that people outside check: public keys, their files and fingerprints.

Any program can check them: a public key is a PEM file, a signature is 64 bytes.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

ALGORITHM: Final = "Ed25519"
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Checks what the private half of the key signed."""

    raw: bytes
    """32 bytes."""

    @classmethod
    def of_pem(cls, pem: bytes) -> "PublicKey":
        """Read a PEM file; a :class:`ValueError` means that it holds no Ed25519 public key."""
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError("not a public key in PEM form") from None
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("a public key, but not one for Ed25519")  # noqa: TRY004 - the file is wrong, not a type
        return cls(key.public_bytes_raw())

    @property
    def pem(self) -> bytes:
        """The key as a PEM file (SubjectPublicKeyInfo)."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key in hexadecimal, to be compared by eye or published."""
        return hashlib.sha256(self.raw).hexdigest()

    def accepts(self, signature: bytes, content: bytes) -> bool:
        """Return whether *signature* was made over *content* with the private half of this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """The result of a verification of a signed file."""

    problems: tuple[str, ...]
    """Empty if the file is as it was signed."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """The signed content; empty if it could not be read, or is read elsewhere."""
    fingerprint: str = ""
    """SHA-256 of the key in the file. Anyone can sign with some key: compare it, or pass the expected one."""
    trusted: bool = False
    """Whether the signature is that of the expected key."""

    @property
    def ok(self) -> bool:
        """Whether the file is unchanged since it was signed."""
        return not self.problems


def unknown_key(key: PublicKey) -> str:
    """Return the problem of a file that was not signed by the expected issuer."""
    return f"unknown key {key.fingerprint}"


def fingerprint_in(text: str) -> str | None:
    """Return *text* as a fingerprint, in lower case, without colons and spaces; None if it is none."""
    bare = re.sub(r"[\s:]", "", text).lower()
    return bare if FINGERPRINT.fullmatch(bare) else None
