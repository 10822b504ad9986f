"""The staff can read each letter as it was sent, without the secrets in it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import pytest

from services.notifier.context import Addressee, NotifierContext, write_to
from services.notifier.domain import LetterCount
from services.notifier.letters.composer import WITHHELD
from services.notifier.letters.letter_models import Acknowledgement, ForwardedToController
from services.notifier.smtp.post import Posted
from shared.contract.answer import LETTER, LetterCopy
from shared.contract.events import LetterKind, NoticeFailed, NoticeSent
from shared.contract.references import short_reference
from shared.contract.stop_links import stop_url
from shared.errors import MailUnavailable, StoreUnavailable
from shared.law import Right
from tests.integration.crash_points import Killed, Life, Mortal
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import LETTERS, asked
from tests.unit.notifier.test_proofs import CASE, Outbox, notifier
from tests.unit.notifier.test_stop_links import KEY, SPECIMENS

LINK = stop_url("https://privacy.example.com", KEY, CASE)
CODED = {LetterKind.CODE, LetterKind.ALIAS_CODE}
"""Kinds of letters with a code of the person's."""
KIM = Addressee("kim@example.org", "Kim Beispiel", "en")


async def context(outbox: Outbox) -> NotifierContext:
    ctx = await notifier(outbox, asked(Right.ACCESS))
    return replace(ctx, house=replace(ctx.house, stop_key=KEY))


def vault_of(ctx: NotifierContext) -> MemoryVault:
    assert isinstance(ctx.vault, MemoryVault)
    return ctx.vault


def copies(ctx: NotifierContext) -> dict[str, LetterCopy]:
    items = vault_of(ctx).items[CASE]
    return {name: LetterCopy.read(content) for name, content in items.items() if name.startswith(LETTER)}


acknowledge = partial(
    write_to, KIM, LetterKind.ACKNOWLEDGEMENT, LETTERS["acknowledgement"], ("gdpr@2018-05-25",)
)


@pytest.mark.parametrize(("kind", "name"), SPECIMENS)
async def test_letter_is_kept_as_it_was_sent_without_its_secrets(kind: LetterKind, name: str) -> None:
    outbox = Outbox()
    ctx = await context(outbox)
    [sent] = await write_to(KIM, kind, LETTERS[name], ("gdpr@2018-05-25",), ctx)
    assert isinstance(sent, NoticeSent)
    if kind in CODED:
        assert sent.kept is None
        assert copies(ctx) == {}
        return
    [(item, copy)] = copies(ctx).items()
    assert sent.kept == item
    assert copy.to == KIM.email
    facts = LETTERS[name]
    secret = facts.url if isinstance(facts, ForwardedToController) else LINK
    for form in (copy.text, copy.html):
        assert WITHHELD in form
        assert secret not in form
        assert form.replace(WITHHELD, secret).strip() in outbox.words.replace("\r\n", "\n")


@pytest.mark.parametrize(("kind", "name"), SPECIMENS)
async def test_template_of_a_letter_has_nothing_of_its_reader(kind: LetterKind, name: str) -> None:
    if kind in CODED:
        return
    templates = []
    for case, person in ((CASE, KIM), ("f" * 32, Addressee("sam@example.net", "Sam Muster", "en"))):
        ctx = replace(await context(Outbox()), case_id=case)
        await ctx.vault.create(case)
        kept = Kept(vault_of(ctx).items)
        await write_to(person, kind, LETTERS[name], ("gdpr@2018-05-25",), replace(ctx, vault=kept))
        templates += kept.templates
        for value in (person.email, person.name, case, short_reference(case)):
            assert value.encode() not in kept.templates[0]
    assert templates[0] == templates[1]


@dataclass
class Kept(MemoryVault):
    """A vault that notes the templates."""

    templates: list[bytes] = field(default_factory=list)

    async def seal(self, case: str, item: str, content: bytes, *, like: bytes = b"") -> bool:
        self.templates.append(like)
        return await super().seal(case, item, content)


@dataclass
class Away(Outbox):
    """A mail server that is away at first."""

    away: bool = True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        if self.away:
            raise MailUnavailable("away")
        return await super().send(letter, recipient, message)


async def test_copy_is_the_text_of_the_try_that_was_sent() -> None:
    outbox = Away()
    ctx = await context(outbox)
    for _ in range(2):
        with pytest.raises(MailUnavailable):
            await acknowledge(ctx)
    assert len(copies(ctx)) == 1, "a repeated try keeps nothing more"
    outbox.away = False
    moved = LETTERS["acknowledgement"]
    assert isinstance(moved, Acknowledgement)
    moved = replace(moved, due_on=moved.due_on + timedelta(days=30))
    [sent] = await write_to(KIM, LetterKind.ACKNOWLEDGEMENT, moved, ("gdpr@2018-05-25",), ctx)
    assert isinstance(sent, NoticeSent)
    assert sent.kept is not None
    assert len(copies(ctx)) == 2
    assert copies(ctx)[sent.kept] == [*copies(ctx).values()][-1]


@pytest.mark.parametrize("step", range(1, 5))
async def test_letter_has_a_copy_and_goes_out_once_whenever_the_process_dies_before_it_is_sent(
    step: int,
) -> None:
    outbox = Outbox()
    ctx = await context(outbox)
    life = Life(step)
    vault, post = Mortal(ctx.vault, life, {"seal"}), Mortal(outbox, life, {"send"})
    with pytest.raises(Killed):
        await acknowledge(replace(ctx, vault=vault, post=post))
    sent_before = len(outbox.letters)
    assert sent_before <= len(copies(ctx)), "no letter without a copy"
    await acknowledge(ctx)
    assert len(outbox.letters) == sent_before + 1, "the claim of the post says which are in doubt"
    assert len(copies(ctx)) == 1


async def test_letter_waits_while_its_copy_cannot_be_kept() -> None:
    class Full(MemoryVault):
        async def seal(self, case: str, item: str, content: bytes, *, like: bytes = b"") -> bool:
            del case, item, content, like
            raise StoreUnavailable("vault")

    outbox = Outbox()
    ctx = await context(outbox)
    with pytest.raises(StoreUnavailable):
        await acknowledge(replace(ctx, vault=Full(vault_of(ctx).items)))
    assert outbox.letters == []


async def test_letter_beyond_the_limit_of_a_mailbox_is_not_sent() -> None:
    class Limited(Outbox):
        async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
            del counted, letter, recipient
            return False

    outbox = Limited()
    [failed] = await acknowledge(await context(outbox))
    assert isinstance(failed, NoticeFailed)
    assert (failed.reason, outbox.letters) == ("too_many_letters", [])
