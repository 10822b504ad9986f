"""Handlers of the notifier: each writes a letter about an event."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.notifier.context import Addressee, NotifierContext, submission_of, write, write_to
from services.notifier.domain import identity_check
from services.notifier.letters import lifecycle
from services.notifier.letters.composer import presentable
from services.notifier.letters.letter_models import (
    NOTHING,
    AccessOutcome,
    Acknowledgement,
    AliasCode,
    AnswerByHand,
    AnswerOutcome,
    CodeLetter,
    CodePurpose,
    ConsentScheduled,
    ErasureAnnounced,
    ErasureOutcome,
    HandOutcome,
    IdentityCheck,
    InReview,
    LetterFacts,
    Lifting,
    NamedMailbox,
    PackageLetter,
    ProofOption,
    ProofWanted,
    RefusalLetter,
    Reminder,
    Representative,
    RequestDone,
    RequestReceipt,
    Setback,
    Weighing,
    Withdrawn,
)
from services.notifier.letters.previews import previewing
from services.notifier.letters.reasons import known_reasons
from shared.contract.answer import Answer
from shared.contract.correspondents import Correspondent, acknowledged_at_once, correspondent_of
from shared.contract.events import (
    AliasCodeIssued,
    DeliveryAction,
    DisclosureScheduled,
    ErasureScheduled,
    Evidence,
    Fact,
    IdentityAssessed,
    IdentityChallenged,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    LetterKind,
    MailboxNamed,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    PreviewDrafted,
    Requester,
    RequestFulfilled,
    RequestPurged,
    RequestReceived,
    RequestReferred,
    RequestWithdrawn,
    RestrictionAnnounced,
    RestrictionLifting,
    SubjectRestricted,
)
from shared.contract.references import short_reference
from shared.errors import RefusedDecision
from shared.law import ReasonCode, Right
from shared.runtime.safe_http import host_of
from shared.runtime.service import forget, noted, on

CONFIRMED = ((Evidence.CONFIRMATION,),)
UNSTATED = (ReasonCode.IDENTITY_NOT_ESTABLISHED,)
"""Reasons of a refusal that states none which a letter knows, and that nobody explains."""


async def acknowledge(event: RequestReceived, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Confirm that a request has arrived and state the day of the answer.

    Not of one that goes to a customer, or repeats another: its own letter follows at once. Of one that needs
    proof, only once it is assessed.
    """
    return await _acknowledge(event, ctx) if acknowledged_at_once(event) else []


async def acknowledge_assessed(_event: IdentityAssessed, ctx: NotifierContext) -> Sequence[Fact]:
    """Confirm that a request which needs proof has arrived, where no letter with a code does."""
    return await _acknowledge(ctx.received(), ctx)


async def _acknowledge(request: RequestReceived, ctx: NotifierContext) -> Sequence[Fact]:
    check = await _identity_check(request, ctx)
    facts = Acknowledgement(
        request.right, request.received_on, request.due_on, check, request.direct_marketing
    )
    return await write(LetterKind.ACKNOWLEDGEMENT, facts, request, ctx)


async def challenge(event: IdentityChallenged, ctx: NotifierContext) -> Sequence[Fact]:
    """Send the code that proves the mailbox, or list the other proofs of identity."""
    if event.kind is None or event.ref is None:
        return await _ask(LetterKind.PROOF_WANTED, event, ctx)
    by_code = {Evidence.MAILBOX, Evidence.CONFIRMATION}
    request = ctx.request()
    if event.acknowledges and not await ctx.vault.holds(ctx.case_id, event.ref):
        return await _acknowledge(request, ctx)  # decided or withdrawn meanwhile; the receipt is still owed
    alone = not event.wanted or any(by_code.issuperset(way) for way in event.wanted)
    code = CodeLetter(
        "",
        event.expires_at,
        CodePurpose.IDENTITY,
        more=not alone,
        representative=await _asking(LetterKind.CODE, ctx),
        right=request.right,
        recipient=await _recipient(ctx),
        receipt=RequestReceipt(request.received_on, request.due_on) if event.acknowledges else None,
    )
    return await _send_code(event.ref, code, ctx)


def asks_by_letter(event: IdentityChallenged) -> bool:
    """Return whether other proofs are asked for than a code; ``services.notifier.codes`` mails codes."""
    # Where only a confirmation is missing, the letter with the code has said so.
    confirmed_by_code = event.wanted == CONFIRMED and event.refused_for is None
    return event.ref is None and not confirmed_by_code


