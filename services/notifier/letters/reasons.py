"""
Reasons for not doing something, in plain words, each with the provision that allows or demands it.

Events and journals carry the codes; the person reads the sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.pages.translation import mark as _


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


IDENTITY_REASONS = frozenset(
    {
        ReasonCode.IDENTITY_NOT_ESTABLISHED,
        ReasonCode.CODE_EXPIRED,
        ReasonCode.TOO_MANY_ATTEMPTS,
        ReasonCode.DETAILS_DO_NOT_MATCH,
        ReasonCode.NOT_PROVEN_IN_TIME,
        ReasonCode.PROOF_NOT_CONVINCING,
        ReasonCode.PERMISSION_NOT_SHOWN,
        ReasonCode.UNIDENTIFIABLE,
    }
)
"""Reasons that end when the person proves their identity."""


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A reason as the person reads it, and where each regulation has it."""

    sentence: str
    provisions: Mapping[str, str]


def _text(sentence: str, gdpr: str = "", ccpa: str = "", **elsewhere: str) -> ReasonText:
    """Return *sentence*, with *gdpr* for both editions of the GDPR: the articles read alike in both."""
    uk = gdpr.replace("GDPR", "UK GDPR")
    return ReasonText(sentence, {"gdpr": gdpr, "uk_gdpr": uk, "ccpa": ccpa, **elsewhere})


# Citations outside Europe and California were not read, and are to be checked before they are relied on.
IDENTITY = {
    "gdpr": "GDPR Art. 12(6)",
    "ccpa": "11 CCR 7060-7062",
    "fadp": "DPO Art. 16(5)",
    "quebec": "CQLR c. P-39.1 s. 30",
    "pdpa": "Personal Data Protection Regulations 2021 reg. 3",
}
DUTY = {"lgpd": "LGPD Art. 16(I)", "quebec": "CQLR c. P-39.1 s. 23", "dpdp": "DPDP Act s. 12(3)"}
CLAIMS = {"quebec": "CQLR c. P-39.1 s. 39", "fadp": "FADP Art. 26(2)(a)"}
CORRECTION = {"quebec": "CQLR c. P-39.1 s. 28", "fadp": "FADP Art. 32(1)", "pdpa": "PDPA s. 22"}
UNREASONABLE = {"fadp": "FADP Art. 26(1)(c)", "quebec": "CQLR c. P-39.1 s. 46"}

