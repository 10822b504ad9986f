"""Figures of the console follow from counts of requests that agree."""

from datetime import date

import pytest

from services.console.http.queries import FigureView
from services.console.pages.figures import ages_sheet, bars, sheet
from services.console.read_model.figures import (
    FigureCell,
    FigureField,
    FigurePeriod,
    ccpa_lines,
    lines,
)
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
