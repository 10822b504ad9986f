"""
The proofs that a request's page asks for, in plain words, and their fields. Pure.

Sentences are marked here and translated when shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.declarations import CURRENT, TEXTS
from shared.contract.events import Code, Evidence, PolicyId, ProofSlot, Requester, RequestReceived
from shared.law import LetterElement, LetterForm, Right
from shared.law.library import policies
from shared.pages.translation import mark as _


@dataclass(frozen=True, slots=True)
class Detail:
    """A value that is compared with the records."""

    name: str
    """Category of personal data, by its name in the data map and the API."""
    label: str
    autocomplete: str
    type: str = "text"
    hint: str = ""

    @property
    def id(self) -> str:
        """The id of its field in the page."""
        return self.name.replace(".", "-")


COUNTRY_CODE = _("With country code: +44 20 7946 0000")
DETAILS = (
    Detail("user.name", _("Full name"), "name"),
    Detail("user.contact.phone_number", _("Phone number"), "tel", "tel", COUNTRY_CODE),
    Detail("user.contact.address.street", _("Street and house number"), "address-line1"),
    Detail("user.contact.address.postal_code", _("Postal code"), "postal-code"),
    Detail("user.demographic.date_of_birth", _("Date of birth"), "bday", "date"),
    Detail("user.unique_id", _("Customer number"), "off", hint=_("It is on our letters and invoices.")),
)  # fmt: skip
LEAST_DETAILS: Mapping[Evidence, int] = {Evidence.TWO_POINTS: 2, Evidence.THREE_POINTS: 3}


@dataclass(frozen=True, slots=True)
class DocumentUpload:
    """A document to upload."""

    slot: ProofSlot
    label: str
    visible: str
    """The parts that must be legible."""
    covered: str
    """The parts that may be covered."""


UPLOADS: Mapping[Evidence, DocumentUpload] = {
    Evidence.IDENTITY_DOCUMENT: DocumentUpload(
        ProofSlot.IDENTITY,
        _("Passport, identity card or driving licence"),
        _(
            "We need to read your name, your date of birth, the date until which it is valid, and the "
            "machine-readable lines (<<<) with the number in them. On a card these are often on the "
            "back: put both sides into one picture or PDF. On a North American licence it is the barcode."
        ),
        _(
            "You may cover everything else: your photo, your signature, your height and eye colour, and "
            "any national identification, tax or social security number that is not in those lines."
        ),
    ),
    Evidence.ADDRESS_DOCUMENT: DocumentUpload(
        ProofSlot.ADDRESS,
        _("Recent bill or statement from a utility, phone company, bank or card company"),
        _("We need to read your name, your address, the date, and who sent it."),
        _(
            "Cover everything else: amounts, account and card numbers, meter readings, lists of payments "
            "or calls."
        ),
    ),
    Evidence.PERMISSION: DocumentUpload(
        ProofSlot.PERMISSION,
        _("Signed permission to make the request for this person"),
        _(
            "We need to read the names of both people, the purpose of the permission, the date and the "
            "signature. A power of attorney is accepted as well."
        ),
        _("You may cover everything else."),
    ),
}
"""Evidence → its document. The legible parts are those that the check reads."""

WORDS: Mapping[Evidence, str] = {
    Evidence.ACCOUNT: _("Sign in to your account with us and confirm the request there."),
    Evidence.MAILBOX: _("Enter the code that we emailed to you."),
    Evidence.TWO_POINTS: _("Provide two details that we can compare with our records."),
    Evidence.THREE_POINTS: _("Provide three details that we can compare with our records."),
    Evidence.DECLARATION: _("Sign a declaration."),
    Evidence.IDENTITY_DOCUMENT: _("Send a picture of your passport, identity card or driving licence."),
    Evidence.ADDRESS_DOCUMENT: _("Send a recent bill or statement with your address."),
    Evidence.PERMISSION: _("Send a signed permission to make the request for this person."),
    Evidence.CONFIRMATION: _("Confirm your request on this page."),
    Evidence.RECORDS: _("Wait until we have compared the documents with our records."),
}
"""Evidence → the instruction for the person."""
THEIR_CODE = _("Enter the code that we emailed to the person the request is about.")
"""The same for the code of an agent's request: it goes to the person alone; for a child, to the parent."""

