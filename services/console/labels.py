"""Names of codes on pages. Marked here; the catalogue of the console translates them."""

from collections.abc import Mapping

from services.console.state import CaseStage, HoldState, RecipientState, WaitKind, name_of
from shared.contract.erasure_claims import ErasureClaim
from shared.contract.register import RequestResult
from shared.law import Role
from shared.law.library import policies
from shared.law.places import SUBDIVISIONS, countries
from shared.pages.translation import Words
from shared.pages.translation import mark as _
from shared.vocabulary import (
    DeliveryAction,
    ExtensionReason,
    FeeReason,
    HoldScope,
    LetterKind,
    LiftingReason,
    MessageOutcome,
    OfflineManner,
    ProofObjection,
    ReferralReason,
    RefusalGround,
    RefusalReason,
    ReopeningReason,
    Right,
    StaffRole,
)

INBOX = _("Inbox")
REQUESTS = _("Requests")
BREACHES = _("Breaches")
FIGURES = _("Figures")
SYSTEM = _("System")
AUDIT = _("Audit")
HOLDS = _("Holds")

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
    RequestResult.GRANTED: _("Granted"),
    RequestResult.PARTLY_GRANTED: _("Partly granted"),
    RequestResult.REFUSED: _("Refused"),
    RequestResult.LAPSED: _("Lapsed without proof"),
    RequestResult.NOTHING_HELD: _("Nothing held"),
    RequestResult.FORWARDED: _("Forwarded"),
    RequestResult.DUPLICATE: _("Duplicate"),
    RequestResult.WITHDRAWN: _("Withdrawn"),
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
DELIVERY_REPORTS: Mapping[str, str] = {
    DeliveryAction.FAILED: _("came back"),
    DeliveryAction.DELAYED: _("delayed"),
    DeliveryAction.DELIVERED: _("delivered"),
}

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
VALUES: Mapping[str, Mapping[str, str]] = {"right": RIGHTS, "role": PERSON_ROLES, "ground": CLAIMS}
"""Fields of a submission whose values are codes."""
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
FORWARDING = "forwarding"
"""Reason to read the request of a customer's end user alone."""
READINGS: Mapping[str, str] = {
    "review": _("Review of the request"),
    FORWARDING: _("To name the customer"),
    "complaint": _("A complaint"),
}
SCOPE_REASONS: Mapping[str, str] = {
    "large_quantity": _("Large quantity of data"),
    "unclear_request": _("The request is unclear"),
}
CUSTOMER_REASONS: Mapping[str, str] = {
    "named_in_request": _("The request names the customer"),
    "found_in_records": _("Our records name the customer"),
    "confirmed_by_customer": _("The customer has confirmed it"),
}
PURGE_REASONS: Mapping[str, str] = {
    "samples_checked": _("Samples of the records were checked"),
    "period_checked": _("The retention period was checked"),
}
HOLD_SCOPES: Mapping[str, str] = {
    HoldScope.PERSON: _("All records of the person"),
    HoldScope.REQUEST: _("This request"),
    HoldScope.COLLECTION: _("A collection"),
}
HOLD_STATES: Mapping[str, str] = {
    HoldState.STANDING: _("standing"),
    HoldState.ENDED: _("ended"),
    HoldState.LIFTED: _("lifted"),
}
RECIPIENT_STATES: Mapping[str, str] = {
    RecipientState.UNDER_WAY: _("under way"),
    RecipientState.NOTIFIED: _("notified"),
    RecipientState.ACKNOWLEDGED: _("acknowledged"),
    RecipientState.FAILED: _("not notified"),
    RecipientState.INFORMED: _("informed by other means"),
}
HOLD_ENDINGS: Mapping[str, str] = {
    "claim_ended": _("The claim has ended"),
    "placed_in_error": _("It was placed in error"),
}

