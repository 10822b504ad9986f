"""
A sign that a picture shows a print of a document: the sheet of paper around it, on a table.

A sheet is bright and without colour, and has four corners. A card or a page of a passport ends close to its
print; a sheet has a margin on all sides. No table is seen around flat scans, pictures put on a white page,
and most screenshots.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.verifier.documents.files.copies import Corners, places_above
from services.verifier.documents.files.picture import Picture
from services.verifier.documents.results import Box, Check

Points = NDArray[Any]
"""Across and down, in pixels."""
SHEET_PIXELS: Final = 400
"""Longest side at which a sheet is looked for, in pixels: fine print and noise are gone."""
MOST_COLOUR: Final = 0.25
"""Saturation of a sheet, of 1: in warm light, white paper is yellow."""
CORNERS: Final = 4
LEAST_FIT: Final = 0.93
"""By which the areas of a sheet and of its four corners agree."""
ROUGHNESS: Final = (0.01, 0.02, 0.04)
"""By which its edges may bend, in parts of its outline; the first at which it has four corners."""
OPENED: Final = np.ones((5, 5), np.uint8)
"""Bright spots and lines narrower than this belong to no sheet."""
LEAST_MARGIN: Final = 0.12
"""Around the print, in parts of its size; cards and passports seen on a table have up to 0.07."""
LEAST_RATIO: Final = 2.0
"""Area of a sheet in that of its print; about 1.7 in that of the document, which is a little larger."""
BESIDE: Final = 6
"""Pixels from the edge of a sheet at which paper and table are compared."""
LEAST_CONTRAST: Final = 25
"""By which they differ in one colour, of 255; the lid of a scanner differs by less."""
LEAST_SIDES: Final = 3
"""At which the table is seen: one may lie outside the picture."""
ALONG: Final = np.linspace(0.1, 0.9, 17)[:, None]
"""Where they are compared, in parts of a side."""


def sheet_check(picture: Picture, zone: Corners, boxes: Iterable[Box]) -> Check:
    """
    Return whether a document lies within a larger sheet of paper on a table, as a print of it does.

    *zone* are the corners of its machine-readable zone, *boxes* its lines, in parts of *picture*, which is
    ``coarse``. A card that lies on a sheet looks alike: a person looks at it, too.
    """
    smooth = cv2.GaussianBlur(picture, (0, 0), 1)
    places = _places(zone, boxes, np.array(picture.shape[1::-1]))
    printed = any(_has_margin(sheet, places) and _on_table(sheet, smooth) for sheet in _sheets(smooth))
    return Check.unsure("image_sheet", "copy_on_paper", unless=not printed)


def coarse(picture: Picture) -> Picture:
    """Return *picture* with ``SHEET_PIXELS``, of means of four of its pixels: those of all take too long."""
    rows, columns = picture.shape[:2]
    scale = SHEET_PIXELS / max(rows, columns)
    width, height = max(1, round(columns * scale)), max(1, round(rows * scale))
    double = cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)
    return cv2.resize(double, (width, height), interpolation=cv2.INTER_AREA)


def _places(zone: Corners, boxes: Iterable[Box], size: Points) -> Points:
    """Return places on the document: in its zone, above it, and at the ends of its lines."""
    corners = np.asarray(zone) * size
    lines = [
        end * size
        for left, top, width, height in boxes
        for end in ((left, top + height / 2), (left + width, top + height / 2))
    ]
    return np.array([*corners, *places_above(corners), *lines], np.float32)


def _sheets(picture: Picture) -> Iterator[Points]:
    """Yield the four corners of the largest bright part of *picture*, and of the brighter part of that."""
    low, light = _extremes(picture)
    plain = light - low <= MOST_COLOUR * light
    level = _level(light)
    for least in (level, _level(light[light > level])):
        bright = cv2.morphologyEx(((light > least) & plain).astype(np.uint8), cv2.MORPH_OPEN, OPENED)
        outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if outlines:
            yield from _corners(max(outlines, key=cv2.contourArea))


def _extremes(picture: Picture) -> tuple[Picture, Picture]:
    """Return the least and the most of red, green and blue of each pixel."""
    red, green, blue = cv2.split(picture)
    return cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)


def _level(light: Picture) -> float:
    """Return the brightness that best divides *light* in two; that of all of it where there is none."""
    return cv2.threshold(light, 0, 255, cv2.THRESH_OTSU)[0] if light.size else 0.0


def _corners(outline: Points) -> Iterator[Points]:
    """Yield the corners of *outline* if it has four."""
    hull = cv2.convexHull(outline)
    length = cv2.arcLength(hull, closed=True)
    shapes = [cv2.approxPolyDP(hull, rough * length, closed=True) for rough in ROUGHNESS]
    shape = next((shape for shape in shapes if len(shape) == CORNERS), hull[:0])
    smaller, larger = sorted((cv2.contourArea(outline), cv2.contourArea(shape)))
    if smaller >= LEAST_FIT * larger:
        yield shape[:, 0].astype(np.float32)


def _has_margin(sheet: Points, places: Points) -> bool:
    """Return whether the *sheet* is clearly larger than what is printed at *places*, on all sides."""
    sides = np.linalg.norm(sheet - np.roll(sheet, -1, axis=0), axis=1)
    width, height = (sides[:2] + sides[2:]) / 2
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    seen = cv2.perspectiveTransform(places[None], cv2.getPerspectiveTransform(sheet, flat))[0]
    first, last = seen.min(axis=0), seen.max(axis=0)
    area = np.prod(last - first)
    margin = min(*first, *(flat[2] - last))
    return bool(margin >= LEAST_MARGIN * np.sqrt(area) and width * height >= LEAST_RATIO * area)


def _on_table(sheet: Points, picture: Picture) -> bool:
    """Return whether another background is seen at most sides of the *sheet*."""
    sides = zip(sheet, np.roll(sheet, -1, axis=0), strict=True)
    contrasts = [_contrast(first, last, sheet.mean(axis=0), picture) for first, last in sides]
    return sum(contrast >= LEAST_CONTRAST for contrast in contrasts) >= LEAST_SIDES


def _contrast(first: Points, last: Points, middle: Points, picture: Picture) -> float:
    """Return by how much colours beside the side from *first* to *last* differ; 0 outside the picture."""
    along = last - first
    outwards = np.array([along[1], -along[0]]) * BESIDE / np.linalg.norm(along)
    outwards = outwards if outwards @ (first - middle) > 0 else -outwards
    outside, inside = (_colours(first + ALONG * along + shift, picture) for shift in (outwards, -outwards))
    if 2 * len(outside) < len(ALONG):
        return 0.0
    return float(np.abs(np.median(outside, axis=0) - np.median(inside, axis=0)).max())


def _colours(places: Points, picture: Picture) -> Points:
    """Return the colours of *picture* at those *places* that lie within it."""
    across, down = np.rint(places).astype(int).T
    rows, columns = picture.shape[:2]
    within = (across >= 0) & (down >= 0) & (across < columns) & (down < rows)
    return np.asarray(picture[down[within], across[within]], np.float64)
