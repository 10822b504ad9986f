"""By when each recipient is told of a breach, and how that is explained."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest

from bench.clock import Day, walked
from shared.law import CompanyProfile
from shared.law.breaches import (
    Breach,
    BreachPolicies,
    BreachPolicy,
    BreachRole,
    Clock,
    NoticeRecipientKind,
    NoticeRule,
    ProcessorCustomer,
    Risk,
    clocks,
)
from shared.law.calendars import calendar_named
from shared.law.library import breach_policies
from tests.unit.breach_cases import (
    ACCEPTED,
    AWARE,
    BERLIN,
    NEW_YORK,
    NOWHERE,
    breach,
    company,
    unread_breach_deadlines,
)

Residents: TypeAlias = Mapping[Any, int]


def counted(said: Breach, residents: Residents, to: CompanyProfile = NOWHERE) -> dict[str, Clock]:
    found = clocks(said, residents, ACCEPTED, to, calendar_named)
    assert len({clock.id for clock in found}) == len(found)
    return {clock.id: clock for clock in found}


def owed(said: Breach, residents: Residents, to: CompanyProfile = NOWHERE) -> set[str]:
    return {id_ for id_, clock in counted(said, residents, to).items() if clock.owed}


def due(said: Breach, residents: Residents, clock: str, to: CompanyProfile = NOWHERE) -> str | None:
    found = counted(said, residents, to)[clock]
    assert found.owed
    return f"{found.due_at:%Y-%m-%d %H:%M}" if found.due_at else None


def test_authority_is_notified_within_72_hours_of_awareness() -> None:
    """GDPR Art. 33(1); Reg. (EEC, Euratom) 1182/71 Art. 3(4): nights and Sundays run on."""
    friday = datetime(2026, 3, 6, 19, tzinfo=UTC)
    said = breach(detected_at=friday - timedelta(days=9), aware_at=friday)
    found = counted(said, {"DE": 1}, BERLIN)["gdpr.authority.DE"]
    assert (found.begun_at, found.due_at) == (friday, friday + timedelta(hours=72))
    assert [str(step) for step in found.why] == [
        "2026-03-06  awareness at 20:00 Europe/Berlin [GDPR Art. 33(1)]",
        (
            "2026-03-09  72 hours later, nights and days off included: 20:00; "
            "by another reading, not to be relied on, 2026-03-11 00:00 [GDPR Art. 33(1)]"
        ),
    ]


def test_harmless_breach_is_recorded_without_notice_with_the_reason() -> None:
    found = counted(breach(risk=Risk.UNLIKELY), {"DE": 1}, BERLIN)["gdpr.authority.DE"]
    assert (found.owed, found.due_at) == (False, None)
    assert "; ".join(map(str, found.why)) == (
        "2026-03-02  harm is unlikely: it is recorded, with the reason, and not notified [GDPR Art. 33(1)]"
    )


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        pytest.param(Risk.HIGH, {"gdpr.authority.DE", "gdpr.people"}, id="high"),
        pytest.param(Risk.RISK, {"gdpr.authority.DE"}, id="a risk"),
        pytest.param(Risk.UNLIKELY, set(), id="unlikely"),
    ],
)
def test_authority_is_notified_of_a_risk_and_people_of_a_high_one(risk: Risk, expected: set[str]) -> None:
    assert owed(breach(risk=risk), {"DE": 1}, BERLIN) == expected


def test_authority_is_notified_of_unreadable_data() -> None:
    assert owed(breach(unintelligible=True), {"DE": 1}, BERLIN) == {"gdpr.authority.DE"}


@pytest.mark.parametrize(
    ("residents", "to", "expected"),
    [
        pytest.param({"DE": 2, "FR": 1}, BERLIN, {"DE"}, id="established in one: the lead authority alone"),
        pytest.param({"FR": 1}, company("US-NY", "IE"), {"IE"}, id="a further establishment leads as well"),
        pytest.param({"FR": 1}, company("AX"), {"FI"}, id="a part of a Member State is that State's"),
        pytest.param({}, BERLIN, {"DE"}, id="before anybody knows who is affected"),
        pytest.param({"US-CA": 9}, BERLIN, {"DE"}, id="nobody of the Union is affected"),
        pytest.param({"DE": 2, "DE-BY": 1, "FR": 1, "RE": 1, "IT": 0}, NEW_YORK, {"DE", "FR"}, id="in none"),
        pytest.param({"US-CA": 9}, NEW_YORK, set(), id="in none, and nobody lives in one"),
    ],
)
def test_company_outside_the_union_notifies_each_affected_state(
    residents: dict[str | None, int], to: CompanyProfile, expected: set[str]
) -> None:
    """GDPR Art. 55-56; EDPB Guidelines 9/2022 para. 73."""
    found = owed(breach(), residents, to)
    assert {id_ for id_ in found if id_.startswith("gdpr.authority")} == {
        f"gdpr.authority.{state}" for state in expected
    }


def test_united_kingdom_and_switzerland_are_notified_in_addition() -> None:
    residents = {"DE": 1, "GB": 1, "CH": 1}
    found = owed(breach(), residents, BERLIN)
    assert {"gdpr.authority.DE", "uk-gdpr.authority", "ch-fadp.authority"} <= found
    assert due(breach(), residents, "uk-gdpr.authority") == "2026-03-05 10:20"
    assert due(breach(), residents, "ch-fadp.authority") is None


def test_a_clock_without_a_number_says_that_nothing_may_be_put_off() -> None:
    found = counted(breach(), {"CH": 1})["ch-fadp.people"]
    assert found.owed
    assert str(found.why[-1]) == "2026-03-02  no number: without undue delay [FADP Art. 24(4)]"


# --- the States: days, from what, and the end brought forward off days off ----------------------------

WITHOUT_A_NUMBER = (
    "AK", "AR", "DC", "GA", "HI", "IA", "ID", "IL", "KS", "KY", "MA", "MI", "MN", "MO", "MS", "MT", "NC",
    "ND", "NE", "NH", "NJ", "NV", "OK", "PA", "SC", "UT", "VA", "WV", "WY",
)  # fmt: skip
NUMBERS = {
    **dict.fromkeys(("CA", "CO", "FL", "ME", "NY", "WA"), 30),
    **dict.fromkeys(("AL", "AZ", "IN", "MD", "NM", "OH", "OR", "RI", "TN", "VT", "WI"), 45),
    **dict.fromkeys(("CT", "DE", "LA", "SD", "TX"), 60),
    **dict.fromkeys(WITHOUT_A_NUMBER),
}


def of_state(state: str) -> Any:
    return next(
        one for one in breach_policies().of_that_day(AWARE.date()) if one.law == f"us-{state.lower()}"
    )


@pytest.mark.parametrize(("state", "days"), sorted(NUMBERS.items()))
def test_each_state_sets_the_days_for_notice_to_people(state: str, days: int | None) -> None:
    notice = of_state(state).notice(NoticeRecipientKind.PEOPLE)
    assert (notice.length, notice.unit) == ((days, "calendar day") if days else (None, None))


def test_all_fifty_states_and_the_district_have_their_file() -> None:
    states = {policy.law for policy in breach_policies() if policy.law.startswith("us-")}
    assert states == {f"us-{state.lower()}" for state in NUMBERS}
    assert len(states) == 51


@pytest.mark.parametrize(
    ("state", "begins", "due_at"),
    [
        # Day 1 is 2 March: day 30 is 31 March, Cesar Chavez Day in California.
        pytest.param("CA", "detected", "2026-03-30 23:59", id="California, off a holiday of its own"),
        pytest.param("NY", "detected", "2026-03-31 23:59", id="New York, which knows no such holiday"),
        pytest.param("TX", "aware", "2026-05-08 23:59", id="Texas: from the determination"),
        pytest.param("OH", "detected", "2026-04-15 23:59", id="Ohio: 45 days from discovery"),
        pytest.param("CO", "aware", "2026-04-08 23:59", id="Colorado: from the determination"),
    ],
)
def test_days_begin_with_discovery_or_with_awareness_as_the_law_says(
    state: str, begins: str, due_at: str
) -> None:
    """Discovery on 2 March, awareness on 10 March; the day itself is day 1, the end is before days off."""
    said = breach(aware_at=AWARE + timedelta(days=8))
    assert due(said, {f"US-{state}": 1}, f"us-{state.lower()}.people") == due_at
    assert (
        of_state(state).notice(NoticeRecipientKind.PEOPLE).since
        == {
            "detected": "discovery",
            "aware": "awareness",
        }[begins]
    )


FROM = {
    "CA": 501, "CO": 500, "FL": 500, "WA": 501, "AL": 1001, "OR": 251, "TX": 250, "IA": 501,
    "NY": 1, "CT": 1, "MA": 1, "NE": 1, "VT": 1,
}  # fmt: skip


@pytest.mark.parametrize(("state", "least"), sorted(FROM.items()))
def test_attorney_general_is_notified_from_a_number_of_residents_on(state: str, least: int) -> None:
    clock = f"us-{state.lower()}.attorney_general"
    assert counted(breach(), {f"US-{state}": least})[clock].owed
    if least > 1:
        short = counted(breach(), {f"US-{state}": least - 1, "US-WY": 9_000})[clock]
        assert not short.owed
        assert short.why[0].reason == f"people affected: {least - 1}; notice is due from {least} on"


@pytest.mark.parametrize("residents", [{}, {None: 0}, {None: 0, "DE": 0}])
def test_number_is_unknown_without_found_people(residents: Residents) -> None:
    """GDPR Art. 33(1): a filter with a slip in it finds nobody, and the 72 hours run."""
    assert owed(breach(), residents, BERLIN) == {"gdpr.authority.DE", "gdpr.people"}
    assert counted(breach(), residents, company("US-CA"))["us-ca.attorney_general"].owed


def test_number_of_people_is_no_exemption_while_unknown() -> None:
    assert counted(breach(), {}, company("US-CA"))["us-ca.attorney_general"].owed


@pytest.mark.parametrize(
    "state", ["AK", "GA", "ID", "KS", "KY", "MI", "MN", "MS", "NV", "OH", "TN", "WI", "WV", "WY"]
)
def test_some_states_demand_no_notice_to_an_attorney_general(state: str) -> None:
    assert of_state(state).notice(NoticeRecipientKind.ATTORNEY_GENERAL) is None


@pytest.mark.parametrize(
    ("state", "people", "expected"),
    [("MN", 501, True), ("MN", 500, False), ("TX", 10_001, True), ("TX", 10_000, False), ("FL", 1001, True)],
)
def test_credit_agencies_are_notified_from_a_number_of_residents_on(
    state: str, people: int, expected: bool
) -> None:
    clock = f"us-{state.lower()}.consumer_agencies"
    assert counted(breach(), {f"US-{state}": people})[clock].owed is expected


def test_minnesota_demands_notice_within_48_hours() -> None:
    assert due(breach(), {"US-MN": 501}, "us-mn.consumer_agencies") == "2026-03-04 10:20"


def test_californias_attorney_general_is_notified_15_days_after_the_people() -> None:
    """Cal. Civ. Code § 1798.82(f). Before they are told nobody can say when that is."""
    residents = {"US-CA": 501}
    waiting = counted(breach(), residents)["us-ca.attorney_general"]
    assert (waiting.owed, waiting.begun_at, waiting.due_at) == (True, None, None)
    assert "has not happened yet" in waiting.why[-1].reason
    said = breach(done_clocks=(("us-ca.people", datetime(2026, 3, 13, 8, tzinfo=UTC)),))
    assert due(said, residents, "us-ca.attorney_general") == "2026-03-27 23:59"


@pytest.mark.parametrize(
    ("clock", "told", "due_at"),
    [
        pytest.param(
            "us-ia.attorney_general", "us-ia.people", "2026-03-20 23:59", id="Iowa: 5 business days"
        ),
        pytest.param("us-la.attorney_general", "us-la.people", "2026-03-20 23:59", id="Louisiana: 10 days"),
        pytest.param("us-ok.attorney_general", "us-ok.people", "2026-05-11 23:59", id="Oklahoma: 60 days"),
    ],
)
def test_other_recipients_are_notified_after_the_people(clock: str, told: str, due_at: str) -> None:
    said = breach(done_clocks=((told, datetime(2026, 3, 13, 8, tzinfo=UTC)),))
    state = f"US-{clock[3:5].upper()}"
    assert due(said, {state: 600}, clock) == due_at


BEFORE_PEOPLE = ("ar", "ct", "de", "il", "md", "ne", "nj", "vt")


@pytest.mark.parametrize("state", BEFORE_PEOPLE)
def test_some_officers_are_notified_no_later_than_the_people(state: str) -> None:
    """Ark. Code § 4-110-105(b)(2); Conn. Gen. Stat. § 36a-701b(b)(2); N.J.S.A. 56:8-163(c), and the like."""
    clock, residents = f"us-{state}.attorney_general", {f"US-{state.upper()}": 2_000}
    before, told_at = counted(breach(), residents)[clock], AWARE + timedelta(days=4)
    assert before.begun_at == AWARE
    assert before.due_at is None or before.due_at > told_at
    after = counted(breach(done_clocks=((f"us-{state}.people", told_at),)), residents)[clock]
    assert after.due_at == told_at
    assert after.why[-1].reason == "not after the people, notified at 10:20"
    late = breach(done_clocks=((f"us-{state}.people", AWARE + timedelta(days=99)),))
    assert counted(late, residents)[clock].due_at == before.due_at or before.due_at is None


def test_other_officers_need_notified_people() -> None:
    bound = {policy.law for policy in breach_policies() for notice in policy.notices if notice.not_after}
    assert bound == {f"us-{state}" for state in BEFORE_PEOPLE}


def test_vermonts_attorney_general_is_notified_within_14_business_days() -> None:
    """9 V.S.A. § 2435(b)(3). 3 March 2026 is Town Meeting Day there."""
    assert due(breach(), {"US-VT": 1}, "us-vt.attorney_general") == "2026-03-23 23:59"


# --- processors ---------------------------------------------------------------------------------------

PROCESSOR = replace(
    breach(role=BreachRole.PROCESSOR),
    controllers=(ProcessorCustomer("acme", 12), ProcessorCustomer("globex")),
)


def test_customer_is_notified_within_the_hours_of_its_contract_or_24() -> None:
    """GDPR Art. 33(2)."""
    found = counted(PROCESSOR, {}, BERLIN)
    assert found["gdpr.controller.acme"].due_at == AWARE + timedelta(hours=12)
    assert found["gdpr.controller.globex"].due_at == AWARE + timedelta(hours=24)
    assert owed(PROCESSOR, {}, BERLIN) == {"gdpr.controller.acme", "gdpr.controller.globex"}


def test_processor_with_unknown_customers_has_its_clock() -> None:
    assert owed(breach(role=BreachRole.PROCESSOR), {}, BERLIN) == {"gdpr.controller"}


def test_a_contract_has_its_clock_where_no_law_on_breaches_binds_the_processor() -> None:
    """Neither Japan nor what the company grants to everybody has a law on breaches here."""
    japanese = company("JP", others="us-ca-ccpa")
    for residents in ({}, {"JP": 3}):
        found = counted(PROCESSOR, residents, japanese)
        assert found["contract.controller.acme"].due_at == AWARE + timedelta(hours=12)
        assert set(found) == {"contract.controller.acme", "contract.controller.globex"}
        assert owed(breach(role=BreachRole.PROCESSOR), residents, japanese) == {"contract.controller"}


def test_a_contract_is_no_law() -> None:
    assert not counted(breach(), {"JP": 3}, company("JP", others="us-ca-ccpa"))


def test_a_law_that_is_stricter_than_the_contract_prevails() -> None:
    """Fla. Stat. § 501.171(6): at the latest on day 10, however long the contract gives."""
    slow = replace(PROCESSOR, controllers=(ProcessorCustomer("acme", 240 + 24),))
    residents = {"US-FL": 1}
    assert due(slow, residents, "us-fl.controller.acme", NEW_YORK) == "2026-03-11 23:59"


def test_processor_notifies_no_authority_and_gives_the_reason() -> None:
    found = counted(PROCESSOR, {"US-CA": 600}, BERLIN)
    for clock in "gdpr.authority.DE", "us-ca.people", "us-ca.attorney_general":
        assert not found[clock].owed
        assert found[clock].why[0].reason == "the company is the processor: the controller notifies"


def test_a_controller_has_no_clock_for_customers_it_does_not_name() -> None:
    assert not any("controller" in id_ for id_ in counted(breach(), {"US-CA": 1}, BERLIN))


AT_ONCE = (
    "AR", "AZ", "CA", "CT", "DE", "ID", "IL", "MO", "MT", "NC", "ND", "NH", "NV", "TX", "VT", "WV",
)  # fmt: skip
VENDOR = {**dict.fromkeys(AT_ONCE), **dict.fromkeys(("AL", "FL", "MD", "OR"), 10), "NY": 30}


@pytest.mark.parametrize(("state", "days"), sorted(VENDOR.items()))
def test_each_state_sets_the_deadline_for_the_owner_of_the_data(state: str, days: int | None) -> None:
    notice = of_state(state).notice(NoticeRecipientKind.CONTROLLER)
    assert (notice.length, notice.unit) == ((days, "calendar day") if days else (None, None))


# --- elsewhere ----------------------------------------------------------------------------------------


def test_brazil_and_its_people_are_notified_within_three_business_days() -> None:
    """ANPD Res. 15/2024. Friday, 17 April 2026: 21 April is Tiradentes."""
    friday = datetime(2026, 4, 17, 12, tzinfo=UTC)
    said = breach(detected_at=friday, aware_at=friday)
    for clock in "br-lgpd.authority", "br-lgpd.people":
        assert due(said, {"BR": 1}, clock) == "2026-04-23 23:59"
        assert due(said, {"BR": 1}, clock, company("JP", small=True)) == "2026-04-28 23:59"


def test_brazil_gets_the_rest_within_20_business_days_of_the_first_notice() -> None:
    clock = "br-lgpd.authority.supplement"
    assert counted(breach(), {"BR": 1})[clock].due_at is None
    said = breach(done_clocks=(("br-lgpd.authority", AWARE),))
    assert due(said, {"BR": 1}, clock) == "2026-03-30 23:59"


def test_brazil_demands_90_days_of_public_notice_without_individual_notice() -> None:
    clock = "br-lgpd.public"
    assert not counted(breach(), {"BR": 1})[clock].owed
    found = counted(breach(unreached=True), {"BR": 1})[clock]
    assert (found.owed, found.notice.public_days) == (True, 90)


@pytest.mark.parametrize(
    ("risk", "people", "expected"),
    [(Risk.RISK, 1, True), (Risk.UNLIKELY, 499, False), (Risk.UNLIKELY, 500, True)],
)
def test_singapore_is_notified_of_harm_or_of_500_people(risk: Risk, people: int, expected: bool) -> None:
    """PDPA s. 26B."""
    assert counted(breach(risk=risk), {"SG": people})["sg-pdpa.authority"].owed is expected


def test_singapore_is_notified_three_days_after_the_assessment() -> None:
    """PDPA s. 26D(1). Who does not say when it was assessed has done so when it became known."""
    assert due(breach(), {"SG": 1}, "sg-pdpa.authority") == "2026-03-05 23:59"
    later = breach(assessed_at=AWARE + timedelta(days=6))
    assert due(later, {"SG": 1}, "sg-pdpa.authority") == "2026-03-11 23:59"


@pytest.mark.parametrize(
    ("aware_at", "zone", "due_at"),
    [
        pytest.param("2026-03-02T13:00Z", "America/New_York", "2026-03-05T23:59+08:00", id="there first"),
        # It is Tuesday in Singapore already, and not yet in New York.
        pytest.param("2026-03-02T17:00Z", "America/New_York", "2026-03-05T23:59-05:00", id="a day before"),
        pytest.param("2026-03-02T05:00Z", "Pacific/Auckland", "2026-03-05T23:59+13:00", id="here first"),
    ],
)
def test_days_are_counted_here_and_there_and_the_earlier_end_counts(
    aware_at: str, zone: str, due_at: str
) -> None:
    at = datetime.fromisoformat(aware_at)
    to = NOWHERE.model_copy(update={"zone": ZoneInfo(zone)})
    found = counted(breach(aware_at=at, detected_at=at), {"SG": 1}, to)["sg-pdpa.authority"]
    assert found.due_at == datetime.fromisoformat(due_at)


def test_in_no_state_a_day_ends_later_than_in_new_york() -> None:
    """Late on 1 March in Honolulu it is 2 March there; at noon it is the same day, which ends there first."""
    honolulu = NOWHERE.model_copy(update={"zone": ZoneInfo("Pacific/Honolulu")})
    found = counted(breach(), {"US-OH": 1}, honolulu)["us-oh.people"]
    assert found.due_at == datetime.fromisoformat("2026-04-14T23:59-10:00")
    noon = AWARE.replace(hour=22)
    found = counted(breach(detected_at=noon, aware_at=noon), {"US-OH": 1}, honolulu)["us-oh.people"]
    assert found.due_at == datetime.fromisoformat("2026-04-15T23:59-04:00")


def test_india_gets_a_detailed_report_within_72_hours() -> None:
    said = breach(risk=Risk.UNLIKELY, **dict.fromkeys(("aware_at", "detected_at"), AWARE.replace(year=2028)))
    found = counted(said, {"IN": 1})
    assert found["in-dpdp.authority.detailed_report"].due_at == said.aware_at + timedelta(hours=72)
    assert (found["in-dpdp.authority"].owed, found["in-dpdp.authority"].due_at) == (True, None)


def test_significant_incident_is_reported_to_the_csirt_three_times() -> None:
    """NIS2 Art. 23(4): also by a processor."""
    said = replace(PROCESSOR, sensitive_to_security=True)
    found = counted(said, {}, BERLIN)
    assert found["nis2.csirt.early_warning.DE"].due_at == AWARE + timedelta(hours=24)
    assert found["nis2.csirt.notification.DE"].due_at == AWARE + timedelta(hours=72)
    assert (found["nis2.csirt.final_report.DE"].owed, found["nis2.csirt.final_report.DE"].due_at) == (
        True,
        None,
    )
    assert found["nis2.service_recipients"].owed
    told = replace(said, done_clocks=(("nis2.csirt.notification.DE", AWARE),))
    assert due(told, {}, "nis2.csirt.final_report.DE", BERLIN) == "2026-04-02 23:59"


PROGRESS, FINAL = "nis2.csirt.progress_report.DE", "nis2.csirt.final_report.DE"


@pytest.mark.parametrize(
    ("goes_on", "progress", "final"),
    [
        pytest.param({}, None, "2026-04-07 20:59", id="it is over: the final report alone"),
        pytest.param({"ongoing": True}, "2026-04-07 20:59", None, id="it goes on: a progress report"),
        pytest.param(
            {"handled_at": datetime(2026, 4, 20, 8, tzinfo=UTC)},
            "2026-04-07 20:59",
            "2026-05-20 20:59",
            id="dealt with after that: a month from then",
        ),
        pytest.param(
            {"handled_at": datetime(2026, 3, 20, 8, tzinfo=UTC)},
            None,
            "2026-04-07 20:59",
            id="dealt with before it was due: as if it had never gone on",
        ),
    ],
)
def test_ongoing_incident_has_a_progress_report_and_a_final_one_a_month_later(
    goes_on: dict[str, Any], progress: str | None, final: str | None
) -> None:
    """NIS2 Art. 23(4)(d)-(e): a month after the notification, not after awareness. Days end in Helsinki."""
    told = (("nis2.csirt.notification.DE", AWARE + timedelta(days=5)),)
    said = replace(PROCESSOR, sensitive_to_security=True, done_clocks=told, **goes_on)
    found = counted(said, {}, BERLIN)
    assert found[PROGRESS].owed is (progress is not None)
    assert found[FINAL].owed
    ends = [found[clock].due_at for clock in (PROGRESS, FINAL)]
    assert [end and f"{end.astimezone(UTC):%Y-%m-%d %H:%M}" for end in ends] == [progress, final]
    if final is None:
        assert "counted from the handling of the incident" in found[FINAL].why[-1].reason


def test_an_incident_that_is_not_significant_is_none_of_the_csirts() -> None:
    found = counted(PROCESSOR, {}, BERLIN)
    assert not any(clock.owed for id_, clock in found.items() if id_.startswith("nis2"))


def test_no_proposal_is_in_force() -> None:
    """The Digital Omnibus would have authorities told of a high risk, within 96 hours."""
    assert not [
        notice
        for policy in breach_policies()
        for notice in policy.notices
        if (notice.length, notice.unit) == (96, "hour")
    ]
    assert [policy.edition.year for policy in breach_policies() if policy.law == "gdpr"] == [2018]


@pytest.mark.slow
def test_every_clock_explains_itself_up_to_its_moment() -> None:
    everywhere = {
        place: 20_000 for policy in breach_policies() if policy.scope for place in policy.scope.places
    }
    found = counted(breach(sensitive_to_security=True), everywhere, BERLIN).values()
    assert len(found) > 140
    for clock in found:
        assert all(step.reason and step.provision for step in clock.why)
        assert clock.due_at is None or clock.why[-1].day == clock.due_at.date()


def test_unknown_state_has_a_clock_for_people_and_none_for_officers() -> None:
    """Whose officer would it be? Of the States that stand in, the days for the people count."""
    assert owed(breach(), {"US": 600}) == {"us-ca.people", "us-ny.people"}
    assert due(breach(), {"US": 600}, "us-ca.people") == "2026-03-30 23:59"


def test_notices_of_a_law_not_accepted_are_listed_and_not_owed() -> None:
    library = unread_breach_deadlines("nis2")
    said = breach(sensitive_to_security=True)
    for accepted, owed_ in (((), False), (("nis2",), True)):
        found = clocks(said, {"DE": 1}, library.accepting(accepted), BERLIN, calendar_named)
        csirt = [clock for clock in found if clock.policy.law == "nis2" and "early_warning" in clock.id]
        assert [clock.owed for clock in csirt] == [owed_]
        assert ("HABEAS_LAWS_ACCEPTED" in csirt[0].why[0].reason) is not owed_


def test_granted_law_notifies_people_and_no_authority() -> None:
    assert owed(breach(), {"JP": 1}) == {"gdpr.people"}
    assert owed(breach(), {"JP": 1}, company("JP", others="uk-gdpr")) == {"uk-gdpr.people"}


DAYS = [
    pytest.param(policy, notice, id=f"{policy.id} {notice.to} {notice.stage}")
    for policy in breach_policies()
    for notice in policy.notices
    if notice.period() and notice.to is not NoticeRecipientKind.CONTROLLER
]
FIRST, LAST = datetime(2028, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "notice"), DAYS)
def test_the_clock_of_a_breach_and_the_walk_come_to_the_same_day(
    policy: BreachPolicy, notice: NoticeRule
) -> None:
    """Reg. (EEC, Euratom) 1182/71 Art. 3(2)-(4), and our caution: the end comes before days off."""
    dice, period = random.Random(policy.id), notice.period()
    law = BreachPolicies([policy.model_copy(update={"model": None})])  # it is complete with it
    assert period is not None
    place = policy.scope.places[0] if policy.scope else ""
    calendar = calendar_named(policy.calendar or place)
    for _ in range(20):
        at = FIRST + timedelta(seconds=dice.randrange(int((LAST - FIRST).total_seconds())))
        parts = ("authority", "csirt.notification.AT", *(("people",) if notice.not_after is None else ()))
        told = tuple((f"{policy.law}.{part}", at) for part in parts)
        said = breach(
            aware_at=at,
            detected_at=at,
            done_clocks=told,
            sensitive_to_security=True,
            unreached=True,
            ongoing=notice.while_ongoing,
        )
        found = clocks(said, {place: 20_000}, law, NOWHERE, calendar_named)
        (clock,) = (one for one in found if one.notice == notice)
        assert clock.due_at is not None
        on = at.astimezone(clock.due_at.tzinfo).date()
        end = walked(period, Day(on.year, on.month, on.day, on.weekday()), calendar)
        assert (clock.due_at.year, clock.due_at.month, clock.due_at.day) == (end.year, end.month, end.day)
