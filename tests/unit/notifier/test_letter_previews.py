"""Previews of the notifier: the letters that follow from drafted facts, sent to nobody."""

from collections.abc import Sequence
from dataclasses import replace

from services.notifier.handlers import LETTERS, confirm_withdrawal
from services.notifier.letters.previews import previewing
from shared.contract.answer import LetterCopy
from shared.contract.events import (
    Fact,
    LetterKind,
    NoticeSent,
    PreviewDrafted,
    RequestWithdrawn,
    RestrictionLifting,
)
from shared.contract.previews import DecisionPreview, PreviewVault
from tests.unit.notifier.test_lifecycle_letters import FORWARDED, forwarding
from tests.unit.notifier.test_proofs import CASE, Outbox

DRAFTED = PreviewDrafted(request_id=CASE, preview="preview_0123456789abcdef")
WITHDRAWN = RequestWithdrawn(request_id=CASE)
preview = previewing(LETTERS)


async def previewed(*facts: Fact) -> tuple[DecisionPreview, Outbox]:
    """Return the preview of *facts*, and the mails that left meanwhile."""
    outbox = Outbox()
    ctx = await forwarding(outbox)
    place = PreviewVault(ctx.vault, DRAFTED.preview)
    before = set(ctx.vault.items[CASE])  # type: ignore[attr-defined]

    async def decided() -> Sequence[Fact]:
        return facts

    await place.draft(CASE, decided())
    assert await preview(DRAFTED, ctx) == []
    new = set(ctx.vault.items[CASE]) - before  # type: ignore[attr-defined]
    assert [item for item in new if not item.startswith(DRAFTED.preview)] == []
    return DecisionPreview.model_validate_json(await ctx.vault.open(CASE, place.own("result"))), outbox


async def test_preview_has_the_text_of_the_real_letter_and_sends_nothing() -> None:
    result, outbox = await previewed(WITHDRAWN)
    assert outbox.letters == []
    ctx = await forwarding(Outbox())
    [sent] = await confirm_withdrawal(WITHDRAWN, ctx)
    assert isinstance(sent, NoticeSent)
    copy = LetterCopy.read(await ctx.vault.open(CASE, sent.kept or ""))
    [letter] = result.letters
    assert (letter.letter, letter.text, letter.html) == (LetterKind.WITHDRAWN, copy.text, copy.html)


async def test_preview_has_the_letters_to_the_customer_and_to_the_person() -> None:
    result, outbox = await previewed(FORWARDED)
    kinds = [LetterKind.FORWARDED_TO_CONTROLLER, LetterKind.FORWARDED]
    assert [letter.letter for letter in result.letters] == kinds
    assert outbox.letters == []


async def test_preview_without_a_letter_says_why() -> None:
    result, _ = await previewed()
    assert result == DecisionPreview(reason="no_letter")
    lifting = RestrictionLifting(request_id=CASE, by="anna", reason="accuracy_verified")
    refused, _ = await previewed(lifting)
    assert refused == DecisionPreview(refused="nothing_restricted")


async def test_preview_that_was_removed_meanwhile_writes_nothing() -> None:
    ctx = replace(await forwarding(Outbox()))
    assert await preview(DRAFTED, ctx) == []
    assert not await ctx.vault.holds(CASE, f"{DRAFTED.preview}_result")
