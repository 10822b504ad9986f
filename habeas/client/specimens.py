"""
Letters of each kind and outcome, to a fictional person, for previews and tests.

Addresses are those that RFC 2606 keeps for examples; the company and the authority are none.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.notifier.domain import authorities
from services.notifier.letters import letter_models as models
from services.notifier.letters.composer import LetterRequest
from shared.contract.answer import (
    Answer,
    AnswerGroup,
    BlackedOutGroup,
    CorrectedValue,
    DeclinedCorrection,
    GroundedGroup,
    KeptGroup,
    LeftGroup,
    TransferResult,
    WithheldGroup,
)
from shared.contract.events import Evidence, ExtensionReason, Outcome
from shared.contract.references import short_reference
from shared.law import FeeReason, Money, Policy, ReasonCode, Right
from shared.law.library import policies

WRITTEN_AT = datetime(2026, 3, 5, 13, 30, tzinfo=UTC)
REFERENCE = "5f0c" * 8
RECEIVED, DUE, DONE = date(2026, 3, 2), date(2026, 4, 2), date(2026, 3, 4)

SENDER = models.Sender(
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
AUTHORITY = models.AuthorityContact(
    "Authority of Examplia", "https://authority.example.org", "Amtsgasse 2, 10969 Berlin"
)
EXPIRY = datetime(2026, 3, 19, 11, 0, tzinfo=UTC)
LATER, APPEALED = date(2026, 6, 2), date(2026, 4, 6)

DISCLOSED = (AnswerGroup(label="Invoices", records=1204), AnswerGroup(label="Support tickets", records=3))
PACKAGE = models.PackageLetter("https://privacy.example.com/package/5f0c", EXPIRY, DISCLOSED)
KEPT = KeptGroup(
    label="Invoices",
    records=7,
    reason=ReasonCode.RETENTION_DUTY,
    citation="§ 147 AO",
    until=date(2034, 12, 31),
)
ONE_BY_ONE = KEPT.model_copy(update={"label": "Receipts", "first": date(2027, 12, 31)})
ON_HOLD = KeptGroup(label="Contracts", records=1, reason=ReasonCode.LEGAL_HOLD)
BLACKED_OUT = (BlackedOutGroup(label="Names of other people", count=4),)
WITHHELD = WithheldGroup(label="Password", reason=ReasonCode.NEVER_DISCLOSED)
RECIPIENTS = ("Billing Partner Ltd", "Mail Sender Inc")
SEARCHED = ("Customer portal", "Billing")
CORRECTED = (
    CorrectedValue(label="Accounts: City", before="Bremen", after="Berlin"),
    CorrectedValue(label="Accounts: Password"),
)
WANTED = models.ProofOption(
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
MARKED = (AnswerGroup(label="Accounts", records=2),)
NOT_MARKABLE = LeftGroup(label="Server logs", records=40, reason=ReasonCode.NOT_MARKABLE)


def access(outcome: Outcome, right: Right = Right.ACCESS) -> models.AccessOutcome:
    """Return the answer to a request for data."""
    match outcome:
        case Outcome.GRANTED:
            return models.AccessOutcome(right, RECEIVED, outcome, Answer(disclosed=DISCLOSED), PACKAGE)
        case Outcome.PARTLY_GRANTED:
            answer = Answer(disclosed=DISCLOSED, withheld=(WITHHELD,))
            return models.AccessOutcome(right, RECEIVED, outcome, answer, PACKAGE)
        case Outcome.NOTHING_HELD:
            return models.AccessOutcome(right, RECEIVED, outcome, Answer(searched=SEARCHED))
        case Outcome.REFUSED:
            raise ValueError("a refusal is a letter of its own")


def erasure(outcome: Outcome, copy: models.PackageLetter | None = None) -> models.ErasureOutcome:
    """Return the answer to a request for erasure."""
    erased = (AnswerGroup(label="Accounts", records=2), AnswerGroup(label="Support tickets", records=3))
    masked = (AnswerGroup(label="Server logs", records=40),)
    grounds = (
        GroundedGroup(label="Accounts, Support tickets", reason=ReasonCode.PURPOSE_ENDED),
        GroundedGroup(label="Server logs", reason=ReasonCode.OBJECTION),
    )
    answer = Answer(
        scope=("Accounts", "Content"), erased=erased, masked=masked, grounds=grounds, recipients=RECIPIENTS
    )
    match outcome:
        case Outcome.GRANTED:
            return models.ErasureOutcome(outcome, RECEIVED, DONE, "C-17", answer, copy)
        case Outcome.PARTLY_GRANTED:
            left = {"kept": (KEPT, ONE_BY_ONE, ON_HOLD), "by_hand": ("Tax adviser",)}
            return models.ErasureOutcome(outcome, RECEIVED, DONE, "C-17", answer.model_copy(update=left))
        case Outcome.NOTHING_HELD:
            return models.ErasureOutcome(outcome, RECEIVED, DONE, "C-17", Answer(searched=SEARCHED))
        case Outcome.REFUSED:
            raise ValueError("a refusal is a letter of its own")


def code(text: str, right: Right, **more: Any) -> models.CodeLetter:
    """Return the code that proves the mailbox."""
    letter = models.CodeLetter(text, WRITTEN_AT, models.CodePurpose.IDENTITY, WANTED.url, right=right)
    return replace(letter, **more)


def permit(representative: models.Representative) -> models.CodeLetter:
    """Return the code that confirms the requester's permission."""
    return code("402815", representative.right, representative=representative)


