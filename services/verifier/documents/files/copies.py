"""
Signs that a picture shows a copy of a document: no colour, the dots of a print, or the grid of a screen.

Dots and grids repeat alike all over a copy, in two directions that cross: the spectrum of each part of it has
two peaks that stand out. Lines run in one direction; text and curves spread over many frequencies. Where the
picture is too coarse to show a pattern, none is noticed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.verifier.documents.files.picture import Picture, reduced
from services.verifier.documents.results import Box, Check, CheckResult

Spectrum = NDArray[np.floating]
Points = NDArray[Any]
"""Across and down, in pixels."""
Corners = Sequence[tuple[float, float]]
COLOUR_PIXELS: Final = 200
"""Longest side at which colour is looked for, in pixels: noise is gone."""
PRINT_PIXELS: Final = 400
"""The same, for colour beside print."""
LEAST_COLOUR: Final = 10
"""
By which red or blue differs, of 255, from a colour that all pixels share, in one pixel of a hundred.

Grey copies have up to 7, also under coloured light; drawn documents 20 and more, public ones 11 and more.
"""
SIDE: Final = 256
"""Of the parts whose spectra are looked at, in pixels."""
ALONG, UP = (-0.39, -0.13, 0.13, 0.39), (0.08, 0.2, 0.32)
"""Where their middles lie from that of the zone, in widths of the zone: on the document, which lies above."""
LEAST_PARTS: Final = 3
LEAST_FINE, LEAST_TINT = 0.1, 0.04
"""Periods in a pixel from which peaks count, of brightness and of colour: below, there are letters."""
MOST_FINE, MOST_TINT = 5.0, 5.0
"""By which a crossing peak stands out in half of the parts, in logarithms of power; genuine: 4.6, 4.7."""
_CROSSING: Final = 0.5
"""Least sine of the angle between two directions that cross."""
_AXES: Final = 1.5
"""Steps of the spectrum beside its axes: rows of text and squares of compression have their peaks there."""
_SMOOTH: Final = 12
"""Pixels; slower changes are no pattern."""
_NEAR: Final = 15
"""Steps of the spectrum: width of the neighbourhood of a peak."""
_STEPS: Final = 10
"""Steps of a logarithm of power, for a median by bytes."""


def copy_checks(pictures: Sequence[Picture], zone: Corners = ()) -> tuple[Check, ...]:
    """
    Return whether one of *pictures* may show a copy of a document instead of the document.

    They stand upright. *zone* are the corners of a machine-readable zone, in parts of its picture: colour and
    patterns are looked for above it, where the document is, else all over the picture.
    """
    return colour_check(pictures, zone), pattern_check(pictures, zone)


def colour_check(pictures: Iterable[Picture], zone: Corners = ()) -> Check:
    """Return whether there is any colour. A passport or card has: without, it may be a photocopy."""
    strength = max(_colour(reduced(_document(picture, zone), COLOUR_PIXELS)[0]) for picture in pictures)
    return Check.unsure("image_colour", "no_colour", unless=strength >= LEAST_COLOUR)


def print_colour_check(places: Iterable[tuple[Picture, Box]]) -> Check:
    """
    Return whether there is colour beside each line of print; there is none without lines.

    Each line is a box of its picture. A coloured slip beside a grey copy does not count for it.
    """
    strengths = [_colour(_beside(picture, box)) for picture, box in places]
    return Check.unsure("image_colour", "no_colour", unless=min(strengths, default=0) >= LEAST_COLOUR)


def _beside(picture: Picture, box: Box) -> Picture:
    """Return the part of *picture* with a line and as much above, below and beside it as the line is high."""
    small = reduced(picture, PRINT_PIXELS)[0]
    rows, columns = small.shape[:2]
    left, top, width, height = (round(part) for part in np.multiply(box, (columns, rows, columns, rows)))
    high = max(height, 1)
    return small[max(top - high, 0) : top + 2 * high + 1, max(left - high, 0) : left + width + high + 1]


def _colour(picture: Picture) -> float:
    """Return by how much colours differ from that of the light, which is the same for all grey."""
    red, green, blue = picture.reshape(-1, 3).T.astype(np.float64)
    light = max(float(green @ green), 1.0)
    residues = [np.abs(one - green * (one @ green) / light) for one in (red, blue)]
    return float(np.percentile(np.maximum(*residues), 99))


def _document(picture: Picture, zone: Corners) -> Picture:
    """Return the part of *picture* in which the document is, above its *zone*; all where there is none."""
    if not zone:
        return picture
    size = np.array(picture.shape[1::-1])
    places = np.array(list(places_above(np.asarray(zone) * size)))
    left, top = np.clip(places.min(axis=0), 0, size - 1).astype(int)
    right, bottom = np.clip(places.max(axis=0), 0, size - 1).astype(int)
    return picture[top : bottom + 1, left : right + 1]


def pattern_check(pictures: Iterable[Picture], zone: Corners = ()) -> Check:
    """Return whether the dots of a print or the grid of a screen lie over the document."""
    seen = [parts for picture in pictures if len(parts := tuple(_parts(picture, zone))) >= LEAST_PARTS]
    if not seen:
        return Check(name="image_pattern", result=CheckResult.NOT_RUN)
    plain = all(
        median_below(MOST_FINE, _fine, parts) and median_below(MOST_TINT, _tint, parts) for parts in seen
    )
    return Check.unsure("image_pattern", "copy_pattern", unless=plain)


def median_below(most: float, measure: Callable[[Picture], float], parts: Sequence[Picture]) -> bool:
    """Return whether the median of *measure* over *parts* is below *most*; measures no more than needed."""
    values: list[float] = []
    for part in parts:
        values.append(measure(part))
        if 2 * sum(value < most for value in values) > len(parts):
            return True
    return float(np.median(values)) < most


def _parts(picture: Picture, zone: Corners) -> Iterator[Picture]:
    """Yield squares of the document, each at another place."""
    if min(picture.shape[:2]) < SIDE:
        return
    size = np.array(picture.shape[1::-1])
    middles = places_above(np.asarray(zone) * size) if zone else _spread(size)
    for left, top in {tuple(np.clip(middle - SIDE // 2, 0, size - SIDE).astype(int)) for middle in middles}:
        yield picture[top : top + SIDE, left : left + SIDE]


def places_above(corners: Points) -> Iterator[Points]:
    """Yield places on the document above a zone with these *corners*."""
    along = corners[1] - corners[0]
    along = along if along[0] > 0 else -along
    up = np.array([along[1], -along[0]])
    return (corners.mean(axis=0) + right * along + high * up for high in UP for right in ALONG)


def _spread(size: Points) -> Iterator[Points]:
    """Yield places all over a picture of this *size*."""
    rows, columns = len(UP), len(ALONG)
    for row, column in product(range(rows), range(columns)):
        yield size * ((column + 0.5) / columns, (row + 0.5) / rows)


def _fine(part: Picture) -> float:
    """Return how far the crossing peaks of brightness stand out."""
    red, green, blue = (part[:, :, channel].astype(np.float32) for channel in range(3))
    return _crossing((red + 2 * green + blue) / 4, LEAST_FINE)


def _tint(part: Picture) -> float:
    """Return how far the crossing peaks of colour stand out."""
    return _crossing(part[:, :, 0].astype(np.float32) - part[:, :, 2].astype(np.float32), LEAST_TINT)


def _crossing(values: NDArray[Any], least: float) -> float:
    """Return how far the highest peak stands out whose waves cross those of the highest of all."""
    down, across, counted = _frequencies(least)
    outstanding = np.asarray(np.where(counted, _outstanding(values), 0))
    row, column = np.unravel_index(np.argmax(outstanding), outstanding.shape)
    turned = np.abs(down * across[0, column] - across * down[row, 0])
    crossing = turned > _CROSSING * np.hypot(down, across) * np.hypot(down[row, 0], across[0, column])
    return float(outstanding[crossing].max())


def _outstanding(values: NDArray[Any]) -> Spectrum:
    """Return by how much the power of each frequency of *values* exceeds the median of its neighbourhood."""
    waves = (values - cv2.GaussianBlur(values, (0, 0), _SMOOTH)) * _window()
    power = np.log(np.abs(np.fft.fftshift(np.fft.rfft2(waves), axes=0)) ** 2 + 1).astype(np.float32)
    power -= np.min(power)
    around = cv2.medianBlur(np.clip(power * _STEPS, 0, 255).astype(np.uint8), _NEAR)
    return np.asarray(power - around.astype(np.float32) / _STEPS)


@cache
def _window() -> Spectrum:
    return np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)


@cache
def _frequencies(least: float) -> tuple[Spectrum, Spectrum, NDArray[np.bool_]]:
    """Return the frequencies of a spectrum, down and across, and which count: from *least* on."""
    down = np.fft.fftshift(np.fft.fftfreq(SIDE))[:, None]
    across = np.fft.rfftfreq(SIDE)[None, :]
    smaller, larger = np.minimum(np.abs(down), across), np.maximum(np.abs(down), across)
    inside = (smaller > _AXES / SIDE) & (larger < (SIDE - 1) / SIDE / 2)
    return down, across, inside & (np.hypot(down, across) > least)
