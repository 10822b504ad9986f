"""Work in the breach room that pages and API share: decisions, and the reading of opened content."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import HTTPException, Response

from services.console.breach_decisions import ENTRIES, BreachEntry, asked_address
from services.console.context import ConsoleParts
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import MadeDecision, StepUp, make_decision
from services.console.http.guard import Visitor
from services.console.http.passed_on import PassedOn
from services.console.incidents import BreachRoom
from services.console.read_model.incidents import rooms_of
from shared.contract.events.breaches import NoticeProofAsked
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

PROOF = "proof"
"""Name of the form that asks for the notices to an address."""
CONTENT_HEADERS = (
    *("content-type", "content-disposition", "content-security-policy", "cache-control"),
    *("x-content-type-options", "referrer-policy"),
)
"""Headers of content that intake gives out."""


@dataclass(frozen=True, slots=True)
class EnteredBreachDecision:
    """A decision on an incident, as it was entered."""

    incident: str
    name: str
    fields: Mapping[str, str]


async def room_of_incident(parts: ConsoleParts, incident: str) -> BreachRoom:
    """Return the room of *incident*; answer 404 if there is none."""
    found = await rooms_of(parts.histories, [incident])
    if not found or not found[0].phases:
        raise HTTPException(404, "there is no such incident")
    return found[0]


async def decide_on_breach(
    parts: ConsoleParts, visitor: Visitor, entered: EnteredBreachDecision, step_up: StepUp
) -> MadeDecision:
    """
    Make a decision on an incident.

    Raises:
        HTTPException: There is no such incident or decision.
        RefusedEntry: A field does not fit.
    """
    draft = ENTRIES.get(entered.name)
    if draft is None and entered.name != PROOF:
        raise HTTPException(404, "there is no such decision")
    room, zone = await room_of_incident(parts, entered.incident), parts.settings.company.zone
    entry = BreachEntry(room, visitor.member.name, parts.clock(), zone, entered.fields)
    drafted = DecisionDraft(draft(entry)) if draft else _proof_asked(entry)
    return await make_decision(parts, visitor, drafted, step_up)


def _proof_asked(entry: BreachEntry) -> DecisionDraft:
    """Return the question about the notices to an address, which goes with it, sealed."""
    text = salted(asked_address(entry).encode(), secrets.token_bytes(TEXT_SALT_BYTES))
    asked = NoticeProofAsked(request_id=entry.room.id, by=entry.by, address=written_item(text))
    return DecisionDraft(asked, text)


async def incident_content(parts: ConsoleParts, visitor: Visitor, incident: str, item: str) -> Response:
    """Return sealed content that the account has opened: a sample of a letter, a document, or a list."""
    unlocked = visitor.session.unlocked
    if unlocked is None:
        raise HTTPException(403, "the session has no key")
    path = f"/v1/staff/incidents/{incident}/content/{item}"
    try:
        answer = await parts.intake.response("GET", path, unlocked.bearer, stream=True)
    except DecisionNotAccepted:
        raise HTTPException(403, "the incident is not opened") from None
    except StaffApiProblem as error:
        status = 404 if error.status == HTTPStatus.NOT_FOUND else 403
        raise HTTPException(status, "the content cannot be read") from None
    headers = {name: answer.headers[name] for name in CONTENT_HEADERS if name in answer.headers}
    return PassedOn(answer, headers, headers.pop("content-type", "application/octet-stream"))
