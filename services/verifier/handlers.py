"""Handlers of the verifier: it weighs proofs, asks for missing ones, decides, and destroys evidence."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from services.verifier import domain
from services.verifier.assurance import levels
from services.verifier.assurance.levels import LOGGED_IN, Sensitivity, Situation, required
from services.verifier.context import VerifierContext
from services.verifier.domain import (
    Assessed,
    AssessedWay,
    CodeIssued,
    EvidenceGained,
    ProofSpent,
    ReviewEnded,
    StaffAgreed,
)
from shared.contract.case_openings import DRAWING, EVERYTHING, OPENED_FOR, pictures_of
from shared.contract.codes import LIFETIME, CodeVerdict, digest_of, draw_code, judge, uses_a_try
from shared.contract.correspondents import acknowledged_after_assessment, mailbox_for
from shared.contract.drop import SOURCE as DROP
from shared.contract.events import (
    Assurance,
    Code,
    Confirmation,
    ContentOpened,
    DataPoints,
    Declaration,
    EmailCode,
    Evidence,
    EvidenceAsked,
    EvidenceDestroyed,
    EvidenceShown,
    Fact,
    IdentityAssessed,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityDecided,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    IdentityVerified,
    LetterKind,
    Outcome,
    PreviewAsked,
    PreviewDrafted,
    ProofAskedAgain,
    ProofExamined,
    ProofKind,
    ProofPresented,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ReferralDecided,
    RequestDuplicated,
    Requester,
    RequestLapsed,
    RequestPaused,
    RequestPurged,
    RequestReceived,
    RequestReleased,
    RequestResumed,
    RequestStopped,
    RequestWithdrawn,
    SenderCheck,
    TimeCame,
    TokenPresented,
)
from shared.contract.events import Verdict as Examined
from shared.contract.ports import VaultPort
from shared.contract.previews import NoTimers, PreviewVault
from shared.contract.staff_texts import check_text
from shared.errors import RefusedDecision, TooEarly
from shared.law.library import refusal_grounds
from shared.runtime.dataloader import side_by_side
from shared.runtime.journal import JournalRow
from shared.runtime.service import forget, on

BY_STAFF = "decided_by_staff"
SEALED = ("proof_", "report_", "code_", domain.DOCUMENTED)
AT_ONCE = timedelta(days=3)
"""A later request for proof does not stop the clock (EDPB Guidelines 01/2022 section 5.3)."""
REMINDER, LAPSE = "proof_reminder", "proof_lapse"
PICTURES = "pictures_"
"""Prefix of the timers that destroy the pictures drawn for an opening."""
LATER = "code_later"
"""Prefix of the timers that mail a delayed code; its number, and how often, follow."""
CLAIM_NOTICE_AFTER = timedelta(seconds=15)
"""Delay of the report that a claim has not convinced: it must not depend on the records."""
ALLOWANCE_WINDOW = timedelta(hours=1)
"""How long a mailbox that was sent too many codes is sent none."""
LONGEST_DOUBLINGS = 9
"""A code is put off for twice as long each time, for three weeks at last: a flood is not made ours."""
NOT_DECRYPTED = "file_not_decrypted"
"""Reason of the examiner against an encrypted document."""
UNREADABLE = (
    "file_", "image_", "mrz_not_found", "mrz_unreadable", "mrz_low_agreement", "barcode_unreadable",
    "bill_date_unreadable", "back_missing", "document_not_found", "scan_unavailable",
)  # fmt: skip
"""Prefixes of the reasons that another picture may help against."""
Ways: TypeAlias = tuple[tuple[Evidence, ...], ...]
"""The missing evidence of each way to prove the identity."""


async def assess(event: RequestReceived, ctx: VerifierContext) -> Sequence[Fact]:
    """Decide the level needed, weigh the proofs that came along, and ask for the missing evidence."""
    if domain.proven_elsewhere(event):
        return await _settled(event, [], ctx)
    vouched = await _vouched(event, ctx)
    assessed = _assessed(event, ctx, vouched=vouched is None or bool(vouched))
    attested = domain.evidence_of_agent(event, trusted=vouched is None or domain.EMAIL in vouched)
    weighed = await _weighed_all(event.proofs, ctx.with_facts(event, assessed, *attested))
    concluded = await _concluded(event, [assessed, *attested, *weighed], ctx)
    return _acknowledging(concluded, event) if acknowledged_after_assessment(event) else concluded


def _acknowledging(facts: Sequence[Fact], request: RequestReceived) -> Sequence[Fact]:
    """Return *facts* that confirm the receipt: in the letter with a code for the requester, or alone."""
    mailed = (n for n, fact in enumerate(facts) if isinstance(fact, IdentityChallenged) and fact.ref)
    first = next(mailed, None) if request.requester is Requester.PERSON else None
    if first is None:
        return [IdentityAssessed(request_id=request.request_id), *facts]
    return [*facts[:first], facts[first].model_copy(update={"acknowledges": True}), *facts[first + 1 :]]


async def weigh(event: ProofReceived, ctx: VerifierContext) -> Sequence[Fact]:
    """Weigh proofs that came later."""
    known = domain.evolve(ctx.known, event)
    if not known.open:
        return _spent(ctx.case_id, known)
    resumed = _resumed(ctx) if known.paused else []
    weighed = await _weighed_all(event.proofs, ctx.with_facts(event, *resumed))
    return await _concluded(event, [*resumed, *weighed], ctx)


async def decide_on_comparison(event: IdentityCompared, ctx: VerifierContext) -> Sequence[Fact]:
    """Weigh the claimed data points that agree with the records; too few are reported in their time."""
    evidence = domain.gained_by_comparison(event, ctx.known)
    if not ctx.known.open or (evidence is None and domain.DOCUMENTED not in event.proofs):
        return []
    differ = _review_needed(ctx, "records_differ")
    fact = differ if evidence is None else _gained(ctx, evidence, event.identities)
    return await _concluded(event, [fact], ctx)


def _review_needed(ctx: VerifierContext, *reasons: Code, report: Code | None = None) -> IdentityReviewNeeded:
    """Return the request for a review of the proofs, with what is needed and what has convinced."""
    needed = ctx.known.requirement
    return IdentityReviewNeeded(
        request_id=ctx.case_id,
        reasons=reasons,
        report=report,
        level=needed and needed.level,
        grounds=needed.grounds if needed else (),
        held=tuple(sorted(ctx.known.held)),
    )


async def decide_on_examination(event: ProofExamined, ctx: VerifierContext) -> Sequence[Fact]:
    """Weigh the verdict on a document or a token."""
    known = domain.evolve(ctx.known, event)
    if not known.open:
        return _spent(ctx.case_id, known)
    if (gained := domain.gained_by_examination(event)) is not None:
        facts: Sequence[Fact] = [gained]
    elif known.stopped:
        facts = []
    elif event.verdict is Examined.UNCLEAR or known.mismatches > 1:
        reasons = event.reasons or ("unclear",)
        facts = [_review_needed(ctx, *reasons, report=event.report)]
    elif known.examined >= domain.MOST_EXAMINED:
        facts = [_refuse_or_downgrade(replace(ctx, known=known), "proof_not_convincing")]
    else:
        facts = _asked_again(event, replace(ctx, known=known))
    return await _concluded(event, facts, ctx)


async def decide_by_staff(event: IdentityDecided, ctx: VerifierContext) -> Sequence[Fact]:
    """
    Carry out the decision of the privacy staff; where two must decide for the requester, wait for the second.

    Raises:
        RefusedDecision: The identity is decided already or proven elsewhere, the request is stopped or has
          none of the named identities, or the second decision comes from the account that made the first, or
          names none of its identities.
    """
    if not ctx.known.open:
        raise RefusedDecision("identity_decided")
    first = ctx.known.first_decision
    if not event.verified:
        refused = IdentityRefused(request_id=ctx.case_id, reasons=(event.reason,), deciders=(event.by,))
        return await _settled(event, [refused], ctx)
    if ctx.known.stopped:
        raise RefusedDecision("request_stopped")
    if not domain.stated_identities((await ctx.submission()).subject).issuperset(event.identities):
        raise RefusedDecision("identity_not_stated")
    if ctx.practice.four_eyes and first is None:
        return []
    if ctx.practice.four_eyes and first is not None and first.by == event.by:
        raise RefusedDecision("decider_decided_before")
    identities = _agreed(event, ctx)
    if not identities:
        raise RefusedDecision("identities_differ")
    deciders = tuple(dict.fromkeys([first.by, event.by] if first else [event.by]))
    agreed = StaffAgreed(
        request_id=ctx.case_id,
        identities=identities,
        reason=event.reason,
        deciders=deciders,
        lapses_at=ctx.now + ctx.practice.patience,
        asked_at=ctx.now,
    )
    if _confirmation_missing(ctx.known):
        return await _concluded(event, [agreed], ctx)
    return await _settled(event, [_verified_by_staff(agreed, ctx)], ctx)


async def ask_again(event: ProofAskedAgain, ctx: VerifierContext) -> Sequence[Fact]:
    """
    Ask the person for another proof, after the privacy staff has looked at those that came.

    The clock does not stand still for it: the company has not asked at once.

    Raises:
        RefusedDecision: The identity is decided, the request is stopped, a proof is being examined, or no
          other proof would be accepted.
    """
    known = ctx.known
    if not known.open or known.agreed is not None:
        raise RefusedDecision("identity_decided")
    if known.stopped:
        raise RefusedDecision("request_stopped")
    if known.busy:
        raise RefusedDecision("proof_under_way")
    ended = ReviewEnded(request_id=ctx.case_id, asked_at=ctx.now, lapses_at=ctx.now + ctx.practice.patience)
    after = ctx.with_facts(ended)
    asks = domain.wanted(after.known, logs_in=ctx.practice.logs_in)
    if not asks or asks == domain.CONFIRMED or known.presented >= domain.MOST_EXAMINED:
        raise RefusedDecision("no_other_proof")
    challenged, *paused = _ask(after, asks, event.reason)
    renewed = challenged.model_copy(update={"renewed": True})
    return await _settled(event, [ended, renewed, *paused], ctx)


async def refuse_by_staff(event: ReferralDecided, ctx: VerifierContext) -> Sequence[Fact]:
    """
    Refuse a request on a ground of the law before its identity is proven; fulfillment decides on others.

    If two must decide, the first decision proposes the refusal, and the same one by another account makes it.

    Law:
        GDPR Art. 12(4)-(5): manifestly unfounded or excessive requests, with the reasons.

    Raises:
        RefusedDecision: It is no refusal, the identity is decided, the request is stopped, none of its laws
          has a ground for its right, its text differs, or the account made the same decision before.
    """
    if not event.unproven:
        return []
    if not ctx.known.open:
        raise RefusedDecision("identity_decided")
    if ctx.known.stopped:
        raise RefusedDecision("request_stopped")
    if event.outcome is not Outcome.REFUSED or not event.is_complete:
        raise RefusedDecision("incomplete")
    if not set(event.grounds) <= refusal_grounds(ctx.request().right, ctx.request().laws).keys():
        raise RefusedDecision("ground_unlawful")
    proposers = {one.by for one in ctx.known.refusals if one.content == event.content}
    if event.by in proposers:
        raise RefusedDecision("decider_decided_before")
    await check_text(event.explanation, ctx.case_id, ctx.vault)
    if ctx.practice.four_eyes and not proposers:
        return []
    refused = IdentityRefused(
        request_id=ctx.case_id,
        reasons=event.grounds,
        deciders=(*sorted(proposers), event.by),
        explanation=event.explanation,
    )
    return await _settled(event, [refused], ctx)


def _verified_by_staff(agreed: StaffAgreed, ctx: VerifierContext) -> IdentityVerified:
    level = ctx.known.requirement.level if ctx.known.requirement else Assurance.MAILBOX
    verified = _verified(ctx.request(), level, agreed.identities, (BY_STAFF, agreed.reason))
    return verified.model_copy(update={"deciders": agreed.deciders})


def _confirmation_missing(known: domain.Verification) -> bool:
    """Return whether the person has still to confirm an irreversible act."""
    ways = known.requirement.ways if known.requirement else ()
    needed = any(Evidence.CONFIRMATION in way.evidence for way in ways)
    return needed and Evidence.CONFIRMATION not in known.held


def _agreed(event: IdentityDecided, ctx: VerifierContext) -> tuple[str, ...]:
    """Return the identities that all required staff decisions agree on."""
    first = ctx.known.first_decision
    if first is None or not ctx.practice.four_eyes:
        return event.identities
    return tuple(name for name in event.identities if name in first.identities)


async def handle_timer(event: TimeCame, ctx: VerifierContext) -> Sequence[Fact]:
    """
    Do the delayed act, unless it is no longer needed, or the staff looks at a proof.

    The end of the wait also destroys a proof that was sealed after the decision and never announced.
    """
    if event.name.startswith(PICTURES):
        return await _destroy_pictures(ctx)
    if not ctx.known.open and event.name.startswith(LAPSE):
        await ctx.vault.discard_all(ctx.case_id, SEALED, but=ctx.known.kept)
    if ctx.known.stopped:
        return []
    if ctx.known.open and event.name.startswith(domain.CLAIM_NOTICE):
        return await _notify_of_claim(event, ctx)
    if not ctx.known.open or (ctx.known.reviewed_for and ctx.known.agreed is None):
        return []
    if event.name.startswith(LATER):
        return await _mail_code_put_off(event, ctx)
    return await remind_or_lapse(event, ctx)


async def remind_or_lapse(event: TimeCame, ctx: VerifierContext) -> Sequence[Fact]:
    """Remind of missing proof; let the request lapse at last (GDPR Art. 12(2), (6); 11 CCR § 7062(f)-(g))."""
    known, lapses_at = ctx.known, ctx.lapses_at()
    if known.busy or known.wanted is None or lapses_at is None:
        return []
    if event.name.startswith(REMINDER):
        if event.name not in {REMINDER, _reminder(known)}:
            return []  # of an earlier letter
        return [
            IdentityReminded(
                request_id=ctx.case_id, expires_at=lapses_at, wanted=known.wanted, paused=known.paused
            )
        ]
    if ctx.now < lapses_at:
        if event.name == _lapse(lapses_at):
            raise TooEarly("the timer is ahead of this clock")
        return []  # it has moved since, with a timer of its own
    facts = [RequestLapsed(request_id=ctx.case_id), _refuse_or_downgrade(ctx, "not_proven_in_time")]
    return await _settled(event, facts, ctx)


async def record_evidence_view(event: EvidenceAsked, ctx: VerifierContext) -> Sequence[Fact]:
    """Record that an account of the staff, with a verified proof, looks at sealed proofs."""
    return [EvidenceShown(request_id=ctx.case_id, by=event.by, reason=event.reason, refs=event.refs)]


async def draft_letter(event: PreviewAsked, ctx: VerifierContext) -> Sequence[Fact]:
    """Decide as for a decision that is not made, and keep the facts that would follow for its preview."""
    place = PreviewVault(ctx.vault, event.preview)
    decision = await place.decision(ctx.case_id)
    if decision is None:
        return []
    # The letter follows the last of two decisions.
    practice = replace(ctx.practice, four_eyes=False)
    apart = replace(ctx, vault=place, timers=NoTimers(), allowances=UncountedCodes(), practice=practice)
    match decision:
        case ProofAskedAgain():
            drafted = await place.draft(ctx.case_id, ask_again(decision, apart))
        case IdentityDecided():
            drafted = await place.draft(ctx.case_id, decide_by_staff(decision, apart))
        case ReferralDecided() if decision.unproven:
            drafted = await place.draft(ctx.case_id, refuse_by_staff(decision, apart))
        case _:
            return []
    return [PreviewDrafted(request_id=ctx.case_id, preview=event.preview)] if drafted else []


class UncountedCodes:
    """The limit on codes during a preview: none is counted."""

    async def take(self, mailbox: str, what: str, now: datetime) -> bool:
        """Return True."""
        del mailbox, what, now
        return True


async def open_documents(event: ContentOpened, ctx: VerifierContext) -> Sequence[Fact]:
    """Record that an account reads a whole case, and have the pages of its sealed documents drawn for it."""
    if event.item != EVERYTHING or ctx.known.request is None:
        return []
    proofs = tuple(proof for proof in ctx.known.readable if proof.ref in ctx.known.evidence)
    until, refs = ctx.now + OPENED_FOR, tuple(proof.ref for proof in proofs)
    if any(proof.kind is ProofKind.DOCUMENT for proof in proofs):
        await ctx.timers.set(ctx.case_id, f"{PICTURES}{until:%Y%m%d%H%M%S}", until + DRAWING)
    return [
        EvidenceShown(
            request_id=ctx.case_id, by=event.by, reason=event.reason, refs=refs, proofs=proofs, until=until
        )
    ]


async def _destroy_pictures(ctx: VerifierContext) -> Sequence[Fact]:
    """Destroy all pictures of documents, unless another opening has begun since: it has its own timer."""
    if ctx.known.shown_until is None or ctx.known.shown_until + DRAWING <= ctx.now:
        pictures = [pictures_of(proof.ref) for proof in ctx.known.readable]
        await ctx.vault.discard_all(ctx.case_id, pictures)
    return []


async def stop(_event: RequestStopped, ctx: VerifierContext) -> Sequence[Fact]:
    """Take no proof until the staff decides; the clock runs, for it is the staff that is waited for."""
    return _resumed(ctx) if ctx.known.open and ctx.known.paused else []


async def release(event: RequestReleased, ctx: VerifierContext) -> Sequence[Fact]:
    """Resume a request that was stopped; the void code is replaced by a new one."""
    after = ctx.with_facts(event)
    if not (ctx.known.stopped and after.known.open):
        return []
    facts, known = await _next(after), after.known
    asks = domain.wanted(known, logs_in=ctx.practice.logs_in)
    codeless = known.code is None and not (known.codes_used_up or known.reviewed_for)
    if not facts and codeless and _code_helps(asks, after):
        facts = await _challenge(after)
    return await _settled(event, facts, ctx)


async def end_unproven(event: RequestDuplicated | RequestWithdrawn, ctx: VerifierContext) -> Sequence[Fact]:
    """Ask no more of a person whose request is withdrawn, or merged with another one."""
    return _spent(ctx.case_id, domain.evolve(ctx.known, event))


async def destroy_spent(rows: Sequence[JournalRow], vault: VaultPort) -> None:
    """
    Destroy the proofs and codes that have served by the decisions of *rows*, before these are published.

    Law:
        GDPR Art. 5(1)(c), (e): no more and no longer than needed; EDPB Guidelines 01/2022 para. 79.
        11 CCR § 7060(d): data collected to verify is deleted as soon as it has served.
    """
    spent = [fact for row in rows for fact in row.facts if isinstance(fact, ProofSpent)]
    # All of it: a proof that was never announced lies there as well.
    await side_by_side([vault.discard_all(one.request_id, SEALED, but=one.kept) for one in spent])


PREVIEWED = frozenset({IdentityDecided.TYPE, ProofAskedAgain.TYPE, ReferralDecided.TYPE})
"""Types of decisions of which letters can be previewed."""
SUBSCRIPTIONS = (
    on(RequestReceived, assess),
    on(ProofReceived, weigh),
    on(IdentityCompared, decide_on_comparison),
    on(ProofExamined, decide_on_examination),
    on(IdentityDecided, decide_by_staff),
    on(ProofAskedAgain, ask_again),
    on(ReferralDecided, refuse_by_staff),
    on(TimeCame, handle_timer),
    on(EvidenceAsked, record_evidence_view),
    on(PreviewAsked, draft_letter, ignored=lambda asked: asked.type not in PREVIEWED),
    on(ContentOpened, open_documents),
    on(RequestStopped, stop),
    on(RequestReleased, release),
    on(RequestDuplicated, end_unproven),
    on(RequestWithdrawn, end_unproven),
    on(RequestPurged, forget),
)


async def _vouched(event: RequestReceived, ctx: VerifierContext) -> tuple[str, ...] | None:
    """Return the names of the identities that the source of *event* vouches for; None: all that it may."""
    verifies = ctx.practice.trusted.get(event.source, frozenset())
    if not verifies:
        return None if verifies is None else ()
    return domain.vouched_identities((await ctx.submission()).subject, verifies)


def _assessed(event: RequestReceived, ctx: VerifierContext, *, vouched: bool) -> Assessed:
    situation = Situation(
        right=event.right,
        laws=tuple(ctx.practice.clock.laws(event.laws)),
        sensitivity=Sensitivity.HIGH if event.child or event.full_values else ctx.practice.sensitivity,
        requester=event.requester,
        vouched=vouched,
        by_state=event.source == DROP,
        reachable=event.reachable,
        direct_marketing=event.direct_marketing,
        confirms=event.irreversible and not domain.confirmed_elsewhere(event, ctx.practice.confirming),
        attested=bool(event.attested),
    )
    requirement = required(situation)
    return Assessed(
        request_id=ctx.case_id,
        level=requirement.level,
        ways=tuple(AssessedWay(level=w.level, evidence=tuple(sorted(w.evidence))) for w in requirement.ways),
        grounds=requirement.grounds,
        lapses_at=ctx.now + ctx.practice.patience,
        asked_at=ctx.now,
    )


async def _weighed_all(proofs: Sequence[ProofRef], ctx: VerifierContext) -> list[Fact]:
    facts: list[Fact] = []
    for proof in proofs:
        if ctx.known.open and not ctx.known.stopped:
            weighed = await _weighed(proof, ctx)
            ctx = ctx.with_facts(*weighed)
            facts += weighed
    return facts


async def _weighed(proof: ProofRef, ctx: VerifierContext) -> Sequence[Fact]:
    match proof.kind:
        case ProofKind.EMAIL_CODE | ProofKind.DECLARATION | ProofKind.CONFIRMATION:
            return await JUDGED_AT_ONCE[proof.kind](proof, ctx)
        case ProofKind.NEW_CODE:
            return await _challenge(ctx)
        case ProofKind.DATA_POINTS if domain.comparison_waits(ctx.known):
            return []
        case ProofKind.DATA_POINTS if ctx.known.claims < domain.MOST_CLAIMS:
            return await _claimed(proof, ctx)
        case ProofKind.DOCUMENT if not _is_wanted(proof, ctx):
            return [_proof_refused(ctx, "not_needed", domain.MOST_EXAMINED)]
        case ProofKind.DOCUMENT if ctx.known.presented < domain.MOST_EXAMINED:
            return [ProofPresented(request_id=ctx.case_id, proof=proof)]
        case ProofKind.ID_TOKEN if ctx.known.presented < domain.MOST_EXAMINED:
            return [TokenPresented(request_id=ctx.case_id, proof=proof)]
        case ProofKind.DATA_POINTS:
            # Not decided on: the last claim that counts is still being compared.
            return [_proof_refused(ctx, "details_do_not_match", 0)]
        case ProofKind.DOCUMENT | ProofKind.ID_TOKEN:
            return [_proof_refused(ctx, "too_many_attempts", 0)]


async def _claimed(proof: ProofRef, ctx: VerifierContext) -> list[Fact]:
    await _notify_later(ctx, ctx.known.claims + 1)
    return [IdentityClaimed(request_id=ctx.case_id, proofs=(proof,))]


def _is_wanted(proof: ProofRef, ctx: VerifierContext) -> bool:
    """Return whether a document may be looked at: needless ones must not be (GDPR Art. 5(1)(c))."""
    evidence = domain.GAINED_BY_SLOT[proof.slot]
    needed = ctx.known.requirement
    return needed is not None and any(evidence in way.evidence for way in needed.ways)


def _point_to_page(ctx: VerifierContext) -> Sequence[Fact]:
    """Refuse a code that came by mail from an unknown sender; no try is used, and the page is named once."""
    tries_left = ctx.known.code.tries_left if ctx.known.code else 0
    refused = _proof_refused(ctx, domain.CODE_BY_MAIL, tries_left)
    asks = domain.wanted(ctx.known, logs_in=ctx.practice.logs_in)
    if ctx.known.pointed or not _code_helps(asks, ctx):
        return [refused]
    return [refused, *_ask(ctx, asks, domain.CODE_BY_MAIL)]


async def _judge_code(proof: ProofRef, ctx: VerifierContext) -> Sequence[Fact]:
    if proof.sender is SenderCheck.UNKNOWN:
        return _point_to_page(ctx)
    offered = EmailCode.model_validate_json(await ctx.vault.open(ctx.case_id, proof.ref))
    digest = digest_of(offered.code, key=ctx.key, ref=f"{ctx.case_id}/{ctx.known.code_ref}")
    verdict = judge(ctx.known.code, digest, now=ctx.now)
    if verdict is CodeVerdict.MATCHED:
        # The letter with the code states its effect.
        confirmed = [_gained(ctx, Evidence.CONFIRMATION)] if _confirmation_missing(ctx.known) else []
        return [_gained(ctx, Evidence.MAILBOX, domain.proven_by_code(ctx.request())), *confirmed]
    spent = uses_a_try(verdict)
    tries_left = (ctx.known.code.tries_left if ctx.known.code else 0) - spent
    used_up = tries_left <= 0 or verdict is CodeVerdict.EXPIRED
    if used_up and ctx.known.codes_used_up:
        return [_refuse_or_downgrade(ctx, "too_many_attempts")]
    return [_proof_refused(ctx, verdict, tries_left, spends_code=spent)]


async def _judge_confirmation(proof: ProofRef, ctx: VerifierContext) -> Sequence[Fact]:
    """Weigh a confirmation without a code: it names the right, and comes last."""
    said = Confirmation.model_validate_json(await ctx.vault.open(ctx.case_id, proof.ref))
    if not domain.confirmable(ctx.known) or said.right is not ctx.request().right:
        return [_proof_refused(ctx, "not_needed", domain.MOST_EXAMINED)]
    return [_gained(ctx, Evidence.CONFIRMATION)]


async def _judge_declaration(proof: ProofRef, ctx: VerifierContext) -> Sequence[Fact]:
    """Weigh a signed declaration; one that counts is kept (11 CCR § 7062(c))."""
    signed = Declaration.model_validate_json(await ctx.vault.open(ctx.case_id, proof.ref))
    flaw = levels.declaration_error(signed, (await ctx.submission()).subject.name, ctx.now)
    if flaw is not None:
        return [_proof_refused(ctx, flaw, domain.MOST_EXAMINED)]
    return [_gained(ctx, Evidence.DECLARATION, kept=proof.ref)]


JUDGED_AT_ONCE = {
    ProofKind.EMAIL_CODE: _judge_code,
    ProofKind.DECLARATION: _judge_declaration,
    ProofKind.CONFIRMATION: _judge_confirmation,
}


async def _concluded(event: Fact, facts: Sequence[Fact], ctx: VerifierContext) -> Sequence[Fact]:
    """Return *facts*, and those that follow from them and *event*."""
    after = ctx.with_facts(event, *facts)
    if after.known.open and not after.known.stopped:
        facts = [*facts, *await _next(after)]
    return await _settled(event, facts, ctx)


async def _next(ctx: VerifierContext) -> Sequence[Fact]:
    """Decide for the requester once a way is complete; else ask for missing evidence, unless awaited."""
    known, way = ctx.known, domain.completed(ctx.known)
    if known.agreed is not None:
        return await _confirmed_or_asked(known.agreed, ctx)
    if way is not None and Evidence.RECORDS in way.evidence:
        # Papers can be drawn: where nothing else supports them, the staff looks.
        return [_review_needed(ctx, "documents_alone")]
    if way is not None:
        level, names = domain.level_of(way, known), domain.proven(way, known)
        if names is None and known.requirement and LOGGED_IN in known.requirement.grounds:
            names = await _vouched(ctx.request(), ctx)
        return [_verified(ctx.request(), level, names, domain.reasons_for(way, known))]
    return [] if known.reviewed_for else await _ask_for_missing(ctx)


async def _confirmed_or_asked(agreed: StaffAgreed, ctx: VerifierContext) -> Sequence[Fact]:
    """Decide as the staff has, once the person has confirmed; else ask for that."""
    known = ctx.known
    if not _confirmation_missing(known):
        return [_verified_by_staff(agreed, ctx)]
    if known.wanted == domain.CONFIRMED:
        return []
    mailed = ctx.request().reachable and not (known.codes_used_up or known.put_off)
    return await _challenge(ctx) if mailed else _ask(ctx, domain.CONFIRMED)


async def _ask_for_missing(ctx: VerifierContext) -> Sequence[Fact]:
    """Ask for missing evidence, unless it is awaited or too late."""
    known, lapses_at = ctx.known, ctx.lapses_at()
    if lapses_at is not None and ctx.now >= lapses_at and not known.busy:
        return [RequestLapsed(request_id=ctx.case_id), _refuse_or_downgrade(ctx, "not_proven_in_time")]
    if known.comparisons < known.claims:
        return []
    if known.points_on_hold and not domain.comparison_waits(known) and known.claims < domain.MOST_CLAIMS:
        return await _claimed(known.points_on_hold, ctx)
    if domain.only_records_missing(known) and not known.documented:
        return await _compare_documented(ctx)
    asks = domain.wanted(known, logs_in=ctx.practice.logs_in)
    if not known.put_off and _code_helps(asks, ctx) and not _code_is_out(asks, ctx):
        return await _challenge(ctx)
    if known.busy:
        return []
    if not asks:
        return [_refuse_or_downgrade(ctx, "unidentifiable")]
    # A confirmation needs no other proof: what was wrong with one no longer matters.
    refused_for = None if asks == domain.CONFIRMED else known.proof_refused_for
    return [] if asks == known.wanted else _ask(ctx, asks, refused_for)


def _code_helps(asks: Ways, ctx: VerifierContext) -> bool:
    """Return whether a code can be mailed that one of the ways in *asks* needs."""
    helps = any(Evidence.MAILBOX in way or (way,) == domain.CONFIRMED for way in asks)
    return ctx.request().reachable and helps


def _code_is_out(asks: Ways, ctx: VerifierContext) -> bool:
    """Return whether a code was mailed; where a confirmation comes to be all that is missing, a good one."""
    if asks != domain.CONFIRMED or ctx.known.wanted == domain.CONFIRMED:
        return bool(ctx.known.codes)
    code = ctx.known.code
    return code is not None and code.tries_left > 0 and ctx.now < code.expires_at


def _ask(ctx: VerifierContext, asks: Ways, refused_for: str | None = None) -> Sequence[Fact]:
    """Ask for one of *asks*. The clock may stand still until it comes, not while a code is put off by us."""
    asked_at_once = ctx.now - ctx.request().received_at <= AT_ONCE
    doubtful = asks != domain.CONFIRMED  # a confirmation is requested without any doubt of the identity
    pauses = asked_at_once and doubtful and not (ctx.known.paused or ctx.known.put_off)
    paused = RequestPaused(request_id=ctx.case_id, reason="proof_wanted", since=ctx.now)
    after = ctx.with_facts(paused) if pauses else ctx
    challenged = IdentityChallenged(
        request_id=ctx.case_id,
        expires_at=after.lapses_at() or ctx.now + ctx.practice.patience,
        wanted=asks,
        refused_for=refused_for,
        paused=after.known.paused,
    )
    return [challenged, paused] if pauses else [challenged]


def _asked_again(event: ProofExamined, ctx: VerifierContext) -> Sequence[Fact]:
    """Report that a document or a token has not convinced, and the proofs that may be sent instead."""
    # An unreadable proof can be sent again; differences in it are not disclosed.
    unreadable = any(reason.startswith(UNREADABLE) for reason in event.reasons)
    reason = "document_unreadable" if unreadable else "document_not_accepted"
    if NOT_DECRYPTED in event.reasons:
        reason = "document_not_decrypted"
    if event.proof.kind is ProofKind.ID_TOKEN:
        reason = "log_in_failed"
    refused = _proof_refused(ctx, reason, domain.MOST_EXAMINED - ctx.known.examined)
    if ctx.known.busy or ctx.known.reviewed_for:
        return [refused]
    return [refused, *_ask(ctx, domain.wanted(ctx.known, logs_in=ctx.practice.logs_in), reason)]


async def _compare_documented(ctx: VerifierContext) -> Sequence[Fact]:
    """Have what documents confirm compared with the records: one's own passport opens no other's."""
    subject = (await ctx.submission()).subject
    address, born = subject.postal_address, subject.date_of_birth
    points = {
        "user.name": subject.name,
        "user.contact.address.postal_code": address and address.postal_code,
        "user.demographic.date_of_birth": born and born.isoformat(),
    }
    documented = {name: value for name, value in points.items() if value}
    if not documented:
        return [_review_needed(ctx, "records_differ")]
    claim = DataPoints(kind="data_points", points=documented)
    await ctx.vault.seal(ctx.case_id, domain.DOCUMENTED, claim.model_dump_json().encode())
    proof = ProofRef(kind=ProofKind.DATA_POINTS, ref=domain.DOCUMENTED)
    return [IdentityClaimed(request_id=ctx.case_id, proofs=(proof,))]


async def _challenge(ctx: VerifierContext) -> Sequence[Fact]:
    """Have a code mailed to the address of the request, if it has one and codes are left."""
    if not ctx.request().reachable:
        return []
    if ctx.known.codes_used_up:
        return [_refuse_or_downgrade(ctx, "too_many_attempts")]
    ref = f"code_{ctx.known.codes}"
    requester = ctx.request().requester
    mailbox = mailbox_for(LetterKind.CODE, requester, await ctx.submission()) or ""
    if not await ctx.allowances.take(mailbox, f"{ctx.case_id}/{ref}", ctx.now):
        return await _put_off(ctx)
    expires_at = ctx.now + LIFETIME
    # After a crash in between, the code that was sealed first counts.
    await ctx.vault.seal(ctx.case_id, ref, draw_code(strong=ctx.request().irreversible).encode())
    code = (await ctx.vault.open(ctx.case_id, ref)).decode()
    digest = digest_of(code, key=ctx.key, ref=f"{ctx.case_id}/{ref}")
    return [
        CodeIssued(request_id=ctx.case_id, ref=ref, digest=digest, expires_at=expires_at),
        IdentityChallenged(
            request_id=ctx.case_id,
            kind=ProofKind.EMAIL_CODE,
            ref=ref,
            expires_at=expires_at,
            wanted=domain.wanted(ctx.known, logs_in=ctx.practice.logs_in),
        ),
    ]


async def _put_off(ctx: VerifierContext) -> Sequence[Fact]:
    """Mail the code later, and ask for other evidence: a stranger can use up the limit of a mailbox."""
    known = ctx.known
    wait = ALLOWANCE_WINDOW * 2 ** min(known.put_off, LONGEST_DOUBLINGS)
    await ctx.timers.set(ctx.case_id, f"{LATER}_{known.codes}_{known.put_off}", ctx.now + wait)
    refused = _proof_refused(ctx, domain.TOO_MANY_CODES, 0)
    asks = domain.wanted(known, logs_in=ctx.practice.logs_in)
    if known.reviewed_for or asks == known.wanted:
        return [refused]
    return [*_ask(ctx.with_facts(refused), asks), refused]


async def _mail_code_put_off(event: TimeCame, ctx: VerifierContext) -> Sequence[Fact]:
    """Mail the delayed code, unless another was mailed or none is needed; or delay it again."""
    asks = domain.wanted(ctx.known, logs_in=ctx.practice.logs_in)
    if not ctx.known.put_off or not _code_helps(asks, ctx):
        return []
    return await _concluded(event, await _challenge(ctx), ctx)


async def _notify_later(ctx: VerifierContext, claim: int, wait: int = 0) -> None:
    """Set the timer that reports to the person that claim number *claim* has not convinced."""
    due = ctx.now + CLAIM_NOTICE_AFTER * 2 ** min(wait, LONGEST_DOUBLINGS)
    await ctx.timers.set(ctx.case_id, f"{domain.CLAIM_NOTICE}{claim}_{wait}", due)


async def _notify_of_claim(event: TimeCame, ctx: VerifierContext) -> Sequence[Fact]:
    """
    Report that a claim has not convinced, or ask for other evidence; wait again where it is still compared.

    An answer at once would show strangers that the search was empty: the company holds no data of the person.
    """
    claim, wait = map(int, event.name.removeprefix(domain.CLAIM_NOTICE).split("_"))
    if not ctx.known.not_notified:
        if ctx.known.comparisons < claim:
            await _notify_later(ctx, claim, wait + 1)
        return []
    known = domain.evolve(ctx.known, event)
    if known.comparisons >= domain.MOST_CLAIMS:
        facts: Sequence[Fact] = [_refuse_or_downgrade(replace(ctx, known=known), "details_do_not_match")]
    else:
        facts = [_proof_refused(ctx, "details_do_not_match", domain.MOST_CLAIMS - known.claims)]
    return await _concluded(event, facts, ctx)


async def _settled(event: Fact, facts: Sequence[Fact], ctx: VerifierContext) -> Sequence[Fact]:
    """Return *facts* and set their timers; a decision resumes the clock and spends the evidence."""
    after = ctx.with_facts(event, *facts)
    known = after.known
    if known.open and any(isinstance(fact, MOVING) for fact in facts):
        await _set_timers(after, asked=known.asked > ctx.known.asked)
    facts = [_with_ends(fact, after) if isinstance(fact, IdentityVerified) else fact for fact in facts]
    if known.open or (isinstance(event, RequestReceived) and not known.evidence):
        return facts  # decided at once, without any requested proof: there is none to destroy
    return [*(_resumed(ctx) if known.paused else ()), *facts, *_spent(ctx.case_id, known)]


MOVING = IdentityChallenged | RequestPaused | RequestResumed
"""Facts that begin a wait for the person, or move its end."""


async def _set_timers(ctx: VerifierContext, *, asked: bool) -> None:
    """Set the timer of the end of the wait; if the person was *asked* now, that of the reminder half-way."""
    lapses_at = ctx.lapses_at()
    if lapses_at is None:
        return
    waits = {_lapse(lapses_at): lapses_at}
    if asked:
        waits[_reminder(ctx.known)] = ctx.now + (lapses_at - ctx.now) / 2
    await asyncio.gather(*(ctx.timers.set(ctx.case_id, name, at) for name, at in waits.items()))


def _lapse(at: datetime) -> str:
    """Return the name of the timer of an end; another end is another timer."""
    return f"{LAPSE}_{at:%Y%m%d%H%M%S}"


def _reminder(known: domain.Verification) -> str:
    """Return the name of the timer of the reminder of the last letter that asks for proof."""
    return f"{REMINDER}_{known.asked}"


def _resumed(ctx: VerifierContext) -> list[Fact]:
    return [RequestResumed(request_id=ctx.case_id, at=ctx.now)]


def _spent(case_id: str, known: domain.Verification) -> list[Fact]:
    """Return the facts that the evidence has served; only known evidence is reported destroyed."""
    refs, reviewed = known.evidence, bool(known.reviewed_for)
    spent = ProofSpent(request_id=case_id, refs=refs, kept=known.kept, reviewed=reviewed)
    return [spent, EvidenceDestroyed(request_id=case_id, refs=refs)] if refs else [spent]


def _gained(
    ctx: VerifierContext, evidence: Evidence, identities: tuple[str, ...] = (), *, kept: str | None = None
) -> EvidenceGained:
    return EvidenceGained(request_id=ctx.case_id, evidence=evidence, identities=identities, kept=kept)


def _verified(
    request: RequestReceived, assurance: Assurance, proven: tuple[str, ...] | None, reasons: tuple[str, ...]
) -> IdentityVerified:
    return IdentityVerified(
        request_id=request.request_id,
        right=request.right,
        regulation=request.regulation,
        received_on=request.received_on,
        assurance=assurance,
        proven=proven,
        reasons=reasons,
        laws=() if request.requester is Requester.CONTROLLER else request.laws,
        requester=request.requester,
        at_once=request.at_once,
    )


def _with_ends(verified: IdentityVerified, ctx: VerifierContext) -> IdentityVerified:
    """Return *verified* with the ends of the wait for the agreement to a fee, and of windows."""
    if not verified.laws:
        return verified
    ends = {"wait_until": ctx.last_wait("fee"), "windows_until": ctx.end_of_windows()}
    return verified.model_copy(update=ends)


def _refuse_or_downgrade(ctx: VerifierContext, reason: str) -> IdentityRefused | IdentityVerified:
    """Refuse the requester for *reason*, unless their proof is enough for the kinds of data at least."""
    enough = ctx.known.enough_for_categories
    if enough is not None:
        return _verified(ctx.request(), Assurance.REASONABLE, enough, ("enough_for_categories",))
    return IdentityRefused(request_id=ctx.case_id, reasons=(reason,))


def _proof_refused(
    ctx: VerifierContext, reason: str, tries_left: int, *, spends_code: bool = False
) -> ProofRefused:
    left = max(tries_left, 0)
    return ProofRefused(request_id=ctx.case_id, reason=reason, tries_left=left, spends_code=spends_code)
