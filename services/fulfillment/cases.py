"""What fulfillment knows of a request, and which outcome its records add up to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.fulfillment.erasure.steps import Disposition, Plan
from services.fulfillment.package.withholding import NEVER
from shared.answer import Answer
from shared.errors import IllegalTransition
from shared.events import (
    Code,
    ErasurePlanned,
    Fact,
    IdentityClaimed,
    IdentityCompared,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestReferred,
    RequestWithdrawn,
    SubjectErased,
)
from shared.law import Right

BY_STAFF = "by_staff"
"""A right that the privacy staff exercises by hand."""
NOTHING_DECLARED = "nothing_declared"
"""Nothing the request tells is an identity of the data map: nobody has looked anywhere."""

MOST_ROUNDS = 3
"""Times an erasure is planned anew because records of the person have come meanwhile."""

DISCLOSING = frozenset({Right.ACCESS, Right.PORTABILITY})


class Status(StrEnum):
    """Where the fulfilment of a request stands."""

    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    PLANNED = "planned"
    FULFILLED = "fulfilled"
    REFERRED = "referred"


S = Status
TRANSITIONS: Mapping[Status, Mapping[type[Fact], Status]] = {
    S.WAITING: {
        IdentityClaimed: S.WAITING,
        IdentityCompared: S.WAITING,
        IdentityVerified: S.WAITING,
        ErasurePlanned: S.PLANNED,
        RequestFulfilled: S.FULFILLED,
        RequestReferred: S.REFERRED,
        RequestWithdrawn: S.WITHDRAWN,
    },
    S.WITHDRAWN: {
        IdentityClaimed: S.WITHDRAWN,
        IdentityVerified: S.WITHDRAWN,
        RequestWithdrawn: S.WITHDRAWN,
    },
    # A planned erasure may have begun, and a crash in it leaves no trace: a withdrawal that comes now is too
    # late, for whatever was erased must be certified.
    S.PLANNED: {
        IdentityClaimed: S.PLANNED,
        ErasurePlanned: S.PLANNED,
        RequestFulfilled: S.FULFILLED,
        RequestWithdrawn: S.PLANNED,
    },
    # An answer that was given stands; a withdrawal that crossed it changes nothing.
    S.FULFILLED: {
        IdentityClaimed: S.FULFILLED,
        SubjectErased: S.FULFILLED,
        RequestWithdrawn: S.FULFILLED,
    },
    S.REFERRED: {IdentityClaimed: S.REFERRED, RequestWithdrawn: S.WITHDRAWN},
}
"""Status → fact → status. A fact that is in no row of a status is an :class:`IllegalTransition`."""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What fulfillment knows of a request."""

    status: Status = Status.WAITING
    plans: tuple[Code, ...] = ()
    """Names of the plans of its erasure in the vault, one per round."""

    @property
    def waiting(self) -> bool:
        """Whether nothing is decided yet, so that a claim still matters."""
        return self.status is Status.WAITING

    @property
    def withdrawn(self) -> bool:
        """Whether nothing is to be done any more."""
        return self.status is Status.WITHDRAWN


def evolve(known: Fulfilment, fact: Fact) -> Fulfilment:
    """
    Return *known* after *fact*.

    Raises:
        IllegalTransition: *fact* cannot happen in this status.
    """
    try:
        status = TRANSITIONS[known.status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a request that is {known.status}") from None
    plans = known.plans
    if isinstance(fact, ErasurePlanned) and fact.plan not in plans:
        plans = (*plans, fact.plan)
    return replace(known, status=status, plans=plans)


def united(plans: Sequence[Plan]) -> Plan:
    """Return one plan that says of every record what the last of *plans* to name it says."""
    steps = {(step.key, repr(step.id)): step for decided in plans for step in decided.steps}
    return replace(plans[0], steps=tuple(steps.values()))


def outcome_of_disclosure(told: Answer) -> Outcome:
    """
    Return what handing over a package amounts to.

    Law:
        11 CCR § 7024(d): secrets are described and not disclosed; that is how access is granted.
        GDPR Art. 15(4), 12(4): what is withheld for others' sake is a refusal in part.
    """
    for_others = any(item.reason != NEVER for item in told.withheld)
    return Outcome.PARTLY_GRANTED if for_others else Outcome.GRANTED


def outcome_of_erasure(plan: Plan) -> Outcome:
    """
    Return what an erasure by *plan* amounts to.

    Law:
        GDPR Art. 17(3), 12(4): what is kept is a refusal in part, and where all is kept, as a whole.
    """
    kept = [step for step in plan.steps if step.disposition is Disposition.RETAINED]
    if not kept:
        return Outcome.PARTLY_GRANTED if any(step.left for step in plan.steps) else Outcome.GRANTED
    return Outcome.REFUSED if len(kept) == len(plan.steps) else Outcome.PARTLY_GRANTED
