"""Postal codes by country. Pure. Source: Universal Postal Union, addressing by country."""

import re
from dataclasses import dataclass
from types import MappingProxyType

_STATES = (
    "A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|PR|RI|S[CD]|T[NX]|UT|V[TA]"
    "|W[AVIY]|GU|VI"
)
_AUSTRALIAN_STATES = "NSW|VIC|QLD|ACT|TAS|SA|WA|NT"
_NEW_ZEALAND_TOWNS = (
    "Alexandra|Arrowtown|Ashburton|Auckland|Blenheim|Cambridge|Christchurch|Cromwell|Dannevirke|Dargaville"
    "|Drury|Dunedin|Feilding|Foxton|Geraldine|Gisborne|Gore|Greymouth|Greytown|Hamilton|Hastings"
    "|Havelock North|H[aā]wera|Hokitika|Invercargill|Kaiapoi|Kaik[oō]ura|Kaitaia|Kapiti|Kerikeri"
    "|Kumeu|Levin|Lincoln|Lower Hutt|Lyttelton|Marton|Masterton|Matamata|Morrinsville|Mosgiel|Motueka"
    "|Napier|Nelson|New Plymouth|Oamaru|[OŌ]taki|Palmerston North|P[aā]pamoa|Papakura|Paraparaumu|Picton"
    "|Porirua|Pukekohe|Queenstown|Rangiora|Richmond|Rolleston|Rotorua|Stratford|Tauranga|Taup[oō]"
    "|Te Awamutu|Te Puke|Thames|Timaru|Tokoroa|Tuakau|Upper Hutt|Waiheke Island|Waihi|Waikanae|Waiuku"
    "|Waimate|W[aā]naka|Wanganui|Warkworth|Wellington|Westport|Whakat[aā]ne|Whangamata|Whang[aā]rei|Whanganui"
)
"""New Zealand's codes have no mark of their own: without these, each number behind a word would be one."""
PATTERNS = {
    land: re.compile(rf"(?<![\w-]){pattern}(?![\w-])", re.IGNORECASE)
    for land, pattern in {
        "CA": r"(?P<code>[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z][ -]?\d[ABCEGHJ-NPRSTV-Z]\d)",
        "GB": r"(?P<code>(?:GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}))",
        "IE": r"(?P<code>(?:[AC-FHKNPRTV-Y]\d{2}|D6W) ?[0-9AC-FHKNPRTV-Y]{4})",
        "NL": r"(?:NL-)?(?P<code>[1-9]\d{3} ?[A-Z]{2})(?=\s*(?:,|$|\s[^\W\d_]))",
        "PL": r"(?:PL-)?(?P<code>\d{2}-\d{3})",
        "PT": r"(?:PT?-)?(?P<code>\d{4}-\d{3})",
        "US": rf"(?:{_STATES})[ .,]*(?P<code>\d{{5}}(?:-\d{{4}})?)",
        "AU": rf"(?-i:{_AUSTRALIAN_STATES})[ .,]*(?P<code>\d{{4}})(?=\s*(?:,|$|australia))",
        "NZ": rf"(?:{_NEW_ZEALAND_TOWNS})[ ,]+(?P<code>\d{{4}})(?=\s*(?:,|$|new zealand))",
        "DE": r"(?:D-|DE-)?(?P<code>\d{5})(?=\s+[^\W\d_])",
        "FR": r"(?:F-|FR-)?(?P<code>\d{5})(?=\s+[^\W\d_])",
        "ES": r"(?:E-|ES-)?(?P<code>\d{5})(?=\s+[^\W\d_])",
        "IT": r"(?:I-|IT-)?(?P<code>\d{5})(?=\s+[^\W\d_])",
        "SE": r"(?:S-|SE-)?(?P<code>\d{3} \d{2})(?=\s+[^\W\d_])",
        "CZ": r"(?:CZ-)?(?P<code>\d{3} \d{2})(?=\s+[^\W\d_])",
        "AT": r"(?:A-|AT-)?(?P<code>\d{4})(?=\s+[^\W\d_])",
        "CH": r"(?:CH-)?(?P<code>\d{4})(?=\s+[^\W\d_])",
        "BE": r"(?:B-|BE-)?(?P<code>\d{4})(?=\s+[^\W\d_])",
        "DK": r"(?:DK-)?(?P<code>\d{4})(?=\s+[^\W\d_])",
    }.items()
}
"""How each country's code stands in a line: most letters first, since digits alone fit any country. A code of
digits alone counts only before the name of a town, behind a state of Australia or the United States, or
behind a town of New Zealand."""
CODE_LAST = frozenset({"AU", "CA", "GB", "IE", "NZ", "US"})
"""Countries where the town stands before the code."""
DAY_FIRST = MappingProxyType({"US": False, "CA": None} | dict.fromkeys(set(PATTERNS) - {"US", "CA"}, True))
"""Whether the day stands before the month in dates of numbers. Canada writes both."""
_ZIP = re.compile(r"(\d{5})(?:\d{4})?")


@dataclass(frozen=True, slots=True)
class Postcode:
    """A postal code in a line."""

    code: str
    """As :func:`plain_code` returns it."""
    countries: frozenset[str]
    """Countries with codes of this form."""
    start: int
    end: int

    @property
    def town_before(self) -> bool:
        """Whether the town stands before it."""
        return bool(self.countries & CODE_LAST)


def find_postcode(line: str, country: str | None = None) -> Postcode | None:
    """Return the postal code in *line*; without *country* any country's code counts that looks like one."""
    patterns = {country: PATTERNS[country]} if country and country in PATTERNS else PATTERNS
    found = [(code, match) for code, pattern in patterns.items() if (match := pattern.search(line))]
    if not found:
        return None
    first = found[0][1]
    alike = frozenset(code for code, match in found if match.span("code") == first.span("code"))
    specific = alike & CODE_LAST or alike
    return Postcode(plain_code(first["code"]), specific, first.start("code"), first.end("code"))


def plain_code(code: str) -> str:
    """Return a postal *code* without blanks, country and a ZIP code's route."""
    bare = re.sub(r"^[A-Z]{1,2}-(?=\d)", "", code.strip().upper())
    bare = re.sub(r"[^A-Z0-9]", "", bare)
    zipped = _ZIP.fullmatch(bare)
    return zipped[1] if zipped else bare
