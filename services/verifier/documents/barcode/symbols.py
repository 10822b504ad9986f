"""
Reads the PDF417 symbols of a picture (ISO/IEC 15438), and a licence from a picture of its back.

First the picture as it is, then each zone that may hold a symbol, turned level.

A negative costs the whole ladder, so the ladder is short: ``MOST_TRIES`` looks at one picture.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import cv2
import zxingcpp

from services.verifier.documents.barcode.aamva import parse_aamva, plausibility
from services.verifier.documents.barcode.elements import NotALicenceError
from services.verifier.documents.barcode.zones import BarcodeZone, level, zones
from services.verifier.documents.files.thumbnails import Picture, reduced
from services.verifier.documents.results import Check, CheckResult, Licence

PDF417 = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.PDF417)
TURNS = (0.0, 2.0, -2.0, 4.0, -4.0)
"""Degrees: perspective makes one edge of a code lean more than the other."""
BROAD_PIXELS = 1400
"""A zone at least this wide is not enlarged."""
WIDEST_PIXELS = 2600
MOST_TRIES = 24

BARCODE: Final = "barcode"


class SymbolQuality(Enum):
    """The visible part of a symbol."""

    NOTHING = "nothing"
    BROKEN = "broken"
    """One is there, and its error correction does not suffice."""
    READ = "read"


@dataclass(frozen=True, slots=True)
class Symbol:
    """The content of a symbol."""

    sight: SymbolQuality
    content: bytes = b""


def read_symbol(picture: Picture) -> Symbol:
    """
    Return the first PDF417 symbol of *picture* that can be read.

    Args:
        picture: Red, green and blue, or grey; 8 bits each.
    """
    seen = Symbol(SymbolQuality.NOTHING)
    for part in itertools.islice(_parts(picture), MOST_TRIES):
        symbol = _decode(part)
        if symbol.sight is SymbolQuality.READ:
            return symbol
        if symbol.sight is SymbolQuality.BROKEN:
            seen = symbol
    return seen


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


def _decode(part: Picture) -> Symbol:
    """Return the symbol in *part*; its bytes, since the text form escapes control characters."""
    found = zxingcpp.read_barcodes(part, formats=PDF417, return_errors=True)
    for symbol in found:
        if symbol.valid:
            return Symbol(SymbolQuality.READ, symbol.bytes)
    return Symbol(SymbolQuality.BROKEN if found else SymbolQuality.NOTHING)


def read_licence(picture: Picture) -> tuple[Licence | None, tuple[Check, ...]]:
    """
    Return the licence in the barcode of *picture*, if there is one, and the checks.

    Args:
        picture: Red, green and blue, 8 bits each.
    """
    symbol = read_symbol(picture)
    match symbol.sight:
        case SymbolQuality.NOTHING:
            return None, (Check(name=BARCODE, result=CheckResult.NOT_RUN),)
        case SymbolQuality.BROKEN:
            return None, (_doubt("barcode_unreadable"),)
        case SymbolQuality.READ:
            return _read(symbol.content)


def _read(content: bytes) -> tuple[Licence | None, tuple[Check, ...]]:
    try:
        licence = parse_aamva(content)
    except NotALicenceError:
        return None, (_doubt("barcode_malformed"),)
    return licence, (Check(name=BARCODE, result=CheckResult.PASS), *plausibility(licence))


def _doubt(reason: str) -> Check:
    return Check(name=BARCODE, result=CheckResult.INCONCLUSIVE, reasons=(reason,))
