"""
Addresses with a tag, and reply addresses: one for each case, which only this installation can make. Pure.

``name+tag@example.com`` reaches the mailbox ``name@example.com``. The tag of a reply address is the case's
id, hidden and sealed: envelopes stand in the logs of all mail servers on the way, and a known case id opens
its page. It follows from the case alone, so that the notifier and the reader of replies need not ask one
another.
"""

import hmac
import re
from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

LONGEST_LOCAL = 64
"""Characters before the ``@`` (RFC 5321 4.5.3.1.1)."""
CONTENT_BYTES, SEAL_BYTES = 16, 10
TAG_BYTES = CONTENT_BYTES + SEAL_BYTES
LONGEST_NAME = LONGEST_LOCAL - len("+") - -(-TAG_BYTES * 8 // 5)
"""Characters before the plus sign."""
MESSAGE_ID = re.compile(r"[0-9a-f]{32}\.([a-z2-7]{42})@")


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


def tag_text(tag: bytes) -> str:
    """Return *tag* in characters that capitals make no difference to."""
    return b32encode(tag).decode().rstrip("=").lower()


def tag_bytes(text: str) -> bytes:
    """Return the bytes that :func:`tag_text` made *text* of; nothing where it did not."""
    try:
        return b32decode(text.upper() + "=" * (-len(text) % 8))
    except (Error, ValueError):
        return b""


@dataclass(frozen=True, slots=True)
class HiddenTags:
    """Addresses with tags of a content that is hidden as well as sealed."""

    address: str
    """The base of the addresses: ``privacy@example.com``."""
    key: bytes = field(repr=False)
    _keyed: hmac.HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", hmac.new(self.key, digestmod=sha256))

    def tag(self, content: bytes) -> bytes:
        """Return the tag of *content*, which has 16 bytes."""
        seal = self.digest(b"seal", content)[:SEAL_BYTES]
        return self._hidden(content, seal) + seal

    def content(self, tag: bytes) -> bytes | None:
        """Return the content of *tag*; None where we have not made it."""
        if len(tag) != TAG_BYTES:
            return None
        hidden, seal = tag[:CONTENT_BYTES], tag[CONTENT_BYTES:]
        content = self._hidden(hidden, seal)
        return content if hmac.compare_digest(seal, self.digest(b"seal", content)[:SEAL_BYTES]) else None

    def digest(self, purpose: bytes, content: bytes) -> bytes:
        """Hash with a state that holds the key: ``hmac.digest`` lets other threads run each time."""
        keyed = self._keyed.copy()
        keyed.update(purpose + content)
        return keyed.digest()

    def _hidden(self, content: bytes, seal: bytes) -> bytes:
        """Return *content* hidden, or out of hiding: the seal is of the content, so no mask serves twice."""
        mask = self.digest(b"hide", seal)[:CONTENT_BYTES]
        return (int.from_bytes(content) ^ int.from_bytes(mask)).to_bytes(CONTENT_BYTES)


@dataclass(frozen=True, slots=True)
class ReplyAddresses(HiddenTags):
    """The addresses of cases."""

    def of(self, case: str) -> str:
        """Return the address of *case*, an id of 32 hexadecimal digits."""
        return tagged(self.address, self.tag(bytes.fromhex(case)))

    def case(self, address: str) -> str | None:
        """Return the case that *address* was made for; None where we have not made it."""
        return self._case(tag_in(address, self.address))

    def message_id(self, event: str, case: str, domain: str) -> str:
        """Return the ``Message-ID`` of the letter about *case* that *event* calls for."""
        return f"<{event}.{tag_text(self.tag(bytes.fromhex(case)))}@{domain}>"

    def case_answered(self, message_ids: Iterable[str]) -> str | None:
        """Return the case of the first letter of ours among *message_ids*; None where there is none."""
        tags = (tag_bytes(found[1]) for text in message_ids for found in MESSAGE_ID.finditer(text))
        return next(filter(None, map(self._case, tags)), None)

    def _case(self, tag: bytes) -> str | None:
        content = self.content(tag)
        return None if content is None else content.hex()
