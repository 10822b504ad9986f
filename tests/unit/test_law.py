from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared import law as laws
from shared.law import Calendar, DueDate, PeriodUnit, Regulation, Right, TimedDuty, internal_due, needs_proof
from shared.law.library import policies

GDPR, UK_GDPR, CCPA = Regulation.GDPR, Regulation.UK_GDPR, Regulation.CCPA
MONTH_LAWS = (GDPR, UK_GDPR)
OPT_OUTS = (Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE)
ANSWERS = sorted(set(Right) - set(OPT_OUTS))

BERLIN, LONDON, LOS_ANGELES = (
    ZoneInfo(name) for name in ("Europe/Berlin", "Europe/London", "America/Los_Angeles")
)
ZONES = (BERLIN, LONDON, LOS_ANGELES, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Australia/Lord_Howe"))

# A busy machine is no failure of the law.
unhurried = settings(deadline=None)


def calendar(*holidays: str) -> Calendar:
    """A place whose only public holidays are these days, given as ``2026-05-01 May Day``."""
    named = {date.fromisoformat(day): name for day, _, name in (text.partition(" ") for text in holidays)}
    return Calendar("test", lambda year: {day: name for day, name in named.items() if day.year == year})


NO_HOLIDAYS = calendar()
CALIFORNIA_2026 = calendar(
    "2026-01-01 New Year's Day",
    "2026-02-16 Presidents' Day",
    "2026-11-26 Thanksgiving Day",
    "2026-11-27 Day After Thanksgiving",
    "2026-12-25 Christmas Day",
    "2027-01-01 New Year's Day",
)


def noon(day: str | date, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.combine(date.fromisoformat(str(day)), time(12), zone)


def due(law: Regulation, right: Right, at: datetime, zone: ZoneInfo, holidays: Calendar) -> DueDate:
    return laws.due(policies().governing(law, at.date()).answer(right), at, zone, holidays)


def extended_due(
    law: Regulation, right: Right, at: datetime, zone: ZoneInfo, holidays: Calendar
) -> DueDate | None:
    rule = policies().governing(law, at.date()).rule(TimedDuty.EXTENDED_ANSWER, right)
    return None if rule is None else laws.due(rule, at, zone, holidays)


def acknowledgement_due(
    law: Regulation, right: Right, at: datetime, zone: ZoneInfo, holidays: Calendar
) -> DueDate | None:
    rule = policies().governing(law, at.date()).rule(TimedDuty.ACKNOWLEDGEMENT, right)
    return None if rule is None else laws.due(rule, at, zone, holidays)


def answer_due(law: Regulation, received: str | date, holidays: Calendar = NO_HOLIDAYS) -> date:
    return due(law, Right.ACCESS, noon(received), BERLIN, holidays).due_on


def test_answers_in_the_united_kingdom_are_meant_for_a_day_that_both_readings_allow() -> None:
    """UK GDPR Art. 12A(1): the month begins "with the relevant time", so it may end a day earlier."""
    rule = policies().named("uk-gdpr@2026-02-05").answer(Right.ACCESS)
    assert rule.other_reading is not None
    for day in range(3 * 365):
        received = date(2026, 2, 5) + timedelta(days=day)
        counted = laws.due(rule, noon(received), LONDON, NO_HOLIDAYS)
        following = received.replace(day=1) + timedelta(days=31)
        same = min(received.day, monthrange(following.year, following.month)[1])
        earlier = following.replace(day=same) - timedelta(days=rule.other_reading.days_earlier)
        assert internal_due(counted) <= earlier, received


# --- the month of the GDPR and the UK GDPR -------------------------------------------------------------


@pytest.mark.parametrize("law", MONTH_LAWS)
@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param("2024-03-05", "2024-04-05", id="EDPB 01/2022: 5 March, until and including 5 April"),
        pytest.param("2026-08-31", "2026-09-30", id="EDPB 01/2022: 31 August, 30 September"),
        pytest.param("2024-09-03", "2024-10-03", id="ICO: 3 September, 3 October"),
        pytest.param("2025-08-01", "2025-09-01", id="ICO: 1 August, 1 September"),
        pytest.param("2025-01-30", "2025-02-28", id="ICO: 30 January, 28 February"),
        pytest.param("2028-01-31", "2028-02-29", id="31 January in a leap year, 29 February"),
        pytest.param("2028-02-29", "2028-03-29", id="leap day, 29 March"),
        pytest.param("2025-02-28", "2025-03-28", id="the last day of a month is the same day, not the last"),
    ],
)
def test_a_month_ends_on_the_same_day_or_on_the_last(law: Regulation, received: str, expected: str) -> None:
    assert answer_due(law, received) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param("2027-01-31", "2027-03-01", id="clamped to Sunday 28 February, then Monday"),
        pytest.param("2025-12-31", "2026-02-02", id="over the year's end: Saturday 31 January, then Monday"),
        pytest.param("2026-04-01", "2026-05-04", id="ICO: 1 April; Friday 1 May is a holiday, then Monday"),
        pytest.param("2026-04-02", "2026-05-04", id="Saturday"),
        pytest.param("2026-04-03", "2026-05-04", id="Sunday"),
        pytest.param("2026-04-04", "2026-05-04", id="Monday is itself"),
        pytest.param(
            "2026-11-25", "2026-12-28", id="Christmas Day on Friday, 26 and 27 December, then Monday"
        ),
        pytest.param("2026-12-01", "2027-01-04", id="New Year's Day of the next year's calendar"),
    ],
)
def test_an_end_on_a_day_off_becomes_the_next_working_day(received: str, expected: str) -> None:
    holidays = calendar("2026-05-01 May Day", "2026-12-25 Christmas Day", "2027-01-01 New Year's Day")
    assert answer_due(GDPR, received, holidays) == date.fromisoformat(expected)


