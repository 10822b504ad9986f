"""Records that survive an erasure, until when, and by which provision."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.fulfillment.datamap.model import (
    Collection,
    Erasure,
    Facts,
    MarkRule,
    RetentionPeriod,
    RetentionRule,
)
from services.fulfillment.domain import Erase, Retain, after, decide_disposition

TODAY = date(2026, 11, 25)
EIGHT = RetentionPeriod(years=8)
PLAIN = Collection(store="default", dataset="desk", name="notes", where="map.yml:1", erasure=Erasure.DELETE)
KEPT = replace(PLAIN, retention=RetentionRule(RetentionPeriod(years=10), "issued", "§ 147 AO"))


def issued(year: int, month: int, day: int) -> dict[str, object]:
    return {"issued": datetime(year, month, day, 23, 59, tzinfo=UTC)}


def test_record_without_retention_is_erased() -> None:
    assert decide_disposition(PLAIN, {}, today=TODAY) == Erase(Erasure.DELETE)


def test_a_retention_period_prevails_through_its_last_day() -> None:
    retained = Retain("retention_duty", "§ 147 AO", until=TODAY, reduced=True)
    assert decide_disposition(KEPT, issued(2016, 11, 25), today=TODAY) == retained


def test_the_day_after_a_retention_period_the_record_is_erased() -> None:
    assert decide_disposition(KEPT, issued(2016, 11, 24), today=TODAY) == Erase(Erasure.DELETE)


@pytest.mark.parametrize("document", [{}, {"issued": None}, {"issued": "soon"}, {"issued": 5}])
def test_record_with_an_unknown_start_of_its_period_is_kept(document: dict[str, object]) -> None:
    retained = Retain("retention_duty", "§ 147 AO", until=None, reduced=True)
    assert decide_disposition(KEPT, document, today=TODAY) == retained


def test_a_period_may_run_from_the_erasure_itself() -> None:
    kept = replace(PLAIN, retention=RetentionRule(RetentionPeriod(days=90), "now", "x"))
    decision = decide_disposition(kept, {}, today=TODAY)
    assert isinstance(decision, Retain)
    assert decision.until == date(2027, 2, 23)


def test_a_hold_prevails_over_everything_and_changes_nothing() -> None:
    held = replace(KEPT, legal_hold=MarkRule("held", value=True))
    decision = decide_disposition(held, {"held": True, **issued(2000, 1, 1)}, today=TODAY)
    assert decision == Retain("legal_hold", "", until=None, reduced=False)
    assert decide_disposition(held, {"held": False, **issued(2000, 1, 1)}, today=TODAY) == Erase(
        Erasure.DELETE
    )


def test_a_collection_that_is_kept_says_by_which_right() -> None:
    kept = replace(PLAIN, erasure=Erasure.KEEP, facts=Facts(legal_basis="Art. 6(1)(c) GDPR"))
    decision = decide_disposition(kept, {}, today=TODAY)
    assert isinstance(decision, Retain)
    assert decision.because == "Art. 6(1)(c) GDPR"


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        pytest.param(date(2024, 2, 29), RetentionPeriod(years=1), date(2025, 2, 28), id="leap day"),
        pytest.param(
            date(2024, 2, 29), RetentionPeriod(years=4), date(2028, 2, 29), id="leap day to leap day"
        ),
        pytest.param(date(2026, 8, 31), RetentionPeriod(months=6), date(2027, 2, 28), id="month's last day"),
        pytest.param(date(2026, 12, 31), RetentionPeriod(months=12), date(2027, 12, 31), id="December"),
        pytest.param(
            date(2026, 1, 1), RetentionPeriod(years=1, months=1, days=1), date(2027, 2, 2), id="all units"
        ),
        pytest.param(date(2026, 1, 1), RetentionPeriod(years=9_000), date.max, id="beyond all calendars"),
    ],
)
def test_a_period_ends_on_the_same_date_or_the_months_last_day(
    start: date, period: RetentionPeriod, end: date
) -> None:
    assert after(start, period) == end


BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("start", "period", "zone", "end"),
    [
        pytest.param(datetime(2024, 2, 29, 9, tzinfo=UTC), EIGHT, BERLIN, date(2032, 12, 31), id="leap day"),
        pytest.param(datetime(2018, 1, 1, 9, tzinfo=UTC), EIGHT, BERLIN, date(2026, 12, 31), id="first day"),
        pytest.param(datetime(2018, 12, 31, 22, 59, 59, tzinfo=UTC), EIGHT, BERLIN, date(2026, 12, 31),
                     id="last second of the year in Berlin"),
        pytest.param(datetime(2018, 12, 31, 23, tzinfo=UTC), EIGHT, BERLIN, date(2027, 12, 31),
                     id="first second of the next year in Berlin"),
        pytest.param(datetime(2019, 1, 1, 4, 59, tzinfo=UTC), EIGHT, NEW_YORK, date(2026, 12, 31),
                     id="last minute of the year in New York"),
        pytest.param(datetime(2019, 1, 1, tzinfo=UTC), EIGHT, NEW_YORK, date(2027, 12, 31), id="bare date"),
        pytest.param("2018-12-31", EIGHT, BERLIN, date(2026, 12, 31), id="text"),
        pytest.param("2018-12-31T23:30:00+00:00", EIGHT, BERLIN, date(2027, 12, 31), id="text with offset"),
        pytest.param("2027-05-05", RetentionPeriod(months=2), BERLIN, date(2028, 2, 29), id="months"),
        pytest.param("2027-05-05", RetentionPeriod(months=6), BERLIN, date(2028, 6, 30), id="half a year"),
        pytest.param("2027-05-05", RetentionPeriod(days=90), BERLIN, date(2028, 3, 30), id="days, leap year"),
        pytest.param("2026-05-05", RetentionPeriod(days=90), BERLIN, date(2027, 3, 31), id="days"),
    ],
)  # fmt: skip
def test_a_period_from_the_end_of_the_year_starts_after_31_december_in_the_companys_zone(
    start: object, period: RetentionPeriod, zone: ZoneInfo, end: date
) -> None:
    vouchers = replace(PLAIN, retention=RetentionRule(period, "issued", "§ 147 AO", year_end=True))
    kept = decide_disposition(vouchers, {"issued": start}, today=end, zone=zone)
    assert kept == Retain("retention_duty", "§ 147 AO", until=end, reduced=True)
    gone = decide_disposition(vouchers, {"issued": start}, today=end + timedelta(days=1), zone=zone)
    assert gone == Erase(Erasure.DELETE)


def test_days_of_other_periods_are_those_of_the_companys_zone_too() -> None:
    at = {"issued": datetime(2016, 11, 24, 23, 30, tzinfo=UTC)}
    assert decide_disposition(KEPT, at, today=TODAY) == Erase(Erasure.DELETE)
    kept = decide_disposition(KEPT, at, today=TODAY, zone=BERLIN)
    assert isinstance(kept, Retain)
    assert kept.until == TODAY


@pytest.mark.parametrize(
    ("document", "held"),
    [
        pytest.param({"flags": "hold"}, True, id="alone"),
        pytest.param({"flags": ["hold", "vip"]}, True, id="one of several"),
        pytest.param({"flags": ["vip"]}, False, id="not among them"),
        pytest.param({"flags": []}, False, id="none"),
        pytest.param({}, False, id="no field"),
    ],
)
def test_a_hold_may_be_one_of_several_flags(document: dict[str, object], *, held: bool) -> None:
    flagged = replace(PLAIN, legal_hold=MarkRule("flags", "hold"))
    decision = decide_disposition(flagged, document, today=TODAY)
    assert decision == (
        Retain("legal_hold", "", until=None, reduced=False) if held else Erase(Erasure.DELETE)
    )


def test_a_hold_is_found_in_every_element_around_it() -> None:
    flagged = replace(PLAIN, legal_hold=MarkRule("lines.state.hold", value=True))
    document = {"lines": [{"state": None}, {"state": {"hold": True}}]}
    assert isinstance(decide_disposition(flagged, document, today=TODAY), Retain)
