"""Keys of the audit: none of them is in the database, and no two services have the same."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.runtime.key_rings import RootKey, derived_key


def chain_key(master_key: RootKey, service: str) -> bytes:
    """Return the key of the chains in the journal of *service*."""
    return derived_key(master_key, f"audit chain of {service}")


def heads_key(master_key: RootKey, service: str) -> Ed25519PrivateKey:
    """Return the key that signs the heads of *service*."""
    return Ed25519PrivateKey.from_private_bytes(derived_key(master_key, f"audit heads of {service}"))
