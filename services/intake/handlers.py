"""What intake does when something arrives: it registers, passes proofs on, takes back, closes, sets aside."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Protocol

from services.intake.appeals import DECIDED, appealed
from services.intake.clock import Arrival, Practice, end_of, extended, receive, resumed
from services.intake.deadlines import (
    APPROACHING,
    DUTIES,
    EXPIRED,
    MISSED,
    UNAGREED,
    UNEXTENDED,
    Wait,
    day_of,
    duty_of,
    first_waits,
    is_done,
    kind_of,
    looked_at_again,
    wait_for,
    waits_after,
    waits_for_agreement,
    waits_for_decision,
    waits_for_package,
)
from services.intake.domain import OWED, Case, Status, evolve, outcome_of
from services.intake.repeating import Claim, duplicate_of, wish_of
from shared.answer import SUBMISSION, facts_of
from shared.envelope import derived_id
from shared.errors import TooEarly
from shared.events import (
    AgreementLodged,
    AnswerDelivered,
    AppealAnswered,
    AppealDecided,
    AppealLodged,
    AppealReceived,
    AppealSubmitted,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    Document,
    ExtensionDecided,
    Fact,
    FeeAgreed,
    FeeQuoted,
    Flaw,
    ForwardingDecided,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    LetterKind,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    PackageExpired,
    PackageExpiring,
    Proof,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSubmitted,
    RecipientAcknowledged,
    RecipientFailed,
    RequestClosed,
    RequestDuplicated,
    RequestForwarded,
    RequestFulfilled,
    RequestLodged,
    RequestPaused,
    RequestReceived,
    RequestReferred,
    RequestRejected,
    RequestRenewed,
    RequestResumed,
    RequestSubmitted,
    RequestWithdrawn,
    SubjectUnrestricted,
    UnreadableSubmission,
    WithdrawalLodged,
    WithdrawalSubmitted,
)
from shared.law import Right, Role
from shared.log import logger
from shared.service import on

SET_ASIDE = "set_aside"
"""Name under which a message that could not be read lies in the vault."""
CONTROLLER, LINK = "controller", "forwarding_link"
"""Names under which lie in the vault: who decides about the data, and the secret of their link."""
COMPANION = "habeas/child"
"""CloudEvents source of an opt-out that goes with the request of a child."""
LINK_BYTES = 24
LINK_LIFETIME = timedelta(days=30)
LOST_AFTER = timedelta(hours=1)
"""How long one that claims to be the first is waited for, until it is registered."""
BOUNCED = "bounced"
"""Why a letter has not arrived although a mail server had taken it."""
RENEWAL = "habeas/appeal"
"""CloudEvents source of a request that is taken up again."""
NOT_KNOWN = Flaw(path="data.request", message="no request has this id or reference")
USED_BEFORE = Flaw(path="data.reference", message="names an old request whose record is gone; choose another")


class Vault(Protocol):
    """Where personal data is sealed."""

    async def create(self, case: str) -> None:
        """Give *case* its key."""

    async def seal(self, case: str, item: str, content: bytes) -> bool:
        """Keep *content*, unless something is kept there already; return whether it is."""

    async def seal_stream(self, case: str, item: str, content: AsyncIterable[bytes]) -> int:
        """Keep something large."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good."""


class Timers(Protocol):
    """Moments that are waited for."""

    async def set(self, case: str, name: str, at: datetime) -> None:
        """Have the moment *at* told; the first one that is set under *name* counts."""


class Firsts(Protocol):
    """Who was the first to ask for something."""

    async def claim(self, wish: bytes, case: str, now: datetime) -> Claim:
        """Return whose *wish* is: that of *case*, unless another has claimed it."""

    async def pass_on(self, held: Claim, case: str, now: datetime) -> bool:
        """Make *held* the claim of *case*; return whether it is, and nobody was faster."""

    async def case(self, case: str) -> Case:
        """Return what is known of *case*."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What a handler may know and use."""

    case_id: str
    case: Case
    now: datetime
    event_id: str
    source: str
    occurred_at: datetime
    vault: Vault = field(repr=False)
    timers: Timers = field(repr=False)
    firsts: Firsts = field(repr=False)
    practice: Practice