CODES: Mapping[str, str] = {
    ReferralReason.BY_STAFF: _("The right is exercised by hand"),
    ReferralReason.NOTHING_DECLARED: _("The request has no identity that the data map searches by"),
    ReferralReason.NOTHING_NAMED: _("The request names no field to correct"),
    ReferralReason.UNSURE: _("It is not certain whose records these are"),
    ReferralReason.SCOPE_UNCLEAR: _("It is unclear which data is meant"),
    ReferralReason.GROUND_CLAIMED: _("The person claims a ground of erasure"),
    ReferralReason.IDENTITY_CHANGE: _("The correction changes an identity"),
    ReferralReason.MANY_MAILBOXES: _("The records name many other mailboxes"),
    ReferralReason.ACCURACY_DISPUTED: _("The accuracy is disputed"),
    ReferralReason.TO_BE_WEIGHED: _("The interests are to be weighed"),
    "records_changed": _("The records have changed since"),
    "second_decider": _("A second account decides"),
    "not_me": _("The reader of a letter did not ask"),
    "paused_by_staff": _("Paused by staff"),
    "unclear_reply": _("A reply is unclear"),
    "mailbox_unreachable": _("Another mailbox cannot be reached"),
    "asked_back": _("The sender is asked what is meant"),
    "unanswered": _("The sender has not answered"),
    "appeal": _("Appeal"),
    "complaint": _("Complaint"),
    "bounced": _("The letter came back"),
    "no_address": _("No address"),
    "no_way_agreed": _("No way is agreed"),
    "unreachable": _("Not reachable"),
    "not_allowed": _("The address is not allowed"),
    "legal_hold": _("Legal hold"),
    "still_needed": _("Still needed for its purpose"),
    "purpose_ended": _("The purpose has ended"),
    "consent_withdrawn": _("The consent is withdrawn"),
    "objection": _("The person objects"),
    "collected_from_child": _("Collected from a child"),
    "out_of_scope": _("Outside of what the person asked for"),
    "not_covered": _("Holds no data that the erasure covers"),
    "not_changeable": _("The map forbids a change"),
    "not_markable": _("The system cannot mark it"),
    "not_found": _("Not found"),
    "same_value": _("The records say this already"),
    "wrong_type": _("The new value cannot be read"),
    "ambiguous": _("There are several different values"),
    "not_taken": _("A system did not accept it"),
    "overtaken": _("Changed meanwhile by others"),
    "changed_meanwhile": _("Changed during the erasure"),
    "mentioned_elsewhere": _("Mentioned in records of others"),
    "shared_identity": _("An identity is shared with others"),
    "unconfirmed_identity": _("An identity is not confirmed"),
    "store_rules": _("Rules of the database forbid it"),
    "store_duplicate": _("The database allows no duplicate"),
    "store_too_large": _("Too large for the database"),
    "store_not_permitted": _("The database does not permit it"),
    "store_refused": _("The database refused it"),
    "not_collected_from_you": _("Not collected from the person"),
    "not_provided_by_you": _("Not provided by the person"),
    "other_legal_basis": _("Held on another legal basis"),
    "never_disclosed": _("Never disclosed"),
    "masked_value": _("Masked value"),
    "needs_more_proof": _("Needs more proof"),
    "code_expired": _("The code has expired"),
    "too_many_attempts": _("Too many attempts"),
    "details_do_not_match": _("The details do not match"),
    "not_proven_in_time": _("Not proven in time"),
    "unclear": _("Unclear"),
    "needs_a_person": _("A person must look at it"),
    "documents_alone": _("Only documents prove it"),
    "records_differ": _("The records differ"),
    "name_partial": _("The name agrees in part"),
    "name_mismatch": _("The name differs"),
    "dob_mismatch": _("The date of birth differs"),
    "address_mismatch": _("The address differs"),
    "doc_expired": _("The document has expired"),
    "document_not_found": _("No document was found"),
    "image_blurred": _("The picture is blurred"),
    "reader_unavailable": _("The reader of documents does not run"),
    "mrz_not_found": _("No machine-readable zone was found"),
    "identity": _("Identity"),
    "address": _("Address"),
    "permission": _("Permission"),
    "others_blacked_out": _("Data about other people is made illegible"),
    "wrong_code": _("The code is wrong"),
    "no_code_issued": _("No code was issued"),
    "too_many_codes": _("Too many codes were sent"),
    "code_by_mail": _("The code came in a mail that is not authenticated"),
    "not_needed": _("No proof is needed"),
    "log_in_failed": _("The log-in failed"),
    "document_unreadable": _("The document cannot be read"),
    "document_not_accepted": _("The document is not accepted"),
    "document_not_decrypted": _("The document cannot be decrypted"),
    "decl_text_version": _("The declaration has another text"),
    "decl_stale": _("The declaration is too old"),
    "decl_name_mismatch": _("The declaration has another name"),
    "file_type_not_allowed": _("The file type is not accepted"),
    "file_too_large": _("The file is too large"),
    "file_polyglot": _("The file may be of two types at once"),
    "file_broken": _("The file is damaged"),
    "file_encrypted": _("The file is encrypted"),
    "file_not_decrypted": _("The file cannot be decrypted"),
    "file_active_content": _("The file has active content"),
    "file_decode_limit": _("The file takes too much to read"),
    "file_malware": _("The file contains malware"),
    "scan_unavailable": _("The virus scanner does not run"),
    "pdf_hidden_text": _("The PDF has hidden text"),
    "image_glare": _("The picture has glare"),
    "no_colour": _("The picture has no colour: it may show a copy"),
    "copy_pattern": _("The picture shows dots of a print or the grid of a screen: it may show a copy"),
    "copy_on_screen": _("The picture shows the name of a file: it may show a screen"),
    "copy_on_paper": _("The picture shows a sheet of paper around the document: it may show a copy"),
    "image_too_small": _("The picture is too small"),
    "back_missing": _("The back of the card is missing"),
    "mrz_unreadable": _("The machine-readable zone cannot be read"),
    "mrz_low_agreement": _("Reads of the machine-readable zone differ"),
    "mrz_print_mismatch": _("Print and machine-readable zone differ"),
    "barcode_print_mismatch": _("Print and barcode differ"),
    "barcode_unreadable": _("The barcode cannot be read"),
    "barcode_malformed": _("The barcode is malformed"),
    "print_unreadable": _("The print cannot be read"),
    "print_alone": _("Only the print was read"),
    "doc_type_not_accepted": _("The type of document is not accepted"),
    "doc_not_yet_valid": _("The document is not valid yet"),
    "specimen_document": _("The document is a specimen"),
    "issuer_unknown": _("The issuer is unknown"),
    "dob_unreadable": _("The date of birth cannot be read"),
    "dob_implausible": _("The date of birth is implausible"),
    "expiry_unreadable": _("The expiry date cannot be read"),
    "expiry_implausible": _("The expiry date is implausible"),
    "name_not_claimed": _("The request has no name to compare"),
    "address_not_claimed": _("The request has no address to compare"),
    "address_partial": _("The address agrees in part"),
    "bill_address_ambiguous": _("The bill has several addresses"),
    "bill_issuer_unknown": _("The issuer of the bill is unknown"),
    "bill_recipient_missing": _("The bill names no recipient"),
    "bill_type_not_accepted": _("The type of bill is not accepted"),
    "bill_date_unreadable": _("The date of the bill cannot be read"),
    "bill_too_old": _("The bill is too old"),
    "refused": _("Refused by the receiving system"),
    "loop": _("Mail loop"),
    "bounce": _("Report of a mail server"),
    "automatic": _("Automatic reply"),
    "mailing_list": _("Mailing list"),
    "bulk": _("Sent to many recipients"),
    "no_reply": _("The sender accepts no reply"),
    "spam": _("Reported as spam"),
    "forged": _("Reported as a false sender"),
    "no_sender": _("The mail has no sender"),
    "stumbled": _("The mail could not be processed"),
}
"""Names of reasons and kinds that have no table of their own."""