def test_holidays_inside_the_period_do_not_lengthen_it() -> None:
    inside = calendar("2024-03-06 A", "2024-03-29 B", "2024-04-04 C")
    assert answer_due(GDPR, "2024-03-05", inside) == answer_due(GDPR, "2024-03-05")


def month_by_walking(received_on: date, months: int, holidays: Calendar) -> date:
    """Walk day by day: stop on the day's number in the month wanted, or before that month is over."""
    begun = 0
    for day, tomorrow in pairwise(received_on + timedelta(days=n) for n in range(200)):
        if begun == months and (day.day == received_on.day or tomorrow.day == 1):
            end = day
            break
        begun += tomorrow.day == 1
    while end.weekday() in {5, 6} or end in holidays.holidays_in(end.year):
        end += timedelta(days=1)
    return end


@st.composite
def received_days(draw: st.DrawFn) -> tuple[date, Calendar]:
    """A day of receipt, and a calendar with holidays where they can matter."""
    received_on = draw(st.dates(date(1999, 1, 1), date(2101, 12, 31)))
    offsets = draw(st.sets(st.integers(0, 110), max_size=25))
    return received_on, calendar(*(f"{received_on + timedelta(days=n)} Holiday" for n in offsets))


@pytest.mark.slow
@unhurried
@given(received_days(), st.sampled_from(MONTH_LAWS), st.sampled_from(ANSWERS))
def test_months_agree_with_walking_the_calendar(
    case: tuple[date, Calendar], law: Regulation, right: Right
) -> None:
    received_on, holidays = case
    extended = extended_due(law, right, noon(received_on), BERLIN, holidays)
    assert extended is not None
    assert due(law, right, noon(received_on), BERLIN, holidays).due_on == month_by_walking(
        received_on, 1, holidays
    )
    assert extended.due_on == month_by_walking(received_on, 3, holidays)


@pytest.mark.parametrize("law", MONTH_LAWS)
def test_an_extension_runs_three_months_from_receipt(law: Regulation) -> None:
    extended = extended_due(law, Right.ERASURE, noon("2024-11-30"), BERLIN, NO_HOLIDAYS)
    assert extended is not None
    assert extended.due_on == date(2025, 2, 28)


def test_an_extension_is_not_counted_from_the_end_of_the_first_month() -> None:
    """31 January + 1 is 28 February, from where two months lead to 28 April; from receipt it is 30 April."""
    extended = extended_due(GDPR, Right.ERASURE, noon("2025-01-31"), BERLIN, NO_HOLIDAYS)
    assert extended is not None
    assert extended.due_on == date(2025, 4, 30)


