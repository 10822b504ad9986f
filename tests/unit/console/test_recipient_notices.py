"""Notices to recipients follow from the facts of their case."""

from datetime import UTC, datetime, timedelta

import pytest

from services.console.domain import HistoryEntry
from services.console.read_model.recipients import RecipientNotice, notices_of
from services.console.state import RecipientState
from shared.contract import events
from shared.contract.events import Fact

CASE, AT = "ab" * 16, datetime(2026, 3, 2, 9, tzinfo=UTC)
ABOUT = events.SubjectErased.TYPE
NOTICE = {"request_id": CASE, "recipient": "Mailer", "notice": "n1", "about": ABOUT}
CONCERNED = events.RecipientConcerned.model_validate({**NOTICE, "identifiers": {}})
NOTIFIED = events.RecipientNotified.model_validate(NOTICE)
ACKNOWLEDGED = events.RecipientAcknowledged.model_validate(NOTICE)
FAILED = events.RecipientFailed.model_validate({**NOTICE, "reason": "refused"})
INFORMED = events.RecipientInformed(request_id=CASE, by="dana", recipient="Mailer")
OTHER = FAILED.model_copy(update={"recipient": "Bank", "notice": "n2"})


def states(*facts: Fact) -> dict[str, tuple[RecipientState, str | None]]:
    times = [AT + timedelta(minutes=place) for place in range(len(facts))]
    history = [HistoryEntry(f"e{place}", times[place], fact) for place, fact in enumerate(facts)]
    return {one.recipient: (one.state, one.reason) for one in notices_of(CASE, history)}


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        ((CONCERNED,), RecipientState.UNDER_WAY, None),
        ((CONCERNED, NOTIFIED), RecipientState.NOTIFIED, None),
        ((CONCERNED, ACKNOWLEDGED), RecipientState.ACKNOWLEDGED, None),
        ((CONCERNED, FAILED), RecipientState.FAILED, "refused"),
        ((FAILED,), RecipientState.FAILED, "refused"),
        ((CONCERNED, FAILED, CONCERNED), RecipientState.UNDER_WAY, None),
        ((CONCERNED, FAILED, CONCERNED, ACKNOWLEDGED), RecipientState.ACKNOWLEDGED, None),
        ((CONCERNED, FAILED, INFORMED), RecipientState.INFORMED, None),
        ((CONCERNED, INFORMED), RecipientState.UNDER_WAY, None),
    ],
)
def test_state_of_a_notice_is_that_of_its_last_fact(
    facts: tuple[Fact, ...], state: RecipientState, reason: str | None
) -> None:
    assert states(*facts) == {"Mailer": (state, reason)}


def test_staff_informs_one_recipient() -> None:
    assert states(FAILED, OTHER, INFORMED)["Bank"] == (RecipientState.FAILED, "refused")


def test_result_at_the_moment_of_the_notice_comes_after_it() -> None:
    history = [HistoryEntry("b", AT, CONCERNED), HistoryEntry("a", AT, FAILED)]
    assert [one.state for one in notices_of(CASE, history)] == [RecipientState.FAILED]


def test_stored_notice_is_read_back() -> None:
    [notice] = notices_of(CASE, [HistoryEntry("e0", AT, FAILED)])
    assert RecipientNotice.read({"_id": notice.id, **notice.document()}) == notice
