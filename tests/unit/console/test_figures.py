"""Figures of the console follow from counts of requests that agree."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from services.console.http.queries import FigureView
from services.console.pages.figures import ages_sheet, bars, sheet
from services.console.read_model.figures import (
    FigureCell,
    FigureField,
    FigurePeriod,
    FigureReader,
    ccpa_lines,
    figure_value,
    lines,
)
from services.console.state import CaseKind, CaseRow
from shared.quantiles import quantile


def cell(count: int = 1, **changes: object) -> FigureCell:
    known: dict[str, object] = {
        "month": "2026-03",
        "right": "access",
        "law": "gdpr",
        "of_california": False,
        "source": "shop.example",
        "outcome": "granted",
        "grounds": (),
        "days": 4,
        "in_time": True,
        "open": False,
        "count": count,
    }
    return FigureCell(**(known | changes))  # type: ignore[arg-type]  # fields of a test


RECEIVED = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
"""The second of March in Berlin."""
ANSWERED = CaseRow(
    id="ab" * 16,
    kind=CaseKind.REQUEST,
    since=RECEIVED,
    moved_at=RECEIVED,
    right="access",
    law="gdpr@2018-05-25",
    laws=("gdpr@2018-05-25", "us-ca-ccpa@2026-01-01"),
    source="shop.example",
    received_at=RECEIVED,
    received_on=date(2026, 3, 2),
    due_on=date(2026, 4, 2),
    outcome="granted",
    sent_at=datetime(2026, 4, 2, 21, 59, tzinfo=UTC),
    open=False,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"days": 31, "in_time": True}),
        ({"sent_at": datetime(2026, 4, 2, 22, tzinfo=UTC)}, {"days": 32, "in_time": False}),
        ({"due_on": None}, {"days": 31, "in_time": False}),
        (
            {"sent_at": None, "open": True, "outcome": None},
            {"days": None, "in_time": None, "open": True, "outcome": ""},
        ),
        ({"laws": ("gdpr@2018-05-25",)}, {"days": 31, "of_california": False}),
        ({"grounds": ("excessive",)}, {"days": 31, "grounds": ("excessive",)}),
    ],
)
def test_row_counts_in_the_figures_by_days_of_the_company(changes: Any, expected: Any) -> None:
    value = figure_value(replace(ANSWERED, **changes), ZoneInfo("Europe/Berlin"))
    assert value is not None
    assert FigureCell.read(value, 3) == replace(cell(3, of_california=True), **expected)


def test_mails_and_incidents_are_in_no_figure() -> None:
    for kind in set(CaseKind) - {CaseKind.REQUEST}:
        assert figure_value(replace(ANSWERED, kind=kind), ZoneInfo("UTC")) is None


async def test_readers_at_the_same_time_share_one_count_of_each_year() -> None:
    counted: list[Any] = []

    class Cases:
        def __getitem__(self, _name: str) -> "Cases":
            return self

        async def aggregate(self, pipeline: list[Any], **_hint: object) -> Any:
            counted.append(pipeline[0]["$match"]["figure"]["$gte"])
            await asyncio.sleep(0)
            yield {"_id": figure_value(ANSWERED, ZoneInfo("UTC")), "count": 2}

    reader = FigureReader(cast("Any", Cases()))
    years = [(date(year, 1, 1), date(year, 12, 31)) for year in (2025, 2026)]
    found = await asyncio.gather(*(reader.cells(*year) for year in [*years, *years]))
    assert await reader.cells(*years[0]) == found[0]
    assert counted == ['["2025-01', '["2026-01']
    assert {one.count for cells in found for one in cells} == {2}


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


def test_line_counts_open_answered_late_and_refused_requests() -> None:
    cells = [
        cell(8),
        cell(1, days=40, in_time=False),
        cell(1, outcome="refused", grounds=("excessive",)),
        cell(2, outcome="", days=None, in_time=None, open=True),
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
    found = lines([cell(3, grounds=("excessive", "contract"))], lambda one: one.values(FigureField.GROUND))
    assert [(line.name, line.received) for line in found] == [("contract", 3), ("excessive", 3)]


def test_metrics_of_california_count_its_requests_by_kind() -> None:
    of_california = cell(2, law="us-ca-ccpa", of_california=True, right="erasure")
    known = {"of_california": True, "right": "know_categories"}
    denied = cell(1, law="us-ca-ccpa", outcome="refused", days=12, **known)
    of_both = cell(1, law="gdpr", outcome="nothing_held", days=5, **known)
    found = {line.name: line for line in ccpa_lines([of_california, denied, of_both, cell(5)])}
    assert list(found) == ["delete", "correct", "know", "opt_out", "limit"]
    assert (found["delete"].received, found["delete"].complied) == (2, 2)
    know = found["know"]
    assert (know.received, know.complied, know.denied, know.nothing_held, know.median) == (2, 0, 1, 1, 8.5)
    assert found["opt_out"].received == 0


def test_sheet_has_a_line_for_each_group_and_no_formula() -> None:
    text = sheet(lines([cell(source="=cmd()")], lambda one: one.values(FigureField.SOURCE)))
    head, line = text.splitlines()
    assert head.startswith("group,received,open,answered,in_time_percent,median_days")
    assert line.startswith("'=cmd(),1,0,1,100.0,4,4,1,0,0,0")


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
