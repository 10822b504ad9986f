"""
Keyed hashes that identify personal values without disclosing them.

HMAC-SHA256 under a key that is derived from the master key for this purpose alone, cut to 128 bits (RFC 2104,
section 5). Not salted: one pass over a collection searches for all people at once.
"""

import hmac
from collections.abc import Iterator
from typing import Any, Final

from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.search.bson_equality import folded
from services.fulfillment.search.forms import forms, text_of
from services.fulfillment.search.identities import Identities
from shared.runtime.mongo import id_bytes

FINGERPRINTS_KEY: Final = "erasure journal"
BYTES: Final = 16


class Fingerprints:
    """Computes the hashes of one installation."""

    def __init__(self, key: bytes) -> None:
        """Use *key*, which is derived from the master key for :data:`FINGERPRINTS_KEY`."""
        self._key = key

    def record(self, document_id: Any) -> bytes:
        """Return the hash of the ``_id`` of a document."""
        return self._hash("record", id_bytes(document_id))

    def value(self, value: Any) -> bytes:
        """Return the hash of a value as it is stored; the case of a text does not count."""
        return self._hash("value", _stored(value))

    def identity(self, name: str, value: Any) -> bytes | None:
        """Return the hash of an identity in a document; None where *value* identifies no one."""
        text = written(value)
        if not text:
            return None
        return self._hash(f"identity {name}", (folded(text) if name == EMAIL else text).encode())

    def identities(self, identities: Identities) -> dict[str, tuple[bytes, ...]]:
        """Return for each of *identities* the hashes of all its stored forms."""
        return {
            name: tuple(
                sorted({hashed for value in _every_form(spellings) if (hashed := self.identity(name, value))})
            )
            for name, spellings in identities.items()
        }

    def _hash(self, kind: str, content: bytes) -> bytes:
        return hmac.digest(self._key, kind.encode() + b"\0" + content, "sha256")[:BYTES]


def written(value: Any) -> str | None:
    """Return the text for looking up a stored identity again."""
    return value.hex() if type(value) is bytes else text_of(value)


def _every_form(spellings: Any) -> Iterator[Any]:
    for spelling in spellings:
        yield from forms(spelling.strip(), None)


def _stored(value: Any) -> bytes:
    text = folded(value) if isinstance(value, str) else text_of(value)
    return id_bytes(value if text is None else text)
