"""Which letter the notifier writes when something happens."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from services.notifier.domain import Correspondence, authority_for, identity_check
from services.notifier.facts import (
    AccessOutcome,
    Acknowledgement,
    Authority,
    Code,
    Corrected,
    Declined,
    Deed,
    Done,
    ErasureOutcome,
    Facts,
    Hindrance,
    InReview,
    Kept,
    Left,
    Lifting,
    Package,
    Part,
    ProofWanted,
    Purpose,
    Refusal,
    Reminder,
    Representative,
    Sender,
    Setback,
    Transfer,
    Wanted,
    Weighing,
    Withdrawn,
    Withheld,
)
from services.notifier.facts import Answer as AnswerOutcome
from services.notifier.letters import Letter, compose, presentable
from services.notifier.post import Posted
from services.notifier.reasons import ReasonCode
from shared.answer import SUBMISSION, Answer, DeclinedCorrection, Group, KeptGroup, WithheldGroup
from shared.errors import PermanentError, TooEarly
from shared.events import (
    Evidence,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    Requester,
    RequestFulfilled,
    RequestReceived,
    RequestSubmitted,
    RequestWithdrawn,
    RestrictionAnnounced,
    RestrictionLifting,
    SubjectRestricted,
)
from shared.law import Right
from shared.policies import policies
from shared.service import on


class Vault(Protocol):
    """Where personal data is sealed."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""

    async def holds(self, case: str, item: str) -> bool:
        """Return whether something is kept."""


class Post(Protocol):
    """The way out for letters."""

    async def send(self, letter: str, recipient: str, message: bytes) -> Posted:
        """Hand over *message*, known as *letter*."""


@dataclass(frozen=True, slots=True)
class House:
    """Who writes, and from where."""

    sender: Sender
    authority: Authority
    public_url: str

    @property
    def domain(self) -> str:
        """The domain that message ids end in."""
        return self.sender.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Notifier:
    """What a handler may know and use."""

    case_id: str
    known: Correspondence
    now: datetime
    event_id: str
    occurred_at: datetime
    vault: Vault = field(repr=False)
    post: Post = field(repr=False)
    house: House

    def request(self) -> RequestReceived:
        """
        Return the request that is written about.

        Raises:
            TooEarly: It has not been acknowledged yet: letters keep their order.
        """
        if self.known.request is None:
            raise TooEarly("a letter came before its request was acknowledged")
        return self.known.request

    def page(self) -> str:
        """Return where the person sees how the request stands."""
        return f"{self.house.public_url}/requests/{self.case_id}"

    def today(self) -> date:
        """Return the day it is where letters are written."""
        return self.now.astimezone(self.house.sender.zone).date()


async def acknowledge(event: RequestReceived, ctx: Notifier) -> Sequence[Fact]:
    """Confirm that a request has arrived and say by when it is answered."""
    facts = Acknowledgement(event.right, event.received_on, event.due_on, identity_check(event))
    return await _write(LetterKind.ACKNOWLEDGEMENT, facts, event, ctx)


async def challenge(event: IdentityChallenged, ctx: Notifier) -> Sequence[Fact]:
    """Send the code that proves who has the mailbox, or say what else can prove who asks."""
    if event.kind is None or event.ref is None:
        return await _ask(LetterKind.PROOF_WANTED, event, ctx)
    alone = not event.wanted or (Evidence.MAILBOX,) in event.wanted
    code = Code("", event.expires_at, Purpose.IDENTITY, more=not alone, representative=await _asking(ctx))
    return await _send_code(event.ref, code, ctx)


async def remind(event: IdentityReminded, ctx: Notifier) -> Sequence[Fact]:
    """Remind the person of what they were asked for."""
    return await _ask(LetterKind.REMINDER, event, ctx)


async def tell_of_review(_event: IdentityReviewNeeded, ctx: Notifier) -> Sequence[Fact]:
    """Say that somebody of the staff looks at a proof, and that there is nothing to do."""
    request = ctx.request()
    if ctx.known.settled:
        return []
    facts = InReview(right=request.right, received_on=request.received_on, url=ctx.page())
    return await _write(LetterKind.IN_REVIEW, facts, request, ctx)


async def send_package_code(event: PackageCodeIssued, ctx: Notifier) -> Sequence[Fact]:
    """Send the code that opens the package."""
    return await _send_code(event.ref, Code("", event.expires_at, Purpose.DOWNLOAD), ctx)


async def refuse(event: IdentityRefused, ctx: Notifier) -> Sequence[Fact]:
    """Say that the request is refused because it stayed unclear who asks, and what can be done."""
    return await _write(LetterKind.REFUSAL, _refusal(event.reasons, ctx), ctx.request(), ctx)


async def confirm_withdrawal(_event: RequestWithdrawn, ctx: Notifier) -> Sequence[Fact]:
    """Confirm that the request was taken back."""
    request = ctx.request()
    facts = Withdrawn(right=request.right, received_on=request.received_on, withdrawn_on=ctx.today())
    return await _write(LetterKind.WITHDRAWN, facts, request, ctx)


