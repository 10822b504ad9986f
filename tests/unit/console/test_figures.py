"""Figures of the console follow from counts of requests that agree."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from statistics import median
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habeas.event_samples import least
from services.console.api.answers import LawFigureAnswer
from services.console.domain import HistoryEntry
from services.console.http.queries import FigureView
from services.console.pages.figures import ages_sheet, bars, sheet
from services.console.read_model.figures import (
    FigureCell,
    FigureField,
    FigurePeriod,
    FigureReader,
    ccpa_lines,
    figure_value,
    law_figures,
    lines,
)
from services.console.read_model.register import register_entry
from shared.contract.events import Fact, MessageLodged, RequestClosed, RequestFulfilled
from shared.contract.register import RegisterEntry, RequestResult
from shared.quantiles import median as median_of_counts
from shared.quantiles import quantile
from tests.unit.console_cases import received


def cell(count: int = 1, **changes: object) -> FigureCell:
    known: dict[str, object] = {
        "month": "2026-03",
        "right": "access",
        "law": "gdpr",
        "laws": ("gdpr",),
        "source": "shop.example",
        "result": "granted",
        "grounds": (),
        "days": 4,
        "late": False,
        "count": count,
    }
    return FigureCell(**(known | changes))  # type: ignore[arg-type]  # fields of a test


CASE = "ab" * 16
BERLIN = ZoneInfo("Europe/Berlin")
RECEIVED = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
"""The second of March in Berlin."""
BOTH: Any = {"also": ("us-ca-ccpa@2026-01-01",), "received_at": RECEIVED, "received_on": date(2026, 3, 2)}
FULFILLED = least(RequestFulfilled, request_id=CASE, outcome="granted")


def entry_of(*facts: Fact, sent: datetime | None = None) -> RegisterEntry:
    """Return the entry of a request with *facts*, whose answer was *sent*."""
    closed = [HistoryEntry("closed", sent, RequestClosed(request_id=CASE))] if sent else []
    history = [HistoryEntry(f"{n}", RECEIVED, fact) for n, fact in enumerate(facts)]
    found = register_entry([*history, *closed], BERLIN)
    assert found is not None
    return found


VALUE = figure_value(entry_of(received(CASE, **BOTH)))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (datetime(2026, 4, 2, 21, 59, tzinfo=UTC), {"days": 31, "late": False}),
        (datetime(2026, 4, 2, 22, tzinfo=UTC), {"days": 32, "late": True}),
        (None, {"days": None, "late": False, "result": "open"}),
    ],
)
def test_row_counts_in_the_figures_by_days_of_the_company(sent: datetime | None, expected: Any) -> None:
    value = figure_value(entry_of(received(CASE, **BOTH), FULFILLED, sent=sent))
    known = {"right": "erasure", "laws": ("gdpr", "us-ca-ccpa")}
    assert FigureCell.read(value, 3) == replace(cell(3, **known), **expected)


def test_mails_and_incidents_are_in_no_figure_and_no_register() -> None:
    mail = least(MessageLodged, request_id=CASE)
    assert register_entry([HistoryEntry("1", RECEIVED, mail)], BERLIN) is None


async def test_readers_at_the_same_time_share_one_count_of_each_year() -> None:
    counted: list[Any] = []

    class Cases:
        def __getitem__(self, _name: str) -> "Cases":
            return self

        async def aggregate(self, pipeline: list[Any], **_hint: object) -> Any:
            counted.append(pipeline[0]["$match"]["figure"]["$gte"])
            await asyncio.sleep(0)
            yield {"_id": VALUE, "count": 2}

    reader = FigureReader(cast("Any", Cases()))
    years = [(date(year, 1, 1), date(year, 12, 31)) for year in (2025, 2026)]
    found = await asyncio.gather(*(reader.cells(*year) for year in [*years, *years]))
    assert await reader.cells(*years[0]) == found[0]
    assert counted == ['["2025-01', '["2026-01']
    assert {one.count for cells in found for one in cells} == {2}


async def test_count_that_failed_is_repeated() -> None:
    class Cases:
        answers = False

        def __getitem__(self, _name: str) -> "Cases":
            return self

        async def aggregate(self, _pipeline: list[Any], **_hint: object) -> Any:
            if not self.answers:
                raise RuntimeError("for once")
            yield {"_id": VALUE, "count": 2}

    cases = Cases()
    reader, year = FigureReader(cast("Any", cases)), (date(2026, 1, 1), date(2026, 12, 31))
    with pytest.raises(RuntimeError):
        await reader.cells(*year)
    cases.answers = True
    assert [one.count for one in await reader.cells(*year)] == [2]


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ({}, 0.5, None),
        ({3: 1}, 0.5, 3),
        ({1: 1, 9: 1}, 0.5, 1),
        ({1: 95, 30: 5}, 0.95, 1),
        ({1: 94, 30: 6}, 0.95, 30),
    ],
)
def test_quantile_is_the_least_value_that_the_share_does_not_exceed(
    counts: dict[int, int], share: float, expected: int | None
) -> None:
    assert quantile(counts, share) == expected


@given(st.lists(st.integers(0, 100)))
def test_the_median_of_the_histogram_is_that_of_the_list(values: list[int]) -> None:
    assert median_of_counts(Counter(values)) == (median(values) if values else None)


def test_line_counts_open_answered_late_and_refused_requests() -> None:
    cells = [
        cell(8),
        cell(1, days=40, late=True),
        cell(1, result="refused", grounds=("excessive",)),
        cell(2, result="open", days=None),
    ]
    [line] = lines(cells, lambda one: one.values(FigureField.RIGHT))
    assert (line.name, line.received, line.open, line.answered, line.denied) == ("access", 12, 2, 10, 1)
    assert (line.share_in_time, line.median, line.p95) == (90.0, 4, 40)


@pytest.mark.parametrize(
    ("period", "name"),
    [(FigurePeriod.MONTH, "2026-03"), (FigurePeriod.QUARTER, "2026-Q1"), (FigurePeriod.YEAR, "2026")],
)
def test_period_of_a_request_is_that_of_its_receipt(period: FigurePeriod, name: str) -> None:
    assert cell().period(period) == name


def test_request_with_two_grounds_counts_for_each() -> None:
    denied = cell(3, result="refused", grounds=("excessive", "contract"))
    found = lines([denied], lambda one: one.values(FigureField.GROUND))
    assert [(line.name, line.received) for line in found] == [("contract", 3), ("excessive", 3)]


def test_grounds_of_refusals_and_of_parts_withheld_are_counted_apart() -> None:
    cells = [
        cell(3, result="refused", grounds=("excessive",)),
        cell(2, result="lapsed", grounds=("not_proven_in_time",)),
        cell(4, result="partly_granted", grounds=("masked_value",)),
        cell(1, result="open", days=None, grounds=("contract",)),
    ]
    refused, withheld = FigureField.GROUND, FigureField.LIMIT
    grounds = {line.name: line.received for line in lines(cells, lambda one: one.values(refused))}
    limits = {line.name: line.received for line in lines(cells, lambda one: one.values(withheld))}
    assert grounds == {"excessive": 3, "not_proven_in_time": 2}
    assert limits == {"masked_value": 4}


def test_metrics_of_california_count_its_requests_by_kind() -> None:
    of_california = cell(2, law="us-ca-ccpa", laws=("us-ca-ccpa",), right="erasure")
    known = {"laws": ("gdpr", "us-ca-ccpa"), "right": "know_categories"}
    denied = cell(1, law="us-ca-ccpa", result="refused", days=12, **known)
    of_both = cell(1, law="gdpr", result="nothing_held", days=5, **known)
    found = {line.name: line for line in ccpa_lines([of_california, denied, of_both, cell(5)])}
    assert list(found) == ["delete", "correct", "know", "opt_out", "limit"]
    assert (found["delete"].received, found["delete"].complied) == (2, 2)
    know = found["know"]
    assert (know.received, know.complied, know.denied, know.nothing_held, know.median) == (2, 0, 1, 1, 8.5)
    assert found["opt_out"].received == 0


def test_request_counts_under_each_law_by_result_and_ground() -> None:
    both = cell(3, laws=("gdpr", "us-ca-ccpa"), result="lapsed", grounds=("not_proven_in_time",))
    part = cell(2, result="partly_granted", grounds=("contract",), days=7, late=True)
    missed = cell(1, right="erasure", result="open", days=None, late=True)
    gone = cell(1, result="forwarded", days=40)
    found = [LawFigureAnswer.of(2026, one) for one in law_figures([both, part, missed, gone])]
    assert [(one.law, one.right, one.received) for one in found] == [
        ("gdpr", "access", 6), ("gdpr", "erasure", 1), ("us-ca-ccpa", "access", 3)
    ]  # fmt: skip
    access, erasure, _ = found
    assert (access.denied, access.of_which_lapsed, access.complied_in_part, access.forwarded) == (3, 3, 2, 1)
    assert (access.denied_for, access.limited_for) == ({"not_proven_in_time": 3}, {"contract": 2})
    assert (access.median_days, access.mean_days, access.late) == (4, 5.2, 2)
    assert (erasure.open, erasure.late, erasure.median_days) == (1, 1, None)


@pytest.mark.slow
@given(st.lists(st.builds(cell, count=st.integers(1, 4), result=st.sampled_from(RequestResult)), max_size=20))
def test_every_request_has_one_result(cells: list[FigureCell]) -> None:
    for one in law_figures(cells):
        plain = LawFigureAnswer.of(2026, one).model_dump()
        parts = ["complied_in_whole", "complied_in_part", "denied", "nothing_held"]
        parts += ["forwarded", "duplicate", "withdrawn", "open"]
        assert plain["received"] == sum(plain[name] for name in parts)


def test_sheet_has_a_line_for_each_group_and_no_formula() -> None:
    text = sheet(lines([cell(source="=cmd()")], lambda one: one.values(FigureField.SOURCE)))
    head, line = text.splitlines()
    assert head.startswith("group,received,open,answered,in_time_percent,median_days")
    assert line.startswith("'=cmd(),1,0,1,100.0,4,4,1,0,0,0,0,0,0,0")


def test_highest_bar_fills_the_chart() -> None:
    found = bars(lines([cell(10), cell(5, month="2026-04")], lambda one: (one.month,)))
    assert [(bar.name, bar.height, bar.y, bar.x) for bar in found] == [
        ("2026-03", 120, 0, 0),
        ("2026-04", 60, 60, 40),
    ]


def test_view_by_year_shows_the_years_before() -> None:

    view = FigureView.of({"year": "2026", "period": "year"}, date(2026, 11, 30))
    assert (view.first, view.last) == (date(2022, 1, 1), date(2026, 12, 31))


def test_groups_of_a_year_leave_out_the_years_before() -> None:
    view = FigureView.of({"year": "2026", "period": "year"}, date(2026, 11, 30))
    assert [one.month for one in view.of_year([cell(), cell(month="2025-03")])] == ["2026-03"]


def test_ages_of_open_requests_are_a_sheet() -> None:
    assert ages_sheet({"0-7": 3, "91+": 1}).splitlines() == ["age_days,open", "0-7,3", "91+,1"]
