"""
Addresses with a tag: ``name+tag@example.com`` reaches the mailbox ``name@example.com``. Pure.

The makers of tags give them a meaning and protect them.
"""

from base64 import b32decode, b32encode
from binascii import Error

LONGEST_LOCAL = 64
"""Characters before the ``@`` (RFC 5321 4.5.3.1.1)."""


def tagged(address: str, tag: bytes) -> str:
    """Return *address* with *tag*."""
    name, _, domain = address.rpartition("@")
    return f"{name}+{tag_text(tag)}@{domain}"


def tag_in(address: str, own: str) -> bytes:
    """Return the tag of *address*, if it is *own* with one; else nothing."""
    name, _, domain = address.rpartition("@")
    base, _, text = name.rpartition("+")
    # Mail servers on the way may change capitals.
    return tag_bytes(text) if f"{base}@{domain}".lower() == own.lower() else b""


def room_for(tag_length: int) -> int:
    """Return how many characters may stand before the plus sign of a tag of *tag_length* bytes."""
    return LONGEST_LOCAL - len("+") - -(-tag_length * 8 // 5)


def tag_text(tag: bytes) -> str:
    """Return *tag* in characters that capitals make no difference to."""
    return b32encode(tag).decode().rstrip("=").lower()


def tag_bytes(text: str) -> bytes:
    """Return the bytes that :func:`tag_text` made *text* of; nothing where it did not."""
    try:
        return b32decode(text.upper() + "=" * (-len(text) % 8))
    except (Error, ValueError):
        return b""
