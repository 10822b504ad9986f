"""
Fingerprints of requests, and the conditions under which one is a duplicate. Pure.

Two requests have the same fingerprint if everything that determines the answer is equal: the right, the
described person, the details, and the requester. Residence, language and time make no difference.

Law:
    GDPR Art. 12(3), (5): one answer, in the first request's time, answers both; neither is refused.
"""

from dataclasses import dataclass
from datetime import date, datetime

import orjson

from services.intake.domain import PUBLIC_SOURCES, IntakeCase
from shared.contract.drop import SOURCE as DROP
from shared.contract.events import RequestDuplicated, RequestId, RequestReceived, RequestSubmitted, Subject
from shared.errors import RefusedDecision
from shared.law import Role, needs_proof
from shared.matching import mailbox


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """The first open request with a fingerprint."""

    fingerprint: str
    case: RequestId
    at: datetime


def fingerprint_of(request: RequestSubmitted, received: RequestReceived) -> bytes | None:
    """
    Return the fingerprint of a request, equal for equal requests; None if repetitions are not compared.

    The requester is part of it, and the system that passes it on: a request of another system does not hinder
    the person's own. Proofs in a request are checked in any case.
    """
    if received.follows or received.proofs or received.role is Role.END_USER or received.source == DROP:
        return None
    if not needs_proof(received.right, direct_marketing=received.direct_marketing):
        return None
    person, agent = _person(request.subject), request.agent
    if not person["email"]:
        return None
    details = request.details.model_dump() | {"scope": sorted(set(request.details.scope))}
    if request.details.ground is None:  # fingerprints of earlier versions have none
        del details["ground"]
    said = {
        "right": received.right,
        "role": received.role,
        "child": received.child,
        "source": received.source,
        "person": person,
        "agent": agent and (mailbox(agent.email) or agent.email, agent.parent),
        "details": details,
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def duplicate_of(first: IntakeCase, received: RequestReceived, today: date) -> RequestDuplicated | None:
    """
    Return that *received* is a duplicate of *first*; None if it is not.

    Not if *first* has ended or is late: a reminder then gets its own deadline. Nor if it has other laws or a
    later deadline, or waits for a proof that may not come. Nor if it is stopped: a stranger may have sent it,
    and the staff may end it without an answer. A duplicate stays linked, however the first ends.
    """
    awaited = first.answer_awaited and first.stopped is None
    if first.received is None or first.due_on is None or not awaited:
        return None
    if first.received.laws != received.laws or not today <= first.due_on <= received.due_on:
        return None
    if first.awaits_proof and _may_prove_more(received, first.received):
        return None
    return RequestDuplicated(
        request_id=received.request_id,
        first=first.received.request_id,
        first_received_on=first.received.received_on,
        due_on=first.due_on,
    )


def merged_with(first: IntakeCase, case: IntakeCase, today: date) -> RequestDuplicated:
    """
    Return that the staff merges *case* with *first*: its answer comes in time, by the same laws, for both.

    Law:
        GDPR Art. 12(3): the earlier request keeps its last day, and the later one gets no later one.

    Raises:
        RefusedDecision: The identity of *case* is decided; *first* has ended, came later, is about another
          right, or has other laws, a later last day or a duty that is late.
    """
    merged, kept = case.received, first.received
    if merged is None or not case.awaits_proof:
        raise RefusedDecision("identity_decided")
    if kept is None or not first.withdrawable or kept.request_id == merged.request_id:
        raise RefusedDecision("first_not_open")
    if kept.right is not merged.right or kept.received_at > merged.received_at:
        raise RefusedDecision("not_the_same")
    same_laws, due = kept.laws == merged.laws, first.due_on
    if not same_laws or due is None or case.due_on is None or not today <= due <= case.due_on:
        raise RefusedDecision("merge_delays")
    return RequestDuplicated(
        request_id=merged.request_id,
        first=kept.request_id,
        first_received_on=kept.received_on,
        due_on=due,
    )


def same_person(one: RequestSubmitted, other: RequestSubmitted) -> bool:
    """Return whether both requests name the same mailbox of the person."""
    first, second = mailbox(one.subject.email or ""), mailbox(other.subject.email or "")
    return bool(first) and first == second


def _may_prove_more(received: RequestReceived, first: RequestReceived) -> bool:
    """
    Return whether *received* may be proven although *first* is not: unproven, it must not block another.

    An agent may have stronger evidence now; on public channels anyone may ask in a person's name.
    """
    return received.source in PUBLIC_SOURCES or not set(first.attested).issuperset(received.attested)


def _person(subject: Subject) -> dict[str, object]:
    """Return the whole description of the person: another number means other records."""
    name = " ".join((subject.name or "").casefold().split())
    return subject.model_dump() | {"email": mailbox(subject.email or ""), "name": name}
