"""Parses the characters of a machine-readable zone (ICAO Doc 9303, parts 3 to 7). Pure."""

from collections.abc import Sequence
from datetime import date

from services.verifier.documents.mrz.layouts import FILLER, Layout, Protected, fits, layout_of
from services.verifier.documents.results import MachineZone

CENTURY = 100
LONGEST_VALIDITY_YEARS = 50
"""An expiry that would lie further ahead belongs to the century before."""


def parse(lines: Sequence[str], *, today: date) -> MachineZone | None:
    """
    Return the zone in *lines*, from the top; None when they have the shape of no zone.

    A wrong check digit is named in ``wrong_digits``; nothing is corrected. *today* decides the century.
    """
    layout = layout_of(lines)
    if layout is None:
        return None
    said = {name: span.of(lines) for name, span in layout.fields.items()}
    surname, given_names = names_in(said)
    return MachineZone(
        format=layout.format,
        lines=tuple(lines),
        document_code=_plain(said["document_code"]),
        issuer=_plain(said["issuer"]),
        surname=surname,
        given_names=given_names,
        number=_number(layout, lines)[0],
        nationality=_plain(said.get("nationality", said["issuer"])),
        born=birth_date(said.get("birth", ""), today=today),
        sex=sex_in(said.get("sex", "")),
        expires=expiry_date(said.get("expiry", ""), today=today),
        wrong_digits=wrong_digits(layout, lines),
    )


def wrong_digits(layout: Layout, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the fields with a wrong check digit."""
    return tuple(
        field.name
        for field in layout.protected
        if not (_number(layout, lines)[1] if field.name == "number" else _fits(field, lines))
    )


def names_in(said: dict[str, str]) -> tuple[str, str]:
    """Return surname and given names: two fillers part them, one is a blank (ICAO Doc 9303-3, 4.6)."""
    if "names" not in said:
        return _words(said["surname"]), _words(said["given_names"])
    primary, _, secondary = said["names"].partition(FILLER * 2)
    return _words(primary), _words(secondary)


def birth_date(text: str, *, today: date) -> date | None:
    """Return the day in the past that YYMMDD stands for; None when a part is unknown (9303-3, 4.8)."""
    century = today.year - today.year % CENTURY
    recent = _date(text, century)
    return recent if recent is not None and recent <= today else _date(text, century - CENTURY)


def expiry_date(text: str, *, today: date) -> date | None:
    """Return the day that YYMMDD stands for, at most 50 years ahead; None when there is no such day."""
    century = today.year - today.year % CENTURY
    possible = (_date(text, century + shift) for shift in (CENTURY, 0, -CENTURY))
    last_year = today.year + LONGEST_VALIDITY_YEARS
    return next((day for day in possible if day is not None and day.year <= last_year), None)


def sex_in(text: str) -> str:
    """Return M, F, or X where it is unspecified (9303-4, 4.2.2: a filler); empty for any other sign."""
    return {FILLER: "X", "M": "M", "F": "F", "X": "X"}.get(text, "")


def _number(layout: Layout, lines: Sequence[str]) -> tuple[str, bool]:
    """
    Return the document number and whether its check digit fits.

    A filler in place of the digit says that the number goes on in the optional data, up to the next filler,
    its last character there being the check digit (ICAO Doc 9303-5, 4.2.2, and 9303-6).
    """
    begin = layout.fields["number"].of(lines)
    field = next((field for field in layout.protected if field.name == "number"), None)
    if field is None:
        return _plain(begin), True
    rest = layout.overflow.of(lines).partition(FILLER)[0] if layout.overflow else ""
    if field.digit.of(lines) == FILLER and len(rest) > 1:
        return begin + rest[:-1], fits(begin + rest[:-1], rest[-1])
    return _plain(begin), _fits(field, lines)


def _fits(field: Protected, lines: Sequence[str]) -> bool:
    return fits(field.text(lines), field.digit.of(lines))


def _date(text: str, century: int) -> date | None:
    if not (text.isascii() and text.isdigit()):
        return None
    try:
        year, month, day = (int(text[place : place + 2]) for place in (0, 2, 4))
        return date(century + year, month, day)
    except ValueError:  # there is no such day
        return None


def _plain(text: str) -> str:
    return text.rstrip(FILLER)


def _words(text: str) -> str:
    return " ".join(text.replace(FILLER, " ").split())
