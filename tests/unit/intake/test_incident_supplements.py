"""What a supplement changes: what it finds runs from when that was known, and nothing else moves."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.fulfillment.breach.obligations import PolicyEditions
from services.intake.breach.assessment import customer_labels
from services.intake.breach.duties import NotificationDue
from shared.contract.affected_people import NoticeBatch, NoticeRecipient, batch_item
from shared.contract.events.breaches import (
    BreachAlarmed,
    BreachRecounted,
    BreachRegistered,
    BreachReported,
    BreachScoped,
    BreachWithdrawn,
    Missed,
)
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import AWARE_AT, GDPR, INCIDENT, LAW, Registry, scoped
from tests.unit.intake.test_incident_domain import notified, to_customers

SSN = ["user.name", "user.government_id"]
DAY = timedelta(days=1)
CUSTOMER = {"id": "k-1", "name": "Kunde", "email": "k1@example.com", "hours": 48}


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def by_name(registry: Registry) -> dict[str, NotificationDue]:
    return {duty.clock: duty for duty in (await registry.incident()).clocks}


async def supplement(registry: Registry, known_at: datetime, *found: BreachScoped, **declared: Any) -> None:
    """Declare a second phase, of which it was known *known_at*, and what scoping *found* of it."""
    moments = dict.fromkeys(("detected_at", "aware_at"), known_at.isoformat())
    await registry.declare(id_="2", **({"measures": "More is known."} | moments | declared))
    await registry.tell(*found)


async def tell_people(registry: Registry, phase: int) -> None:
    await registry.approve("bruno", phase)
    await registry.tell(notified(phase))


# --- what is found later ------------------------------------------------------------------------------


async def test_findings_of_a_supplement_run_from_their_own_awareness(registry: Registry) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(DE=3))
    before = await by_name(registry)
    await registry.pass_time(40 * DAY)
    known_at = registry.clock() - timedelta(hours=1)
    await supplement(registry, known_at, scoped(2, US_CA=7), categories=SSN)
    after = await by_name(registry)
    assert after["us-ca.people"].runs_from == known_at
    assert (after["us-ca.people"].due_at or NOW) > registry.clock() + 25 * DAY
    for clock in ("gdpr.authority.DE", "gdpr.people"):
        assert (after[clock].runs_from, after[clock].due_at) == (AWARE_AT, before[clock].due_at)


@pytest.mark.slow
async def test_findings_of_a_supplement_have_their_own_alarms_and_stops(
    registry: Registry,
) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(DE=3))
    await tell_people(registry, 1)
    await registry.pass_time(10 * DAY)
    await supplement(registry, registry.clock(), scoped(2, US_CA=7), categories=SSN)
    await registry.pass_time(24 * DAY)
    assert "us-ca.people" in {alarm.clock for alarm in registry.facts(BreachAlarmed)}
    await tell_people(registry, 2)
    incident = await registry.incident()
    assert incident.done["us-ca.people"].at == registry.clock()
    assert incident.done["gdpr.people"].at == NOW


async def test_phases_with_the_same_awareness_run_from_it(registry: Registry) -> None:
    """Full awareness from the first leaves no more time because of a second search."""
    await registry.declare(categories=SSN)
    await registry.tell(scoped(DE=3))
    await registry.pass_time(5 * DAY)
    await supplement(registry, AWARE_AT, scoped(2, US_CA=7), categories=SSN)
    assert (await by_name(registry))["us-ca.people"].runs_from == AWARE_AT


async def test_a_later_statement_that_it_was_known_earlier_leaves_less_time(registry: Registry) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(DE=3))
    await registry.pass_time(10 * DAY)
    await supplement(registry, registry.clock(), scoped(2, US_CA=7), categories=SSN)
    earlier = (registry.clock() - 4 * DAY).isoformat()
    await registry.declare(id_="3", categories=SSN, detected_at=earlier, aware_at=earlier)
    clocks = await by_name(registry)
    assert clocks["us-ca.people"].runs_from == registry.clock() - 4 * DAY
    assert clocks["gdpr.authority.DE"].runs_from == AWARE_AT


async def test_awareness_that_is_found_to_be_earlier_leaves_the_authority_less_time(
    registry: Registry,
) -> None:
    await registry.declare()
    earlier = AWARE_AT - timedelta(hours=9)
    await supplement(registry, earlier)
    clock = (await by_name(registry))["gdpr.authority.DE"]
    assert (clock.runs_from, clock.due_at) == (earlier, earlier + 3 * DAY)
    assert [(await registry.declared(number)).aware_at for number in (1, 2)] == [AWARE_AT, earlier]


@pytest.mark.slow
async def test_more_people_under_a_fulfilled_law_have_a_new_period(
    registry: Registry,
) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(US_CA=7))
    await tell_people(registry, 1)
    first = (await by_name(registry))["us-ca.people"]
    await registry.pass_time(60 * DAY)
    known_at = registry.clock() - timedelta(hours=1)
    await supplement(registry, known_at, scoped(2, US_CA=2), categories=SSN)
    running = (await registry.incident()).running("us-ca.people")
    assert running is not None
    assert (running.runs_from, running.due_at) != (first.runs_from, first.due_at)
    assert running.runs_from == known_at
    await tell_people(registry, 2)
    incident = await registry.incident()
    assert incident.done["us-ca.people"].at < ((await by_name(registry))["us-ca.people"].due_at or NOW)
    assert [(stop.duty.due_at, stop.done.at) for stop in incident.stops] == [(first.due_at, NOW)]


async def test_more_people_give_no_more_time_while_some_are_not_notified(registry: Registry) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(US_CA=7))
    first = (await by_name(registry))["us-ca.people"]
    await registry.pass_time(20 * DAY)
    await supplement(registry, registry.clock(), scoped(2, US_CA=2), categories=SSN)
    assert (await by_name(registry))["us-ca.people"].due_at == first.due_at


async def test_a_risk_found_to_be_high_starts_the_clock_of_people(registry: Registry) -> None:
    await registry.declare(high_risk=False)
    await registry.tell(scoped(DE=3))
    await registry.pass_time(10 * DAY)
    await supplement(registry, registry.clock(), high_risk=True)
    clocks = await by_name(registry)
    assert clocks["gdpr.people"].owed
    assert clocks["gdpr.people"].runs_from == registry.clock()
    assert clocks["gdpr.authority.DE"].runs_from == AWARE_AT


async def test_categories_that_a_supplement_does_not_name_again_end_no_clock(registry: Registry) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(US_CA=7))
    await supplement(registry, NOW, categories=["user.contact.email"])
    assert (await by_name(registry))["us-ca.people"].owed


@pytest.mark.slow
async def test_an_officer_with_a_threshold_is_notified_after_the_people_that_reach_it(
    registry: Registry,
) -> None:
    """Cal. Civ. Code § 1798.82(f)."""
    await registry.declare(categories=SSN)
    await registry.tell(scoped(US_CA=300))
    await tell_people(registry, 1)
    assert not (await by_name(registry))["us-ca.attorney_general"].owed
    await registry.pass_time(60 * DAY)
    await supplement(registry, registry.clock(), scoped(2, US_CA=300), categories=SSN)
    general = (await by_name(registry))["us-ca.attorney_general"]
    assert (general.owed, general.begun) == (True, False)
    await registry.pass_time(DAY)
    await tell_people(registry, 2)
    assert (await by_name(registry))["us-ca.attorney_general"].runs_from == registry.clock()


@pytest.mark.slow
async def test_a_later_supplement_does_not_postpone_an_earlier_one(registry: Registry) -> None:
    """GDPR Art. 33(4): without undue further delay."""
    await registry.declare()
    await registry.tell(
        BreachReported(request_id=INCIDENT, by="ada", clock="gdpr.authority.DE", at=NOW, receipt="LDA-1")
    )
    await registry.pass_time(DAY)
    first = registry.clock()
    await supplement(registry, AWARE_AT)
    await registry.pass_time(2 * DAY)
    await registry.declare(id_="3", measures="Even more is known.")
    assert (await by_name(registry))["supplement.3"].runs_from == first
    await registry.tell(
        BreachReported(request_id=INCIDENT, by="ada", clock="supplement.3", at=registry.clock())
    )
    await registry.pass_time(DAY)
    await registry.declare(id_="4", measures="All is known.")
    assert (await by_name(registry))["supplement.4"].runs_from == registry.clock()


# --- a significant incident ---------------------------------------------------------------------------

NOTIFICATION = "nis2.csirt.notification.DE"
PROGRESS, FINAL = "nis2.csirt.progress_report.DE", "nis2.csirt.final_report.DE"


async def report(registry: Registry, clock: str) -> None:
    at = registry.clock()
    await registry.tell(BreachReported(request_id=INCIDENT, by="ada", clock=clock, at=at))


async def test_a_supplement_keeps_an_incident_significant(
    registry: Registry,
) -> None:
    await registry.declare(sensitive_to_security=True)
    await supplement(registry, NOW)
    assert (await by_name(registry))[NOTIFICATION].owed


async def test_a_supplement_without_a_key_statement_keeps_the_key_taken(registry: Registry) -> None:
    await registry.declare(encrypted=True, key_taken=True)
    await supplement(registry, NOW, encrypted=True)
    assert (await by_name(registry))["gdpr.people"].owed


@pytest.mark.slow
async def test_an_incident_that_goes_on_has_a_progress_report_and_then_a_final_one(
    registry: Registry,
) -> None:
    """NIS2 Art. 23(4)(d)-(e)."""
    await registry.declare(sensitive_to_security=True, ongoing=True)
    await report(registry, NOTIFICATION)
    clocks = await by_name(registry)
    progress = clocks[PROGRESS].due_at
    assert progress is not None
    assert clocks[FINAL].owed
    assert not clocks[FINAL].begun
    await registry.pass_time(40 * DAY)
    assert PROGRESS in {alarm.clock for alarm in registry.facts(BreachAlarmed) if alarm.missed}
    over = registry.clock()
    await supplement(registry, NOW, sensitive_to_security=True, handled_at=over.isoformat())
    clocks = await by_name(registry)
    assert (clocks[PROGRESS].owed, clocks[PROGRESS].due_at) == (True, progress)
    assert clocks[FINAL].runs_from == over
    later = (over + 5 * DAY).isoformat()
    await registry.declare(id_="3", sensitive_to_security=True, measures="All of it.", handled_at=later)
    assert (await by_name(registry))[FINAL].runs_from == over, "no later statement gives more time"


async def test_a_report_that_is_missed_stays_missed_though_the_incident_is_said_to_go_on(
    registry: Registry,
) -> None:
    await registry.declare(sensitive_to_security=True)
    await report(registry, NOTIFICATION)
    await registry.pass_time(40 * DAY)
    missed = (await by_name(registry))[FINAL]
    await supplement(registry, NOW, sensitive_to_security=True, ongoing=True)
    assert (await by_name(registry))[FINAL] == missed


# --- which edition of a law ---------------------------------------------------------------------------

SILVESTER, NEW_YEAR = NOW.replace(year=2025, month=12, day=30), NOW.replace(month=1, day=2)


@pytest.mark.parametrize(
    ("first", "second", "policy"),
    [
        pytest.param(SILVESTER, NEW_YEAR, "us-ca@2022-01-01", id="known before, and more after"),
        pytest.param(NEW_YEAR, SILVESTER, "us-ca@2026-01-01", id="known after, and then said to be before"),
    ],
)
async def test_the_first_phase_says_which_edition_judges_in_every_service(
    registry: Registry, first: datetime, second: datetime, policy: str
) -> None:
    occurred = (SILVESTER - 9 * DAY).isoformat()
    moments = dict.fromkeys(("detected_at", "aware_at"), first.isoformat())
    await registry.declare(categories=SSN, occurred_from=occurred, **moments)
    await registry.tell(scoped(US_CA=7))
    before = (await by_name(registry))["us-ca.people"]
    await supplement(registry, second, scoped(2, US_CA=2), categories=SSN, occurred_from=occurred)
    after = (await by_name(registry))["us-ca.people"]
    assert (before.policy, after.policy) == (policy, policy)
    assert (after.due_at is None) is (before.due_at is None)
    reported = registry.facts(BreachRegistered)
    assert [one.judged_at for one in reported] == [first, first]
    scoping = PolicyEditions(LAW.policies, LAW.company)
    for number, one in enumerate(reported, 1):
        declared = (await registry.declared(number)).judged_by(one.judged_at)
        assert policy in scoping.owed(declared, "US-CA", ())


async def test_a_phase_that_was_taken_back_judges_nothing(registry: Registry) -> None:
    occurred = (SILVESTER - 9 * DAY).isoformat()
    moments = dict.fromkeys(("detected_at", "aware_at"), SILVESTER.isoformat())
    await registry.declare(categories=SSN, occurred_from=occurred, **moments)
    await registry.tell(BreachWithdrawn(request_id=INCIDENT, by="ada", phase=1))
    await supplement(registry, NEW_YEAR, scoped(2, US_CA=2), categories=SSN, occurred_from=occurred)
    assert (await by_name(registry))["us-ca.people"].policy == "us-ca@2026-01-01"
    assert registry.facts(BreachRegistered)[1].judged_at == NEW_YEAR


# --- controller of some of it, processor of the rest --------------------------------------------------


async def test_a_supplement_as_a_processor_ends_no_duty_of_the_controller(registry: Registry) -> None:
    await registry.declare()
    await registry.tell(scoped(DE=3))
    before = await by_name(registry)
    await supplement(registry, NOW, role="processor", affected={"controllers": [CUSTOMER]})
    after = await by_name(registry)
    for clock in ("gdpr.authority.DE", "gdpr.people"):
        assert (after[clock].owed, after[clock].due_at) == (True, before[clock].due_at)
    assert after["gdpr.controller.1"].due_at == NOW + 2 * DAY
    assert len(after) == len((await registry.incident()).clocks)


async def test_a_controllers_duties_hold_though_the_processor_knew_before(
    registry: Registry,
) -> None:
    await registry.declare(role="processor", affected={"controllers": [CUSTOMER]})
    await registry.pass_time(DAY)
    await supplement(registry, registry.clock(), scoped(2, DE=3))
    reported = (await by_name(registry))["gdpr.people"]
    assert (reported.owed, reported.runs_from) == (True, registry.clock())


async def test_people_found_as_a_processor_do_not_count_for_the_controllers_officer(
    registry: Registry,
) -> None:
    await registry.declare(categories=SSN)
    await registry.tell(scoped(US_CA=300))
    theirs = scoped(2, US_CA=400)
    groups = tuple(group.model_copy(update={"laws": ()}) for group in theirs.groups)
    theirs = theirs.model_copy(update={"groups": groups, "customers": 1})
    declared: dict[str, Any] = {"role": "processor", "affected": {"controllers": [CUSTOMER]}}
    await supplement(registry, NOW, theirs, categories=SSN, **declared)
    assert not (await by_name(registry))["us-ca.attorney_general"].owed


@pytest.mark.slow
async def test_letters_to_people_stop_no_clock_of_a_customer(registry: Registry) -> None:
    await registry.declare()
    await registry.tell(scoped())
    await registry.approve("bruno")
    await supplement(registry, NOW, role="processor", affected={"controllers": [CUSTOMER]})
    await registry.tell(notified(1))
    assert set((await registry.incident()).done) == {"gdpr.people"}
    await registry.tell(to_customers(2))
    await tell_people(registry, 2)
    assert set((await registry.incident()).done) == {"gdpr.people", "gdpr.controller.1"}


async def written_to(registry: Registry, phase: int, *customers: dict[str, Any]) -> BreachScoped:
    """Seal the batch in which *customers* are written to, and return what scoping tells of it."""
    people = tuple(
        NoticeRecipient(key=f"{number:032}", email=one["email"], name=one["name"])
        for number, one in enumerate(customers)
    )
    batch = NoticeBatch(to="controllers", laws=(GDPR,), language="en", people=people)
    await registry.vault.seal(INCIDENT, batch_item(phase, 0), batch.model_dump_json().encode())
    return to_customers(phase).model_copy(update={"customers": len(customers)})


@pytest.mark.slow
async def test_a_notice_to_a_customer_stops_the_clock_of_that_customer_alone(registry: Registry) -> None:
    """GDPR Art. 33(2): customers without found records get no letter, and may need one by hand."""
    same, other = (
        CUSTOMER | {"id": "k-2", "name": "Kunde Tochter"},
        CUSTOMER | {"id": "k-3", "email": "c@example.org"},
    )
    customers = [CUSTOMER, same, other]
    await registry.declare(role="processor", affected={"controllers": customers})
    await registry.tell(await written_to(registry, 1, CUSTOMER))
    await tell_people(registry, 1)
    assert set((await registry.incident()).done) == {"gdpr.controller.1"}
    await registry.pass_time(3 * DAY)
    missed = {alarm.clock for alarm in registry.facts(BreachAlarmed) if alarm.missed}
    assert missed == {"gdpr.controller.2", "gdpr.controller.3"}
    await supplement(registry, NOW, role="processor", affected={"controllers": customers})
    await registry.tell(await written_to(registry, 2, same, other))
    await tell_people(registry, 2)
    assert set((await registry.incident()).done) == {f"gdpr.controller.{number}" for number in (1, 2, 3)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("again", "failed", "stops"),
    [
        pytest.param(2, 0, True, id="all have the letter of the supplement"),
        pytest.param(1, 0, False, id="one of the two has it"),
        pytest.param(2, 1, False, id="one of them was not reached"),
    ],
)
async def test_a_supplement_is_done_when_all_customers_have_its_letter(
    registry: Registry, again: int, failed: int, stops: bool
) -> None:
    """GDPR Art. 33(2), 33(4)."""
    both = [CUSTOMER, CUSTOMER | {"id": "k-2", "email": "c@example.org"}]
    declared: dict[str, Any] = {"role": "processor", "affected": {"controllers": both}}
    await registry.declare(**declared)
    await registry.tell(await written_to(registry, 1, *both))
    await tell_people(registry, 1)
    await supplement(registry, NOW, **declared)
    assert (await registry.incident()).running("supplement.2.customers")
    await registry.tell(await written_to(registry, 2, *both[:again]))
    await registry.approve("bruno", 2)
    await registry.tell(notified(2, failed=failed))
    assert ("supplement.2.customers" in (await registry.incident()).done) is stops


# --- customers who are not reached ----------------------------------------------------------------------

BOTH = [CUSTOMER, CUSTOMER | {"id": "k-2", "email": "c@example.org"}]
FIRST, SECOND = (Missed(chunk=0, numbers=(number,)) for number in range(2))
"""The letter to the one, and to the other, of a phase that writes to both."""


def recounted(phase: int, *missed: Missed) -> BreachRecounted:
    failed = len(missed)
    return BreachRecounted(
        request_id=INCIDENT, phase=phase, sent=2 - failed, doubtful=0, failed=failed, missed=missed
    )


async def both_written_to(registry: Registry) -> None:
    """Write to two customers."""
    await registry.declare(role="processor", affected={"controllers": BOTH})
    await registry.tell(await written_to(registry, 1, *BOTH))
    await registry.approve("bruno")


async def customers_running(registry: Registry) -> set[str]:
    incident = await registry.incident()
    return {duty.clock for duty in incident.clocks if duty.customer and incident.running(duty.clock)}


async def test_a_notice_that_comes_back_late_starts_the_clock_of_its_customer_alone(
    registry: Registry,
) -> None:
    """GDPR Art. 33(2)."""
    await both_written_to(registry)
    await registry.tell(notified(1, missed=()))
    assert await customers_running(registry) == set()
    await registry.tell(recounted(1, SECOND))
    assert await customers_running(registry) == {"gdpr.controller.2"}
    assert {alarm.clock for alarm in registry.facts(BreachAlarmed)} == {"gdpr.controller.2"}
    await registry.tell(recounted(1, Missed(chunk=0, numbers=(0, 1))).model_copy(update={"failed": 2}))
    assert await customers_running(registry) == {"gdpr.controller.1", "gdpr.controller.2"}


@pytest.mark.parametrize("aborted", [False, True])
async def test_one_returned_notice_affects_no_other_customer(registry: Registry, aborted: bool) -> None:
    """GDPR Art. 33(2)."""
    await both_written_to(registry)
    await registry.tell(notified(1, sent=1, failed=1, missed=(FIRST,), aborted=aborted))
    assert await customers_running(registry) == {"gdpr.controller.1"}


@pytest.mark.slow
async def test_a_supplement_returned_late_is_owed_again_and_the_first_notice_is_not(
    registry: Registry,
) -> None:
    """GDPR Art. 33(2), 33(4)."""
    await both_written_to(registry)
    await registry.tell(notified(1, missed=()))
    await registry.pass_time(DAY)
    await supplement(registry, NOW, role="processor", affected={"controllers": BOTH})
    await registry.tell(await written_to(registry, 2, *BOTH))
    await registry.approve("bruno", 2)
    await registry.tell(notified(2, missed=()))
    assert not (await registry.incident()).running("supplement.2.customers")
    await registry.tell(recounted(2, SECOND))
    assert (await registry.incident()).running("supplement.2.customers")
    assert await customers_running(registry) == set(), "they were told a day before"


@pytest.mark.slow
async def test_a_notice_stops_the_clock_of_its_customer_though_a_supplement_to_them_waits(
    registry: Registry,
) -> None:
    """GDPR Art. 33(2), 33(4): they are notified, and get later findings later."""
    await both_written_to(registry)
    await supplement(registry, NOW, role="processor", affected={"controllers": BOTH})
    await registry.tell(await written_to(registry, 2, *BOTH))
    await registry.tell(notified(1, sent=1, failed=1, missed=(SECOND,)))
    incident = await registry.incident()
    assert await customers_running(registry) == {"gdpr.controller.2"}
    assert incident.done["gdpr.controller.1"].at == NOW
    assert incident.running("supplement.2.customers")


@pytest.mark.slow
@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_one_letter_of_two_phases_is_enough(registry: Registry, order: tuple[int, int]) -> None:
    """GDPR Art. 33(2): one letter stands for both; if it comes back, neither is done."""
    await registry.declare(role="processor", affected={"controllers": BOTH})
    await registry.tell(await written_to(registry, 1, *BOTH))
    await supplement(registry, NOW, role="processor", affected={"controllers": BOTH})
    await registry.tell(await written_to(registry, 2, *BOTH))
    await registry.approve("bruno", 2)
    ends = {
        1: notified(1, sent=1, elsewhere=1, missed=(SECOND,)),
        2: notified(2, sent=1, failed=1, missed=(FIRST,)),
    }
    for phase in order:
        await registry.tell(ends[phase])
    assert await customers_running(registry) == set()
    await registry.tell(recounted(2, Missed(chunk=0, numbers=(0, 1))).model_copy(update={"failed": 2}))
    assert await customers_running(registry) == {"gdpr.controller.2"}


async def test_a_customer_notified_by_hand_stays_notified_after_a_returned_notice(registry: Registry) -> None:
    await both_written_to(registry)
    await registry.tell(notified(1, sent=1, failed=1, missed=(FIRST,)))
    await report(registry, "gdpr.controller.1")
    await registry.tell(recounted(1, Missed(chunk=0, numbers=(0, 1))).model_copy(update={"failed": 2}))
    assert await customers_running(registry) == {"gdpr.controller.2"}


async def test_with_unknown_returned_notices_all_customers_count_as_not_notified(
    registry: Registry,
) -> None:
    await both_written_to(registry)
    await registry.tell(notified(1, missed=()))
    await registry.vault.discard_all(INCIDENT, [batch_item(1, 0)])
    await registry.tell(recounted(1, SECOND))
    assert await customers_running(registry) == {"gdpr.controller.1", "gdpr.controller.2"}


@pytest.mark.slow
async def test_customers_notified_under_clocks_without_numbers_stay_notified(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [CUSTOMER, CUSTOMER | {"id": "k-2", "email": "c@example.org"}]
    declared: dict[str, Any] = {"role": "processor", "affected": {"controllers": both}}
    with monkeypatch.context() as before:
        before.setattr(
            f"{customer_labels.__module__}.customer_numbers", lambda _: {"k-1": "k-1", "k-2": "k-2"}
        )
        await registry.declare(**declared)
        await registry.tell(await written_to(registry, 1, *both))
        await tell_people(registry, 1)
    reported = {"gdpr.controller.k-1", "gdpr.controller.k-2"}
    assert set((await registry.incident()).done) == reported
    await supplement(registry, NOW, **declared)
    assert set((await registry.incident()).done) == reported
    await registry.pass_time(5 * DAY)
    assert not [alarm for alarm in registry.facts(BreachAlarmed) if ".controller." in alarm.clock]


async def test_indistinguishable_customers_are_both_notified(registry: Registry) -> None:
    twin = CUSTOMER | {"id": "k-2"}
    await registry.declare(role="processor", affected={"controllers": [CUSTOMER, twin]})
    await registry.tell(await written_to(registry, 1, CUSTOMER))
    await tell_people(registry, 1)
    assert set((await registry.incident()).done) == {"gdpr.controller.1", "gdpr.controller.2"}


async def test_a_customer_named_later_has_the_time_left(registry: Registry) -> None:
    """Awareness of affected customers without their names required a search."""
    await registry.declare(role="processor")
    assert (await by_name(registry))["gdpr.controller"].owed
    later = NOW + timedelta(hours=20)
    await registry.pass_time(timedelta(hours=20))
    await supplement(registry, later, role="processor", affected={"controllers": [CUSTOMER]})
    clocks = await by_name(registry)
    assert clocks["gdpr.controller.1"].runs_from == AWARE_AT
    assert "gdpr.controller" not in clocks
