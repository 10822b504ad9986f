"""The proofs that wait for a review, from the console."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from habeas.client.console_api import ConsoleClient
from services.verifier.assurance.levels import provision_of
from shared.law.library import policies

DOCUMENT = "document"
"""Kind of the work."""


async def waiting(console: ConsoleClient) -> list[dict[str, Any]]:
    """Return the requests with a proof to review."""
    found = await console.all("/cases", "cases", waiting=DOCUMENT)
    return [standing_of(await console.get(f"/cases/{case['id']}")) for case in found]


def standing_of(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case as plain values: required proof with reasons, evidence, proofs to review."""
    case, identity = known["case"], known["identity"] or {}
    wait: Mapping[str, Any] = next((one for one in case["waits"] if one["kind"] == DOCUMENT), {})
    laws = [policies().named(one) for one in case["laws"]]
    return {
        "request": case["id"],
        "status": case["stage"],
        "level": identity.get("level"),
        "because": {ground: provision_of(ground, laws) for ground in identity.get("because", ())},
        "held": identity.get("held", []),
        "due_on": wait.get("due_on"),
        "review": identity["review"] if wait else [],
        "first_decider": next(iter(wait.get("by", ())), None),
        "examined": identity.get("examined", []),
    }


def table_of(standings: Sequence[Mapping[str, Any]]) -> Table:
    """Return the waiting requests as a table."""
    table = Table("request", "needs", "has", "look at", "last day")
    for one in standings:
        held, review = ", ".join(one["held"]), ", ".join(one["review"])
        table.add_row(one["request"], one["level"] or "", held, review, one["due_on"] or "")
    return table
