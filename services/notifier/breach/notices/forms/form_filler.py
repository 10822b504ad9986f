"""Fills in the document that notifies an authority, and renders it for print and as JSON. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from services.notifier.breach.notices.forms.answers import Answer, answer
from services.notifier.breach.notices.forms.known import Filing
from services.notifier.breach.notices.outline import Part
from services.notifier.letters.skeletons import HTML
from shared.law.breaches import NoticeRecipientKind, NoticeStage

LABELS: Mapping[Part, str] = MappingProxyType(
    {
        Part.INCIDENT: "Incident",
        Part.PHASE: "Phase of the notice",
        Part.WRITTEN_ON: "Date of this notice",
        Part.NATURE: "Nature of the breach",
        Part.DATA: "Categories of data",
        Part.PEOPLE_COUNT: "Approximate number of people",
        Part.RECORDS_COUNT: "Approximate number of records",
        Part.OCCURRED: "When it happened, and for how long",
        Part.DISCOVERED: "When it was noticed",
        Part.AWARE: "When we became aware of it",
        Part.LATE_BECAUSE: "Reasons for a delay of this notice",
        Part.CONTACT: "Contact",
        Part.SENDER: "Who notifies",
        Part.OFFICER: "Data protection officer",
        Part.CONSEQUENCES: "Likely consequences",
        Part.MEASURES: "Measures taken or proposed, also against the consequences",
        Part.CONTAINMENT: "State of containment",
        Part.ADVICE: "What people are advised to do",
        Part.CROSS_BORDER: "Where the people live",
        Part.PEOPLE_NOTIFIED: "Whether and when people are notified",
        Part.HELD_BY_POLICE: "Delay by law enforcement",
        Part.PROTECTION: "Service against theft of identity",
        Part.SAMPLE: "Sample of the letter to people",
        Part.SERVICES: "Services affected",
        Part.NEXT_UPDATE: "Next notice",
    }
)
RECIPIENTS: Mapping[NoticeRecipientKind, str] = MappingProxyType(
    {
        NoticeRecipientKind.AUTHORITY: "Supervisory authority",
        NoticeRecipientKind.ATTORNEY_GENERAL: "Attorney General",
        NoticeRecipientKind.CONSUMER_AGENCIES: "Consumer reporting agencies",
        NoticeRecipientKind.CSIRT: "CSIRT",
    }
)
"""Recipients of documents. All others are notified by letter."""
STAGES: Mapping[NoticeStage, str] = MappingProxyType(
    {
        NoticeStage.NOTICE: "Notification of a breach",
        NoticeStage.EARLY_WARNING: "Early warning of a significant incident",
        NoticeStage.NOTIFICATION: "Notification of a significant incident",
        NoticeStage.DETAILED_REPORT: "Detailed report of a breach",
        NoticeStage.SUPPLEMENT: "Supplement to the notification of a breach",
        NoticeStage.PROGRESS_REPORT: "Progress report on a significant incident",
        NoticeStage.FINAL_REPORT: "Final report of an incident",
    }
)

MISSING = "Not known yet. It has to be reported as soon as it is known."


@dataclass(frozen=True, slots=True)
class FormField:
    """An element that the law demands, and its answer."""

    part: Part
    label: str
    provision: str
    answer: Answer

    @property
    def missing(self) -> bool:
        """Whether nothing is known of it."""
        return not self.answer


@dataclass(frozen=True, slots=True)
class AuthorityForm:
    """A document for an authority."""

    name: str
    """``gdpr.authority.DE``"""
    title: str
    law: str
    recipient: str
    filing: Filing
    fields: tuple[FormField, ...]

    @property
    def missing(self) -> tuple[FormField, ...]:
        """The elements that the law demands, without an answer."""
        return tuple(field for field in self.fields if field.missing)


def document(filing: Filing) -> AuthorityForm:
    """Return the document for *filing*."""
    duty = filing.duty
    fields = tuple(
        FormField(
            said.element, LABELS.get(said.element, said.element), said.provision, answer(said.element, filing)
        )
        for said in duty.policy.report
    )
    return AuthorityForm(
        name=duty.clock,
        title=STAGES[duty.stage],
        law=duty.policy.name,
        recipient=RECIPIENTS.get(duty.recipient, duty.recipient),
        filing=filing,
        fields=fields,
    )


def page(document: AuthorityForm) -> str:
    """Return *document* as one file of HTML that needs no network and runs no script."""
    return HTML.get_template("notices/forms/document.jinja").render(
        document=document, MISSING=MISSING, filing=document.filing, due=due(document)
    )


def due(document: AuthorityForm) -> str:
    """Return by when it has to be there, in words."""
    due_at = document.filing.duty.due_at
    return "without undue delay" if due_at is None else document.filing.words.moment(due_at)


def plain(document: AuthorityForm) -> dict[str, Any]:
    """Return the same as JSON knows it."""
    duty, known = document.filing.duty, document.filing.known
    return {
        "document": document.name,
        "title": document.title,
        "law": duty.policy.id,
        "recipient": duty.recipient,
        "authority": document.filing.authority,
        "stage": duty.stage,
        "due_at": duty.due_at.isoformat() if duty.due_at else None,
        "incident": known.incident,
        "phase": known.phase,
        "written_at": document.filing.now.isoformat(),
        "fields": [
            {
                "element": field.part,
                "label": field.label,
                "provision": field.provision,
                "answer": list(field.answer),
                "missing": field.missing,
                **({"categories": list(known.categories)} if field.part == "data" else {}),
            }
            for field in document.fields
        ],
    }
