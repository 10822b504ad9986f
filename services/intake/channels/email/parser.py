"""
Parser of mails: sender, words and attachments. Pure; it raises no errors.

No part of a mail is trusted: size, depth, parts and fields are limited, and the rest is not read. The raw
mail is kept sealed, so nothing is lost.

Bytes are decoded in spite of wrong labels. Only charsets used for mail are accepted: some of the library's
codecs are no charsets, and some take time that grows with the square of the length.
"""

import binascii
import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from quopri import decodestring

from services.intake.channels.email import markup
from services.intake.channels.email.quotation import own_words
from shared.mail import mime_parts

LARGEST = 40 << 20
"""Largest mail in bytes: three documents of full size, in Base64."""
LARGEST_HEAD = 256 << 10
MOST_DEPTH = 6
MOST_PARTS = 40
"""Of one part, and of a mail."""
MOST_CHARACTERS = 100_000
"""Characters of text that are read."""
LONGEST_FIELD = 4_000
MOST_FIELDS = 500
MOST_COMMENTS = 10
"""Comments of an address field: the library recurses for each nested one."""
LONGEST_NAME = 200
ADDRESS = re.compile(r"[^@\s<>,;\"()\[\]\\\x00-\x20]{1,64}@[^@\s<>,;\"()\[\]\\\x00-\x20]{1,255}")
AS_WRITTEN = frozenset({"authentication-results"})
"""Fields without encoded words: decoding one would let others end a statement of our mail server."""
IDENTITY_FIELDS = ("message-id", "from", "date", "subject")
AUTHOR = re.compile(rb"(?:\A|[\r\n])from[ \t]*:", re.IGNORECASE)
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
SMALL_PICTURE = 60_000
"""Bytes below which a picture of the markup is a decoration."""

BELIEVED = re.compile(
    r"utf-?(?:7|8|16|32)|(?:us-)?ascii|iso-?8859-?\d{1,2}|(?:windows|cp)-?(?:125\d|874|93[26]|949|950)"
    r"|koi8-?[ru]|gb(?:2312|k|18030)|big5(?:-?hkscs)?|euc-?(?:jp|kr|tw)|shift[_-]?jis|iso-?2022-?(?:jp|kr)"
    r"|mac-?roman|latin-?\d",
    re.IGNORECASE,
)
ENCODED_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{1,20})?\?([bq])\?([^? ]{0,2000})\?=", re.IGNORECASE)
UNDECODED = re.compile(r"[\udc80-\udcff]")
BETWEEN_WORDS = re.compile(r"(\?=)\s+(=\?)")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attached file."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """The parsed parts of a mail."""

    identity: str
    """Equal for the same mail, on every route."""
    fields: Mapping[str, tuple[str, ...]]
    """Name in lower case → values, decoded, from the top."""
    address: str
    """The stated author; empty without a single address."""
    name: str
    subject: str
    words: str
    """The sender's own words, without quotations and signature."""
    attachments: tuple[Attachment, ...]
    content_type: str
    texts: tuple[str, ...] = ()
    """Each visible text, with quotations and signature."""
    whole: bool = False
    """Whether it consists of these texts alone, and all were read."""

    def field(self, name: str) -> str:
        """Return the topmost field called *name*; empty if there is none."""
        return next(iter(self.fields.get(name, ())), "")

    def addresses(self, *names: str) -> list[str]:
        """Return the addresses in the fields called *names*."""
        values = [value for name in names for value in self.fields.get(name, ())]
        return [address for _, address in _addresses(values)]

    def received_at(self, now: datetime, earliest: datetime) -> datetime:
        """Return the time of receipt: of the topmost trace, else of its date, within bounds; else now."""
        traced = self.field("received").rpartition(";")[2]
        for text in (traced, self.field("date")):
            moment = _moment(text)
            if moment is not None and earliest <= moment <= now:
                return moment
        return now


def read(content: bytes) -> ParsedMail:
    """Return the parsed mail *content*."""
    head, body = mime_parts.split(content, largest_head=LARGEST_HEAD)
    fields = _fields(head)
    leaves = list(_leaves(head, body))
    name, address = _sender(head) if _names_one_author(content) else ("", "")
    return ParsedMail(
        identity=_identity(head, body),
        fields=fields,
        address=address,
        name=_name(header(name)),
        subject=" ".join(fields.get("subject", ())[:1]),
        words=_words(leaves),
        attachments=tuple(_attachments(leaves)),
        content_type=head.get_content_type(),
        texts=tuple(leaf.text for leaf in leaves if leaf.is_text),
        whole=len(leaves) < MOST_PARTS and all(leaf.is_text and leaf.is_read for leaf in leaves),
    )


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A part without parts."""

    head: Message
    body: bytes
    within: tuple[str, ...]
    """Types of the enclosing parts."""

    @property
    def kind(self) -> str:
        return self.head.get_content_type()

    @property
    def filename(self) -> str:
        return header(mime_parts.filename(self.head))[:LONGEST_NAME]

    @property
    def content(self) -> bytes:
        return unpacked(self.body, str(self.head.get("content-transfer-encoding", "")))

    @property
    def is_text(self) -> bool:
        """Whether it is part of the mail's words, and not a file."""
        attached = self.head.get_content_disposition() == "attachment"
        return self.kind in {"text/plain", "text/html"} and not attached and not self.filename

    @property
    def is_read(self) -> bool:
        """Whether a text is read in full."""
        return len(self.content) <= MOST_CHARACTERS

    @property
    def text(self) -> str:
        text = characters(self.content[: MOST_CHARACTERS * 4], mime_parts.charset(self.head))
        return markup.text_of(text) if self.kind == "text/html" else text


