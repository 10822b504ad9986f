"""
Short references of requests, for people: ``HB-BW65-Y32Z-1H1``. Machines use the ids. Pure.

A short reference is the first 50 bits of the id in Crockford's alphabet, and a check character. It is derived
from the id, so every service knows it; a search by it is a range of ids. Two of a million requests share one
with a probability of 1 in 2,000; then both are found. It opens no page: the other 78 bits stay secret.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U, which are mistaken for others."""
LOOKALIKES = str.maketrans("OIL", "011")
ID_BITS, BITS, PER_CHARACTER = 128, 50, 5
POLYNOMIAL: Final = 0b100101
"""Of the field with 32 elements, in which the check character is computed."""
_ID = re.compile("[0-9a-f]{32}")
_JOINT = "[-\u2010-\u2015 ]?"
_WRITTEN = re.compile(rf"(?<!\w)HB{_JOINT}(\w{{4}}){_JOINT}(\w{{4}}){_JOINT}(\w{{3}})(?!\w)", re.IGNORECASE)


class IdRange(NamedTuple):
    """The ids that share a short reference, the first and the last included."""

    first: str
    last: str


def short_reference(case: str) -> str:
    """Return the short reference of the request with the id *case*; an id of another form stays as it is."""
    if not _ID.fullmatch(case):
        return case
    number = int(case, 16) >> (ID_BITS - BITS)
    values = [number >> shift & 31 for shift in range(BITS - PER_CHARACTER, -1, -PER_CHARACTER)]
    text = "".join(ALPHABET[value] for value in (*values, _check(values)))
    return f"HB-{text[:4]}-{text[4:8]}-{text[8:]}"


def references_in(text: str) -> Iterator[IdRange]:
    """Yield the ids that valid short references in *text* stand for, each once; capitals do not matter."""
    written = ("".join(found.groups()).upper().translate(LOOKALIKES) for found in _WRITTEN.finditer(text))
    for one in dict.fromkeys(written):
        values = [ALPHABET.find(character) for character in one]
        if min(values) >= 0 and values.pop() == _check(values):
            yield _range(values)


def _range(values: list[int]) -> IdRange:
    first = 0
    for value in values:
        first = first << PER_CHARACTER | value
    rest = ID_BITS - BITS
    return IdRange(f"{first << rest:032x}", f"{(first + 1 << rest) - 1:032x}")


def _check(values: list[int]) -> int:
    """Return the check value of *values*: it changes with each single one, and if two change places."""
    check = 0
    for value in values:
        check = (check ^ value) << 1  # the last one, too: else it could change places with the check value
        check = check ^ POLYNOMIAL if check > 31 else check  # noqa: PLR2004 - of 32 elements
    return check
