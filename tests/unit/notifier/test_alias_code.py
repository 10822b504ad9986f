"""Contents of the letter with the code to another mailbox in the records."""

from datetime import UTC, datetime
from typing import cast

import pytest

from services.notifier.handlers import send_alias_code
from shared.contract.events import AliasCodeIssued, LetterKind
from shared.law import Right
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import asked
from tests.unit.notifier.test_proofs import AGENT, CASE, Outbox, kinds, notifier

OTHER, CODE = "lou@example.net", "BCDF-GHJK"
UNTIL = datetime(2026, 3, 5, 12, tzinfo=UTC)
ISSUED = AliasCodeIssued(request_id=CASE, ref="alias_code_0", mailbox="alias_mailbox_0_1", expires_at=UNTIL)


async def letter(right: Right) -> tuple[str, str]:
    """Return the recipient and the words of the letter about a request for *right*."""
    outbox = Outbox()
    ctx = await notifier(outbox, asked(right), agent=AGENT)
    vault = cast("MemoryVault", ctx.vault)
    await vault.seal(CASE, ISSUED.ref, CODE.encode())
    await vault.seal(CASE, ISSUED.mailbox, OTHER.encode())
    assert kinds(await send_alias_code(ISSUED, ctx)) == [LetterKind.ALIAS_CODE]
    [(recipient, words)] = outbox.letters
    return recipient, " ".join(words.split())


@pytest.mark.parametrize(
    ("right", "consequence"),
    [
        (Right.ACCESS, "The other address will then get a copy of the data that we hold under your address"),
        (Right.RECTIFICATION, "We will then enter your address in the data"),
        (Right.ERASURE, "We will then erase the data that we hold under your address"),
    ],
)
async def test_letter_states_the_effect_of_the_code_and_leaves_out_the_requester(
    right: Right, consequence: str
) -> None:
    recipient, words = await letter(right)
    assert recipient == OTHER
    assert CODE in words
    assert consequence in words
    assert "do not pass the code on" in words
    assert "kim" not in words.lower()
    assert CASE not in words


async def test_missing_code_is_not_mailed() -> None:
    outbox = Outbox()
    assert await send_alias_code(ISSUED, await notifier(outbox, asked(Right.ACCESS), agent=AGENT)) == []
    assert outbox.letters == []