def _leaves(head: Message, body: bytes) -> Iterator[_Leaf]:
    waiting: list[tuple[Message, bytes, tuple[str, ...]]] = [(head, body, ())]
    found = 0
    while waiting and found < MOST_PARTS:
        head, body, within = waiting.pop()
        kind = head.get_content_type()
        cut = [] if len(within) >= MOST_DEPTH else list(mime_parts.pieces(head, body, most=MOST_PARTS))
        if cut:
            below = [mime_parts.split(piece, largest_head=LARGEST_HEAD) for piece in cut]
            waiting += [(*one, (*within, kind)) for one in reversed(below)]
        elif head.get_content_maintype() != "multipart" or not within:
            found += 1
            yield _Leaf(head, body, within)


def _words(leaves: Sequence[_Leaf]) -> str:
    """Return the words of the first text that is not empty; plain text is preferred."""
    texts = [leaf for leaf in leaves if leaf.is_text]
    for leaf in sorted(texts, key=lambda leaf: leaf.kind == "text/html"):
        if words := own_words(leaf.text[:MOST_CHARACTERS]):
            return words
    return ""


def _attachments(leaves: Iterable[_Leaf]) -> Iterator[Attachment]:
    for leaf in leaves:
        if leaf.is_text or leaf.kind.startswith(("message/", "multipart/", "text/")):
            continue
        content = leaf.content
        decorates = "multipart/related" in leaf.within and leaf.kind.startswith("image/")
        if content and not (decorates and len(content) < SMALL_PICTURE):
            yield Attachment(leaf.filename, content)


def _fields(head: Message) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for written, value in head.items()[:MOST_FIELDS]:
        name, text = written.lower(), str(value)[:LONGEST_FIELD]
        found.setdefault(name, []).append(text if name in AS_WRITTEN else header(text))
    return {name: tuple(values) for name, values in found.items()}


def _sender(head: Message) -> tuple[str, str]:
    """Return the author's name and address; empty if there are several."""
    written = _addresses(map(str, head.get_all("from", ())))
    # Names are decoded after the addresses are extracted: a name with an address is not one.
    return written[0] if len(written) == 1 else ("", "")


def _names_one_author(content: bytes) -> bool:
    """
    Return whether a mail has one field ``From``, in any spelling that some mail server reads.

    Source: RFC 5322 section 3.6. Of two fields, our mail server may authenticate another than the one that
    is read here (RFC 7489 section 6.6.1).
    """
    head = END_OF_HEAD.split(content[:LARGEST_HEAD], maxsplit=1)[0]
    return len(AUTHOR.findall(head)) == 1


def _identity(head: Message, body: bytes) -> str:
    """
    Return the digest of the sender's content, without the trace of the route.

    With a Message-ID alone, an attacker that knows it could suppress another mail.
    """
    digest = sha256()
    for name in IDENTITY_FIELDS:
        digest.update(f"{name}:{head.get(name, '')}\n".encode("utf-8", "surrogateescape"))
    digest.update(body.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def _addresses(values: Iterable[str]) -> list[tuple[str, str]]:
    """Return names and addresses; invalid addresses are left out."""
    try:
        short = [value[:LONGEST_FIELD] for value in values]
        found = getaddresses([value for value in short if value.count("(") <= MOST_COMMENTS])
    except (IndexError, TypeError, ValueError):  # the library fails on some
        return []
    return [(name, address) for name, address in found if ADDRESS.fullmatch(address)]


def _name(name: str) -> str:
    """Return a name as written; an address in its place is none."""
    name = " ".join(name.split()).strip("\"' ")[:LONGEST_NAME]
    return "" if "@" in name else name


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text.strip()[:LONGEST_NAME])
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def single(address: str) -> str:
    """Return the address of an envelope without its brackets, in lower case."""
    return address.strip().removeprefix("<").removesuffix(">").lower()


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
    # Bytes that the library could not decode are read as Latin-1.
    text = UNDECODED.sub(lambda found: chr(ord(found[0]) - ord("\udc00")), str(value))
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


def _clean(text: str) -> str:
    """Return *text* without invisible characters, in valid Unicode."""
    return CONTROL.sub(" ", text).encode("utf-8", "replace").decode()
