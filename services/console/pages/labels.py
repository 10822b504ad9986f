"""Names of codes on pages. Marked here; the catalogue of the console translates them."""

from collections.abc import Mapping

from services.console.state import CaseStage, WaitKind, name_of
from shared.contract.erasure_claims import ErasureClaim
from shared.law import Role
from shared.pages.translation import mark as _
from shared.vocabulary import (
    ExtensionReason,
    FeeReason,
    HoldScope,
    LetterKind,
    LiftingReason,
    MessageOutcome,
    OfflineManner,
    Outcome,
    ProofObjection,
    RefusalGround,
    RefusalReason,
    ReopeningReason,
    Right,
    StaffRole,
)

law_of = name_of
INBOX = _("Inbox")
REQUESTS = _("Requests")
BREACHES = _("Breaches")
FIGURES = _("Figures")
SYSTEM = _("System")
AUDIT = _("Audit")

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
    WaitKind.PACKAGE: _("Package to review"),
    WaitKind.APPEAL: _("Appeal or complaint"),
    WaitKind.MAIL: _("Unclear mail"),
    WaitKind.FORWARD: _("Customer to name"),
    WaitKind.UNDELIVERED: _("Answer came back"),
    WaitKind.RECIPIENT: _("Recipient not notified"),
    WaitKind.STOPPED: _("Stopped request"),
    WaitKind.PROPOSAL: _("Erasure proposed"),
    WaitKind.SUBMISSION: _("Submission set aside"),
    WaitKind.PURGE: _("Purge to approve"),
    WaitKind.RELEASE: _("Breach notices to approve"),
    WaitKind.REPORT: _("Breach to report"),
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
PERSON_ROLES: Mapping[str, str] = {
    Role.CONSUMER: _("consumer"),
    Role.EMPLOYEE: _("employee"),
    Role.BUSINESS_CONTACT: _("contact at another company"),
    Role.END_USER: _("end user of a customer"),
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
    LetterKind.MESSAGE: _("Message of the staff"),
    LetterKind.NAMED_MAILBOX: _("Notice to another mailbox"),
    LetterKind.ALIAS_CODE: _("Code for another mailbox"),
}
LETTER_STATES: Mapping[str, str] = {"sent": _("sent"), "failed": _("not sent"), "returned": _("came back")}

GROUNDS: Mapping[str, str] = {
    RefusalGround.MANIFESTLY_UNFOUNDED: _("Manifestly unfounded"),
    RefusalGround.EXCESSIVE: _("Excessive"),
    RefusalGround.LEGAL_CLAIMS: _("Legal claims"),
    RefusalGround.RETENTION_DUTY: _("Duty to retain"),
    RefusalGround.CONTRACT: _("Contract with the person"),
    RefusalGround.SECURITY: _("Security"),
    RefusalGround.FREE_EXPRESSION: _("Freedom of expression"),
    RefusalGround.PUBLIC_INTEREST: _("Public interest"),
    RefusalGround.RESEARCH: _("Research"),
    RefusalGround.THIRD_PARTY_RIGHTS: _("Rights of other people"),
    RefusalGround.PROFESSIONAL_SECRECY: _("Professional secrecy"),
    RefusalGround.NOT_EDITABLE: _("The data cannot be changed"),
    RefusalGround.ACCURACY_VERIFIED: _("The data is accurate"),
    RefusalGround.GROUNDS_PREVAIL: _("Compelling grounds prevail"),
    RefusalGround.UNIDENTIFIABLE: _("The person cannot be identified"),
    RefusalReason.IDENTITY_NOT_ESTABLISHED: _("Identity not established"),
    RefusalReason.PERMISSION_NOT_SHOWN: _("Permission not shown"),
    RefusalReason.PROOF_NOT_CONVINCING: _("The proof does not convince"),
}
CLAIMS: Mapping[str, str] = {
    ErasureClaim.UNLAWFUL_PROCESSING: _("The data was processed unlawfully"),
    ErasureClaim.ERASURE_DUTY: _("A law obliges the company to erase it"),
}
EXTENSIONS: Mapping[str, str] = {
    ExtensionReason.COMPLEXITY: _("The request is complex"),
    ExtensionReason.NUMBER_OF_REQUESTS: _("There are many requests"),
}
FEES: Mapping[str, str] = {
    FeeReason.EXCESSIVE: _("Excessive"),
    FeeReason.MANIFESTLY_UNFOUNDED: _("Manifestly unfounded"),
    FeeReason.FURTHER_COPY: _("Further copy"),
    FeeReason.EFFORT: _("Unusual effort"),
    FeeReason.TRANSCRIPTION: _("Transcription"),
}
PROOF_OBJECTIONS: Mapping[str, str] = {
    ProofObjection.UNREADABLE: _("The document cannot be read"),
    ProofObjection.NOT_ACCEPTED: _("The document is not accepted"),
    ProofObjection.NOT_CONVINCING: _("The proof is not sufficient"),
}
REOPENINGS: Mapping[str, str] = {
    ReopeningReason.NEW_FACTS: _("New facts are known"),
    ReopeningReason.ERROR: _("The answer was wrong"),
    ReopeningReason.PERSON_ASKS: _("The person asks for it"),
}
LIFTINGS: Mapping[str, str] = {
    LiftingReason.ACCURACY_VERIFIED: _("The data is accurate"),
    LiftingReason.GROUNDS_PREVAIL: _("Compelling grounds prevail"),
    LiftingReason.NO_LONGER_NEEDED: _("No longer needed"),
    LiftingReason.PERSON_ASKS: _("The person asks for it"),
}
MANNERS: Mapping[str, str] = {
    OfflineManner.TELEPHONE: _("By telephone"),
    OfflineManner.POST: _("By post"),
    OfflineManner.IN_PERSON: _("In person"),
}
MAIL_OUTCOMES: Mapping[str, str] = {
    MessageOutcome.ANSWERED: _("Answered"),
    MessageOutcome.NOT_A_REQUEST: _("Not a request"),
    MessageOutcome.REGISTERED: _("Registered as a request"),
}
ACCEPTANCES: Mapping[str, str] = {
    "looked_at": _("The document convinces"),
    "called_back": _("Called back on a known number"),
    "seen_in_person": _("Seen in person"),
}
RELEASES: Mapping[str, str] = {
    "called_back": _("Called back on a known number"),
    "seen_in_person": _("Seen in person"),
}
DELIVERIES: Mapping[str, str] = {
    "post": _("By post"),
    "phone": _("By telephone"),
    "in_person": _("In person"),
}
READINGS: Mapping[str, str] = {
    "review": _("Review of the request"),
    "forwarding": _("To name the customer"),
    "complaint": _("A complaint"),
}
SCOPE_REASONS: Mapping[str, str] = {
    "large_quantity": _("Large quantity of data"),
    "unclear_request": _("The request is unclear"),
}
HOLD_SCOPES: Mapping[str, str] = {
    HoldScope.PERSON: _("All records of the person"),
    HoldScope.REQUEST: _("This request"),
}
HOLD_ENDINGS: Mapping[str, str] = {
    "claim_ended": _("The claim has ended"),
    "placed_in_error": _("It was placed in error"),
}


def plain(code: str | None) -> str:
    """Return *code* as words: of codes without a name of their own."""
    return (code or "").replace("_", " ").replace(".", " ")
