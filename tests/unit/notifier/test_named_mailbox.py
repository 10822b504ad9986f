"""The notice to the owner of another mailbox in the records: what it says and leaves out."""

from dataclasses import replace
from typing import cast

import pytest

from services.notifier.context import NotifierContext
from services.notifier.handlers import notify_named_mailbox
from shared.contract.answer import SUBMISSION
from shared.contract.events import LetterKind, MailboxNamed, RequestSubmitted, Subject
from shared.law import Right
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import asked
from tests.unit.notifier.test_proofs import AGENT, CASE, Outbox, kinds, notifier

OTHER = "lou@example.net"
NAMED = MailboxNamed(request_id=CASE, right=Right.ACCESS, ref="mailbox_0")


async def notifier_with(address: str, outbox: Outbox) -> NotifierContext:
    """Return what the handler gets where records name *address*."""
    ctx = await notifier(outbox, asked(Right.ACCESS), agent=AGENT)
    vault = cast("MemoryVault", ctx.vault)
    await vault.seal(CASE, NAMED.ref, address.encode())
    return ctx


async def test_notice_names_neither_the_requester_nor_the_request() -> None:
    outbox = Outbox()
    sent = await notify_named_mailbox(NAMED, await notifier_with(OTHER, outbox))
    assert kinds(sent) == [LetterKind.NAMED_MAILBOX]
    [(recipient, words)] = outbox.letters
    assert recipient == OTHER
    assert "kim" not in words.lower()
    assert CASE not in words


async def test_notice_is_in_the_companys_language() -> None:
    outbox = Outbox()
    ctx = await notifier_with(OTHER, outbox)
    submitted = RequestSubmitted(reference="r", right=Right.ACCESS, subject=Subject(), locale="fr")
    vault = cast("MemoryVault", ctx.vault)
    vault.items[CASE][SUBMISSION] = submitted.model_dump_json().encode()
    await notify_named_mailbox(NAMED, ctx)
    await notify_named_mailbox(NAMED, replace(ctx, house=replace(ctx.house, language="de")))
    [(_, english), (_, german)] = outbox.letters
    assert "data" in english
    assert "Daten" in german


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (Right.ACCESS, "for a copy of data"),
        (Right.PORTABILITY, "for a copy of data"),
        (Right.ERASURE, "to erase data"),
        (Right.RECTIFICATION, "to correct or restrict data"),
        (Right.RESTRICTION, "to correct or restrict data"),
        (Right.OBJECTION, "to correct or restrict data"),
    ],
)
async def test_notice_says_which_kind_of_request_it_is(right: Right, words: str) -> None:
    outbox = Outbox()
    await notify_named_mailbox(NAMED.model_copy(update={"right": right}), await notifier_with(OTHER, outbox))
    [(_, text)] = outbox.letters
    assert words in " ".join(text.split())
