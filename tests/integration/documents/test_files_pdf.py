from collections.abc import Callable
from io import BytesIO

import pikepdf
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from services.verifier.documents.files.hidden import confirmed, hidden_text
from services.verifier.documents.files.opener import OpenedFile, open_file
from services.verifier.documents.results import Check, CheckResult, TextLine, reasons_of
from tests import hostile


def opened(content: bytes) -> OpenedFile:
    return open_file(content, "application/pdf")


def texts(letter: OpenedFile) -> list[str]:
    return [line.text for line in letter.layer]


def hidden(letter: OpenedFile) -> CheckResult:
    return next(check.result for check in letter.checks if check.name == "pdf_hidden_text")


def encrypted(user: str) -> bytes:
    return hostile.changed_pdf(lambda _: None, encryption=pikepdf.Encryption(owner="secret", user=user))


def attach(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["invoice.exe"] = b"MZ"


def run_on_opening(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def launch_on_opening(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")


def go_and_launch(pdf: pikepdf.Pdf) -> None:
    then = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.GoTo, D="first", Next=then)


def many_pages(pdf: pikepdf.Pdf) -> None:
    for _ in range(10):
        pdf.pages.append(pdf.pages[0])


def form(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = pikepdf.Dictionary(XFA=pikepdf.Array([]), Fields=pikepdf.Array([]))


INLINE_SCRIPT = b"/A[<</X<</Y<</S/JavaScript/JS(app.alert\\(1\\))>>>>>>]"
ESCAPED_SCRIPT = b"/A<</S/J#61vaScript/J#53(1)>>"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda: encrypted("secret"), "file_encrypted", id="password to open"),
        pytest.param(lambda: encrypted(""), "file_encrypted", id="password to print"),
        pytest.param(lambda: hostile.changed_pdf(attach), "file_active_content", id="embedded program"),
        pytest.param(lambda: hostile.changed_pdf(run_on_opening), "file_active_content", id="opening script"),
        pytest.param(lambda: hostile.changed_pdf(launch_on_opening), "file_active_content", id="launch"),
        pytest.param(lambda: hostile.changed_pdf(go_and_launch), "file_active_content", id="go, then launch"),
        pytest.param(lambda: hostile.changed_pdf(form), "file_active_content", id="XFA form"),
        pytest.param(lambda: hostile.one_page(INLINE_SCRIPT), "file_active_content", id="script deep inside"),
        pytest.param(
            lambda: hostile.one_page(ESCAPED_SCRIPT), "file_active_content", id="script in disguise"
        ),
        pytest.param(lambda: hostile.one_page(b"/AA<</O 1>>"), "file_active_content", id="action of a page"),
        pytest.param(
            lambda: hostile.one_page(b"/Annots[<</Subtype/RichMedia>>]"), "file_active_content", id="film"
        ),
        pytest.param(
            lambda: hostile.one_page(b"/Annots[<</A<</S/SubmitForm>>>>]"),
            "file_active_content",
            id="form sent",
        ),
        pytest.param(lambda: hostile.changed_pdf(many_pages), "file_decode_limit", id="eleven pages"),
        pytest.param(hostile.flate_bomb, "file_decode_limit", id="400 MB in a few kB"),
        pytest.param(
            lambda: hostile.one_page(box=b"0 0 144000 144000"),
            "file_decode_limit",
            id="two kilometres of paper",
        ),
        pytest.param(
            lambda: hostile.one_page(b"/UserUnit 1000"), "file_decode_limit", id="large by its unit"
        ),
        pytest.param(lambda: hostile.one_page(box=b"0 0 0 0"), "file_decode_limit", id="a page without area"),
        pytest.param(hostile.looping_pages, "file_broken", id="a page tree without end"),
        pytest.param(lambda: b"%PDF-1.7\n%%EOF\n", "file_broken", id="nothing inside"),
    ],
)
def test_a_pdf_that_does_more_than_lie_there_is_refused(make: Callable[[], bytes], reason: str) -> None:
    letter = opened(make())

    assert reasons_of(letter.checks) == (reason,)
    assert not letter.pictures


