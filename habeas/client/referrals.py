"""Reasons and next steps of requests that wait for the staff, and the files of an answer by hand."""

import io
import secrets
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from services.notifier.letters.reasons import REASONS
from shared.contract.events import (
    WithholdingGround,
)
from shared.contract.package_review import RedactionList
from shared.errors import ConfigurationError
from shared.law import ReasonCode
from shared.vocabulary import ReferralReason

MEANINGS: Mapping[str, str] = {
    ReferralReason.BY_STAFF: "no service answers requests for this right",
    ReferralReason.NOTHING_DECLARED: "the request names no identity that the data map searches by",
    ReferralReason.NOTHING_NAMED: "the correction names no field and value: read the person's text",
    ReferralReason.UNSURE: "the proof of identity does not suffice for a correction",
    ReferralReason.IDENTITY_CHANGE: "the correction changes an identity: `habeas request approve-correction`",
    ReferralReason.ACCURACY_DISPUTED: "a disputed field is not editable; records are restricted meanwhile",
    ReferralReason.SCOPE_UNCLEAR: "the erasure is limited to data that the map does not name so",
    ReferralReason.GROUND_CLAIMED: "a ground of Art. 17(1)(d) or (e) is claimed: `habeas request ground`",
    ReferralReason.TO_BE_WEIGHED: "the objection must be weighed against compelling grounds",
    ReferralReason.MANY_MAILBOXES: "the records name more other mailboxes than are written to",
}
"""Reason of a referral → its meaning; other reasons are those of letters."""
NEXT_STEPS: Mapping[str, tuple[str, str]] = {
    "stopped": ("stopped", "request resume, request close"),
    "approval": ("erasure not approved", "approve"),
    "package": ("package not reviewed", "request review"),
    "referred": ("referred", "request answer, request refuse, request nothing-held"),
    "forward": ("customer unknown or not reached", "request forward"),
    "undelivered": ("answer not delivered", "request delivered"),
}
"""Work on an answer → what the request waits for, and the verbs; the first that waits comes first."""


def redaction_list(withhold: Iterable[str]) -> bytes:
    """
    Return the redactions of the words ``COLLECTION[:RECORD[:FIELD]]=GROUND``, as they are signed.

    Raises:
        ConfigurationError: One of them has another form.
    """
    try:
        return (
            RedactionList.model_validate({"redactions": [*map(_redaction, withhold)]})
            .model_dump_json()
            .encode()
        )
    except ValueError:
        grounds = ", ".join(WithholdingGround)
        raise ConfigurationError(
            f"--withhold: COLLECTION[:RECORD[:FIELD]]=GROUND, with the record's number; grounds are {grounds}"
        ) from None


def _redaction(word: str) -> dict[str, str | None]:
    place, _, ground = word.rpartition("=")
    collection, _, rest = place.partition(":")
    record, _, field = rest.partition(":")
    return {"collection": collection, "record": record or None, "field": field or None, "reason": ground}


def last_day(due_on: date | None, today: date) -> dict[str, Any]:
    """Return a last day as plain values, with the days that are left."""
    days = None if due_on is None else (due_on - today).days
    return {"due_on": due_on and due_on.isoformat(), "days_left": days}


def next_step_of(work: str, reason: str | None = None) -> tuple[str, str]:
    """Return what a request waits for, and the verb that continues it."""
    waits_for, verbs = NEXT_STEPS[work]
    first = "request ground, " if work == "referred" and reason == ReferralReason.GROUND_CLAIMED else ""
    return f"{waits_for}: {reason}" if work == "stopped" else waits_for, f"{first}{verbs}"


def meaning_of(reason: str) -> str:
    """Return the meaning of the *reason* of a referral; empty if it has none."""
    known = ReasonCode(reason) if reason in set(ReasonCode) else None
    return MEANINGS.get(reason) or (REASONS[known] if known else "")


def packed(files: Sequence[Path]) -> bytes:
    """
    Return a ZIP with *files*, and a random comment, so that its digest does not reveal them.

    Raises ConfigurationError if two have the same name.
    """
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise ConfigurationError("--file: two files have the same name")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
        archive.comment = secrets.token_hex(16).encode()
    return content.getvalue()
