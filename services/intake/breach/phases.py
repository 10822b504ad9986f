"""
The phases of an incident: each declaration is one, with its own notices.

Pure. The life of a phase is one table, :data:`TRANSITIONS`; a transition that is not in it is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.intake.breach.duties import BY_LETTER, CONTROLLER, PEOPLE, NotificationDue
from shared.contract.events import Code, Fact
from shared.contract.events.breaches import (
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
from shared.errors import IllegalTransition


class PhaseStatus(StrEnum):
    """The status of a phase."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    """The scope is being searched."""
    SCOPED = "scoped"
    APPROVED = "approved"
    RELEASED = "released"
    NOTIFIED = "notified"
    WITHDRAWN = "withdrawn"
    """It was withdrawn: its notices are not sent."""


TRANSITIONS: Mapping[PhaseStatus, Mapping[type[Fact], PhaseStatus]] = {
    PhaseStatus.UNKNOWN: {BreachRegistered: PhaseStatus.REGISTERED},
    PhaseStatus.REGISTERED: {BreachScoped: PhaseStatus.SCOPED, BreachWithdrawn: PhaseStatus.WITHDRAWN},
    PhaseStatus.SCOPED: {BreachApproved: PhaseStatus.APPROVED, BreachWithdrawn: PhaseStatus.WITHDRAWN},
    # A second approval, if the declarer is unknown.
    PhaseStatus.APPROVED: {
        BreachApproved: PhaseStatus.APPROVED,
        NoticesReleased: PhaseStatus.RELEASED,
        BreachWithdrawn: PhaseStatus.WITHDRAWN,
    },
    PhaseStatus.RELEASED: {BreachNotified: PhaseStatus.NOTIFIED},
    PhaseStatus.NOTIFIED: {BreachNotified: PhaseStatus.NOTIFIED, BreachRecounted: PhaseStatus.NOTIFIED},
    # The scope was being searched.
    PhaseStatus.WITHDRAWN: {BreachScoped: PhaseStatus.WITHDRAWN},
}
"""Status of a phase → fact → status. A fact in no row of a status is an :class:`IllegalTransition`."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One declaration of an incident, and the state of its notices."""

    number: int
    declaration: Code
    role: BreachRole
    aware_at: datetime
    by: Code | None = None
    """The account that declared it."""
    drill: bool = False
    """Whether it is a drill; then all phases of its incident are."""
    status: PhaseStatus = PhaseStatus.REGISTERED
    scoped: BreachScoped | None = None
    written_to: frozenset[str] | None = None
    """Customers that it notifies, by their names in clocks; None if that is not on record."""
    approved_by: tuple[Code, ...] = ()
    seconded: bool = False
    """Whether two people have approved its notices."""
    words: Code = ""
    """The declaration with the approved words."""
    delayed: bool = False
    """Whether an investigation delayed its notices."""
    out_at: datetime | None = None
    further: bool = False
    """Whether notices of another phase were out before."""
    notified: BreachNotified | None = None
    missed: frozenset[str] | None = None
    """Customers without a letter of this phase, by their names in clocks; None if they are unknown."""
    withdrawn_by: Code | None = None

    @property
    def chunks(self) -> int:
        """The number of batches with notices."""
        return 0 if self.scoped is None else self.scoped.chunks

    @property
    def groups(self) -> tuple[AffectedGroup, ...]:
        """The people affected, as far as the search has found them."""
        return () if self.scoped is None else self.scoped.groups

    @property
    def unreached(self) -> bool:
        """Whether some of the people to be notified cannot be reached by letter."""
        affected = [group for group in self.groups if group.laws]
        returned = self.notified is not None and self.notified.failed > 0
        return any(group.unreachable for group in affected) or (returned and bool(affected))

    @property
    def customers(self) -> int:
        """The number of customers to notify."""
        return 0 if self.scoped is None else self.scoped.customers

    @property
    def out(self) -> bool:
        """Whether its notices are out."""
        return self.status in {PhaseStatus.RELEASED, PhaseStatus.NOTIFIED}

    @property
    def is_ready(self) -> bool:
        """Whether it has notices that are not out yet."""
        return self.status in {PhaseStatus.SCOPED, PhaseStatus.APPROVED} and self.chunks > 0

    def concerns(self, duty: NotificationDue) -> bool:
        """Return whether it writes to people of *duty*."""
        if duty.recipient not in BY_LETTER or not self.chunks:
            return False
        if duty.recipient == CONTROLLER:
            theirs = self.written_to is None or duty.customer is None or duty.customer in self.written_to
            return self.customers > 0 and theirs
        return any(duty.policy in group.laws for group in self.groups if group.people or group.again)

    def has_notified(self, duty: NotificationDue) -> bool:
        """Return whether its notices have reached the people of *duty*; the others are on a list."""
        notified = self.notified
        if notified is None or notified.sent + notified.elsewhere <= 0:
            return False
        if self.missed is not None and duty.customer is not None:
            return duty.customer not in self.missed
        return not notified.aborted and (duty.recipient == PEOPLE or not notified.failed)

    @property
    def awaits_approval(self) -> bool:
        """Whether its notices wait for an approval."""
        return self.is_ready and not self.seconded


def status_after(status: PhaseStatus, fact: Fact) -> PhaseStatus:
    """Return the status of a phase after *fact*, or raise ``IllegalTransition``."""
    try:
        return TRANSITIONS[status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a phase that is {status}") from None