async def register(event: RequestSubmitted, ctx: Intake) -> Sequence[Fact]:
    """
    Seal a request that an upstream system submitted, and start its clock - once.

    A reference that named a request long ago is no new request, nor is it lost: its publisher is told.
    """
    if ctx.case.status is Status.PURGED:
        return [_rejected(ctx, USED_BEFORE)]
    if ctx.case.status is not Status.UNKNOWN:
        return []
    proofs = await seal_proofs(event.proofs, ctx.vault, ctx.case_id, f"{ctx.source} {ctx.event_id}")
    sealed = await seal_request(event, ctx.vault, ctx.case_id)
    arrival = Arrival(ctx.case_id, ctx.source, ctx.occurred_at, ctx.now, proofs)
    return await _received(sealed, arrival, ctx)


async def register_lodged(event: RequestLodged, ctx: Intake) -> Sequence[Fact]:
    """Start the clock of a request that was sealed when it came in by HTTP - once."""
    if ctx.case.status is not Status.UNKNOWN:
        return []
    submitted = RequestSubmitted.model_validate_json(await ctx.vault.open(ctx.case_id, SUBMISSION))
    arrival = Arrival(
        ctx.case_id,
        event.source,
        event.occurred_at,
        ctx.now,
        event.proofs,
        attested=event.attested,
    )
    return await _received(submitted, arrival, ctx)


async def accept_proofs(event: ProofSubmitted, ctx: Intake) -> Sequence[Fact]:
    """Seal proofs of identity, for the verifier to look at."""
    if ctx.case.status is Status.UNKNOWN:
        return [_rejected(ctx, NOT_KNOWN)]
    if not ctx.case.awaits_proof:
        return [_rejected(ctx, Flaw(path="data.proofs", message=f"the request is {ctx.case.status}"))]
    return [ProofReceived(request_id=ctx.case_id, proofs=await _sealed_proofs(event, ctx))]


async def withdraw(_event: WithdrawalSubmitted, ctx: Intake) -> Sequence[Fact]:
    """Take a request back, if it is not answered yet."""
    if ctx.case.status is Status.UNKNOWN:
        return [_rejected(ctx, NOT_KNOWN)]
    if not ctx.case.withdrawable:
        return [_rejected(ctx, Flaw(path="data.request", message=f"the request is {ctx.case.status}"))]
    return [RequestWithdrawn(request_id=ctx.case_id)]


async def withdraw_lodged(_event: WithdrawalLodged, ctx: Intake) -> Sequence[Fact]:
    """
    Take back a request whose withdrawal came in by HTTP, if it is not answered meanwhile.

    Raises:
        TooEarly: The withdrawal overtook the request, which is being tried again.
    """
    if ctx.case.status is Status.UNKNOWN:
        raise TooEarly("the withdrawal came before its request")
    return [RequestWithdrawn(request_id=ctx.case_id)] if ctx.case.withdrawable else []


async def set_aside(event: UnreadableSubmission, ctx: Intake) -> Sequence[Fact]:
    """Seal a message that cannot be read, and tell its publisher what is wrong with it."""
    await ctx.vault.create(ctx.case_id)
    await ctx.vault.seal_stream(ctx.case_id, SET_ASIDE, _whole(event.body))
    rejected = RequestRejected(
        request_id=ctx.case_id,
        publisher_source=event.publisher_source,
        publisher_id=event.publisher_id,
        errors=event.flaws,
    )
    return [rejected]


async def note(_event: Fact, _ctx: Intake) -> Sequence[Fact]:
    """Remember what another service reported; the register follows from it."""
    return []


async def await_expiry(event: RequestFulfilled, ctx: Intake) -> Sequence[Fact]:
    """Remember the answer, and the day until which its package is kept."""
    await _set(waits_for_package(event), ctx)
    return []


async def await_agreement(event: FeeQuoted, ctx: Intake) -> Sequence[Fact]:
    """Remember what the answer costs, and look whether the person hears so. The clock runs on."""
    await _set(waits_for_agreement(event, ctx.now, ctx.practice), ctx)
    return []


async def agree(_event: AgreementLodged, ctx: Intake) -> Sequence[Fact]:
    """Have a request answered whose requester agrees to the fee, unless it was taken back meanwhile."""
    return [FeeAgreed(request_id=ctx.case_id)] if ctx.case.awaits_agreement else []