# --- the days of California ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param("2026-01-05", "2026-02-18", id="27 days of January and 18 of February"),
        pytest.param("2026-01-01", "2026-02-13", id="Saturday 14 February, so Friday"),
        pytest.param("2026-01-02", "2026-02-13", id="Sunday 15 February, so Friday"),
        pytest.param("2026-01-03", "2026-02-13", id="Presidents' Day on Monday, so Friday"),
        pytest.param("2026-01-04", "2026-02-17", id="Tuesday is itself"),
        pytest.param("2028-01-31", "2028-03-15", id="1 day of January, 29 of a leap February, 15 of March"),
        pytest.param("2026-11-17", "2026-12-31", id="the last day of the year"),
        pytest.param("2026-11-18", "2026-12-31", id="New Year's Day of the next year's calendar"),
    ],
)
def test_45_days_begin_on_the_day_of_receipt_and_never_end_later(received: str, expected: str) -> None:
    assert answer_due(CCPA, received, CALIFORNIA_2026) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param("2026-01-06", "2026-04-03", id="26 + 28 + 31 + 5: Sunday 5 April, so Friday"),
        pytest.param("2026-01-07", "2026-04-06", id="25 + 28 + 31 + 6: Monday"),
    ],
)
def test_an_extension_makes_90_days_from_receipt(received: str, expected: str) -> None:
    extended = extended_due(CCPA, Right.ACCESS, noon(received), BERLIN, CALIFORNIA_2026)
    assert extended is not None
    assert extended.due_on == date.fromisoformat(expected)


@pytest.mark.parametrize("right", OPT_OUTS)
@pytest.mark.parametrize("law", Regulation)
def test_an_opt_out_takes_15_business_days_under_any_law(law: Regulation, right: Right) -> None:
    """18 November is day 0: 19-25 are 1-5, Thanksgiving and its Friday are none, 30 is 6, 11 December 15."""
    stop = due(law, right, noon("2026-11-18"), BERLIN, CALIFORNIA_2026)
    assert stop.due_on == date(2026, 12, 11)


@pytest.mark.parametrize("right", OPT_OUTS)
@pytest.mark.parametrize("law", Regulation)
def test_an_opt_out_is_neither_extended_nor_acknowledged(law: Regulation, right: Right) -> None:
    assert extended_due(law, right, noon("2026-11-18"), BERLIN, CALIFORNIA_2026) is None
    assert acknowledgement_due(law, right, noon("2026-11-18"), BERLIN, CALIFORNIA_2026) is None


@pytest.mark.parametrize("right", ANSWERS)
def test_california_asks_to_acknowledge_within_10_business_days(right: Right) -> None:
    confirm = acknowledgement_due(CCPA, right, noon("2026-11-18"), BERLIN, CALIFORNIA_2026)
    assert confirm is not None
    assert confirm.due_on == date(2026, 12, 4)


@pytest.mark.parametrize("law", MONTH_LAWS)
def test_the_gdpr_asks_for_no_acknowledgement(law: Regulation) -> None:
    assert acknowledgement_due(law, Right.ACCESS, noon("2026-11-18"), BERLIN, NO_HOLIDAYS) is None


def working_days_after(received_on: date, holidays: Calendar) -> Iterator[date]:
    day = received_on
    while True:
        day = date.fromordinal(day.toordinal() + 1)
        if day.isoweekday() < 6 and day not in holidays.holidays_in(day.year):
            yield day


@unhurried
@given(received_days())
def test_business_days_agree_with_walking_the_calendar(case: tuple[date, Calendar]) -> None:
    received_on, holidays = case
    walked = [day for day, _ in zip(working_days_after(received_on, holidays), range(15), strict=False)]
    stop = due(CCPA, Right.OPT_OUT_OF_SALE, noon(received_on), BERLIN, holidays)
    confirm = acknowledgement_due(CCPA, Right.ACCESS, noon(received_on), BERLIN, holidays)
    assert confirm is not None
    assert (confirm.due_on, stop.due_on) == (walked[9], walked[14])


@unhurried
@given(received_days())
def test_calendar_days_agree_with_walking_the_calendar(case: tuple[date, Calendar]) -> None:
    received_on, holidays = case
    extended = extended_due(CCPA, Right.ACCESS, noon(received_on), BERLIN, holidays)
    assert extended is not None
    for computed, length in ((answer_due(CCPA, received_on, holidays), 45), (extended.due_on, 90)):
        period = [date.fromordinal(received_on.toordinal() + n) for n in range(length)]
        worked = [d for d in period if d.isoweekday() < 6 and d not in holidays.holidays_in(d.year)]
        assert computed == worked[-1]


