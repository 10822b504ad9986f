"""A sheet of requests is read row by row; what is wrong is named by line and column, never by its value."""

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.csv.sheets import (
    COLUMNS,
    MOST_CHARACTERS,
    SheetFormat,
    SheetRow,
    UnreadableSheet,
    column_of,
    decoded,
    rows,
)
from shared.contract.events import RequestSubmitted
from shared.law import Right
from tests.unit.fakes import NOW

BERLIN = ZoneInfo("Europe/Berlin")
READING = SheetFormat(BERLIN, NOW)
SHEET = """reference,right,name,email,country,received_at
t-1,erasure,Ada Example,ada@example.org,DE,2026-03-02
t-2,access,Bruno Muster,bruno@example.com,DE,2026-03-02T09:30:00+01:00
"""
SECRET = "ottilie.quastenflosser"


def read(sheet: str | bytes, encoding: str | None = None, reading: SheetFormat = READING) -> list[SheetRow]:
    content = sheet if isinstance(sheet, bytes) else sheet.encode()
    return list(rows(decoded(io.BytesIO(content), encoding), reading))


def requests_of(sheet: str | bytes, encoding: str | None = None) -> list[RequestSubmitted]:
    found = read(sheet, encoding)
    assert [row.faults for row in found] == [()] * len(found)
    return [row.request for row in found if row.request is not None]


def faults(sheet: str | bytes) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for row in read(sheet) for fault in row.faults]


def one(**cells: str) -> RequestSubmitted:
    cells = {"reference": "t-1", "right": "access", "email": "ada@example.org"} | cells
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells.values()]
    [request] = requests_of(f"{','.join(cells)}\n{','.join(quoted)}\n")
    return request


def test_each_row_is_a_request() -> None:
    ada, bruno = requests_of(SHEET)
    assert (ada.reference, ada.right, ada.subject.email) == ("t-1", Right.ERASURE, "ada@example.org")
    assert (bruno.subject.name, bruno.residence and bruno.residence.country) == ("Bruno Muster", "DE")


def test_every_column_goes_where_it_belongs() -> None:
    request = one(
        name="Ada Example", phone="+49 30 5550147", date_of_birth="1990-02-01", street="Way 1\nBack house",
        city="Berlin", region="BE", postal_code="10115", country="us", subdivision="ca", statement="Please.",
        received_at="2026-03-02", scope="direct_marketing | profiling", with_copy="yes", child="no",
        full_values="yes",
        role="employee", regulation="ccpa", locale="de", agent_name="Agent", agent_email="a@agent.example",
        agent_permission="She said so.",
    )  # fmt: skip
    plain = request.model_dump(mode="json", exclude_defaults=True)
    for column in COLUMNS:
        value = plain
        for step in column.path:
            if column.name == "child":
                break
            value = value[step]
        assert value, column.name
    assert request.subject.postal_address is not None
    assert request.subject.postal_address.lines == ("Way 1", "Back house")
    assert request.details.scope == ("direct_marketing", "profiling")


def test_the_companys_own_names_go_into_headings() -> None:
    [request] = requests_of("reference,right,id:customer_no,correct:city\nt-1,rectification,K-1,Berlin\n")
    assert request.subject.identifiers == {"customer_no": "K-1"}
    assert [(one.field, one.value) for one in request.details.corrections] == [("city", "Berlin")]


@pytest.mark.parametrize("heading", ["E-Mail", " email address ", "MAIL", "e_mail"])
def test_headings_of_support_desks_are_known(heading: str) -> None:
    column = column_of(heading)
    assert column is not None
    assert column.name == "email"


def test_no_two_columns_have_one_name() -> None:
    names = [name for column in COLUMNS for name in (column.name, *column.aliases)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("word", ["Deletion", "delete", "ERASURE", "erase"])
def test_a_right_may_be_called_as_people_call_it(word: str) -> None:
    assert one(right=word).right is Right.ERASURE


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SHEET.encode("utf-8-sig"), id="with a mark"),
        pytest.param(SHEET.replace(",", ";").encode(), id="semicolons"),
        pytest.param(SHEET.replace(",", "\t").encode("utf-16"), id="UTF-16 and tabs"),
        pytest.param(b"sep=;\r\n" + SHEET.replace(",", ";").encode(), id="an instruction above it"),
        pytest.param(SHEET.replace("\n", "\r\n").encode(), id="line ends of Windows"),
        pytest.param(SHEET.replace("\n", "\r").encode(), id="line ends of old"),
        pytest.param(("\n" + SHEET + ",,,,,\n\n").encode(), id="empty rows"),
    ],
)
def test_a_sheet_reads_however_it_was_saved(content: bytes) -> None:
    assert requests_of(content) == requests_of(SHEET)


def test_another_encoding_must_be_named() -> None:
    sheet = SHEET.replace("Ada Example", "Änne Müller").encode("windows-1252")
    assert requests_of(sheet, "windows-1252")[0].subject.name == "Änne Müller"
    assert faults(sheet) == [(2, "name")]


