"""Signatures of packages and certificates, with a key derived from the master key."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.signatures import PublicKey

PURPOSE: Final = "package and certificate signatures"


class CertificateSigner:
    """Signs with the key of one installation."""

    def __init__(self, master_key: RootKey) -> None:
        """Derive the key from *master_key*; the same master key always gives the same one."""
        self._key = Ed25519PrivateKey.from_private_bytes(derived_key(master_key, PURPOSE))
        self.public_key = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, content: bytes) -> bytes:
        """Return 64 bytes, the same for the same *content*."""
        return self._key.sign(content)