# --- the day of receipt --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received_at", "zone", "received_on"),
    [
        pytest.param("2026-03-05T23:59:59+01:00", BERLIN, "2026-03-05", id="a minute to midnight counts"),
        pytest.param("2026-03-05T22:59:59+00:00", BERLIN, "2026-03-05", id="23:59 in Berlin"),
        pytest.param(
            "2026-03-05T23:00:00+00:00", BERLIN, "2026-03-06", id="midnight in Berlin, 5 March in UTC"
        ),
        pytest.param("2026-07-01T22:30:00+00:00", BERLIN, "2026-07-02", id="summer time: two hours ahead"),
        pytest.param("2026-03-29T00:30:00+00:00", BERLIN, "2026-03-29", id="the night that loses an hour"),
        pytest.param("2026-10-25T01:30:00+00:00", BERLIN, "2026-10-25", id="the night that gains an hour"),
        pytest.param(
            "2027-01-01T07:59:00+00:00", LOS_ANGELES, "2026-12-31", id="still last year in California"
        ),
    ],
)
def test_the_day_of_receipt_is_that_of_the_place_that_answers(
    received_at: str, zone: ZoneInfo, received_on: str
) -> None:
    computed = due(GDPR, Right.ACCESS, datetime.fromisoformat(received_at), zone, NO_HOLIDAYS)
    assert computed.received_on == date.fromisoformat(received_on)


@pytest.mark.slow
@unhurried
@given(
    st.datetimes(datetime(1999, 1, 1), datetime(2101, 1, 1), timezones=st.sampled_from(ZONES)),  # noqa: DTZ001 - hypothesis adds the zone
    st.sampled_from(ZONES),
    st.sampled_from(Regulation),
    st.sampled_from(Right),
)
@example(datetime(2000, 3, 26, 1, tzinfo=LONDON), LONDON, GDPR, Right.ACCESS)  # a time the clocks skipped
def test_the_same_instant_gives_the_same_day_however_it_is_written(
    received_at: datetime, zone: ZoneInfo, law: Regulation, right: Right
) -> None:
    as_written, in_utc = (
        due(law, right, at, zone, CALIFORNIA_2026) for at in (received_at, received_at.astimezone(UTC))
    )
    assert as_written == in_utc


def test_a_time_of_receipt_without_an_offset_is_an_error() -> None:
    with pytest.raises(ValueError, match="offset"):
        due(GDPR, Right.ACCESS, noon("2026-03-05").replace(tzinfo=None), BERLIN, NO_HOLIDAYS)


# --- the internal target -------------------------------------------------------------------------------


def legal(law: Regulation, right: Right, received: str | date, holidays: Calendar = NO_HOLIDAYS) -> DueDate:
    return due(law, right, noon(received), BERLIN, holidays)


@pytest.mark.parametrize(
    ("law", "right", "expected"),
    [
        pytest.param(GDPR, Right.ACCESS, "2026-03-30", id="GDPR: 28 days"),
        pytest.param(UK_GDPR, Right.ACCESS, "2026-03-30", id="UK GDPR: 28 days"),
        pytest.param(CCPA, Right.ACCESS, "2026-04-10", id="CCPA: day 40 of 45"),
        pytest.param(CCPA, Right.OPT_OUT_OF_SALE, "2026-03-16", id="opt-out: business day 10 of 15"),
    ],
)
def test_the_answer_is_meant_for_some_days_before_the_last(
    law: Regulation, right: Right, expected: str
) -> None:
    assert internal_due(legal(law, right, "2026-03-02")) == date.fromisoformat(expected)


def test_the_controller_may_choose_a_wider_margin_but_not_more_than_28_days() -> None:
    month = legal(GDPR, Right.ACCESS, "2026-03-05")
    assert internal_due(month, margin=timedelta(days=10)) == date(2026, 3, 27)
    assert internal_due(month, margin=timedelta(0)) == date(2026, 4, 2)


def test_target_day_in_february_is_the_day_before_the_last() -> None:
    february = legal(GDPR, Right.ACCESS, "2027-02-01")
    assert february.due_on == date(2027, 3, 1)
    assert internal_due(february) == internal_due(february, margin=timedelta(0)) == date(2027, 2, 28)


