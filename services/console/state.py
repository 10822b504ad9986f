"""
The row of a case: the fields that lists show, filter and sort by.

Pure. A row holds codes, days and names of accounts, and no personal data.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from shared.contract.correlation import KEYED

Document: TypeAlias = dict[str, Any]
LAST_DAY = "9999-12-31"
"""Stands for a missing last day: rows without one come last."""


class CaseKind(StrEnum):
    """The subject of a case."""

    REQUEST = "request"
    INCIDENT = "incident"
    MAIL = "mail"
    """A mail that is no request yet."""
    SUBMISSION = "submission"
    """A submission that could not be read, and is set aside sealed."""
    PURGE = "purge"
    """Records of a collection past their retention period."""
    HOLD = "hold"
    """A legal hold on a collection."""


class CaseStage(StrEnum):
    """The stage of a request; the names are those of intake's public statuses."""

    RECEIVED = "received"
    CHALLENGED = "challenged"
    VERIFIED = "verified"
    REFERRED = "referred"
    REFUSED = "refused"
    ANSWERED = "answered"
    FORWARDED = "forwarded"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class WaitKind(StrEnum):
    """Work that waits for the staff."""

    DOCUMENT = "document"
    """A proof of identity needs a review."""
    APPROVAL = "approval"
    """An erasure needs a second account."""
    REFERRED = "referred"
    """No service can answer the request."""
    PACKAGE = "package"
    """A package needs a review before it is sent."""
    APPEAL = "appeal"
    MAIL = "mail"
    """A mail only staff can handle."""
    FORWARD = "forward"
    """A customer decides about the data, and must be named."""
    UNDELIVERED = "undelivered"
    """The answer came back, and is still owed."""
    RECIPIENT = "recipient"
    """A recipient of the data could not be notified."""
    STOPPED = "stopped"
    """A reader of a letter stopped the request."""
    PROPOSAL = "proposal"
    """A withdrawn consent proposes an erasure."""
    SUBMISSION = "submission"
    """A submission is set aside."""
    PURGE = "purge"
    """A proposed purge needs a second account."""
    RELEASE = "release"
    """Notices of a breach need an approval."""
    REPORT = "report"
    """An authority, or another recipient without a letter, is to be notified of a breach."""


class HoldState(StrEnum):
    """The state of a hold on a day."""

    STANDING = "standing"
    ENDED = "ended"
    """Its last day is over."""
    LIFTED = "lifted"


class RecipientState(StrEnum):
    """The state of a notice to a recipient of data."""

    UNDER_WAY = "under_way"
    NOTIFIED = "notified"
    """By its event alone: the recipient consumes it, and acknowledges nothing."""
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    INFORMED = "informed"
    """By the staff, by other means."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One piece of work that waits for the staff."""

    kind: WaitKind
    since: datetime
    due_on: date | None = None
    reason: str | None = None
    by: tuple[str, ...] = ()
    """Accounts that may not do it, because they decided before."""
    item: str | None = None
    """Item of the content of the case that it is about."""
    own: bool | None = None
    """Of a mail: whether it is about a request and from that request's address."""


@dataclass(frozen=True, slots=True)
class LetterFate:
    """A letter and its fate."""

    letter: str
    at: datetime
    state: str
    """``sent``, ``failed`` or ``returned``."""
    reason: str | None = None
    kept: str | None = None
    """Name of its copy in the vault."""


