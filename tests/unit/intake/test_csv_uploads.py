"""A sheet that is handed in by HTTP is taken in whole or, if anything is wrong, not at all."""

from collections.abc import Mapping

import pytest
from httpx import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.channels.csv import upload
from services.intake.domain import request_id
from shared.contract.events import RequestReceived
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office
from tests.unit.intake_api import BEARER, ROOT, assert_problem, client_of

SHEET = "reference,right,email\nt-1,erasure,ada@example.org\nt-2,access,bruno@example.com\n"
FAULTY = SHEET + "t-3,frob,carla.secret@example.net\n"


async def hand_in(
    office: Office, sheet: str | bytes, *, headers: Mapping[str, str] = BEARER, **options: str
) -> Response:
    content = sheet if isinstance(sheet, bytes) else sheet.encode()
    async with client_of(office.requests) as client:
        headers = {"Content-Type": "text/csv", **headers}
        return await client.post(upload.PATH, content=content, headers=headers, params=options)


def case_of(reference: str) -> str:
    return request_id(SOURCE, reference, key=REQUEST_KEY)


async def test_each_row_of_a_sheet_is_lodged_and_reported_by_line() -> None:
    office = Office()
    answer = await hand_in(office, SHEET)
    assert answer.status_code == 202
    assert answer.json()["lodged"] == [
        {
            "line": line,
            "reference": reference,
            "id": case_of(reference),
            "status_url": f"{ROOT}/v1/requests/{case_of(reference)}",
        }
        for line, reference in ((2, "t-1"), (3, "t-2"))
    ]
    await office.work()
    assert {one.request_id for one in office.facts(RequestReceived)} == {case_of("t-1"), case_of("t-2")}


async def test_a_sheet_that_comes_again_makes_no_other_requests() -> None:
    office = Office()
    first = await hand_in(office, SHEET)
    await office.work()
    assert (await hand_in(office, SHEET)).json() == first.json()
    await office.work()
    assert len(office.facts(RequestReceived)) == 2


async def test_nothing_is_lodged_where_anything_is_wrong() -> None:
    office = Office()
    problem = assert_problem(await hand_in(office, FAULTY), 422)
    assert [(one["line"], one["column"]) for one in problem["errors"]] == [(4, "right")]
    assert "carla" not in str(problem)
    assert office.broker.published == []
    assert office.vault.items == {}


async def test_valid_rows_are_lodged_with_keep_going() -> None:
    office = Office()
    answer = await hand_in(office, FAULTY, keep_going="true")
    assert answer.status_code == 202
    assert [row["line"] for row in answer.json()["lodged"]] == [2, 3]
    assert [(one["line"], one["column"]) for one in answer.json()["errors"]] == [(4, "right")]


async def test_only_a_system_with_a_key_may_hand_in_a_sheet() -> None:
    office = Office()
    nobody: dict[str, str] = {}
    for headers in (nobody, {"Authorization": "Bearer wrong"}):
        assert_problem(await hand_in(office, SHEET, headers=headers), 401)
    assert office.broker.published == []


async def test_a_sheet_says_what_it_is_written_in() -> None:
    office = Office()
    sheet = "reference,right,name\nt-1,access,Änne\n".encode("windows-1252")
    assert_problem(await hand_in(office, sheet), 422)
    headers = {"Content-Type": 'text/csv; header=present; charset="windows-1252"'} | BEARER
    assert (await hand_in(office, sheet, headers=headers)).status_code == 202


async def test_an_unreadable_sheet_is_refused() -> None:
    office = Office()
    assert_problem(await hand_in(office, "{}", headers={"Content-Type": "application/json"} | BEARER), 415)
    assert_problem(await hand_in(office, ""), 422)
    assert_problem(await hand_in(office, "reference,right,colour\n"), 422)
    assert (await hand_in(office, "reference,right,mail,colour\n", ignore="Colour")).status_code == 202


async def test_a_sheet_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()
    monkeypatch.setattr(upload, "MOST_ROWS", 1)
    assert_problem(await hand_in(office, SHEET), 413)
    assert_problem(await hand_in(office, b"x" * (upload.MOST_BYTES + 1)), 413)
    assert office.broker.published == []


@pytest.mark.slow
@settings(max_examples=25)  # each makes an API; the sheets themselves are fuzzed without
@given(content=st.binary(max_size=300))
async def test_no_form_causes_an_internal_error(content: bytes) -> None:
    office = Office()
    for start in (b"", SHEET.encode()):
        answer = await hand_in(office, start + content)
        assert answer.status_code in {202, 422}