ERASED = _("Your data will be erased. This cannot be undone.")
SENT = _("Your data will be sent to %(recipient)s. This cannot be undone.")
KEPT_WAITING = "too_many_codes"
"""Reason of a missing code: no proof was rejected."""
SETBACKS: Mapping[Code, str] = {
    "wrong_code": _("This is not the code that we emailed last."),
    KEPT_WAITING: _(
        "Many codes were sent to this address recently, so the next one is delayed. It will be sent "
        "automatically. You can also prove your identity in another way."
    ),
    "code_expired": _("The code has expired. Please request another one."),
    "no_code_issued": _("No code has been sent yet."),
    "too_many_attempts": _("There were too many attempts. Please prove your identity in another way."),
    "details_do_not_match": _("The details were not sufficient to confirm your identity."),
    "document_unreadable": _(
        "We could not read the document well enough. Take the picture in good light, sharp, straight and "
        "with all four corners, or send a PDF."
    ),
    "document_not_accepted": _(
        "We could not accept this document. Please make sure that it is one that we ask for, that it is "
        "yours, still valid or recent enough, and in the name in your request."
    ),
    "document_not_decrypted": _(
        "We could not decrypt the file. Please encrypt it again with our OpenPGP key, or upload it on the "
        "page of your request without encryption."
    ),
    "log_in_failed": _("The sign-in did not work. Please sign in again."),
    "code_by_mail": _(
        "A code counts by mail only if your mail provider confirms who sent it. Please enter it here."
    ),
    "decl_text_version": _("The wording of the declaration has changed. Please read it and sign it again."),
    "decl_stale": _("The declaration was signed too long ago. Please sign it again."),
    "decl_name_mismatch": _("Please sign the declaration with your name as in your request."),
}
"""Reason against a proof → the remedy, without details that would help an attacker."""
UNCONVINCED = _("It was not enough to confirm that it is you.")
MEANINGS: Mapping[str, str] = {
    "2026-11": _(
        "I declare under penalty of perjury under the laws of the State of California that I am the "
        "person whose personal information this request is about, and that what I have said is true."
    ),
}
"""Version of the declaration → its text, for translation. The English text is signed and stored."""
ABOUT_CODES = frozenset({None, "wrong_code", "code_expired", "no_code_issued", "code_by_mail"})
"""Reasons that make the tries left those of the code."""
STANDINGS: Mapping[CaseStatus, str] = {
    CaseStatus.UNKNOWN: _("Received; it is being registered"),
    CaseStatus.RECEIVED: _("Received; we are confirming that it comes from you"),
    CaseStatus.CHALLENGED: _("Waiting for proof of your identity"),
    CaseStatus.VERIFIED: _("Confirmed; we are working on it"),
    CaseStatus.REFERRED: _("Confirmed; our privacy staff is working on it"),
    CaseStatus.REFUSED: _("Refused; our letter explains why"),
    CaseStatus.ANSWERED: _("Answered; our letter is on its way"),
    CaseStatus.FORWARDED: _("Forwarded to our customer, which decides about the data"),
    CaseStatus.DUPLICATE: _(
        "You have already made this request; our letter explains where to see its status"
    ),
    CaseStatus.WITHDRAWN: _("Withdrawn"),
    CaseStatus.CLOSED: _("Answered and closed"),
    CaseStatus.PURGED: _("Closed long ago; we no longer keep any data about it"),
}
FEE_WAITS = _("Waiting for your decision about an answer that has a fee")
ERASURE_WAITS = _("Confirmed; your data will be erased, and you can still stop it")
WORKED_ON = _("We are working on it")
LOOKED_AT = _("Our privacy staff is reviewing what you sent")
CONFIRMATION_WAITS = _("Waiting for you to confirm your request")
CODE_WAITS = _("Waiting for your code")
CHECKED = _("We are checking what you sent")
STOPPED = _("Stopped; our privacy staff will review it before anything else happens")


@dataclass(frozen=True, slots=True)
class Forms:
    """The fields of one or several proof ways."""

    code: bool = False
    confirmation: bool = False
    details: int = 0
    """Minimum number of details; 0 without any."""
    declaration: bool = False
    uploads: tuple[DocumentUpload, ...] = ()

    def __bool__(self) -> bool:
        """Whether it has any field."""
        return self.code or self.confirmation or bool(self.details) or self.declaration or bool(self.uploads)


@dataclass(frozen=True, slots=True)
class ProofForm:
    """The proofs that the person is asked for."""

    ways: tuple[tuple[str, ...], ...]
    """The steps of each way; the least intrusive way first."""
    first: Forms
    """Fields of the first way with fields on this page."""
    others: Forms
    """Additional fields of the others."""
    setback: str
    """Why the last proof was not accepted; empty without one."""
    kept_waiting: bool
    """Whether no proof was rejected: the code has not come."""
    tries_left: int | None
    provisions: tuple[str, ...]
    """Where the laws allow to ask; the names of laws that do not say where."""
    by_agent: bool
    account: bool = False
    """Whether a sign-in to the account is a way."""
    strong_code: bool = False
    """Whether the code has eight letters."""
    consequence: str = ""
    """The effect of a confirmation, if it cannot be undone."""
    wording: str = CURRENT
    text: str = TEXTS[CURRENT]
    meaning: str = MEANINGS[CURRENT]


def _provisions(laws: Iterable[PolicyId]) -> tuple[str, ...]:
    editions = map(policies().named, laws)
    found = (
        law.letter_provision(LetterElement.PROVISION, LetterForm.PROOF_WANTED) or law.title or law.name
        for law in editions
    )
    return tuple(dict.fromkeys(found))


