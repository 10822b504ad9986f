from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from services.verifier.documents.bills.pages import read_letter
from services.verifier.documents.files.opener import open_file
from services.verifier.documents.files.picture import Picture
from services.verifier.documents.results import (
    Bill,
    BillKind,
    Box,
    Check,
    CheckResult,
    DocumentReading,
    Format,
    Licence,
    MachineZone,
    TextLine,
    reasons_of,
)
from services.verifier.documents.worker.examination import (
    ADDRESS_SECONDS,
    LEAST_ZONE_SECONDS,
    ZONE_SECONDS,
    Readers,
    examine,
)
from services.verifier.documents.worker.frames import Request, WorkerTask
from tests import hostile
from tests.integration.documents.test_copies import ZONE_CORNERS, printed
from tests.integration.documents.test_files_pdf import under_a_scan

ZONE = MachineZone(format=Format.TD3, lines=("P<UTO", "L898902C3"))
LICENCE = Licence(version=9, surname="EXAMPLE", number="X1234567")
BILL = Bill(kind=BillKind.UTILITY, issuer="Northwind Energy Ltd")
PRINTED = (TextLine(text="NORTHWIND ENERGY LTD"), TextLine(text="MS ADA EXAMPLE"))
NAME_LINE = TextLine(text="Éxample", box=(0.1, 0.11, 0.2, 0.02))
PHOTO = hostile.encoded(hostile.drawing())


@dataclass
class Desk:
    """Readers that find what they are told, and remember that they were asked."""

    zone: MachineZone | None = None
    licence: Licence | None = None
    bill: Bill | None = None
    lines: tuple[TextLine, ...] = PRINTED
    closer: tuple[TextLine, ...] = ()
    marks: tuple[TextLine, ...] = ()
    asked: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def readers(self) -> Readers:
        return Readers(
            zone=lambda _, seconds: self._sought(seconds),
            zone_checks=lambda zone: (
                Check(name="zone", result=CheckResult.PASS if zone else CheckResult.NOT_RUN),
            ),
            licence=self._licence,
            lines=lambda *_: self._answer("lines", self.lines),
            letter=lambda _, __: self._answer("lines", self.lines),
            closer=lambda *_: self._answer("closer", self.closer),
            marks=lambda _, __: self._answer("marks", self.marks),
            bill=lambda _: self._answer("bill", self.bill),
        )

    def read(self, content: bytes, slot: WorkerTask) -> DocumentReading:
        return examine(Request(content, "", slot), self.readers())

    def _licence(self, picture: Picture) -> tuple[Licence | None, tuple[Check, ...]]:
        assert picture.dtype == np.uint8
        found = self._answer("licence", self.licence)
        return found, (Check(name="barcode", result=CheckResult.PASS if found else CheckResult.NOT_RUN),)

    def _sought(self, seconds: float) -> MachineZone | None:
        self.seconds.append(seconds)
        return cast("MachineZone | None", self._answer("zone", self.zone))

    def _answer(self, name: str, answer: Any) -> Any:
        self.asked.append(name)
        return answer


@pytest.mark.parametrize(
    ("desk", "slot", "asked"),
    [
        pytest.param(
            Desk(zone=ZONE), WorkerTask.IDENTITY, ["licence", "zone", "lines", "marks"], id="passport"
        ),
        pytest.param(Desk(licence=LICENCE), WorkerTask.IDENTITY, ["licence", "lines", "marks"], id="licence"),
        pytest.param(
            Desk(bill=BILL),
            WorkerTask.IDENTITY,
            ["licence", "zone", "lines", "bill"],
            id="bill in the wrong place",
        ),
        pytest.param(Desk(bill=BILL), WorkerTask.ADDRESS, ["lines", "bill"], id="bill"),
        pytest.param(
            Desk(zone=ZONE),
            WorkerTask.ADDRESS,
            ["lines", "bill", "licence", "zone"],
            id="passport in the wrong place",
        ),
        pytest.param(
            Desk(licence=LICENCE), WorkerTask.ADDRESS, ["lines", "bill", "licence"], id="licence as a bill"
        ),
    ],
)
def test_what_was_not_asked_for_is_sought_only_where_nothing_else_is(
    desk: Desk, slot: WorkerTask, asked: list[str]
) -> None:
    reading = desk.read(PHOTO, slot)

    assert desk.asked == asked
    assert (reading.zone, reading.licence, reading.bill) == (desk.zone, desk.licence, desk.bill)
    assert reading.lines == PRINTED


