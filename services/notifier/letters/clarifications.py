"""Asks the sender of an unclear mail for their request."""

from collections.abc import Sequence

from services.notifier.context import Addressee, Notifier, write_to
from services.notifier.letters.letter_models import Clarification
from shared.contract.answer import Inquiry
from shared.contract.events import Fact, InquiryLodged, LetterKind
from shared.law import Right
from shared.runtime.service import on

OFFERED = (
    Right.ACCESS,
    Right.ERASURE,
    Right.RECTIFICATION,
    Right.PORTABILITY,
    Right.RESTRICTION,
    Right.OBJECTION,
    Right.OPT_OUT_OF_SALE,
)
"""Rights offered if nothing is known of the meaning."""


async def ask_back(event: InquiryLodged, ctx: Notifier) -> Sequence[Fact]:
    """
    Ask for the meaning; the answer becomes the request.

    Law:
        GDPR Art. 12(2): the controller facilitates the exercise of rights, in any words.
    """
    inquiry = Inquiry.model_validate_json(await ctx.vault.open(ctx.case_id, event.inquiry))
    answers = ctx.house.threads.of(ctx.case_id) if ctx.house.threads else ""
    addressee = Addressee(
        inquiry.subject.email or "", inquiry.subject.name or "", inquiry.locale or "en", answers
    )
    facts = Clarification(event.received_on, inquiry.rights or OFFERED, ctx.house.public_url)
    return await write_to(addressee, LetterKind.CLARIFICATION, facts, event.laws, ctx)


SUBSCRIPTIONS = (on(InquiryLodged, ask_back),)
