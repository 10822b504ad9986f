"""Documents for authorities as a page that prints well, and as JSON for programs. Pure."""

from typing import Any

from services.notifier.breach.notices.forms.form_filler import AuthorityForm
from services.notifier.letters.skeletons import HTML

MISSING = "Not known yet. It has to be reported as soon as it is known."


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