def test_text_is_read_in_the_page_turned_as_its_zone_stands() -> None:
    shapes: list[tuple[int, ...]] = []

    def lines(picture: Picture, *_: Any) -> tuple[TextLine, ...]:
        shapes.append(picture.shape[:2])
        return PRINTED

    desk = Desk(zone=ZONE.model_copy(update={"turns": 1}))
    upright = open_file(PHOTO, "").pictures[0].shape[:2]
    examine(Request(PHOTO, "", WorkerTask.IDENTITY), replace(desk.readers(), lines=lines))
    assert shapes == [upright[::-1]]


def test_print_of_a_licence_is_read_upside_down_where_nothing_confirms_it() -> None:
    first = open_file(PHOTO, "").pictures[0]

    def lines(picture: Picture, *_: Any) -> tuple[TextLine, ...]:
        return () if np.array_equal(picture, first) else PRINTED

    readers = replace(Desk(licence=LICENCE).readers(), lines=lines)
    assert examine(Request(PHOTO, "", WorkerTask.IDENTITY), readers).lines == PRINTED


def test_marks_of_a_sample_are_sought_on_documents_alone_and_join_its_lines() -> None:
    mark = (TextLine(text="SPECIMEN"),)
    assert Desk(zone=ZONE, marks=mark).read(PHOTO, WorkerTask.IDENTITY).lines == (*PRINTED, *mark)
    assert Desk(bill=BILL, marks=mark).read(PHOTO, WorkerTask.ADDRESS).lines == PRINTED


def test_marks_are_sought_where_the_document_is_on_its_page() -> None:
    shapes: list[tuple[int, ...]] = []

    def marks(picture: Picture, _page: int) -> tuple[TextLine, ...]:
        shapes.append(picture.shape[:2])
        return ()

    page = hostile.encoded(Image.new("RGB", (1000, 1400), (200, 150, 120)))
    corners = ((0.1, 0.4), (0.5, 0.4), (0.5, 0.45), (0.1, 0.45))
    desk = Desk(zone=ZONE.model_copy(update={"corners": corners}), lines=(NAME_LINE,))
    examine(Request(page, "", WorkerTask.IDENTITY), replace(desk.readers(), marks=marks))
    height, width = shapes[0]
    assert (width, height) == pytest.approx((480, 571), abs=2), "the line and the zone, and a tenth around"

    licence = replace(Desk(licence=LICENCE, lines=(NAME_LINE,)).readers(), marks=marks)
    examine(Request(page, "", WorkerTask.IDENTITY), licence)
    assert shapes[1] == (1400, 1000), "lines that were read upside down have other places"