@dataclass(slots=True)
class CaseRow:
    """A case as lists show it."""

    id: str
    kind: CaseKind
    since: datetime
    """Time of its first event."""
    moved_at: datetime
    """Time of its last event."""
    stage: CaseStage | None = None
    right: str | None = None
    law: str | None = None
    """The edition that the request is answered under."""
    laws: tuple[str, ...] = ()
    not_accepted: tuple[str, ...] = ()
    """Laws with an unread deadline, which judge nothing."""
    country: str | None = None
    source: str | None = None
    reference: str | None = None
    """Of the publisher, keyed where it could be personal data."""
    incident: str | None = None
    role: str | None = None
    requester: str | None = None
    follows: str | None = None
    repeats: str | None = None
    received_at: datetime | None = None
    received_on: date | None = None
    due_on: date | None = None
    due_law: str | None = None
    meant_for: date | None = None
    promised_on: date | None = None
    """The last day before an extension."""
    extension: str | None = None
    paused_since: datetime | None = None
    scope_asked_at: datetime | None = None
    """Time of an open question which data is meant."""
    missed_on: date | None = None
    expected_on: date | None = None
    stopped: str | None = None
    outcome: str | None = None
    """The result of the decision, as in the register; None before."""
    grounds: tuple[str, ...] = ()
    dispositions: dict[str, int] = field(default_factory=dict)
    answered_at: datetime | None = None
    """Time of the decision."""
    sent_at: datetime | None = None
    """Time of the letter with the answer."""
    closed_at: datetime | None = None
    holds: tuple[str, ...] = ()
    """Legal holds that kept records from its erasure."""
    held_until: date | None = None
    """Last day of the standing holds on it or its person; the last day of all until they are lifted."""
    owner: str | None = None
    deciders: tuple[str, ...] = ()
    letters: tuple[LetterFate, ...] = ()
    waits: tuple[Wait, ...] = ()
    open: bool = True
    """Whether the duty to answer is open; of a mail: whether its sender was asked what is meant."""

    @property
    def shown_reference(self) -> str | None:
        """The reference of the publisher; None where it is keyed, and so without meaning for people."""
        return None if self.reference is None or self.reference.startswith(KEYED) else self.reference

    @property
    def waiting(self) -> tuple[str, ...]:
        """The kinds of work that wait for the staff."""
        return tuple(dict.fromkeys(wait.kind.value for wait in self.waits))

    @property
    def work(self) -> str:
        """The kinds of waiting work, each with the accounts that may not do it; :func:`work_in` reads it."""
        return " ".join("/".join(one) for one in sorted({(w.kind.value, *sorted(w.by)) for w in self.waits}))

    @property
    def next_due(self) -> date | None:
        """The earliest last day of work that waits, else that of the answer."""
        days = [wait.due_on for wait in self.waits if wait.due_on is not None]
        return min(days, default=self.due_on if self.open else None)

    def document(self) -> Document:
        """Return the row as it is stored: days as text, and the fields that only indexes need."""
        stored = {name: _stored(value) for name, value in asdict(self).items() if name != "id"}
        derived = {
            "law_name": self.law and name_of(self.law),
            "waiting": list(self.waiting),
            "waits_for_staff": bool(self.waits),
            "work": self.work,
            "sort_due": _stored(self.next_due) or LAST_DAY,
        }
        return {"_id": self.id, **stored, **derived}

    @classmethod
    def read(cls, document: Document) -> "CaseRow":
        """Return the row of a stored *document*."""
        known = {one.name for one in fields(cls)}
        values = {name: value for name, value in document.items() if name in known}
        for name in DAYS:
            values[name] = _day(values.get(name))
        values["kind"] = CaseKind(values["kind"])
        values["stage"] = values["stage"] and CaseStage(values["stage"])
        for name in ("laws", "not_accepted", "grounds", "holds", "deciders"):
            values[name] = tuple(values.get(name, ()))
        values["letters"] = tuple(LetterFate(**one) for one in values["letters"])
        values["waits"] = tuple(_wait(one) for one in values["waits"])
        return cls(id=document["_id"], **values)


def work_in(text: str) -> Iterator[tuple[WaitKind, frozenset[str]]]:
    """Yield each kind of work of :attr:`CaseRow.work`, and the accounts that may not do it."""
    for one in text.split():
        kind, *barred = one.split("/")
        yield WaitKind(kind), frozenset(barred)


def name_of(law: str) -> str:
    """Return the name of a law without its edition: ``gdpr`` of ``gdpr@2018-05-25``."""
    return law.partition("@")[0]


DAYS = ("received_on", "due_on", "meant_for", "promised_on", "missed_on", "expected_on", "held_until")
"""Fields that hold a day."""


def _wait(stored: Document) -> Wait:
    day, by = _day(stored["due_on"]), tuple(stored["by"])
    item, own = stored.get("item"), stored.get("own")
    return Wait(WaitKind(stored["kind"]), stored["since"], day, stored["reason"], by, item, own)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _stored(value: Any) -> Any:
    """Return *value* as the database stores it: a day as ISO text, which sorts as days do."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_stored(one) for one in value]
    if isinstance(value, dict):
        return {name: _stored(one) for name, one in value.items()}
    return value.value if isinstance(value, StrEnum) else value
