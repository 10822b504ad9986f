"""Parts of one case over the API: its proofs, the proposed answer, the review of its package, permissions."""

from collections.abc import Sequence
from datetime import datetime

from services.console.api.answers import (
    CaseAnswer,
    ConsoleAnswer,
    OfferAnswer,
    ParkedAnswer,
    TimelineAnswer,
    UnreachedPartAnswer,
)
from services.console.decisions.forms import CaseView
from services.console.decisions.offers import proposal_on
from services.console.state import WaitKind
from services.console.system.parked_messages import ParkedMessage
from services.console.system.reports import UnreachedPart
from shared.contract.events import (
    IdentityReviewNeeded,
    PackageReviewed,
    PackageReviewNeeded,
    PermissionGranted,
    PermissionRevoked,
    ProofExamined,
)
from shared.vocabulary import Assurance, Evidence, Outcome, RefusalGround


class ExaminedAnswer(ConsoleAnswer):
    """A proof that a machine has examined."""

    slot: str | None
    verdict: str
    reasons: Sequence[str]


class IdentityAnswer(ConsoleAnswer):
    """The proofs of a person that the staff was asked to review."""

    level: Assurance | None
    """The level of assurance that the request needs; null if an earlier release asked for the review."""
    because: Sequence[str]
    """Why it needs that level."""
    held: Sequence[Evidence]
    """The evidence that has convinced."""
    review: Sequence[str]
    """Why the staff must look."""
    examined: Sequence[ExaminedAnswer]

    @classmethod
    def of(cls, view: CaseView) -> "IdentityAnswer | None":
        """Return the proofs of a case; None if the staff was never asked to review one."""
        asked = view.last(IdentityReviewNeeded)
        if asked is None:
            return None
        examined = [
            ExaminedAnswer(slot=one.proof.slot, verdict=one.verdict.value, reasons=one.reasons)
            for one in view.all(ProofExamined)
        ]
        return cls(
            level=asked.level,
            because=asked.grounds,
            held=asked.held,
            review=asked.reasons,
            examined=examined,
        )


class ProposedAnswer(ConsoleAnswer):
    """An answer that an account has proposed, and another one has to give as well."""

    by: str
    outcome: Outcome
    grounds: Sequence[RefusalGround]
    explanation: str | None
    """Name of the sealed text to the person."""
    package: str | None
    """Name of the sealed files for the person."""


class ReviewedAnswer(ConsoleAnswer):
    """A review of a package by an account."""

    by: str
    redactions: str | None
    """Name of the sealed list of withheld values; null if none is withheld."""


class ReviewAnswer(ConsoleAnswer):
    """A package that waits for a review."""

    listing: str
    right: str
    records: int
    renewed: bool
    """Whether the records have changed since an earlier review."""
    reviews: Sequence[ReviewedAnswer]

    @classmethod
    def of(cls, view: CaseView) -> "ReviewAnswer | None":
        """Return the package of a case; None if none waits for a review."""
        waits = view.last(PackageReviewNeeded) if view.waits_for(WaitKind.PACKAGE) else None
        if waits is None:
            return None
        made = [one for one in view.all(PackageReviewed) if one.listing == waits.listing]
        reviews = [ReviewedAnswer.model_validate(one) for one in made]
        known = waits.model_dump(include={"listing", "right", "records", "renewed"})
        return cls(**known, reviews=reviews)


class PermissionAnswer(ConsoleAnswer):
    """The permission of an account to read a case, which may have ended by time."""

    account: str
    until: datetime
    reason: str
    by: str

    @classmethod
    def all(cls, view: CaseView) -> "list[PermissionAnswer]":
        """Return the permissions on a case that were not revoked."""
        found: dict[str, PermissionAnswer] = {}
        for fact in view.facts:
            if isinstance(fact, PermissionGranted):
                found[fact.account] = cls.model_validate(fact)
            elif isinstance(fact, PermissionRevoked):
                found.pop(fact.account, None)
        return list(found.values())


class OneCaseAnswer(ConsoleAnswer):
    """A case: its row, its timeline, and the decisions that the account may make."""

    case: CaseAnswer
    timeline: Sequence[TimelineAnswer]
    """The newest first."""
    decisions: Sequence[OfferAnswer]
    identity: IdentityAnswer | None
    proposed: ProposedAnswer | None
    review: ReviewAnswer | None
    permissions: Sequence[PermissionAnswer]
    parked: Sequence[ParkedAnswer]
    """Messages about it that could not be handled: it may stand still until they are replayed."""
    unreached_parts: Sequence[UnreachedPartAnswer]
    """Of an open case: parts outside the installation that do not answer; it goes on when they do."""

    @classmethod
    def of(
        cls,
        view: CaseView,
        timeline: Sequence[TimelineAnswer],
        decisions: Sequence[OfferAnswer],
        parked: Sequence[ParkedMessage],
        unreached_parts: Sequence[UnreachedPart],
    ) -> "OneCaseAnswer":
        """Return a case."""
        proposed = proposal_on(view)
        return cls(
            case=CaseAnswer.model_validate(view.row),
            timeline=timeline,
            decisions=decisions,
            identity=IdentityAnswer.of(view),
            proposed=proposed and ProposedAnswer.model_validate(proposed),
            review=ReviewAnswer.of(view),
            permissions=PermissionAnswer.all(view),
            parked=[ParkedAnswer.model_validate(one) for one in parked],
            unreached_parts=[UnreachedPartAnswer.model_validate(one) for one in unreached_parts],
        )
