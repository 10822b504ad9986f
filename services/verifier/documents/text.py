"""
Reads the printed text of a picture, with PP-OCRv6 of the ``rapidocr`` package.

A page beyond the limits is not returned in parts: half a page could lack the second address or the date.
"""

import itertools
import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.ocr import line_corners, line_engine, precise_engine
from services.verifier.documents.results import TextLine

LONGEST_SIDE = 2000
"""Pixels; a larger picture is made smaller. A page of A4 is read well at 170 dots per inch."""
SOUGHT_SIDES = (960, 1280)
"""Pixels, least and most; lines are looked for in a smaller picture: the time grows with its area."""
LEAST_SOUGHT = 736
"""Of the shorter side of the picture in which lines are looked for, in pixels, unless it is a strip."""
CLOSER_SIDE = 1600
"""Pixels; for a second look, also at a smaller picture."""
SOUGHT_ZONE = 900
"""Pixels; where a zone is at least as wide, the print of its document is large enough to be found."""
OVERPRINT_SIDE = 480
"""Pixels; what is printed across a sample is large."""
PALE_SIDE = 560
"""Pixels; pale words are looked for in a larger picture."""
MOST_OVERPRINTS = 8
MOST_ON_CURVE = 4
"""Letters of a piece of a word along a curve."""
PRINT_STROKE = 5
"""Pixels; strokes of the small print of a card, seen at that size, are thinner."""
PALE_INKS = (2, 15)
"""By how much of 255 ink is darker than the paper around: the least that counts, and the most."""
DOTS = 1.5
"""Pixels by which a picture is blurred, so that words of dots, as on a perforated card, become lines."""
LARGE = 1.5
"""Times the usual height of lines from which a level word is looked at as well."""
UPRIGHT = 1.5
"""Times its width that a line is high where its text runs up or down."""
LEAST_TILT = 5.0
"""Degrees from which text lies across a card."""
UNREAD = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for coloured writing across a card that is in no script that is read, as Arabic."""
UNREAD_HEIGHT = 0.14
"""Of the page, from which such writing is no signature: those have up to 0.1."""
SHORTEST_SIDE = 16
MOST_LINES = 400
MOST_CHARACTERS = 300
MOST_SECONDS = 20.0
"""Processor time for one picture; a full page takes 2 to 6."""
LEAST_CONFIDENCE = 0.5
_FILLED = 0.7
"""Part of the width of a zone that its lines have at least."""
_SAME_ROW = 0.5
"""Part of a line's height by which two lines of one row may be apart."""


Corners = Sequence[tuple[float, float]]
"""Of a part of a page, in parts of the page."""


def read_lines(
    picture: Picture,
    *,
    page: int = 0,
    seconds: float = MOST_SECONDS,
    known: Corners = (),
    closer: bool = False,
) -> tuple[TextLine, ...]:
    """
    Return the lines of text in *picture*, row by row, each row from left to right.

    Lines that fill the width of the *known* part are left out: another reader has read them. Nothing where
    there is no text, and where reading all of it would exceed a limit. A line's box is where it lies once the
    page is turned upright; text that stands on its head is not read. A *closer* look finds smaller lines.
    """
    until = time.thread_time() + seconds
    small = _small(picture)
    if small is None:
        return ()
    if closer:
        small = _enlarged(small, CLOSER_SIDE)
    boxes, crops = _found(small, CLOSER_SIDE if closer else _sought_side(known), known)
    if not boxes.size or len(boxes) > MOST_LINES:
        return ()
    read = _recognised(crops, until)
    if len(read) < len(crops):
        return ()
    places = upright(boxes, small.shape[1], small.shape[0])
    lines = [
        TextLine(text=text[:MOST_CHARACTERS], page=page, box=box, confidence=round(confidence, 3))
        for (text, confidence), box in zip(read, places, strict=True)
        if text.strip() and confidence >= LEAST_CONFIDENCE
    ]
    return tuple(in_order(lines))


def read_overprint(picture: Picture, *, page: int = 0) -> tuple[TextLine, ...]:
    """
    Return the text that lies or stands across *picture*, such as SPECIMEN: of its places, the height alone.

    Among other text it is read badly or not at all. It stands alone in the picture of its colour, and where
    the thin strokes of small print are closed; pale and hollow words stand out where all ink is alike, words
    of dots where the picture is blurred. Letters along a curve are joined. ``UNREAD`` stands for large
    coloured writing that cannot be read.
    """
    small = _small(picture)
    if small is None:
        return ()
    pale = _equally_inked(_shrunk(small, PALE_SIDE))
    small = _shrunk(small, OVERPRINT_SIDE)
    blurred = cv2.GaussianBlur(small, (0, 0), DOTS)
    views = (pale, _without_strokes(small, PRINT_STROKE))
    coloured = _across(_coloured(small), unread=True)
    read = (coloured, *map(_across, views), _across(blurred, large=True))
    return tuple(
        TextLine(text=text[:MOST_CHARACTERS], page=page, box=(0, 0, 0, height), confidence=round(score, 3))
        for several in read
        for text, height, score in several
        if text.strip() and score >= LEAST_CONFIDENCE
    )


