"""
Reads the machine-readable zone in a picture.

A place that looks like a zone is read by two engines, whose errors are independent: what both say alike, to
the last character, was read right. They are Tesseract with the model for zones, and PP-OCR. Where they
differ, Tesseract reads further renderings; where it finds no zone, PP-OCR reads alone.
"""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.mrz.consensus import ENOUGH, best_of, elected, settled
from services.verifier.documents.mrz.layouts import FILLER
from services.verifier.documents.mrz.repair import MOST_NOISE, EngineText, Read, zones_among
from services.verifier.documents.mrz.zones import ZonePlace, cut, grey_of, places_in
from services.verifier.documents.ocr import line_corners, line_engine, precise_engine
from services.verifier.documents.results import MachineZone
from services.verifier.documents.worker.confinement import MODELS_VARIABLE, OWN_MODELS

MODEL = "mrz"
OTHER_CONFIDENCE = 100
"""Of PP-OCR's reads: its errors differ from Tesseract's, so it is believed where both agree."""
LEAST_SIDE = 8
"""Of a picture, in pixels; Tesseract raises below."""
OTHER_SIGHTS = 4
"""Places, upright and upside down, at which the other engine looks where the first read nothing."""
OTHER_TEXT = 30
"""Height of a character that the other engine reads well, in pixels."""
OTHER_SIDE = 960
"""Longest side of a zone as its lines are looked for, in pixels."""
OTHER_HEIGHT = 48
"""Of a line as the other engine reads it, in pixels."""
NARROWED = 0.85
"""Of its width: letters of zones stand far apart, and are read better for it."""
LEAST_SCORE = 0.5
"""Of the other engine, of 1, from which a line counts."""
PATIENCE = 0.45
"""Part of the budget after which the first engine looks at no further place."""
RESERVE = 0.75
"""Part of the budget after which the other engine, which cannot be stopped, is not started."""


@dataclass(frozen=True, slots=True)
class ZoneSighting:
    """A place of a picture, as it stands or upside down, and its reads."""

    place: ZonePlace
    flipped: bool = False
    reads: tuple[Read, ...] = ()

    @property
    def turns(self) -> int:
        """Quarters, against the clock, by which the picture is turned to stand upright."""
        return self.place.turns + 2 * self.flipped


@dataclass(frozen=True, slots=True)
class ZoneReader:
    """The engines and the picture of one reading."""

    grey: Picture
    models: Path
    today: date
    started: float
    budget: float
    """CPU time of this process, in seconds."""

    def late(self, part: float = 1.0) -> bool:
        """Return whether the picture has had this part of its time."""
        return time.process_time() - self.started > part * self.budget

    def zone(self, sight: ZoneSighting) -> MachineZone | None:
        """Return the zone that the reads of *sight* come to."""
        zone = elected(sight.reads, today=self.today)
        return zone and zone.model_copy(update={"turns": sight.turns, "corners": self._corners(sight)})

    def _corners(self, sight: ZoneSighting) -> tuple[tuple[float, float], ...]:
        height, width = self.grey.shape if sight.place.turns % 2 == 0 else self.grey.shape[::-1]
        corners = tuple((x / width, y / height) for x, y in sight.place.corners)
        return tuple((1 - x, 1 - y) for x, y in corners) if sight.flipped else corners


def read_zone(
    picture: Picture, budget: float = 6.0, *, models: Path | None = None, today: date | None = None
) -> MachineZone | None:
    """
    Return the machine-readable zone in *picture*, None when there is none that can be read.

    Args:
        picture: Rows by columns (grey), or rows by columns by blue, green and red; 8 bits each.
        budget: CPU time that may be spent, in seconds.
        models: Folder of ``mrz.traineddata``; without the model the other engine reads alone.
        today: Decides the century of two-digit years; by default the day in UTC.
    """
    reader = ZoneReader(
        grey_of(picture),
        models or models_folder(),
        today or datetime.now(UTC).date(),
        started=time.process_time(),
        budget=budget,
    )
    if has_model(reader.models):
        sight = _first_read(reader, _sights(reader))
        if sight is not None:
            return reader.zone(sight)
    return _read_by_other(reader, _sights(reader))