async def ask_for_proof(event: IdentityChallenged, ctx: NotifierContext) -> Sequence[Fact]:
    """List the proofs of identity."""
    return await challenge(event, ctx) if asks_by_letter(event) else []


async def remind(event: IdentityReminded, ctx: NotifierContext) -> Sequence[Fact]:
    """Remind the person of the requested proof."""
    return await _ask(LetterKind.REMINDER, event, ctx)


async def write_review_letter(_event: IdentityReviewNeeded, ctx: NotifierContext) -> Sequence[Fact]:
    """Announce that the staff examines a proof, and that there is nothing to do."""
    request = ctx.request()
    if ctx.known.settled:
        return []
    facts = InReview(right=request.right, received_on=request.received_on, url=ctx.page())
    return await write(LetterKind.IN_REVIEW, facts, request, ctx)


async def send_package_code(event: PackageCodeIssued, ctx: NotifierContext) -> Sequence[Fact]:
    """Send the code that opens the package."""
    return await _send_code(event.ref, CodeLetter("", event.expires_at, CodePurpose.DOWNLOAD), ctx)


async def send_alias_code(event: AliasCodeIssued, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Send the code that proves another mailbox to its owner, who may not be the requester.

    The letter leaves out the requester, and the reference, which opens their page.
    """
    if not await ctx.vault.holds(ctx.case_id, event.ref):
        return []
    code, address = [
        (await ctx.vault.open(ctx.case_id, name)).decode() for name in (event.ref, event.mailbox)
    ]
    owner = Addressee(address, "", (await submission_of(ctx)).locale or "en", referenced=False)
    facts = AliasCode(code, event.expires_at, ctx.request().right)
    return await write_to(owner, LetterKind.ALIAS_CODE, facts, ctx.request().laws, ctx)


async def refuse(event: IdentityRefused, ctx: NotifierContext) -> Sequence[Fact]:
    """Announce the refusal with the remedies: the identity stayed unclear, or a ground of the law applies."""
    item = event.explanation
    explanation = "" if item is None else await lifecycle.signed_text(item, ctx)
    return await write(LetterKind.REFUSAL, _refusal(event.reasons, explanation, ctx), ctx.request(), ctx)


async def confirm_withdrawal(event: RequestWithdrawn, ctx: NotifierContext) -> Sequence[Fact]:
    """Confirm that the request was taken back, or that silence about a fee has done so."""
    request = ctx.request()
    facts = Withdrawn(request.right, request.received_on, ctx.occurred_on(), event.deemed, event.stopped)
    return await write(LetterKind.WITHDRAWN, facts, request, ctx)


async def announce_erasure(event: ErasureScheduled, ctx: NotifierContext) -> Sequence[Fact]:
    """Write when an erasure begins and how to stop it, unless it is stopped already."""
    request = ctx.request()
    if ctx.known.settled or not event.letter:
        return []
    facts = ErasureAnnounced(request.received_on, event.at, ctx.page(), event.contract)
    return await write(LetterKind.ERASURE_SCHEDULED, facts, request, ctx)


async def announce_withdrawal(event: DisclosureScheduled, ctx: NotifierContext) -> Sequence[Fact]:
    """Write when services end with a withdrawn consent, and how to undo that, unless it is stopped."""
    request = ctx.request()
    if ctx.known.settled or not event.consent:
        return []
    facts = ConsentScheduled(request.received_on, event.at, ctx.page())
    return await write(LetterKind.CONSENT_SCHEDULED, facts, request, ctx)


async def write_outcome_letter(event: RequestFulfilled, ctx: NotifierContext) -> Sequence[Fact]:
    """Report the data found, handed over, erased and kept."""
    answer = Answer.model_validate_json(await ctx.vault.open(ctx.case_id, event.answer))
    notified = tuple(name for name in answer.recipients if name not in answer.by_hand)
    answer = answer.model_copy(update={"recipients": notified})
    item = event.explanation
    explanation = "" if item is None else await lifecycle.signed_text(item, ctx)
    if event.outcome is Outcome.REFUSED:
        refusal = _refusal(event.reasons, explanation, ctx)
        facts: LetterFacts = replace(refusal, answer=answer, package=_package(event, answer, ctx))
    elif explanation and event.outcome is not Outcome.NOTHING_HELD:
        facts = _by_hand(event.outcome, explanation, event, ctx)
    else:
        facts = _answered(event.outcome, event, answer, ctx)
    return await write(LetterKind.OUTCOME, facts, ctx.request(), ctx)


async def notify_named_mailbox(event: MailboxNamed, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Notify the owner of another mailbox that stands in records which are disclosed, erased or changed.

    The letter leaves out the requester, and the reference, which opens their page. Its language is the
    company's: a requester could choose one that the owner cannot read.
    """
    address = (await ctx.vault.open(ctx.case_id, event.ref)).decode()
    owner = Addressee(address, "", ctx.house.language, referenced=False)
    facts = NamedMailbox(event.right)
    return await write_to(owner, LetterKind.NAMED_MAILBOX, facts, ctx.request().laws, ctx)


async def note_restriction(_event: SubjectRestricted, ctx: NotifierContext) -> Sequence[Fact]:
    """Record that the person must be notified before this ends; announce it to a person that objects."""
    request = ctx.request()
    if request.right is not Right.OBJECTION:
        return []
    facts = Weighing(right=request.right, received_on=request.received_on, due_on=ctx.known.due_on)
    return await write(LetterKind.WEIGHING, facts, request, ctx)


async def report_dispute(event: RequestReferred, ctx: NotifierContext) -> Sequence[Fact]:
    """Report what is done already, and what the staff checks; nothing if the request only waits for it."""
    if event.answer is None:
        return []
    request = ctx.request()
    answer = Answer.model_validate_json(await ctx.vault.open(ctx.case_id, event.answer))
    facts = Weighing(event.right, request.received_on, answer, ctx.known.due_on)
    return await write(LetterKind.WEIGHING, facts, request, ctx)


async def announce_lifting(event: RestrictionLifting, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Notify the person that the restriction is lifted; only then may it be.

    Law:
        GDPR Art. 18(3).

    Raises:
        RefusedDecision: Nothing is restricted, or the person was notified already.
    """
    request = ctx.request()
    if not ctx.known.restricted:
        raise RefusedDecision("nothing_restricted")
    facts = Lifting(request.right, request.received_on, ReasonCode(event.reason))
    written = await write(LetterKind.LIFTING, facts, request, ctx)
    if not any(isinstance(fact, NoticeSent) for fact in written):
        return written
    return [*written, RestrictionAnnounced(request_id=ctx.case_id, reason=event.reason)]


async def handle_report(event: NoticeReported, ctx: NotifierContext) -> Sequence[Fact]:
    """
    Report a letter that came back for good as not delivered; otherwise only record the report.

    Law:
        GDPR Art. 12(3): the information is to be provided, so a letter that came back has not done it.
    """
    if event.action is not DeliveryAction.FAILED or event.again:
        return []
    return [
        NoticeFailed(
            request_id=ctx.case_id, letter=event.letter, acknowledges=event.acknowledges, reason="bounced"
        )
    ]


LETTERS = (
    noted(RequestReceived, acknowledge, acted_on=acknowledged_at_once),
    on(IdentityAssessed, acknowledge_assessed),
    noted(IdentityChallenged, ask_for_proof, acted_on=asks_by_letter),
    on(IdentityReminded, remind),
    on(IdentityReviewNeeded, write_review_letter),
    on(IdentityRefused, refuse),
    on(RequestWithdrawn, confirm_withdrawal),
    on(ErasureScheduled, announce_erasure),
    on(DisclosureScheduled, announce_withdrawal),
    on(MailboxNamed, notify_named_mailbox),
    on(RequestFulfilled, write_outcome_letter),
    on(SubjectRestricted, note_restriction),
    on(RequestReferred, report_dispute),
    on(RestrictionLifting, announce_lifting),
    on(NoticeReported, handle_report),
    *lifecycle.SUBSCRIPTIONS,
    *lifecycle.CLARIFICATIONS,
)
SUBSCRIPTIONS = (*LETTERS, on(PreviewDrafted, previewing(LETTERS)), on(RequestPurged, forget))


async def _identity_check(event: RequestReceived, ctx: NotifierContext) -> IdentityCheck:
    """Return the identity check for an acknowledgement; an agent's own mailbox is not proven."""
    check = identity_check(event)
    if check is not IdentityCheck.IF_NEEDED or event.requester is Requester.PERSON:
        return check
    if event.requester is Requester.PARENT:
        return IdentityCheck.FURTHER_PROOF
    reader = correspondent_of(LetterKind.ACKNOWLEDGEMENT, event.requester, await submission_of(ctx))
    return IdentityCheck.BY_THE_PERSON if reader is Correspondent.REPRESENTATIVE else check


async def _send_code(ref: str, facts: CodeLetter, ctx: NotifierContext) -> Sequence[Fact]:
    """A code that is gone has served, or its request was withdrawn: it is not sent."""
    if not await ctx.vault.holds(ctx.case_id, ref):
        return []
    code = (await ctx.vault.open(ctx.case_id, ref)).decode()
    # The link fills the code in; nothing is confirmed before the person does so.
    url = f"{ctx.page()}?code={code}" if facts.purpose is CodePurpose.IDENTITY else ctx.page()
    return await write(LetterKind.CODE, replace(facts, code=code, url=url), ctx.request(), ctx)


async def _ask(
    kind: LetterKind, event: IdentityChallenged | IdentityReminded, ctx: NotifierContext
) -> Sequence[Fact]:
    """After a withdrawal or a refusal nothing more is asked."""
    request = ctx.request()
    if ctx.known.settled:
        return []
    wanted = ProofOption(
        ways=event.wanted,
        answer_by=event.expires_at,
        url=ctx.page(),
        clock_stands=event.paused,
        representative=await _asking(kind, ctx),
    )
    match event:
        case IdentityChallenged():
            setback = _setback(event.refused_for)
            facts: LetterFacts = ProofWanted(request.right, request.received_on, wanted, setback)
        case IdentityReminded():
            facts = Reminder(request.right, request.received_on, wanted)
    return await write(kind, facts, request, ctx)


def _setback(reason: str | None) -> Setback | None:
    if reason is None:
        return None
    return Setback(reason) if reason in set(Setback) else Setback.OTHER


async def _asking(letter: LetterKind, ctx: NotifierContext) -> Representative | None:
    """Return the representative; None if the person asks, or the representative reads the letter."""
    request = ctx.request()
    if request.requester is Requester.PERSON:
        return None
    submitted = await submission_of(ctx)
    if correspondent_of(letter, request.requester, submitted) is Correspondent.REPRESENTATIVE:
        return None
    agent = submitted.agent
    name = presentable(agent.name) if agent else ""
    return Representative(request.right, name, parent=request.requester is Requester.PARENT)


async def _recipient(ctx: NotifierContext) -> str:
    """Return the host that the data is to be sent to; empty where it is to be sent to none."""
    if not ctx.request().transfers:
        return ""
    return host_of((await submission_of(ctx)).details.transfer_to or "")


def _refusal(reasons: Iterable[str], explanation: str, ctx: NotifierContext) -> RefusalLetter:
    request, known = ctx.request(), known_reasons(reasons)
    stated = known or (() if explanation else UNSTATED)
    return RefusalLetter(request.right, request.received_on, stated, explanation=explanation)


def _answered(
    outcome: AnswerOutcome, event: RequestFulfilled, answer: Answer, ctx: NotifierContext
) -> LetterFacts:
    received_on, package = ctx.request().received_on, _package(event, answer, ctx)
    match event.right:
        case Right.ERASURE:
            certificate = short_reference(ctx.case_id) if event.certificate else ""
            return ErasureOutcome(outcome, received_on, ctx.occurred_on(), certificate, answer, package)
        case Right.ACCESS | Right.PORTABILITY | Right.KNOW_CATEGORIES:
            return AccessOutcome(event.right, received_on, outcome, answer, package)
        case deed:
            form = f"{ctx.house.public_url}/ask/{Right.ERASURE}?scope=consent" if answer.erasable else ""
            return RequestDone(deed, received_on, ctx.occurred_on(), outcome, answer, form)


def _by_hand(
    outcome: HandOutcome, explanation: str, event: RequestFulfilled, ctx: NotifierContext
) -> AnswerByHand:
    return AnswerByHand(
        event.right,
        ctx.request().received_on,
        outcome,
        explanation,
        known_reasons(event.reasons),
        _package(event, NOTHING, ctx),
    )


def _package(event: RequestFulfilled, answer: Answer, ctx: NotifierContext) -> PackageLetter | None:
    if event.package is None or event.package_expires_at is None:
        return None
    return PackageLetter(ctx.page(), event.package_expires_at, answer.disclosed)
