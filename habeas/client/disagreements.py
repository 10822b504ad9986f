"""Reader of people's statements about uncorrected data."""

from collections.abc import Sequence

from habeas.client.engine import identities
from services.fulfillment.changes.disagreements import PURPOSE, Disagreements
from shared.contract.answer import SUBMISSION
from shared.contract.events import RequestSubmitted
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import connect
from shared.runtime.vault import Vault


async def statements(
    mongo_url: str, pairs: Sequence[str], *, prefix: str, master_key: RootKey
) -> list[dict[str, str]]:
    """
    Return the person's statements, oldest first, with their requests.

    Args:
        mongo_url: Habeas' own databases.
        pairs: Identities of the person: ``email=kim@example.org``.
        prefix: Of the names of the databases.
        master_key: Opens the cases.

    Raises:
        ConfigurationError: One of *pairs* is none.
    """
    client = connect(mongo_url, app_name="habeas command")
    try:
        known = Disagreements(client[f"{prefix}_fulfillment"], derived_key(master_key, PURPOSE))
        vault = Vault(client, prefix=prefix, master_key=master_key)
        return [
            {"request": case, "statement": await _statement(vault, case)}
            for case in await known.of(identities(pairs))
            if await vault.holds(case, SUBMISSION)  # else the case was destroyed, and the statement with it
        ]
    finally:
        client.close()


async def _statement(vault: Vault, case: str) -> str:
    submitted = RequestSubmitted.model_validate_json(await vault.open(case, SUBMISSION))
    return submitted.details.statement or ""
