"""The repair of a parked message: a decision of the account, and then the message. Pages and API share it."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import HTTPException

from services.console.context import ConsoleParts
from services.console.decisions.forms import DecisionDraft, InvalidEntry
from services.console.decisions.submission import MadeDecision, StepUp, make_decision
from services.console.http.guard import Visitor
from services.console.system.parked_messages import (
    ParkedMessage,
    RepairAction,
    repair_decision,
    repair_record,
)
from shared.pages.translation import mark as _

REASON = "reason"
MOST_REASON = 200
WITHOUT_REASON = _("State the reason.")


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """An action on a parked message, as it was entered."""

    action: RepairAction
    service: str
    digest: str
    reason: str


async def repair(parts: ConsoleParts, visitor: Visitor, order: RepairOrder, given: StepUp) -> MadeDecision:
    """
    Make the decision of *order*; once a service has answered it, replay or discard the message.

    Raises:
        InvalidEntry: The reason is missing or too long.
        HTTPException: No such message is parked.
        RepairRefused: The message is not there any more, or it can only be discarded.
    """
    if not order.reason or len(order.reason) > MOST_REASON:
        raise InvalidEntry(REASON, WITHOUT_REASON)
    message = named(await parts.parked.all(), order.service, order.digest)
    record = repair_record(message, order.action, visitor.member.name, order.reason, parts.clock())
    made = await make_decision(parts, visitor, DecisionDraft(repair_decision(record)), given)
    if made.answered:  # else a service may still refuse it
        await parts.parked.repair(message, order.action, {**record, "decision": made.id})
    return made


def named(parked: Sequence[ParkedMessage], service: str, digest: str) -> ParkedMessage:
    """Return the parked message of a form; answer 404 if there is none."""
    for message in parked:
        if (message.service, message.digest) == (service, digest):
            return message
    raise HTTPException(404, "no such message is parked")