async def tell_outcome(event: RequestFulfilled, ctx: Notifier) -> Sequence[Fact]:
    """Tell what was found, handed over, erased and kept."""
    answer = Answer.model_validate_json(await ctx.vault.open(ctx.case_id, event.answer))
    if event.outcome is Outcome.REFUSED:
        facts: Facts = replace(
            _refusal(list(event.reasons), ctx),
            kept=tuple(map(_kept, answer.kept)),
            package=_package(event, answer, ctx),
            declined=tuple(map(_declined, answer.declined)),
            statement_kept=answer.statement_kept,
        )
    else:
        facts = _answered(event.outcome, event, answer, ctx)
    return await _write(LetterKind.OUTCOME, facts, ctx.request(), ctx)


async def note_restriction(_event: SubjectRestricted, ctx: Notifier) -> Sequence[Fact]:
    """Remember that the person must be told before this ends; tell who objects that it has begun."""
    request = ctx.request()
    if request.right is not Right.OBJECTION:
        return []
    facts = Weighing(right=request.right, received_on=request.received_on)
    return await _write(LetterKind.WEIGHING, facts, request, ctx)


async def announce_lifting(event: RestrictionLifting, ctx: Notifier) -> Sequence[Fact]:
    """
    Tell the person that the restriction is lifted; only then may it be.

    Law:
        GDPR Art. 18(3).

    Raises:
        PermanentError: Nothing is restricted, or the person was told already.
    """
    request = ctx.request()
    if not ctx.known.restricted:
        raise PermanentError(f"{ctx.case_id} restricts nothing, or the person was told already")
    facts = Lifting(
        right=request.right,
        received_on=request.received_on,
        reason=ReasonCode(event.reason),
        authority=authority_for(request.regulation, ctx.house.authority),
    )
    written = await _write(LetterKind.LIFTING, facts, request, ctx)
    if not any(isinstance(fact, NoticeSent) for fact in written):
        return written
    return [*written, RestrictionAnnounced(request_id=ctx.case_id, reason=event.reason)]


SUBSCRIPTIONS = (
    on(RequestReceived, acknowledge),
    on(IdentityChallenged, challenge),
    on(IdentityReminded, remind),
    on(IdentityReviewNeeded, tell_of_review),
    on(IdentityRefused, refuse),
    on(RequestWithdrawn, confirm_withdrawal),
    on(RequestFulfilled, tell_outcome),
    on(PackageCodeIssued, send_package_code),
    on(SubjectRestricted, note_restriction),
    on(RestrictionLifting, announce_lifting),
)


async def _send_code(ref: str, facts: Code, ctx: Notifier) -> Sequence[Fact]:
    """A code that is gone has served, or its request was withdrawn: nobody waits for it."""
    if not await ctx.vault.holds(ctx.case_id, ref):
        return []
    code = (await ctx.vault.open(ctx.case_id, ref)).decode()
    # The link fills the code in; nothing is confirmed before the person does so.
    url = f"{ctx.page()}?code={code}" if facts.purpose is Purpose.IDENTITY else ctx.page()
    return await _write(LetterKind.CODE, replace(facts, code=code, url=url), ctx.request(), ctx)


async def _ask(
    kind: LetterKind, event: IdentityChallenged | IdentityReminded, ctx: Notifier
) -> Sequence[Fact]:
    """Whoever has taken the request back, or is refused, is asked for nothing more."""
    request = ctx.request()
    if ctx.known.settled:
        return []
    wanted = Wanted(
        ways=event.wanted,
        answer_by=event.expires_at,
        url=ctx.page(),
        clock_stands=event.paused and policies().named(request.policy).stands_still_for("identity"),
        representative=await _asking(ctx),
    )
    match event:
        case IdentityChallenged():
            setback = _setback(event.refused_for)
            facts: Facts = ProofWanted(request.right, request.received_on, wanted, setback)
        case IdentityReminded():
            facts = Reminder(request.right, request.received_on, wanted)
    return await _write(kind, facts, request, ctx)


def _setback(reason: str | None) -> Setback | None:
    if reason is None:
        return None
    return Setback(reason) if reason in set(Setback) else Setback.OTHER


async def _asking(ctx: Notifier) -> Representative | None:
    """Return who asks in the person's name, if it is not the person."""
    request = ctx.request()
    if request.requester is Requester.PERSON:
        return None
    agent = (await _submitted(ctx)).agent
    name = presentable(agent.name) if agent else ""
    return Representative(request.right, name, parent=request.requester is Requester.PARENT)


async def _submitted(ctx: Notifier) -> RequestSubmitted:
    return RequestSubmitted.model_validate_json(await ctx.vault.open(ctx.case_id, SUBMISSION))


