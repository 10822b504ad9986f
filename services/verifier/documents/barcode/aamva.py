"""
Reads a North American driver's licence from the content of its barcode (AAMVA DL/ID standard 01 to 12). Pure.

The data is neither signed nor secret: a forger can print it. It is read as a claim, to be compared with the
printed front and the person's statements; plausible if its dates are in order and its issuer is known. The
offsets of the subfile table are not used: cards exist on which they are wrong. Of repeated elements (annex
D.12) the first counts. Issuers' numbers: annex D.12.3.1, assigned by AAMVA under ISO/IEC 7812.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.verifier.documents.results import Check, Licence
from shared.matching.name_words import GENERATIONS

NEWEST_VERSION: Final = 12
SEXES: Final = {"1": "M", "2": "F", "9": "X", "M": "M", "F": "F", "X": "X"}
TRUNCATED: Final = ("DDE", "DDF", "DDG")
"""``T`` in one of them: family, first or middle name was cut (from version 04)."""
CENTURIES: Final = range(18, 22)
DATE_DIGITS: Final = 8
ZIP_DIGITS, LONG_ZIP_DIGITS = 5, 9
CANADIAN_POSTAL_CODE: Final = re.compile(r"([A-Z]\d[A-Z]) ?(\d[A-Z]\d)")

LONGEST_VALIDITY_YEARS: Final = 15
"""Longer ones are rare (Arizona once issued to the age of 65) and are looked at by a person."""
YOUNGEST_HOLDER_YEARS, OLDEST_HOLDER_YEARS = 0, 120
MOST_BYTES = 4000
"""More than the largest PDF417 symbol holds (ISO/IEC 15438: 1,850 characters, 2,710 digits)."""
MOST_CHARACTERS = 120
"""Of one element; the standard's longest is 80 (given names of version 03)."""

HEADER: Final = re.compile(
    # compliance indicator, then the separators that survived; Connecticut has AAMVA and no space
    r"\A\ufeff?@[^A-Z]{1,6}(?:ANSI|AAMVA) ?(?P<issuer>\d{6})(?P<version>\d{2})"
)
SEPARATORS: Final = re.compile(r"[\n\r|\x1e]+")
"""Line feed by the standard; Massachusetts has bars, some printers write carriage returns."""
FIRST: Final = re.compile(r"(?:DL|ID|EN)?(D[A-D][A-Z].*)\Z")
"""The first element follows the subfile's designator, or (Wyoming, Connecticut) the table itself."""
ELEMENT: Final = re.compile(r"\A(?:(?:DL|ID|EN)(?=D[A-D][A-Z]))?(D[A-D][A-Z])(.*)\Z")
UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\xa1-\xac\xae-\u024f]+")
"""All but Latin letters and marks: control characters and text direction marks have no place on a card."""
NOTHING: Final = frozenset({"", "NONE", "UNAVL", "UNAVAIL", "N/A"})


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


UNITED_STATES: Final = _pairs(
    """
    636000 VA 636001 NY 636002 MA 636003 MD 636004 NC 636005 SC 636006 CT 636007 LA 636008 MT 636009 NM
    636010 FL 636011 DE 636014 CA 636015 TX 636018 IA 636019 GU 636020 CO 636021 AR 636022 KS 636023 OH
    636024 VT 636025 PA 636026 AZ 636029 OR 636030 MO 636031 WI 636032 MI 636033 AL 636034 ND 636035 IL
    636036 NJ 636037 IN 636038 MN 636039 NH 636040 UT 636041 ME 636042 SD 636043 DC 636045 WA 636046 KY
    636047 HI 636049 NV 636050 ID 636051 MS 636052 RI 636053 TN 636054 NE 636055 GA 636058 OK 636059 AK
    636060 WY 636061 WV 636062 VI 604427 AS 604430 MP 604431 PR
    """
)
CANADA: Final = _pairs(
    """
    636012 ON 636013 NS 636016 NL 636017 NB 636028 BC 636044 SK 636048 MB 604426 PE 604428 QC 604429 YT
    604432 AB 604433 NU 604434 NT
    """
)
REGIONS_OF_CANADA: Final = frozenset(CANADA.values()) | {"NF", "PQ"}
"""With the letters that Newfoundland and Quebec had before."""


class NotALicenceError(ValueError):
    """The content of a barcode is not that of a driver's licence; the message holds none of it."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The header, and the elements by their three letters."""

    issuer: str
    """Issuer identification number, six digits."""
    version: int
    values: dict[str, str]

    def text(self, *names: str) -> str:
        """Return the first of the elements *names* that says anything; ``NONE`` and ``UNAVL`` say nothing."""
        values = (self.values.get(name, "") for name in names)
        return next((value for value in values if value.strip(" ,").upper() not in NOTHING), "")


def take_apart(content: bytes) -> Elements:
    """Return the elements in *content*. Raises NotALicenceError if it is no AAMVA payload."""
    if len(content) > MOST_BYTES:
        raise NotALicenceError("longer than a symbol can be")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # the standard's ISO 8859-1
    header = HEADER.match(text)
    if header is None:
        raise NotALicenceError("no AAMVA header")
    lines = SEPARATORS.split(text[header.end() :])
    first = FIRST.search(lines[0])
    values: dict[str, str] = {}
    for line in ([first[1]] if first else []) + lines[1:]:
        element = ELEMENT.match(line)
        if element is not None:
            values.setdefault(element[1], UNPRINTABLE.sub(" ", element[2]).strip()[:MOST_CHARACTERS])
    return Elements(header["issuer"], int(header["version"]), values)


