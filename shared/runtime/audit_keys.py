"""Keys of the audit: none of them is in the database, and no two services have the same."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.runtime.key_rings import KeyRing, RootKey, derived_key


def chain_key(master_key: RootKey, service: str) -> bytes:
    """Return the key of the chains in the journal of *service*."""
    return chain_keys(master_key, service)[0]


def chain_keys(master_key: RootKey, service: str) -> Sequence[bytes]:
    """Return the keys of the chains of *service* that *master_key* has, the current one first."""
    purpose = f"audit chain of {service}"
    if isinstance(master_key, KeyRing):
        return master_key.all_of(purpose)
    return (derived_key(master_key, purpose),)


def heads_key(master_key: RootKey, service: str) -> Ed25519PrivateKey:
    """Return the key that signs the heads of *service*."""
    return Ed25519PrivateKey.from_private_bytes(derived_key(master_key, f"audit heads of {service}"))
