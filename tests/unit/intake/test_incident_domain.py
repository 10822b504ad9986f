"""Incidents: events, approvals, and the clocks that stop."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import pytest

from services.intake.breach.approvals import (
    approval_refusal,
    notified_duties,
    releasable_notices,
    withdrawal_refusal,
)
from services.intake.breach.domain import Incident, evolve, residents_of
from services.intake.breach.duties import ClocksSet, DutiesDone, NotificationDue
from services.intake.breach.phases import TRANSITIONS, PhaseStatus, status_after
from shared.contract.events import Fact, RequestFulfilled, RequestPurged
from shared.contract.events.breaches import (
    BreachApproved,
    BreachHeld,
    BreachHoldEnded,
    BreachNotified,
    BreachRecounted,
    BreachRegistered,
    BreachReported,
    BreachRole,
    BreachScoped,
    BreachTimeCame,
    BreachWithdrawn,
    CampaignAborted,
    NoticesReleased,
)
from shared.errors import IllegalTransition, TooEarly
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import CALIFORNIA, GDPR, INCIDENT, scoped

PHASE_FACTS = (
    BreachRegistered, BreachScoped, BreachApproved, BreachWithdrawn, NoticesReleased, BreachNotified,
    BreachRecounted,
)  # fmt: skip
LATER = NOW + timedelta(days=5)


CONTROLLER, PROCESSOR = BreachRole


def registered(
    phase: int = 1, by: str | None = "ada", aware_at: datetime = NOW, role: BreachRole = CONTROLLER
) -> BreachRegistered:
    return BreachRegistered(
        request_id=INCIDENT,
        phase=phase,
        declaration=f"declared_{phase}",
        role=role,
        aware_at=aware_at,
        by=by,
    )


def approved(by: str, phase: int = 1) -> BreachApproved:
    return BreachApproved(request_id=INCIDENT, by=by, phase=phase)


def withdrawn(phase: int = 1) -> BreachWithdrawn:
    return BreachWithdrawn(request_id=INCIDENT, by="ada", phase=phase)


def notified(phase: int = 1, **counts: Any) -> BreachNotified:
    numbers = {"sent": 3, "doubtful": 0, "failed": 0} | counts
    return BreachNotified(request_id=INCIDENT, phase=phase, **numbers)


def recounted(failed: int = 2, sent: int = 1) -> BreachRecounted:
    return BreachRecounted(request_id=INCIDENT, phase=1, sent=sent, doubtful=0, failed=failed)


def out(phase: int = 1) -> NoticesReleased:
    return NoticesReleased(request_id=INCIDENT, phase=phase, declaration=f"declared_{phase}", chunks=1)


def held(until: datetime = LATER) -> BreachHeld:
    return BreachHeld(request_id=INCIDENT, by="ada", agency="police", until=until)


def clocks(*duties: tuple[str, str, str | None]) -> ClocksSet:
    made = tuple(
        NotificationDue(clock=clock, recipient=recipient, policy=policy, runs_from=NOW)
        for clock, recipient, policy in duties
    )
    return ClocksSet(request_id=INCIDENT, clocks=made)


PEOPLE = ("gdpr.people", "people", GDPR)
CALIFORNIANS = ("us-ca.people", "people", CALIFORNIA)
CUSTOMER = ("gdpr.controller.k-1", "controller", GDPR)
AUTHORITY = ("gdpr.authority.DE", "authority", GDPR)


def after(*facts: Fact) -> Incident:
    return reduce(evolve, facts, Incident())


# --- the table ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", PhaseStatus)
@pytest.mark.parametrize("kind", PHASE_FACTS)
def test_a_fact_in_no_row_of_a_status_is_an_error(status: PhaseStatus, kind: type[Fact]) -> None:
    fact = {
        BreachRegistered: registered(),
        BreachScoped: scoped(),
        BreachApproved: approved("bruno"),
        BreachWithdrawn: withdrawn(),
        NoticesReleased: out(),
        BreachNotified: notified(),
        BreachRecounted: recounted(),
    }[kind]
    if kind in TRANSITIONS[status]:
        assert status_after(status, fact) is TRANSITIONS[status][kind]
    else:
        with pytest.raises(IllegalTransition, match=f"to a phase that is {status}"):
            status_after(status, fact)


@pytest.mark.parametrize("fact", [scoped(), approved("bruno"), held(), notified()])
def test_an_event_that_overtakes_the_incident_is_retried(fact: Fact) -> None:
    with pytest.raises(TooEarly):
        evolve(Incident(), fact)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((registered(2),), id="the first phase is missing"),
        pytest.param((registered(), registered()), id="a phase twice"),
        pytest.param((registered(), scoped(2)), id="a phase without declaration"),
        pytest.param((registered(), out()), id="released before anybody is known"),
        pytest.param((registered(), approved("bruno")), id="approved before anybody is known"),
        pytest.param((registered(), scoped(), approved("bruno"), notified()), id="told before released"),
        pytest.param(
            (registered(), clocks(PEOPLE), BreachReported(request_id=INCIDENT, by="a", clock="x", at=NOW)),
            id="a clock that is none",
        ),
        pytest.param(
            (
                registered(),
                RequestFulfilled(request_id=INCIDENT, right="access", outcome="granted", answer="a"),
            ),
            id="what happens to requests",
        ),
    ],
)
def test_an_impossible_transition_is_an_error(facts: Sequence[Fact]) -> None:
    with pytest.raises(IllegalTransition):
        after(*facts)


def test_a_purged_incident_is_known_to_have_been_there() -> None:
    assert after(RequestPurged(request_id=INCIDENT)).purged


# --- four eyes ----------------------------------------------------------------------------------------

SCOPED = (registered(), scoped())
NAMELESS = (registered(by=None), scoped())
NEXT = (registered(2, by="carla"), scoped(2))


@pytest.mark.parametrize(
    ("facts", "phase", "by", "reason"),
    [
        pytest.param(SCOPED, 1, "bruno", None, id="somebody else"),
        pytest.param(SCOPED, 1, "ada", "declared by the same", id="who declared it"),
        pytest.param(SCOPED, 2, "bruno", "there is no phase 2", id="a phase that is not there"),
        pytest.param((registered(),), 1, "bruno", "has no scope yet", id="without scope"),
        pytest.param((*SCOPED, approved("bruno")), 1, "carla", "approved already", id="approved"),
        pytest.param((*SCOPED, approved("bruno"), out()), 1, "carla", "approved already", id="released"),
        pytest.param(
            (registered(), scoped(batches=0)), 1, "bruno", "has no notices to approve", id="without people"
        ),
        pytest.param((*SCOPED, *NEXT), 1, "bruno", "phase 2 is newer", id="an old phase"),
        pytest.param((*SCOPED, *NEXT), 2, "carla", "declared by the same", id="who declared the newer"),
        pytest.param((*SCOPED, *NEXT), 2, "ada", None, id="who declared the older"),
        pytest.param((*SCOPED, registered(2)), 1, "bruno", None, id="of a newer nobody is known"),
        pytest.param((*SCOPED, registered(2)), 1, "ada", "declared by the same", id="who declared the old"),
        pytest.param((*SCOPED, registered(2)), 2, "bruno", "has no scope yet", id="the newer is not scoped"),
        pytest.param(NAMELESS, 1, "bruno", None, id="nobody is named: a first"),
        pytest.param((*NAMELESS, approved("bruno")), 1, "bruno", "a second has to", id="the same again"),
        pytest.param((*NAMELESS, approved("bruno")), 1, "carla", None, id="nobody is named: a second"),
    ],
)
def test_approval_rules(facts: Sequence[Fact], phase: int, by: str, reason: str | None) -> None:
    said = approval_refusal(after(*facts), phase, by)
    assert (said is None) if reason is None else (reason in (said or ""))


@pytest.mark.parametrize(
    ("shown", "reason"),
    [(None, None), ("declared_1", None), ("declared_2", "differs from the declaration")],
)
def test_an_approval_covers_the_declaration_that_was_shown(shown: str | None, reason: str | None) -> None:
    said = approval_refusal(after(*SCOPED), 1, "bruno", shown)
    assert (said is None) if reason is None else (reason in (said or ""))


ABORTED = CampaignAborted(request_id=INCIDENT, by="ada")


def test_after_notices_were_stopped_for_good_none_is_approved() -> None:
    reported = (*SCOPED, approved("bruno"), out(), ABORTED, *NEXT)
    assert "stopped for good" in (approval_refusal(after(*reported), 2, "bruno") or "")
    given_up = (*SCOPED, approved("bruno"), out(), notified(aborted=True), *NEXT)
    assert "stopped for good" in (approval_refusal(after(*given_up), 2, "bruno") or "")
    assert approval_refusal(after(*SCOPED, ABORTED), 1, "bruno") is None, "there were none to stop"


def test_without_a_named_declarer_two_people_approve() -> None:
    once = after(*NAMELESS, approved("bruno"))
    assert releasable_notices(INCIDENT, once, NOW) == []
    twice = evolve(once, approved("carla"))
    assert [notice.phase for notice in releasable_notices(INCIDENT, twice, NOW)] == [1]


def test_an_approval_covers_waiting_phases_in_the_approved_words() -> None:
    incident = after(*SCOPED, *NEXT, approved("bruno", 2))
    found = releasable_notices(INCIDENT, incident, NOW)
    assert [(notice.phase, notice.declaration) for notice in found] == [(1, "declared_2"), (2, "declared_2")]


def test_approved_notices_keep_the_approved_words() -> None:
    incident = after(*SCOPED, held(), approved("bruno"), *NEXT, approved("bruno", 2))
    assert releasable_notices(INCIDENT, incident, NOW) == []
    found = releasable_notices(INCIDENT, incident, LATER)
    assert [(notice.phase, notice.declaration) for notice in found] == [(1, "declared_1"), (2, "declared_2")]


def test_people_found_late_are_notified_by_an_approval_of_the_newest_phase() -> None:
    late = (registered(), *NEXT, approved("bruno", 2), out(2), scoped(1))
    incident = after(*late)
    assert releasable_notices(INCIDENT, incident, NOW) == []
    assert approval_refusal(incident, 2, "bruno") is None
    found = releasable_notices(INCIDENT, evolve(incident, approved("bruno", 2)), NOW)
    assert [(notice.phase, notice.declaration) for notice in found] == [(1, "declared_2")]


# --- what is taken back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "phase", "reason"),
    [
        pytest.param((registered(),), 1, None, id="without scope"),
        pytest.param(SCOPED, 1, None, id="scoped"),
        pytest.param((*SCOPED, held(), approved("bruno")), 1, None, id="approved and held"),
        pytest.param((*SCOPED, approved("bruno"), out()), 1, "are out", id="released"),
        pytest.param(SCOPED, 2, "there is no phase 2", id="a phase that is not there"),
        pytest.param(SCOPED, 0, "there is no phase 0", id="no phase"),
        pytest.param((*SCOPED, withdrawn()), 1, "was withdrawn", id="again"),
        pytest.param((*SCOPED, *NEXT), 1, "phase 2 is newer", id="a newer builds on it"),
        pytest.param((*SCOPED, *NEXT, withdrawn(2)), 1, None, id="the newer was taken back"),
        pytest.param(
            (*SCOPED, registered(2), scoped(2, batches=0), approved("bruno", 2), out()),
            2,
            "in the words of phase 2 are out",
            id="another is told in its words",
        ),
    ],
)
def test_phases_that_may_be_withdrawn(facts: Sequence[Fact], phase: int, reason: str | None) -> None:
    said = withdrawal_refusal(after(*facts), phase)
    assert (said is None) if reason is None else (reason in (said or ""))


def test_withdrawn_notices_are_never_released() -> None:
    incident = after(*SCOPED, held(), approved("bruno"), withdrawn())
    assert incident.phases[0].status is PhaseStatus.WITHDRAWN
    assert releasable_notices(INCIDENT, incident, LATER) == []
    assert "was withdrawn" in (approval_refusal(incident, 1, "carla") or "")
    assert "was withdrawn" in (approval_refusal(after(registered(), withdrawn(), scoped()), 1, "bruno") or "")


def test_approved_words_that_are_withdrawn_need_a_new_approval() -> None:
    incident = after(*SCOPED, *NEXT, held(), approved("bruno", 2), withdrawn(2))
    assert releasable_notices(INCIDENT, incident, LATER) == []
    assert approval_refusal(incident, 1, "bruno") is None
    found = releasable_notices(INCIDENT, evolve(incident, approved("bruno")), LATER)
    assert [(notice.phase, notice.declaration) for notice in found] == [(1, "declared_1")]


def test_withdrawn_requests_count_nowhere() -> None:
    early = registered(2, aware_at=NOW - timedelta(days=9))
    incident = after(*SCOPED, early, scoped(2, US_CA=600), withdrawn(2))
    assert dict(residents_of(incident.standing)) == {None: 0, "DE": 3}
    assert incident.aware_at == NOW
    assert incident.newest.number == 1


# --- holds --------------------------------------------------------------------------------------------

ENDED = BreachHoldEnded(request_id=INCIDENT, by="ada")
LAPSED = BreachTimeCame(request_id=INCIDENT, name=f"hold_{LATER:%Y%m%d%H%M%S}")


@pytest.mark.parametrize(
    ("facts", "at", "delayed"),
    [
        pytest.param((*SCOPED, held(), approved("bruno")), NOW, None, id="in force"),
        pytest.param((*SCOPED, held(), approved("bruno")), LATER, True, id="over"),
        pytest.param((*SCOPED, held(), approved("bruno"), ENDED), NOW, True, id="ended"),
        pytest.param((*SCOPED, held(), approved("bruno"), LAPSED), LATER, True, id="lapsed"),
        pytest.param((*SCOPED, approved("bruno"), held()), NOW, None, id="after the approval"),
        pytest.param((*SCOPED, held(), ENDED, approved("bruno")), NOW, True, id="over before the approval"),
        pytest.param((held(), *SCOPED[1:], approved("bruno")), LATER, True, id="before anybody is known"),
        pytest.param((held(), ENDED, *SCOPED[1:], approved("bruno")), NOW, False, id="ended before that"),
        pytest.param((held(), LAPSED, *SCOPED[1:], approved("bruno")), LATER, False, id="lapsed before that"),
        pytest.param((*SCOPED, held(NOW), held(), approved("bruno")), NOW, None, id="prolonged"),
        pytest.param((*SCOPED, held(), held(NOW), approved("bruno")), NOW, True, id="shortened"),
    ],
)
def test_notices_go_out_approved_and_unheld_whichever_comes_last(
    facts: Sequence[Fact], at: datetime, delayed: bool | None
) -> None:
    begun = facts if facts[0] == registered() else (registered(), *facts)
    found = releasable_notices(INCIDENT, after(*begun), at)
    assert [notice.held_by_police for notice in found] == ([] if delayed is None else [delayed])


@pytest.mark.parametrize(
    ("facts", "further"),
    [
        pytest.param((*SCOPED, approved("bruno")), {1: False}, id="the first"),
        pytest.param((*SCOPED, approved("bruno"), out(), *NEXT, approved("bruno", 2)), {2: True}, id="out"),
        pytest.param((registered(), *NEXT, approved("bruno", 2)), {2: False}, id="never scoped"),
        pytest.param((*SCOPED, *NEXT, approved("bruno", 2)), {1: False, 2: False}, id="at the same moment"),
        pytest.param((*SCOPED, withdrawn(), *NEXT, approved("bruno", 2)), {2: False}, id="taken back"),
    ],
)
def test_letters_mention_earlier_notices_only_if_there_were_any(
    facts: Sequence[Fact], further: dict[int, bool]
) -> None:
    """Law: GDPR Art. 33(4)."""
    incident = after(*facts)
    found = releasable_notices(INCIDENT, incident, NOW)
    assert {notice.phase: notice.further for notice in found} == further
    now_out = reduce(evolve, found, incident)
    assert {number: now_out.has_earlier_notices(now_out.phases[number - 1]) for number in further} == further


def test_notices_are_released_once() -> None:
    incident = after(*SCOPED, approved("bruno"), out())
    assert releasable_notices(INCIDENT, incident, NOW) == []


def test_phases_that_go_out_at_one_moment_know_of_one_another() -> None:
    """Else who is in both would get two letters (GDPR Art. 33(4))."""
    incident = after(*SCOPED, registered(2), scoped(2), approved("bruno", 2))
    assert [(one.phase, one.along) for one in releasable_notices(INCIDENT, incident, NOW)] == [
        (1, (2,)),
        (2, (1,)),
    ]
    later = after(*SCOPED, approved("bruno"), out(), registered(2), scoped(2), approved("bruno", 2))
    assert [(one.phase, one.along) for one in releasable_notices(INCIDENT, later, NOW)] == [(2, ())]


# --- clocks that stop -------------------------------------------------------------------------------------


def to_customers(phase: int) -> BreachScoped:
    """Return the scope of a processor's phase: a customer, and people without notices."""
    people = tuple(group.model_copy(update={"laws": ()}) for group in scoped(phase).groups)
    return scoped(phase).model_copy(update={"groups": people, "customers": 1})


