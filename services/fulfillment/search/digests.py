"""
Sets of keys that cost a few bytes per key, for long keys and many of them.

Few keys are kept as they are. Of many, 64 bits each are kept, from a hash under a key that only this process
knows: no attacker can make up values that collide.
"""

import secrets
from array import array
from collections.abc import Hashable, Iterable
from decimal import Decimal
from hashlib import blake2b

from services.fulfillment.search.bson_equality import NUMBER

MOST_AS_THEY_ARE = 4_096
"""Keys of one set that are kept in full."""
BITS = 64
_SLOTS = 1 << 14
_PROCESS = secrets.token_bytes(32)
_PARTS_OF_A_NUMBER = 2


def digest(key: Hashable) -> int:
    """Return 64 bits of *key*, never zero; equal keys have the same."""
    return int.from_bytes(blake2b(spelled(key), digest_size=BITS // 8, key=_PROCESS).digest()) or 1


def spelled(key: Hashable) -> bytes:
    """Return *key* as bytes; equal keys have the same, in every process."""
    return repr(_alike(key)).encode("utf-8", "surrogatepass")


def _alike(key: Hashable) -> Hashable:
    """Return *key* in a form that equal keys share: a number may be whole, double or decimal."""
    if not isinstance(key, tuple):
        return key
    if len(key) != _PARTS_OF_A_NUMBER or key[0] != NUMBER or type(key[1]) not in (float, Decimal):
        return tuple(map(_alike, key))
    try:
        above, below = key[1].as_integer_ratio()
    except (ValueError, OverflowError):  # not a number, or infinite
        return (NUMBER, str(float(key[1])))
    # A decimal may have six thousand digits, which Python writes in this form alone.
    return (NUMBER, above if below == 1 and abs(above) < 1 << BITS else (hex(above), hex(below)))


class DigestSet:
    """A set of keys."""

    def __init__(self) -> None:
        """Create an empty set."""
        self._few: set[Hashable] = set()
        self._many: _Digests | None = None

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._few) if self._many is None else len(self._many)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether *key* is in the set."""
        return key in self._few if self._many is None else digest(key) in self._many

    def add(self, key: Hashable) -> bool:
        """Add *key*; return whether it is new."""
        if self._many is not None:
            return self._many.add(digest(key))
        if key in self._few:
            return False
        self._few.add(key)
        if len(self._few) > MOST_AS_THEY_ARE:
            self._many = _Digests(map(digest, self._few))
            self._few = set()
        return True


class _Digests:
    """Sixteen to thirty-two bytes per key. Two of a million collide once in forty million sets."""

    def __init__(self, digests: Iterable[int]) -> None:
        self._slots = array("Q", bytes(8 * _SLOTS))
        self._used = 0
        for one in digests:
            self.add(one)

    def __len__(self) -> int:
        return self._used

    def __contains__(self, digest: int) -> bool:
        return self._slots[self._place(digest)] != 0

    def add(self, digest: int) -> bool:
        place = self._place(digest)
        if self._slots[place]:
            return False
        self._slots[place] = digest
        self._used += 1
        if 2 * self._used > len(self._slots):
            self._grow()
        return True

    def _place(self, digest: int) -> int:
        slots, most = self._slots, len(self._slots) - 1
        place = digest & most
        while slots[place] and slots[place] != digest:
            place = (place + 1) & most
        return place

    def _grow(self) -> None:
        before, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
        for digest in before:
            if digest:
                self._slots[self._place(digest)] = digest