def proof_form_of(case: IntakeCase) -> ProofForm | None:
    """Return the proofs that *case* needs; None without any, or while the staff decides."""
    if case.status is not CaseStatus.CHALLENGED or case.received is None or case.stopped is not None:
        return None
    first = frozenset[Evidence]()
    if not case.in_review:
        first = next((frozenset(way) for way in case.wanted if Evidence.ACCOUNT not in way), first)
    code, confirmation = awaits_code(case), awaits_confirmation(case)
    if confirmation:
        first = frozenset({Evidence.CONFIRMATION})
    others = frozenset() if case.in_review else _all_wanted(case) - first
    if first & LEAST_DETAILS.keys():
        others -= LEAST_DETAILS.keys()  # one form for details is enough
    requester = case.received.requester
    reason = case.proof_refused_for
    asked = ProofForm(
        ways=() if case.in_review and not confirmation else _ways(case, theirs=requester is Requester.AGENT),
        first=_forms(
            first,
            code=code and (Evidence.MAILBOX in first or _confirms(case) or not case.wanted or case.in_review),
            confirmation=confirmation,
        ),
        others=_forms(others, code=code and Evidence.MAILBOX in others),
        setback="" if case.in_review or reason is None else SETBACKS.get(reason, UNCONVINCED),
        kept_waiting=reason == KEPT_WAITING,
        account=not case.in_review and Evidence.ACCOUNT in _all_wanted(case),
        tries_left=case.tries_left if reason in ABOUT_CODES else None,
        provisions=_provisions(case.received.laws),
        by_agent=requester is not Requester.PERSON,
        strong_code=case.received.irreversible,
        consequence=consequence_of(case.received),
    )
    return asked if asked.ways or asked.first else None


def awaits_code(case: IntakeCase) -> bool:
    """Return whether a mailed code is still open."""
    useful = _confirms(case) or any(Evidence.MAILBOX in way for way in case.wanted)
    return case.codes > 0 and (not case.wanted or useful)


def awaits_confirmation(case: IntakeCase) -> bool:
    """Return whether the person can confirm on the page: all else is there, and no code is needed."""
    unreachable = case.received is not None and not case.received.reachable
    return case.awaits_proof and _confirms(case) and (unreachable or case.in_review)


def _confirms(case: IntakeCase) -> bool:
    """Return whether only the person's confirmation is missing."""
    return case.wanted == ((Evidence.CONFIRMATION,),)


def consequence_of(received: RequestReceived) -> str:
    """Return the effect of confirming an erasure or a transfer; empty if it can be undone."""
    if received.right is Right.ERASURE:
        return ERASED
    return SENT if received.transfers else ""


def status_text(case: IntakeCase) -> str:
    """Return the status of *case* in a few words; only a duplicate's letter names the first request."""
    if case.stopped is not None and (case.withdrawable or case.status is CaseStatus.ANSWERED):
        return STOPPED
    if case.duplicated is not None:
        return STANDINGS[CaseStatus.DUPLICATE]
    if case.awaits_agreement:
        return FEE_WAITS
    if case.status in {CaseStatus.RECEIVED, CaseStatus.VERIFIED} and case.taken_at_its_word:
        return WORKED_ON
    if case.status is not CaseStatus.CHALLENGED:
        return STANDINGS[case.status]
    if _confirms(case):
        return CONFIRMATION_WAITS
    if case.in_review:
        return LOOKED_AT
    if case.paused_since is not None or (case.proof_refused_for is not None and not awaits_code(case)):
        return STANDINGS[case.status]
    if awaits_code(case):
        return CODE_WAITS
    return CHECKED


def least_details(case: IntakeCase) -> int:
    """Return the minimum number of details that *case* can use."""
    return _forms(_all_wanted(case), code=False).details or min(LEAST_DETAILS.values())


def _all_wanted(case: IntakeCase) -> frozenset[Evidence]:
    return frozenset(one for way in case.wanted for one in way)


def _ways(case: IntakeCase, *, theirs: bool) -> tuple[tuple[str, ...], ...]:
    on_page = awaits_confirmation(case) or case.received is None or not case.received.reachable
    return tuple(_steps(way, theirs=theirs, on_page=on_page) for way in case.wanted)


def _steps(way: Iterable[Evidence], *, theirs: bool, on_page: bool) -> tuple[str, ...]:
    """Return the steps of *way*. A mailed code is the confirmation, if one can be mailed."""
    code = THEIR_CODE if theirs else WORDS[Evidence.MAILBOX]
    words = {
        **WORDS,
        Evidence.MAILBOX: code,
        Evidence.CONFIRMATION: WORDS[Evidence.CONFIRMATION] if on_page else code,
    }
    return tuple(dict.fromkeys(words[one] for one in way))


def _forms(evidence: frozenset[Evidence], *, code: bool, confirmation: bool = False) -> Forms:
    return Forms(
        code=code,
        confirmation=confirmation,
        details=min((least for one, least in LEAST_DETAILS.items() if one in evidence), default=0),
        declaration=Evidence.DECLARATION in evidence,
        uploads=tuple(upload for one, upload in UPLOADS.items() if one in evidence),
    )
