from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from services.verifier.documents.files.scaling import Picture
from services.verifier.documents.reading import (
    Bill,
    BillKind,
    Check,
    Format,
    Licence,
    Line,
    Reading,
    Result,
    Zone,
    reasons_of,
)
from services.verifier.documents.worker.examination import Readers, examine
from services.verifier.documents.worker.frames import Request, Slot
from tests import hostile
from tests.integration.documents.test_files_pdf import under_a_scan

ZONE = Zone(format=Format.TD3, lines=("P<UTO", "L898902C3"))
LICENCE = Licence(version=9, surname="EXAMPLE", number="X1234567")
BILL = Bill(kind=BillKind.UTILITY, issuer="Northwind Energy Ltd")
PRINTED = (Line(text="NORTHWIND ENERGY LTD"), Line(text="MS ADA EXAMPLE"))
PHOTO = hostile.encoded(hostile.drawing())


@dataclass
class Desk:
    """Readers that find what they are told, and remember that they were asked."""

    zone: Zone | None = None
    licence: Licence | None = None
    bill: Bill | None = None
    lines: tuple[Line, ...] = PRINTED
    asked: list[str] = field(default_factory=list)

    def readers(self) -> Readers:
        return Readers(
            zone=lambda _: self._answer("zone", self.zone),
            zone_checks=lambda zone: (Check(name="zone", result=Result.PASS if zone else Result.NOT_RUN),),
            licence=self._licence,
            lines=lambda _, __: self._answer("lines", self.lines),
            bill=lambda _: self._answer("bill", self.bill),
        )

    def read(self, content: bytes, slot: Slot) -> Reading:
        return examine(Request(content, "", slot), self.readers())

    def _licence(self, picture: Picture) -> tuple[Licence | None, tuple[Check, ...]]:
        assert picture.dtype == np.uint8
        found = self._answer("licence", self.licence)
        return found, (Check(name="barcode", result=Result.PASS if found else Result.NOT_RUN),)

    def _answer(self, name: str, answer: Any) -> Any:
        self.asked.append(name)
        return answer


@pytest.mark.parametrize(
    ("desk", "slot", "asked"),
    [
        pytest.param(Desk(zone=ZONE), Slot.IDENTITY, ["lines", "licence", "zone"], id="passport"),
        pytest.param(Desk(licence=LICENCE), Slot.IDENTITY, ["lines", "licence"], id="licence"),
        pytest.param(
            Desk(bill=BILL), Slot.IDENTITY, ["lines", "licence", "zone", "bill"], id="bill in the wrong place"
        ),
        pytest.param(Desk(bill=BILL), Slot.ADDRESS, ["lines", "bill"], id="bill"),
        pytest.param(
            Desk(zone=ZONE),
            Slot.ADDRESS,
            ["lines", "bill", "licence", "zone"],
            id="passport in the wrong place",
        ),
        pytest.param(
            Desk(licence=LICENCE), Slot.ADDRESS, ["lines", "bill", "licence"], id="licence as a bill"
        ),
    ],
)
def test_what_was_not_asked_for_is_sought_only_where_nothing_else_is(
    desk: Desk, slot: Slot, asked: list[str]
) -> None:
    reading = desk.read(PHOTO, slot)

    assert desk.asked == asked
    assert (reading.zone, reading.licence, reading.bill) == (desk.zone, desk.licence, desk.bill)
    assert reading.lines == PRINTED


def test_a_refused_file_is_shown_to_no_reader() -> None:
    desk = Desk(zone=ZONE)

    reading = desk.read(b"GIF89a", Slot.IDENTITY)

    assert desk.asked == []
    assert reasons_of(reading.checks) == ("file_type_not_allowed",)


def test_the_reading_says_what_the_file_is_and_how_it_looks() -> None:
    reading = Desk().read(PHOTO, Slot.ADDRESS)

    assert (reading.media_type, reading.pages) == ("image/jpeg", 1)
    assert (len(reading.picture), len(reading.digest)) == (16, 64)


def test_the_text_of_a_letter_is_taken_from_inside() -> None:
    desk = Desk(bill=BILL)

    reading = desk.read(hostile.bill_pdf(), Slot.ADDRESS)

    assert desk.asked == ["bill"]
    assert reading.lines[0].text == "Northwind Energy Ltd"


def test_the_text_over_a_scan_is_read_from_the_scan_and_the_layer_compared_with_it() -> None:
    desk = Desk(lines=(Line(text="Ms Ada Example, 12 Meadow Lane"),))

    reading = desk.read(hostile.page_pdf(under_a_scan), Slot.ADDRESS)

    assert [line.text for line in reading.lines] == ["Ms Ada Example, 12 Meadow Lane"]
    assert reasons_of(reading.checks) == ("pdf_hidden_text",)


def test_what_is_read_is_plain_text_of_a_bounded_length() -> None:
    lines = (
        Line(text="\x1b[31m=HYPERLINK\u202e(1)\x00\u200b"),
        Line(text="A" * 10_000),
        Line(text="\x07"),
        *(Line(text="x") for _ in range(2000)),
    )

    reading = Desk(lines=lines).read(PHOTO, Slot.ADDRESS)

    assert reading.lines[0].text == "[31m=HYPERLINK (1)"
    assert len(reading.lines[1].text) == 300
    assert len(reading.lines) == 800
