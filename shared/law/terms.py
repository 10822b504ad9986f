"""Terms of laws: rights, roles, letters and fees."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.vocabulary import FeeReason as FeeReason  # noqa: PLC0414 - the law's names are found here
from shared.vocabulary import LetterForm as LetterForm  # noqa: PLC0414 - the same
from shared.vocabulary import Right as Right  # noqa: PLC0414 - the same


class Regulation(StrEnum):
    """The law a request is answered under; the laws of the States of the US but California's are one."""

    GDPR = "gdpr"
    UK_GDPR = "uk_gdpr"
    FADP = "fadp"
    CCPA = "ccpa"
    US_STATE = "us_state"
    LGPD = "lgpd"
    PIPEDA = "pipeda"
    QUEBEC = "quebec"
    DPDP = "dpdp"
    PIPL = "pipl"
    PDPA = "pdpa"
    OTHER = "other"
    """A law with a policy and without a name of its own here."""


class Role(StrEnum):
    """The person's role towards the company."""

    CONSUMER = "consumer"
    EMPLOYEE = "employee"
    """Also applicants, and contractors."""
    BUSINESS_CONTACT = "business_contact"
    """A person acting for another company."""
    END_USER = "end_user"
    """A person in the data that the company holds for a customer, on the customer's orders."""


PROOFLESS = frozenset({Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE, Right.CONSENT_WITHDRAWAL})
"""
Rights that anyone may exercise for anyone: the worst that can happen is that less is done with the data.

Law:
    11 CCR §§ 7026(d), 7027(e), 7060(b): no verification of requests to opt out or to limit.
    GDPR Art. 7(3): withdrawing consent is as easy as giving it.
"""

DIRECT_MARKETING = "direct_marketing"
"""Scope of an objection to direct marketing alone."""


def needs_proof(right: Right, *, direct_marketing: bool = False) -> bool:
    """
    Return whether *right* needs proof of identity; *direct_marketing*: an objection to that alone.

    Law:
        GDPR Art. 21(2)-(3): an objection to direct marketing stops it, for any reason. Nothing is
        weighed and nothing can go wrong, so there is no doubt to clear (Art. 12(6)).
        11 CCR §§ 7026(d), 7027(e), 7060(b): see :data:`PROOFLESS`.
    """
    return right not in PROOFLESS and not (right is Right.OBJECTION and direct_marketing)


class LetterElement(StrEnum):
    """An element of a letter, named like its block."""

    ABOUT = "about"
    ALTERNATIVE = "alternative"
    ANSWER = "answer"
    APPEAL = "appeal"
    APPEAL_DECISION = "appeal-decision"
    ASK_AGAIN = "ask-again"
    BACKUPS = "backups"
    BLACK_OUT = "black-out"
    BLACKED_OUT = "blacked-out"
    CATEGORIES = "categories"
    CERTIFICATE = "certificate"
    CHOICE = "choice"
    CLOCK_STANDS = "clock-stands"
    COMPLAINT = "complaint"
    COMPLAINT_AFTER_APPEAL = "complaint-after-appeal"
    COMPLAINT_AFTER_GRIEVANCE = "complaint-after-grievance"
    COMPLAINT_PROCEDURE = "complaint-procedure"
    CONTACT = "contact"
    CONTENTS = "contents"
    CORRECTED = "corrected"
    DECLARATION = "declaration"
    DECLINED = "declined"
    DELETION = "deletion"
    DUE = "due"
    ERASED = "erased"
    EXTENSION = "extension"
    FEE = "fee"
    FRESH_CODE = "fresh-code"
    GRIEVANCE = "grievance"
    HELP = "help"
    INSTEAD = "instead"
    KEPT = "kept"
    KEPT_USE = "kept-use"
    LEFT = "left"
    LOOK_AGAIN = "look-again"
    MARKED = "marked"
    MASKED = "masked"
    NARROWING = "narrowing"
    NOT_YOU = "not-you"
    OFFICER = "officer"
    OPT_OUT = "opt-out"
    OTHER_AUTHORITY = "other-authority"
    TRANSFER = "transfer"
    PACKAGE = "package"
    PRIVACY_POLICY = "privacy-policy"
    PROCESS = "process"
    PROMISE = "promise"
    PROVISION = "provision"
    PURPOSE = "purpose"
    REASONS = "reasons"
    RECEIPT = "receipt"
    RECIPIENTS = "recipients"
    RECORD_KEPT = "record-kept"
    RECORD_KEPT_24_MONTHS = "record-kept-24-months"
    RECOURSE_LIMIT = "recourse-limit"
    REMEDY = "remedy"
    REQUEST = "request"
    RIGHTS = "rights"
    SALE_RIGHTS = "sale-rights"
    SEARCHED = "searched"
    STATEMENT = "statement"
    VERIFICATION = "verification"
    WHO_ASKS = "who-asks"
    WHY = "why"
    WITHDRAWAL = "withdrawal"
    WITHHELD = "withheld"