def _across(view: Picture, *, large: bool = False, unread: bool = False) -> list[tuple[str, float, float]]:
    """
    Return text, height in parts of *view*, and confidence of its tilted, upright or *large* lines.

    Upright ones are also read turned round. With *unread*, large tilted ones that cannot be read are returned
    as well. The last is what is read from left to right in all others.
    """
    lines = line_corners(precise_engine(), view, 1.0)
    heights = np.linalg.norm(lines[:, 3] - lines[:, 0], axis=1)
    least = LARGE * float(np.median(heights)) if large and heights.size else np.inf
    across = [
        _tilt(box) > LEAST_TILT or _stands(box) or height > least
        for box, height in zip(lines, heights, strict=True)
    ]
    boxes = lines[np.asarray(across, bool)][:MOST_OVERPRINTS]
    found, row = list[tuple[str, float, float]](), list[tuple[float, float, str, float]]()
    for crop, box in zip(precise_engine().crop_text_regions(view, boxes), boxes, strict=True):
        height = float(np.linalg.norm(box[3] - box[0])) / max(view.shape[:2])
        turns = (crop, cv2.rotate(crop, cv2.ROTATE_180)) if _stands(box) else (crop,)
        texts = list(itertools.chain.from_iterable(map(_texts_in, turns)))
        if unread and height >= UNREAD_HEIGHT and not (_stands(box) or _is_read(texts)):
            found.append((UNREAD, height, 1.0))
        for text, score in texts:
            found.append((text, height, score))
            if not _stands(box) and text.isalpha() and len(text) <= MOST_ON_CURVE:
                row.append((float(box[:, 0].mean()), height, text, score))
    row.sort()
    curved = "".join(text for _, _, text, _ in row)
    sure = min((score for *_, score in row), default=1.0)
    height = min((height for _, height, _, _ in row), default=0.0)
    return [*found, (curved, height, max(sure, LEAST_CONFIDENCE))]


def _is_read(texts: Sequence[tuple[str, float]]) -> bool:
    """Return whether letters or digits were read."""
    return any(any(map(str.isalnum, text)) and score >= LEAST_CONFIDENCE for text, score in texts)


def _texts_in(crop: Picture) -> list[tuple[str, float]]:
    read = precise_engine().recognize_txt([crop])
    return list(zip(read.txts or (), map(float, read.scores), strict=True))


def _stands(box: NDArray[np.float32]) -> bool:
    """Return whether a line of text runs up or down the picture."""
    return bool(np.linalg.norm(box[3] - box[0]) > UPRIGHT * np.linalg.norm(box[1] - box[0]))


def _without_strokes(picture: Picture, width: int) -> Picture:
    """Return *picture* in grey without dark strokes thinner than *width*, in pixels."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.dstack([cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))] * 3)


def _equally_inked(picture: Picture) -> Picture:
    """Return *picture* in grey with pale ink as dark as black."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.8)
    least, most = PALE_INKS
    wide = max(picture.shape[:2]) / 40
    # Black print would darken the paper around it: it counts as pale here.
    pale = np.maximum(smooth, cv2.GaussianBlur(smooth, (0, 0), wide) - most)
    darker = cv2.GaussianBlur(pale, (0, 0), wide) - pale
    ink = np.clip((darker - least) / (most - least), 0, 1)
    return np.dstack([(255 - 200 * ink).astype(np.uint8)] * 3)


def _coloured(picture: Picture) -> Picture:
    """Return the colour of *picture* as ink: the stronger, the darker."""
    strength = np.ptp(picture, axis=2).astype(np.float32)
    ink = 255 - np.clip(strength * 255 / max(1.0, float(np.percentile(strength, 99.5))), 0, 255)
    return np.dstack([ink.astype(np.uint8)] * 3)


def _tilt(box: NDArray[np.float32]) -> float:
    """Return by how many degrees a line of text is turned from level or upright."""
    along = np.asarray(box[1]) - np.asarray(box[0])
    angle = abs(float(np.degrees(np.arctan2(along[1], along[0])))) % 90
    return min(angle, 90 - angle)


