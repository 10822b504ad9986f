"""Letters about the lifecycle of a request: extension, forwarding, fee, withdrawal, appeal, unclear mail."""

from collections.abc import Sequence

from services.notifier.context import Addressee, NotifierContext, write, write_to
from services.notifier.letters.composer import presentable
from services.notifier.letters.letter_models import (
    AppealDecidedLetter,
    AppealReceivedLetter,
    Clarification,
    ComplaintDecided,
    ComplaintReceived,
    Duplicate,
    Extension,
    FeeQuotedLetter,
    Forwarded,
    ForwardedToController,
    OverdueLetter,
    PackageExpiringLetter,
    ScopeAskedLetter,
    StaffMessage,
)
from services.notifier.letters.reasons import known_reasons
from shared.contract.answer import Inquiry
from shared.contract.events import (
    AppealAnswered,
    AppealReceived,
    Controller,
    ControllerNotified,
    DeadlineMissed,
    Fact,
    FeeQuoted,
    InquiryLodged,
    InquiryReminded,
    LetterKind,
    MessageWritten,
    NoticeSent,
    PackageExpiring,
    Remedy,
    RequestDuplicated,
    Requester,
    RequestExtended,
    RequestForwarded,
    ScopeAsked,
)
from shared.contract.references import short_reference
from shared.contract.staff import is_written, written_text
from shared.errors import PermanentError, RefusedDecision
from shared.law import Right, TimedDuty
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