GROUNDS: Mapping[ReasonCode, ReasonText] = {
    ReasonCode.RETENTION_DUTY: _text(
        _("A law obliges us to keep these records."),
        "GDPR Art. 17(3)(b)",
        "Cal. Civ. Code 1798.105(d)(8)",
        **DUTY,
    ),
    ReasonCode.LEGAL_CLAIMS: _text(
        _("We need these records to make or defend legal claims."),
        "GDPR Art. 17(3)(e)",
        "Cal. Civ. Code 1798.145(a)",
        **CLAIMS,
    ),
    ReasonCode.LEGAL_HOLD: _text(
        _("These records are evidence in legal proceedings, and we must not erase them."),
        "GDPR Art. 17(3)(e)",
        "Cal. Civ. Code 1798.145(a)",
        **CLAIMS,
    ),
    ReasonCode.CONTRACT: _text(
        _("We still need these records for a contract with you."),
        "GDPR Art. 6(1)(b), 17(1)(a)",
        "Cal. Civ. Code 1798.105(d)(1)",
    ),
    ReasonCode.STILL_NEEDED: _text(
        _("We still need these records for the purpose that we hold them for."), "GDPR Art. 17(1)(a)"
    ),
    ReasonCode.PURPOSE_ENDED: _text(
        _("We no longer need the data for the purpose that we collected it for."), "GDPR Art. 17(1)(a)"
    ),
    ReasonCode.CONSENT_WITHDRAWN: _text(
        _("We held the data on your consent, and your request withdraws it."), "GDPR Art. 17(1)(b)"
    ),
    ReasonCode.OBJECTION: _text(
        _("Your request is an objection to our use of the data, and we claim no overriding grounds."),
        "GDPR Art. 17(1)(c)",
    ),
    ReasonCode.COLLECTED_FROM_CHILD: _text(
        _("We collected the data on the consent given for you as a child."), "GDPR Art. 17(1)(f)"
    ),
    ReasonCode.SECURITY: _text(
        _("We need these records to keep our services secure."),
        "GDPR Art. 17(1)(a)",
        "Cal. Civ. Code 1798.105(d)(2)",
    ),
    ReasonCode.FREE_EXPRESSION: _text(
        _("Freedom of expression and information protects these records."),
        "GDPR Art. 17(3)(a)",
        "Cal. Civ. Code 1798.105(d)(4)",
    ),
    ReasonCode.PUBLIC_INTEREST: _text(
        _("A task in the public interest needs these records."), "GDPR Art. 17(3)(b)"
    ),
    ReasonCode.RESEARCH: _text(
        _("Archiving, research or statistics need these records."),
        "GDPR Art. 17(3)(d)",
        "Cal. Civ. Code 1798.105(d)(6)",
    ),
    ReasonCode.NOT_COLLECTED_FROM_YOU: _text(
        _("We did not collect these records from you."), ccpa="Cal. Civ. Code 1798.105(a)"
    ),
    ReasonCode.THIRD_PARTY_RIGHTS: _text(
        _("They would show data about other people."),
        "GDPR Art. 15(4)",
        fadp="FADP Art. 26(1)(b)",
        quebec="CQLR c. P-39.1 s. 40",
    ),
    # The provision is for answers of before it was part of them.
    ReasonCode.NEVER_DISCLOSED: _text(
        _("We hold this kind of data, but to protect you we do not send it."), ccpa="11 CCR 7024(d)"
    ),
    ReasonCode.MASKED_VALUE: _text(
        _("To protect you, at most the last characters are shown. Ask us for the whole values.")
    ),
    ReasonCode.PROFESSIONAL_SECRECY: _text(
        _("We are bound to professional secrecy."), fadp="FADP Art. 26(1)(a)"
    ),
    ReasonCode.NOT_PROVIDED_BY_YOU: _text(
        _("It is neither what you gave us nor what we observed. A copy of all your data has it."),
        "GDPR Art. 20(1)",
    ),
    ReasonCode.OTHER_LEGAL_BASIS: _text(
        _("We hold it neither on your consent nor for a contract with you. A copy of all your data has it."),
        "GDPR Art. 20(1)",
    ),
    ReasonCode.NEEDS_MORE_PROOF: _text(
        _(
            "Your proof is enough for the kinds of data, but not for the data itself. "
            "Ask again and prove more, and you get it."
        ),
        ccpa="11 CCR 7024(a), 7062(c)",
    ),
    ReasonCode.IDENTITY_NOT_ESTABLISHED: _text(
        _("We could not make sure that the request comes from the person whose data it is about."), **IDENTITY
    ),
    ReasonCode.CODE_EXPIRED: _text(
        _("We did not get the code that we mailed to you before it expired."), **IDENTITY
    ),
    ReasonCode.TOO_MANY_ATTEMPTS: _text(
        _("A wrong code was entered too often, so we stopped to protect your data."), **IDENTITY
    ),
    ReasonCode.DETAILS_DO_NOT_MATCH: _text(
        _("The details in the request do not match what we hold."), **IDENTITY
    ),
    ReasonCode.NOT_PROVEN_IN_TIME: _text(
        _("What we asked you for, to be sure that it is you, did not come in time."), **IDENTITY
    ),
    ReasonCode.PROOF_NOT_CONVINCING: _text(
        _("What you sent us was not enough to be sure that it is you."), **IDENTITY
    ),
    ReasonCode.PERMISSION_NOT_SHOWN: _text(
        _("Somebody asked in your name, and we could not make sure that you permit it."),
        "GDPR Art. 12(6)",
        "11 CCR 7063",
    ),
    ReasonCode.UNIDENTIFIABLE: _text(
        _("We cannot tell which of our records are about you."), "GDPR Art. 11(2)", "11 CCR 7062(g)"
    ),
    ReasonCode.MANIFESTLY_UNFOUNDED: _text(
        _("The request has clearly no basis."),
        "GDPR Art. 12(5)",
        "Cal. Civ. Code 1798.145(h)(3)",
        **UNREASONABLE,
    ),
    ReasonCode.EXCESSIVE: _text(
        _("The request repeats earlier ones so often that the law does not oblige us to answer."),
        "GDPR Art. 12(5)",
        "Cal. Civ. Code 1798.145(h)(3)",
        **UNREASONABLE,
    ),
    ReasonCode.NOT_MARKABLE: _text(
        _("The system that holds these records cannot mark them. Our staff looks after them by hand.")
    ),
    ReasonCode.NOT_EDITABLE: _text(
        _("This was recorded as it happened, or is decided elsewhere. A request cannot change it."),
        "GDPR Art. 16",
        "11 CCR 7023(b)",
        **CORRECTION,
    ),
    ReasonCode.NOT_FOUND: _text(
        _("We hold no such detail about you."), "GDPR Art. 16", "11 CCR 7023(b)", **CORRECTION
    ),
    ReasonCode.SAME_VALUE: _text(_("Our records say this already.")),
    ReasonCode.WRONG_TYPE: _text(
        _("We could not read the new value. Please write a date as 2026-03-31 and a number in digits.")
    ),
    ReasonCode.AMBIGUOUS: _text(
        _("We hold several different values there. Please tell us which one is wrong.")
    ),
    ReasonCode.NOT_TAKEN: _text(
        _("One of our systems did not take the change. Our staff looks after it by hand.")
    ),
    ReasonCode.OVERTAKEN: _text(
        _("Somebody changed this while we were at it. Please look whether it is right now.")
    ),
    ReasonCode.ACCURACY_VERIFIED: _text(_("We checked your data, and it is correct."), "GDPR Art. 18(1)(a)"),
    ReasonCode.GROUNDS_PREVAIL: _text(
        _("Our reasons to use the data are compelling, and weigh more than your objection."),
        "GDPR Art. 21(1)",
    ),
    ReasonCode.NO_LONGER_NEEDED: _text(_("What the restriction was for has ended."), "GDPR Art. 18(1)"),
    ReasonCode.PERSON_ASKS: _text(_("You asked us to.")),
    ReasonCode.NOT_CHANGEABLE: _text(_("Some details in these records cannot be changed.")),
    ReasonCode.MENTIONED_ELSEWHERE: _text(
        _("Records of other people name you. Our staff looks at each of them.")
    ),
    ReasonCode.SHARED_IDENTITY: _text(
        _("Others have an address or a number of yours, too. We did not search by it.")
    ),
    ReasonCode.UNCONFIRMED_IDENTITY: _text(
        _("Your records name an address or a number that is not confirmed. We did not search by it.")
    ),
    ReasonCode.STORE_RULES: _text(
        _(
            "The rules of one of our databases refused the change. "
            "We try again every day and write to you when they are gone."
        )
    ),
    ReasonCode.STORE_DUPLICATE: _text(
        _(
            "One of our databases allows no two entries that look alike. "
            "We try again every day and write to you when they are gone."
        )
    ),
    ReasonCode.STORE_TOO_LARGE: _text(
        _(
            "They are too large for one of our databases once they are changed. "
            "We try again every day and write to you when they are gone."
        )
    ),
    ReasonCode.STORE_NOT_PERMITTED: _text(
        _(
            "One of our databases does not let us change them yet. "
            "We try again every day and write to you when they are gone."
        )
    ),
    ReasonCode.STORE_REFUSED: _text(
        _(
            "One of our databases refused the change. "
            "We try again every day and write to you when they are gone."
        )
    ),
    ReasonCode.CHANGED_MEANWHILE: _text(
        _(
            "They came or changed while we were erasing. "
            "We try again every day and write to you when they are gone."
        )
    ),
}
