"""The register of breaches, which the console opens on record for its account."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from habeas.client.console_api import ConsoleClient, explained
from habeas.client.decisions import UNANSWERED
from shared.contract.breach_facts import ENTRY
from shared.contract.events import MOST_BATCHED
from shared.contract.events.breaches import RegisterOpened
from shared.errors import ConfigurationError, Unanswered
from shared.portions import portions

REASON = "register"


async def entries(console: ConsoleClient, code: Callable[[], str]) -> list[dict[str, Any]]:
    """
    Open all incidents, and return their entries, the earliest known first.

    A *code* opens at most ``MOST_BATCHED`` incidents.
    """
    known = await console.all("/incidents", "incidents")
    ids = [one["id"] for one in known if one["phases"]]
    for some in portions(ids, MOST_BATCHED):
        await _open(console, some, code())
    found = [await console.answer("GET", f"/incidents/{id_}/content/{ENTRY}") for id_ in ids]
    return sorted((orjson.loads(one.content) for one in found), key=lambda entry: entry["aware_at"])


async def _open(console: ConsoleClient, incidents: Sequence[str], code: str) -> None:
    data = [{"request_id": id_, "reason": REASON} for id_ in incidents]
    decisions = [{"type": RegisterOpened.TYPE, "data": one} for one in data]
    answer = await console.answer("POST", "/decisions", json={"code": code, "decisions": decisions})
    for made in answer.json():
        if made["reason"]:
            raise ConfigurationError(explained(made["reason"]))
        if made["status"] != "accepted":
            raise Unanswered(UNANSWERED % made["decision"])