async def resume(event: RequestResumed, ctx: Intake) -> Sequence[Fact]:
    """
    Let the clock run again, and move the last day by as long as it stood still.

    Raises:
        TooEarly: It came before it was heard that the clock stands still.
    """
    if ctx.case.paused_since is None:
        raise TooEarly("the clock runs: that it stands still is not heard of yet")
    moved = resumed(ctx.case, event.at, ctx.practice)
    return [] if moved is None else [moved]


async def appeal(event: AppealSubmitted, ctx: Intake) -> Sequence[Fact]:
    """Take in that somebody disagrees with an answer, or with how their request is dealt with."""
    if ctx.case.received is None:
        return [_rejected(ctx, NOT_KNOWN)]
    name = f"appeal_{derived_id(f'{ctx.source} {ctx.event_id}', 0)}"
    await ctx.vault.seal(ctx.case_id, name, event.statement.encode())
    received = appealed(ctx.case, name, _appealed_at(ctx), ctx.practice)
    if received is None:
        return [_rejected(ctx, Flaw(path="data.request", message="an appeal is open already"))]
    return await _appeal_received(received, ctx)


async def appeal_lodged(event: AppealLodged, ctx: Intake) -> Sequence[Fact]:
    """
    Take in an appeal that was sealed when it came in by HTTP; a second one beside an open one is only kept.

    Raises:
        TooEarly: It overtook the request, which is being tried again.
    """
    if ctx.case.received is None:
        raise TooEarly("the appeal came before its request")
    received = appealed(ctx.case, event.statement, _appealed_at(ctx), ctx.practice)
    return [] if received is None else await _appeal_received(received, ctx)


async def decide_appeal(event: AppealDecided, ctx: Intake) -> Sequence[Fact]:
    """
    Tell what the staff has decided of an appeal; one that is granted takes the request up again.

    Law:
        Va. Code § 59.1-577(C): in writing, what is done or not done, and why.
    """
    opened = ctx.case.open_appeal
    if opened is None:
        logger().warning("no appeal is open", request_id=ctx.case_id)
        return []
    taken_up = event.granted and ctx.case.status in DECIDED  # what is not decided yet goes on as it is
    renewed = derived_id(f"renewed {ctx.case_id}", len(ctx.case.appeals)) if taken_up else None
    answered = AppealAnswered(
        request_id=ctx.case_id,
        remedy=opened.remedy,
        received_on=opened.received_on,
        granted=event.granted,
        reasons=event.reasons,
        explanation=event.explanation,
        renewed=renewed,
    )
    if renewed is None:
        return [answered]
    return [answered, RequestRenewed(request_id=renewed, follows=ctx.case_id)]


async def renew(event: RequestRenewed, ctx: Intake) -> Sequence[Fact]:
    """Register a request that is made of another one, with an id and a key of its own - once."""
    if ctx.case.status is not Status.UNKNOWN:
        return []
    first = RequestSubmitted.model_validate_json(await ctx.vault.open(event.follows, SUBMISSION))
    changes = {"received_at": None, "right": event.right or first.right}
    again = await seal_request(first.model_copy(update=changes), ctx.vault, ctx.case_id)
    source = COMPANION if event.right else RENEWAL
    arrival = Arrival(ctx.case_id, source, ctx.occurred_at, ctx.now, follows=event.follows)
    return await _received(again, arrival, ctx)


async def forward(event: ForwardingDecided, ctx: Intake) -> Sequence[Fact]:
    """
    Forward the request of an end user to the customer whom the staff has named; again if nobody was reached.

    Law:
        GDPR Art. 28(3)(e), 11 CCR § 7050(c): a processor does not answer on its own.

    Raises:
        TooEarly: The decision overtook the request.
    """
    if ctx.case.received is None:
        raise TooEarly("the forwarding came before its request")
    if not ctx.case.forwardable:
        logger().warning("nothing to forward", request_id=ctx.case_id, reason=str(ctx.case.status))
        return []
    return [await _forwarded(event.controller, ctx)]


