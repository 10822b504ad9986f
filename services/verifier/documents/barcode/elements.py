"""
Splits the text of a licence's barcode into its data elements (AAMVA DL/ID standard, annex D.12). Pure.

The offsets and lengths of the subfile table are not used: cards exist on which they are wrong. Of repeated
elements the first counts.
"""

import re
from dataclasses import dataclass
from typing import Final

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


NOTHING: Final = frozenset({"", "NONE", "UNAVL", "UNAVAIL", "N/A"})


def take_apart(content: bytes) -> Elements:
    """
    Return the elements in *content*.

    Raises:
        NotALicenceError: It is no AAMVA payload.
    """
    if len(content) > MOST_BYTES:
        raise NotALicenceError("longer than a symbol can be")
    text = _decode(content)
    header = HEADER.match(text)
    if header is None:
        raise NotALicenceError("no AAMVA header")
    lines = SEPARATORS.split(text[header.end() :])
    first = FIRST.search(lines[0])
    values: dict[str, str] = {}
    for line in ([first[1]] if first else []) + lines[1:]:
        element = ELEMENT.match(line)
        if element is not None:
            values.setdefault(element[1], _clean(element[2]))
    return Elements(header["issuer"], int(header["version"]), values)


def _decode(content: bytes) -> str:
    """Return *content* as text: UTF-8 where it is, else the standard's ISO 8859-1."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _clean(value: str) -> str:
    return UNPRINTABLE.sub(" ", value).strip()[:MOST_CHARACTERS]
