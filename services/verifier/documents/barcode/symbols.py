"""
Reads the PDF417 symbols of a picture (ISO/IEC 15438), and a licence from a picture of its back.

First the picture as it is, then each zone that may hold a symbol, turned level. A barcode is the place where
strong edges agree on one direction (the structure tensor is coherent there). The decoder tolerates two to
four degrees for a licence's dense code. A negative costs all ``MOST_TRIES`` looks at a picture.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import zxingcpp

from services.verifier.documents.barcode.aamva import NotALicenceError, parse_aamva, plausibility
from services.verifier.documents.files.picture import Picture, reduced
from services.verifier.documents.results import Check, CheckResult, Licence

PDF417 = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.PDF417)
TURNS = (0.0, 2.0, -2.0, 4.0, -4.0)
"""Degrees: perspective makes one edge of a code lean more than the other."""
BROAD_PIXELS = 1400
"""A zone at least this wide is not enlarged."""
WIDEST_PIXELS = 2600
MOST_TRIES = 24
SEARCH_PIXELS = 1000
WINDOW_PIXELS = 15
CLOSING_PIXELS = 9
LEAST_COHERENCE = 0.35
LEAST_ENERGY = 0.15
"""Of the energy that the strongest hundredth of the picture has."""
LEAST_AREA = 0.002
"""Of the searched picture."""
MOST_ZONES = 4
BARCODE_COHERENCE = 0.5
"""Of a whole zone: lines of text have up to 0.5, symbols from 0.6, and edges of a card 0.9."""
BARCODE_FILLED = 0.3
"""Part of its rectangle that is coherent: text up to 0.3, symbols from 0.4. Less of both is text."""
MARGIN = 0.06
"""Added round a zone, in parts of its longer side: start and stop pattern need a quiet zone."""
BARCODE: Final = "barcode"


@dataclass(frozen=True, slots=True)
class BarcodeZone:
    """A tilted rectangle, in pixels of the whole picture; *angle* turns its bars upright, in degrees."""

    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float


def read_symbol(picture: Picture) -> bytes | None:
    """
    Return the content of a PDF417 symbol; empty if there are broken ones only.

    The decoder may correct a blurred symbol to other bytes, so content that two looks read alike goes before
    content that one has read.
    """
    seen: list[bytes] = []
    for content in contents(picture):
        if content and content in seen:
            return content
        seen.append(content)
    return next(filter(None, seen), b"" if seen else None)


def contents(picture: Picture) -> Iterator[bytes]:
    """Yield what each look at *picture* reads of its PDF417 symbols; empty for broken ones."""
    for part in itertools.islice(_parts(picture), MOST_TRIES):
        found = zxingcpp.read_barcodes(part, formats=PDF417, return_errors=True)
        for symbol in found:
            yield symbol.bytes if symbol.valid else b""  # the text form escapes control characters


def _parts(picture: Picture) -> Iterator[Picture]:
    """Yield *picture*, then the parts worth a closer look."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)  # noqa: PLR2004 - axes
    yield grey
    found = tuple(zones(grey))
    for turn in TURNS:
        for zone in found:
            yield from _renderings(grey, zone, turn)
    if max(grey.shape) < BROAD_PIXELS:
        yield _enlarge(grey)


def _renderings(grey: Picture, zone: BarcodeZone, turn: float) -> Iterator[Picture]:
    """Yield *zone* turned level: as large as it is, and enlarged where it is small."""
    part, _ = reduced(level(grey, zone, turn), WIDEST_PIXELS)
    yield part
    if max(part.shape) < BROAD_PIXELS:
        yield _enlarge(part)


def _enlarge(part: Picture) -> Picture:
    return cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def read_licence(picture: Picture) -> tuple[Licence | None, tuple[Check, ...]]:
    """
    Return the licence in a barcode of *picture*, if there is one, and the checks.

    Content that is no licence does not end the search: it may be another symbol, or a wrong correction.
    """
    seen = False
    flaw = "barcode_unreadable"
    for content in contents(picture):
        seen = True
        if not content:
            continue
        try:
            licence = parse_aamva(content)
        except NotALicenceError:
            flaw = "barcode_malformed"
        else:
            return licence, (Check.passed(BARCODE), *plausibility(licence))
    if not seen:
        return None, (Check(name=BARCODE, result=CheckResult.NOT_RUN),)
    return None, (Check.unsure(BARCODE, flaw),)


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
        # By how much the edges are turned from upright, in degrees between -90 and 90.
        upright, tilted = across[inside].sum() - down[inside].sum(), 2 * both[inside].sum()
        zone = _enclose(inside, math.degrees(math.atan2(tilted, upright) / 2), scale)
        agreed = math.hypot(upright, tilted) / max(across[inside].sum() + down[inside].sum(), 1)
        filled = areas[label] / (zone.size[0] * zone.size[1] * scale**2)
        if agreed >= BARCODE_COHERENCE or filled >= BARCODE_FILLED:
            yield zone


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
