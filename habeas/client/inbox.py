"""The classification of a mail, and the mails for staff."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from habeas.client.console_api import ConsoleClient
from services.intake.channels.email.attachments import documents_in
from services.intake.channels.email.classification import MailMeaning, classify
from services.intake.channels.email.parser import ParsedMail, read
from services.intake.channels.email.rulebook import rulebook
from services.intake.channels.email.sender_checks import is_authenticated, refusal_of
from shared.contract.answer import RAW_MAIL

MAIL, STOPPED = "mail", "stopped"
"""Kinds of work of the console; the first is also a kind of its cases."""


def explained(content: bytes, *, address: str, trusted: str) -> dict[str, Any]:
    """
    Return the classification of the mail *content*, as received at *address*, and its rules, without effect.

    *trusted* is the name under which our mail server writes ``Authentication-Results``.
    """
    mail = read(content)
    refused = refusal_of(mail, None, ours={address.lower()}, trusted=trusted)
    understood = classify(mail.subject, mail.words, rulebook())
    return {
        "sender": mail.address,
        "sender_authenticated": is_authenticated(mail, trusted),
        "words": mail.words,
        "outcome": _outcome(mail, understood, refused),
        "right": understood.wish and understood.wish.value,
        "with_copy": understood.with_copy,
        "could_be": [wish.value for wish in understood.candidates],
        "law": understood.regulation and understood.regulation.value,
        "residence": understood.residence and understood.residence.model_dump(),
        "language": understood.language,
        "proofs": [f"{one.slot}: {one.media_type}" for one in documents_in(mail.attachments)],
        "because": list(map(_said, understood.matches)),
        "hints": list(map(_said, understood.hints)),
        "passed_over": list(map(_said, understood.passed_over)),
    }


async def waiting(console: ConsoleClient) -> list[dict[str, Any]]:
    """Return references to the mails for staff, unless handled, and to stopped requests, oldest first."""
    rows = []
    for work in (MAIL, STOPPED):
        for case in await console.all("/inbox", "cases", view="all", work=work):
            rows += [_entry(case["id"], wait) for wait in case["waits"] if wait["kind"] == work]
    for case in await console.all("/cases", "cases", kind=MAIL, open="yes"):
        if all(wait["item"] != RAW_MAIL for wait in case["waits"]):
            rows.append(_asked_back(case))
    return sorted(rows, key=lambda row: (row["at"], row["request"]))


def _outcome(mail: ParsedMail, understood: MailMeaning, refused: str | None) -> str:
    if refused is not None:
        return f"opens no case: {refused}"
    if not mail.address:
        return "set aside: it has no sender"
    return "opens a case" if understood.wish else f"asked back: {understood.clarity}"


def _said(match: Any) -> str:
    return f"{match.rule} in the {match.where}: {match.text}"


def _entry(case: str, wait: Mapping[str, Any]) -> dict[str, Any]:
    reason = wait["reason"] if wait["kind"] == MAIL else f"stopped: {wait['reason']}"
    return {
        "request": case,
        "at": _seconds(wait["since"]),
        "mail": wait["item"] or "",
        "reason": reason,
        "own": wait["own"],
        "due_on": wait["due_on"] if wait["kind"] == MAIL else None,
    }


def _asked_back(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "request": case["id"],
        "at": _seconds(case["since"]),
        "mail": RAW_MAIL,
        "reason": "asked back",
        "own": None,
        "due_on": case["due_on"],
    }


def _seconds(moment: str) -> str:
    return datetime.fromisoformat(moment).isoformat(timespec="seconds")
