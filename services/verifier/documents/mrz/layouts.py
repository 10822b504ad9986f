"""Layouts of the zones: the place of each field. Data and look-ups. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.verifier.documents.results import Format


@dataclass(frozen=True, slots=True)
class ZoneSpan:
    """A stretch of one line; counted from 0, *end* is behind it."""

    line: int
    start: int
    end: int

    def of(self, lines: Sequence[str]) -> str:
        """Return the characters of the span."""
        return lines[self.line][self.start : self.end]


@dataclass(frozen=True, slots=True)
class Protected:
    """A field with a check digit: the stretches that count, in their order, and where the digit is."""

    name: str
    spans: tuple[ZoneSpan, ...]
    digit: ZoneSpan

    def text(self, lines: Sequence[str]) -> str:
        """Return the characters that the digit is computed over."""
        return "".join(span.of(lines) for span in self.spans)


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of zone."""

    format: Format
    rows: int
    width: int
    fields: Mapping[str, ZoneSpan]
    protected: tuple[Protected, ...]
    numeric: tuple[ZoneSpan, ...]
    """Where only digits and fillers can stand."""
    alphabetic: tuple[ZoneSpan, ...]
    """Where only letters and fillers can stand."""
    prefixes: tuple[str, ...] = ("",)
    """How the first line begins."""
    overflow: ZoneSpan | None = None
    """Where a document number goes on that has no room in its field."""

    def fit(self, lines: Sequence[str]) -> bool:
        """Return whether *lines* have this shape."""
        return [len(line) for line in lines] == [self.width] * self.rows and lines[0].startswith(
            self.prefixes
        )


def _protected(name: str, line: int, start: int, end: int) -> Protected:
    return Protected(name, (ZoneSpan(line, start, end),), ZoneSpan(line, end, end + 1))


_TWO_LINES = {
    "document_code": ZoneSpan(0, 0, 2),
    "issuer": ZoneSpan(0, 2, 5),
    "number": ZoneSpan(1, 0, 9),
    "nationality": ZoneSpan(1, 10, 13),
    "birth": ZoneSpan(1, 13, 19),
    "sex": ZoneSpan(1, 20, 21),
    "expiry": ZoneSpan(1, 21, 27),
}
_TWO_LINE_DIGITS = (
    _protected("number", 1, 0, 9),
    _protected("birth", 1, 13, 19),
    _protected("expiry", 1, 21, 27),
)
_TWO_LINE_NUMERIC = (ZoneSpan(1, 9, 10), ZoneSpan(1, 13, 20), ZoneSpan(1, 21, 28))
_TWO_LINE_ALPHABETIC = (ZoneSpan(0, 0, 5), ZoneSpan(1, 10, 13), ZoneSpan(1, 20, 21))


def _composite(digit: ZoneSpan, *spans: ZoneSpan) -> Protected:
    return Protected("composite", spans, digit)


TD3 = Layout(
    Format.TD3,
    rows=2,
    width=44,
    fields=_TWO_LINES | {"names": ZoneSpan(0, 5, 44)},
    protected=(
        *_TWO_LINE_DIGITS,
        _protected("optional", 1, 28, 42),
        _composite(ZoneSpan(1, 43, 44), ZoneSpan(1, 0, 10), ZoneSpan(1, 13, 20), ZoneSpan(1, 21, 43)),
    ),
    numeric=(*_TWO_LINE_NUMERIC, ZoneSpan(1, 42, 44)),
    alphabetic=(*_TWO_LINE_ALPHABETIC, ZoneSpan(0, 5, 44)),
    prefixes=("P",),
)
"""Passports (9303-4, 4.2.2)."""

TD2 = Layout(
    Format.TD2,
    rows=2,
    width=36,
    fields=_TWO_LINES | {"names": ZoneSpan(0, 5, 36)},
    protected=(
        *_TWO_LINE_DIGITS,
        _composite(ZoneSpan(1, 35, 36), ZoneSpan(1, 0, 10), ZoneSpan(1, 13, 20), ZoneSpan(1, 21, 35)),
    ),
    numeric=(*_TWO_LINE_NUMERIC, ZoneSpan(1, 35, 36)),
    alphabetic=(*_TWO_LINE_ALPHABETIC, ZoneSpan(0, 5, 36)),
    prefixes=("A", "C", "I", "P"),
    overflow=ZoneSpan(1, 28, 35),
)
"""Larger identity cards (9303-6, 4.2.2)."""

VISA_A = Layout(
    Format.VISA_A,
    rows=2,
    width=44,
    fields=_TWO_LINES | {"names": ZoneSpan(0, 5, 44)},
    protected=_TWO_LINE_DIGITS,
    numeric=_TWO_LINE_NUMERIC,
    alphabetic=(*_TWO_LINE_ALPHABETIC, ZoneSpan(0, 5, 44)),
    prefixes=("V",),
)
"""Visas of format A: no composite digit (9303-7, 4.2.2)."""