def _sights(reader: ZoneReader) -> Iterator[ZoneSighting]:
    """Yield where a zone may be; each place is looked for only when it is asked for."""
    return (ZoneSighting(place, flipped) for place in places_in(reader.grey) for flipped in (False, True))


def _first_read(reader: ZoneReader, sights: Iterable[ZoneSighting]) -> ZoneSighting | None:
    """Return the first sight with right digits; else the one that most often gave a zone, if any did."""
    best: ZoneSighting | None = None
    for sight in sights:
        if reader.late(PATIENCE):
            break
        seen = _read_often(reader, sight)
        if seen.reads and not _wrong(reader, seen):
            return seen
        best = max(filter(None, (best, seen)), key=lambda one: len(one.reads))
        if _agreed(reader, best):
            break
    return best if best is not None and best.reads else None


def _read_often(reader: ZoneReader, sight: ZoneSighting) -> ZoneSighting:
    """Read one place until the reads agree; only once where the first read finds nothing."""
    for number, rendering in enumerate(RENDERINGS):
        read = _read(reader, sight, rendering)
        if read is not None:
            sight = replace(sight, reads=(*sight.reads, read))
        if number == 0 and sight.reads and not reader.late(RESERVE):
            sight = _read_differently(reader, sight)
        if not sight.reads or reader.late() or settled(sight.reads, today=reader.today):
            break
    return sight


@dataclass(frozen=True, slots=True)
class Rendering:
    """One way to draw a zone."""

    text: float
    """Height of a character, in pixels."""
    even: bool
    """Whether the paper is made white and the ink black, in all places."""


RENDERINGS = tuple(Rendering(*one) for one in ((20, True), (16, False), (25, True), (22, False), (17, True)))
"""In the order in which they are tried; sizes that the model reads well."""


def evened(block: Picture, text: float) -> Picture:
    """Return *block* with white paper and black ink, shadows and glare taken away."""
    size = round(text) | 1
    paper = cv2.morphologyEx(block, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), text / 2)
    flat = np.clip(block.astype(np.float32) * 235 / np.maximum(paper, 1), 0, 235)
    black = np.percentile(flat, 2)
    return np.clip((flat - black) * 255 / max(1.0, 235 - black), 0, 255).astype(np.uint8)


def rendered(block: Picture, rendering: Rendering) -> Picture:
    """Return *block*, with characters of the height of *rendering*, drawn in that way."""
    return evened(block, rendering.text) if rendering.even and block.size else block


def _read(reader: ZoneReader, sight: ZoneSighting, rendering: Rendering) -> Read | None:
    block = cut(reader.grey, sight.place, rendering.text, flipped=sight.flipped)
    texts = lines_by_tesseract(rendered(block, rendering), reader.models)
    return best_of(zones_among(texts), today=reader.today)


def _wrong(reader: ZoneReader, sight: ZoneSighting) -> bool:
    zone = reader.zone(sight)
    return zone is None or bool(zone.wrong_digits)


def _agreed(reader: ZoneReader, sight: ZoneSighting) -> bool:
    zone = reader.zone(sight)
    return zone is not None and zone.agreement >= ENOUGH


def _read_by_other(reader: ZoneReader, sights: Iterable[ZoneSighting]) -> MachineZone | None:
    """Return the zone that the other engine reads at the most promising sights."""
    for sight in islice(sights, OTHER_SIGHTS):
        if reader.late(RESERVE):
            break
        seen = _read_differently(reader, sight)
        if seen.reads:
            return reader.zone(seen)
    return None


def _read_differently(reader: ZoneReader, sight: ZoneSighting) -> ZoneSighting:
    """Add a read of PP-OCR: by its fast models; where Tesseract reads something else, by the precise ones."""
    block = cut(reader.grey, sight.place, OTHER_TEXT, flipped=sight.flipped)
    known = {read.lines for read in sight.reads}
    read = _read_by(line_engine(), block, reader.today)
    if known and (read is None or read.lines not in known):
        read = _read_by(precise_engine(), block, reader.today)
    return sight if read is None else replace(sight, reads=(*sight.reads, read))