def test_the_nested_bomb_is_as_small_as_it_is_feared() -> None:
    assert len(hostile.flate_bomb()) < 10_000


@pytest.mark.parametrize(
    "filters", [["LZWDecode", "FlateDecode"], ["LZWDecode", "LZWDecode"], ["FlateDecode"] * 5], ids=repr
)
def test_chains_of_filters_that_no_program_writes_are_refused(filters: list[str]) -> None:
    names = b"".join(f"/{name}".encode() for name in filters)
    content = hostile.handmade_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>",
        b"<</Length 3/Filter[%b]>>\nstream\nabc\nendstream" % names,
    )

    assert reasons_of(opened(content).checks) == ("file_decode_limit",)


def test_an_image_of_more_pixels_than_any_scan_is_refused() -> None:
    def enlarge(pdf: pikepdf.Pdf) -> None:
        image = pikepdf.Stream(pdf, b"", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image)
        image.Width, image.Height = 100_000, 100_000
        pdf.pages[0].obj.Resources.XObject = pikepdf.Dictionary(I=pdf.make_indirect(image))

    assert reasons_of(opened(hostile.changed_pdf(enlarge)).checks) == ("file_decode_limit",)


def test_a_letter_is_drawn_and_its_text_stands_where_it_is_drawn() -> None:
    letter = opened(hostile.bill_pdf())

    assert letter.pages == 1
    assert letter.pictures[0].shape == (2339, 1653, 3)
    assert texts(letter) == [
        "Northwind Energy Ltd",
        "Invoice date: 12 November 2026",
        "Ms Ada Example",
        "12 Meadow Lane",
        "Springfield, IL 62704",
    ]
    left, top, width, _ = letter.layer[1].box
    assert (round(left, 2), round(top, 2), round(width, 2)) == (0.67, 0.09, 0.24)
    assert reasons_of(letter.checks) == ()


def test_a_letter_that_opens_at_its_first_page_is_taken() -> None:
    def open_first(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Array([pdf.pages[0].obj, pikepdf.Name.Fit])

    assert opened(hostile.changed_pdf(open_first)).pages == 1


def test_only_the_first_pages_become_pictures_and_only_they_are_read() -> None:
    def repeat(pdf: pikepdf.Pdf) -> None:
        for _ in range(4):
            pdf.pages.append(pdf.pages[0])

    letter = opened(hostile.changed_pdf(repeat))

    assert (letter.pages, len(letter.pictures)) == (5, 3)
    assert {line.page for line in letter.layer} == {0, 1, 2}


def unseen(page: canvas.Canvas, *lines: str) -> None:
    text = page.beginText(60, 700)
    text.setFont("Helvetica", 10)
    text.setTextRenderMode(3)
    text.textLines(lines)
    page.drawText(text)


def after_blank_pages(page: canvas.Canvas) -> None:
    for _ in range(3):
        page.showPage()
    unseen(page, "Northwind Energy Ltd", "Ms Ada Example", "12 Meadow Lane", "Springfield, IL 62704")


def test_nothing_counts_of_pages_that_are_not_drawn() -> None:
    letter = opened(hostile.page_pdf(after_blank_pages))

    assert letter.pages == 4
    assert texts(letter) == []


def test_a_large_page_is_drawn_within_the_limit_of_pixels() -> None:
    rows, columns, _ = opened(hostile.one_page(box=b"0 0 14400 14400")).pictures[0].shape

    assert 19_000_000 < rows * columns <= 20_000_000


def test_an_older_revision_is_not_drawn_nor_read() -> None:
    content = hostile.bill_pdf()
    with pikepdf.open(BytesIO(content)) as pdf:
        number = pdf.pages[0].obj.Contents.objgen[0]
    newer = b"%d 0 obj\n<</Length 0>>\nstream\n\nendstream\nendobj\n" % number
    at = len(content)
    previous = content.rsplit(b"startxref\n", 1)[1].split()[0]
    size = int(content.split(b"/Size ")[1].split()[0].rstrip(b">/"))
    root = content.split(b"/Root ")[1].split(b" ")[0]
    content += newer + b"xref\n%d 1\n%010d 00000 n \n" % (number, at)
    content += b"trailer\n<</Size %d/Root %b 0 R/Prev %b>>\n" % (size, root, previous)
    content += b"startxref\n%d\n%%%%EOF\n" % (at + len(newer))

    assert texts(opened(content)) == []


def cropped(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].mediabox = pikepdf.Array([-100, -200, 695, 942])
    pdf.pages[0].cropbox = pikepdf.Array([20, 400, 595, 842])


def turned(page: canvas.Canvas) -> None:
    page.setPageRotation(90)
    page.rotate(90)
    page.translate(0, -842)
    hostile.bill_page(page)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: hostile.changed_pdf(cropped), id="cropped"),
        pytest.param(lambda: hostile.page_pdf(turned), id="turned"),
    ],
)
def test_text_is_where_it_is_seen_on_a_page_that_is_cropped_or_turned(make: Callable[[], bytes]) -> None:
    letter = opened(make())

    assert "12 Meadow Lane" in texts(letter)
    assert hidden(letter) is CheckResult.PASS


