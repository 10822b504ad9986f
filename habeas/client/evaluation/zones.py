"""Machine-readable zones, compared character by character."""

from datetime import date

from habeas.client.evaluation.manifest import Entry, Manifest
from habeas.client.evaluation.outcomes import Family, FileResult
from habeas.client.evaluation.pictures import picture_of
from services.verifier.documents.mrz.consensus import accepted
from services.verifier.documents.mrz.layouts import layout_for
from services.verifier.documents.mrz.parser import parse
from services.verifier.documents.mrz.reader import read_zone
from services.verifier.documents.results import Format, MachineZone
from services.verifier.documents.worker.readers import ZONE_SECONDS

QUESTIONS = ("core3", "five", "exact", "verdict", "accepted", "accepted_wrong")
"""Number and dates; those and the names; every character; valid digits; accepted values."""
CORE = 3


def zones(today: date) -> Family:
    """Return the questions about documents with a zone, and about those without."""

    def read(manifest: Manifest, entry: Entry) -> FileResult:
        picture = picture_of(manifest.folder / entry["file"])[:, :, ::-1]
        zone = read_zone(picture, ZONE_SECONDS, today=today)
        return FileResult(_marks(entry, zone, today), _reading(zone))

    return Family("zones", ("mrz_document", "no_mrz"), QUESTIONS, read, row_of)


def row_of(entry: Entry) -> str:
    """Return the sort of a picture."""
    if entry["kind"] == "no_mrz":
        return "none"
    if entry.get("tampered"):
        return "tampered"
    return "degraded" if entry.get("derived_from") else "clean"


def _marks(entry: Entry, zone: MachineZone | None, today: date) -> dict[str, bool]:
    passed = zone is not None and accepted(zone)
    expected = parse(entry["mrz"], today=today) if entry.get("mrz") else None
    if expected is None:
        return {"accepted": passed, "accepted_wrong": passed, "verdict": not passed}
    valid = bool(entry["check_digits_valid"])
    if zone is None or zone.format is not expected.format:
        return dict.fromkeys(QUESTIONS, False) | {"accepted": passed, "accepted_wrong": passed}
    five = _five(zone) == _five(expected)
    return {
        "core3": _five(zone)[:CORE] == _five(expected)[:CORE],
        "five": five,
        "exact": zone.lines == expected.lines,
        "verdict": (not zone.wrong_digits) == valid,
        "accepted": passed,
        "accepted_wrong": passed and not (five and valid),
    }


def _five(zone: MachineZone) -> tuple[str, ...]:
    """Return number, birth, expiry, surname and given names, with dates as printed."""
    if zone.format is Format.FRENCH_LICENCE:
        return zone.lines
    fields = layout_for(zone.format).fields
    birth, expiry = (fields[name].of(zone.lines) if name in fields else "" for name in ("birth", "expiry"))
    return zone.number, birth, expiry, zone.surname, zone.given_names


def _reading(zone: MachineZone | None) -> dict[str, object]:
    return {
        "mrz": list(zone.lines) if zone else None,
        "check_digits_valid": zone is not None and not zone.wrong_digits,
        "accepted": zone is not None and accepted(zone),
    }
