"""
PDF417 symbols, and North American licences in them.

The expected fields of a licence come from the manifest, else from its payload by
a second, simple parser, since the set holds payloads only.
"""

import re
from collections.abc import Mapping

from habeas.client.evaluation.known_files import Entry, Family, FileResult, Manifest, picture_of
from services.verifier.documents.barcode.aamva import NotALicenceError, parse_aamva
from services.verifier.documents.barcode.symbols import read_symbol
from services.verifier.documents.results import Licence

FIELDS = {
    "surname": "surname",
    "given": "given_names",
    "birth": "date_of_birth",
    "expiry": "expiry",
    "number": "document_number",
    "address": "address",
}
"""Question → field of the manifest."""
QUESTIONS = (*FIELDS, "right")
"""The last: whether all bytes are right; a broken payload must be refused."""
DATE_DIGITS = 8
ZIP_DIGITS = 5
Fields = Mapping[str, str]


def symbols() -> Family:
    """Return the questions about pictures of symbols."""

    def read(manifest: Manifest, entry: Entry) -> FileResult:
        content = _text(read_symbol(picture_of(manifest.folder / entry["file"])) or b"")
        return FileResult({"content": content == entry["expected_text"]}, {"text": content})

    return Family("symbols", ("pdf417",), ("content",), read, lambda entry: str(entry.get("note", "pdf417")))


def licences() -> Family:
    """Return the questions about licences, as payloads and pictures."""
    return Family("licences", ("aamva_payload", "aamva_barcode_image"), QUESTIONS, _read_licence, _row)


def payload_of(manifest: Manifest, entry: Entry) -> bytes:
    """Return the true content of the barcode of *entry*."""
    if entry["kind"] == "aamva_payload":
        return manifest.content(entry)
    return str(entry["expected_text"]).encode()


def _row(entry: Entry) -> str:
    if entry["kind"] == "aamva_barcode_image":
        return "photo"
    return "payload" if entry.get("valid", True) else "broken"


def _read_licence(manifest: Manifest, entry: Entry) -> FileResult:
    truth = payload_of(manifest, entry)
    content = truth
    if entry["kind"] == "aamva_barcode_image":
        content = read_symbol(picture_of(manifest.folder / entry["file"])) or b""
    try:
        licence = parse_aamva(content)
    except NotALicenceError:
        licence = None
    if not entry.get("valid", True):
        return FileResult({"right": licence is None}, {})
    said, wanted = _said(licence), _wanted(_text(truth)) | _stated(entry)
    marks = {question: said.get(name) == wanted[name] for question, name in FIELDS.items()}
    return FileResult(marks | {"right": _text(content) == _text(truth) and all(marks.values())}, said)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _said(licence: Licence | None) -> dict[str, str]:
    if licence is None:
        return {}
    place = (*licence.lines, licence.city, licence.region)
    return {
        "surname": _words(licence.surname),
        "given_names": _words(licence.given_names),
        "date_of_birth": str(licence.born or ""),
        "expiry": str(licence.expires or ""),
        "document_number": licence.number,
        "address": _words(*place, _postcode(licence.postal_code)),
    }


def _stated(entry: Entry) -> dict[str, str]:
    """Return the fields in the manifest."""
    fields = entry.get("fields", {}).items()
    return {name: str(value) for name, value in fields if name in FIELDS.values() and value}


def _wanted(text: str) -> dict[str, str]:
    """Return the elements of a payload, found by name."""
    whole = _element(text, "DAA")
    first, _, rest = whole.partition(",")
    surname, given = (first, ",".join(rest.split(",")[:2])) if rest else ("", whole)
    return {
        "surname": _words(_element(text, "DCS") or _element(text, "DAB") or surname),
        "given_names": _words(_element(text, "DAC"), _element(text, "DAD"))
        or _words(_element(text, "DCT") or given),
        "date_of_birth": _day(_element(text, "DBB")),
        "expiry": _day(_element(text, "DBA")),
        "document_number": _element(text, "DAQ"),
        "address": _words(
            *(_element(text, name) or _element(text, older)
              for name, older in (("DAG", "DAL"), ("DAH", "DAM"), ("DAI", "DAN"), ("DAJ", "DAO"))),
            _postcode(_element(text, "DAK") or _element(text, "DAP")),
        ),
    }  # fmt: skip


def _element(text: str, name: str) -> str:
    """Return the text after *name*; the first element may follow the table of subfiles."""
    found = re.search(rf"(?:[\n\r|\x1e]|DL|ID|\d){name}([^\n\r|\x1e]*)", text)
    return found[1].strip() if found else ""


def _day(digits: str) -> str:
    """Return a date as it is written in ISO 8601; the year comes first or last."""
    digits = re.sub(r"\D", "", digits)
    if len(digits) != DATE_DIGITS:
        return ""
    if not "18" <= digits[:2] <= "21":
        digits = digits[4:] + digits[:4]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _words(*texts: str) -> str:
    said = (text for text in texts if text not in {"NONE", "UNAVL"})
    return " ".join(re.sub(r"[^\w#/&'.-]+", " ", " ".join(said)).upper().split())


def _postcode(code: str) -> str:
    """Return five digits, or the six signs of a Canadian code."""
    plain = re.sub(r"\W", "", code).upper()
    return plain[:ZIP_DIGITS] if plain.isdigit() else plain[: ZIP_DIGITS + 1]