async def note_failure(event: NoticeFailed, ctx: Intake) -> Sequence[Fact]:
    """
    Remember a letter that has not arrived; whose answer it was is owed it again, and is told of at once.

    Raises:
        TooEarly: It came back before it was heard that it was sent.

    Law:
        GDPR Art. 12(3): the information is provided to the person, so it has to arrive.
    """
    if event.reason == BOUNCED and event.letter not in ctx.case.sent:
        raise TooEarly("a letter came back before it was heard that it was sent")
    before, after, day = ctx.case, evolve(ctx.case, event), ctx.case.due_on
    if event.letter is LetterKind.EXTENSION and before.tell_by is not None:
        return _unextended(before.tell_by, ctx)
    if day is None or not after.unanswered or event.letter not in OWED or event.letter not in before.sent:
        return []
    return await _told_of(APPROACHING, day, ctx)


def _unextended(day: date, ctx: Intake) -> Sequence[Fact]:
    """Where the day is still to come, its own moment tells of it."""
    over = ctx.now >= end_of(day, ctx.practice.zone)
    return _missed(UNEXTENDED, day, ctx) if over else []


async def extend(event: ExtensionDecided, ctx: Intake) -> Sequence[Fact]:
    """
    Give an answer more time, once, as long as the law has any and the person can still be told.

    Raises:
        TooEarly: The decision overtook the request.
    """
    if ctx.case.received is None:
        raise TooEarly("the extension came before its request")
    longer = extended(ctx.case, event.reason, ctx.now, ctx.practice)
    if longer is None:
        logger().warning("extension not possible", request_id=ctx.case_id, reason=f"due on {ctx.case.due_on}")
        return []
    await _set(waits_after(longer, ctx.case, ctx.practice), ctx)
    return [longer]


async def heed_deadline(event: DeadlineCame, ctx: Intake) -> Sequence[Fact]:
    """
    Tell, loudly, that something is not done by the day that it was meant for, or by its last day.

    While the clock stands still it is looked at again every day.

    Raises:
        TooEarly: The day overtook the request, whose registration is being tried again.

    Law:
        GDPR Art. 12(3)-(4); 11 CCR § 7021(b): the answer is provided, so it counts when it is sent.
        11 CCR § 7021(a): receipt is confirmed within 10 business days.
    """
    if ctx.case.due_on is None:
        raise TooEarly("the day came before its request")
    kind = kind_of(event.name)
    if kind == UNAGREED:
        return await _unagreed(ctx)
    if kind not in DUTIES:
        return await _package_looked_at(kind, ctx)
    day = day_of(kind, ctx.case)
    if day is None or is_done(kind, ctx.case):
        return []
    later = looked_at_again(kind, ctx.case, ctx.now, ctx.practice)
    if later is None:
        return await _told_of(kind, day, ctx)
    wait = wait_for(kind, later)
    if wait.name == event.name:
        raise TooEarly("the moment came to a clock that is behind")
    await _set([wait], ctx)
    return []


async def _unagreed(ctx: Intake) -> Sequence[Fact]:
    """
    Take a request back whose requester was told of a fee and has not agreed to it in time.

    Nobody's silence counts whom the letter has not reached: somebody must look at that.

    Law:
        DPO Art. 19(3): 10 days, else the request counts as withdrawn; EDPB Guidelines 01/2022 para. 192.
    """
    if not ctx.case.awaits_agreement:
        return []
    if ctx.case.told_of_fee:
        return [RequestWithdrawn(request_id=ctx.case_id, deemed=True)]
    logger().error("fee not told", request_id=ctx.case_id, reason="the letter has not reached the person")
    await _set([wait_for(UNAGREED, ctx.now + timedelta(days=1))], ctx)
    return []


async def _package_looked_at(kind: str, ctx: Intake) -> Sequence[Fact]:
    """
    Remind of a package that nobody has fetched, and destroy it at its end.

    Law:
        GDPR Art. 5(1)(e): kept no longer than necessary.
    """
    answer = ctx.case.fulfilled
    if answer is None or answer.package is None or answer.package_expires_at is None:
        return []
    if ctx.now >= answer.package_expires_at:
        await ctx.vault.discard(ctx.case_id, [answer.package, facts_of(answer.package)])
        return [PackageExpired(request_id=ctx.case_id)]
    if kind == EXPIRED or ctx.case.downloads:
        return []
    return [PackageExpiring(request_id=ctx.case_id, expires_at=answer.package_expires_at)]


