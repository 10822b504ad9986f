"""Texts of decisions, as services verify them before they act."""

from shared.contract.events import Code
from shared.contract.ports import VaultPort
from shared.contract.staff import written_text
from shared.errors import RefusedDecision


async def check_text(item: Code | None, case: str, vault: VaultPort) -> None:
    """Refuse a decision if its text in the vault is missing or differs from the signed text."""
    if item is None:
        return
    try:
        content = await vault.open(case, item)
    except KeyError:
        content = b""
    if written_text(item, content) is None:
        raise RefusedDecision("text_differs")
