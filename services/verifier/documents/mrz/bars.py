"""Finds lines of dark text, as long thin bars, in a picture; nothing is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Rows by columns, or rows by columns by blue, green and red."""

STROKE = (13, 13)
"""Larger than a stroke at the sizes that are looked at, in pixels: dark and smaller things stand out."""
GAP = (17, 3)
"""Closes the gaps between the characters of a line, not those between lines."""
SPECK = (9, 3)
"""Smaller things are no line."""
SHORTEST = 110
"""Of a bar, in pixels: 30 characters of the smallest that can be read."""
LEAST_ASPECT = 4.0
LEAST_THICKNESS = 5.0
"""In pixels; thinner things are ruled lines."""
MOST_TILT = 30.0
"""In degrees; steeper lines are found in the picture turned by 90."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of text, or several that touch: middle, length and thickness in pixels, tilt in degrees."""

    x: float
    y: float
    length: float
    thickness: float
    tilt: float


def bars_in(grey: Picture) -> list[Bar]:
    """Return the bars in *grey* (rows by columns), the longest first."""
    found = (_bar(outline) for outline in _outlines(mask_of(grey)))
    bars = [bar for bar in found if bar is not None]
    return sorted(bars, key=lambda bar: bar.length, reverse=True)


def ink(grey: Picture) -> Picture:
    """Return how much darker each pixel is than the paper around it."""
    return cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones(STROKE, np.uint8)).astype(np.uint8)


def mask_of(grey: Picture) -> Picture:
    """Return where lines of text are: 255 there, else 0."""
    dark = ink(grey)
    local = cv2.blur(dark, (61, 61))
    flat = np.clip(dark.astype(np.float32) * 40 / (local.astype(np.float32) + 12), 0, 255).astype(np.uint8)
    closed = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, np.ones(GAP[::-1], np.uint8))
    _, mask = cv2.threshold(closed, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones(SPECK[::-1], np.uint8)).astype(np.uint8)


def _outlines(mask: Picture) -> Iterator[Any]:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return iter(outlines)


def _bar(outline: Any) -> Bar | None:
    (x, y), (width, height), tilt = cv2.minAreaRect(outline)
    if width < height:
        width, height, tilt = height, width, tilt - 90
    tilt = (tilt + 90) % 180 - 90
    if width < max(SHORTEST, LEAST_ASPECT * height) or height < LEAST_THICKNESS or abs(tilt) > MOST_TILT:
        return None
    return Bar(x, y, width, height, tilt)
