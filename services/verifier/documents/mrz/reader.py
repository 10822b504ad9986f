"""
Reads the machine-readable zone in a picture.

A place that looks like a zone is read in several renderings, each of which may err in its own way: what two
sure reads say alike, to the last character, was read right. Where none is sure, or no place gives a zone, the
other engine is asked.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.mrz.consensus import ENOUGH, best_of, elected, settled
from services.verifier.documents.mrz.engines import (
    has_model,
    lines_by_paddle,
    lines_by_tesseract,
    models_folder,
)
from services.verifier.documents.mrz.repair import Read, zones_among
from services.verifier.documents.mrz.zones import ZonePlace, cut, grey_of, places_in
from services.verifier.documents.results import MachineZone

OTHER_SIGHTS = 4
"""Places, upright and upside down, at which the other engine looks where the first read nothing."""
OTHER_TEXT = 30
"""Height of a character that the other engine reads well, in pixels."""
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
        return elected(sight.reads, today=self.today)


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
            return _doubled(reader, sight)
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
    for rendering in RENDERINGS:
        read = _read(reader, sight, rendering)
        if read is not None:
            sight = replace(sight, reads=(*sight.reads, read))
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


RENDERINGS = (
    Rendering(20, even=True),
    Rendering(16, even=False),
    Rendering(25, even=True),
    Rendering(22, even=False),
    Rendering(17, even=True),
)
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


def _doubled(reader: ZoneReader, sight: ZoneSighting) -> MachineZone | None:
    """Return the zone read at *sight*; where it is in doubt the other engine is asked, too."""
    if (_agreed(reader, sight) and not _wrong(reader, sight)) or reader.late(RESERVE):
        return reader.zone(sight)
    return reader.zone(_read_differently(reader, sight))


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
    block = cut(reader.grey, sight.place, OTHER_TEXT, flipped=sight.flipped)
    read = best_of(zones_among(lines_by_paddle(block)), today=reader.today)
    return sight if read is None else replace(sight, reads=(*sight.reads, replace(read, other=True)))
