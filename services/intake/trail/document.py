"""
The trail of a case: each event with time, service, account, meaning, provisions and place in the journal.

It follows from the rows of the journal alone, which carry no personal data. Of an event it repeats the fields
that an authority asks about, and no names of sealed content.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.intake.domain import IntakeCase, outcome_of
from services.intake.trail.provisions import AppliedProvision, LawOfTrail, applied_provisions, laws_of
from shared.contract import topology
from shared.contract.envelope import derived_id
from shared.contract.events import Decision, Fact, StaffProof
from shared.contract.references import short_reference
from shared.runtime.journal import JournalRow

FORMAT: Final = "habeas-case-trail/1"
OWN: Final = "intake"
STAFF: Final = "staff"
DETAILS: Final = frozenset(
    {
        *("right", "regulation", "policy", "also", "role", "requester", "country", "outcome", "dispositions"),
        *("reason", "reasons", "ground", "grounds", "fee", "duty", "remedy", "granted", "accepted", "resume"),
        *("received_at", "received_on", "due_on", "promised_on", "answer_by", "since", "until", "on", "days"),
        *(
            "assurance",
            "verified",
            "verdict",
            "kind",
            "letter",
            "action",
            "manner",
            "approval",
            "deciders",
            "follows",
        ),
        *("repeats", "not_accepted", "owner", "account", "type"),
    }
)
"""Fields that a trail repeats: codes, days, numbers, ids of requests and names of accounts."""


class TrailRow(BaseModel):
    """Place of an entry in the journal of the service that exported the trail."""

    model_config = ConfigDict(frozen=True)

    n: int
    """Number of the row in the case, from 0 on."""
    mac: str
    """MAC of the row in the chain of the case, in hexadecimal."""


class TrailEntry(BaseModel):
    """One event of a case."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    service: str
    """The service that published it; `staff` for a decision that an account signed."""
    type: str
    event: str | None
    """Id of the event; null for a fact that did not leave the service."""
    meaning: str
    actor: str | None
    """The staff account that decided or acted; null for the services."""
    details: Mapping[str, Any]
    provisions: Sequence[AppliedProvision]
    row: TrailRow | None
    """Null for a fact of another service that is only noted: the journal of that service has its row."""


class JournalHeads(BaseModel):
    """Signed heads of a journal, which copies of them can be compared with."""

    model_config = ConfigDict(frozen=True)

    number: int
    day: date
    sha256: str


class ChainOfTrail(BaseModel):
    """The chain of the case in the journal, as it was verified before the export."""

    model_config = ConfigDict(frozen=True)

    journal: str = OWN
    rows: int
    unchanged: bool
    faults: Sequence[str] = ()
    """Number of a row and its fault: `4 changed`."""
    heads: JournalHeads | None = None
    """The newest signed heads of the journal; null where none are exported yet."""


class CaseTrail(BaseModel):
    """The trail of a case."""

    model_config = ConfigDict(frozen=True)

    format: Literal["habeas-case-trail/1"] = FORMAT
    case: str
    reference: str
    """The short reference that letters name."""
    controller: str
    exported_at: datetime
    exported_by: str
    """The staff account."""
    right: str
    laws: Sequence[LawOfTrail] = Field(min_length=1)
    """All laws that protect the person; the one that the request is answered under is the first."""
    received_at: datetime
    received_on: date
    due_on: date | None
    due_law: str | None
    """The law with the last day; null where none sets one."""
    status: str
    outcome: str | None
    chain: ChainOfTrail
    entries: Sequence[TrailEntry]


@dataclass(frozen=True, slots=True)
class TrailExport:
    """The circumstances of an export."""

    controller: str
    at: datetime
    by: str
    chain: ChainOfTrail


def trail_of(case_id: str, case: IntakeCase, rows: Sequence[JournalRow], export: TrailExport) -> CaseTrail:
    """
    Return the trail of a registered case by its *rows*, oldest first.

    Raises:
        ValueError: The case is not registered.
    """
    received = case.received
    if received is None:
        raise ValueError("the request is not registered")
    laws = laws_of(received)
    entries = _once(entry for row in rows for entry in _entries(row, received.right, received.laws))
    outcome = outcome_of(case)
    return CaseTrail(
        case=case_id,
        reference=short_reference(case_id),
        controller=export.controller,
        exported_at=export.at,
        exported_by=export.by,
        right=received.right,
        laws=laws,
        received_at=received.received_at,
        received_on=received.received_on,
        due_on=case.due_on,
        due_law=case.due_by,
        status=case.status,
        outcome=outcome,
        chain=export.chain,
        entries=sorted(entries, key=lambda entry: entry.at),
    )


def meaning_of(kind: type[Fact]) -> str:
    """Return the meaning of an event in one sentence: that of the reference of events."""
    text = inspect.cleandoc(kind.__doc__ or kind.TYPE)
    return " ".join(text.partition("\n\n")[0].split()).replace("*", "").replace("`", "")


def _once(entries: Iterable[TrailEntry]) -> list[TrailEntry]:
    """Return *entries*, each event once: of one that has a row, that with the row."""
    known = list(entries)
    chained = {one.event for one in known if one.row is not None}
    return [one for one in known if one.row is not None or one.event not in chained]


def _entries(row: JournalRow, right: Any, laws: Sequence[str]) -> Iterator[TrailEntry]:
    """Yield the entries of a row: the handled event, then its facts."""
    place = None if row.noted else TrailRow(n=row.n, mac=row.mac.hex())
    for at, service, id_, fact in _facts(row):
        yield TrailEntry(
            at=at,
            service=service,
            type=fact.TYPE,
            event=id_,
            meaning=meaning_of(type(fact)),
            actor=_actor(fact),
            details=fact.model_dump(mode="json", include=set(DETAILS), exclude_defaults=True),
            provisions=applied_provisions(fact, right, laws),
            row=place,
        )


def _facts(row: JournalRow) -> Iterable[tuple[datetime, str, str | None, Fact]]:
    if row.event is not None:
        yield _time(row.event, row.occurred_at or row.at), _publisher(row.event), row.cause, row.event
    for index, fact in enumerate(row.facts):
        id_ = derived_id(f"{OWN}/{row.case}/{row.cause}", index) if fact.PUBLISHED else None
        yield row.at, OWN, id_, fact


def _time(fact: Fact, at: datetime) -> datetime:
    """Return the time of an event: a decision's is that of its signature."""
    proof = getattr(fact, "proof", None)
    return proof.at if isinstance(proof, StaffProof) else at


def _publisher(fact: Fact) -> str:
    if isinstance(fact, Decision):
        return STAFF
    return ", ".join(topology.publishers_of(fact.TYPE)) or OWN


def _actor(fact: Fact) -> str | None:
    by = getattr(fact, "by", None) or getattr(fact, "account", None)
    return by if isinstance(by, str) else None
