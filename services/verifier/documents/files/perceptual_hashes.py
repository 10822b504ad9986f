"""Perceptual hashes of pictures."""

import hashlib
from itertools import pairwise
from typing import Final

from PIL import Image

from services.verifier.documents.files.thumbnails import Picture

SIDE: Final = 8


def perceptual_hash(picture: Picture) -> str:
    """
    Return the difference hash of *picture*: 64 bits in hexadecimal, close for pictures that look alike.

    Each bit says whether one of 8 times 9 fields is darker than its right neighbour, so that light, size and
    compression change few of them. It finds copies, not forgers.
    """
    small = Image.fromarray(picture).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    values = list(small.tobytes())
    rows = (values[start : start + SIDE + 1] for start in range(0, len(values), SIDE + 1))
    bits = "".join(str(int(left < right)) for row in rows for left, right in pairwise(row))
    return f"{int(bits, 2):016x}"


def distance(one: str, other: str) -> int:
    """Return in how many of their 64 bits two difference hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def digest(picture: Picture) -> str:
    """
    Return the SHA-256 of *picture* re-encoded without loss, as a portable pixmap.

    The same photo with other metadata has the same digest, with any compressors installed.
    """
    rows, columns, _ = picture.shape
    return hashlib.sha256(b"P6 %d %d 255\n" % (columns, rows) + picture.tobytes()).hexdigest()