def plain(code: str | None) -> str:
    """Return *code* as words: of codes without a name of their own."""
    return (code or "").replace("_", " ").replace(".", " ")


FIELDS: Mapping[str, str] = {
    "agent": _("Representative"),
    "child": _("Asks for a child"),
    "city": _("City"),
    "code": _("Code"),
    "content": _("Content"),
    "controller": _("Controller"),
    "corrections": _("Corrections"),
    "country": _("Country"),
    "date_of_birth": _("Date of birth"),
    "details": _("Details"),
    "email": _("Mail address"),
    "field": _("Field"),
    "full_values": _("With full values"),
    "ground": _("Ground"),
    "identifiers": _("Identifiers"),
    "kind": _("Kind"),
    "lines": _("Address lines"),
    "locale": _("Language"),
    "media_type": _("File type"),
    "name": _("Name"),
    "parent": _("Parent"),
    "permission": _("Permission"),
    "phone": _("Telephone"),
    "phone_number": _("Telephone"),
    "points": _("Details that were asked for"),
    "postal_address": _("Postal address"),
    "postal_code": _("Postal code"),
    "proofs": _("Proofs"),
    "received_at": _("Received"),
    "reference": _("Reference"),
    "region": _("Region"),
    "regulation": _("Law"),
    "residence": _("Residence"),
    "right": _("Right"),
    "role": _("Role"),
    "scope": _("Scope"),
    "signed_at": _("Signed"),
    "slot": _("Document"),
    "statement": _("Statement"),
    "subdivision": _("State or region"),
    "subject": _("Person"),
    "text": _("Text"),
    "token": _("Token"),
    "transfer_to": _("Transfer to"),
    "value": _("Value"),
    "with_copy": _("With a copy"),
}
"""Fields of a submission."""
TIMES = frozenset({"date_of_birth", "received_at", "signed_at"})
"""Fields that hold a day or a time."""