def test_print_that_confirms_a_part_of_the_zone_gets_a_closer_look() -> None:
    rows = ("P<UTOEXAMPLE<<ADA".ljust(44, "<"), "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
    changes = {"surname": "EXAMPLE", "given_names": "ADA", "number": "L898902C3", "engines": 2, "lines": rows}
    zone = ZONE.model_copy(update=changes)
    number = TextLine(text="L898902C3")
    desk = Desk(zone=zone, closer=(PRINTED[0], number))
    assert desk.read(PHOTO, WorkerTask.IDENTITY).lines == (*PRINTED, number)
    confirmed = Desk(zone=zone, lines=(*PRINTED, number))
    confirmed.read(PHOTO, WorkerTask.IDENTITY)
    assert "closer" not in confirmed.asked
    unsure = Desk(zone=zone.model_copy(update={"engines": 1}))
    unsure.read(PHOTO, WorkerTask.IDENTITY)
    assert "closer" not in unsure.asked, "another picture is asked for in any case"


BLUE, GREY = (40, 60, 200), (90, 90, 90)
LABEL, TABLE, SLIP = (110, 135, 180, 145), (600, 135, 900, 300), (160, 710, 230, 720)


@pytest.mark.parametrize(
    ("ink", "place", "kind", "result"),
    [
        (BLUE, LABEL, Format.TD1, CheckResult.PASS),
        (GREY, LABEL, Format.TD1, CheckResult.INCONCLUSIVE),
        (BLUE, TABLE, Format.TD1, CheckResult.INCONCLUSIVE),
        (BLUE, SLIP, Format.TD1, CheckResult.INCONCLUSIVE),
        (BLUE, LABEL, Format.TD3, CheckResult.INCONCLUSIVE),
    ],
    ids=[
        "coloured label",
        "grey label",
        "coloured table",
        "name with a coloured label on a slip",
        "page above the zone",
    ],
)
def test_colour_of_a_front_counts_where_its_back_with_the_zone_has_none(
    ink: tuple[int, int, int], place: tuple[int, int, int, int], kind: Format, result: CheckResult
) -> None:
    both = Image.new("RGB", (1000, 1400), (225, 225, 225))
    both.paste(ink, place)
    corners = ((0.1, 0.9), (0.5, 0.9), (0.5, 0.95), (0.1, 0.95))
    changes = {"surname": "EXAMPLE", "given_names": "ADA", "corners": corners, "format": kind}
    on_slip = NAME_LINE.model_copy(update={"box": (0.15, 0.52, 0.2, 0.02)})
    lines = (NAME_LINE, on_slip) if place is SLIP else (NAME_LINE,)
    desk = Desk(zone=ZONE.model_copy(update=changes), lines=lines)
    reading = desk.read(hostile.encoded(both), WorkerTask.IDENTITY)
    assert [check.result for check in reading.checks if check.name == "image_colour"] == [result]


def test_document_without_colour_may_be_a_copy_and_a_letter_need_have_none() -> None:
    grey = hostile.encoded(Image.new("RGB", (600, 400), (200, 200, 200)))
    photo = Image.new("RGB", (600, 400), (200, 200, 200))
    photo.paste((200, 150, 120), (50, 50, 200, 250))
    coloured = hostile.encoded(photo)

    def colour(content: bytes, desk: Desk, task: WorkerTask) -> list[CheckResult]:
        checks = desk.read(content, task).checks
        return [check.result for check in checks if check.name == "image_colour"]

    assert colour(grey, Desk(zone=ZONE), WorkerTask.IDENTITY) == [CheckResult.INCONCLUSIVE]
    assert colour(grey, Desk(licence=LICENCE), WorkerTask.IDENTITY) == [CheckResult.INCONCLUSIVE]
    assert colour(coloured, Desk(zone=ZONE), WorkerTask.IDENTITY) == [CheckResult.PASS]
    assert colour(grey, Desk(bill=BILL), WorkerTask.ADDRESS) == []


@pytest.mark.parametrize("desk", [Desk(zone=ZONE), Desk(licence=LICENCE)], ids=["zone", "licence"])
@pytest.mark.parametrize("turns", [0, 1])
def test_dots_of_a_print_over_a_document_are_noticed(desk: Desk, turns: int) -> None:
    page = np.rot90(printed(), -turns)
    zone = desk.zone and desk.zone.model_copy(update={"turns": turns, "corners": ZONE_CORNERS})
    checks = replace(desk, zone=zone).read(hostile.encoded(Image.fromarray(page)), WorkerTask.IDENTITY).checks
    assert "copy_pattern" in reasons_of(checks)


@pytest.mark.parametrize("turns", [0, 1])
def test_a_sheet_around_a_document_is_noticed(turns: int) -> None:
    table = Image.new("RGB", (800, 1000), (120, 80, 50))
    table.paste((235, 233, 228), (100, 400, 700, 950))
    table.paste((225, 160, 170), (250, 600, 550, 750))
    corners = ((0.35, 0.7), (0.65, 0.7), (0.65, 0.74), (0.35, 0.74))
    zone = ZONE.model_copy(update={"turns": turns, "corners": corners})
    content = hostile.encoded(Image.fromarray(np.rot90(np.asarray(table), -turns)))

    def noticed(box: Box) -> bool:
        desk = Desk(zone=zone, lines=(TextLine(text="NOVA", box=box),))
        return "copy_on_paper" in reasons_of(desk.read(content, WorkerTask.IDENTITY).checks)

    assert noticed((0.35, 0.62, 0.3, 0.02))
    assert not noticed((0.13, 0.62, 0.3, 0.02)), "the print goes up to the edge"


def test_a_zone_is_sought_in_what_is_no_letter_with_the_time_that_is_left() -> None:
    identity, address = Desk(), Desk()
    identity.read(PHOTO, WorkerTask.IDENTITY)
    address.read(PHOTO, WorkerTask.ADDRESS)
    assert identity.seconds == [ZONE_SECONDS]
    assert LEAST_ZONE_SECONDS <= address.seconds[0] <= ADDRESS_SECONDS < ZONE_SECONDS


def test_a_refused_file_is_shown_to_no_reader() -> None:
    desk = Desk(zone=ZONE)

    reading = desk.read(b"GIF89a", WorkerTask.IDENTITY)

    assert desk.asked == []
    assert reasons_of(reading.checks) == ("file_type_not_allowed",)


def test_the_reading_says_what_the_file_is_and_how_it_looks() -> None:
    reading = Desk().read(PHOTO, WorkerTask.ADDRESS)

    assert (reading.media_type, reading.pages) == ("image/jpeg", 1)
    assert (len(reading.picture), len(reading.digest)) == (16, 64)


def seen(content: bytes) -> DocumentReading:
    """Return what is read where the text to be seen is read in truth."""
    readers = replace(Desk().readers(), letter=read_letter)
    return examine(Request(content, "", WorkerTask.ADDRESS), readers)


def test_the_text_of_a_letter_is_taken_from_inside_as_it_is_seen() -> None:
    reading = seen(hostile.bill_pdf())

    assert [line.text for line in reading.lines] == [
        "Northwind Energy Ltd",
        "Invoice date: 12 November 2026",
        "Ms Ada Example",
        "12 Meadow Lane",
        "Springfield, IL 62704",
    ]
    assert reasons_of(reading.checks) == ()


def under_other_text(page: canvas.Canvas) -> None:
    hostile.bill_page(page)
    page.setFillColorRGB(1, 1, 1)
    page.rect(55, 695, 150, 16, stroke=0, fill=1)
    page.setFillColorRGB(0, 0, 0)
    page.drawString(60, 700, "Mr Other Person")


def under_a_drawing(page: canvas.Canvas) -> None:
    hostile.bill_page(page)
    page.drawImage(ImageReader(hostile.drawing(300, 32)), 55, 695, 150, 16)


@pytest.mark.parametrize(
    ("draw", "reasons"),
    [
        pytest.param(under_other_text, ("pdf_hidden_text",), id="other text"),
        pytest.param(under_a_drawing, (), id="a picture"),
    ],
)
def test_a_recipient_that_is_covered_is_none(
    draw: Callable[[canvas.Canvas], None], reasons: tuple[str, ...]
) -> None:
    reading = seen(hostile.page_pdf(draw))

    assert "Ms Ada Example" not in {line.text for line in reading.lines}
    assert "12 Meadow Lane" in {line.text for line in reading.lines}
    assert reasons_of(reading.checks) == reasons


def under_nearly_the_same(page: canvas.Canvas) -> None:
    hostile.bill_page(page)
    label = Image.new("RGB", (480, 56), "white")
    ImageDraw.Draw(label).text((16, 8), "17 Meadow Lane", fill="black", font_size=36)
    page.drawImage(ImageReader(label), 55, 682, 120, 14)


def test_text_that_is_covered_by_nearly_the_same_is_read_as_it_is_seen() -> None:
    lines = {line.text.replace(" ", "") for line in seen(hostile.page_pdf(under_nearly_the_same)).lines}

    assert "17MeadowLane" in lines
    assert "12MeadowLane" not in lines
    assert "MsAdaExample" in lines


def test_unreadable_letter_goes_to_staff() -> None:
    reading = Desk(lines=()).read(hostile.bill_pdf(), WorkerTask.ADDRESS)

    assert reasons_of(reading.checks) == ("print_unreadable",)


def on_the_third_page(page: canvas.Canvas) -> None:
    page.drawString(60, 760, "Page 1")
    page.showPage()
    page.showPage()
    hostile.bill_page(page)


def test_text_of_a_page_whose_picture_is_not_read_counts_for_nothing() -> None:
    reading = seen(hostile.page_pdf(on_the_third_page))

    assert [line.text for line in reading.lines] == ["Page 1"]


def test_the_text_over_a_scan_is_read_from_the_scan_and_the_layer_compared_with_it() -> None:
    desk = Desk(lines=(TextLine(text="Ms Ada Example, 12 Meadow Lane"),))

    reading = desk.read(hostile.page_pdf(under_a_scan), WorkerTask.ADDRESS)

    assert [line.text for line in reading.lines] == ["Ms Ada Example, 12 Meadow Lane"]
    assert reasons_of(reading.checks) == ("pdf_hidden_text",)


def test_text_is_read_plain_and_of_bounded_length() -> None:
    lines = (
        TextLine(text="\x1b[31m=HYPERLINK\u202e(1)\x00\u200b"),
        TextLine(text="A" * 10_000),
        TextLine(text="\x07"),
        *(TextLine(text="x") for _ in range(2000)),
    )

    reading = Desk(lines=lines).read(PHOTO, WorkerTask.ADDRESS)

    assert reading.lines[0].text == "[31m=HYPERLINK (1)"
    assert len(reading.lines[1].text) == 300
    assert len(reading.lines) == 800
