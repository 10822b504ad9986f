"""Why an answer is due on a day: the steps of the law, in plain words, up to the day on record."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.intake.cases.clock import explained_deadline
from services.intake.domain import IntakeCase
from services.intake.pages.deadline_explanation import explanation
from services.intake.pages.site import CATALOGUES, LANGUAGES
from shared.contract.events import RequestReceived
from shared.law import DeadlineCalculator, Regulation, Right, Strictest, TimedDuty, strictest
from tests.unit.fakes import NOW, PRACTICE, Office
from tests.unit.intake_api import CASE
from tests.unit.intake_states import STATES

BERLIN = ZoneInfo("Europe/Berlin")
ENGLISH = CATALOGUES.words("en", BERLIN)


def counted(
    *laws: str,
    right: Right = Right.ACCESS,
    at: datetime = NOW,
    paused: int = 0,
    duty: TimedDuty = TimedDuty.ANSWER,
) -> Strictest:
    policies = [PRACTICE.policies.named(law) for law in laws]
    counting = DeadlineCalculator(PRACTICE.company, PRACTICE.calendars, at, paused)
    found = strictest(policies, duty, right, counting)
    assert found is not None
    return found


def lines(*laws: str, at: datetime = NOW, **how: object) -> list[str]:
    found = counted(*laws, at=at, **how)  # type: ignore[arg-type]
    return [line.text for line in explanation(found, at, ENGLISH, laws=len(laws))]


def test_a_month_ends_on_the_next_working_day() -> None:
    arrived, month, moved = lines("gdpr@2018-05-25")
    assert arrived == "Your request arrived: 5 March 2026, 10:30 CET."
    assert month == (
        "General Data Protection Regulation (GDPR) gives us one month, counted from that day. It ends on "
        "Sunday, 5 April 2026."
    )
    assert moved == (
        "Not working days: Sunday, 5 April 2026 and Monday, 6 April 2026. The next working day therefore "
        "counts: Tuesday, 7 April 2026."
    )


def test_a_month_without_that_day_ends_on_its_last() -> None:
    _, month, *_ = lines("gdpr@2018-05-25", at=datetime(2026, 8, 31, 10, tzinfo=UTC))
    assert month.endswith("September 2026. That month has no day 31, so its last day counts.")


def test_longer_is_counted_from_receipt_too() -> None:
    _, months, *_ = lines("gdpr@2018-05-25", duty=TimedDuty.EXTENDED_ANSWER)
    assert "gives us 3 months in all, counted from that day" in months


@pytest.mark.parametrize(
    ("days", "words"), [(1, "For one day we waited"), (4, "For 4 days we waited")], ids=["one", "several"]
)
def test_a_pause_is_reported_in_days(days: int, words: str) -> None:
    assert words in lines("gdpr@2018-05-25", paused=days)[2]


def test_california_counts_the_day_of_receipt_and_nothing_makes_it_longer() -> None:
    _, days, moved = lines("us-ca-ccpa@2026-01-01")
    assert "gives us 45 days; the first is that day itself" in days
    assert moved.startswith("Not working days: Saturday, 18 April 2026. This does not extend the period")


def test_opt_outs_are_counted_in_working_days() -> None:
    assert (
        "gives us 15 working days after that day"
        in lines("us-ca-ccpa@2026-01-01", right=Right.OPT_OUT_OF_SALE)[1]
    )


def test_of_several_laws_the_strictest_is_named() -> None:
    reported = lines("us-ca-ccpa@2026-01-01", "gdpr@2018-05-25")
    assert reported[1].endswith("so we follow it: General Data Protection Regulation (GDPR).")
    assert not [line for line in lines("gdpr@2018-05-25") if "Several laws" in line]


def test_a_law_of_a_state_keeps_its_name() -> None:
    assert lines("us-co@2023-07-01")[1].startswith("Colorado Privacy Act gives us")


def test_each_step_says_where_the_law_says_so() -> None:
    found = counted("gdpr@2018-05-25", paused=2)
    arrived, *others = explanation(found, NOW, ENGLISH, laws=1)
    assert arrived.provision == ""
    assert others[0].provision.startswith("GDPR Art. 12(3); Reg. (EEC, Euratom) 1182/71")
    assert others[1].provision == "EDPB Guidelines 01/2022 section 5.3"


@given(
    st.sampled_from([policy.id for policy in PRACTICE.policies]),
    st.sampled_from(list(Right)),
    st.integers(0, 3200),  # holidays of India are known until 2035
    st.integers(0, 40),
    st.sampled_from([TimedDuty.ANSWER, TimedDuty.EXTENDED_ANSWER]),
)
def test_every_explanation_ends_on_the_day_itself(
    law: str, right: Right, days: int, paused: int, duty: TimedDuty
) -> None:
    instant = NOW + timedelta(days=days)
    assume(PRACTICE.policies.named(law).rule(duty, right) is not None)
    found = counted(law, right=right, at=instant, paused=paused, duty=duty)
    reported = list(explanation(found, instant, ENGLISH, laws=1))
    last = ENGLISH.weekday(found.last.due_on)
    assert last in reported[-1].text
    assert len(reported) == len(found.last.steps)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_said_in_every_language(language: str) -> None:
    words = CATALOGUES.words(language, BERLIN)
    reported = list(explanation(counted("gdpr@2018-05-25", paused=3), NOW, words, laws=2))
    assert words.weekday(date(2026, 4, 8)) in reported[-1].text
    assert language == "en" or not [
        line for line in reported if "that day" in line.text or "we " in line.text
    ]


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
async def test_a_day_on_record_is_explained(state: Callable[[], Awaitable[Office]]) -> None:
    case = await (await state()).requests.case(CASE)
    found = explained_deadline(case, PRACTICE)
    assert found is not None
    assert found.last.due_on == case.due_on


def test_a_day_that_is_counted_otherwise_today_is_not_explained_away() -> None:
    received = RequestReceived(
        request_id=CASE,
        right=Right.ACCESS,
        regulation=Regulation.GDPR,
        policy="gdpr@2018-05-25",
        source="shop.example.com",
        received_at=NOW,
        received_on=NOW.date(),
        due_on=date(2026, 4, 7),
        internal_due_on=date(2026, 4, 1),
    )
    assert explained_deadline(IntakeCase(received=received), PRACTICE) is not None
    earlier = received.model_copy(update={"due_on": received.due_on - timedelta(days=1)})
    assert explained_deadline(IntakeCase(received=earlier), PRACTICE) is None
    assert explained_deadline(replace(IntakeCase(), received=None), PRACTICE) is None