def in_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the *lines* of a page in the order of reading: by rows, each from left to right."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=_middle):
        last = rows[-1][-1] if rows else None
        if last is not None and _middle(line) - _middle(last) < _SAME_ROW * min(line.box[3], last.box[3]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.box[0])]


def _middle(line: TextLine) -> float:
    return line.box[1] + line.box[3] / 2


def _small(picture: Picture) -> Picture | None:
    """Return *picture* in blue, green, red, no larger than is read; none where it is too small for text."""
    if min(picture.shape[:2]) < SHORTEST_SIDE:
        return None
    colours = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)  # noqa: PLR2004 - axes
    return np.ascontiguousarray(_shrunk(colours[:, :, :3], LONGEST_SIDE)[:, :, ::-1])


def _shrunk(picture: Picture, longest: int) -> Picture:
    """Return *picture* with no side longer than *longest*, in pixels."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(round(width * scale), SHORTEST_SIDE), max(round(height * scale), SHORTEST_SIDE))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _enlarged(picture: Picture, longest: int) -> Picture:
    """Return *picture* with its longest side *longest* pixels long at least."""
    scale = longest / max(picture.shape[:2])
    return (
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) if scale > 1 else picture
    )


def framed(picture: Picture) -> Picture:
    """Return *picture* with a margin below or beside it: a strip would be enlarged by its shorter side."""
    height, width = picture.shape[:2]
    least = max(height, width) // 2
    below, beside = max(least - height, 0), max(least - width, 0)
    return cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE)


def _found(picture: Picture, side: int, known: Corners) -> tuple[NDArray[np.float32], list[Picture]]:
    """
    Return the corners of each line of text outside the *known* part, and its part of the picture.

    Lines are looked for with the longest side of *side* pixels.
    """
    sought = _shrunk(picture, side)
    boxes = line_corners(line_engine(), sought, _enlargement(sought)) * (picture.shape[1] / sought.shape[1])
    if known:
        place = np.asarray(known, np.float32) * np.asarray(picture.shape[1::-1], np.float32)
        boxes = np.asarray([box for box in boxes if not _fills(box, place)], np.float32).reshape(-1, 4, 2)
    return boxes, line_engine().crop_text_regions(picture, boxes)


def _enlargement(picture: Picture) -> float:
    """Return by how much a small *picture* is made larger, so that lines are found; a strip is not."""
    least, most = sorted(picture.shape[:2])
    return float(max(1.0, LEAST_SOUGHT / max(least, most // 2)))


def _sought_side(known: Corners) -> int:
    """Return the longest side, in pixels, of the page in which lines are looked for beside a *known* zone."""
    least, most = SOUGHT_SIDES
    width = float(np.hypot(*np.subtract(known[1], known[0]))) if known else 0.0
    return round(min(max(SOUGHT_ZONE / width, least), most)) if width else most


def _fills(box: NDArray[np.float32], place: NDArray[np.float32]) -> bool:
    """Return whether a line lies in *place* and is about as wide."""
    x, y = map(float, box.mean(axis=0))
    wide = np.linalg.norm(box[1] - box[0]) > _FILLED * np.linalg.norm(place[1] - place[0])
    return bool(wide) and cv2.pointPolygonTest(place, (x, y), measureDist=False) > 0


def _recognised(crops: Sequence[Picture], until: float) -> list[tuple[str, float]]:
    """
    Return text and confidence of each of *crops*; fewer where the time is over.

    Each is read alone: in a batch all are as wide as the widest, which doubles the time.
    """
    read: list[tuple[str, float]] = []
    for crop in crops:
        if time.thread_time() > until:
            break
        result = line_engine().recognize_txt([crop])
        read += zip(result.txts or (), map(float, result.scores), strict=True)
    return read


def upright(
    boxes: NDArray[np.float32], width: int, height: int
) -> Iterator[tuple[float, float, float, float]]:
    """Yield left, top, width and height of each line in parts of the page, after the page was turned."""
    along = boxes[:, 1] - boxes[:, 0]
    wide = np.linalg.norm(along, axis=1)
    high = np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
    lying = wide > high
    slopes = np.arctan2(along[lying, 1], along[lying, 0])
    angle = float(np.median(slopes)) if slopes.size else 0.0
    middle = np.array([width, height]) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centres = (boxes.mean(axis=1) - middle) @ turn + middle
    for (x, y), w, h in zip(centres.tolist(), wide.tolist(), high.tolist(), strict=True):
        left, top = (x - w / 2) / width, (y - h / 2) / height
        yield round(left, 4), round(top, 4), round(w / width, 4), round(h / height, 4)
