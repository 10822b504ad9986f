"""
Finds PDF417 barcodes in a picture, and turns them level.

A barcode is the place where strong edges agree on one direction (the structure tensor is coherent there).
The direction says by how much to turn it: the decoder tolerates two to four degrees for a licence's dense
code.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from services.verifier.documents.files.thumbnails import Picture, reduced

SEARCH_PIXELS = 1000
"""Length of the long side of the reduced picture that is searched."""
WINDOW_PIXELS = 15
CLOSING_PIXELS = 9
LEAST_COHERENCE = 0.35
LEAST_ENERGY = 0.15
"""Of the energy that the strongest hundredth of the picture has."""
LEAST_AREA = 0.002
"""Of the searched picture."""
MOST_ZONES = 4
MARGIN = 0.06
"""Added round a zone, in parts of its longer side: start and stop pattern need a quiet zone."""


@dataclass(frozen=True, slots=True)
class BarcodeZone:
    """A tilted rectangle, in pixels of the whole picture; *angle* turns its bars upright, in degrees."""

    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float


def zones(grey: Picture) -> Iterator[BarcodeZone]:
    """Yield where in *grey* a barcode may be, the largest place first."""
    small, scale = reduced(grey, SEARCH_PIXELS)
    across, down, both = _tensor(small)
    mask = _coherent(across, down, both)
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(mask)
    areas = sizes[:, cv2.CC_STAT_AREA]
    for label in sorted(range(1, count), key=lambda label: -areas[label])[:MOST_ZONES]:
        if areas[label] < LEAST_AREA * mask.size:
            return
        inside = labels == label
        angle = _direction(across[inside].sum(), down[inside].sum(), both[inside].sum())
        yield _enclose(inside, angle, scale)


def level(grey: Picture, zone: BarcodeZone, turn: float) -> Picture:
    """Return the pixels of *zone*, turned so that its bars stand upright, and by *turn* degrees more."""
    width, height = (round(side) for side in zone.size)
    matrix = cv2.getRotationMatrix2D(zone.centre, zone.angle + turn, 1.0)
    matrix[0, 2] += width / 2 - zone.centre[0]
    matrix[1, 2] += height / 2 - zone.centre[1]
    return cv2.warpAffine(
        grey, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _tensor(grey: Picture) -> tuple[Picture, Picture, Picture]:
    """Return the structure tensor of *grey*, averaged over a window round each pixel."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    window = (WINDOW_PIXELS, WINDOW_PIXELS)
    return (
        cv2.boxFilter(across * across, -1, window),
        cv2.boxFilter(down * down, -1, window),
        cv2.boxFilter(across * down, -1, window),
    )


def _coherent(across: Picture, down: Picture, both: Picture) -> Picture:
    """Return 1 for each pixel round which strong edges have one direction, else 0."""
    energy = across + down
    coherence = np.sqrt((across - down) ** 2 + 4 * both * both) / (energy + 1)
    strong = energy > LEAST_ENERGY * np.percentile(energy[::4, ::4], 99)
    mask = (strong & (coherence > LEAST_COHERENCE)).astype(np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((CLOSING_PIXELS, CLOSING_PIXELS), np.uint8))


def _direction(across: float, down: float, both: float) -> float:
    """Return by how much the edges are turned from upright, in degrees between -90 and 90."""
    return math.degrees(0.5 * math.atan2(2 * both, across - down))


def _enclose(inside: Picture, angle: float, scale: float) -> BarcodeZone:
    """Return the rectangle, turned by *angle*, round the pixels that are *inside*."""
    rows, columns = np.nonzero(inside)
    turn = math.radians(angle)
    along = columns * math.cos(turn) + rows * math.sin(turn)
    upward = rows * math.cos(turn) - columns * math.sin(turn)
    left, right, top, bottom = along.min(), along.max(), upward.min(), upward.max()
    middle, centre = (left + right) / 2, (top + bottom) / 2
    x = middle * math.cos(turn) - centre * math.sin(turn)
    y = middle * math.sin(turn) + centre * math.cos(turn)
    margin = 2 * MARGIN * max(right - left, bottom - top) + WINDOW_PIXELS
    size = ((right - left + margin) / scale, (bottom - top + margin) / scale)
    return BarcodeZone((float(x / scale), float(y / scale)), (float(size[0]), float(size[1])), angle)
