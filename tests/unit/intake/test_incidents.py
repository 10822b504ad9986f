"""An incident from its declaration to its last notice."""

from datetime import timedelta

import pytest

from services.intake.incidents.domain import Status
from services.intake.incidents.standin import Standin
from shared.events import RequestRejected
from shared.incidents import (
    BreachAlarmed,
    BreachHeld,
    BreachHoldEnded,
    BreachLodged,
    BreachNotified,
    BreachRegistered,
    BreachReported,
    NoticesReleased,
)
from tests.unit.fakes import NOW
from tests.unit.register import INCIDENT, Registry, scoped


@pytest.fixture
def registry() -> Registry:
    return Registry(Standin())


async def test_a_breach_is_sealed_and_registered(registry: Registry) -> None:
    await registry.declare()
    [registered] = registry.told(BreachRegistered)
    assert (registered.request_id, registered.phase, registered.by) == (INCIDENT, 1, "ada")
    assert (await registry.declared(1)).nature == "A copy of the customer table was taken."
    assert b"customer table" not in b"".join(message.body for message in registry.broker.published[1:])


async def test_the_same_content_again_changes_nothing(registry: Registry) -> None:
    await registry.declare()
    await registry.declare(id_="2", by="bruno")
    assert len(registry.told(BreachLodged)) == 2
    assert len(registry.told(BreachRegistered)) == 1


async def test_the_same_reference_with_more_is_the_next_phase(registry: Registry) -> None:
    await registry.declare()
    await registry.declare(id_="2", measures="Everybody has a new password.")
    await registry.declare(id_="3")
    assert [told.phase for told in registry.told(BreachRegistered)] == [1, 2]
    assert (await registry.declared(2)).measures == "Everybody has a new password."


async def test_notices_go_out_when_somebody_else_approves(registry: Registry) -> None:
    await registry.declare()
    await registry.tell(scoped(chunks=7))
    await registry.approve("ada")
    assert registry.told(NoticesReleased) == []
    assert "somebody else has to approve" in registry.parked()[0]
    await registry.approve("bruno")
    [released] = registry.told(NoticesReleased)
    assert (released.chunks, released.phase, released.held_by_police) == (7, 1, False)
    assert released.declaration == registry.told(BreachRegistered)[0].declaration


async def test_a_hold_keeps_notices_back_until_its_end(registry: Registry) -> None:
    await registry.declare()
    await registry.tell(scoped())
    held = BreachHeld(request_id=INCIDENT, by="ada", agency="police", until=NOW + timedelta(days=5))
    await registry.tell(held)
    await registry.approve("bruno")
    await registry.pass_time(timedelta(days=4))
    assert registry.told(NoticesReleased) == []
    await registry.pass_time(timedelta(days=1))
    assert [released.held_by_police for released in registry.told(NoticesReleased)] == [True]


async def test_notices_stop_the_clock_of_people_and_the_staff_that_of_an_authority(
    registry: Registry,
) -> None:
    await registry.declare()
    await registry.tell(scoped())
    await registry.approve("bruno")
    await registry.tell(BreachNotified(request_id=INCIDENT, phase=1, sent=3, doubtful=0, failed=0))
    incident = await registry.incident()
    assert set(incident.done) == {"gdpr.people"}
    assert incident.newest.status is Status.NOTIFIED
    reported = BreachReported(
        request_id=INCIDENT, by="ada", clock="gdpr.authority.DE", at=NOW, receipt="LDA-1"
    )
    await registry.tell(reported)
    assert set((await registry.incident()).done) == {"gdpr.people", "gdpr.authority.DE"}
    await registry.pass_time(timedelta(days=9))
    assert registry.told(BreachAlarmed) == []


async def test_a_clock_is_warned_of_and_then_missed_loudly(registry: Registry) -> None:
    await registry.declare(high_risk=False)
    await registry.pass_time(timedelta(hours=71))
    alarms = registry.told(BreachAlarmed)
    assert [alarm.missed for alarm in alarms] == [False, False, True]
    assert {alarm.clock for alarm in alarms} == {"gdpr.authority.DE"}


async def test_a_door_of_our_own_declares_no_breach(registry: Registry) -> None:
    await registry.declare(source="habeas/public")
    [rejected] = registry.told(RequestRejected)
    assert [str(flaw) for flaw in rejected.errors] == [
        "source: is one of our own doors: no breach is declared there"
    ]
    assert registry.told(BreachLodged) == []


async def test_an_investigation_that_ends_early_lets_notices_out(registry: Registry) -> None:
    await registry.declare()
    held = BreachHeld(request_id=INCIDENT, by="ada", agency="police", until=NOW + timedelta(days=5))
    await registry.tell(held, scoped())
    await registry.approve("bruno")
    await registry.tell(BreachHoldEnded(request_id=INCIDENT, by="ada"))
    assert [released.held_by_police for released in registry.told(NoticesReleased)] == [True]
    await registry.pass_time(timedelta(days=6))
    assert len(registry.told(NoticesReleased)) == 1
