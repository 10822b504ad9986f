"""Check digits of machine-readable zones (ICAO Doc 9303-3, section 4.9). Pure."""

from itertools import cycle

FILLER = "<"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
"""Everything that may stand in a zone."""
WEIGHTS = (7, 3, 1)
_VALUES = {character: value for value, character in enumerate(ALPHABET[:-1])} | {FILLER: 0}


def check_digit(text: str) -> str:
    """
    Return the check digit of *text*.

    Raises:
        KeyError: A character is not of the alphabet.

    Source:
        ICAO Doc 9303-3, 4.9: weights 7, 3, 1 repeating, sum modulo 10; A is 10 … Z is 35, the filler 0.
    """
    return str(sum(_VALUES[character] * weight for character, weight in zip(text, cycle(WEIGHTS))) % 10)


def fits(text: str, digit: str) -> bool:
    """
    Return whether *digit* is right for *text*.

    Where *text* is nothing but fillers the digit may be one, too (9303-4, 4.2.2: optional data of a TD3).
    """
    return digit == check_digit(text) or (digit == FILLER and not text.strip(FILLER))