async def _told_of(kind: str, day: date, ctx: Intake) -> Sequence[Fact]:
    if kind != APPROACHING:
        return _missed(kind, day, ctx)
    logger().warning("deadline approaching", request_id=ctx.case_id, reason=f"due on {day}")
    approaching = DeadlineApproaching(request_id=ctx.case_id, due_on=day)
    end = end_of(day, ctx.practice.zone)
    if ctx.now >= end:
        return [approaching, *_missed(MISSED, day, ctx)]
    await _set([wait_for(MISSED, end)], ctx)
    return [approaching]


def _missed(kind: str, day: date, ctx: Intake) -> Sequence[Fact]:
    duty = duty_of(kind, ctx.case)
    if (duty, day) in ctx.case.missed:
        return []
    logger().error("deadline missed", request_id=ctx.case_id, reason=f"{duty}, due on {day}")
    return [DeadlineMissed(request_id=ctx.case_id, duty=duty, due_on=day)]


def _appealed_at(ctx: Intake) -> datetime:
    """A clock that goes wrong moves no last day: neither before the request, nor past now."""
    begun = ctx.case.received.received_at if ctx.case.received else ctx.now
    return max(begun, min(ctx.occurred_at, ctx.now))


async def _appeal_received(received: AppealReceived, ctx: Intake) -> Sequence[Fact]:
    await _set(waits_for_decision(received, ctx.practice), ctx)
    return [received]


async def _forwarded(controller: str, ctx: Intake) -> RequestForwarded:
    link = f"{LINK}_{derived_id(f'{ctx.source} {ctx.event_id}', 0)}"
    await ctx.vault.seal(ctx.case_id, link, token_urlsafe(LINK_BYTES).encode())
    secret = await ctx.vault.open(ctx.case_id, link)  # of two that were drawn at once, the one that is kept
    digest = sha256(secret).hexdigest()
    expires_at = ctx.now + LINK_LIFETIME
    return RequestForwarded(
        request_id=ctx.case_id, controller=controller, link=link, digest=digest, expires_at=expires_at
    )


async def _set(waits: Sequence[Wait], ctx: Intake) -> None:
    for wait in waits:
        await ctx.timers.set(ctx.case_id, wait.name, wait.at)


async def close(event: NoticeSent, ctx: Intake) -> Sequence[Fact]:
    """
    Close a case when its last letter is sent.

    Raises:
        TooEarly: The letter overtook the fact that it tells of.
    """
    if ctx.case.is_overtaken_by(event.letter):
        raise TooEarly(f"the request is {ctx.case.status}: what its last letter tells is not here yet")
    if event.letter is LetterKind.FEE_QUOTED and ctx.case.quoted is not None:
        await _set(waits_for_agreement(ctx.case.quoted, ctx.occurred_at, ctx.practice), ctx)
    if not ctx.case.is_closed_by(event.letter):
        return []
    return [RequestClosed(request_id=ctx.case_id, outcome=outcome_of(ctx.case))]


SUBSCRIPTIONS = (
    on(RequestSubmitted, register),
    on(RequestLodged, register_lodged),
    on(ProofSubmitted, accept_proofs),
    on(WithdrawalSubmitted, withdraw),
    on(WithdrawalLodged, withdraw_lodged),
    on(UnreadableSubmission, set_aside),
    on(IdentityChallenged, note),
    on(IdentityVerified, note),
    on(IdentityRefused, note),
    on(ProofRefused, note),
    on(RequestFulfilled, await_expiry),
    on(FeeQuoted, await_agreement),
    on(AgreementLodged, agree),
    on(RequestReferred, note),
    on(NoticeSent, close),
    on(NoticeFailed, note_failure),
    on(NoticeReported, note),
    on(AnswerDelivered, note),
    on(RecipientAcknowledged, note),
    on(RecipientFailed, note),
    on(IdentityReviewNeeded, note),
    on(RequestPaused, note),
    on(RequestResumed, resume),
    on(AppealSubmitted, appeal),
    on(AppealLodged, appeal_lodged),
    on(AppealDecided, decide_appeal),
    on(RequestRenewed, renew),
    on(ForwardingDecided, forward),
    on(ExtensionDecided, extend),
    on(DeadlineCame, heed_deadline),
    on(SubjectUnrestricted, note),
)


