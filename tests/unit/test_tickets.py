"""The state of a request has its reason and its age, for the staff and for the submitting system."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from habeas.client.tickets import REASONS, age_in_days, lines_of, of_page, reason_of, ticket_of
from habeas.event_samples import least
from services.intake.domain import CaseStatus, FollowUpKept, IntakeCase
from shared.contract.events import (
    RequestDuplicated,
    RequestForwarded,
    RequestFulfilled,
    RequestReferred,
    StopReason,
)

CASE = "0123456789abcdef0123456789abcdef"
TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({}, REASONS["turn"]),
        ({"follow_ups": (least(FollowUpKept),)}, REASONS["not_come"]),
        ({"status": CaseStatus.CHALLENGED}, REASONS["proof"]),
        (
            {"status": CaseStatus.CHALLENGED, "proof_refused_for": "expired"},
            "waits for a proof of identity; the last one was refused: expired",
        ),
        ({"status": CaseStatus.CHALLENGED, "in_review": True}, REASONS["review"]),
        ({"status": CaseStatus.CHALLENGED, "stopped": StopReason.NOT_ME}, "stopped: not_me"),
        (
            {"status": CaseStatus.REFERRED, "referred": least(RequestReferred, reason="legal_hold")},
            "waits for the staff: legal_hold",
        ),
        ({"status": CaseStatus.REFUSED, "refused_for": ("proof_not_convincing",)}, "proof_not_convincing"),
        (
            {"status": CaseStatus.DUPLICATE, "duplicated": least(RequestDuplicated, first=CASE)},
            "duplicate of HB-04HM-ASW9-NFM",
        ),
        ({"status": CaseStatus.CLOSED, "fulfilled": least(RequestFulfilled, outcome="granted")}, "granted"),
        ({"status": CaseStatus.CLOSED}, "withdrawn"),
        ({"status": CaseStatus.CLOSED, "forwarded": least(RequestForwarded)}, "forwarded"),
        ({"status": CaseStatus.RECEIVED}, None),
    ],
)
def test_state_has_its_reason(state: dict[str, Any], reason: str | None) -> None:
    assert reason_of(IntakeCase(**state)) == reason


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"status": "challenged"}, REASONS["proof"]),
        ({"status": "challenged", "in_review": True}, REASONS["review"]),
        ({"status": "challenged", "proof_refused_for": "expired"}, "expired"),
        ({"status": "challenged", "stopped": "not_me"}, "stopped: not_me"),
        ({"status": "refused", "reasons": ["proof_not_convincing"]}, "proof_not_convincing"),
        ({"status": "closed", "outcome": "granted", "reasons": []}, "granted"),
        ({"status": "closed", "timeline": [{"what": "received"}, {"what": "withdrawn"}]}, "withdrawn"),
        ({"status": "submitted"}, REASONS["turn"]),
        ({"status": "received"}, None),
    ],
)
def test_status_page_has_its_reason(page: dict[str, Any], reason: str | None) -> None:
    assert of_page({"id": CASE, **page})["reason"] == reason


def test_age_is_counted_in_days() -> None:
    received_on = (TODAY - timedelta(days=12)).isoformat()
    assert of_page({"id": CASE, "status": "received", "received_on": received_on})["age_days"] in {12, 13}
    assert age_in_days(date(2000, 1, 1)) > 9_000


def test_request_that_waits_has_its_age_from_its_first_event_or_its_place_in_the_queue() -> None:
    now = datetime.now(UTC)
    kept = [least(FollowUpKept).model_copy(update={"at": at}) for at in (now, now - 2 * DAY)]
    early = IntakeCase(follow_ups=tuple(kept))
    found = [ticket_of(CASE, "shop", early), ticket_of(CASE, "shop", IntakeCase(), now - 3 * DAY)]
    shown = [(one["reason"], one["age_days"]) for one in found if one]
    assert shown == [(REASONS["not_come"], 2), (REASONS["turn"], 3)]


def test_events_that_were_rejected_for_want_of_a_request_are_no_request() -> None:
    assert ticket_of(CASE, "shop", IntakeCase(unmatched=("proof_1",))) is None


def test_ticket_is_printed_line_by_line() -> None:
    moment = {"at": "2026-03-02T09:30:00.295942Z", "what": "received", "letter": None, "until": None}
    letter = {"at": "2026-03-02T09:31:00Z", "what": "letter_sent", "letter": "code", "until": "2026-04-02"}
    ticket = {"request": CASE, "id": CASE, "age_days": 0, "paused": False, "in_review": True}
    lists = {"outcome": None, "laws": ["gdpr", "uk-gdpr"], "wanted": [["mailbox", "document"], ["login"]]}
    assert lines_of(ticket | lists | {"timeline": [moment, letter]}) == [
        f"request      {CASE}",
        "age_days     0",
        "in_review    yes",
        "laws         gdpr, uk-gdpr",
        "wanted       mailbox + document, login",
        "timeline     2026-03-02 09:30 received",
        "             2026-03-02 09:31 letter_sent code until 2026-04-02",
    ]