TELL_DAYS = frozenset(
    {
        LetterElement.APPEAL,
        LetterElement.COMPLAINT_PROCEDURE,
        LetterElement.GRIEVANCE,
        LetterElement.RECOURSE_LIMIT,
    }
)
"""Elements that state a number of days."""


class ProofLevel(StrEnum):
    """How surely a law demands that the requester is the data subject, the least first."""

    MAILBOX = "mailbox"
    REASONABLE = "reasonable"
    REASONABLY_HIGH = "reasonably_high"


class ReasonCode(StrEnum):
    """Grounds on which data is kept or withheld, or a request refused."""

    RETENTION_DUTY = "retention_duty"
    LEGAL_CLAIMS = "legal_claims"
    LEGAL_HOLD = "legal_hold"
    CONTRACT = "contract"
    SECURITY = "security"
    FREE_EXPRESSION = "free_expression"
    PUBLIC_INTEREST = "public_interest"
    RESEARCH = "research"
    NOT_COLLECTED_FROM_YOU = "not_collected_from_you"
    THIRD_PARTY_RIGHTS = "third_party_rights"
    NEVER_DISCLOSED = "never_disclosed"
    MASKED_VALUE = "masked_value"
    PROFESSIONAL_SECRECY = "professional_secrecy"
    NOT_PROVIDED_BY_YOU = "not_provided_by_you"
    OTHER_LEGAL_BASIS = "other_legal_basis"
    NEEDS_MORE_PROOF = "needs_more_proof"
    IDENTITY_NOT_ESTABLISHED = "identity_not_established"
    CODE_EXPIRED = "code_expired"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    DETAILS_DO_NOT_MATCH = "details_do_not_match"
    NOT_PROVEN_IN_TIME = "not_proven_in_time"
    PROOF_NOT_CONVINCING = "proof_not_convincing"
    PERMISSION_NOT_SHOWN = "permission_not_shown"
    UNIDENTIFIABLE = "unidentifiable"
    MANIFESTLY_UNFOUNDED = "manifestly_unfounded"
    EXCESSIVE = "excessive"
    NOT_MARKABLE = "not_markable"
    NOT_EDITABLE = "not_editable"
    NOT_FOUND = "not_found"
    SAME_VALUE = "same_value"
    WRONG_TYPE = "wrong_type"
    AMBIGUOUS = "ambiguous"
    NOT_TAKEN = "not_taken"
    OVERTAKEN = "overtaken"
    ACCURACY_VERIFIED = "accuracy_verified"
    GROUNDS_PREVAIL = "grounds_prevail"
    NO_LONGER_NEEDED = "no_longer_needed"
    STILL_NEEDED = "still_needed"
    PURPOSE_ENDED = "purpose_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    COLLECTED_FROM_CHILD = "collected_from_child"
    UNLAWFUL_PROCESSING = "unlawful_processing"
    ERASURE_DUTY = "erasure_duty"
    PERSON_ASKS = "person_asks"
    STORE_RULES = "store_rules"
    STORE_DUPLICATE = "store_duplicate"
    STORE_TOO_LARGE = "store_too_large"
    STORE_NOT_PERMITTED = "store_not_permitted"
    STORE_REFUSED = "store_refused"
    CHANGED_MEANWHILE = "changed_meanwhile"
    MENTIONED_ELSEWHERE = "mentioned_elsewhere"
    SHARED_IDENTITY = "shared_identity"
    UNCONFIRMED_IDENTITY = "unconfirmed_identity"
    NOT_CHANGEABLE = "not_changeable"


class Money(BaseModel):
    """An amount."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid", hide_input_in_errors=True)

    amount: Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=2)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """ISO 4217: ``EUR``."""

    def __str__(self) -> str:
        """Return both as they are written: ``12.50 EUR``."""
        return f"{self.amount:.2f} {self.currency}"


@dataclass(frozen=True, slots=True)
class GivenCopies:
    """Copies that a person was given within twelve months."""

    total: int = 0
    same: int = 0
    """Those of them with the content of a copy now."""
