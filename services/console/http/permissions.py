"""
Actions of the console and the roles that may do them. Pure.

The services verify roles of decisions by themselves (``Decision.ROLES``); this table decides what the console
shows and offers. A test walks all routes with all roles.
"""

from collections.abc import Mapping
from enum import StrEnum

from services.console.state import Wait, WaitKind
from shared.contract import events
from shared.contract.events import breaches
from shared.vocabulary import StaffRole

EVERY_ROLE = frozenset(StaffRole)
_DECIDING = frozenset({StaffRole.AGENT, StaffRole.APPROVER})


class ConsoleAction(StrEnum):
    """An action of the console."""

    LIST = "list"
    """See lists, cases and counts, without personal data."""
    OPEN = "open"
    """Open the sealed content of a case."""
    WORK = "work"
    """Assign an owner, write notes, attach files."""
    DECIDE = "decide"
    """Decide about requests; the decision itself names its roles."""
    HOLD = "hold"
    """Place legal holds on collections, and lift holds."""
    BREACH = "breach"
    """See the breach room."""
    STEER_BREACH = "steer_breach"
    """Decide about breaches."""
    FIGURES = "figures"
    """See and export figures."""
    AUDIT = "audit"
    """Export the trail of a case, list its openings, verify chains."""
    SYSTEM = "system"
    """See queues, parked messages and stores."""
    REPAIR = "repair"
    """Replay or discard parked messages."""


PERMITTED: Mapping[ConsoleAction, frozenset[StaffRole]] = {
    ConsoleAction.LIST: EVERY_ROLE,
    ConsoleAction.OPEN: _DECIDING,
    ConsoleAction.WORK: _DECIDING | {StaffRole.INCIDENT_OFFICER},
    ConsoleAction.DECIDE: _DECIDING,
    ConsoleAction.HOLD: events.HoldPlaced.ROLES,
    ConsoleAction.BREACH: EVERY_ROLE,
    ConsoleAction.STEER_BREACH: frozenset({StaffRole.INCIDENT_OFFICER}),
    ConsoleAction.FIGURES: EVERY_ROLE,
    ConsoleAction.AUDIT: frozenset({StaffRole.AUDITOR, StaffRole.APPROVER, StaffRole.ADMIN}),
    ConsoleAction.SYSTEM: frozenset({StaffRole.ADMIN, StaffRole.AUDITOR}),
    ConsoleAction.REPAIR: frozenset({StaffRole.ADMIN}),
}


def permits(roles: frozenset[StaffRole], action: ConsoleAction) -> bool:
    """Return whether one of *roles* may do *action*."""
    return not PERMITTED[action].isdisjoint(roles)


WORK_ROLES: Mapping[WaitKind, frozenset[StaffRole]] = {
    WaitKind.DOCUMENT: events.IdentityDecided.ROLES,
    WaitKind.APPROVAL: events.ErasureApproved.ROLES,
    WaitKind.REFERRED: events.ReferralDecided.ROLES,
    WaitKind.APPEAL: events.AppealDecided.ROLES,
    WaitKind.MAIL: events.MessageHandled.ROLES,
    WaitKind.FORWARD: events.ForwardingDecided.ROLES,
    WaitKind.UNDELIVERED: events.AnswerDelivered.ROLES,
    WaitKind.RECIPIENT: events.RecipientInformed.ROLES,
    WaitKind.PURGE: events.PurgeApproved.ROLES,
    WaitKind.STOPPED: events.StopDecided.ROLES,
    WaitKind.PROPOSAL: events.ErasureProposalDecided.ROLES,
    WaitKind.SUBMISSION: events.SubmissionHandled.ROLES,
    WaitKind.RELEASE: breaches.BreachApproved.ROLES,
    WaitKind.PACKAGE: events.PackageReviewed.ROLES,
    WaitKind.REPORT: breaches.BreachReported.ROLES,
}
"""Work → the roles that can do it."""


def work_of(roles: frozenset[StaffRole]) -> tuple[WaitKind, ...]:
    """Return the work that one of *roles* can do."""
    return tuple(kind for kind, needed in WORK_ROLES.items() if not needed.isdisjoint(roles))


def can_do(wait: Wait, account: str, roles: frozenset[StaffRole]) -> bool:
    """Return whether *account* can do this work: it has a role for it, and did not decide before."""
    return not WORK_ROLES[wait.kind].isdisjoint(roles) and account not in wait.by