async def _write(kind: LetterKind, facts: Facts, request: RequestReceived, ctx: Notifier) -> Sequence[Fact]:
    submitted = await _submitted(ctx)
    if submitted.subject.email is None:
        return [NoticeFailed(request_id=ctx.case_id, letter=kind, reason="no_address")]
    letter = Letter(
        facts=facts,
        request_id=ctx.case_id,
        to=submitted.subject.email,
        name=submitted.subject.name or "",
        locale=submitted.locale or "en",
        regulation=request.regulation,
    )
    message_id = f"<{ctx.event_id}@{ctx.house.domain}>"
    message = compose(letter, sender=ctx.house.sender, message_id=message_id, date=ctx.occurred_at)
    posted = await ctx.post.send(ctx.event_id, letter.to, message)
    if posted is Posted.REFUSED:
        return [NoticeFailed(request_id=ctx.case_id, letter=kind, reason="mail_refused")]
    doubtful = posted is Posted.SENT_PERHAPS_TWICE
    return [NoticeSent(request_id=ctx.case_id, letter=kind, doubtful=doubtful)]


def _refusal(reasons: Sequence[str], ctx: Notifier) -> Refusal:
    request = ctx.request()
    return Refusal(
        right=request.right,
        received_on=request.received_on,
        reasons=tuple(map(ReasonCode, reasons)),
        authority=authority_for(request.regulation, ctx.house.authority),
    )


def _answered(outcome: AnswerOutcome, event: RequestFulfilled, answer: Answer, ctx: Notifier) -> Facts:
    match event.right:
        case Right.ERASURE:
            return _erasure(outcome, event, answer, ctx)
        case Right.ACCESS | Right.PORTABILITY | Right.KNOW_CATEGORIES:
            return _access(outcome, event, answer, ctx)
        case deed:
            return _done(outcome, deed, answer, ctx)


def _done(outcome: AnswerOutcome, right: Deed, answer: Answer, ctx: Notifier) -> Done:
    request = ctx.request()
    return Done(
        right=right,
        received_on=request.received_on,
        done_on=ctx.occurred_at.astimezone(ctx.house.sender.zone).date(),
        authority=authority_for(request.regulation, ctx.house.authority),
        recipients=tuple(name for name in answer.recipients if name not in answer.by_hand),
        by_hand=answer.by_hand,
        outcome=outcome,
        marked=_parts(answer.marked),
        left=tuple(Left(group.label, group.records, ReasonCode(group.reason)) for group in answer.left),
        corrected=tuple(Corrected(c.label, c.before, c.after) for c in answer.corrected),
        declined=tuple(map(_declined, answer.declined)),
        statement_kept=answer.statement_kept,
        searched=answer.searched,
    )


def _declined(item: DeclinedCorrection) -> Declined:
    return Declined(item.label, ReasonCode(item.reason))


def _access(outcome: AnswerOutcome, event: RequestFulfilled, answer: Answer, ctx: Notifier) -> AccessOutcome:
    request = ctx.request()
    return AccessOutcome(
        outcome=outcome,
        right=event.right,
        received_on=request.received_on,
        authority=authority_for(request.regulation, ctx.house.authority),
        package=_package(event, answer, ctx),
        withheld=tuple(map(_withheld, answer.withheld)),
        searched=answer.searched,
        blacked_out=tuple(Part(group.label, group.count) for group in answer.blacked_out),
        categories=answer.categories,
        transfer=_transfer(answer),
    )


def _transfer(answer: Answer) -> Transfer | None:
    if answer.transfer is None:
        return None
    return Transfer(answer.transfer.to, Hindrance(answer.transfer.reason) if answer.transfer.reason else None)


def _erasure(
    outcome: AnswerOutcome, event: RequestFulfilled, answer: Answer, ctx: Notifier
) -> ErasureOutcome:
    request = ctx.request()
    return ErasureOutcome(
        outcome=outcome,
        received_on=request.received_on,
        completed_on=ctx.occurred_at.astimezone(ctx.house.sender.zone).date(),
        certificate=ctx.case_id if event.certificate else "",
        authority=authority_for(request.regulation, ctx.house.authority),
        erased=_parts(answer.erased),
        masked=_parts(answer.masked),
        kept=tuple(map(_kept, answer.kept)),
        recipients=tuple(name for name in answer.recipients if name not in answer.by_hand),
        by_hand=answer.by_hand,
        searched=answer.searched,
        package=_package(event, answer, ctx),
    )


def _package(event: RequestFulfilled, answer: Answer, ctx: Notifier) -> Package | None:
    if event.package is None or event.package_expires_at is None:
        return None
    return Package(ctx.page(), event.package_expires_at, _parts(answer.disclosed))


def _parts(groups: Sequence[Group]) -> tuple[Part, ...]:
    return tuple(Part(group.label, group.records) for group in groups)


def _withheld(group: WithheldGroup) -> Withheld:
    return Withheld(group.label, ReasonCode(group.reason), group.citation)


def _kept(group: KeptGroup) -> Kept:
    return Kept(
        group.label, group.records, ReasonCode(group.reason), group.citation, group.until, group.first
    )
