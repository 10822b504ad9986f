"""
File names in a package: readable, unique, and valid on every system that unpacks it.

``<store>.<collection>`` where that is unique, else ``<store>.<dataset>.<collection>``; where even that is
not, or where a name had to be changed, eight digits of a hash of the three names follow.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from services.fulfillment.datamap.model import Collection

LONGEST = 96
"""Characters; a full path on Windows has 260."""
NOT_ALLOWED = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2069]'
)
"""Characters that Windows refuses, and invisible ones."""
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:$|\.)", re.IGNORECASE)
"""Device names on Windows, with any extension."""
SHORT, LONG, HASHED = range(3)


def stems(collections: Sequence[Collection]) -> list[str]:
    """
    Return a name without extension for each of *collections*, in their order.

    Raises:
        ValueError: A collection is there twice.
    """
    if len({(c.store, c.dataset, c.name) for c in collections}) < len(collections):
        raise ValueError("a collection is in the package twice")
    levels = [SHORT] * len(collections)
    while True:
        names = [_stem(c, level) for c, level in zip(collections, levels, strict=True)]
        # Systems that ignore case would unpack one file over the other.
        uses = Counter(name.casefold() for name in names)
        clashing = [i for i, name in enumerate(names) if uses[name.casefold()] > 1 and levels[i] < HASHED]
        if not clashing:
            return names
        for index in clashing:
            levels[index] += 1


def _stem(collection: Collection, level: int) -> str:
    parts = (collection.store, collection.dataset, collection.name)
    wanted = ".".join(parts if level > SHORT else (collection.store, collection.name))
    possible = NOT_ALLOWED.sub("_", unicodedata.normalize("NFC", wanted)).rstrip(". ")[:LONGEST]
    if RESERVED.match(possible) or possible.startswith((".", " ")):
        possible = f"_{possible}"
    if possible == wanted and level < HASHED:
        return possible
    return f"{possible}-{_digest(parts)}"


def _digest(parts: tuple[str, ...]) -> str:
    named = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(named).hexdigest()[:8]
