"""Names of files in the header `Content-Disposition` (RFC 6266)."""

from email.message import Message
from urllib.parse import quote

LONGEST_NAME = 200
LONGEST_HEADER = 4096
"""A name of the longest length has less, percent-encoded."""
CHARSETS = frozenset({"utf-8", "iso-8859-1"})
"""Those of RFC 5987."""


def name_in(disposition: str) -> str:
    """Return the name of a file in a header, as one short printable line; empty without one."""
    if len(disposition) > LONGEST_HEADER:
        return ""
    header = Message()
    header["Content-Disposition"] = " ".join(disposition.split())
    found = header.get_param("filename", "", "content-disposition")
    name = _decoded(*found) if isinstance(found, tuple) else _as_utf8(str(found))
    shown = "".join(one if one.isprintable() else " " for one in name)
    return " ".join(shown.split())[:LONGEST_NAME]


def attachment_named(name: str) -> str:
    """Return the header for a file called *name*, in ASCII."""
    quoted = quote(name[:LONGEST_NAME], safe="", errors="replace")
    return f"attachment; filename*=UTF-8''{quoted}" if name else "attachment"


def _decoded(charset: str | None, _language: str | None, text: str) -> str:
    """Return the text of a parameter with a *charset*; empty if it is none of RFC 5987."""
    known = (charset or "utf-8").lower()
    return text.encode("latin-1", "replace").decode(known, "replace") if known in CHARSETS else ""


def _as_utf8(text: str) -> str:
    """Return *text*, whose bytes servers read as Latin-1; many clients write UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