def _read_by(engine: Any, block: Picture, today: date) -> Read | None:
    read = best_of(zones_among(lines_by_paddle(block, engine)), today=today)
    return read and replace(read, other=True)


def models_folder() -> Path:
    """Return the folder of the model: ``HABEAS_MODELS``, else where ``scripts/models`` puts it."""
    return Path(os.environ.get(MODELS_VARIABLE) or OWN_MODELS)


def has_model(folder: Path) -> bool:
    """Return whether the model for zones is in *folder*."""
    return (folder / f"{MODEL}.traineddata").is_file()


def lines_by_tesseract(grey: Picture, folder: Path) -> list[EngineText]:
    """Return the lines that the model for zones reads in *grey* (rows by columns), from the top."""
    if min(grey.shape) < LEAST_SIDE:
        return []
    height, width = grey.shape
    engine = _tesseract(folder)
    engine.SetImageBytes(np.ascontiguousarray(grey).tobytes(), width, height, 1, width)
    engine.SetSourceResolution(300)
    try:
        lines = str(engine.GetUTF8Text()).splitlines()
    except RuntimeError:  # it found no text at all
        return []
    return _with_confidences(lines, engine.AllWordConfidences())


def _with_confidences(lines: Iterable[str], confidences: Iterable[int]) -> list[EngineText]:
    """Give each line the confidence of its least sure word; that of a word is of its least sure character."""
    left = iter(confidences)
    texts = []
    for line in lines:
        words = [(word, next(left, 0)) for word in line.split()]
        long = [confidence for word, confidence in words if len(word) > MOST_NOISE]
        texts.append(EngineText(line, min(long, default=0)))
    return texts


def lines_by_paddle(picture: Picture, engine: Any) -> list[EngineText]:
    """Return the lines that *engine*, of PP-OCR, reads in *picture*, from the top; pieces are joined."""
    block = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)  # noqa: PLR2004 - axes
    boxes = line_corners(engine, block, min(1.0, OTHER_SIDE / max(block.shape)))
    if not boxes.size:
        return []
    read = engine.recognize_txt([_narrowed(crop) for crop in engine.crop_text_regions(block, boxes)])
    sure = zip(boxes, read.txts, read.scores, strict=True)
    pieces = [_piece(box, text) for box, text, score in sure if score >= LEAST_SCORE and text.strip()]
    return [EngineText(line, OTHER_CONFIDENCE) for line in _joined(sorted(pieces))]


def _narrowed(crop: Picture) -> Picture:
    """Return a line as the other engine reads it: its time grows with the width."""
    height, width = crop.shape[:2]
    size = (max(1, round(width * NARROWED * OTHER_HEIGHT / height)), OTHER_HEIGHT)
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA if height > OTHER_HEIGHT else cv2.INTER_LINEAR)


@cache
def _tesseract(folder: Path) -> Any:
    # its threads cost more than they gain on a few lines; read once, when the library is loaded
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    import tesserocr  # noqa: PLC0415 - it loads 30 MB: only where used

    return tesserocr.PyTessBaseAPI(
        path=str(folder), lang=MODEL, oem=tesserocr.OEM.LSTM_ONLY, psm=tesserocr.PSM.SINGLE_BLOCK
    )


Piece = tuple[float, float, float, str]
"""Middle, height and left end of a piece of a line, in pixels, and its text."""


def _piece(box: Any, text: str) -> Piece:
    corners = np.asarray(box, np.float32)
    top, bottom = corners[:2, 1].mean(), corners[2:, 1].mean()
    # No zone has a bar: at an end it is the document's edge, among fillers and letters it is the letter.
    letters = text.strip("| ").replace("|", "I" if FILLER in text else "")
    return float(top + bottom) / 2, float(bottom - top), float(corners[:, 0].min()), letters


def _joined(pieces: list[Piece]) -> list[str]:
    rows: list[list[Piece]] = []
    for piece in pieces:
        if rows and piece[0] - rows[-1][0][0] < 0.5 * piece[1]:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return ["".join(text for *_, text in sorted(row, key=lambda piece: piece[2])) for row in rows]
