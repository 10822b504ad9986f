"""When it is warned of a clock, what begins one, and how long what is known of an incident is kept."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest

from services.intake.breach.clocks import IncidentRetention, clocks_of, duty_named, kind_of, timers_of
from services.intake.breach.domain import Incident, evolve
from services.intake.breach.duties import ClocksSet, DutiesDone, NotificationDue
from services.intake.settings import IntakeSettings
from shared.contract.events import Fact
from shared.contract.events.breaches import BreachDeclared
from shared.law.library import breach_policies
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import AWARE_AT, INCIDENT, LAW, declaration, scoped
from tests.unit.intake.test_incident_domain import approved, notified, out, registered

H, D = timedelta(hours=1), timedelta(days=1)


def due(length: timedelta | None, **changes: Any) -> NotificationDue:
    due_at = None if length is None else NOW + length
    fields: dict[str, Any] = {"clock": "x.people", "recipient": "people", "runs_from": NOW, "due_at": due_at}
    return NotificationDue(**(fields | changes))


@pytest.mark.parametrize(
    ("duty", "set_at", "moments"),
    [
        pytest.param(due(72 * H), NOW, {"half": 36 * H, "quarter": 54 * H, "end": 72 * H}, id="hours"),
        pytest.param(
            due(30 * D),
            NOW,
            {"half": 15 * D, "quarter": 22.5 * D, "day": 29 * D, "end": 30 * D},
            id="days: the last one is worth a word",
        ),
        pytest.param(
            due(72 * H), NOW + 40 * H, {"half": 36 * H, "quarter": 54 * H, "end": 72 * H}, id="late"
        ),
        pytest.param(due(72 * H), NOW + 60 * H, {"quarter": 54 * H, "end": 72 * H}, id="very late"),
        pytest.param(due(72 * H), NOW + 90 * H, {"end": 72 * H}, id="too late"),
        pytest.param(due(None), NOW, {"reminder": 3 * D}, id="no number"),
        pytest.param(due(72 * H, owed=False), NOW, {}, id="not owed"),
        pytest.param(due(None, begun=False), NOW, {}, id="not begun"),
    ],
)
def test_timers_of_a_request(duty: NotificationDue, set_at: datetime, moments: dict[str, timedelta]) -> None:
    waits = timers_of(duty, set_at)
    assert {kind_of(wait.name): wait.at - NOW for wait in waits} == moments


def test_the_moments_of_a_clock_that_was_corrected_mean_nothing() -> None:
    wait = timers_of(due(72 * H), NOW)[0]
    for length, same in ((72 * H, True), (71 * H, False)):
        begun = reduce(evolve, (registered(), clocks_set(due(length))), Incident())
        assert (duty_named(wait.name, begun) is not None) is same


def test_the_moments_of_a_clock_that_is_stopped_mean_nothing() -> None:
    wait = timers_of(due(72 * H), NOW)[0]
    done = DutiesDone(request_id=INCIDENT, clocks=("x.people",), at=NOW)
    incident = reduce(evolve, (registered(), clocks_set(due(72 * H)), done), Incident())
    assert duty_named(wait.name, incident) is None


def clocks_set(*duties: NotificationDue) -> ClocksSet:
    return ClocksSet(request_id=INCIDENT, clocks=duties)


# --- what the laws say --------------------------------------------------------------------------------


def known(*facts: Any, **declared: Any) -> dict[str, NotificationDue]:
    """Return the clocks, by name, of an incident of which *facts* are known."""
    begun = registered(aware_at=AWARE_AT)
    incident = reduce(evolve, (begun, *facts), Incident())
    reported = BreachDeclared.model_validate(declaration(**declared))
    return {duty.clock: duty for duty in clocks_of(incident, (reported,) * len(incident.phases), LAW, NOW)}


def test_the_authority_has_its_clock_before_people_are_counted() -> None:
    clock = known()["gdpr.authority.DE"]
    assert clock.due_at == AWARE_AT + 72 * H
    assert clock.runs_from == AWARE_AT
    assert "72 hours later" in str(clock.why)
    assert not [name for name in known() if name.startswith("us-ca")]


def test_californians_add_their_clocks_and_the_attorney_generals() -> None:
    found = (scoped(DE=3, US_CA=501),)
    notified_at = NOW + 2 * D
    before = known(*found, categories=["user.name", "user.government_id"])
    people, general = before["us-ca.people"], before["us-ca.attorney_general"]
    assert people.due_at is not None
    assert (general.begun, general.due_at) == (False, None)
    reported = DutiesDone(request_id=INCIDENT, clocks=("us-ca.people",), at=notified_at)
    after = known(*found, reported, categories=["user.name", "user.government_id"])["us-ca.attorney_general"]
    assert (after.begun, after.runs_from) == (True, notified_at)
    assert after.due_at is not None
    assert notified_at + 13 * D < after.due_at <= notified_at + 16 * D


def test_found_categories_count_as_declared() -> None:
    found = scoped(US_CA=5).model_copy(update={"categories": ("user.name", "user.government_id")})
    assert known(found, categories=[])["us-ca.people"].owed
    assert not known(scoped(US_CA=5), categories=["user.name"])["us-ca.people"].owed


def test_a_customer_is_notified_within_the_hours_of_its_contract() -> None:
    customers = [{"id": "k-1", "name": "Muster AG", "email": "security@example.com", "hours": 12}]
    clock = known(role="processor", affected={"controllers": customers})["gdpr.controller.1"]
    assert (clock.recipient, clock.due_at) == ("controller", AWARE_AT + 12 * H)


# --- what we have promised ----------------------------------------------------------------------------


def test_the_next_update_has_a_clock_until_there_is_one() -> None:
    promised = (NOW + 7 * D).isoformat()
    assert known(next_update_at=promised)["update.1"].due_at == NOW + 7 * D
    assert "update.1" not in known(next_update_at=promised, final=True)
    second = known(registered(2), next_update_at=promised)
    assert "update.1" not in second
    assert "update.2" in second


def test_a_supplement_goes_to_recipients_of_the_first_report() -> None:
    assert "supplement.1" not in known()
    supplement = known(registered(2))["supplement.2"]
    assert (supplement.recipient, supplement.due_at) == ("authority", None)
    assert "GDPR Art. 33(4)" in str(supplement.why)
    unlikely = known(registered(2), high_risk=False, risk_unlikely=True, rationale="encrypted")
    assert "supplement.2" not in unlikely


@pytest.mark.parametrize(
    ("facts", "owed"),
    [
        pytest.param((), False, id="not written to yet"),
        pytest.param((approved("bruno"), out(), notified()), False, id="all were reached"),
        pytest.param((approved("bruno"), out(), notified(failed=1)), True, id="one was not"),
    ],
)
def test_an_undeliverable_letter_requires_a_public_notice(facts: Sequence[Fact], owed: bool) -> None:
    risky = ["user.name", "user.financial"]
    assert known(scoped(BR=4), *facts, categories=risky)["br-lgpd.public"].owed is owed


def test_people_without_address_require_a_public_notice() -> None:
    found = scoped(BR=4)
    unreachable = tuple(group.model_copy(update={"unreachable": 1}) for group in found.groups)
    found = found.model_copy(update={"groups": unreachable})
    assert known(found, categories=["user.name", "user.financial"])["br-lgpd.public"].owed


def test_customers_get_later_facts_from_the_staff() -> None:
    customers = [{"id": "k-1", "name": "Muster AG", "email": "security@example.com"}]
    found = known(registered(2), role="processor", affected={"controllers": customers})
    assert found["supplement.2.customers"].recipient == "customers"
    assert "supplement.2" not in found


# --- how long it is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "until"),
    [
        pytest.param("2026-03-05", 60, "2031-03-05", id="five years"),
        pytest.param("2026-01-31", 25, "2028-02-29", id="to the last day of a shorter month"),
        pytest.param("2026-12-01", 24, "2028-12-01", id="december"),
    ],
)
def test_months_are_kept_whole(day: str, months: int, until: str) -> None:
    registered_at = datetime.fromisoformat(day).replace(hour=13, tzinfo=UTC)
    *_, record = IncidentRetention(months, 12).waits(1, registered_at)
    assert record.at == datetime.fromisoformat(until).replace(hour=23, minute=59, second=59, tzinfo=UTC)


def test_an_incident_is_kept_for_as_long_as_any_law_says() -> None:
    longest = max(policy.records.months or 0 for policy in breach_policies() if policy.records)
    kept = IntakeSettings.model_fields["incident_months"].default
    assert kept >= longest > 0
    assert IntakeSettings.model_fields["incident_people_months"].default <= kept


def test_a_longer_retention_set_meanwhile_counts() -> None:
    _, record = IncidentRetention(60, 36).waits(1, NOW)
    assert IncidentRetention(60, 36).later(record.name, record.at) is None
    later = IncidentRetention(72, 36).later(record.name, record.at)
    assert later is not None
    assert later.at.year == record.at.year + 1
    assert later.name != record.name
