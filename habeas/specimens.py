"""
Letters of each kind and outcome, to a fictional person: what the preview shows and what tests look at.

Addresses are those that RFC 2606 keeps for examples; the company and the authority are none.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.notifier.domain import authorities
from services.notifier.facts import (
    AccessOutcome,
    Acknowledgement,
    AliasCode,
    AppealDecided,
    AppealReceived,
    Authority,
    Clarification,
    Code,
    ComplaintDecided,
    ComplaintReceived,
    Corrected,
    Declined,
    Done,
    Duplicate,
    ErasureAnnounced,
    ErasureOutcome,
    Extension,
    Facts,
    FeeQuoted,
    Forwarded,
    ForwardedToController,
    Hindrance,
    IdentityCheck,
    InReview,
    Kept,
    Late,
    Left,
    Lifting,
    NamedMailbox,
    Package,
    PackageExpiring,
    Part,
    ProofWanted,
    Purpose,
    Refusal,
    Reminder,
    Representative,
    Sender,
    Setback,
    Transfer,
    Wanted,
    Weighing,
    Withdrawn,
    Withheld,
)
from services.notifier.letters import Letter
from services.notifier.reasons import ReasonCode
from shared.events import Evidence, ExtensionReason, Outcome
from shared.law import FeeReason, Money, Policy, Right
from shared.policies import policies

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
AUTHORITY = Authority("Authority of Examplia", "https://authority.example.org", "Amtsgasse 2, 10969 Berlin")
EXPIRY = datetime(2026, 3, 19, 11, 0, tzinfo=UTC)
LATER, APPEALED = date(2026, 6, 2), date(2026, 4, 6)

PACKAGE = Package(
    "https://privacy.example.com/package/5f0c",
    EXPIRY,
    (Part("Invoices", 1204), Part("Support tickets", 3)),
)
KEPT = Kept("Invoices", 7, ReasonCode.RETENTION_DUTY, "§ 147 AO", until=date(2034, 12, 31))
ONE_BY_ONE = replace(KEPT, label="Receipts", first=date(2027, 12, 31))
ON_HOLD = Kept("Contracts", 1, ReasonCode.LEGAL_HOLD)
BLACKED_OUT = (Part("Names of other people", 4),)
WITHHELD = Withheld("Password", ReasonCode.NEVER_DISCLOSED)
RECIPIENTS = ("Billing Partner Ltd", "Mail Sender Inc")
SEARCHED = ("Customer portal", "Billing")
CORRECTED = (Corrected("Accounts: City", "Bremen", "Berlin"), Corrected("Accounts: Password"))
WANTED = Wanted(
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
NOT_EDITABLE = Declined("Invoices: city", ReasonCode.NOT_EDITABLE)
NOT_MARKABLE = Left("Server logs", 40, ReasonCode.NOT_MARKABLE)


def access(outcome: Outcome, right: Right = Right.ACCESS) -> AccessOutcome:
    """Return the answer to a request for data."""
    match outcome:
        case Outcome.GRANTED:
            return AccessOutcome(outcome, right, RECEIVED, PACKAGE)
        case Outcome.PARTLY_GRANTED:
            return AccessOutcome(outcome, right, RECEIVED, PACKAGE, withheld=(WITHHELD,))
        case Outcome.NOTHING_HELD:
            return AccessOutcome(outcome, right, RECEIVED, searched=SEARCHED)
        case Outcome.REFUSED:
            raise ValueError("a refusal is a letter of its own")


def erasure(outcome: Outcome, copy: Package | None = None) -> ErasureOutcome:
    """Return the answer to a request for erasure."""
    erased, masked = (Part("Accounts", 2), Part("Support tickets", 3)), (Part("Server logs", 40),)
    match outcome:
        case Outcome.GRANTED:
            return ErasureOutcome(
                outcome,
                RECEIVED,
                DONE,
                "C-17",
                erased,
                masked,
                recipients=RECIPIENTS,
                package=copy,
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


def permit(representative: Representative) -> Code:
    """Return the code that confirms the permission of who asks."""
    return Code(
        "402815",
        WRITTEN_AT,
        Purpose.IDENTITY,
        WANTED.url,
        representative=representative,
        right=representative.right,
    )


def refusal(*reasons: ReasonCode, right: Right = Right.ACCESS) -> Refusal:
    """Return a refusal."""
    return Refusal(right, RECEIVED, reasons)


LETTERS: dict[str, Facts] = {
    "acknowledgement": Acknowledgement(Right.ACCESS, RECEIVED, DUE, IdentityCheck.CODE),
    "acknowledgement of an opt-out": Acknowledgement(
        Right.OPT_OUT_OF_SALE, RECEIVED, DUE, IdentityCheck.NONE
    ),
    "code": Code(
        "402815", WRITTEN_AT, Purpose.IDENTITY, "https://privacy.example.com/r/5f0c", right=Right.ACCESS
    ),
    "code to erase": Code(
        "WDJB-MJHT",
        WRITTEN_AT,
        Purpose.IDENTITY,
        "https://privacy.example.com/r/5f0c",
        right=Right.ERASURE,
    ),
    "code to transfer": Code(
        "WDJB-MJHT",
        WRITTEN_AT,
        Purpose.IDENTITY,
        "https://privacy.example.com/r/5f0c",
        right=Right.PORTABILITY,
        recipient="import.example.com",
    ),
    "code for the package": Code("402815", WRITTEN_AT, Purpose.DOWNLOAD),
    "code, and more": Code(
        "402815",
        WRITTEN_AT,
        Purpose.IDENTITY,
        "https://privacy.example.com/r/5f0c?code=402815",
        more=True,
        right=Right.ACCESS,
    ),
    "code to permit": permit(Representative(Right.ERASURE, "Helfer e. V.")),
    "code to permit a parent": permit(Representative(Right.ACCESS, "Bruno Ferreira", parent=True)),
    "code to permit somebody": permit(Representative(Right.ACCESS)),
    "proof wanted": ProofWanted(Right.ACCESS, RECEIVED, WANTED),
    "another proof wanted": ProofWanted(
        Right.ERASURE,
        RECEIVED,
        replace(WANTED, ways=((Evidence.TWO_POINTS,),)),
        Setback.DOCUMENT_UNREADABLE,
    ),
    "proof wanted of who is asked for": ProofWanted(
        Right.ACCESS, RECEIVED, replace(WANTED, representative=Representative(Right.ACCESS, "Helfer e. V."))
    ),
    "reminder": Reminder(Right.ACCESS, RECEIVED, WANTED),
    "clarification": Clarification(
        RECEIVED,
        (Right.ACCESS, Right.ERASURE, Right.RECTIFICATION),
        "https://privacy.example.com",
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
        withheld=(Withheld("The data itself", ReasonCode.NEEDS_MORE_PROOF),),
    ),
    "portability": replace(
        access(Outcome.PARTLY_GRANTED, Right.PORTABILITY),
        withheld=(
            Withheld("Scores", ReasonCode.NOT_PROVIDED_BY_YOU),
            Withheld("Invoices", ReasonCode.OTHER_LEGAL_BASIS),
        ),
        transfer=Transfer("import.example.com"),
    ),
    "portability, not taken": replace(
        access(Outcome.GRANTED, Right.PORTABILITY),
        transfer=Transfer("import.example.com", Hindrance.REFUSED),
    ),
    "portability, no address": replace(
        access(Outcome.GRANTED, Right.PORTABILITY), transfer=Transfer("", Hindrance.NOT_ALLOWED)
    ),
    "erasure granted": erasure(Outcome.GRANTED),
    "erasure with a copy": erasure(Outcome.GRANTED, copy=PACKAGE),
    "erasure partly granted": erasure(Outcome.PARTLY_GRANTED),
    "erasure, nothing held": erasure(Outcome.NOTHING_HELD),
    "correction": Done(Right.RECTIFICATION, RECEIVED, DONE, RECIPIENTS, corrected=CORRECTED),
    "correction in part": Done(
        Right.RECTIFICATION,
        RECEIVED,
        DONE,
        RECIPIENTS,
        outcome=Outcome.PARTLY_GRANTED,
        corrected=CORRECTED,
        declined=(NOT_EDITABLE,),
        statement_kept=True,
    ),
    "restriction": Done(Right.RESTRICTION, RECEIVED, DONE, RECIPIENTS, marked=(Part("Accounts", 2),)),
    "restriction in part": Done(
        Right.RESTRICTION,
        RECEIVED,
        DONE,
        RECIPIENTS,
        outcome=Outcome.PARTLY_GRANTED,
        marked=(Part("Accounts", 2),),
        left=(NOT_MARKABLE,),
    ),
    "restriction, nothing held": Done(
        Right.RESTRICTION, RECEIVED, DONE, outcome=Outcome.NOTHING_HELD, searched=SEARCHED
    ),
    "weighing": Weighing(Right.OBJECTION, RECEIVED),
    "scheduled erasure": ErasureAnnounced(RECEIVED, EXPIRY, WANTED.url),
    "lifting": Lifting(Right.RESTRICTION, RECEIVED, ReasonCode.ACCURACY_VERIFIED),
    "objection": Done(Right.OBJECTION, RECEIVED, DONE),
    "withdrawal of consent": Done(Right.CONSENT_WITHDRAWAL, RECEIVED, DONE),
    "opt-out": Done(Right.OPT_OUT_OF_SALE, RECEIVED, DONE, RECIPIENTS),
    "limit": Done(Right.LIMIT_SENSITIVE_USE, RECEIVED, DONE, RECIPIENTS),
    "refusal": refusal(ReasonCode.TOO_MANY_ATTEMPTS),
    "refusal of an erasure": refusal(ReasonCode.RETENTION_DUTY, ReasonCode.EXCESSIVE, right=Right.ERASURE),
    "refusal of a correction": Refusal(
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
    "late": Late(Right.ACCESS, RECEIVED, DUE, date(2026, 4, 10)),
    "late, no day": Late(Right.ERASURE, RECEIVED, DUE),
    "duplicate": Duplicate(Right.ACCESS, DONE, RECEIVED, "77d1" * 8, DUE, WANTED.url),
    "forwarded": Forwarded(Right.ERASURE, RECEIVED, DONE, "Example Customer AG"),
    "forwarded to somebody": Forwarded(Right.ACCESS, RECEIVED, DONE),
    "forwarded to a controller": ForwardedToController(Right.ERASURE, RECEIVED, WANTED.url, EXPIRY),
    "fee quoted": FeeQuoted(
        Right.ACCESS,
        RECEIVED,
        Money(amount=Decimal("37.50"), currency="EUR"),
        FeeReason.FURTHER_COPY,
        date(2026, 3, 14),
        WANTED.url,
    ),
    "package expiring": PackageExpiring(Right.ACCESS, RECEIVED, PACKAGE.url, EXPIRY),
    "appeal received": AppealReceived(Right.ACCESS, RECEIVED, APPEALED, date(2026, 5, 19)),
    "appeal granted": AppealDecided(Right.ERASURE, RECEIVED, APPEALED, granted=True),
    "appeal turned down": AppealDecided(
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


def letter(facts: Facts, laws: tuple[Policy, ...], locale: str = "en") -> Letter:
    """Return *facts* in a letter to a fictional person."""
    name, address = ("Example Customer AG", "privacy@customer.example.net")
    if not isinstance(facts, ForwardedToController):
        name, address = ("Amélia Ferreira", "amelia.ferreira@example.org")
    return Letter(facts, REFERENCE, address, name, locale, laws, authorities(laws, AUTHORITY))


def law_named(name: str) -> Policy:
    """
    Return the edition of a law that was in force when the letters were written.

    Raises:
        ConfigurationError: Nobody knows that law; the message says which are known.
    """
    return policies().in_force(name, WRITTEN_AT.date())
