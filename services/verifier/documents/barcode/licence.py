"""Reads a licence from a picture of its back."""

from typing import Final

from services.verifier.documents.barcode.aamva import parse_aamva
from services.verifier.documents.barcode.elements import NotALicenceError
from services.verifier.documents.barcode.plausibility import plausibility
from services.verifier.documents.barcode.symbols import SymbolQuality, read_symbol
from services.verifier.documents.files.thumbnails import Picture
from services.verifier.documents.results import Check, CheckResult, Licence

BARCODE: Final = "barcode"


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
