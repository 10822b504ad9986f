"""Decisions about a breach, as the forms of the breach room enter them. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from pydantic import ValidationError

from services.console.incidents import ApprovalRefusal, BreachRoom, CampaignMode, approval_refusal
from shared.contract.events import breaches
from shared.contract.events.breaches import IncidentDecision
from shared.errors import HabeasError
from shared.pages.translation import mark as _

AGENCY = re.compile("[a-z0-9_.]{1,80}")
ADDRESS = re.compile(r"[^@\s]{1,120}@[^@\s]{1,200}")
RECEIPT = re.compile("[A-Za-z0-9./_-]{1,80}")
APPROVAL_REFUSALS: Mapping[ApprovalRefusal, str] = {
    ApprovalRefusal.NOTHING: _("No notices wait for an approval."),
    ApprovalRefusal.OTHER: _("The declaration has changed since this page was drawn. Read it again."),
    ApprovalRefusal.DECLARED: _("You declared this breach. Another account has to approve the notices."),
    ApprovalRefusal.APPROVED: _("You have approved these notices. A second account has to approve them."),
}
REASON = "breach_room"
"""Why the content is read, in the journal."""
NOT_READ = _("Tick that you have read what the letters lack.")
NOT_CONFIRMED = _("Tick the confirmation.")
NO_PHASE = _("There is no such phase, or its notices are out.")
BAD_AGENCY = _("Write the authority in small letters, digits, dots and underscores.")
BAD_UNTIL = _("The end of the hold must be in the future.")
NOT_HELD = _("The notices are not held.")
NO_DUTY = _("This duty does not run any more.")
BAD_REPORT_TIME = _("The time of the report must lie between the awareness and now.")
BAD_RECEIPT = _("The receipt may have letters, digits, dots, slashes, hyphens and underscores.")
NOT_OUT = _("No notices go out, or they are in this state already.")
BAD_LANGUAGE = _("Write the code of a language: de, or pt-BR.")
BAD_TIME = _("Enter date and time.")
BAD_ADDRESS = _("Write one mail address.")


class RefusedEntry(HabeasError):
    """An entry of a form does not fit; the message may be shown."""


@dataclass(frozen=True, slots=True)
class BreachEntry:
    """A form that an account has sent."""

    room: BreachRoom
    by: str
    now: datetime
    zone: tzinfo
    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return the field *name* without spaces around it."""
        return self.fields.get(name, "").strip()

    def number(self, name: str) -> int:
        """Return the number in the field *name*; 0 where there is none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0  # noqa: PLR2004

    def moment(self, name: str) -> datetime | None:
        """Return the local time in the field *name*; None if it is empty. Raises RefusedEntry."""
        text = self.text(name)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise RefusedEntry(BAD_TIME) from None
        return found if found.tzinfo else found.replace(tzinfo=self.zone)

    def confirmed(self, name: str, otherwise: str = NOT_CONFIRMED) -> None:
        """Raise RefusedEntry if the field *name* is not ticked."""
        if self.text(name) != "yes":
            raise RefusedEntry(otherwise)


def refused_approval(room: BreachRoom, by: str) -> str:
    """Return why *by* may not approve the notices that wait; empty if it may."""
    phase = room.approvable
    refused = phase and approval_refusal(room, phase.number, phase.declaration, by)
    return APPROVAL_REFUSALS[refused] if refused else ""


def _approve(entry: BreachEntry) -> IncidentDecision:
    number, declaration = entry.number("phase"), entry.text("declaration")
    refused = approval_refusal(entry.room, number, declaration, entry.by)
    if refused is not None:
        raise RefusedEntry(APPROVAL_REFUSALS[refused])
    entry.confirmed("read", NOT_READ)
    return breaches.BreachApproved(
        request_id=entry.room.id, by=entry.by, phase=number, declaration=declaration
    )


def _withdraw(entry: BreachEntry) -> IncidentDecision:
    standing = entry.room.standing
    if not standing or standing[-1].number != entry.number("phase") or standing[-1].is_out:
        raise RefusedEntry(NO_PHASE)
    entry.confirmed("sure")
    return breaches.BreachWithdrawn(request_id=entry.room.id, by=entry.by, phase=standing[-1].number)


def _hold(entry: BreachEntry) -> IncidentDecision:
    agency, until = entry.text("agency"), entry.moment("until")
    if AGENCY.fullmatch(agency) is None:
        raise RefusedEntry(BAD_AGENCY)
    if until is None or until <= entry.now:
        raise RefusedEntry(BAD_UNTIL)
    return breaches.BreachHeld(request_id=entry.room.id, by=entry.by, agency=agency, until=until)


def _end_hold(entry: BreachEntry) -> IncidentDecision:
    if not entry.room.held(entry.now):
        raise RefusedEntry(NOT_HELD)
    return breaches.BreachHoldEnded(request_id=entry.room.id, by=entry.by)


def _report(entry: BreachEntry) -> IncidentDecision:
    clock, receipt, at = entry.text("clock"), entry.text("receipt"), entry.moment("at") or entry.now
    if clock not in {duty.clock for duty in entry.room.running}:
        raise RefusedEntry(NO_DUTY)
    aware_at = min(phase.aware_at for phase in entry.room.standing or entry.room.phases)
    if not aware_at <= at <= entry.now:
        raise RefusedEntry(BAD_REPORT_TIME)
    if receipt and RECEIPT.fullmatch(receipt) is None:
        raise RefusedEntry(BAD_RECEIPT)
    return breaches.BreachReported(
        request_id=entry.room.id, by=entry.by, clock=clock, at=at, receipt=receipt or None
    )


def _open(entry: BreachEntry) -> IncidentDecision:
    language = entry.text("language") or None
    try:
        return breaches.BreachOpened(request_id=entry.room.id, by=entry.by, reason=REASON, language=language)
    except ValidationError:
        raise RefusedEntry(BAD_LANGUAGE) from None


def asked_address(entry: BreachEntry) -> str:
    """Return the address of which the notices are asked for. Raises RefusedEntry."""
    address = entry.text("email")
    if not entry.room.is_out:
        raise RefusedEntry(NOT_OUT)
    if ADDRESS.fullmatch(address) is None:
        raise RefusedEntry(BAD_ADDRESS)
    return address


def _steer(kind: type[IncidentDecision], *modes: CampaignMode) -> Callable[[BreachEntry], IncidentDecision]:
    """Return the form of the order *kind*, which is possible in *modes*."""

    def drafted(entry: BreachEntry) -> IncidentDecision:
        if not entry.room.is_out or entry.room.mode not in modes:
            raise RefusedEntry(NOT_OUT)
        if kind is breaches.CampaignAborted:
            entry.confirmed("sure")
        return kind(request_id=entry.room.id, by=entry.by)

    return drafted


ENTRIES: Mapping[str, Callable[[BreachEntry], IncidentDecision]] = {
    "approve": _approve,
    "withdraw": _withdraw,
    "hold": _hold,
    "end-hold": _end_hold,
    "report": _report,
    "open": _open,
    "pause": _steer(breaches.CampaignPaused, CampaignMode.ON),
    "resume": _steer(breaches.CampaignResumed, CampaignMode.PAUSED),
    "abort": _steer(breaches.CampaignAborted, CampaignMode.ON, CampaignMode.PAUSED),
}
"""Name of a form → the decision that it drafts; raises RefusedEntry."""
DONE: Mapping[str, str] = {
    "declare": _("The breach is declared. Its clocks run."),
    "approve": _("Your approval is recorded."),
    "withdraw": _("The phase is withdrawn."),
    "hold": _("The notices are held. They go out after the hold, and mention the delay."),
    "end-hold": _("The hold has ended."),
    "report": _("The report is recorded. Its clock has stopped."),
    "proof": _("The records of the notices to this address can be downloaded for 15 minutes."),
    "open": _("You can read the letters, and the list of people not reached, for 15 minutes."),
    "pause": _("The notices are paused. Letters in transmission still go."),
    "resume": _("The notices go on. No person gets a second letter."),
    "abort": _("The notices are stopped for good."),
}
