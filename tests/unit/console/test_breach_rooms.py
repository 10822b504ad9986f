"""The breach room follows from the facts of an incident; forms refuse what the services would park."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.console.breach_decisions import (
    APPROVAL_REFUSALS,
    BAD_ADDRESS,
    BAD_LANGUAGE,
    BAD_REPORT_TIME,
    BAD_UNTIL,
    ENTRIES,
    NO_DUTY,
    NO_PHASE,
    NOT_CONFIRMED,
    NOT_HELD,
    NOT_OUT,
    NOT_READ,
    BreachEntry,
    RefusedEntry,
    asked_address,
    refused_approval,
)
from services.console.domain import HistoryEntry, row_of
from services.console.incidents import ApprovalRefusal, BreachRoom, CampaignMode, room_of
from services.console.pages.breaches import progress_of, time_left
from services.console.state import CaseKind, WaitKind
from shared.contract.events import Fact, breaches

INCIDENT = "ab" * 16
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = START + timedelta(hours=72)
GDPR, CALIFORNIA = "gdpr@2018-05-25", "us-ca@2026-01-01"
DUTIES = (
    breaches.StatedDuty(clock="gdpr.people", policy=GDPR, recipient="people"),
    breaches.StatedDuty(clock="gdpr.authority.DE", policy=GDPR, recipient="authority", due_at=DUE),
    breaches.StatedDuty(
        clock="update.1", recipient="staff", due_at=START + timedelta(days=7), done_at=START, done_by="ada"
    ),
)
GROUP = breaches.AffectedGroup(laws=(GDPR,), place="DE", language="de", people=9, unreachable=2, again=1)


def registered(phase: int = 1, by: str | None = "ada") -> breaches.BreachRegistered:
    return breaches.BreachRegistered(
        request_id=INCIDENT,
        phase=phase,
        declaration=f"declared_{phase}",
        role=breaches.BreachRole.CONTROLLER,
        aware_at=START,
        by=by,
    )


def scoped(phase: int = 1, chunks: int = 4) -> breaches.BreachScoped:
    return breaches.BreachScoped(request_id=INCIDENT, phase=phase, groups=(GROUP,), chunks=chunks)


def stated(*statuses: str, approved_by: tuple[str, ...] = (), **more: Any) -> breaches.IncidentStated:
    phases = tuple(
        breaches.StatedPhase(phase=number, status=status, approved_by=approved_by)
        for number, status in enumerate(statuses, start=1)
    )
    return breaches.IncidentStated(
        request_id=INCIDENT, aware_at=START, phases=phases, **{"duties": DUTIES, **more}
    )


def progressed(through: int, sent: int) -> breaches.CampaignProgressed:
    return breaches.CampaignProgressed(
        request_id=INCIDENT, phase=1, through=through, chunks=4, sent=sent, doubtful=1, failed=0, chunk=2
    )


def notified(sent: int) -> breaches.BreachNotified:
    return breaches.BreachNotified(request_id=INCIDENT, phase=1, sent=sent, doubtful=1, failed=2)


def room(*facts: Fact) -> BreachRoom:
    return room_of(INCIDENT, ((START + timedelta(minutes=at), fact) for at, fact in enumerate(facts)))


WAITING = (registered(), scoped(), stated("scoped"))
OUT = (*WAITING, stated("released", approved_by=("bruno",)))


def test_running_clocks_come_first_and_done_duties_apart() -> None:
    found = room(*WAITING)
    assert [duty.clock for duty in found.running] == ["gdpr.authority.DE", "gdpr.people"]
    assert [duty.clock for duty in found.ended] == ["update.1"]
    assert [duty.clock for duty in found.reportable] == ["gdpr.authority.DE"]
    assert found.next_due == DUE


def test_row_of_an_incident_waits_for_approval_and_reports() -> None:
    history = [HistoryEntry(f"{at:032x}", START, fact) for at, fact in enumerate(WAITING)]
    row = row_of(INCIDENT, history)
    assert row is not None
    assert (row.kind, row.open, row.due_on) == (CaseKind.INCIDENT, True, DUE.date())
    release, report = row.waits
    assert (release.kind, release.by, release.due_on) == (WaitKind.RELEASE, ("ada",), DUE.date())
    assert (report.kind, report.reason) == (WaitKind.REPORT, "gdpr.authority.DE")


def test_people_are_counted_by_law_and_language() -> None:
    [phase] = room(*WAITING).phases
    assert (phase.by_law, phase.by_language, phase.unreachable) == ({GDPR: 10}, {"de": 10}, 2)


def test_statement_that_several_languages_lack_stands_once() -> None:
    def letter(language: str, law: str = GDPR) -> breaches.CheckedLetter:
        lacks = (
            breaches.MissingStatement(says=f"advice is not declared in {language!r}", provision="Art. 12"),
            breaches.MissingStatement(says="the company names no postal address", provision="Art. 34"),
        )
        return breaches.CheckedLetter(to="people", laws=(law,), language=language, people=1, lacks=lacks)

    letters = tuple(letter(one) for one in ("fr", "de", "pt-BR"))
    checked = breaches.NoticesChecked(
        request_id=INCIDENT, phase=1, letters=(*letters, letter("de", CALIFORNIA))
    )
    found = room(*WAITING, checked)
    assert [(one.says, one.laws) for one in found.missing] == [
        ("advice is not declared in de, fr, pt-BR", (GDPR, CALIFORNIA)),
        ("the company names no postal address", (GDPR, CALIFORNIA)),
    ]
    assert found.lacks
    assert not room(*WAITING, checked, stated("released", approved_by=("bruno",))).missing


def test_scope_without_people_is_empty_unless_customers_or_records_were_found() -> None:
    nobody = breaches.BreachScoped(request_id=INCIDENT, phase=1, groups=(), chunks=0)
    of = [
        room(registered(), one).phases[0].is_empty
        for one in (nobody, nobody.model_copy(update={"unnamed": 2}), scoped())
    ]
    assert of == [True, False, False]
    assert not room(registered()).phases[0].is_empty, "people are still searched"
    customers = nobody.model_copy(update={"customers": 1})
    assert not room(registered(), customers).phases[0].is_empty


def test_steps_go_on_with_each_fact_but_the_progress() -> None:
    """A page that shows fewer steps than the stream is drawn again; counts go on without a new page."""
    assert [room(*WAITING[:number]).steps for number in (1, 2, 3)] == [1, 2, 3]
    assert room(*OUT, progressed(2, 4)).steps == room(*OUT).steps
    assert room(*OUT, notified(8)).steps == room(*OUT).steps + 1
    assert all(room(*one).goes_on for one in (WAITING[:1], WAITING, OUT))
    assert not room(*OUT, notified(8)).goes_on


def test_progress_goes_on_and_ends_with_all_batches() -> None:
    half = room(*OUT, progressed(2, 4), progressed(1, 2))
    assert progress_of(half) == {"sent": 4, "failed": 0, "doubtful": 1, "elsewhere": 0, "percent-1": 50}
    assert half.is_going_out
    whole = room(*OUT, progressed(2, 4), notified(8))
    assert progress_of(whole)["percent-1"] == 100
    assert (progress_of(whole)["sent"], whole.is_going_out) == (8, False)


def test_rate_is_that_between_the_last_two_reports() -> None:
    """Facts of the room are a minute apart: release, reports of 2 and 3 of 4 batches."""
    released = breaches.NoticesReleased(request_id=INCIDENT, phase=1, declaration="declared_1", chunks=4)
    facts = (*WAITING, released)
    pace = room(*facts, progressed(2, 400)).phases[0].pace
    assert pace is not None
    assert (pace.at, pace.through, pace.batches) == (START + timedelta(minutes=4), 2, 4)
    assert (pace.per_minute, pace.minutes) == (400, 1)
    slower = room(*facts, progressed(2, 400), progressed(1, 200), progressed(3, 500)).phases[0].pace
    assert slower is not None
    assert (slower.per_minute, slower.minutes) == (50, 2), "an overtaken report counts for nothing"
    assert room(*facts).phases[0].pace is None
    assert room(*WAITING, progressed(2, 400)).phases[0].pace is None, "of notices without a release"
    assert room(*facts, progressed(2, 400), notified(500)).phases[0].pace is None


def test_account_sees_the_notices_that_it_asked_for_a_quarter_of_an_hour() -> None:
    address = f"written_{'a' * 64}"
    asked = breaches.NoticeProofAsked(request_id=INCIDENT, by="ada", address=address)
    proven = breaches.NoticesProven(request_id=INCIDENT, address=address, item="notice_proof_a", notices=1)
    found = room(*OUT, asked, proven)
    at = START + timedelta(minutes=len(OUT))
    assert found.proof_for("ada", at) == proven
    assert found.proof_for("ada", at + timedelta(minutes=15)) is None
    assert found.proof_for("bruno", at) is None
    assert room(*OUT, asked).proof_for("ada", at) is None


@pytest.mark.parametrize(
    ("facts", "email", "refusal"),
    [(WAITING, "ada@example.org", NOT_OUT), (OUT, "Ada", BAD_ADDRESS), (OUT, "a@example.org b", BAD_ADDRESS)],
)
def test_question_about_a_letter_names_one_address_of_notices_that_are_out(
    facts: tuple[Fact, ...], email: str, refusal: str
) -> None:
    with pytest.raises(RefusedEntry, match=refusal):
        asked_address(BreachEntry(room(*facts), "ada", START, UTC, {"email": email}))
    entry = BreachEntry(room(*OUT), "ada", START, UTC, {"email": " ada@example.org "})
    assert asked_address(entry) == "ada@example.org"


def test_orders_of_the_staff_set_the_state_of_the_campaign() -> None:
    pause = breaches.CampaignPaused(request_id=INCIDENT, by="ada")
    resume = breaches.CampaignResumed(request_id=INCIDENT, by="ada")
    abort = breaches.CampaignAborted(request_id=INCIDENT, by="ada")
    assert room(*OUT, pause).mode is CampaignMode.PAUSED
    assert room(*OUT, pause, resume).mode is CampaignMode.ON
    assert room(*OUT, abort, resume).mode is CampaignMode.ABORTED


def refusal(name: str, found: BreachRoom, by: str = "bruno", **fields: str) -> str | None:
    """Return why the form *name* is refused; None if it drafts a decision."""
    entry = BreachEntry(found, by, START + timedelta(hours=1), UTC, fields)
    try:
        decision = ENTRIES[name](entry)
    except RefusedEntry as error:
        return str(error)
    assert (decision.request_id, decision.by) == (INCIDENT, by)
    return None


APPROVAL = {"phase": "1", "declaration": "declared_1", "read": "yes"}


@pytest.mark.parametrize(
    ("facts", "by", "changes", "error"),
    [
        pytest.param(WAITING, "bruno", {}, None, id="second account"),
        pytest.param(WAITING, "ada", {}, APPROVAL_REFUSALS[ApprovalRefusal.DECLARED], id="declarer"),
        pytest.param(WAITING, "bruno", {"read": ""}, NOT_READ, id="not read"),
        pytest.param(
            WAITING,
            "bruno",
            {"declaration": "x"},
            APPROVAL_REFUSALS[ApprovalRefusal.OTHER],
            id="other declaration",
        ),
        pytest.param(
            (registered(by=None), scoped(), stated("approved", approved_by=("bruno",))),
            "bruno",
            {},
            APPROVAL_REFUSALS[ApprovalRefusal.APPROVED],
            id="approves twice",
        ),
        pytest.param(OUT, "bruno", {}, APPROVAL_REFUSALS[ApprovalRefusal.NOTHING], id="out already"),
        pytest.param(
            (registered(), scoped(chunks=0), stated("scoped")),
            "bruno",
            {},
            APPROVAL_REFUSALS[ApprovalRefusal.NOTHING],
            id="no letters",
        ),
    ],
)
def test_approval_needs_a_second_account_that_has_read(
    facts: tuple[Fact, ...], by: str, changes: Mapping[str, str], error: str | None
) -> None:
    assert refusal("approve", room(*facts), by, **{**APPROVAL, **changes}) == error


def test_form_of_an_approval_is_for_other_accounts_than_the_declarer() -> None:
    assert refused_approval(room(*WAITING), "ada") == APPROVAL_REFUSALS[ApprovalRefusal.DECLARED]
    assert refused_approval(room(*WAITING), "bruno") == ""
    assert refused_approval(room(*OUT), "ada") == ""


def test_report_names_a_running_duty_at_a_possible_time() -> None:
    found = room(*WAITING)
    assert refusal("report", found, clock="gdpr.authority.DE", receipt="LDA-2026/7") is None
    assert refusal("report", found, clock="update.1") == NO_DUTY
    for at in ("2026-03-02T10:01", "2026-03-01T10:00"):
        assert refusal("report", found, clock="gdpr.authority.DE", at=at) == BAD_REPORT_TIME


def test_hold_ends_in_the_future_and_only_a_hold_can_be_ended() -> None:
    found = room(*WAITING)
    assert refusal("hold", found, agency="police", until="2026-03-03T10:00") is None
    assert refusal("hold", found, agency="police", until="2026-03-02T09:59") == BAD_UNTIL
    assert refusal("end-hold", found) == NOT_HELD
    held = room(*WAITING, stated("scoped", agency="police", held_until=START + timedelta(days=1)))
    assert refusal("end-hold", held) is None


def test_steering_needs_notices_that_go_out_in_another_state() -> None:
    assert refusal("pause", room(*WAITING)) == NOT_OUT
    assert refusal("resume", room(*OUT)) == NOT_OUT
    assert refusal("pause", room(*OUT)) is None
    assert refusal("abort", room(*OUT)) == NOT_CONFIRMED
    assert refusal("abort", room(*OUT), sure="yes") is None


def test_only_the_newest_phase_is_withdrawn_before_it_is_out() -> None:
    assert refusal("withdraw", room(*WAITING), phase="1", sure="yes") is None
    assert refusal("withdraw", room(*WAITING), phase="2", sure="yes") == NO_PHASE
    assert refusal("withdraw", room(*OUT), phase="1", sure="yes") == NO_PHASE


def test_time_left_counts_hours_beyond_a_day() -> None:
    assert time_left(DUE, START + timedelta(minutes=55)) == "71:05"
    assert time_left(START, START + timedelta(minutes=150)) == "\u22122:30"


def test_samples_in_a_language_stand_beside_the_letters_of_the_phase() -> None:
    letter = breaches.CheckedLetter(to="people", laws=(GDPR,), language="pt-BR", people=0, item="sample_1_0")
    known = {"request_id": INCIDENT, "phase": 1, "letters": (letter,)}
    checked = breaches.NoticesChecked(**known, language="pt-BR")
    [before], [phase] = room(*WAITING).phases, room(*WAITING, checked).phases
    assert (phase.letters, phase.samples) == (before.letters, {"pt-BR": (letter,)})


@pytest.mark.parametrize("language", ["german", "d", "de;"])
def test_wrong_code_of_a_language_is_refused(language: str) -> None:
    assert refusal("open", room(*WAITING), language=language) == BAD_LANGUAGE


def test_opening_is_that_of_its_account_for_fifteen_minutes() -> None:
    found = room(*OUT, breaches.BreachOpened(request_id=INCIDENT, by="ada", reason="breach_room"))
    at = found.opened["ada"]
    assert found.is_open("ada", at + timedelta(minutes=14))
    assert not found.is_open("ada", at + timedelta(minutes=15))
    assert not found.is_open("bruno", at)
