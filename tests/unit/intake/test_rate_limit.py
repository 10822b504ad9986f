"""Rate limits: a storm is spread over hours, the most urgent first, at most for a day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.rate_limit import (
    HOUR,
    LONGEST_WAIT,
    RateLane,
    allowance,
    begins_at_once,
    lane_of,
    next_hour,
)
from services.intake.domain import PUBLIC_SOURCES
from shared.contract.events import BurstDeclared, LastDay, RequestReceived
from shared.law import Right, TimedDuty
from shared.law.terms import PROOFLESS

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
SHOP, PORTAL = "shop.example", "portal.example"


def burst(incident: str = "breach", **changes: object) -> BurstDeclared:
    fields = {"since": NOON, "until": NOON + HOUR, "per_hour": 20} | changes
    return BurstDeclared.model_validate({"request_id": "0" * 32, "by": "dana", "incident": incident} | fields)


# --- lanes ------------------------------------------------------------------------------------------------


def test_each_source_has_the_limit_that_names_it_or_that_of_all_others() -> None:
    limits = {SHOP: 5, "*": 100}
    assert lane_of(SHOP, NOON, limits, ()) == RateLane("source shop.example", 5)
    assert lane_of(PORTAL, NOON, limits, ()) == RateLane("source portal.example", 100)
    assert lane_of(PORTAL, NOON, {SHOP: 5}, ()).per_hour is None


def test_requests_by_public_channels_are_not_counted_together() -> None:
    for source in PUBLIC_SOURCES:
        assert lane_of(source, NOON, {"*": 1}, ()).per_hour is None


def test_own_sources_have_a_limit_only_if_named() -> None:
    for own in ("habeas/unsubscribe", "habeas/drop", "habeas/command"):
        assert lane_of(own, NOON, {"*": 1}, ()).per_hour is None
        assert lane_of(own, NOON, {"*": 1, own: 5}, ()).per_hour == 5
        assert lane_of(own, NOON, {"*": 1}, [burst()]).per_hour == 20


def test_requests_of_a_declared_incident_are_one_lane_and_bear_its_name() -> None:
    for source in (SHOP, *PUBLIC_SOURCES):
        assert lane_of(source, NOON, {SHOP: 5}, [burst()]) == RateLane("incident breach", 20, "breach")


def test_an_incident_without_a_limit_marks_and_leaves_each_source_its_own() -> None:
    assert lane_of(SHOP, NOON, {SHOP: 5}, [burst(per_hour=None)]) == RateLane(
        "source shop.example", 5, "breach"
    )


def test_an_incident_is_of_its_time_and_of_the_source_it_names() -> None:
    assert lane_of(SHOP, NOON - timedelta(seconds=1), {}, [burst()]).incident is None
    assert lane_of(SHOP, NOON + HOUR, {}, [burst()]).incident is None
    assert lane_of(SHOP, NOON, {}, [burst(source=PORTAL)]).incident is None
    assert lane_of(SHOP, NOON, {}, [burst("one", source=PORTAL), burst("two")]).incident == "two"


# --- who must not wait ------------------------------------------------------------------------------------


def received(right: str = "access", **changes: object) -> RequestReceived:
    fields = {
        "request_id": "0" * 32,
        "regulation": "gdpr",
        "policy": "gdpr@2018-05-25",
        "source": SHOP,
        "received_at": NOON,
        "received_on": date(2026, 3, 5),
        "due_on": date(2026, 4, 7),
        "internal_due_on": date(2026, 3, 5),
    }
    return RequestReceived.model_validate(fields | {"right": right} | changes)


@pytest.mark.parametrize(
    ("right", "at_once"),
    [(right, right in PROOFLESS) for right in Right],
)
def test_requests_without_proof_begin_at_once(right: Right, at_once: bool) -> None:
    assert begins_at_once(received(right), NOON, UTC) is at_once


def test_objections_to_marketing_and_requests_of_children_begin_at_once() -> None:
    assert begins_at_once(received("objection", direct_marketing=True), NOON, UTC)
    assert begins_at_once(received(child=True), NOON, UTC)


@pytest.mark.parametrize(("days", "at_once"), [(-3, True), (0, True), (1, True), (2, False), (30, False)])
def test_a_request_with_a_near_deadline_begins_at_once(days: int, at_once: bool) -> None:
    day = NOON.date() + timedelta(days=days)
    assert begins_at_once(received(due_on=day), NOON, UTC) is at_once
    for duty, counts in ((TimedDuty.ACKNOWLEDGEMENT, at_once), (TimedDuty.EXTENDED_ANSWER, False)):
        last = LastDay(duty=duty, policy="ccpa@2026-01-01", on=day)
        assert begins_at_once(received(last_days=(last,)), NOON, UTC) is counts


def test_a_last_day_comes_where_the_company_is() -> None:
    """At noon in London it is the next day in Auckland."""
    tomorrow = received(due_on=date(2026, 3, 7))
    assert not begins_at_once(tomorrow, NOON, UTC)
    assert begins_at_once(tomorrow, NOON, ZoneInfo("Pacific/Auckland"))


# --- hours ------------------------------------------------------------------------------------------------


def test_as_many_begin_as_the_hour_has_left() -> None:
    assert allowance(10, waiting=50, begun=4, oldest=NOON, now=NOON) == 6
    assert allowance(10, waiting=3, begun=4, oldest=NOON, now=NOON) == 3
    assert allowance(10, waiting=50, begun=10, oldest=NOON, now=NOON) == 0


def test_an_hour_gives_all_that_it_must_give_although_they_begin_in_parts() -> None:
    last = NOON + LONGEST_WAIT - HOUR
    assert allowance(1, waiting=100, begun=0, oldest=NOON, now=last) == 100
    assert allowance(1, waiting=40, begun=60, oldest=NOON, now=last) == 40


def test_all_begin_where_there_is_no_limit_any_more() -> None:
    assert allowance(None, waiting=50, begun=4, oldest=NOON, now=NOON) == 50


@given(per_hour=st.integers(1, 500), storm=st.integers(0, 100_000))
def test_no_request_waits_longer_than_a_day_and_the_hours_are_even(per_hour: int, storm: int) -> None:
    waiting, now = storm, NOON
    largest = max(per_hour, -(-storm // (LONGEST_WAIT // HOUR)))
    while waiting:
        assert now < NOON + LONGEST_WAIT
        begins = allowance(per_hour, waiting=waiting, begun=0, oldest=NOON, now=now)
        assert begins <= largest
        assert begins == waiting or begins >= per_hour
        again = allowance(per_hour, waiting=waiting - begins, begun=begins, oldest=NOON, now=now)
        assert again == 0  # the same hour gives nothing twice
        waiting -= begins
        now += HOUR


def test_hours_are_those_of_the_clock() -> None:
    assert next_hour(NOON + timedelta(minutes=59, seconds=59)) == NOON + HOUR
    assert next_hour(NOON) == NOON + HOUR
