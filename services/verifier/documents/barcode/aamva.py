"""
Reads a North American driver's licence from the content of its barcode (AAMVA DL/ID standard 01 to 12). Pure.

The data is neither signed nor secret: a forger can print it. It is read as a claim, to be compared with the
printed front and with the person's statements.

The data is plausible if its dates are in order and its issuer is known.

Source of the issuers' numbers: AAMVA DL/ID Card Design Standard, annex D.12.3.1 (the numbers are assigned by
AAMVA under ISO/IEC 7812).
"""

import re
from datetime import date
from typing import Final

from services.verifier.documents.barcode.elements import Elements, NotALicenceError, take_apart
from services.verifier.documents.results import Check, CheckResult, Licence

NEWEST_VERSION: Final = 12
FIRST_WITH_FAMILY_NAME: Final = 2
"""Version 01 has one element for the whole name."""
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

_UNITED_STATES: Final = """
636000 VA 636001 NY 636002 MA 636003 MD 636004 NC 636005 SC 636006 CT 636007 LA 636008 MT 636009 NM 636010 FL
636011 DE 636014 CA 636015 TX 636018 IA 636019 GU 636020 CO 636021 AR 636022 KS 636023 OH 636024 VT 636025 PA
636026 AZ 636029 OR 636030 MO 636031 WI 636032 MI 636033 AL 636034 ND 636035 IL 636036 NJ 636037 IN 636038 MN
636039 NH 636040 UT 636041 ME 636042 SD 636043 DC 636045 WA 636046 KY 636047 HI 636049 NV 636050 ID 636051 MS
636052 RI 636053 TN 636054 NE 636055 GA 636058 OK 636059 AK 636060 WY 636061 WV 636062 VI 604427 AS 604430 MP
604431 PR
"""
_CANADA: Final = """
636012 ON 636013 NS 636016 NL 636017 NB 636028 BC 636044 SK 636048 MB 604426 PE 604428 QC 604429 YT 604432 AB
604433 NU 604434 NT
"""


def parse_aamva(data: bytes) -> Licence:
    """
    Return the licence that *data* describes.

    Args:
        data: The bytes of the symbol, not its escaped text.

    Raises:
        NotALicenceError: It is no AAMVA payload, or one without a name, a number or a date of birth.
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
    return Licence(
        version=elements.version,
        issuer=region_of(elements.issuer),
        country=_country(elements, region),
        surname=surname,
        given_names=given_names,
        truncated=any(elements.text(name).upper() == "T" for name in TRUNCATED),
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


def _country(elements: Elements, region: str) -> str:
    """Return the country on the card (DCG), else that of its issuer."""
    said = elements.text("DCG").upper()
    return said if said in {"USA", "CAN"} else country_of(elements.issuer, region)


def _names(elements: Elements) -> tuple[str, str]:
    """Return family name and given names; the first is empty where their order is not known."""
    family = _name(elements.text("DCS", "DAB"))
    first, middle = _name(elements.text("DAC")), _name(elements.text("DAD"))
    given = f"{first} {middle}".strip() if first else _name(elements.text("DCT")) or middle
    if family and given:
        return family, given
    whole = elements.text("DAA")
    return _split(whole) if whole else (family, given)


def _split(whole: str) -> tuple[str, str]:
    """Return family name and given names from ``LAST,FIRST,MIDDLE,SUFFIX``; none and all from ``A B C``."""
    parts = [_name(part) for part in re.split(r"[,@$]", whole)]
    if len(parts) == 1:
        return "", parts[0]
    return parts[0], " ".join(part for part in parts[1:3] if part)


def _name(text: str) -> str:
    """Return *text* with commas as spaces; a part of a name that is ``NONE`` says nothing."""
    words = text.replace(",", " ").split()
    return " ".join(words) if words != ["NONE"] else ""


def _date(text: str) -> date | None:
    """
    Return the date that *text* means, CCYYMMDD or MMDDCCYY; none where it is neither.

    The standard has the second for the United States from version 02, some of their cards the first; no eight
    digits are both, since no month is 18 to 21.
    """
    digits = re.sub(r"[-/ ]", "", text)
    if len(digits) != DATE_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    year_first = int(digits[:2]) in CENTURIES
    ordered = digits if year_first else digits[4:] + digits[:4]
    if int(ordered[:2]) not in CENTURIES:
        return None
    try:
        return date(int(ordered[:4]), int(ordered[4:6]), int(ordered[6:]))
    except ValueError:
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
    """
    Return the plausibility checks of the data of *licence*.

    Whether it has expired today is not asked here: that depends on the day of the request.
    """
    return (
        _check("barcode_dates", "barcode_malformed", holds=_dates_in_order(licence)),
        _check("barcode_issuer", "issuer_unknown", holds=_issuer_fits(licence)),
        _check("barcode_number", "barcode_malformed", holds=any(sign.isdigit() for sign in licence.number)),
    )


def _check(name: str, reason: str, *, holds: bool) -> Check:
    """Return a check that asks for a person where it does not hold: genuine cards with such errors exist."""
    if holds:
        return Check(name=name, result=CheckResult.PASS)
    return Check(name=name, result=CheckResult.INCONCLUSIVE, reasons=(reason,))


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
    """
    Return whether the issuer is known and of the country the card names.

    It need not be that of the address: people move, and may keep the card.
    """
    return bool(licence.issuer and licence.country) and licence.country == country_of("", licence.issuer)


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


UNITED_STATES: Final = _pairs(_UNITED_STATES)
CANADA: Final = _pairs(_CANADA)
REGIONS_OF_CANADA: Final = frozenset(CANADA.values()) | {"NF", "PQ"}
"""With the letters that Newfoundland and Quebec had before."""
REGIONS_OF_THE_UNITED_STATES: Final = frozenset(UNITED_STATES.values())


def region_of(number: str) -> str:
    """Return the two letters of the issuer with the identification *number*; empty if it is unknown."""
    return UNITED_STATES.get(number) or CANADA.get(number, "")


def country_of(number: str, region: str) -> str:
    """Return the country of an issuer, by its *number* or else by the *region* in the holder's address."""
    if number in CANADA:
        return "CAN"
    if number in UNITED_STATES:
        return "USA"
    if region in REGIONS_OF_CANADA:
        return "CAN"
    return "USA" if region in REGIONS_OF_THE_UNITED_STATES else ""