def test_an_extended_month_rule_is_meant_for_28_days_a_month() -> None:
    extended = extended_due(GDPR, Right.ACCESS, noon("2026-03-05"), BERLIN, NO_HOLIDAYS)
    assert extended is not None
    assert internal_due(extended) == date(2026, 3, 5) + timedelta(days=84)


@unhurried
@given(
    received_days(),
    st.sampled_from(Regulation),
    st.sampled_from(Right),
    st.none() | st.timedeltas(timedelta(days=-90), timedelta(days=90)),
)
def test_the_internal_target_is_never_after_the_last_day_nor_before_receipt(
    case: tuple[date, Calendar], law: Regulation, right: Right, margin: timedelta | None
) -> None:
    received_on, holidays = case
    last = legal(law, right, received_on, holidays)
    target = internal_due(last, margin=margin)
    assert received_on <= target <= last.due_on
    if last.rule.unit is PeriodUnit.MONTH:
        assert target <= received_on + timedelta(days=28)


# --- the explanation -----------------------------------------------------------------------------------


def test_a_rolled_month_is_explained_step_by_step() -> None:
    easter = calendar("2027-03-26 Good Friday", "2027-03-29 Easter Monday")
    late = datetime(2027, 2, 25, 23, 30, tzinfo=UTC)
    computed = due(GDPR, Right.ACCESS, late, BERLIN, easter)
    assert "\n".join(map(str, computed.steps)) == (
        "2027-02-26  received at 00:30 Europe/Berlin [GDPR Art. 12(3)]\n"
        "2027-03-26  1 month later [Reg. (EEC, Euratom) 1182/71 Art. 3]\n"
        "2027-03-30  next working day after 2027-03-26 (Good Friday), 2027-03-27 (Saturday), "
        "2027-03-28 (Sunday), 2027-03-29 (Easter Monday) [Reg. (EEC, Euratom) 1182/71 Art. 3]"
    )
    assert (str(computed.rule), computed.zone) == ("1 month [GDPR Art. 12(3)]", "Europe/Berlin")


def test_a_month_that_lacks_the_day_says_so() -> None:
    _, month = legal(GDPR, Right.ACCESS, "2025-01-31").steps
    assert month.reason == "1 month later, the last day: there is no day 31"


def test_an_end_brought_forward_says_so() -> None:
    *_, brought_forward = legal(CCPA, Right.ACCESS, "2026-01-03", CALIFORNIA_2026).steps
    assert brought_forward.reason == (
        "nothing moves the end later, so before 2026-02-16 (Presidents' Day), "
        "2026-02-15 (Sunday), 2026-02-14 (Saturday)"
    )


def test_business_days_name_the_holidays_left_out() -> None:
    *_, counted = legal(CCPA, Right.OPT_OUT_OF_SALE, "2026-11-18", CALIFORNIA_2026).steps
    assert counted.reason == (
        "15 business days after the day of receipt, without weekends, "
        "2026-11-26 (Thanksgiving Day), 2026-11-27 (Day After Thanksgiving)"
    )


@unhurried
@given(received_days(), st.sampled_from(Regulation), st.sampled_from(Right))
def test_the_steps_lead_from_the_day_of_receipt_to_the_last_day(
    case: tuple[date, Calendar], law: Regulation, right: Right
) -> None:
    received_on, holidays = case
    computed = legal(law, right, received_on, holidays)
    assert (computed.steps[0].day, computed.steps[-1].day) == (received_on, computed.due_on)
    assert all(step.reason and step.provision for step in computed.steps)


# --- who is asked for proof ---------------------------------------------------------------------------


@pytest.mark.parametrize("right", Right)
def test_only_requests_that_could_harm_the_person_need_proof(right: Right) -> None:
    """11 CCR §§ 7026(d), 7027(e), 7060(b); GDPR Art. 7(3)."""
    free = {Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE, Right.CONSENT_WITHDRAWAL}
    assert needs_proof(right) is (right not in free)


@pytest.mark.parametrize("right", Right)
def test_only_an_objection_to_direct_marketing_needs_no_proof(
    right: Right,
) -> None:
    """GDPR Art. 21(2)-(3)."""
    assert needs_proof(right, direct_marketing=True) is (needs_proof(right) and right is not Right.OBJECTION)
