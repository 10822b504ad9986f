"""What intake does when something arrives: it registers, passes proofs on, takes back, closes, sets aside."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.intake.domain import (
    APPROACHING,
    MISSED,
    Arrival,
    Case,
    Practice,
    Status,
    begin_of,
    end_of,
    looked_at_again,
    outcome_of,
    receive,
    resumed,
)
from shared.answer import SUBMISSION
from shared.envelope import derived_id
from shared.errors import TooEarly
from shared.events import (
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    Document,
    Fact,
    Flaw,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    NoticeFailed,
    NoticeSent,
    Proof,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSubmitted,
    RecipientAcknowledged,
    RecipientFailed,
    RequestClosed,
    RequestFulfilled,
    RequestLodged,
    RequestPaused,
    RequestReferred,
    RequestRejected,
    RequestResumed,
    RequestSubmitted,
    RequestWithdrawn,
    UnreadableSubmission,
    WithdrawalLodged,
    WithdrawalSubmitted,
)
from shared.log import logger
from shared.service import on

SET_ASIDE = "set_aside"
"""Name under which a message that could not be read lies in the vault."""
NOT_KNOWN = Flaw(path="data.request", message="no request has this id or reference")


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


class Timers(Protocol):
    """Moments that are waited for."""

    async def set(self, case: str, name: str, at: datetime) -> None:
        """Have the moment *at* told; the first one that is set under *name* counts."""


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
    practice: Practice


async def register(event: RequestSubmitted, ctx: Intake) -> Sequence[Fact]:
    """Seal a request that an upstream system submitted, and start its clock - once."""
    if ctx.case.status is not Status.UNKNOWN:
        return []
    proofs = await seal_proofs(event.proofs, ctx.vault, ctx.case_id, f"{ctx.source} {ctx.event_id}")
    sealed = await seal_request(event, ctx.vault, ctx.case_id)
    return [await _received(sealed, proofs, ctx, ctx.source, ctx.occurred_at)]


async def register_lodged(event: RequestLodged, ctx: Intake) -> Sequence[Fact]:
    """Start the clock of a request that was sealed when it came in by HTTP - once."""
    if ctx.case.status is not Status.UNKNOWN:
        return []
    submitted = RequestSubmitted.model_validate_json(await ctx.vault.open(ctx.case_id, SUBMISSION))
    return [await _received(submitted, event.proofs, ctx, event.source, event.occurred_at)]


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


async def heed_deadline(event: DeadlineCame, ctx: Intake) -> Sequence[Fact]:
    """
    Tell, loudly, that a request is not answered by the day that it was meant for, or by its last day.

    While the clock stands still it is looked at again every day.

    Raises:
        TooEarly: The day overtook the request, whose registration is being tried again.

    Law:
        GDPR Art. 12(3)-(4); 11 CCR § 7021(b): the answer is provided, so it counts when it is sent.
    """
    if ctx.case.due_on is None:
        raise TooEarly("the day came before its request")
    if not ctx.case.unanswered:
        return []
    kind = APPROACHING if event.name.startswith(APPROACHING) else MISSED
    later = looked_at_again(kind, ctx.case, ctx.now, ctx.practice)
    if later is not None:
        await _wait_for(kind, later, ctx)
        return []
    if kind == APPROACHING:
        await _wait_for(MISSED, end_of(ctx.case.due_on, ctx.practice.zone), ctx)
        logger().warning("deadline approaching", request_id=ctx.case_id, reason=f"due on {ctx.case.due_on}")
        return [DeadlineApproaching(request_id=ctx.case_id, due_on=ctx.case.due_on)]
    logger().error("deadline missed", request_id=ctx.case_id, reason=f"due on {ctx.case.due_on}")
    return [DeadlineMissed(request_id=ctx.case_id, due_on=ctx.case.due_on)]


async def _wait_for(kind: str, at: datetime, ctx: Intake) -> None:
    await ctx.timers.set(ctx.case_id, f"{kind}_{at:%Y%m%d}", at)


async def close(event: NoticeSent, ctx: Intake) -> Sequence[Fact]:
    """
    Close a case when its last letter is sent.

    Raises:
        TooEarly: The letter overtook the fact that it tells of.
    """
    if ctx.case.is_overtaken_by(event.letter):
        raise TooEarly(f"the request is {ctx.case.status}: what its last letter tells is not here yet")
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
    on(RequestFulfilled, note),
    on(RequestReferred, note),
    on(NoticeSent, close),
    on(NoticeFailed, note),
    on(RecipientAcknowledged, note),
    on(RecipientFailed, note),
    on(IdentityReviewNeeded, note),
    on(RequestPaused, note),
    on(RequestResumed, resume),
    on(DeadlineCame, heed_deadline),
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


async def _received(
    request: RequestSubmitted,
    proofs: tuple[ProofRef, ...],
    ctx: Intake,
    source: str,
    occurred_at: datetime,
) -> Fact:
    received = receive(request, Arrival(ctx.case_id, source, occurred_at, ctx.now, proofs), ctx.practice)
    await ctx.timers.set(ctx.case_id, APPROACHING, begin_of(received.internal_due_on, ctx.practice.zone))
    return received


def _rejected(ctx: Intake, flaw: Flaw) -> RequestRejected:
    return RequestRejected(
        request_id=ctx.case_id, publisher_source=ctx.source, publisher_id=ctx.event_id, errors=(flaw,)
    )