VISA_B = Layout(
    Format.VISA_B,
    rows=2,
    width=36,
    fields=_TWO_LINES | {"names": ZoneSpan(0, 5, 36)},
    protected=_TWO_LINE_DIGITS,
    numeric=_TWO_LINE_NUMERIC,
    alphabetic=(*_TWO_LINE_ALPHABETIC, ZoneSpan(0, 5, 36)),
    prefixes=("V",),
)
"""Visas of format B (9303-7, 5.2.2)."""

TD1 = Layout(
    Format.TD1,
    rows=3,
    width=30,
    fields={
        "document_code": ZoneSpan(0, 0, 2),
        "issuer": ZoneSpan(0, 2, 5),
        "number": ZoneSpan(0, 5, 14),
        "birth": ZoneSpan(1, 0, 6),
        "sex": ZoneSpan(1, 7, 8),
        "expiry": ZoneSpan(1, 8, 14),
        "nationality": ZoneSpan(1, 15, 18),
        "names": ZoneSpan(2, 0, 30),
    },
    protected=(
        _protected("number", 0, 5, 14),
        _protected("birth", 1, 0, 6),
        _protected("expiry", 1, 8, 14),
        _composite(
            ZoneSpan(1, 29, 30),
            ZoneSpan(0, 5, 30),
            ZoneSpan(1, 0, 7),
            ZoneSpan(1, 8, 15),
            ZoneSpan(1, 18, 29),
        ),
    ),
    numeric=(ZoneSpan(0, 14, 15), ZoneSpan(1, 0, 7), ZoneSpan(1, 8, 15), ZoneSpan(1, 29, 30)),
    alphabetic=(ZoneSpan(0, 0, 5), ZoneSpan(1, 7, 8), ZoneSpan(1, 15, 18), ZoneSpan(2, 0, 30)),
    prefixes=("A", "C", "I"),
    overflow=ZoneSpan(0, 15, 30),
)
"""Identity cards of the size of a bank card (9303-5, 4.2.2)."""

FRENCH_ID = Layout(
    Format.FRENCH_ID,
    rows=2,
    width=36,
    fields={
        "document_code": ZoneSpan(0, 0, 2),
        "issuer": ZoneSpan(0, 2, 5),
        "surname": ZoneSpan(0, 5, 30),
        "number": ZoneSpan(1, 0, 12),
        "given_names": ZoneSpan(1, 13, 27),
        "birth": ZoneSpan(1, 27, 33),
        "sex": ZoneSpan(1, 34, 35),
    },
    protected=(
        _protected("number", 1, 0, 12),
        _protected("birth", 1, 27, 33),
        _composite(ZoneSpan(1, 35, 36), ZoneSpan(0, 0, 36), ZoneSpan(1, 0, 35)),
    ),
    numeric=(ZoneSpan(1, 0, 4), ZoneSpan(1, 7, 13), ZoneSpan(1, 27, 34), ZoneSpan(1, 35, 36)),
    alphabetic=(ZoneSpan(0, 0, 30), ZoneSpan(1, 13, 27), ZoneSpan(1, 34, 35)),
    prefixes=("IDFRA",),
)
"""The French identity card of 1988 to 2021: no expiry, given names in the second line."""

FRENCH_LICENCE = Layout(
    Format.FRENCH_LICENCE,
    rows=1,
    width=30,
    fields={
        "document_code": ZoneSpan(0, 0, 2),
        "issuer": ZoneSpan(0, 2, 5),
        "number": ZoneSpan(0, 5, 14),
        "expiry": ZoneSpan(0, 15, 21),
        "names": ZoneSpan(0, 21, 29),
    },
    protected=(_protected("line", 0, 0, 29),),
    numeric=(ZoneSpan(0, 15, 21), ZoneSpan(0, 29, 30)),
    alphabetic=(ZoneSpan(0, 0, 1), ZoneSpan(0, 2, 5), ZoneSpan(0, 21, 29)),
    prefixes=("D1FRA",),
)
"""The French driving licence since 2013: one line, the surname cut to eight characters."""

LAYOUTS = (FRENCH_ID, TD1, TD3, VISA_A, TD2, VISA_B, FRENCH_LICENCE)
"""The first that fits is the one: the French card looks like a TD2."""


def layout_of(lines: Sequence[str]) -> Layout | None:
    """Return the layout that *lines* have, None when they are no zone."""
    return next((layout for layout in LAYOUTS if layout.fit(lines)), None)


def layout_for(shape: Format) -> Layout:
    """Return the layout of a format."""
    return next(layout for layout in LAYOUTS if layout.format is shape)