# --- days -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=BERLIN)),
        ("2026-03-02T09:30", datetime(2026, 3, 2, 9, 30, tzinfo=BERLIN)),
        ("2026-03-02 09:30:15", datetime(2026, 3, 2, 9, 30, 15, tzinfo=BERLIN)),
        ("2026-03-02T09:30Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_day_begins_where_the_company_is(cell: str, moment: datetime) -> None:
    assert one(received_at=cell).received_at == moment


@pytest.mark.parametrize(
    "cell",
    ["03/04/2026", "3.4.2026", "20260302", "2026-W10-1", "1772409600", "2026-02-30", "2026-3-2", "today"],
)
@pytest.mark.parametrize("column", ["received_at", "date_of_birth"])
def test_a_date_that_could_be_another_day_is_refused(column: str, cell: str) -> None:
    assert faults(f"reference,right,email,{column}\nt-1,access,ada@example.org,{cell}\n") == [(2, column)]


def test_nothing_is_received_before_it_is_sent() -> None:
    later = (NOW + timedelta(days=1)).date()
    assert faults(f"reference,right,email,received_at\nt-1,access,a@example.org,{later}\n") == [
        (2, "received_at")
    ]


# --- what is wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "where"),
    [
        pytest.param("t-3,frob,A,a@example.org,DE,", (4, "right"), id="right"),
        pytest.param("t-3,access,A,no address,DE,", (4, "email"), id="address"),
        pytest.param("t-3,access,A,a@example.org,Germany,", (4, "country"), id="country"),
        pytest.param(",access,A,a@example.org,DE,", (4, "reference"), id="no reference"),
        pytest.param("t-1,access,A,a@example.org,DE,", (4, "reference"), id="a reference again"),
        pytest.param("t-3,,A,a@example.org,DE,", (4, "right"), id="no right"),
        pytest.param("t-3,access,,,DE,", (4, ""), id="nobody"),
        pytest.param("t-3,access,A,a@example.org,DE,,more", (4, ""), id="a cell too many"),
        pytest.param('t-3,access,"A"x,a@example.org,DE,', (4, ""), id="text behind a quote"),
        pytest.param('t-3,access,"A,a@example.org,DE,', (4, ""), id="an open quote"),
        pytest.param(f"t-3,access,{'A' * 501},a@example.org,DE,", (4, "name"), id="too long"),
        pytest.param("t-3,access,\ud800,a@example.org,DE,", (4, "name"), id="no character"),
    ],
)
def test_faults_name_line_and_column(row: str, where: tuple[int, str]) -> None:
    assert faults(f"{SHEET}{row}\n".encode("utf-8", "surrogatepass")) == [where]


def test_a_cell_that_is_too_long_is_not_taken_for_a_quote() -> None:
    long = "A" * (MOST_CHARACTERS + 1)
    [fault] = [fault for row in read(f"{SHEET}t-3,access,{long},a@example.org,DE,\n") for fault in row.faults]
    assert (fault.line, fault.column) == (4, "")
    assert "131,072 characters" in fault.message
    with pytest.raises(UnreadableSheet, match="131,072 characters"):
        read(f"reference,right,{long}\n")
    [fault] = [fault for row in read(f'{SHEET}t-3,access,"{long}') for fault in row.faults]
    assert "or a quote is not closed" in fault.message


def test_the_line_of_a_row_is_where_it_begins() -> None:
    sheet = 'reference,right,mail,text\nt-1,access,a@example.org,"one\ntwo\nthree"\nt-2,frob,b@example.org,\n'
    assert faults(sheet) == [(5, "right")]


@pytest.mark.parametrize(
    ("sheet", "column"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("\n\n", "", id="blank"),
        pytest.param("reference,right,colour\n", "column 3", id="an unknown heading"),
        pytest.param(f"{SECRET}@example.org,t-1,access\n", "column 1", id="no heading"),
        pytest.param("reference,email\n", "right", id="no right"),
        pytest.param("reference,right,mail,email\n", "email", id="a column twice"),
        pytest.param("reference,right,id:Not A Name\n", "column 3", id="an identifier that is none"),
        pytest.param('"reference,right\n', "", id="an open quote"),
        pytest.param("reference,right" + ",x" * 300, "", id="too wide"),
    ],
)
def test_an_unreadable_sheet_is_refused_as_a_whole(sheet: str, column: str) -> None:
    with pytest.raises(UnreadableSheet) as caught:
        read(sheet)
    assert caught.value.fault.column == column
    assert SECRET not in str(caught.value)


def test_columns_of_no_interest_are_ignored_when_they_are_named() -> None:
    sheet = "reference,right,email,Assigned to\nt-1,access,a@example.org,somebody\n"
    [row] = read(sheet, reading=SheetFormat(BERLIN, NOW, frozenset({"assigned_to"})))
    assert row.request is not None


@pytest.mark.parametrize("encoding", ["no-such", "utf-16"])
def test_an_encoding_that_does_not_fit_is_refused(encoding: str) -> None:
    with pytest.raises(UnreadableSheet):
        read(b"\xff\xfe\x00", encoding)


@given(
    cells=st.lists(st.sampled_from(["erasure", "2026-03-02", f"{SECRET}@", f'"{SECRET}', ";", "\n", SECRET]))
)
def test_no_value_is_ever_repeated(cells: list[str]) -> None:
    try:
        said = " ".join(fault.message for row in read(SHEET + ",".join(cells)) for fault in row.faults)
    except UnreadableSheet as error:
        said = str(error)
    assert SECRET not in said


@given(
    content=st.binary(max_size=400),
    encoding=st.sampled_from([None, "utf-16", "utf-32", "utf-7", "idna", "hex"]),
)
def test_any_sheet_is_parsed_or_refused(content: bytes, encoding: str | None) -> None:
    for start in (b"", SHEET.encode(encoding or "utf-8") if encoding not in {"idna", "hex"} else b""):
        try:
            read(start + content, encoding)
        except UnreadableSheet:
            continue


def test_a_cell_that_breaks_a_rule_in_two_places_has_one_fault() -> None:
    sheet = "reference,right,email,country,subdivision\nt-1,access,ada@example.org,US,US-CA\n"
    assert faults(sheet) == [(2, "subdivision")]