RELEASED = (registered(), scoped(), clocks(PEOPLE, CALIFORNIANS, CUSTOMER, AUTHORITY), approved("b"), out())
BOTH = (
    *RELEASED, registered(2, role=PROCESSOR), to_customers(2), approved("b", 2), out(2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("reported", "stopped"),
    [
        pytest.param(notified(), ["gdpr.people"], id="all people were told, and no customer was"),
        pytest.param(notified(failed=1), ["gdpr.people"], id="one was not reached"),
        pytest.param(notified(sent=0, failed=3), [], id="nobody was reached"),
        pytest.param(notified(sent=-1, failed=2), [], id="a count that cannot be"),
        pytest.param(
            notified(sent=0, elsewhere=3),
            ["gdpr.people"],
            id="all are told by another phase",
        ),
        pytest.param(notified(aborted=True), [], id="given up"),
        pytest.param(notified(2), ["gdpr.controller.k-1"], id="the customers were told, and nobody else"),
        pytest.param(notified(2, failed=1), [], id="one customer was not reached"),
    ],
)
def test_notices_stop_the_clocks_of_those_they_went_to(reported: BreachNotified, stopped: list[str]) -> None:
    assert [duty.clock for duty in notified_duties(after(*BOTH, reported))] == stopped


def test_people_found_later_reopen_no_clock_of_a_customer() -> None:
    done = DutiesDone(request_id=INCIDENT, clocks=("gdpr.controller.k-1", "gdpr.people"), at=NOW)
    incident = after(*BOTH, notified(), notified(2), done, registered(3), scoped(3))
    assert set(incident.done) == {"gdpr.controller.k-1"}
    [stop] = incident.stops
    assert (stop.duty.clock, stop.done.at, stop.phase) == ("gdpr.people", NOW, 3)
    assert after(*BOTH, notified(), done, registered(3), scoped(3), withdrawn(3)).stops == ()


def test_a_customer_not_reached_requires_no_public_notice() -> None:
    assert not after(*BOTH, notified(2, failed=1)).phases[1].unreached
    assert after(*BOTH, notified(failed=1)).phases[0].unreached


def test_words_of_another_role_are_never_sent() -> None:
    waiting = (registered(), scoped(), registered(2, role=PROCESSOR), to_customers(2), approved("b", 2))
    found = releasable_notices(INCIDENT, after(*waiting), NOW)
    assert [(notice.phase, notice.declaration) for notice in found] == [(1, "declared_1"), (2, "declared_2")]


def test_a_clock_runs_until_the_people_of_all_phases_are_notified() -> None:
    first = (*RELEASED, notified(), DutiesDone(request_id=INCIDENT, clocks=("gdpr.people",), at=NOW))
    assert "gdpr.people" in after(*first).done
    found = (*first, registered(2), scoped(2))
    incident = after(*found)
    assert "gdpr.people" not in incident.done
    assert incident.first_stopped["gdpr.people"] == NOW, "what begins with the first notice has begun"
    more = after(*found, approved("b", 2), out(2), notified(2))
    assert "gdpr.people" in [duty.clock for duty in notified_duties(more)]
    again = evolve(more, DutiesDone(request_id=INCIDENT, clocks=("gdpr.people",), at=LATER))
    assert (again.done["gdpr.people"].at, again.first_stopped["gdpr.people"]) == (LATER, NOW)


def test_people_under_another_law_reopen_no_clock() -> None:
    done = DutiesDone(request_id=INCIDENT, clocks=("gdpr.people",), at=NOW)
    incident = after(*RELEASED, notified(), done, registered(2), scoped(2, US_CA=4))
    assert "gdpr.people" in incident.done


def test_people_of_all_phases_are_counted_together() -> None:
    incident = after(*SCOPED, registered(2), scoped(2, DE=4, US_CA=2))
    assert dict(residents_of(incident.standing)) == {None: 0, "DE": 7, "US-CA": 2}
    assert residents_of(after(registered()).standing) == {}, "nobody has looked"


def test_supplement_does_not_move_running_clocks() -> None:
    assert after(registered(), registered(2, aware_at=LATER)).aware_at == NOW


# --- letters that come back late ------------------------------------------------------------------------


def test_letters_that_come_back_late_are_counted_and_an_older_count_says_nothing() -> None:
    incident = after(*RELEASED, notified(), recounted(failed=2), recounted(failed=1, sent=2))
    [phase] = incident.phases
    assert phase.notified is not None
    assert (phase.notified.sent, phase.notified.failed, phase.notified.last) == (1, 2, None)
    assert phase.unreached, "what is to be announced where people are not reached"


def test_a_count_that_overtakes_the_end_of_a_phase_comes_back_later() -> None:
    with pytest.raises(TooEarly):
        after(*RELEASED, recounted())


def test_a_customer_with_a_returned_notice_is_not_notified() -> None:
    """Law: GDPR Art. 33(2)."""
    done = DutiesDone(request_id=INCIDENT, clocks=("gdpr.people", "gdpr.controller.k-1"), at=NOW)
    begun = tuple(
        one.model_copy(update={"customers": 1}) if isinstance(one, BreachScoped) else one for one in RELEASED
    )
    incident = after(*begun, notified(), done, recounted())
    assert incident.running("gdpr.controller.k-1")
    assert not incident.running("gdpr.people"), "of people there is a list"
    by_hand = BreachReported(request_id=INCIDENT, by="ada", clock="gdpr.controller.k-1", at=NOW)
    assert not after(*begun, notified(), by_hand, recounted()).running("gdpr.controller.k-1")
