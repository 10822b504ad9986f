"""Cases by the beginning of an id, at the console; and what operators read of them in the databases."""

import re
from collections.abc import Sequence
from contextlib import closing

from habeas.client.console_api import ConsoleClient
from habeas.client.engine import identities
from services.fulfillment.changes.suppressions import DISAGREEMENTS_KEY, Disagreements
from shared.contract.answer import SUBMISSION
from shared.contract.correlation import Correlation
from shared.contract.events import RequestSubmitted
from shared.contract.references import references_in
from shared.errors import ConfigurationError
from shared.runtime.journal import Journal
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import connect
from shared.runtime.vault import Vault

INCIDENT = "incident"
"""Kind of the cases of the console that are no request."""
ID_PART = re.compile(r"[0-9a-f]{4,32}")
"""An id, or enough of its beginning to look it up."""


async def has_answer(mongo_url: str, prefix: str, request_id: str) -> bool:
    """Return whether fulfillment knows a request. Raises StoreUnavailable if the database is away."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        return request_id in await Journal(client[f"{prefix}_fulfillment"]).histories({request_id})


async def correlation(mongo_url: str, prefix: str, request_id: str) -> Correlation | None:
    """Return the publisher's names of a request. Raises StoreUnavailable if the database is away."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        return (await Journal(client[f"{prefix}_intake"]).correlations([request_id])).get(request_id)


async def known(console: ConsoleClient, text: str, *, incidents: bool = False) -> list[str]:
    """
    Return the ids of cases at *console* that begin with *text*, or have it as short reference.

    Raises ConfigurationError if it is neither, or mistyped.
    """
    ranges = list(references_in(text))
    if not (ranges or ID_PART.fullmatch(text)):
        raise ConfigurationError(
            f"{text!r} is no id and no reference of the form HB-BW65-Y32Z-1H1, or mistyped"
        )
    return [
        case["id"]
        for case in await console.all("/cases", "cases", text=text)
        if (case["kind"] == INCIDENT) is incidents
        and (case["id"].startswith(text) or any(first <= case["id"] <= last for first, last in ranges))
    ]


async def statements(
    mongo_url: str, prefix: str, master_key: RootKey, pairs: Sequence[str]
) -> list[dict[str, str]]:
    """
    Return the statements of the person with the identities *pairs*, oldest first, with their requests.

    Raises ConfigurationError if one of *pairs* is not like ``email=kim@example.org``.
    """
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        known = Disagreements(client[f"{prefix}_fulfillment"], derived_key(master_key, DISAGREEMENTS_KEY))
        vault = Vault(client, prefix=prefix, master_key=master_key)
        found: list[dict[str, str]] = []
        for case in await known.of(identities(pairs)):
            if await vault.holds(case, SUBMISSION):  # else the case was destroyed, and the statement with it
                submitted = RequestSubmitted.model_validate_json(await vault.open(case, SUBMISSION))
                found.append({"request": case, "statement": submitted.details.statement or ""})
        return found
