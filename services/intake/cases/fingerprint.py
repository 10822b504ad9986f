"""
Which requests ask for the same, and when one is answered with another. Pure.

Two ask for the same when all agrees that an answer depends on: the right, the person as they are described,
the details, and who asks. Where somebody lives, their language, and when they ask make no difference.

Law:
    GDPR Art. 12(3), (5): one answer, in the first one's time, is the answer to both; nobody is refused.
"""

from dataclasses import dataclass
from datetime import date, datetime

import orjson

from services.intake.domain import PUBLIC_DOORS, IntakeCase
from shared.contract.events import (
    Agent,
    RequestDuplicated,
    RequestId,
    RequestReceived,
    RequestSubmitted,
    Subject,
)
from shared.law import Role, needs_proof
from shared.matching import mailbox


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """Who was the first to ask for something."""

    wish: str
    """What is asked for, as a keyed hash."""
    case: RequestId
    at: datetime


def fingerprint_of(request: RequestSubmitted, received: RequestReceived) -> bytes | None:
    """
    Return what is asked for, the same bytes for the same wish; None where a repetition is answered like any.

    Who asks is part of it, and the system that passes it on: a request that another system has made in a
    person's name does not stand in the way of the person's own. What needs no proof is done again sooner
    than compared; proofs that came along are weighed, whatever else was asked for.
    """
    if received.follows or received.proofs or received.role is Role.END_USER:
        return None
    if not needs_proof(received.right, direct_marketing=received.direct_marketing):
        return None
    person = _person(request.subject)
    if not person["email"]:
        return None
    details = request.details.model_dump() | {"scope": sorted(set(request.details.scope))}
    said = {
        "right": received.right,
        "role": received.role,
        "child": received.child,
        "source": received.source,
        "person": person,
        "agent": _agent(request.agent),
        "details": details,
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def duplicate_of(first: IntakeCase, received: RequestReceived, today: date) -> RequestDuplicated | None:
    """
    Return that *received*, which asks for the same, is answered with *first*; None where it is not.

    Not where *first* has ended, or its last day has passed: who reminds us then has a day of their own. Nor
    where it is answered under other laws or later than *received* must be, or waits for a proof that need
    not come. Who is linked to it once stays so, however it ends.
    """
    if first.received is None or first.due_on is None or not first.answer_awaited:
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


def _may_prove_more(received: RequestReceived, first: RequestReceived) -> bool:
    """
    Tell whether *received* may be proven although *first*, which asks for the same, is not.

    An agent may answer for more now. At a public door anybody may ask in anybody's name, and take it back:
    what they ask silences nobody there until it is proven.
    """
    return received.source in PUBLIC_DOORS or not set(first.attested).issuperset(received.attested)


def _person(subject: Subject) -> dict[str, object]:
    """Return all that is said of the person: who names another number asks for other records."""
    name = " ".join((subject.name or "").casefold().split())
    return subject.model_dump() | {"email": mailbox(subject.email or ""), "name": name}


def _agent(agent: Agent | None) -> tuple[str, bool] | None:
    return None if agent is None else (mailbox(agent.email) or agent.email, agent.parent)
