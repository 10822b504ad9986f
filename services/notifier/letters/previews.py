"""Previews: letters written by the handlers that write the real ones, and sent to nobody."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from services.notifier.context import NotifierContext
from services.notifier.domain import LetterCount, evolve
from services.notifier.smtp.post import Posted
from shared.contract.answer import LetterCopy
from shared.contract.events import Event, Fact, NoticeFact, NoticeFailed, NoticeSent, PreviewDrafted
from shared.contract.previews import (
    NO_LETTER,
    DecisionPreview,
    PreviewedLetter,
    PreviewVault,
)
from shared.errors import RefusedDecision
from shared.runtime.service import Subscription

Writer: TypeAlias = Callable[[Any, NotifierContext], Awaitable[Sequence[Fact]]]


class Drawer:
    """The way out for letters of a preview: it accepts all and sends none."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        """Return True."""
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, notice: str, /) -> Posted:
        """Return that the letter is sent."""
        del letter, recipient, message, notice
        return Posted.SENT


def previewing(subscriptions: Iterable[Subscription[NotifierContext]]) -> Writer:
    """Return the handler that writes the letters of a preview as the handlers of *subscriptions* do."""
    writers: Mapping[type[Event], Writer] = {one.event: one.handler for one in subscriptions}

    async def preview(event: PreviewDrafted, ctx: NotifierContext) -> Sequence[Fact]:
        """Write the letters of a decision that is not made; nothing if the preview was removed meanwhile."""
        place = PreviewVault(ctx.vault, event.preview)
        facts = await place.facts(ctx.case_id)
        if facts is None:
            return []
        apart = replace(ctx, vault=place, post=Drawer())
        try:
            notices = await _notices(facts, writers, apart)
        except RefusedDecision as refused:
            await place.conclude(ctx.case_id, DecisionPreview(refused=str(refused)))
            return []
        await place.conclude(ctx.case_id, await _preview_of(notices, apart))
        return []

    return preview


async def _notices(
    facts: Iterable[Fact], writers: Mapping[type[Event], Writer], ctx: NotifierContext
) -> list[NoticeFact]:
    """Return the notices of letters about *facts*, and about what follows from these letters."""
    waiting, notices = deque(facts), list[NoticeFact]()
    while waiting:
        fact = waiting.popleft()
        written = await writers[type(fact)](fact, ctx) if type(fact) in writers else ()
        notices += (one for one in written if isinstance(one, NoticeFact))
        waiting += (one for one in written if not isinstance(one, NoticeFact))
        ctx = replace(ctx, known=evolve(ctx.known, fact))
    return notices


async def _preview_of(notices: Sequence[NoticeFact], ctx: NotifierContext) -> DecisionPreview:
    letters = [
        await _letter(one, one.kept, ctx) for one in notices if isinstance(one, NoticeSent) and one.kept
    ]
    failed = next((one.reason for one in notices if isinstance(one, NoticeFailed)), NO_LETTER)
    return DecisionPreview(letters=tuple(letters), reason=None if letters else failed)


async def _letter(notice: NoticeSent, kept: str, ctx: NotifierContext) -> PreviewedLetter:
    copy = LetterCopy.read(await ctx.vault.open(ctx.case_id, kept))
    return PreviewedLetter(letter=notice.letter, subject=copy.subject, text=copy.text, html=copy.html)
