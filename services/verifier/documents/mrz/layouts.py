"""Layouts, check digits and country codes of machine-readable zones (ICAO Doc 9303). Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from services.verifier.documents.results import Format
from shared.matching.characters import listed

FILLER = "<"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
"""Everything that may stand in a zone."""
_VALUES = {character: value for value, character in enumerate(ALPHABET[:-1])} | {FILLER: 0}


def check_digit(text: str) -> str:
    """
    Return the check digit of *text*, in the zones' alphabet.

    ICAO Doc 9303-3, 4.9: weights 7, 3, 1 repeating, sum modulo 10; A is 10 … Z is 35, the filler 0.
    """
    return str(sum(_VALUES[character] * weight for character, weight in zip(text, cycle((7, 3, 1)))) % 10)


def fits(text: str, digit: str) -> bool:
    """Return whether *digit* is right for *text*; if that is all fillers it may be one (9303-4, 4.2.2)."""
    return digit == check_digit(text) or (digit == FILLER and not text.strip(FILLER))


_STATES = listed(
    """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR
    BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL
    COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK
    FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV
    HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO
    LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG
    MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN
    PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE
    SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO
    TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
    """
)
"""ISO 3166-1 alpha-3."""
_OTHERS = listed(
    """
    D EUE GBD GBN GBO GBP GBS RKS IAO UNA UNK UNO XAA XBA XCC XCE XCO XCT XDC XEC XES XIM XMP XOM XPO
    XXA XXB XXC XXX
    """
)
"""Germany, the European Union, kinds of British nationals, Kosovo, organisations, stateless and refugees."""
_FORMER = listed("ANT CSK DDR NTZ ROM SCG SUN TMP YUG ZAR")
"""In documents of states that were renamed or are no more."""
SPECIMENS = frozenset(("UTO", "BDR"))
"""Utopia of the standard's examples, and the printer that stands for a state in samples of Germany's."""
CODES = _STATES | _OTHERS | _FORMER | SPECIMENS


def known(code: str) -> bool:
    """Return whether *code*, without its fillers, may stand in a zone."""
    return code in CODES


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
    """A field with a check digit: the stretches that count, in order; the digit stands behind the last."""

    name: str
    spans: tuple[ZoneSpan, ...]

    @property
    def digit(self) -> ZoneSpan:
        """The place of the digit."""
        last = self.spans[-1]
        return ZoneSpan(last.line, last.end, last.end + 1)

    def text(self, lines: Sequence[str]) -> str:
        """Return the characters that the digit is computed over."""
        return "".join(span.of(lines) for span in self.spans)


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of zone."""

    format: Format
    rows: int
    width: int
    prefixes: tuple[str, ...]
    """How the first line begins."""
    fields: Mapping[str, ZoneSpan]
    protected: tuple[Protected, ...]
    numeric: tuple[ZoneSpan, ...]
    """Where only digits and fillers can stand."""
    alphabetic: tuple[ZoneSpan, ...]
    """Where only letters and fillers can stand."""
    overflow: ZoneSpan | None = None
    """Where a document number goes on that has no room in its field."""

    def fit(self, lines: Sequence[str]) -> bool:
        """Return whether *lines* have this shape."""
        shape = [len(line) for line in lines]
        return shape == [self.width] * self.rows and lines[0].startswith(self.prefixes)


def _spans(text: str) -> tuple[ZoneSpan, ...]:
    """Return the stretches in *text*, each written as line, start and end: ``1:9-10 1:13-20``."""
    return tuple(ZoneSpan(*map(int, re.split("[:-]", span))) for span in text.split())


def _fields(**spans: str) -> dict[str, ZoneSpan]:
    return {name: _spans(span)[0] for name, span in spans.items()}


def _protected(**spans: str) -> tuple[Protected, ...]:
    return tuple(Protected(name, _spans(span)) for name, span in spans.items())


def _of_two_lines(
    form: Format, width: int, *prefixes: str, numeric: str = "", overflow: str = "", **digits: str
) -> Layout:
    """Return the layout of a zone of two lines: names in the first, all else in the second."""
    common = _fields(
        document_code="0:0-2", issuer="0:2-5", number="1:0-9", nationality="1:10-13", birth="1:13-19",
        sex="1:20-21", expiry="1:21-27",
    )  # fmt: skip
    return Layout(
        form,
        rows=2,
        width=width,
        prefixes=prefixes,
        fields=common | {"names": ZoneSpan(0, 5, width)},
        protected=_protected(number="1:0-9", birth="1:13-19", expiry="1:21-27", **digits),
        numeric=_spans(f"1:9-10 1:13-20 1:21-28 {numeric}"),
        alphabetic=_spans(f"0:0-5 1:10-13 1:20-21 0:5-{width}"),
        overflow=next(iter(_spans(overflow)), None),
    )


TD3 = _of_two_lines(
    Format.TD3, 44, "P", numeric="1:42-44", optional="1:28-42", composite="1:0-10 1:13-20 1:21-43"
)
"""Passports (9303-4, 4.2.2)."""
TD2 = _of_two_lines(
    *(Format.TD2, 36, "A", "C", "I"),
    numeric="1:35-36",
    overflow="1:28-35",
    composite="1:0-10 1:13-20 1:21-35",
)
"""Larger identity cards (9303-6, 4.2.2)."""
VISA_A = _of_two_lines(Format.VISA_A, 44, "V")
"""Visas of format A: no composite digit (9303-7, 4.2.2)."""
VISA_B = _of_two_lines(Format.VISA_B, 36, "V")
"""Visas of format B (9303-7, 5.2.2)."""
TD1 = Layout(
    Format.TD1,
    rows=3,
    width=30,
    prefixes=("A", "C", "I"),
    fields=_fields(
        document_code="0:0-2", issuer="0:2-5", number="0:5-14", birth="1:0-6", sex="1:7-8", expiry="1:8-14",
        nationality="1:15-18", names="2:0-30",
    ),
    protected=_protected(
        number="0:5-14", birth="1:0-6", expiry="1:8-14", composite="0:5-30 1:0-7 1:8-15 1:18-29"
    ),
    numeric=_spans("0:14-15 1:0-7 1:8-15 1:29-30"),
    alphabetic=_spans("0:0-5 1:7-8 1:15-18 2:0-30"),
    overflow=ZoneSpan(0, 15, 30),
)  # fmt: skip
"""Identity cards of the size of a bank card (9303-5, 4.2.2)."""
FRENCH_ID = Layout(
    Format.FRENCH_ID,
    rows=2,
    width=36,
    prefixes=("IDFRA",),
    fields=_fields(
        document_code="0:0-2", issuer="0:2-5", surname="0:5-30", number="1:0-12", given_names="1:13-27",
        birth="1:27-33", sex="1:34-35",
    ),
    protected=_protected(number="1:0-12", birth="1:27-33", composite="0:0-36 1:0-35"),
    numeric=_spans("1:0-4 1:7-13 1:27-34 1:35-36"),
    alphabetic=_spans("0:0-30 1:13-27 1:34-35"),
)  # fmt: skip
"""The French identity card of 1988 to 2021: no expiry, given names in the second line."""
FRENCH_LICENCE = Layout(
    Format.FRENCH_LICENCE,
    rows=1,
    width=30,
    prefixes=("D1FRA",),
    fields=_fields(document_code="0:0-2", issuer="0:2-5", number="0:5-14", expiry="0:15-21", names="0:21-29"),
    protected=_protected(line="0:0-29"),
    numeric=_spans("0:15-21 0:29-30"),
    alphabetic=_spans("0:0-1 0:2-5 0:21-29"),
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