def field(name: str) -> str:
    """Return the label of the field *name*, to be translated; its words if it has none."""
    return FIELDS.get(name) or plain(name)


def entered(name: str, value: object, words: Words) -> str:
    """Return the *value* of the field *name* in the language of *words*."""
    text = "\N{EN DASH}" if value is None else str(value)
    if isinstance(value, bool):
        return words.say(_("Yes") if value else _("No"))
    if name == "country":
        return place(text, words)
    if name == "locale":
        return language(text, words)
    known = VALUES.get(name, {})
    return words.say(known[text]) if text in known else text


def named(code: str | None) -> str:
    """Return the name of *code*, to be translated; its words if it has none."""
    known = code or ""
    tables = (CODES, GROUNDS, CLAIMS, LIFTINGS)
    return next((names[known] for names in tables if known in names), plain(known))


def law(policy: str) -> str:
    """Return the name of a law, to be translated: of a *policy* with its edition or without."""
    name = name_of(policy)
    return next((one.title or one.name for one in policies() if name_of(one.id) == name), name)


def reasons(codes: str, words: Words) -> str:
    """Return the names of several *codes*, with commas between them, in the language of *words*."""
    return ", ".join(words.say(named(code)) for code in codes.split(", "))


def choice(name: str, words: Words) -> str:
    """Return the *name* of a choice in the language of *words*; provisions in brackets stay as they are."""
    plain_name, bracket, provisions = name.partition(" (")
    known = words.sentences
    return known.get(name) or known.get(plain_name, plain_name) + bracket + provisions


def place(code: str | None, words: Words) -> str:
    """Return the name of a country or of a part of one; a *code* that has none as it is."""
    if not code:
        return ""
    country = code.partition("-")[0]
    named = countries(words.locale).get(country)
    if named is None or country == code:
        return named or code
    return SUBDIVISIONS.get(country, {}).get(code) or f"{named} ({code})"


def language(tag: str, words: Words) -> str:
    """Return the name of a language; a *tag* that has none as it is."""
    names = words.locale.languages
    return names.get(tag.replace("-", "_")) or names.get(tag.partition("-")[0]) or tag
