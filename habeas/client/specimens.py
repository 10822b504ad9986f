"""
Letters of each kind and outcome, to a fictional person, for previews and tests.

Addresses are those that RFC 2606 keeps for examples; the company and the authority are none.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.notifier.domain import authorities
from services.notifier.letters.composer import LetterRequest
from services.notifier.letters.letter_models import (
    AccessOutcome,
    Acknowledgement,
    AliasCode,
    AppealDecidedLetter,
    AppealReceivedLetter,
    AuthorityContact,
    Clarification,
    CodeLetter,
    CodePurpose,
    ComplaintDecided,
    ComplaintReceived,
    Duplicate,
    ErasureAnnounced,
    ErasureOutcome,
    Extension,
    FeeQuotedLetter,
    Forwarded,
    ForwardedToController,
    IdentityCheck,
    InReview,
    LetterFacts,
    Lifting,
    NamedMailbox,
    OverdueLetter,
    PackageExpiringLetter,
    PackageLetter,
    ProofOption,
    ProofWanted,
    RefusalLetter,
    Reminder,
    Representative,
    RequestDone,
    RequestReceipt,
    Sender,
    Setback,
    Weighing,
    Withdrawn,
)
from services.notifier.letters.reasons import ReasonCode
from shared.contract.answer import (
    AnswerGroup,
    CorrectedValue,
    DeclinedCorrection,
    KeptGroup,
    LeftGroup,
    TransferResult,
    WithheldGroup,
)
from shared.contract.events import Evidence, ExtensionReason, Outcome
from shared.law import FeeReason, Money, Policy, Right
from shared.law.library import policies

WRITTEN_AT = datetime(2026, 3, 5, 13, 30, tzinfo=UTC)
REFERENCE = "5f0c" * 8
RECEIVED, DUE, DONE = date(2026, 3, 2), date(2026, 4, 2), date(2026, 3, 4)

SENDER = Sender(
    name="Example Networks GmbH",
    address="privacy@example.com",
    reply_to="answers@example.com",
    contact="dataprotection@example.com",
    postal_address=("Beispielweg 1", "10115 Berlin"),
    data_protection_officer="officer@example.com",
    privacy_policy_url="https://www.example.com/privacy",
    complaint_url="https://www.example.com/complaints",
    opt_out_url="https://www.example.com/opt-out",
    zone=ZoneInfo("Europe/Berlin"),
)
AUTHORITY = AuthorityContact(
    "Authority of Examplia", "https://authority.example.org", "Amtsgasse 2, 10969 Berlin"
)
EXPIRY = datetime(2026, 3, 19, 11, 0, tzinfo=UTC)
LATER, APPEALED = date(2026, 6, 2), date(2026, 4, 6)

PACKAGE = PackageLetter(
    "https://privacy.example.com/package/5f0c",
    EXPIRY,
    (AnswerGroup(label="Invoices", records=1204), AnswerGroup(label="Support tickets", records=3)),
)
KEPT = KeptGroup(
    label="Invoices",
    records=7,
    reason=ReasonCode.RETENTION_DUTY,
    citation="§ 147 AO",
    until=date(2034, 12, 31),
)
ONE_BY_ONE = KEPT.model_copy(update={"label": "Receipts", "first": date(2027, 12, 31)})
ON_HOLD = KeptGroup(label="Contracts", records=1, reason=ReasonCode.LEGAL_HOLD)
BLACKED_OUT = (AnswerGroup(label="Names of other people", records=4),)
WITHHELD = WithheldGroup(label="Password", reason=ReasonCode.NEVER_DISCLOSED)
RECIPIENTS = ("Billing Partner Ltd", "Mail Sender Inc")
SEARCHED = ("Customer portal", "Billing")
CORRECTED = (
    CorrectedValue(label="Accounts: City", before="Bremen", after="Berlin"),
    CorrectedValue(label="Accounts: Password"),
)
WANTED = ProofOption(
    (
        (Evidence.ACCOUNT,),
        (Evidence.MAILBOX, Evidence.TWO_POINTS, Evidence.DECLARATION),
        (Evidence.THREE_POINTS, Evidence.PERMISSION),
        (Evidence.IDENTITY_DOCUMENT, Evidence.ADDRESS_DOCUMENT, Evidence.RECORDS),
    ),
    datetime(2026, 4, 2, 13, 30, tzinfo=UTC),
    "https://privacy.example.com/r/5f0c",
    clock_stands=True,
)
NOT_EDITABLE = DeclinedCorrection(label="Invoices: city", reason=ReasonCode.NOT_EDITABLE)
NOT_MARKABLE = LeftGroup(label="Server logs", records=40, reason=ReasonCode.NOT_MARKABLE)


def access(outcome: Outcome, right: Right = Right.ACCESS) -> AccessOutcome:
    """Return the answer to a request for data."""
    match outcome:
        case Outcome.GRANTED:
            return AccessOutcome(right, RECEIVED, outcome, PACKAGE)
        case Outcome.PARTLY_GRANTED:
            return AccessOutcome(right, RECEIVED, outcome, PACKAGE, withheld=(WITHHELD,))
        case Outcome.NOTHING_HELD:
            return AccessOutcome(right, RECEIVED, outcome, searched=SEARCHED)
        case Outcome.REFUSED:
            raise ValueError("a refusal is a letter of its own")


def erasure(outcome: Outcome, copy: PackageLetter | None = None) -> ErasureOutcome:
    """Return the answer to a request for erasure."""
    erased, masked = (
        (AnswerGroup(label="Accounts", records=2), AnswerGroup(label="Support tickets", records=3)),
        (AnswerGroup(label="Server logs", records=40),),
    )
    match outcome:
        case Outcome.GRANTED:
            return ErasureOutcome(
                outcome, RECEIVED, DONE, "C-17", erased, masked, recipients=RECIPIENTS, package=copy
            )
        case Outcome.PARTLY_GRANTED:
            return ErasureOutcome(
                outcome,
                RECEIVED,
                DONE,
                "C-17",
                erased,
                masked,
                (KEPT, ONE_BY_ONE, ON_HOLD),
                RECIPIENTS,
                ("Tax adviser",),
            )
        case Outcome.NOTHING_HELD:
            return ErasureOutcome(outcome, RECEIVED, DONE, "C-17", searched=SEARCHED)
        case Outcome.REFUSED:
            raise ValueError("a refusal is a letter of its own")


def permit(representative: Representative) -> CodeLetter:
    """Return the code that confirms the requester's permission."""
    return CodeLetter(
        "402815",
        WRITTEN_AT,
        CodePurpose.IDENTITY,
        WANTED.url,
        representative=representative,
        right=representative.right,
    )


