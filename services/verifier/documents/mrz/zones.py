"""Finds machine-readable zones in a picture by lines of dark text, and cuts them out level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, hypot, radians, sin, tan
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.verifier.documents.files.picture import Picture

STROKE = (13, 13)
"""Larger than a stroke at the sizes that are looked at, in pixels: dark and smaller things stand out."""
GAP = (17, 3)
"""Closes the gaps between the characters of a line, not those between lines."""
SPECK = (9, 3)
SHORTEST = 110
"""Of a bar, in pixels: 30 characters of the smallest that can be read."""
LEAST_ASPECT = 4.0
LEAST_THICKNESS = 5.0
"""In pixels; thinner things are ruled lines."""
MOST_TILT = 30.0
"""In degrees; steeper lines are found in the picture turned by 90."""
LEVELS = (1000, 600, 1600)
"""Longest sides, in pixels, at which a picture is looked at, in this order."""
Change = NDArray[np.float64]
"""An affine change of coordinates, two rows by three columns."""
LEVEL = 5.0
"""Degrees up to which lines of text are found whole; a line tilted more is turned and looked at again."""
LEAST_SIDE = 60
"""Of a picture, in pixels: nothing smaller holds a zone that can be read."""
MOST_ROWS = 3
SHRUNK = 0.6
"""A scale below it needs the average of the pixels, lest strokes break."""
CLOSE = 3.6
"""Distance of two lines of a zone at most, in heights of a character."""
LIKE_TILT = 6.0
"""Degrees within which lines of one zone are parallel, in a picture taken from the side."""
MOST_ZONES = 2
"""Candidates that are handed out per level and turn."""


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
    outlines, _ = cv2.findContours(mask_of(grey), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return sorted(filter(None, map(_bar, outlines)), key=lambda bar: bar.length, reverse=True)


def mask_of(grey: Picture) -> Picture:
    """Return where lines of text are: 255 there, else 0."""
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones(STROKE, np.uint8))
    local = cv2.blur(dark, (61, 61))
    flat = np.clip(dark.astype(np.float32) * 40 / (local.astype(np.float32) + 12), 0, 255).astype(np.uint8)
    closed = cv2.morphologyEx(flat, cv2.MORPH_CLOSE, np.ones(GAP[::-1], np.uint8))
    _, mask = cv2.threshold(closed, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones(SPECK[::-1], np.uint8))


def _bar(outline: Any) -> Bar | None:
    (x, y), (width, height), tilt = cv2.minAreaRect(outline)
    if width < height:
        width, height, tilt = height, width, tilt - 90
    tilt = (tilt + 90) % 180 - 90
    if width < max(SHORTEST, LEAST_ASPECT * height) or height < LEAST_THICKNESS or abs(tilt) > MOST_TILT:
        return None
    return Bar(x, y, width, height, tilt)


@dataclass(frozen=True, slots=True)
class ZonePlace:
    """A possible place of a zone in a picture turned by *turns* quarters."""

    turns: int
    corners: tuple[tuple[float, float], ...]
    """Top left, top right, bottom right, bottom left, in pixels of the turned picture."""
    width: float
    height: float
    """Of the zone, in pixels."""
    text: float
    """Height of a character, in pixels."""
    promise: float


def grey_of(picture: Picture) -> Picture:
    """Return *picture* in grey, rows by columns."""
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)  # noqa: PLR2004 - axes


def turned(picture: Picture, turns: int) -> Picture:
    """Return *picture* turned by *turns* quarters against the clock."""
    return np.ascontiguousarray(np.rot90(picture, turns))


def places_in(grey: Picture) -> Iterator[ZonePlace]:
    """Yield where zones may be; looks closer only as long as it is asked for more."""
    if min(grey.shape) < LEAST_SIDE:
        return
    for level in LEVELS:
        found = [place for turns in (0, 1) for place in _places_at(turned(grey, turns), turns, level)]
        yield from sorted(found, key=lambda place: place.promise, reverse=True)[:MOST_ZONES]


def cut(grey: Picture, place: ZonePlace, text: float, *, flipped: bool = False) -> Picture:
    """Return the zone at *place*, level and upright, characters *text* high; *flipped* by 180 degrees."""
    scale = text / place.text
    width, height = round(place.width * scale), round(place.height * scale)
    wanted = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    change = cv2.getPerspectiveTransform(np.array(place.corners, np.float32), wanted)
    method = cv2.INTER_AREA if scale < SHRUNK else cv2.INTER_CUBIC
    block = cv2.warpPerspective(
        turned(grey, place.turns), change, (width, height), flags=method, borderMode=cv2.BORDER_REPLICATE
    )
    return turned(block, 2) if flipped else block


def _places_at(grey: Picture, turns: int, level: int) -> Iterator[ZonePlace]:
    scale = level / max(grey.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method)
    bars = bars_in(small)
    upright = np.array([(scale, 0, 0), (0, scale, 0)])
    yield from (_place(rows, turns, upright) for rows in _groups(bars))
    if bars and abs(bars[0].tilt) > LEVEL:
        straight, turn = _straightened(small, bars[0].tilt)
        change = turn @ np.vstack([upright, (0, 0, 1)])
        yield from (_place(rows, turns, change) for rows in _groups(bars_in(straight)))


def _straightened(small: Picture, tilt: float) -> tuple[Picture, Change]:
    """Return *small* turned so that its tilted lines are level, and how its pixels moved."""
    height, width = small.shape
    side = int(hypot(height, width))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1.0)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    straight = cv2.warpAffine(small, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return straight, turn.astype(np.float64)


def _groups(bars: Sequence[Bar]) -> Iterator[list[Bar]]:
    """Yield bars that lie below one another like the lines of a zone, from the top; each bar once."""
    left = list(bars)
    while left:
        longest = left[0]
        alike = [bar for bar in left if bar is longest or _alike(longest, bar)]
        rows = _nearest(sorted(alike, key=lambda bar: across(longest, bar)), longest)
        left = [bar for bar in left if bar not in rows]
        yield rows


def _alike(longest: Bar, bar: Bar) -> bool:
    return (
        abs(longest.tilt - bar.tilt) < LIKE_TILT
        and bar.length > 0.6 * longest.length
        and max(bar.thickness, longest.thickness) < 2 * min(bar.thickness, longest.thickness)
        and abs(along(longest, bar)) < 0.25 * longest.length
        and abs(across(longest, bar)) < 6.5 * longest.thickness
    )


def _nearest(rows: Sequence[Bar], longest: Bar) -> list[Bar]:
    """Return the rows that follow one another closely around the longest; of more than three, the last."""
    place = first = last = rows.index(longest)
    reach = CLOSE * longest.thickness
    while last + 1 < len(rows) and across(rows[last], rows[last + 1]) < reach:
        last += 1
    while first > 0 and across(rows[first - 1], rows[first]) < reach:
        first -= 1
    return list(rows[first : last + 1])[-MOST_ROWS:] if last - place < MOST_ROWS else [longest]


def along(base: Bar, bar: Bar) -> float:
    """Return how far *bar* lies to the right of *base*, along it, in pixels."""
    return (bar.x - base.x) * cos(radians(base.tilt)) + (bar.y - base.y) * sin(radians(base.tilt))


def across(base: Bar, bar: Bar) -> float:
    """Return how far *bar* lies below *base*, at a right angle to it, in pixels."""
    return (bar.y - base.y) * cos(radians(base.tilt)) - (bar.x - base.x) * sin(radians(base.tilt))


def _place(rows: Sequence[Bar], turns: int, change: Change) -> ZonePlace:
    """Return the place of a zone with *rows*, in the pixels from which *change* led to theirs."""
    base = max(rows, key=lambda bar: bar.length)
    # Where lines touch, their bar is thick: then its length gives the height of a character.
    thinnest = min(bar.thickness for bar in rows)
    text = thinnest if thinnest < base.length / 18 else base.length / 30
    start = min(along(base, bar) - bar.length / 2 for bar in rows) - text * 1.5
    end = max(along(base, bar) + bar.length / 2 for bar in rows) + text * 1.5
    spare = _spare(rows, base, text)
    top = _edge(base, rows[0], -rows[0].thickness / 2 - spare)
    bottom = _edge(base, rows[-1], rows[-1].thickness / 2 + spare)
    ends = ((start, top), (end, top), (end, bottom), (start, bottom))
    corners = np.array([[_point(base, x, height + slope * x) for x, (height, slope) in ends]])
    before = cv2.transform(corners, cv2.invertAffineTransform(change))[0]
    scale = hypot(change[0, 0], change[0, 1])
    return ZonePlace(
        turns,
        tuple((float(x), float(y)) for x, y in before),
        (end - start) / scale,
        (bottom[0] - top[0]) / scale,
        text / scale,
        _promise(rows, base),
    )


def _spare(rows: Sequence[Bar], base: Bar, text: float) -> float:
    """Return how far around *rows* a line may be that was not found."""
    if len(rows) == 1:
        return text * (3.5 if base.thickness < 1.5 * text else 1.5)
    if len(rows) == MOST_ROWS or base.length > 33 * text:
        return text * 1.2
    return text + across(base, rows[1]) - across(base, rows[0])


def _edge(base: Bar, row: Bar, shift: float) -> tuple[float, float]:
    """Return the line along *row*, moved down by *shift* pixels: its height below *base*, its slope."""
    slope = tan(radians(row.tilt - base.tilt))
    return across(base, row) + shift - slope * along(base, row), slope


def _point(base: Bar, x: float, y: float) -> tuple[float, float]:
    turn = radians(base.tilt)
    return base.x + x * cos(turn) - y * sin(turn), base.y + x * sin(turn) + y * cos(turn)


def _promise(rows: Sequence[Bar], base: Bar) -> float:
    even = min(bar.length for bar in rows) / base.length
    return base.length * (1 + 0.5 * even * (len(rows) > 1)) * min(1, base.length / base.thickness / 15)