async def seal_request(request: RequestSubmitted, vault: Vault, case_id: str) -> RequestSubmitted:
    """
    Seal *request*, and return what is sealed: the first of two with one reference is the one that counts.

    Without its proofs: they are destroyed at the decision, the request is not.
    """
    await vault.create(case_id)
    bare = request.model_copy(update={"proofs": ()})
    if await vault.seal(case_id, SUBMISSION, bare.model_dump_json().encode()):
        return bare
    return RequestSubmitted.model_validate_json(await vault.open(case_id, SUBMISSION))


async def seal_proofs(
    proofs: Sequence[Proof], vault: Vault, case_id: str, cause: str
) -> tuple[ProofRef, ...]:
    """Seal *proofs* under names derived from the *cause* that brought them; return the names."""
    if proofs:
        await vault.create(case_id)
    refs = tuple(_ref(proof, f"proof_{derived_id(cause, index)}") for index, proof in enumerate(proofs))
    for proof, ref in zip(proofs, refs, strict=True):
        if isinstance(proof, Document):
            await vault.seal_stream(case_id, ref.ref, _whole(proof.content))
        else:
            await vault.seal(case_id, ref.ref, proof.model_dump_json().encode())
    return refs


def _ref(proof: Proof, name: str) -> ProofRef:
    if isinstance(proof, Document):
        return ProofRef(kind=ProofKind.DOCUMENT, ref=name, slot=proof.slot, media_type=proof.media_type)
    return ProofRef(kind=ProofKind(proof.kind), ref=name)


async def _sealed_proofs(event: ProofSubmitted, ctx: Intake) -> tuple[ProofRef, ...]:
    """An event's id is unique together with its source only: two systems may use the same one."""
    return await seal_proofs(event.proofs, ctx.vault, ctx.case_id, f"{ctx.source} {ctx.event_id}")


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _received(request: RequestSubmitted, arrival: Arrival, ctx: Intake) -> Sequence[Fact]:
    received = receive(request, arrival, ctx.practice)
    # Beside one another, so that both take one round trip; nothing comes of the moments of a duplicate.
    duplicated, _ = await asyncio.gather(
        _duplicated(request, received, ctx), _set(first_waits(received, ctx.practice), ctx)
    )
    if duplicated is not None:
        return [received.model_copy(update={"repeats": duplicated.first}), duplicated]
    if request.role is not Role.END_USER:
        return [received, *_companion(received)]
    if request.controller is None:
        return [received]
    await ctx.vault.seal(ctx.case_id, CONTROLLER, request.controller.model_dump_json().encode())
    return [received, await _forwarded(CONTROLLER, ctx)]


def _companion(received: RequestReceived) -> Iterator[Fact]:
    """
    Have the sale of a child's data stopped at once, whatever was asked: that needs no proof.

    Law:
        Cal. Civ. Code § 1798.120(c); 11 CCR §§ 7070-7072: nobody sells the data of a child without leave.
    """
    if received.child and received.follows is None and received.right is not Right.OPT_OUT_OF_SALE:
        id_ = derived_id(f"child {received.request_id}", 0)
        yield RequestRenewed(request_id=id_, follows=received.request_id, right=Right.OPT_OUT_OF_SALE)


async def _duplicated(
    request: RequestSubmitted, received: RequestReceived, ctx: Intake
) -> RequestDuplicated | None:
    """
    Return which open request is the answer to *request* as well; None where it is the first of its kind.

    Raises:
        TooEarly: Another is about to be the first.
    """
    wish = wish_of(request, received)
    if wish is None:
        return None
    held = await ctx.firsts.claim(wish, ctx.case_id, ctx.now)
    if held.case == ctx.case_id:
        return None
    case = await ctx.firsts.case(held.case)
    if case.received is None and ctx.now < held.at + LOST_AFTER:
        raise TooEarly("who asked for the same first is not registered yet")
    duplicate = duplicate_of(case, received, ctx.now.astimezone(ctx.practice.zone).date())
    if duplicate is None and not await ctx.firsts.pass_on(held, ctx.case_id, ctx.now):
        raise TooEarly("somebody else has just asked for the same")
    return duplicate


def _rejected(ctx: Intake, flaw: Flaw) -> RequestRejected:
    return RequestRejected(
        request_id=ctx.case_id, publisher_source=ctx.source, publisher_id=ctx.event_id, errors=(flaw,)
    )
