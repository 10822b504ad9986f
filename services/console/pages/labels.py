"""Names of codes on pages. Marked here; the catalogue of the console translates them."""

from collections.abc import Mapping

from services.console.state import CaseStage, WaitKind
from shared.pages.translation import mark as _
from shared.vocabulary import LetterKind, Outcome, Right, StaffRole

INBOX = _("Inbox")
REQUESTS = _("Requests")

RIGHTS: Mapping[str, str] = {
    Right.ACCESS: _("Access"),
    Right.PORTABILITY: _("Portability"),
    Right.ERASURE: _("Erasure"),
    Right.RECTIFICATION: _("Correction"),
    Right.RESTRICTION: _("Restriction"),
    Right.OBJECTION: _("Objection"),
    Right.CONSENT_WITHDRAWAL: _("Withdrawal of consent"),
    Right.KNOW_CATEGORIES: _("Categories"),
    Right.OPT_OUT_OF_SALE: _("Opt-out of sale"),
    Right.LIMIT_SENSITIVE_USE: _("Limit of sensitive use"),
}
STAGES: Mapping[str, str] = {
    CaseStage.RECEIVED: _("Received"),
    CaseStage.CHALLENGED: _("Waits for proof"),
    CaseStage.VERIFIED: _("Identity verified"),
    CaseStage.REFERRED: _("Referred to staff"),
    CaseStage.REFUSED: _("Refused"),
    CaseStage.ANSWERED: _("Answered"),
    CaseStage.FORWARDED: _("Forwarded"),
    CaseStage.DUPLICATE: _("Duplicate"),
    CaseStage.WITHDRAWN: _("Withdrawn"),
    CaseStage.CLOSED: _("Closed"),
}
WAITS: Mapping[str, str] = {
    WaitKind.DOCUMENT: _("Proof to review"),
    WaitKind.APPROVAL: _("Erasure to approve"),
    WaitKind.REFERRED: _("Request to answer"),
    WaitKind.APPEAL: _("Appeal or complaint"),
    WaitKind.MAIL: _("Unclear mail"),
    WaitKind.FORWARD: _("Customer to name"),
    WaitKind.UNDELIVERED: _("Answer came back"),
    WaitKind.RECIPIENT: _("Recipient not notified"),
    WaitKind.STOPPED: _("Stopped request"),
    WaitKind.PROPOSAL: _("Erasure proposed"),
    WaitKind.SUBMISSION: _("Submission set aside"),
    WaitKind.RELEASE: _("Breach notices to approve"),
}
LATE = _("Overdue")
OUTCOMES: Mapping[str, str] = {
    Outcome.GRANTED: _("Granted"),
    Outcome.PARTLY_GRANTED: _("Partly granted"),
    Outcome.REFUSED: _("Refused"),
    Outcome.NOTHING_HELD: _("Nothing held"),
}
ROLES: Mapping[str, str] = {
    StaffRole.VIEWER: _("Viewer"),
    StaffRole.AGENT: _("Agent"),
    StaffRole.APPROVER: _("Approver"),
    StaffRole.INCIDENT_OFFICER: _("Incident officer"),
    StaffRole.AUDITOR: _("Auditor"),
    StaffRole.ADMIN: _("Administrator"),
}
LETTERS: Mapping[str, str] = {
    LetterKind.ACKNOWLEDGEMENT: _("Acknowledgement"),
    LetterKind.CODE: _("Code"),
    LetterKind.EXTENSION: _("Extension"),
    LetterKind.OUTCOME: _("Answer"),
    LetterKind.REFUSAL: _("Refusal"),
    LetterKind.WITHDRAWN: _("Withdrawal confirmed"),
    LetterKind.WEIGHING: _("Objection is weighed"),
    LetterKind.LIFTING: _("Restriction ends"),
    LetterKind.ERASURE_SCHEDULED: _("Erasure announced"),
    LetterKind.CONSENT_SCHEDULED: _("Withdrawal of consent announced"),
    LetterKind.PROOF_WANTED: _("Proof requested"),
    LetterKind.REMINDER: _("Reminder"),
    LetterKind.CLARIFICATION: _("Question about the request"),
    LetterKind.IN_REVIEW: _("Proof is reviewed"),
    LetterKind.DUPLICATE: _("Duplicate"),
    LetterKind.FORWARDED: _("Request forwarded"),
    LetterKind.FORWARDED_TO_CONTROLLER: _("Request forwarded to the customer"),
    LetterKind.FEE_QUOTED: _("Fee"),
    LetterKind.SCOPE_ASKED: _("Question about the scope"),
    LetterKind.LATE: _("Delay"),
    LetterKind.PACKAGE_EXPIRING: _("Package expires"),
    LetterKind.APPEAL_RECEIVED: _("Appeal received"),
    LetterKind.APPEAL_DECIDED: _("Appeal decided"),
    LetterKind.COMPLAINT_RECEIVED: _("Complaint received"),
    LetterKind.COMPLAINT_DECIDED: _("Complaint decided"),
    LetterKind.NAMED_MAILBOX: _("Notice to another mailbox"),
    LetterKind.ALIAS_CODE: _("Code for another mailbox"),
}
LETTER_STATES: Mapping[str, str] = {"sent": _("sent"), "failed": _("not sent"), "returned": _("came back")}


def law_of(policy: str) -> str:
    """Return the name of the law of an edition: ``gdpr`` of ``gdpr@2018-05-25``."""
    return policy.partition("@")[0]


def plain(code: str | None) -> str:
    """Return *code* as words: of codes without a name of their own."""
    return (code or "").replace("_", " ").replace(".", " ")