def test_what_is_cropped_away_is_not_read() -> None:
    def crop(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].cropbox = pikepdf.Array([0, 0, 595, 740])

    assert texts(opened(hostile.changed_pdf(crop)))[0] == "Ms Ada Example"


def over_white(page: canvas.Canvas) -> None:
    hostile.bill_page(page)
    page.setFillColorRGB(1, 1, 1)
    page.drawString(60, 600, "Mr Other Person")


def test_text_that_nothing_is_drawn_of_is_left_out_and_reported() -> None:
    letter = opened(hostile.page_pdf(over_white))

    assert "Mr Other Person" not in texts(letter)
    assert hidden(letter) is CheckResult.INCONCLUSIVE


def under_a_scan(page: canvas.Canvas) -> None:
    unseen(page, "Mr Other Person 99 Elsewhere Road")
    scan = Image.new("RGB", (1240, 1754), "white")
    ImageDraw.Draw(scan).text((120, 280), "Ms Ada Example, 12 Meadow Lane", fill="black", font_size=30)
    page.drawImage(ImageReader(scan), 0, 0, 595, 842)


def test_a_layer_of_text_over_a_scan_is_not_believed() -> None:
    assert opened(hostile.page_pdf(under_a_scan)).layered
    assert not opened(hostile.bill_pdf()).layered


@pytest.mark.parametrize(
    ("layer", "seen", "result"),
    [
        pytest.param(
            ["Ada Example", "12 Meadow Lane"], ["Ada Exarnple", "12 Meadow Lane"], CheckResult.PASS, id="same"
        ),
        pytest.param(
            ["Other Person", "Elsewhere Road"], ["Ada Example", "Meadow Lane"], CheckResult.FAIL, id="other"
        ),
        pytest.param(["Ada Example"], [], CheckResult.NOT_RUN, id="nobody looked"),
        pytest.param(["12"], ["34"], CheckResult.NOT_RUN, id="no words"),
    ],
)
def test_text_inside_is_compared_with_the_text_to_be_seen(
    layer: list[str], seen: list[str], result: CheckResult
) -> None:
    check = hidden_text((TextLine(text=text) for text in layer), (TextLine(text=text) for text in seen))

    assert check == Check(
        name="pdf_hidden_text",
        result=result,
        reasons=("pdf_hidden_text",) if result is CheckResult.FAIL else (),
    )


