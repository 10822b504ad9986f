"""The state of a request in fulfillment, and the outcome of its records. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.fulfillment.changes.change import Change
from services.fulfillment.domain import NOT_CHANGEABLE, OUT_OF_SCOPE
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, Steps, alike, runs_of
from services.fulfillment.search.identities import Identities
from shared.contract.answer import Answer
from shared.contract.events import (
    AliasConfirmed,
    AliasProven,
    Assurance,
    ChangePlanned,
    Code,
    CorrectionApproved,
    DisclosureDue,
    DisclosureScheduled,
    DropListed,
    ErasureApproved,
    ErasureDue,
    ErasureGroundDecided,
    ErasurePlanned,
    ErasureRetried,
    ErasureScheduled,
    Fact,
    FeeAgreed,
    FeeDecided,
    FeeQuoted,
    HoldEnded,
    HoldLifted,
    HoldPlaced,
    IdentityClaimed,
    IdentityCompared,
    IdentityVerified,
    MailboxNamed,
    OfferedAliases,
    Outcome,
    PackageReviewed,
    PackageReviewNeeded,
    PreviewAsked,
    PreviewDrafted,
    PurgeApproved,
    PurgeProposed,
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientNotified,
    RecipientRetried,
    ReferralDecided,
    RequestFulfilled,
    RequestReferred,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
    RestrictionAnnounced,
    ScopeAnswered,
    ScopeAsked,
    SubjectConsentWithdrawn,
    SubjectErased,
    SubjectObjected,
    SubjectOptedOut,
    SubjectRectified,
    SubjectRestricted,
    SubjectUnrestricted,
    TransferOrdered,
    ValuesReleased,
)
from shared.errors import IllegalTransition
from shared.law import Right, opens_categories
from shared.law.library import policies
from shared.vocabulary import ReferralReason

MOST_ROUNDS = 3
"""Most new plans of an erasure because of new records of the person."""

DISCLOSING = frozenset({Right.ACCESS, Right.PORTABILITY, Right.KNOW_CATEGORIES})
CHANGING = frozenset({
    Right.RECTIFICATION, Right.RESTRICTION, Right.OBJECTION, Right.CONSENT_WITHDRAWAL,
    Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE,
})  # fmt: skip
"""Rights that are answered by marks or corrections."""


class FulfillmentStatus(StrEnum):
    """The state of the fulfillment of a request."""

    UNDECIDED = "undecided"
    QUOTED = "quoted"
    """The answer costs a fee, and the person has not agreed yet: nothing is done."""
    WITHDRAWN = "withdrawn"
    AWAITING_APPROVAL = "awaiting_approval"
    """An erasure is planned and waits for a second person."""
    AWAITING_FURTHER_APPROVAL = "awaiting_further_approval"
    """An erasure has started, and newly found records wait for a second person."""
    AWAITING_WINDOW = "awaiting_window"
    """An erasure is planned and, if necessary, approved; it waits for the end of its window."""
    EXECUTING = "executing"
    """An erasure or a change is running, and may have written already."""
    DISCLOSURE_SCHEDULED = "disclosure_scheduled"
    """The owners of other mailboxes, or the person, are notified; the answer waits for its window to end."""
    AWAITING_REVIEW = "awaiting_review"
    """The records are found, and the staff reviews the package before anything is disclosed."""
    TRANSFERRING = "transferring"
    """A package is ready and is sent to another controller first."""
    FULFILLED = "fulfilled"
    REFERRED = "referred"


SUBJECT_FACTS: tuple[type[Fact], ...] = (
    SubjectRectified, SubjectRestricted, SubjectOptedOut, SubjectObjected, SubjectConsentWithdrawn,
    RestrictionAnnounced, SubjectUnrestricted,
)  # fmt: skip
"""Facts for the recipients of data besides an erasure, and the end of a restriction."""

RECIPIENT_FACTS: tuple[type[Fact], ...] = (
    RecipientConcerned, RecipientNotified, RecipientAcknowledged, RecipientFailed,
)  # fmt: skip
"""The notifications of the recipients of data; they are independent of the request's state."""