def parse_aamva(data: bytes) -> Licence:
    """
    Return the licence that *data* describes: the bytes of the symbol, not its escaped text.

    Raises NotALicenceError if it is no AAMVA payload, or one without a name, a number or a date of birth.
    """
    elements = take_apart(data)
    if not 1 <= elements.version <= NEWEST_VERSION:
        raise NotALicenceError("no known version of the standard")
    licence = _licence(elements)
    if not (licence.surname or licence.given_names) or not licence.number or licence.born is None:
        raise NotALicenceError("no name, number or date of birth")
    return licence


def _licence(elements: Elements) -> Licence:
    surname, given_names = _names(elements)
    region = elements.text("DAJ", "DAO").upper()
    country = elements.text("DCG").upper()
    return Licence(
        version=elements.version,
        issuer=region_of(elements.issuer),
        country=country if country in {"USA", "CAN"} else country_of(elements.issuer, region),
        surname=surname,
        given_names=given_names,
        truncated=any(elements.text(name).upper() == "T" for name in TRUNCATED),
        suffix=_suffix(elements.text("DCU", "DAE")) if surname else "",
        number=elements.values.get("DAQ", ""),
        born=_date(elements.text("DBB")),
        issued=_date(elements.text("DBD")),
        expires=_date(elements.text("DBA")),
        sex=SEXES.get(elements.text("DBC").upper(), ""),
        lines=tuple(line for line in (elements.text("DAG", "DAL"), elements.text("DAH", "DAM")) if line),
        city=elements.text("DAI", "DAN"),
        region=region,
        postal_code=_postal_code(elements.text("DAK", "DAP").upper()),
    )


def _names(elements: Elements) -> tuple[str, str]:
    """Return family name and given names; the first is empty where their order is not known."""
    family = _name(elements.text("DCS", "DAB"))
    first, middle = _name(elements.text("DAC")), _name(elements.text("DAD"))
    given = f"{first} {middle}".strip() if first else _name(elements.text("DCT")) or middle
    if family and given:
        return family, given
    whole = elements.text("DAA")
    if not whole:
        return family, given
    # ``LAST,FIRST,MIDDLE,SUFFIX``, or ``A B C``, in which nothing says what is the family name.
    last, *rest = (_name(part) for part in re.split(r"[,@$]", whole))
    return (last, " ".join(filter(None, rest[:2]))) if rest else ("", last)


def _suffix(text: str) -> str:
    """Return *text* if it is a generation such as JR; anything else may be a name that is printed nowhere."""
    return text.strip(" .") if text.strip(" .").casefold() in GENERATIONS else ""


def _name(text: str) -> str:
    """Return *text* with commas as spaces; a part of a name that is ``NONE`` says nothing."""
    words = text.replace(",", " ").split()
    return " ".join(words) if words != ["NONE"] else ""


def _date(text: str) -> date | None:
    """Return the date that *text* means, CCYYMMDD or MMDDCCYY, never both; none where it is neither."""
    digits = re.sub(r"[-/ ]", "", text)
    if len(digits) != DATE_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    ordered = digits if int(digits[:2]) in CENTURIES else digits[4:] + digits[:4]
    with suppress(ValueError):
        return date.fromisoformat(ordered) if int(ordered[:2]) in CENTURIES else None
    return None


def _postal_code(text: str) -> str:
    """Return *text* as it is written on letters, without the zeros that fill it up to nine places."""
    canadian = CANADIAN_POSTAL_CODE.search(text)
    if canadian is not None:
        return f"{canadian[1]} {canadian[2]}"
    digits = re.sub(r"\D", "", text)
    if len(digits) < ZIP_DIGITS:
        return text
    zip_code, more = digits[:ZIP_DIGITS], digits[ZIP_DIGITS:]
    return f"{zip_code}-{more}" if len(digits) == LONG_ZIP_DIGITS and more.strip("0") else zip_code


def plausibility(licence: Licence) -> tuple[Check, ...]:
    """Return checks of the data of *licence*. A person looks at errors, for genuine cards have some."""
    return (
        Check.unsure("barcode_dates", "barcode_malformed", unless=_dates_in_order(licence)),
        Check.unsure("barcode_issuer", "issuer_unknown", unless=_issuer_fits(licence)),
        Check.unsure("barcode_number", "barcode_malformed", unless=any(map(str.isdigit, licence.number))),
    )


def _dates_in_order(licence: Licence) -> bool:
    """Return whether birth, issue and expiry follow one another at credible distances."""
    born, issued, expires = licence.born, licence.issued, licence.expires
    if born is None or expires is None:
        return False
    if not YOUNGEST_HOLDER_YEARS < _years(born, expires) <= OLDEST_HOLDER_YEARS:
        return False
    return issued is None or (born < issued <= expires and _years(issued, expires) <= LONGEST_VALIDITY_YEARS)


def _years(start: date, end: date) -> int:
    """Return the full years from *start* to *end*."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _issuer_fits(licence: Licence) -> bool:
    """Return whether the issuer is known, and of the card's country; people may move and keep the card."""
    return bool(licence.issuer and licence.country) and licence.country == country_of("", licence.issuer)


def region_of(number: str) -> str:
    """Return the two letters of the issuer with the identification *number*; empty if it is unknown."""
    return UNITED_STATES.get(number) or CANADA.get(number, "")


def country_of(number: str, region: str) -> str:
    """Return the country of an issuer, by its *number* or else by the *region* in the holder's address."""
    if number in UNITED_STATES:
        return "USA"
    if number in CANADA or region in REGIONS_OF_CANADA:
        return "CAN"
    return "USA" if region in UNITED_STATES.values() else ""
