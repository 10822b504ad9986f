"""
The phases of an incident: each declaration is one, with notices of its own.

Pure. The life of a phase is one table, :data:`TRANSITIONS`; what is not in it is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.intake.breach.duties import BY_LETTER, CONTROLLER, PEOPLE, NotificationDue
from shared.contract.breaches import (
    AffectedGroup,
    BreachApproved,
    BreachNotified,
    BreachRecounted,
    BreachRegistered,
    BreachRole,
    BreachScoped,
    BreachWithdrawn,
    NoticesReleased,
)
from shared.contract.events import Code, Fact
from shared.errors import IllegalTransition


class PhaseStatus(StrEnum):
    """Where a phase of an incident stands."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    """It is being looked for who is affected."""
    SCOPED = "scoped"
    APPROVED = "approved"
    RELEASED = "released"
    NOTIFIED = "notified"
    WITHDRAWN = "withdrawn"
    """It was taken back: nobody is told because of it."""


S = PhaseStatus
TRANSITIONS: Mapping[PhaseStatus, Mapping[type[Fact], PhaseStatus]] = {
    S.UNKNOWN: {BreachRegistered: S.REGISTERED},
    S.REGISTERED: {BreachScoped: S.SCOPED, BreachWithdrawn: S.WITHDRAWN},
    S.SCOPED: {BreachApproved: S.APPROVED, BreachWithdrawn: S.WITHDRAWN},
    # A second approval, where nobody is known to have declared it.
    S.APPROVED: {
        BreachApproved: S.APPROVED,
        NoticesReleased: S.RELEASED,
        BreachWithdrawn: S.WITHDRAWN,
    },
    S.RELEASED: {BreachNotified: S.NOTIFIED},
    S.NOTIFIED: {BreachNotified: S.NOTIFIED, BreachRecounted: S.NOTIFIED},
    # It was being looked for who is affected.
    S.WITHDRAWN: {BreachScoped: S.WITHDRAWN},
}
"""Status of a phase → fact → status. A fact in no row of a status is an :class:`IllegalTransition`."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One declaration of an incident, and what became of its notices."""

    number: int
    declaration: Code
    role: BreachRole
    aware_at: datetime
    by: Code | None = None
    """Who declared it."""
    anew: bool = False
    """Whether nothing stood any more when it was declared: all before it was taken back."""
    status: PhaseStatus = PhaseStatus.REGISTERED
    scoped: BreachScoped | None = None
    written_to: frozenset[str] | None = None
    """Customers whom it writes to, as their clocks call them; None where that is not on record."""
    approved_by: tuple[Code, ...] = ()
    seconded: bool = False
    """Whether two people stand behind its notices."""
    words: Code = ""
    """The declaration whose words they have approved."""
    delayed: bool = False
    """Whether an investigation held its notices up."""
    out_at: datetime | None = None
    """When its notices went out."""
    further: bool = False
    """Whether those of another phase were out before them."""
    notified: BreachNotified | None = None
    missed: frozenset[str] | None = None
    """Customers who have no letter of this phase, as their clocks call them; None: nobody says which."""
    withdrawn_by: Code | None = None

    @property
    def chunks(self) -> int:
        """How many chunks of people are to be written to."""
        return 0 if self.scoped is None else self.scoped.chunks

    @property
    def groups(self) -> tuple[AffectedGroup, ...]:
        """Who is affected, as far as anybody has looked."""
        return () if self.scoped is None else self.scoped.groups

    @property
    def unreached(self) -> bool:
        """Whether some of the people who are to be told cannot be, by a letter of ours."""
        affected = [group for group in self.groups if group.laws]
        returned = self.notified is not None and self.notified.failed > 0
        return any(group.unreachable for group in affected) or (returned and bool(affected))

    @property
    def customers(self) -> int:
        """How many customers are to be told."""
        return 0 if self.scoped is None else self.scoped.customers

    @property
    def out(self) -> bool:
        """Whether its notices went out."""
        return self.status in {PhaseStatus.RELEASED, PhaseStatus.NOTIFIED}

    def concerns(self, duty: NotificationDue) -> bool:
        """Tell whether somebody is written to in it whom *duty* is about."""
        if duty.recipient not in BY_LETTER or not self.chunks:
            return False
        if duty.recipient == CONTROLLER:
            theirs = self.written_to is None or duty.customer is None or duty.customer in self.written_to
            return self.customers > 0 and theirs
        return any(duty.policy in group.laws for group in self.groups if group.people or group.again)

    def has_notified(self, duty: NotificationDue) -> bool:
        """
        Tell whether its notices have told whom *duty* is about, of those whom it concerns.

        Of people whom no letter reaches there is a list; a customer who was not reached is not told.
        """
        notified = self.notified
        if notified is None or notified.sent + notified.elsewhere <= 0:
            return False
        if self.missed is not None and duty.customer is not None:
            return duty.customer not in self.missed
        return not notified.aborted and (duty.recipient == PEOPLE or not notified.failed)

    @property
    def awaits_approval(self) -> bool:
        """Whether somebody is to be written to as soon as somebody approves."""
        open_ = self.status in {PhaseStatus.SCOPED, PhaseStatus.APPROVED}
        return open_ and not self.seconded and self.chunks > 0


def status_after(status: PhaseStatus, fact: Fact) -> PhaseStatus:
    """
    Return where a phase stands after *fact*.

    Raises:
        IllegalTransition: *fact* cannot happen to a phase in this status.
    """
    try:
        return TRANSITIONS[status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a phase that is {status}") from None
