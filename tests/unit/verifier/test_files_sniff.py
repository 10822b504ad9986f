import pytest

from services.verifier.documents.files.opener import open_file
from services.verifier.documents.files.sniff import FileKind, sniff
from services.verifier.documents.results import FileRefused
from shared.contract.events import MOST_DOCUMENT_BYTES
from tests import hostile

JPEG = hostile.encoded(hostile.drawing())
PNG = hostile.encoded(hostile.drawing(), "PNG")
HEIC = hostile.encoded(hostile.drawing(64, 48), "HEIF")
PDF = hostile.bill_pdf()
HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ZIP = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


def reason(content: bytes, media_type: str = "") -> str:
    """Return why *content* is refused; empty if it is not."""
    try:
        sniff(content, media_type)
    except FileRefused as error:
        return error.refusal.value
    return ""


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(JPEG, FileKind.JPEG, id="jpeg"),
        pytest.param(PNG, FileKind.PNG, id="png"),
        pytest.param(HEIC, FileKind.HEIC, id="heic"),
        pytest.param(hostile.encoded(hostile.drawing(), "TIFF"), FileKind.TIFF, id="tiff"),
        pytest.param(PDF, FileKind.PDF, id="pdf"),
    ],
)
def test_each_of_the_five_kinds_is_known_by_its_bytes(content: bytes, kind: FileKind) -> None:
    assert sniff(content, "") is kind
    assert sniff(content, kind.value) is kind
    assert sniff(content, f"{kind.value.upper()}; charset=binary") is kind
    assert sniff(content, "application/octet-stream") is kind


@pytest.mark.parametrize(
    "declared", ["application/pdf", "text/html", "image/gif", "image/svg+xml", "../../etc"]
)
def test_file_of_another_kind_than_declared_is_refused(declared: str) -> None:
    assert reason(JPEG, declared) == "file_type_not_allowed"


def test_a_picture_may_be_declared_as_another_kind_of_picture_and_a_letter_may_not() -> None:
    assert sniff(JPEG, "image/png") is FileKind.JPEG
    assert reason(PDF, "image/png") == "file_type_not_allowed"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GIF89a" + bytes(100), id="gif"),
        pytest.param(SVG, id="svg"),
        pytest.param(HTML, id="html"),
        pytest.param(HTML + PDF, id="pdf after html"),
        pytest.param(b"\n" + PDF, id="pdf after a blank"),
        pytest.param(b"GIF89a/*" + PDF, id="pdf in a gif"),
        pytest.param(b"II+\x00" + bytes(100), id="bigtiff"),
        pytest.param(b"MZ" + bytes(100), id="program"),
    ],
)
def test_file_with_another_beginning_is_of_no_allowed_type(content: bytes) -> None:
    assert reason(content) == "file_type_not_allowed"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(JPEG + PDF, id="pdf behind a jpeg"),
        pytest.param(JPEG[:20] + PDF + JPEG[20:], id="pdf inside a jpeg"),
        pytest.param(JPEG + HTML, id="html behind a jpeg"),
        pytest.param(JPEG[:-2] + HTML + JPEG[-2:], id="html inside a jpeg"),
        pytest.param(JPEG + ZIP, id="archive behind a jpeg"),
        pytest.param(JPEG + b"anything", id="anything behind a jpeg"),
        pytest.param(PNG + PDF, id="pdf behind a png"),
        pytest.param(PNG + b"anything", id="anything behind a png"),
        pytest.param(PNG + PNG, id="two png"),
        pytest.param(PDF + JPEG, id="jpeg behind a pdf"),
        pytest.param(PDF + ZIP, id="archive behind a pdf"),
        pytest.param(PDF[:9] + HTML + PDF[9:], id="html at the beginning of a pdf"),
        pytest.param(PDF + PDF, id="two pdf"),
        pytest.param(HEIC + PDF, id="pdf behind a heic"),
        pytest.param(hostile.encoded(hostile.drawing(), "TIFF") + PDF, id="pdf behind a tiff"),
    ],
)
def test_file_of_two_kinds_is_refused(content: bytes) -> None:
    assert reason(content) == "file_polyglot"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(JPEG[: len(JPEG) // 2], id="jpeg"),
        pytest.param(PNG[: len(PNG) // 2], id="png"),
        pytest.param(PDF[: len(PDF) // 2], id="pdf"),
        pytest.param(HEIC[:-100], id="heic"),
        pytest.param(b"\xff\xd8\xff\xd9", id="a jpeg without a picture"),
    ],
)
def test_truncated_file_is_broken(content: bytes) -> None:
    assert reason(content) == "file_broken"


def test_trailer_of_a_camera_behind_a_photo_is_no_second_file() -> None:
    assert reason(JPEG + bytes(50)) == ""
    assert reason(JPEG + b"\x00\x00\x01\x0a\x0e\x00\x00\x00Image_UTC_DataSEFH" + bytes(20) + b"SEFT") == ""


@pytest.mark.slow
def test_sizes_up_to_the_limit_of_intake_are_taken_and_one_byte_more_is_not() -> None:
    padding = bytes(MOST_DOCUMENT_BYTES - len(JPEG))

    assert reason(JPEG + padding) == ""
    assert reason(JPEG + padding + b"\0") == "file_too_large"


def test_the_thumbnail_in_a_header_does_not_end_a_photo() -> None:
    thumbnail = b"\xff\xe1" + (len(JPEG[:5000]) + 4).to_bytes(2, "big") + JPEG[:5000] + b"\xff\xd9"
    whole = JPEG[:2] + thumbnail + JPEG[2:]

    assert reason(whole) == ""
    assert reason(whole[:-5000]) == "file_broken"


def test_a_refusal_is_a_check_and_nothing_else_is_returned() -> None:
    opened = open_file(b"GIF89a", "image/gif")

    assert [(check.name, check.result.value, check.reasons) for check in opened.checks] == [
        ("file", "fail", ("file_type_not_allowed",))
    ]
    assert not opened.pictures
