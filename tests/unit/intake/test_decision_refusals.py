"""A decision that a request does not allow is refused with its reason; an accepted one names its results."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest

from services.intake.domain import request_id
from shared.contract import events
from shared.runtime.staff_register import DecisionOutcome
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office, OpenGate, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)


async def outcome(decision: events.Decision) -> DecisionOutcome:
    """Return the outcome of *decision* about a new request."""
    office = Office()
    await office.submit(request())
    await office.tell(decision, service="console")
    return office.staff.outcomes[-1]


@pytest.mark.parametrize(
    ("kind", "words", "reason"),
    [
        (events.StopDecided, {"resume": True}, "not_stopped"),
        (events.StopDecided, {"resume": False}, "not_stopped"),
        (events.AnswerDelivered, {"way": "post"}, "no_answer"),
        (events.ForwardingDecided, {"controller": f"written_{'0' * 64}"}, "not_forwardable"),
        (events.PermissionRevoked, {"account": "bert"}, "permission_unknown"),
        (events.AppealDecided, {"granted": True}, "no_appeal_open"),
    ],
)
async def test_decision_that_a_new_request_does_not_allow_is_refused(
    kind: type[events.Decision], words: dict[str, Any], reason: str
) -> None:
    refused = await outcome(kind(request_id=CASE, by="anna", **words))
    assert (refused.reason, refused.results) == (reason, ())


async def test_accepted_decision_names_the_events_that_it_caused() -> None:
    extended = events.ExtensionDecided(request_id=CASE, by="anna", reason=events.ExtensionReason.COMPLEXITY)
    assert await outcome(extended) == DecisionOutcome(
        "intake", extended.TYPE, None, (events.RequestExtended.TYPE,)
    )


async def test_second_extension_is_refused() -> None:
    office = Office()
    await office.submit(request())
    for _ in range(2):
        decided = events.ExtensionDecided(
            request_id=CASE, by="anna", reason=events.ExtensionReason.COMPLEXITY
        )
        await office.tell(decided, service="console")
    assert [one.reason for one in office.staff.outcomes] == [None, "no_extension"]


async def test_acceptance_is_recorded_once_the_journal_has_the_decision() -> None:
    office = Office()
    await office.submit(request())
    at_the_outcome: list[bool] = []

    async def note(outcomes: Mapping[str, DecisionOutcome], now: datetime) -> None:
        del outcomes, now
        rows = (await office.journals["intake"].histories({CASE}))[CASE]
        at_the_outcome.append(any(row.event == extended for row in rows))

    extended = events.ExtensionDecided(request_id=CASE, by="anna", reason=events.ExtensionReason.COMPLEXITY)
    with patch.object(OpenGate, "note", staticmethod(note)):
        await office.tell(extended, service="console")
    assert at_the_outcome == [True]