ROW = (0.1, 0.2, 0.3, 0.02)
"""Where a line stands."""
BESIDE, BELOW = (0.6, 0.2, 0.3, 0.02), (0.1, 0.23, 0.3, 0.02)


@pytest.mark.parametrize(
    ("seen", "kept", "result"),
    [
        pytest.param([TextLine(text="ms ada example", box=ROW)], True, CheckResult.PASS, id="the same"),
        pytest.param([TextLine(text="MsAda Exarnple", box=ROW)], True, CheckResult.PASS, id="misread"),
        pytest.param(
            [TextLine(text="Ms Ada", box=(0.1, 0.2, 0.1, 0.02)), TextLine(text="Example", box=(0.2, 0.2,
            0.2, 0.02))],
            True, CheckResult.PASS, id="in two pieces",
        ),
        pytest.param([TextLine(text="Mr Other Person", box=ROW)], False, CheckResult.INCONCLUSIVE, id="o"),
        pytest.param([TextLine(text="Ms Ada", box=ROW)], False, CheckResult.INCONCLUSIVE, id="a part of it"),
        pytest.param(
            [TextLine(text="Mr Other Person", box=ROW, confidence=0.6)],
            False, CheckResult.PASS, id="nothing clear",
        ),
        pytest.param([TextLine(text="Ms Ada Example", box=BESIDE)], False, CheckResult.PASS, id="beside"),
        pytest.param([TextLine(text="Ms Ada Example", box=BELOW)], False, CheckResult.PASS, id="below"),
    ],
)  # fmt: skip
def test_a_line_counts_where_it_can_be_read_in_its_place(
    seen: list[TextLine], kept: bool, result: CheckResult
) -> None:
    line = TextLine(text="Ms Ada Example", box=ROW)

    lines, check = confirmed([line], seen)

    assert lines == ((line,) if kept else ())
    assert check.result is result


@pytest.mark.parametrize(
    ("inside", "seen"),
    [
        pytest.param("12 Meadow Lane", "17 Meadow Lane", id="another number"),
        pytest.param("Ms Ada Example", "Ms Ida Example", id="another letter"),
        pytest.param("2 Meadow Lane", "12 Meadow Lane", id="a part of it"),
        pytest.param("Ms Ada Example", "Dear Ms Ada Example, welcome", id="a part of a longer line"),
        pytest.param("112 Meadow Lane", "12 Meadow Lane", id="one more digit"),
    ],
)
def test_of_a_line_that_is_not_just_what_is_read_in_its_place_only_that_counts(
    inside: str, seen: str
) -> None:
    layer, read = TextLine(text=inside, box=ROW), TextLine(text=seen, box=ROW)

    lines, check = confirmed([layer], [read])

    assert lines == (read,)
    assert check.result is CheckResult.PASS


@pytest.mark.parametrize(
    ("other", "result"),
    [
        pytest.param(
            TextLine(text="Ms Ida Example", box=ROW), CheckResult.INCONCLUSIVE, id="a letter changed"
        ),
        pytest.param(TextLine(text="Ada Example", box=ROW), CheckResult.PASS, id="drawn twice"),
        pytest.param(TextLine(text="Ms Ida Example", box=BELOW), CheckResult.PASS, id="below"),
    ],
)
def test_text_that_stands_on_other_text_is_for_a_person(other: TextLine, result: CheckResult) -> None:
    layer = (TextLine(text="Ms Ada Example", box=ROW), other)

    assert confirmed(layer, layer)[1].result is result


def test_a_page_of_which_nothing_could_be_read_is_for_a_person() -> None:
    layer = (TextLine(text="Ms Ada Example", box=ROW), TextLine(text="12 Meadow Lane", box=ROW, page=1))

    lines, check = confirmed(layer, [layer[0]])

    assert lines == layer
    assert (check.result, check.reasons) == (CheckResult.INCONCLUSIVE, ("print_unreadable",))
