"""The trail of a case as a PDF document to read and print; it names the digest of the JSON file."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from services.intake.trail.document import CaseTrail, ChainOfTrail, TrailEntry, meaning_of
from shared.contract.envelope import FACTS

REGULAR, BOLD = "Vera", "VeraBd"
MARGIN = 18 * mm
NAMES: Final = frozenset({"owner", "account", "deciders", "policy", "also"})
"""Details with names of accounts and laws, which are shown as they are."""
COLUMNS = (30 * mm, 27 * mm, 117 * mm)
GREY = HexColor("#555555")
TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=8, leading=11, alignment=TA_LEFT, splitLongWords=1)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=6.5, leading=9, textColor=GREY, wordWrap="CJK")
TITLE = ParagraphStyle("title", parent=TEXT, fontName=BOLD, fontSize=14, leading=20)
HEADING = ParagraphStyle("heading", parent=TEXT, fontName=BOLD, fontSize=10, leading=16, spaceBefore=8)
RULED = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, GREY),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
)


def pdf_of(trail: CaseTrail, json_file: bytes) -> bytes:
    """Return *trail* as a PDF document, the same bytes each time; *json_file* is the same trail as JSON."""
    _register_fonts()
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"Trail of request {trail.reference}",
        author=trail.controller,
        subject=f"trail.json SHA-256 {sha256(json_file).hexdigest()}",
        invariant=1,
    )
    document.build(list(_parts(trail, json_file)), onFirstPage=_numbered, onLaterPages=_numbered)
    return target.getvalue()


def _register_fonts() -> None:
    """Embed fonts, so that the pages look the same everywhere; they come with the library."""
    for name in (REGULAR, BOLD):
        registerFont(TTFont(name, f"{name}.ttf"))
    registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


def _numbered(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont(REGULAR, 6.5)
    canvas.setFillColor(GREY)
    canvas.drawString(MARGIN, MARGIN / 2, f"{document.title}, page {document.page}")


def _parts(trail: CaseTrail, json_file: bytes) -> Iterator[Flowable]:
    yield Paragraph(f"Trail of request {escape(trail.reference)}", TITLE)
    yield Table([[_text(name), _text(value)] for name, value in _facts(trail)], (45 * mm, 129 * mm))
    yield Paragraph("Events", HEADING)
    yield Table([_line(entry) for entry in trail.entries], COLUMNS, style=RULED)
    yield Spacer(0, 6 * mm)
    yield Paragraph("How to verify", HEADING)
    yield _text(
        "This document repeats trail.json of the same archive. SHA256SUMS lists the digests of both, "
        "SHA256SUMS.sig is its Ed25519 signature, README.txt has the steps. SHA-256 of trail.json: "
        f"{sha256(json_file).hexdigest()}."
    )


def _facts(trail: CaseTrail) -> Iterator[tuple[str, str]]:
    yield "Request", trail.case
    yield "Controller", trail.controller
    yield "Right", trail.right.replace("_", " ")
    yield "Laws", "; ".join(f"{law.name} ({law.id})" for law in trail.laws)
    yield "Received on", trail.received_on.isoformat()
    yield "Last day", f"{trail.due_on or 'none'}{f' ({trail.due_law})' if trail.due_law else ''}"
    yield "State", trail.status + (f", {trail.outcome.replace('_', ' ')}" if trail.outcome else "")
    yield "Exported", f"{_moment(trail.exported_at)} by {trail.exported_by}"
    yield "Chain of the journal", _chain(trail.chain)


def _chain(chain: ChainOfTrail) -> str:
    state = "unchanged" if chain.unchanged else f"does not fit: {', '.join(chain.faults)}"
    heads = chain.heads
    signed = f"; signed heads {heads.number} of {heads.day}, SHA-256 {heads.sha256}" if heads else ""
    return f"{chain.rows} rows of {chain.journal}, {state}{signed}"


def _line(entry: TrailEntry) -> list[Flowable]:
    detail = "; ".join(_detail(name, value) for name, value in entry.details.items())
    cited = "; ".join(f"{one.provision} ({one.law})" for one in entry.provisions)
    place = f"row {entry.row.n}, MAC {entry.row.mac}" if entry.row else "noted; chained by its service"
    below = [one for one in (detail, cited, f"{entry.type}; {place}") if one]
    about = [_text(entry.meaning), *(Paragraph(escape(one), SMALL) for one in below)]
    return [_text(_moment(entry.at)), _text(entry.actor or entry.service), about]  # type: ignore[list-item]


def _detail(name: str, value: Any) -> str:
    """Return a detail in words; names stay as they are."""
    return f"{_spaced(name)}: {value if isinstance(value, str) and name in NAMES else _worded(value, name)}"


def _worded(value: Any, name: str = "") -> str:
    """Return *value* in words: of codes, times, lists, mappings and booleans."""
    match value:
        case None | True | False:
            return {None: "none", True: "yes", False: "no"}[value]
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}"
        case Mapping():
            return ", ".join(f"{_spaced(key)} {_worded(one)}" for key, one in value.items()) or "none"
        case list() | tuple():
            return ", ".join(one if name in NAMES else _worded(one) for one in value) or "none"
        case str() if name == "type" and value in FACTS:
            return meaning_of(FACTS[value]).rstrip(".")
        case str() if "T" in value and value[:4].isdigit():
            return _moment(datetime.fromisoformat(value))
        case _:
            return _spaced(str(value))


def _spaced(code: str) -> str:
    return code.replace("_", " ")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(text: str) -> Paragraph:
    return Paragraph(escape(text), TEXT)
