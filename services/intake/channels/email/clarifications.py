"""Requests, and questions back, made of a mail. Pure."""

from collections.abc import Sequence
from datetime import date, datetime

from services.intake.cases.clock import ClockRules
from services.intake.channels.email.classification import MailMeaning
from services.intake.channels.email.parser import ParsedMail
from services.intake.channels.email.rulebook import MailIntent
from shared.contract.answer import Inquiry
from shared.contract.events import Details, Document, PolicyId, RequestSubmitted, Residence, Subject
from shared.law import ProtectedPerson, Role, applicable

LONGEST_STATEMENT = 10_000
STATED = frozenset({MailIntent.RECTIFICATION, MailIntent.RESTRICTION, MailIntent.OBJECTION})
"""Intents that the person's statement is weighed for."""


def inquiry_of(mail: ParsedMail, understood: MailMeaning, received_at: datetime) -> Inquiry:
    """Return the author and the known parts of the intent. The sender is not verified."""
    return Inquiry(
        reference=mail.identity,
        subject=Subject(name=mail.name or None, email=mail.address),
        locale=understood.language,
        received_at=received_at,
        rights=tuple(dict.fromkeys(wish.right for wish in understood.candidates)),
        residence=understood.residence,
        regulation=understood.regulation,
    )


def request_of(
    inquiry: Inquiry, understood: MailMeaning, words: str, documents: Sequence[Document]
) -> RequestSubmitted:
    """
    Return the request of a mail, or of the reply to a question back.

    Raises:
        ValueError: The intent is unclear.
    """
    if understood.wish is None:
        raise ValueError("the intent is unclear")
    statement = words.strip()[:LONGEST_STATEMENT].strip() if understood.wish in STATED else ""
    details = Details(
        statement=statement or None, scope=understood.wish.scope, with_copy=understood.with_copy
    )
    return RequestSubmitted.model_construct(
        reference=inquiry.reference,
        right=understood.wish.right,
        subject=inquiry.subject,
        residence=inquiry.residence or understood.residence,
        regulation=inquiry.regulation or understood.regulation,
        locale=inquiry.locale or understood.language,
        received_at=inquiry.received_at,
        details=details,
        # Validation would decode the bytes of a document as Base64.
        proofs=tuple(documents),
    )


def laws_for(inquiry: Inquiry, day: date, practice: ClockRules) -> tuple[PolicyId, ...]:
    """Return the laws that protect the author, as far as the mail shows."""
    person = ProtectedPerson(_place(inquiry.residence), Role.CONSUMER, inquiry.regulation)
    return tuple(policy.id for policy in applicable(practice.policies, practice.company, person, day))


def _place(residence: Residence | None) -> str | None:
    if residence is None:
        return None
    return "-".join(filter(None, (residence.country, residence.subdivision)))