def acknowledging(code: str, right: Right) -> CodeLetter:
    """Return the code that confirms the receipt of the request as well."""
    url = f"{WANTED.url}?code={code}"
    receipt = RequestReceipt(RECEIVED, DUE)
    return CodeLetter(code, WRITTEN_AT, CodePurpose.IDENTITY, url, right=right, receipt=receipt)


def refusal(*reasons: ReasonCode, right: Right = Right.ACCESS) -> RefusalLetter:
    """Return a refusal."""
    return RefusalLetter(right, RECEIVED, reasons)


LETTERS: dict[str, LetterFacts] = {
    "acknowledgement": Acknowledgement(Right.ACCESS, RECEIVED, DUE, IdentityCheck.CODE),
    "acknowledgement of an opt-out": Acknowledgement(
        Right.OPT_OUT_OF_SALE, RECEIVED, DUE, IdentityCheck.NONE
    ),
    "code": CodeLetter(
        "402815", WRITTEN_AT, CodePurpose.IDENTITY, "https://privacy.example.com/r/5f0c", right=Right.ACCESS
    ),
    "code that acknowledges": acknowledging("402815", Right.ACCESS),
    "code that acknowledges an erasure": replace(acknowledging("WDJB-MJHT", Right.ERASURE), more=True),
    "code to erase": CodeLetter(
        "WDJB-MJHT",
        WRITTEN_AT,
        CodePurpose.IDENTITY,
        "https://privacy.example.com/r/5f0c",
        right=Right.ERASURE,
    ),
    "code to transfer": CodeLetter(
        "WDJB-MJHT",
        WRITTEN_AT,
        CodePurpose.IDENTITY,
        "https://privacy.example.com/r/5f0c",
        right=Right.PORTABILITY,
        recipient="import.example.com",
    ),
    "code for the package": CodeLetter("402815", WRITTEN_AT, CodePurpose.DOWNLOAD),
    "code, and more": CodeLetter(
        "402815",
        WRITTEN_AT,
        CodePurpose.IDENTITY,
        "https://privacy.example.com/r/5f0c?code=402815",
        more=True,
        right=Right.ACCESS,
    ),
    "code to permit": permit(Representative(Right.ERASURE, "Helfer e. V.")),
    "code to permit a parent": permit(Representative(Right.ACCESS, "Bruno Ferreira", parent=True)),
    "code to permit an agent": permit(Representative(Right.ACCESS)),
    "proof wanted": ProofWanted(Right.ACCESS, RECEIVED, WANTED),
    "another proof wanted": ProofWanted(
        Right.ERASURE, RECEIVED, replace(WANTED, ways=((Evidence.TWO_POINTS,),)), Setback.DOCUMENT_UNREADABLE
    ),
    "proof wanted of the person": ProofWanted(
        Right.ACCESS, RECEIVED, replace(WANTED, representative=Representative(Right.ACCESS, "Helfer e. V."))
    ),
    "reminder": Reminder(Right.ACCESS, RECEIVED, WANTED),
    "clarification": Clarification(
        RECEIVED, (Right.ACCESS, Right.ERASURE, Right.RECTIFICATION), "https://privacy.example.com"
    ),
    "in review": InReview(Right.ACCESS, RECEIVED, WANTED.url),
    "access granted": access(Outcome.GRANTED),
    "access partly granted": access(Outcome.PARTLY_GRANTED),
    "access, nothing held": access(Outcome.NOTHING_HELD),
    "access with texts blacked out": replace(access(Outcome.GRANTED), blacked_out=BLACKED_OUT),
    "access with an identity that is not confirmed": replace(access(Outcome.GRANTED), unconfirmed=True),
    "categories": replace(access(Outcome.GRANTED, Right.KNOW_CATEGORIES), categories=("Name", "Invoices")),
    "categories instead of data": replace(
        access(Outcome.PARTLY_GRANTED),
        categories=("Name", "Invoices"),
        withheld=(WithheldGroup(label="The data itself", reason=ReasonCode.NEEDS_MORE_PROOF),),
    ),
    "portability": replace(
        access(Outcome.PARTLY_GRANTED, Right.PORTABILITY),
        withheld=(
            WithheldGroup(label="Scores", reason=ReasonCode.NOT_PROVIDED_BY_YOU),
            WithheldGroup(label="Invoices", reason=ReasonCode.OTHER_LEGAL_BASIS),
        ),
        transfer=TransferResult(to="import.example.com", done=True),
    ),
    "portability, not taken": replace(
        access(Outcome.GRANTED, Right.PORTABILITY),
        transfer=TransferResult(to="import.example.com", done=False, reason="refused"),
    ),
    "portability, no address": replace(
        access(Outcome.GRANTED, Right.PORTABILITY),
        transfer=TransferResult(to="", done=False, reason="not_allowed"),
    ),
    "erasure granted": erasure(Outcome.GRANTED),
    "erasure with a copy": erasure(Outcome.GRANTED, copy=PACKAGE),
    "erasure partly granted": erasure(Outcome.PARTLY_GRANTED),
    "erasure, nothing held": erasure(Outcome.NOTHING_HELD),
    "correction": RequestDone(Right.RECTIFICATION, RECEIVED, DONE, RECIPIENTS, corrected=CORRECTED),
    "correction in part": RequestDone(
        Right.RECTIFICATION,
        RECEIVED,
        DONE,
        RECIPIENTS,
        outcome=Outcome.PARTLY_GRANTED,
        corrected=CORRECTED,
        declined=(NOT_EDITABLE,),
        statement_kept=True,
    ),
    "restriction": RequestDone(
        Right.RESTRICTION, RECEIVED, DONE, RECIPIENTS, marked=(AnswerGroup(label="Accounts", records=2),)
    ),
    "restriction in part": RequestDone(
        Right.RESTRICTION,
        RECEIVED,
        DONE,
        RECIPIENTS,
        outcome=Outcome.PARTLY_GRANTED,
        marked=(AnswerGroup(label="Accounts", records=2),),
        left=(NOT_MARKABLE,),
    ),
    "restriction, nothing held": RequestDone(
        Right.RESTRICTION, RECEIVED, DONE, outcome=Outcome.NOTHING_HELD, searched=SEARCHED
    ),
    "weighing": Weighing(Right.OBJECTION, RECEIVED),
    "scheduled erasure": ErasureAnnounced(RECEIVED, EXPIRY, WANTED.url),
    "lifting": Lifting(Right.RESTRICTION, RECEIVED, ReasonCode.ACCURACY_VERIFIED),
    "objection": RequestDone(Right.OBJECTION, RECEIVED, DONE),
    "withdrawal of consent": RequestDone(Right.CONSENT_WITHDRAWAL, RECEIVED, DONE),
    "opt-out": RequestDone(Right.OPT_OUT_OF_SALE, RECEIVED, DONE, RECIPIENTS),
    "limit": RequestDone(Right.LIMIT_SENSITIVE_USE, RECEIVED, DONE, RECIPIENTS),
    "refusal": refusal(ReasonCode.TOO_MANY_ATTEMPTS),
    "refusal of an erasure": refusal(ReasonCode.RETENTION_DUTY, ReasonCode.EXCESSIVE, right=Right.ERASURE),
    "refusal of a correction": RefusalLetter(
        Right.RECTIFICATION, RECEIVED, (ReasonCode.NOT_EDITABLE,), declined=(NOT_EDITABLE,)
    ),
    "code to another mailbox, access": AliasCode("BCDF-GHJK", EXPIRY, Right.ACCESS),
    "code to another mailbox, erasure": AliasCode("BCDF-GHJK", EXPIRY, Right.ERASURE),
    "code to another mailbox, correction": AliasCode("BCDF-GHJK", EXPIRY, Right.RECTIFICATION),
    "named mailbox, access": NamedMailbox(Right.ACCESS),
    "named mailbox, erasure": NamedMailbox(Right.ERASURE),
    "withdrawn": Withdrawn(Right.ACCESS, RECEIVED, DONE),
    "withdrawn by silence": Withdrawn(Right.ACCESS, RECEIVED, DONE, deemed=True),
    "extension": Extension(Right.ACCESS, RECEIVED, DUE, LATER, ExtensionReason.COMPLEXITY),
    "late": OverdueLetter(Right.ACCESS, RECEIVED, DUE, date(2026, 4, 10)),
    "late, no day": OverdueLetter(Right.ERASURE, RECEIVED, DUE),
    "duplicate": Duplicate(Right.ACCESS, DONE, RECEIVED, "77d1" * 8, DUE, WANTED.url),
    "forwarded": Forwarded(Right.ERASURE, RECEIVED, DONE, "Example Customer AG"),
    "forwarded to a customer": Forwarded(Right.ACCESS, RECEIVED, DONE),
    "forwarded to a controller": ForwardedToController(Right.ERASURE, RECEIVED, WANTED.url, EXPIRY),
    "fee quoted": FeeQuotedLetter(
        Right.ACCESS,
        RECEIVED,
        Money(amount=Decimal("37.50"), currency="EUR"),
        FeeReason.FURTHER_COPY,
        date(2026, 3, 14),
        WANTED.url,
    ),
    "package expiring": PackageExpiringLetter(Right.ACCESS, RECEIVED, PACKAGE.url, EXPIRY),
    "appeal received": AppealReceivedLetter(Right.ACCESS, RECEIVED, APPEALED, date(2026, 5, 19)),
    "appeal granted": AppealDecidedLetter(Right.ERASURE, RECEIVED, APPEALED, granted=True),
    "appeal turned down": AppealDecidedLetter(
        Right.ERASURE,
        RECEIVED,
        APPEALED,
        granted=False,
        reasons=(ReasonCode.CONTRACT,),
        explanation="Your contract runs until May.",
    ),
    "complaint received": ComplaintReceived(Right.ACCESS, RECEIVED, APPEALED, date(2026, 5, 5)),
    "complaint upheld": ComplaintDecided(
        Right.ACCESS, RECEIVED, APPEALED, upheld=True, explanation="We sent you the missing invoices today."
    ),
    "complaint turned down": ComplaintDecided(
        Right.ACCESS, RECEIVED, APPEALED, upheld=False, reasons=(ReasonCode.THIRD_PARTY_RIGHTS,)
    ),
}


def letter(facts: LetterFacts, laws: tuple[Policy, ...], locale: str = "en") -> LetterRequest:
    """Return *facts* in a letter to a fictional person."""
    name, address = ("Example Customer AG", "privacy@customer.example.net")
    if not isinstance(facts, ForwardedToController):
        name, address = ("Amélia Ferreira", "amelia.ferreira@example.org")
    return LetterRequest(facts, REFERENCE, address, name, locale, laws, authorities(laws, AUTHORITY))


def law_named(name: str) -> Policy:
    """
    Return the edition of a law that was in force when the letters were written.

    Raises ConfigurationError if the law is unknown; the message lists the known ones.
    """
    return policies().in_force(name, WRITTEN_AT.date())
