"""
Decoding of the bytes of mails, in spite of wrong labels. Pure; it raises no errors.

Only charsets used for mail are accepted: some of the library's codecs are no charsets, and some take time
that grows with the square of the length.
"""

import binascii
import codecs
import re
from quopri import decodestring

BELIEVED = re.compile(
    r"utf-?(?:7|8|16|32)|(?:us-)?ascii|iso-?8859-?\d{1,2}|(?:windows|cp)-?(?:125\d|874|93[26]|949|950)"
    r"|koi8-?[ru]|gb(?:2312|k|18030)|big5(?:-?hkscs)?|euc-?(?:jp|kr|tw)|shift[_-]?jis|iso-?2022-?(?:jp|kr)"
    r"|mac-?roman|latin-?\d",
    re.IGNORECASE,
)
ENCODED_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{1,20})?\?([bq])\?([^? ]{0,2000})\?=", re.IGNORECASE)
BETWEEN_WORDS = re.compile(r"(\?=)\s+(=\?)")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def characters(content: bytes, charset: str) -> str:
    """Return *content* as text: by *charset* if it is one, else by the most likely one."""
    if BELIEVED.fullmatch(charset) and not charset.lower().endswith("ascii"):
        try:
            return _clean(codecs.decode(content, charset, "replace"))
        except (LookupError, UnicodeError):  # not all spellings of a name are known
            pass
    try:
        return _clean(content.decode())
    except UnicodeDecodeError:
        return _clean(content.decode("cp1252", "replace"))


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return *body* without its transfer encoding; unchanged if that is none, or damaged."""
    match encoding.strip().lower():
        case "base64":
            return _base64(body)
        case "quoted-printable":
            return decodestring(body)
        case _:
            return body


def header(value: object) -> str:
    """Return the *value* of a field with decoded encoded words (RFC 2047), on one line."""
    text = "".join(map(_visible, str(value)))
    words = BETWEEN_WORDS.sub(r"\1\2", text)
    return " ".join(ENCODED_WORD.sub(_word, words).split())


def _word(found: re.Match[str]) -> str:
    charset, encoding, text = found.groups()
    raw = text.encode("ascii", "replace")
    content = _base64(raw) if encoding.lower() == "b" else decodestring(raw.replace(b"_", b" "), header=True)
    return characters(content, charset)


def _base64(body: bytes) -> bytes:
    """Return the readable part of the Base64 in *body*."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    usable = len(letters) - (len(letters) % 4 == 1)
    letters = letters[:usable]
    try:
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return b""


def _visible(character: str) -> str:
    """Return the most likely character of a byte that the library could not decode."""
    return chr(ord(character) - ord("\udc00")) if "\udc80" <= character <= "\udcff" else character


def _clean(text: str) -> str:
    """Return *text* without invisible characters, in valid Unicode."""
    return CONTROL.sub(" ", text).encode("utf-8", "replace").decode()
