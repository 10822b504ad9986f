"""Opens a file: untrusted bytes go in, pictures and text come out, or the reason of a refusal."""

from dataclasses import dataclass

from services.verifier.documents.files.hidden import visible
from services.verifier.documents.files.pdf_pages import read_pages
from services.verifier.documents.files.pdf_structure import plain_pdf
from services.verifier.documents.files.picture import Picture, decode, digest, perceptual_hash, quality
from services.verifier.documents.files.sniff import FileKind, sniff
from services.verifier.documents.results import FILE, Check, FileFlaw, FileRefused, TextLine, refused
from shared.errors import ErrorNet


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """The content of a file; without pictures if it was refused."""

    media_type: str = ""
    pages: int = 0
    pictures: tuple[Picture, ...] = ()
    layer: tuple[TextLine, ...] = ()
    """The text inside a PDF, of the pages that are drawn and as far as something is drawn where it stands."""
    layered: bool = False
    """Whether that text may be another than the one to be seen."""
    checks: tuple[Check, ...] = ()
    looks: str = ""
    digest: str = ""


def open_file(content: bytes, media_type: str) -> OpenedFile:
    """Return the content of a file; where it is refused, the reason is in its checks."""
    with ErrorNet():  # decoders raise any error on hostile bytes
        return _opened(content, media_type)
    return OpenedFile(checks=(refused(FileFlaw.BROKEN),))


def _opened(content: bytes, media_type: str) -> OpenedFile:
    try:
        kind = sniff(content, media_type)
        return _pdf(content) if kind is FileKind.PDF else _picture(content, kind)
    except FileRefused as error:
        return OpenedFile(checks=(refused(error.refusal),))
    except (MemoryError, RecursionError):
        return OpenedFile(checks=(refused(FileFlaw.DECODE_LIMIT),))


def _picture(content: bytes, kind: FileKind) -> OpenedFile:
    picture = decode(content, kind)
    return OpenedFile(
        media_type=kind.value,
        pages=1,
        pictures=(picture,),
        checks=(Check.passed(FILE), *quality(picture)),
        looks=perceptual_hash(picture),
        digest=digest(picture),
    )


def _pdf(content: bytes) -> OpenedFile:
    pages = tuple(read_pages(plain_pdf(content)))
    pictures = tuple(page.picture for page in pages if page.picture is not None)
    layer, hidden = visible([line for page in pages for line in page.lines], pictures)
    return OpenedFile(
        media_type=FileKind.PDF.value,
        pages=len(pages),
        pictures=pictures,
        layer=layer,
        layered=any(page.layered for page in pages),
        checks=(Check.passed(FILE), hidden),
        looks=perceptual_hash(pictures[0]),
        digest=digest(pictures[0]),
    )
