"""
Packed content: deflated before it is sealed, with a template that it resembles. Pure.

Sealed bytes look random, so the database cannot compress them. A template is what all letters of one kind, or
all records of one form, have in common: written once by the program, without a value of any person. Only the
values of an item are left in its sealed bytes.

The size of an item says how much of it repeats its template or itself. It must not say what a secret is: a
code, a token or a key is not packed (:data:`UNPACKED`), and no item is packed with content of another one.
"""

import zlib
from hashlib import blake2b

from shared.runtime.key_rings import compartment_of

TEMPLATE_BYTES = 32 * 1024
"""Most of a template that helps: deflate looks back no further."""
MOST_BYTES = 128 * 1024
"""Of packed content: packing more at once would hold up the event loop."""
DIGEST_BYTES = 16
UNPACKED = frozenset({"codes", "proofs"})
"""Compartments with secrets of a few characters, and with pictures, which are compressed already."""
_RAW = -zlib.MAX_WBITS
"""No header and no checksum: the seal has its own."""


class PackingTemplate:
    """What some items have in common, and its digest, which names it."""

    __slots__ = ("content", "digest")

    def __init__(self, content: bytes) -> None:
        """Take the end of *content*, as much as helps."""
        self.content = content[-TEMPLATE_BYTES:]
        self.digest = blake2b(self.content, digest_size=DIGEST_BYTES).digest()


NO_TEMPLATE = PackingTemplate(b"")


def is_packed(item: str) -> bool:
    """Return whether the item of a case that is called *item* may be packed."""
    return compartment_of(item) not in UNPACKED


def packed(content: bytes, template: PackingTemplate = NO_TEMPLATE) -> bytes | None:
    """Return *content* packed with *template*; None where that is not smaller, or takes too long."""
    if len(content) > MOST_BYTES:
        return None
    if template.content:
        packer = zlib.compressobj(6, zlib.DEFLATED, _RAW, zdict=template.content)
    else:
        packer = zlib.compressobj(6, zlib.DEFLATED, _RAW)
    found = packer.compress(content) + packer.flush()
    return found if len(found) + DIGEST_BYTES < len(content) else None


def unpacked(content: bytes, template: PackingTemplate = NO_TEMPLATE) -> bytes:
    """Return the content packed with *template*. Raises ValueError if it was not, or is too large."""
    if template.content:
        unpacker = zlib.decompressobj(_RAW, zdict=template.content)
    else:
        unpacker = zlib.decompressobj(_RAW)
    try:
        found = unpacker.decompress(content, MOST_BYTES + 1)
    except zlib.error as error:
        raise ValueError(f"not packed with this template ({error})") from None
    if len(found) > MOST_BYTES or not unpacker.eof:
        raise ValueError(f"not packed by the vault: cut off, or larger than {MOST_BYTES} bytes")
    return found