def acknowledging(text: str, right: Right) -> models.CodeLetter:
    """Return the code that confirms the receipt of the request as well."""
    receipt = models.RequestReceipt(RECEIVED, DUE)
    return code(text, right, url=f"{WANTED.url}?code={text}", receipt=receipt)


def done(
    right: models.Deed, outcome: models.AnswerOutcome = Outcome.GRANTED, **held: Any
) -> models.RequestDone:
    """Return the answer to a request that hands over no data and erases none."""
    answer = Answer(recipients=RECIPIENTS, **held)
    return models.RequestDone(right, RECEIVED, DONE, outcome, answer)


def refusal(*reasons: ReasonCode, right: Right = Right.ACCESS) -> models.RefusalLetter:
    """Return a refusal."""
    return models.RefusalLetter(right, RECEIVED, reasons)


LETTERS: dict[str, models.LetterFacts] = {
    "acknowledgement": models.Acknowledgement(Right.ACCESS, RECEIVED, DUE, models.IdentityCheck.CODE),
    "acknowledgement of an opt-out": models.Acknowledgement(
        Right.OPT_OUT_OF_SALE, RECEIVED, DUE, models.IdentityCheck.NONE
    ),
    "code": code("402815", Right.ACCESS),
    "code that acknowledges": acknowledging("402815", Right.ACCESS),
    "code that acknowledges an erasure": replace(acknowledging("WDJB-MJHT", Right.ERASURE), more=True),
    "code to erase": code("WDJB-MJHT", Right.ERASURE),
    "code to transfer": code("WDJB-MJHT", Right.PORTABILITY, recipient="import.example.com"),
    "code for the package": models.CodeLetter("402815", WRITTEN_AT, models.CodePurpose.DOWNLOAD),
    "code, and more": code("402815", Right.ACCESS, url=f"{WANTED.url}?code=402815", more=True),
    "code to permit": permit(models.Representative(Right.ERASURE, "Helfer e. V.")),
    "code to permit a parent": permit(models.Representative(Right.ACCESS, "Bruno Ferreira", parent=True)),
    "code to permit an agent": permit(models.Representative(Right.ACCESS)),
    "proof wanted": models.ProofWanted(Right.ACCESS, RECEIVED, WANTED),
    "another proof wanted": models.ProofWanted(
        Right.ERASURE,
        RECEIVED,
        replace(WANTED, ways=((Evidence.TWO_POINTS,),)),
        models.Setback.DOCUMENT_UNREADABLE,
    ),
    "proof wanted of the person": models.ProofWanted(
        Right.ACCESS,
        RECEIVED,
        replace(WANTED, representative=models.Representative(Right.ACCESS, "Helfer e. V.")),
    ),
    "reminder": models.Reminder(Right.ACCESS, RECEIVED, WANTED),
    "clarification": models.Clarification(
        RECEIVED, (Right.ACCESS, Right.ERASURE, Right.RECTIFICATION), "https://privacy.example.com"
    ),
    "in review": models.InReview(Right.ACCESS, RECEIVED, WANTED.url),
    "access granted": access(Outcome.GRANTED),
    "access partly granted": access(Outcome.PARTLY_GRANTED),
    "access, nothing held": access(Outcome.NOTHING_HELD),
    "access with texts blacked out": replace(
        access(Outcome.GRANTED), answer=Answer(disclosed=DISCLOSED, blacked_out=BLACKED_OUT)
    ),
    "access with an identity that is not confirmed": replace(
        access(Outcome.GRANTED), answer=Answer(disclosed=DISCLOSED, unconfirmed=("email",))
    ),
    "categories": replace(
        access(Outcome.GRANTED, Right.KNOW_CATEGORIES), answer=Answer(categories=("Name", "Invoices"))
    ),
    "categories instead of data": replace(
        access(Outcome.PARTLY_GRANTED),
        answer=Answer(
            categories=("Name", "Invoices"),
            withheld=(WithheldGroup(label="The data itself", reason=ReasonCode.NEEDS_MORE_PROOF),),
        ),
    ),
    "portability": replace(
        access(Outcome.PARTLY_GRANTED, Right.PORTABILITY),
        answer=Answer(
            disclosed=DISCLOSED,
            withheld=(
                WithheldGroup(label="Scores", reason=ReasonCode.NOT_PROVIDED_BY_YOU),
                WithheldGroup(label="Invoices", reason=ReasonCode.OTHER_LEGAL_BASIS),
            ),
            transfer=TransferResult(to="import.example.com", done=True),
        ),
    ),
    "portability, not taken": replace(
        access(Outcome.GRANTED, Right.PORTABILITY),
        answer=Answer(
            disclosed=DISCLOSED,
            transfer=TransferResult(to="import.example.com", done=False, reason="refused"),
        ),
    ),
    "portability, no address": replace(
        access(Outcome.GRANTED, Right.PORTABILITY),
        answer=Answer(disclosed=DISCLOSED, transfer=TransferResult(to="", done=False, reason="not_allowed")),
    ),
    "erasure granted": erasure(Outcome.GRANTED),
    "erasure with a copy": erasure(Outcome.GRANTED, copy=PACKAGE),
    "erasure partly granted": erasure(Outcome.PARTLY_GRANTED),
    "erasure, nothing held": erasure(Outcome.NOTHING_HELD),
    "correction": done(Right.RECTIFICATION, corrected=CORRECTED),
    "correction in part": done(
        Right.RECTIFICATION,
        Outcome.PARTLY_GRANTED,
        corrected=CORRECTED,
        declined=(NOT_EDITABLE,),
        statement_kept=True,
    ),
    "restriction": done(Right.RESTRICTION, marked=MARKED),
    "restriction in part": done(
        Right.RESTRICTION, Outcome.PARTLY_GRANTED, marked=MARKED, left=(NOT_MARKABLE,)
    ),
    "restriction, nothing held": models.RequestDone(
        Right.RESTRICTION, RECEIVED, DONE, Outcome.NOTHING_HELD, Answer(searched=SEARCHED)
    ),
    "weighing": models.Weighing(Right.OBJECTION, RECEIVED, due_on=DUE),
    "disputed correction": models.Weighing(
        Right.RECTIFICATION,
        RECEIVED,
        Answer(disputed=("Invoices: city",), corrected=CORRECTED, marked=MARKED, left=(NOT_MARKABLE,)),
        DUE,
    ),
    "scheduled erasure": models.ErasureAnnounced(RECEIVED, EXPIRY, WANTED.url),
    "scheduled erasure beside a contract": models.ErasureAnnounced(
        RECEIVED, EXPIRY, WANTED.url, contract=True
    ),
    "lifting": models.Lifting(Right.RESTRICTION, RECEIVED, ReasonCode.ACCURACY_VERIFIED),
    "objection": models.RequestDone(Right.OBJECTION, RECEIVED, DONE),
    "withdrawal of consent": models.RequestDone(Right.CONSENT_WITHDRAWAL, RECEIVED, DONE),
    "withdrawal of consent, with data to erase": replace(
        done(Right.CONSENT_WITHDRAWAL, erasable=("Newsletter",)), erase_url=WANTED.url
    ),
    "withdrawal of consent, with a service": models.ConsentScheduled(RECEIVED, EXPIRY, WANTED.url),
    "opt-out": done(Right.OPT_OUT_OF_SALE),
    "limit": done(Right.LIMIT_SENSITIVE_USE),
    "answer by hand": models.AnswerByHand(
        Right.RECTIFICATION, RECEIVED, Outcome.GRANTED, "We corrected your date of birth in the archive."
    ),
    "answer by hand, in part": models.AnswerByHand(
        Right.ACCESS,
        RECEIVED,
        Outcome.PARTLY_GRANTED,
        "The package has the letters in your file, without the names of other people.",
        (ReasonCode.THIRD_PARTY_RIGHTS,),
        PACKAGE,
    ),
    "refusal of a request at the staff": replace(
        refusal(ReasonCode.MANIFESTLY_UNFOUNDED),
        explanation="You have asked for this eleven times since May.",
    ),
    "refusal": refusal(ReasonCode.TOO_MANY_ATTEMPTS),
    "refusal of an erasure": refusal(ReasonCode.RETENTION_DUTY, ReasonCode.EXCESSIVE, right=Right.ERASURE),
    "refusal of a correction": models.RefusalLetter(
        Right.RECTIFICATION, RECEIVED, (ReasonCode.NOT_EDITABLE,), Answer(declined=(NOT_EDITABLE,))
    ),
    "code to another mailbox, access": models.AliasCode("BCDF-GHJK", EXPIRY, Right.ACCESS),
    "code to another mailbox, erasure": models.AliasCode("BCDF-GHJK", EXPIRY, Right.ERASURE),
    "code to another mailbox, correction": models.AliasCode("BCDF-GHJK", EXPIRY, Right.RECTIFICATION),
    "named mailbox, access": models.NamedMailbox(Right.ACCESS),
    "named mailbox, erasure": models.NamedMailbox(Right.ERASURE),
    "withdrawn": models.Withdrawn(Right.ACCESS, RECEIVED, DONE),
    "withdrawn by silence": models.Withdrawn(Right.ACCESS, RECEIVED, DONE, deemed=True),
    "extension": models.Extension(Right.ACCESS, RECEIVED, DUE, LATER, ExtensionReason.COMPLEXITY),
    "late": models.OverdueLetter(Right.ACCESS, RECEIVED, DUE, date(2026, 4, 10)),
    "duplicate": models.Duplicate(Right.ACCESS, DONE, RECEIVED, short_reference("77d1" * 8), DUE, WANTED.url),
    "forwarded": models.Forwarded(Right.ERASURE, RECEIVED, DONE, "Example Customer AG"),
    "forwarded to a customer": models.Forwarded(Right.ACCESS, RECEIVED, DONE),
    "forwarded to a controller": models.ForwardedToController(Right.ERASURE, RECEIVED, WANTED.url, EXPIRY),
    "fee quoted": models.FeeQuotedLetter(
        Right.ACCESS,
        RECEIVED,
        Money(amount=Decimal("37.50"), currency="EUR"),
        FeeReason.FURTHER_COPY,
        date(2026, 3, 14),
        WANTED.url,
    ),
    "scope asked": models.ScopeAskedLetter(Right.ACCESS, RECEIVED, date(2026, 3, 14), DUE, WANTED.url),
    "package expiring": models.PackageExpiringLetter(Right.ACCESS, RECEIVED, PACKAGE.url, EXPIRY),
    "appeal received": models.AppealReceivedLetter(Right.ACCESS, RECEIVED, APPEALED, date(2026, 5, 19)),
    "appeal granted": models.AppealDecidedLetter(Right.ERASURE, RECEIVED, APPEALED, granted=True),
    "appeal turned down": models.AppealDecidedLetter(
        Right.ERASURE,
        RECEIVED,
        APPEALED,
        granted=False,
        reasons=(ReasonCode.CONTRACT,),
        explanation="Your contract runs until May.",
    ),
    "complaint received": models.ComplaintReceived(Right.ACCESS, RECEIVED, APPEALED, date(2026, 5, 5)),
    "complaint upheld": models.ComplaintDecided(
        Right.ACCESS, RECEIVED, APPEALED, upheld=True, explanation="We sent you the missing invoices today."
    ),
    "message": models.StaffMessage(Right.ACCESS, RECEIVED, "Please tell us which of your accounts you mean."),
    "complaint turned down": models.ComplaintDecided(
        Right.ACCESS, RECEIVED, APPEALED, upheld=False, reasons=(ReasonCode.THIRD_PARTY_RIGHTS,)
    ),
}


def letter(facts: models.LetterFacts, laws: tuple[Policy, ...], locale: str = "en") -> LetterRequest:
    """Return *facts* in a letter to a fictional person."""
    name, address = ("Example Customer AG", "privacy@customer.example.net")
    if not isinstance(facts, models.ForwardedToController):
        name, address = ("Amélia Ferreira", "amelia.ferreira@example.org")
    return LetterRequest(facts, REFERENCE, address, name, locale, laws, authorities(laws, AUTHORITY, locale))


def law_named(name: str) -> Policy:
    """Return the law as in force at :data:`WRITTEN_AT`. Raises ConfigurationError if it is unknown."""
    return policies().in_force(name, WRITTEN_AT.date())