async def write_extension_letter(event: RequestExtended, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Announce that the answer takes longer, with the reason, before the day it was due.

    Law:
        GDPR Art. 12(3); 11 CCR § 7021(b).
    """
    request = ctx.received()
    facts = Extension(request.right, request.received_on, event.promised_on, event.due_on, event.reason)
    return await write(LetterKind.EXTENSION, facts, request, ctx)


async def write_overdue_letter(event: DeadlineMissed, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Announce that the last day is over, and where to complain.

    Law:
        GDPR Art. 12(4): a controller that takes no action within the period says so, and names the authority.

    Not where it is decided: then the answer is on its way, or came back, and no other is to come. Nor where
    the company waits for the person.
    """
    request = ctx.received()
    if event.duty is not TimedDuty.ANSWER or ctx.known.settled or event.awaits_person:
        return []
    facts = OverdueLetter(request.right, request.received_on, event.due_on, event.expected_on)
    return await write(LetterKind.LATE, facts, request, ctx)


async def write_forwarding_letter(event: RequestForwarded, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Send the customer that decides about the data a link to the request; the person is notified only then.

    Law:
        GDPR Art. 28(3)(e); 11 CCR § 7050(c).
    """
    request = ctx.request()
    controller = await _controller(event.controller, ctx)
    secret = (await ctx.vault.open(ctx.case_id, event.link)).decode()
    url = f"{ctx.house.public_url}/forwarded/{ctx.case_id}/{secret}"
    facts = ForwardedToController(request.right, request.received_on, url, event.expires_at)
    addressee = Addressee(controller.email, controller.name, "en")
    written = await write_to(addressee, LetterKind.FORWARDED_TO_CONTROLLER, facts, request.laws, ctx)
    if not any(isinstance(fact, NoticeSent) for fact in written):
        return written
    return [*written, ControllerNotified(request_id=ctx.case_id, controller=event.controller)]


async def confirm_forwarding(event: ControllerNotified, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Notify the person that a customer decides, and since when they have the request.

    Law:
        GDPR Art. 12(2); 11 CCR § 7050(c).
    """
    request = ctx.request()
    name = presentable((await _controller(event.controller, ctx)).name)
    facts = Forwarded(request.right, request.received_on, ctx.occurred_on(), controller=name)
    return await write(LetterKind.FORWARDED, facts, request, ctx)


async def write_duplicate_letter(event: RequestDuplicated, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Announce that an open request asks for the same, and its deadline.

    Law:
        GDPR Art. 12(3); 11 CCR § 7021(a): receipt is confirmed, with the next steps.
    """
    request = ctx.request()
    facts = Duplicate(
        right=request.right,
        received_on=request.received_on,
        first_received_on=event.first_received_on,
        first_reference=short_reference(event.first),
        due_on=event.due_on,
        url=ctx.page(event.first),
    )
    return await write(LetterKind.DUPLICATE, facts, request, ctx)


async def write_fee_letter(event: FeeQuoted, ctx: NotifierContext) -> Sequence[Fact]:
    """
    State the fee and its reason, and that nothing is done before the person agrees.

    Law:
        GDPR Art. 12(5), 15(3); EDPB Guidelines 01/2022 para. 192; DPO Art. 19(3).
    """
    request = ctx.request()
    if ctx.known.settled:
        return []
    facts = FeeQuotedLetter(
        request.right, request.received_on, event.fee, event.reason, event.answer_by, ctx.page()
    )
    return await write(LetterKind.FEE_QUOTED, facts, request, ctx)


async def write_scope_letter(event: ScopeAsked, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Ask which data the request means, and state that no answer is needed.

    The requester may not be proven yet: the letter says nothing about the data that is held.

    Law:
        GDPR recital 63; UK GDPR Art. 12A(5)-(6).
    """
    request = ctx.received()
    if ctx.known.settled:
        return []
    facts = ScopeAskedLetter(request.right, request.received_on, event.answer_by, event.due_on, ctx.page())
    return await write(LetterKind.SCOPE_ASKED, facts, request, ctx)


async def remind_of_package(event: PackageExpiring, ctx: NotifierContext) -> Sequence[Fact]:
    """Announce that a package, which was not fetched, will be destroyed."""
    request = ctx.request()
    facts = PackageExpiringLetter(request.right, request.received_on, ctx.page(), event.expires_at)
    return await write(LetterKind.PACKAGE_EXPIRING, facts, request, ctx)


async def confirm_appeal(event: AppealReceived, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Confirm an appeal or a complaint, and say by when it is dealt with.

    Law:
        Data Protection Act 2018 s. 164A: within 30 days.
    """
    request = ctx.request()
    if event.remedy is Remedy.APPEAL and event.due_on is not None:
        appeal = AppealReceivedLetter(request.right, request.received_on, event.received_on, event.due_on)
        return await write(LetterKind.APPEAL_RECEIVED, appeal, request, ctx)
    complaint = ComplaintReceived(request.right, request.received_on, event.received_on)
    return await write(LetterKind.COMPLAINT_RECEIVED, complaint, request, ctx)


async def write_decision_letter(event: AppealAnswered, ctx: NotifierContext) -> Sequence[Fact]:
    """
    State the decision on an appeal or a complaint, with the reasons.

    Law:
        Va. Code § 59.1-577(C): in writing, with the reasons.
    """
    request, item = ctx.request(), event.explanation
    explanation = "" if item is None else await signed_text(item, ctx)
    reasons = known_reasons(event.reasons)
    facts = (request.right, request.received_on, event.received_on, event.granted, reasons, explanation)
    if event.remedy is Remedy.APPEAL:
        return await write(LetterKind.APPEAL_DECIDED, AppealDecidedLetter(*facts), request, ctx)
    return await write(LetterKind.COMPLAINT_DECIDED, ComplaintDecided(*facts), request, ctx)


async def write_message(event: MessageWritten, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Write a message of the staff to the person.

    Raises:
        RefusedDecision: The text is missing or not the signed one, or a controller asks, who gets no letters.
    """
    request = ctx.request()
    if request.requester is Requester.CONTROLLER:
        raise RefusedDecision("no_letters")
    try:
        text = await signed_text(event.text, ctx)
    except (KeyError, PermanentError):
        raise RefusedDecision("text_differs") from None
    facts = StaffMessage(request.right, request.received_on, text)
    return await write(LetterKind.MESSAGE, facts, request, ctx)


SUBSCRIPTIONS = (
    on(RequestExtended, write_extension_letter),
    on(DeadlineMissed, write_overdue_letter),
    on(RequestForwarded, write_forwarding_letter),
    on(ControllerNotified, confirm_forwarding),
    on(RequestDuplicated, write_duplicate_letter),
    on(FeeQuoted, write_fee_letter),
    on(ScopeAsked, write_scope_letter),
    on(PackageExpiring, remind_of_package),
    on(AppealReceived, confirm_appeal),
    on(AppealAnswered, write_decision_letter),
    on(MessageWritten, write_message),
)


async def _controller(item: str, ctx: NotifierContext) -> Controller:
    if is_written(item):
        return Controller.model_validate_json(await signed_text(item, ctx))
    return Controller.model_validate_json(await ctx.vault.open(ctx.case_id, item))


async def signed_text(item: str, ctx: NotifierContext) -> str:
    """
    Return a text of the staff.

    Raises:
        PermanentError: It is not the text that was signed.
    """
    text = written_text(item, await ctx.vault.open(ctx.case_id, item))
    if text is None:
        raise PermanentError(f"{ctx.case_id}/{item} is not the text that the staff account signed")
    return text


async def ask_back(event: InquiryLodged | InquiryReminded, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Ask for the meaning, once more if no answer came; the answer becomes the request.

    Law:
        GDPR Art. 12(2): the controller facilitates the exercise of rights, in any words.
    """
    inquiry = Inquiry.model_validate_json(await ctx.vault.open(ctx.case_id, event.inquiry))
    subject = inquiry.subject
    addressee = Addressee(subject.email or "", subject.name or "", inquiry.locale or "en", ctx.reply_to())
    facts = Clarification(event.received_on, inquiry.rights or OFFERED, ctx.house.public_url)
    return await write_to(addressee, LetterKind.CLARIFICATION, facts, event.laws, ctx)


CLARIFICATIONS = (on(InquiryLodged, ask_back), on(InquiryReminded, ask_back))