HELD: frozenset[type[Fact]] = frozenset({
    AliasProven, IdentityVerified, FeeAgreed, ErasurePlanned, ErasureApproved, ErasureDue, ErasureRetried,
    ChangePlanned, DisclosureDue, ScopeAnswered, TransferOrdered,
})  # fmt: skip
"""Events that lead to a disclosure, an erasure or a change: they are held while a request is stopped."""

NOT_BEGUN = frozenset({
    FulfillmentStatus.UNDECIDED, FulfillmentStatus.DISCLOSURE_SCHEDULED, FulfillmentStatus.AWAITING_REVIEW,
    FulfillmentStatus.AWAITING_APPROVAL, FulfillmentStatus.AWAITING_WINDOW,
})  # fmt: skip
"""Statuses in which nothing is disclosed, erased or changed yet: the staff can answer instead."""

_LATE: tuple[type[Fact], ...] = (DisclosureScheduled, DisclosureDue)
"""Events of the window before a disclosure, which may be delivered again after its end."""
_STAYS: Mapping[FulfillmentStatus, tuple[type[Fact], ...]] = {
    FulfillmentStatus.UNDECIDED: (
        DropListed, IdentityCompared, IdentityVerified, MailboxNamed, PurgeApproved, PurgeProposed,
        *RECIPIENT_FACTS,
    ),
    FulfillmentStatus.DISCLOSURE_SCHEDULED: (DisclosureScheduled, SubjectConsentWithdrawn, *RECIPIENT_FACTS),
    FulfillmentStatus.QUOTED: _LATE,
    FulfillmentStatus.AWAITING_REVIEW: (
        DisclosureDue, IdentityVerified, MailboxNamed, PackageReviewed, PackageReviewNeeded,
    ),
    FulfillmentStatus.TRANSFERRING: (TransferOrdered, *_LATE),
    # A withdrawn objection has restricted the data until then.
    FulfillmentStatus.WITHDRAWN: (
        AliasProven, IdentityVerified, TransferOrdered, FeeAgreed, RequestWithdrawn,
        ErasurePlanned, ErasureApproved, ErasureScheduled, ErasureDue, ChangePlanned, MailboxNamed,
        RequestReferred, *SUBJECT_FACTS, *RECIPIENT_FACTS, *_LATE,
    ),
    FulfillmentStatus.AWAITING_APPROVAL: (ErasurePlanned,),
    FulfillmentStatus.AWAITING_WINDOW: (ErasurePlanned, ErasureApproved, ErasureScheduled),
    # The records erased before must be certified: a withdrawal that comes now is too late.
    FulfillmentStatus.AWAITING_FURTHER_APPROVAL: (
        ErasurePlanned, ErasureScheduled, ErasureDue, ErasureRetried, RequestWithdrawn, *RECIPIENT_FACTS,
    ),
    # A planned erasure may have started, and a crash in it leaves no trace: a withdrawal is now too late, for
    # everything that was erased must be certified. Records left by it may be retried while recipients are
    # still being notified.
    FulfillmentStatus.EXECUTING: (
        ErasurePlanned, ErasureApproved, ErasureDue, ErasureRetried, ChangePlanned, MailboxNamed,
        RequestWithdrawn, *RECIPIENT_FACTS,
    ),
    # The answer stands; a withdrawal ends the window of a confirmed alias. Records that an erasure has left
    # are planned and reported again.
    FulfillmentStatus.FULFILLED: (
        AliasConfirmed, AliasProven, MailboxNamed, PackageReviewed, PackageReviewNeeded, RequestFulfilled,
        RequestWithdrawn, SubjectErased,
        ValuesReleased, ErasureApproved, ErasureScheduled, ErasureDue, ErasureRetried,
        *SUBJECT_FACTS, *RECIPIENT_FACTS, *_LATE,
    ),
    FulfillmentStatus.REFERRED: (
        AliasProven, CorrectionApproved, MailboxNamed, RequestReferred, FeeQuoted, FeeAgreed,
        *SUBJECT_FACTS, *RECIPIENT_FACTS, *_LATE,
    ),
}  # fmt: skip
"""Facts that leave a status as it is, besides those that can come in every status."""
_MOVES: Mapping[FulfillmentStatus, Mapping[type[Fact], FulfillmentStatus]] = {
    FulfillmentStatus.UNDECIDED: {
        DisclosureScheduled: FulfillmentStatus.DISCLOSURE_SCHEDULED,
        FeeQuoted: FulfillmentStatus.QUOTED,
        ErasurePlanned: FulfillmentStatus.EXECUTING,
        ChangePlanned: FulfillmentStatus.EXECUTING,
        TransferOrdered: FulfillmentStatus.TRANSFERRING,
        PackageReviewNeeded: FulfillmentStatus.AWAITING_REVIEW,
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        RequestReferred: FulfillmentStatus.REFERRED,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    # Nothing is disclosed before the release: until then a withdrawal stops it. A search by then may find
    # other mailboxes, or nothing.
    FulfillmentStatus.AWAITING_REVIEW: {
        DisclosureScheduled: FulfillmentStatus.DISCLOSURE_SCHEDULED,
        FeeQuoted: FulfillmentStatus.QUOTED,
        ErasurePlanned: FulfillmentStatus.EXECUTING,
        TransferOrdered: FulfillmentStatus.TRANSFERRING,
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        RequestReferred: FulfillmentStatus.REFERRED,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    # Nothing is disclosed before the end of the window: until then a withdrawal stops it.
    FulfillmentStatus.DISCLOSURE_SCHEDULED: {
        DisclosureDue: FulfillmentStatus.UNDECIDED,
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    # There is no answer from here: a fee without agreement is not charged.
    FulfillmentStatus.QUOTED: {
        FeeAgreed: FulfillmentStatus.UNDECIDED,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    # An act that had begun when the request was withdrawn is finished and reported.
    FulfillmentStatus.WITHDRAWN: {RequestFulfilled: FulfillmentStatus.FULFILLED},
    # Until it is sent to the other controller, the person can withdraw.
    FulfillmentStatus.TRANSFERRING: {
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    # Nothing is written before a second person approves, or before the end of the window: until then a
    # withdrawal stops it.
    FulfillmentStatus.AWAITING_APPROVAL: {
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        ErasureApproved: FulfillmentStatus.EXECUTING,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    FulfillmentStatus.AWAITING_WINDOW: {
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        ErasureDue: FulfillmentStatus.EXECUTING,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
    FulfillmentStatus.AWAITING_FURTHER_APPROVAL: {ErasureApproved: FulfillmentStatus.EXECUTING},
    FulfillmentStatus.EXECUTING: {
        ErasureScheduled: FulfillmentStatus.AWAITING_WINDOW,
        DisclosureScheduled: FulfillmentStatus.DISCLOSURE_SCHEDULED,
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        RequestReferred: FulfillmentStatus.REFERRED,
    },
    FulfillmentStatus.FULFILLED: {ErasurePlanned: FulfillmentStatus.EXECUTING},
    FulfillmentStatus.REFERRED: {
        ChangePlanned: FulfillmentStatus.EXECUTING,
        ErasurePlanned: FulfillmentStatus.EXECUTING,
        PackageReviewNeeded: FulfillmentStatus.AWAITING_REVIEW,
        RequestFulfilled: FulfillmentStatus.FULFILLED,
        RequestWithdrawn: FulfillmentStatus.WITHDRAWN,
    },
}
_ALWAYS: tuple[type[Fact], ...] = (
    IdentityClaimed, FeeDecided, ScopeAsked, ScopeAnswered, ErasureGroundDecided, ReferralDecided,
    HoldPlaced, HoldLifted, HoldEnded, RecipientRetried,
)  # fmt: skip
TRANSITIONS: Mapping[FulfillmentStatus, Mapping[type[Fact], FulfillmentStatus]] = {
    status: {**dict.fromkeys((*_ALWAYS, *stays), status), **_MOVES.get(status, {})}
    for status, stays in _STAYS.items()
}
"""Status → fact → status. Any other fact is an :class:`IllegalTransition`."""


@dataclass(frozen=True, slots=True)
class FulfillmentCase:
    """The state of a request in fulfillment."""

    status: FulfillmentStatus = FulfillmentStatus.UNDECIDED
    plans: tuple[Code, ...] = ()
    """Vault names of the plans of its erasure, one per round."""
    verified: IdentityVerified | None = None
    """The proof that the requester is the data subject."""
    decided: FeeDecided | None = None
    """The fee that the staff decided; quoted only after the verification."""
    quoted: FeeQuoted | None = None
    """The fee that was quoted; the person has agreed to it if anything was done since."""
    awaits_scope: bool = False
    """Whether the person is asked which data the request means: nothing is disclosed before the answer."""
    scope: Code | None = None
    """Vault name of the data that the person named then."""
    planned: ErasurePlanned | None = None
    """The newest plan."""
    erasure_window: ErasureScheduled | None = None
    """The start of the erasure, if it had to wait."""
    disclosure_window: DisclosureScheduled | None = None
    """The time of the disclosure, if it had to wait."""
    mailboxes: tuple[Code, ...] = ()
    """Vault names of the other mailboxes that were notified."""
    rounds: int = 0
    """Plans since the last answer."""
    fulfilled: RequestFulfilled | None = None
    """The last answer."""
    answers: int = 0
    """Answers so far."""
    approved_by: tuple[Code, ...] = ()
    """Staff accounts that approved the erasure, or one of its rounds."""
    approvals: frozenset[Code] = frozenset()
    """Those that approved the plan that waits."""
    change: Code = ""
    """Vault name of the plan of its marks or corrections."""
    transfer: bool = False
    """Whether its package was to be sent to another controller."""
    referred: RequestReferred | None = None
    """Why it was referred to the staff."""
    corrections_approved: tuple[Code, ...] = ()
    """Staff accounts that approved the correction of an identity."""
    answers_proposed: tuple[ReferralDecided, ...] = ()
    """The last decision of each staff account that ends it; where two must decide, the first one proposes."""
    purges_approved: tuple[PurgeApproved, ...] = ()
    """Approvals of a purge by staff accounts."""
    grounds_decided: tuple[ErasureGroundDecided, ...] = ()
    """The last decision of each staff account on a ground of the erasure."""
    offered: tuple[OfferedAliases, ...] = ()
    """Aliases in the records that are not verified."""
    confirmations: tuple[AliasConfirmed, ...] = ()
    """Decisions of the staff that some of them are the person's."""
    aliases_proven: tuple[tuple[Code, int], ...] = ()
    """Name and number of the aliases that a code has proven."""
    values_released_by: tuple[Code, ...] = ()
    """Staff accounts that released the masked values of its answer."""
    review: PackageReviewNeeded | None = None
    """The package that waits for a review of the staff."""
    reviews: tuple[PackageReviewed, ...] = ()
    """The last review of it by each staff account."""
    alias_window: ErasureScheduled | None = None
    """The time of the erasure for a confirmed alias; the last of several windows counts."""
    notices: tuple[RecipientConcerned, ...] = ()
    """Notices that no recipient has acknowledged yet."""
    failed_notices: frozenset[Code] = frozenset()
    """Those of them that could not be sent."""
    stopped: bool = False
    """Whether nothing may be disclosed, erased or changed until the staff decides."""
    releases: int = 0
    """How often it was released after a stop."""
    held: tuple[Fact, ...] = ()
    """Events that came while it was stopped and were not handled yet."""

    def confirmations_of(self, alias: AliasConfirmed) -> frozenset[Code]:
        """Return the staff accounts that confirmed the same alias as *alias* does."""
        same = (alias.aliases, alias.number)
        return frozenset(each.by for each in self.confirmations if (each.aliases, each.number) == same)

    def proposers_of(self, answer: ReferralDecided) -> frozenset[Code]:
        """Return the staff accounts that decided on the same answer as *answer* since the last referral."""
        same = answer.content
        return frozenset(each.by for each in self.answers_proposed if each.content == same)

    def confirmed(self, *, two: bool) -> tuple[tuple[Code, int], ...]:
        """Return name and number of each alias that is proven, or confirmed (with *two*: by two accounts)."""
        enough = [each for each in self.confirmations if len(self.confirmations_of(each)) > two]
        return tuple(dict.fromkeys((*self.aliases_proven, *((each.aliases, each.number) for each in enough))))

    def values_released(self, *, two: bool) -> bool:
        """Return whether the staff (with *two*: two accounts) released the masked values of the answer."""
        return len(set(self.values_released_by)) > two

    def released_review(self, *, two: bool) -> PackageReviewed | None:
        """Return the last review of the package that an account (with *two*: two) gave; None: it waits."""
        for last in reversed(self.reviews):
            if len({one.by for one in self.reviews if one.content == last.content}) > two:
                return last
        return None

    def reviewers(self, *, two: bool) -> tuple[Code, ...]:
        """Return the staff accounts that released the package; none if it needed no review."""
        released = self.released_review(two=two)
        return tuple(one.by for one in self.reviews if released and one.content == released.content)

    def offers(self, alias: AliasConfirmed | AliasProven) -> bool:
        """Return whether *alias* is one that an answer has offered."""
        sizes = {offer.ref: len(offer.identities) for offer in self.offered}
        return alias.number <= sizes.get(alias.aliases, 0)

    def ground_decision(self, *, two: bool) -> ErasureGroundDecided | None:
        """Return the last decision on the ground of the erasure that an account (with *two*: two) made."""
        for last in reversed(self.grounds_decided):
            if len({one.by for one in self.grounds_decided if one.ground is last.ground}) > two:
                return last
        return None

    def may_approve(self, account: Code) -> bool:
        """Return whether *account* has not decided that the requester, or an alias, is the person."""
        deciders = self.verified.deciders if self.verified else ()
        return account not in (*deciders, *(each.by for each in self.confirmations))

    @property
    def approvers(self) -> int:
        """How many accounts have to approve the last plan of the erasure."""
        return self.planned.approvers if self.planned is not None and self.planned.approval else 0

    def approved_with(self, account: Code) -> bool:
        """Return whether the approval of *account* is the last one that the erasure waits for."""
        return len(self.approvals | {account}) >= self.approvers

    @property
    def awaits_correction(self) -> bool:
        """Whether a correction of an identity waits for the staff."""
        reason = self.referred.reason if self.referred else None
        return self.status is FulfillmentStatus.REFERRED and reason == ReferralReason.IDENTITY_CHANGE

    @property
    def later_round(self) -> bool:
        """Whether an erasure is planned of records that were found after an earlier round."""
        return self.rounds > 1 or self.fulfilled is not None

    @property
    def may_act(self) -> bool:
        """Whether an erasure, a change or a transfer was ordered, which may have begun."""
        return self.planned is not None or bool(self.change) or self.transfer

    @property
    def withdrawn(self) -> bool:
        """Whether the request is withdrawn."""
        return self.status is FulfillmentStatus.WITHDRAWN


def evolve(known: FulfillmentCase, fact: Fact) -> FulfillmentCase:
    """
    Return *known* after *fact*; an approval by an account that decided the identity does not count.

    Raises:
        IllegalTransition: *fact* cannot happen in this status.
    """
    if isinstance(fact, RequestStopped):
        return replace(known, stopped=True)
    if isinstance(fact, PreviewAsked | PreviewDrafted):
        return known
    if isinstance(fact, RequestReleased):
        return replace(known, stopped=False, held=(), releases=known.releases + 1)
    if known.withdrawn and isinstance(fact, RequestFulfilled) and not known.may_act:
        raise IllegalTransition("a request that was withdrawn before anything began has no answer")
    try:
        status = TRANSITIONS[known.status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a request that is {known.status}") from None
    if isinstance(fact, ErasureApproved) and not known.may_approve(fact.by):
        return known
    if isinstance(fact, ErasureApproved) and not known.approved_with(fact.by):
        return _decision_noted(known, fact)
    if isinstance(fact, RequestWithdrawn):
        status = _withdrawn_status(known, status)
        if status is FulfillmentStatus.FULFILLED:
            known = replace(known, alias_window=None, disclosure_window=None)
    held = (fact,) if known.stopped and type(fact) in HELD else ()
    return _noted(replace(known, held=(*known.held, *held)), status, fact)


def _withdrawn_status(known: FulfillmentCase, status: FulfillmentStatus) -> FulfillmentStatus:
    if known.status is FulfillmentStatus.EXECUTING and not known.later_round and known.held:
        # A first erasure or change is planned, and did not start because the request is stopped.
        return FulfillmentStatus.WITHDRAWN
    if known.status is FulfillmentStatus.AWAITING_WINDOW and known.later_round:
        return FulfillmentStatus.FULFILLED if known.fulfilled else FulfillmentStatus.EXECUTING
    return status


def _noted(known: FulfillmentCase, status: FulfillmentStatus, fact: Fact) -> FulfillmentCase:
    if isinstance(fact, ErasurePlanned):
        return _planned(known, status, fact)
    if isinstance(fact, ErasureScheduled | DisclosureScheduled):
        return _scheduled(known, status, fact)
    known = replace(known, status=status)
    match fact:
        case IdentityVerified():
            return replace(known, verified=fact)
        case FeeDecided():
            return replace(known, decided=fact)
        case FeeQuoted():
            return replace(known, quoted=fact)
        case ChangePlanned():
            return replace(known, change=fact.plan)
        case MailboxNamed():
            return replace(known, mailboxes=(*known.mailboxes, fact.ref))
        case RequestFulfilled():
            # An ended correction offers no mailbox: its proof would open records, and no copy was asked for.
            offers = () if fact.right in CHANGING else _offered(known, fact)
            known = replace(known, fulfilled=fact, answers=known.answers + 1, rounds=0, offered=offers)
            return replace(known, review=None, reviews=())
        case RequestReferred():
            return replace(known, referred=fact, offered=_offered(known, fact), answers_proposed=())
        case _:
            return _decision_noted(known, fact)


def _decision_noted(known: FulfillmentCase, fact: Fact) -> FulfillmentCase:
    match fact:
        case ErasureApproved() if len(known.approvals) < known.approvers:
            approvals = known.approvals | {fact.by}
            return replace(known, approved_by=(*known.approved_by, fact.by), approvals=approvals)
        case ErasureGroundDecided():
            kept = (each for each in known.grounds_decided if each.by != fact.by)
            return replace(known, grounds_decided=(*kept, fact))
        case CorrectionApproved():
            return replace(known, corrections_approved=(*known.corrections_approved, fact.by))
        case ReferralDecided():
            others = (each for each in known.answers_proposed if each.by != fact.by)
            return replace(known, answers_proposed=(*others, fact))
        case PurgeApproved():
            return replace(known, purges_approved=(*known.purges_approved, fact))
        case ValuesReleased():
            return replace(known, values_released_by=(*known.values_released_by, fact.by))
        case PackageReviewed():
            rest = (each for each in known.reviews if each.by != fact.by)
            return replace(known, reviews=(*rest, fact))
        case AliasConfirmed():
            return replace(known, confirmations=(*known.confirmations, fact))
        case AliasProven() if known.offers(fact):
            return replace(known, aliases_proven=(*known.aliases_proven, (fact.aliases, fact.number)))
        case _:
            return _scope_noted(known, fact)


def _scope_noted(known: FulfillmentCase, fact: Fact) -> FulfillmentCase:
    match fact:
        case RecipientConcerned() | RecipientNotified() | RecipientAcknowledged() | RecipientFailed():
            return _notice_noted(known, fact)
        case PackageReviewNeeded():
            return replace(known, review=fact, reviews=())
        case TransferOrdered():
            return replace(known, transfer=True)
        case ScopeAsked():
            return replace(known, awaits_scope=True)
        case ScopeAnswered():
            return replace(known, awaits_scope=False, scope=fact.scope)
        case _:
            return known


def _notice_noted(
    known: FulfillmentCase,
    fact: RecipientConcerned | RecipientNotified | RecipientAcknowledged | RecipientFailed,
) -> FulfillmentCase:
    others = tuple(one for one in known.notices if one.notice != fact.notice)
    left = known.failed_notices - {fact.notice}
    match fact:
        case RecipientFailed():
            return replace(known, failed_notices=left | {fact.notice})
        case RecipientConcerned():
            return replace(known, notices=(*others, fact), failed_notices=left)
        case _:
            return replace(known, notices=others, failed_notices=left)


def _offered(
    known: FulfillmentCase, fact: RequestFulfilled | ErasurePlanned | RequestReferred
) -> tuple[OfferedAliases, ...]:
    return known.offered if fact.aliases is None else tuple(dict.fromkeys((*known.offered, fact.aliases)))


def _planned(known: FulfillmentCase, status: FulfillmentStatus, fact: ErasurePlanned) -> FulfillmentCase:
    """Return *known* after *fact*; the redelivery of a plan changes nothing."""
    if fact.plan in known.plans:
        return known
    return replace(
        known,
        status=_PROPOSED.get(known.status, status) if fact.approval else status,
        plans=(*known.plans, fact.plan),
        planned=fact,
        rounds=known.rounds + 1,
        approvals=frozenset(),
        offered=_offered(known, fact),
        review=None,
        reviews=(),
    )


def _scheduled(
    known: FulfillmentCase, status: FulfillmentStatus, fact: ErasureScheduled | DisclosureScheduled
) -> FulfillmentCase:
    """Return *known* after *fact*: the last of several windows counts, and a redelivery changes nothing."""
    of_erasure = "alias_window" if known.status is FulfillmentStatus.FULFILLED else "erasure_window"
    name = of_erasure if isinstance(fact, ErasureScheduled) else "disclosure_window"
    before = getattr(known, name)
    changes: dict[str, Any] = {"status": status, name: fact}
    return replace(known, **changes) if before is None or before.at < fact.at else known


_PROPOSED = {
    FulfillmentStatus.UNDECIDED: FulfillmentStatus.AWAITING_APPROVAL,
    FulfillmentStatus.AWAITING_REVIEW: FulfillmentStatus.AWAITING_APPROVAL,
    FulfillmentStatus.REFERRED: FulfillmentStatus.AWAITING_APPROVAL,
    FulfillmentStatus.EXECUTING: FulfillmentStatus.AWAITING_FURTHER_APPROVAL,
    FulfillmentStatus.FULFILLED: FulfillmentStatus.AWAITING_FURTHER_APPROVAL,
}
"""Status after a plan that must be approved, by the status before."""


def united(plans: Sequence[RecordPlan]) -> RecordPlan:
    """
    Return one plan with the last step of *plans* for every record.

    A later plan without a change to a record does not replace an earlier change: that is still verified.
    """
    if len(plans) == 1:
        return plans[0]
    return replace(
        plans[0],
        steps=Steps(runs_of(_newest(plans))),
        order=_order_of(plans),
        identities=_together([each.identities for each in plans]),
        aliases=_together([each.aliases for each in plans]),
        verified=_together([each.verified for each in plans]),
        unconfirmed=plans[-1].unconfirmed,
    )


def _together(several: Sequence[Identities]) -> dict[str, tuple[str, ...]]:
    """Return the spellings of all of *several*; later plans may have more than the first."""
    names = dict.fromkeys(name for each in several for name in each)
    return {name: tuple(dict.fromkeys(s for e in several for s in e.get(name, ()))) for name in names}


def _newest(plans: Sequence[RecordPlan]) -> Iterator[RecordStep]:
    """Yield the newest step for every record. Later plans contain few: the records left by the first."""
    later = {step.record: step for decided in plans[1:] for step in decided.steps}
    for step in plans[0].steps:
        newer = later.pop(step.record, step) if later else step
        untouched = newer.disposition is Disposition.UNCHANGED or newer.unchangeable
        yield step if step.changes and untouched and not newer.changes else newer
    yield from later.values()


def _order_of(plans: Sequence[RecordPlan]) -> tuple[tuple[str, ...], ...]:
    """Return the order of the first of *plans*, followed by the further collections of later ones."""
    order = list(plans[0].order)
    for decided in plans[1:]:
        known = {key for group in order for key in group}
        order += [rest for group in decided.order if (rest := tuple(k for k in group if k not in known))]
    return tuple(order)


def needs_approval(plan: RecordPlan, above: int | None) -> bool:
    """Return whether *plan* changes more than *above* records, so that a second person must approve it."""
    return above is not None and plan.changes > above


def needs_approval_again(plan: RecordPlan, approved: Sequence[RecordPlan], above: int | None) -> bool:
    """
    Return whether a second person must approve *plan*, for newly found records, after the plans *approved*.

    *above* is the limit of records of the whole erasure without approval; None: any number.
    """
    if above is None:
        return False
    changing = {(step.record, step.deleted) for step in plan.steps if step.changes}
    fresh = set(changing)
    for decided in approved if changing else ():
        # The last of many rounds may be about a handful of a million records.
        fresh.difference_update((step.record, step.deleted) for step in decided.steps if step.changes)
    return bool(fresh) and needs_approval(united([*approved, plan]), above)


def answerable(event: IdentityVerified) -> Right:
    """
    Return the right that is answered: the exercised one, or as much of it as the proof is enough for.

    Law:
        11 CCR § 7062(c): specific pieces of information need a reasonably high degree of certainty;
        § 7024(a): without it, the request is answered like one for the categories, which need a reasonable
        degree (§ 7062(b)).
    """
    less = event.assurance is Assurance.REASONABLE
    if less and opens_categories(map(policies().named, event.laws), event.right):
        return Right.KNOW_CATEGORIES
    return event.right


def outcome_of_disclosure(answer: Answer) -> Outcome:
    """
    Return the outcome of the disclosure of a package.

    Law:
        GDPR Art. 12(4), 15(4): data that is withheld is a refusal in part. 11 CCR § 7024(d): so are values
        that no answer may disclose. Masked values are not handed over in full before they are released.
    """
    return Outcome.PARTLY_GRANTED if answer.withheld else Outcome.GRANTED


def outcome_of_erasure(plan: RecordPlan, *, mentions: int = 0) -> Outcome:
    """
    Return the outcome of an erasure by *plan*, where *mentions* records of others still name the person.

    A record that a store refused to erase is neither granted nor refused: it stays due.

    Law:
        GDPR Art. 17(3), 12(4): a record that stays is a refusal in part; if all stay, as a whole.
    """
    counts = plan.counts()
    unchangeable = plan.reasons().get(NOT_CHANGEABLE, 0)
    if counts.get(Disposition.LEFT, 0) > unchangeable:
        return Outcome.PARTLY_GRANTED
    kept = counts.get(Disposition.RETAINED, 0) + unchangeable
    if not kept:
        partly = mentions > 0 or any(step.left for step, _ in alike(plan.steps))
        return Outcome.PARTLY_GRANTED if partly else Outcome.GRANTED
    outside = plan.reasons().get(OUT_OF_SCOPE, 0)
    return Outcome.REFUSED if kept == len(plan.steps) - outside else Outcome.PARTLY_GRANTED


def outcome_of_change(done: Change) -> Outcome:
    """Return the outcome of marks and corrections; one not made is a refusal in part (GDPR Art. 12(4))."""
    if not done.done:
        return Outcome.REFUSED
    return Outcome.GRANTED if done.whole else Outcome.PARTLY_GRANTED
