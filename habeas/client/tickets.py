"""Requests by the reference of the system that submitted them: state, reason and age."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from habeas.client.console_api import ConsoleClient
from shared.contract.correlation import KEYED
from shared.contract.references import short_reference
from shared.errors import ConfigurationError

REASONS: Mapping[str, str] = {
    "unregistered": "waits for its turn, or a proof, a withdrawal or an appeal came before it",
    "turn": "waits for its turn: its system has reached its hourly limit",
    "review": "the staff reviews a proof",
    "proof": "waits for a proof of identity",
    "scope": "waits for the person to name the data that is meant",
}


def must_be_plain(reference: str) -> None:
    """Refuse an empty *reference*, and the keyed form that events may show."""
    if not reference:
        raise ConfigurationError("--reference: must not be empty")
    if reference.startswith(KEYED):
        form = f"{KEYED}… is the form in events"
        raise ConfigurationError(f"{form}; give the reference itself, or the event's correlationid as the id")


async def of_reference(console: ConsoleClient, reference: str, source: str | None) -> list[dict[str, Any]]:
    """Return the requests with the *reference* of any source, or of *source*, in a session at *console*."""
    wanted = {"reference": reference} | ({"source": source} if source else {})
    found = await console.call("POST", "/search", json=wanted)
    return [*map(of_case, found["cases"]), *map(_of_unregistered, found["unregistered"])]


def of_case(case: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state, the reason and the age of a *case* of the console."""
    return {
        "request": case["id"],
        "short": case["short_reference"],
        "source": case["source"],
        "status": case["stage"],
        "reason": reason_of(case),
        "right": case["right"],
        "received_on": case["received_on"],
        "age_days": age_in_days(date.fromisoformat(case["received_on"])),
        "due_on": case["due_on"],
    }


def _of_unregistered(id_: str) -> dict[str, Any]:
    plain = {"request": id_, "short": short_reference(id_)}
    return plain | {"status": "submitted", "reason": REASONS["unregistered"]}


def reason_of(case: Mapping[str, Any]) -> str | None:
    """Return why the *case* of the console has its state; None where the state says it."""
    if case["stopped"]:
        return f"stopped: {case['stopped']}"
    if case["stage"] == "duplicate":
        return f"duplicate of {short_reference(case['repeats'])}"
    if case["waits"]:
        kinds = [one["reason"] or one["kind"] for one in case["waits"]]
        return f"waits for the staff: {', '.join(kinds)}"
    if case["open"] and case["scope_asked_at"]:
        return REASONS["scope"]
    if case["stage"] == "challenged":
        return REASONS["proof"]
    return (", ".join(case["grounds"]) if case["stage"] == "refused" else None) or case["outcome"]


def age_in_days(received_on: date) -> int:
    """Return the days since *received_on*, a day of the office: its day can begin before the day in UTC."""
    return max((datetime.now(UTC).date() - received_on).days, 0)


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
    for name, sentence in (("parked", _parked), ("unreached_parts", _unreached)):
        shown |= {name: [sentence(one) for one in shown[name]]} if name in shown else {}
    values = [*((name, _text(value)) for name, value in shown.items()), *(("", one) for one in timeline[1:])]
    if timeline:
        values.insert(len(shown), ("timeline", timeline[0]))
    return [f"{name:12} {value}" for name, value in values]


def lines_of_stalled(found: Mapping[str, Any]) -> list[str]:
    """Return a line for each of the oldest cases that stand still, and their number."""
    lines = [
        f"{one['case']} {one['service']} has not handled {one['type']} since {one['since']}{_remedy(one)}"
        for one in found["stalled"]
    ]
    return [*lines, f"{found['count']} requests stand still" if found["count"] else "no request stands still"]


def _remedy(stalled: Mapping[str, Any]) -> str:
    if stalled["parked"]:
        return ": its message is parked, see `habeas dead-letters`"
    return f": published again at {stalled['republished_at']}" if stalled["republished_at"] else ""


def _parked(message: Mapping[str, Any]) -> str:
    where = f" ({message['error']} in {message['location']})" if message["error"] else ""
    remedy = f"remove the cause, then `habeas dead-letters replay {message['service']}`"
    return f"{message['service']} could not handle {message['type']}{where}: {message['reason']}; {remedy}"


def _unreached(part: Mapping[str, Any]) -> str:
    return f"{part['name']} does not answer {part['service']}; the request goes on by itself when it answers"


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
