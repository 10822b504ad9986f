"""Requests by the reference of the system that submitted them: state, reason and age."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any

from services.intake.domain import RECORDS, CaseStatus, IntakeCase, evolve, outcome_of, request_id
from shared.contract.correlation import KEYED
from shared.contract.references import short_reference
from shared.errors import ConfigurationError
from shared.runtime.journal import Journal, events_of
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import connect, translated

REASONS: Mapping[str, str] = {
    "not_come": "a proof, a withdrawal or an appeal waits for its request",
    "turn": "waits for its turn: its system has reached its hourly limit",
    "review": "the staff reviews a proof",
    "proof": "waits for a proof of identity",
    "fee": "waits for the person to agree to the fee",
    "scope": "waits for the person to name the data that is meant",
}


def must_be_plain(reference: str) -> None:
    """Refuse an empty *reference*, and the keyed form that events may show."""
    if not reference:
        raise ConfigurationError("--reference: must not be empty")
    if reference.startswith(KEYED):
        form = f"{KEYED}… is the form in events"
        raise ConfigurationError(f"{form}; give the reference itself, or the event's correlationid as the id")


async def of_reference(
    mongo_url: str, prefix: str, root: RootKey, reference: str, source: str | None = None
) -> list[dict[str, Any]]:
    """
    Return the requests with the *reference* of any source, or of *source*, for the privacy staff.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    key = derived_key(root, "request ids")
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        database = client[f"{prefix}_intake"]
        journal = Journal(database, RECORDS, notes=True)
        sources = [source] if source else await journal.sources()
        known = {request_id(one, reference, key=key): one for one in sources}
        histories = await journal.histories(set(known))
        with translated("read the waiting requests"):
            queued = database["waiting"].find({"_id": {"$in": [*known]}})
            waiting = {one["_id"]: one["received_at"] async for one in queued}
    cases = {id_: reduce(evolve, events_of(rows), IntakeCase()) for id_, rows in histories.items()}
    found = [
        ticket_of(id_, source, cases.get(id_, IntakeCase()), waiting.get(id_))
        for id_, source in known.items()
    ]
    return [ticket for ticket in found if ticket is not None]


def ticket_of(
    id_: str, source: str, case: IntakeCase, queued_at: datetime | None = None
) -> dict[str, Any] | None:
    """
    Return the ticket of a *case*, which may wait in the queue since *queued_at*.

    None if there is no request: none came, or its early events were rejected for want of one.
    """
    received = case.received
    began = min((kept.at for kept in case.follow_ups), default=queued_at)
    if case.status is CaseStatus.UNKNOWN and began is None:
        return None
    came_on = received.received_on if received else began and began.date()
    return {
        "request": id_,
        "short": short_reference(id_),
        "source": source,
        "status": "submitted" if case.status is CaseStatus.UNKNOWN else case.status.value,
        "reason": reason_of(case),
        "right": received and received.right.value,
        "received_on": came_on and came_on.isoformat(),
        "age_days": came_on and age_in_days(came_on),
        "due_on": case.due_on and case.due_on.isoformat(),
    }


def reason_of(case: IntakeCase) -> str | None:
    """Return why the request has its state; None where the state says it."""
    if case.status is CaseStatus.UNKNOWN:
        return REASONS["not_come" if case.follow_ups else "turn"]
    if case.stopped is not None:
        return f"stopped: {case.stopped}"
    if case.duplicated is not None:
        return f"duplicate of {short_reference(case.duplicated.first)}"
    if case.status is CaseStatus.REFERRED and case.referred is not None:
        return f"waits for the staff: {case.referred.reason}"
    if case.status is CaseStatus.REFUSED:
        return ", ".join(case.refused_for) or None
    return _awaited(case) or outcome_of(case) or _end(case)


def _end(case: IntakeCase) -> str | None:
    if case.status is not CaseStatus.CLOSED:
        return None
    return "forwarded" if case.forwarded is not None else "withdrawn"


def _awaited(case: IntakeCase) -> str | None:
    if case.status is CaseStatus.CHALLENGED:
        refused = f"; the last one was refused: {case.proof_refused_for}" if case.proof_refused_for else ""
        return REASONS["review" if case.in_review else "proof"] + refused
    if case.awaits_agreement:
        return REASONS["fee"]
    return REASONS["scope"] if case.awaits_scope else None


def age_in_days(received_on: date) -> int:
    """Return the days since *received_on*."""
    return (datetime.now(UTC).date() - received_on).days


def of_page(page: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state, the reason and the age in a status page, for the submitting system."""
    received_on = page.get("received_on")
    refused = page.get("proof_refused_for")
    waits = {"challenged": REASONS["proof"], "submitted": REASONS["turn"]}.get(page["status"])
    stated = [f"stopped: {page['stopped']}"] if page.get("stopped") else page.get("reasons") or []
    reviewed = REASONS["review"] if page.get("in_review") else waits
    return {
        "request": page["id"],
        "short": short_reference(page["id"]),
        "status": page["status"],
        "reason": ", ".join(stated) or refused or reviewed or page.get("outcome") or _end_of_page(page),
        "right": page.get("right"),
        "received_on": received_on,
        "age_days": age_in_days(date.fromisoformat(received_on)) if received_on else None,
        "due_on": page.get("due_on"),
    }


def _end_of_page(page: Mapping[str, Any]) -> str | None:
    ends = {item["what"] for item in page.get("timeline", ())} & {"withdrawn", "forwarded", "duplicate"}
    return min(ends, default=None) if page["status"] == "closed" else None


def lines_of(ticket: Mapping[str, Any]) -> list[str]:
    """Return a line for each value of a ticket, and for each entry of its timeline."""
    shown = {name: value for name, value in ticket.items() if name != "id" and _is_set(value)}
    timeline = [_moment(item) for item in shown.pop("timeline", ())]
    values = [*((name, _text(value)) for name, value in shown.items()), *(("", one) for one in timeline[1:])]
    if timeline:
        values.insert(len(shown), ("timeline", timeline[0]))
    return [f"{name:12} {value}" for name, value in values]


def _is_set(value: Any) -> bool:
    return value is not False and value not in (None, [])


def _moment(item: Mapping[str, Any]) -> str:
    until = f"until {item['until']}" if item.get("until") else None
    shown = (item["at"][:16].replace("T", " "), item["what"], item.get("letter"), until)
    return " ".join(one for one in shown if one)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(" + ".join(one) if isinstance(one, list) else str(one) for one in value)
    return "yes" if value is True else str(value)
