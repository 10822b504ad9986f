"""The classification of a mail, and the mails for staff."""

from contextlib import closing
from typing import Any

from services.intake.channels.email.attachments import documents_in
from services.intake.channels.email.classification import MailMeaning, classify
from services.intake.channels.email.parser import ParsedMail, read
from services.intake.channels.email.rulebook import rulebook
from services.intake.channels.email.sender_checks import is_authenticated, refusal_of
from services.intake.channels.email.service import ANSWER as REPLY
from shared.contract.answer import RAW_MAIL
from shared.contract.events import InquiryLodged, MessageHandled, MessageLodged, RequestStopped
from shared.errors import Destroyed, UnknownRequest
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import Document, connect
from shared.runtime.vault import Vault

LISTED = (InquiryLodged, MessageLodged, RequestStopped)
"""Facts about mails for staff and stopped requests."""


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


async def waiting(mongo_url: str, prefix: str) -> list[dict[str, Any]]:
    """Return references to the mails for staff, unless handled, and to stopped requests, oldest first."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        journal = client[f"{prefix}_intake"]["journal"]
        # A query each: for one, or sorted, the database would read all rows.
        rows = [row for kind in LISTED async for row in journal.find({"facts.type": kind.TYPE})]
        cases = sorted({row["case"] for row in rows})
        decisions = journal.find({"case": {"$in": cases}, "event.type": MessageHandled.TYPE})
        handled = {(row["case"], row["event"]["data"]["message"]) async for row in decisions}
        found = [_entry(row) for row in sorted(rows, key=lambda row: row["at"])]
        return [entry for entry in found if (entry["request"], entry["mail"]) not in handled]


async def opened(mongo_url: str, prefix: str, master_key: RootKey, case: str, item: str) -> bytes:
    """
    Return a sealed mail. Raises UnknownRequest if there is none.

    Other sealed content is not read here: its reading is a signed decision that goes on record.
    """
    if item != RAW_MAIL and not item.startswith(REPLY):
        raise UnknownRequest("no such mail is kept")
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        vault = Vault(client, prefix=prefix, master_key=master_key)
        try:
            return b"".join([piece async for piece in vault.open_stream(case, item)])
        except (KeyError, Destroyed):
            raise UnknownRequest("no such mail is kept") from None


def _outcome(mail: ParsedMail, understood: MailMeaning, refused: str | None) -> str:
    if refused is not None:
        return f"opens no case: {refused}"
    if not mail.address:
        return "set aside: it has no sender"
    return "opens a case" if understood.wish else f"asked back: {understood.clarity}"


def _said(match: Any) -> str:
    return f"{match.rule} in the {match.where}: {match.text}"


def _entry(row: Document) -> dict[str, Any]:
    kinds = {kind.TYPE for kind in LISTED}
    fact = next(fact for fact in row["facts"] if fact["type"] in kinds)
    kind, data = fact["type"], fact["data"]
    at = row["at"].isoformat(timespec="seconds")
    entry = {"request": row["case"], "at": at, "mail": "", "reason": "", "own": None, "due_on": None}
    if kind == InquiryLodged.TYPE:
        return entry | {"mail": RAW_MAIL, "reason": "asked back", "due_on": data.get("due_on")}
    if kind == MessageLodged.TYPE:
        entry |= {"reason": data["reason"], "own": data["own"]}
        return entry | {"mail": data["message"], "due_on": data.get("due_on")}
    return entry | {"reason": f"stopped: {data['reason']}"}
