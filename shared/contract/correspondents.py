"""
The recipient of a letter about a request: the person, the parent, or the agent. Pure.

A parent stands in for the child, so all letters go to the parent, and none to the child. An agent asks for a
person who can act: the agent is informed of the progress; the person confirms it and gets the answer.
"""

import re
from enum import StrEnum

from shared.contract.events import LetterKind, Requester, RequestReceived, RequestSubmitted
from shared.law import needs_proof

ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}")
PROCEEDINGS = frozenset(
    {
        LetterKind.ACKNOWLEDGEMENT,
        LetterKind.DUPLICATE,
        LetterKind.EXTENSION,
        LetterKind.FORWARDED,
        LetterKind.LATE,
        LetterKind.REFUSAL,
        LetterKind.SCOPE_ASKED,
        LetterKind.WITHDRAWN,
    }
)
"""Letters about how a request proceeds: they say nothing of the data that is held."""


def acknowledged_at_once(request: RequestReceived) -> bool:
    """Return whether the receipt of *request* is confirmed before anything else is known."""
    return _acknowledged(request) and not acknowledged_after_assessment(request)


def acknowledged_after_assessment(request: RequestReceived) -> bool:
    """Return whether the receipt is confirmed once the request is assessed; with a code if one is mailed."""
    proof = needs_proof(request.right, direct_marketing=request.direct_marketing)
    return proof and _acknowledged(request)


def _acknowledged(request: RequestReceived) -> bool:
    """
    Return whether the receipt of *request* is confirmed.

    One that goes to a customer, repeats another or is withdrawn has a letter of its own; a controller gets
    none.
    """
    settled = request.goes_to_customer or request.repeats or request.withdrawn
    return not settled and request.requester is not Requester.CONTROLLER


class Correspondent(StrEnum):
    """A party to a request that letters go to."""

    PERSON = "person"
    """The person that the request is about."""
    REPRESENTATIVE = "representative"
    """The parent or agent that acts for the person."""


def correspondent(
    letter: LetterKind, requester: Requester, *, person: bool = True, representative: bool = True
) -> Correspondent | None:
    """
    Return the party that *letter* goes to; None if it may go to neither.

    Args:
        letter: Kind of the letter.
        requester: Role of the requester.
        person: Whether the request names a mailbox of the person's.
        representative: Whether it names a mailbox of the representative's.

    Law:
        11 CCR § 7021(a): the requester gets a receipt. § 7063(a): of an agent's request the consumer
        confirms directly that they gave permission. § 7070(c): for a child the parent acts.
        EDPB Guidelines 01/2022 paras. 80-85: the answer may go to the person that an agent acts for.
        GDPR Art. 28(3)(e): a controller that asks answers the person itself.
    """
    match requester:
        case Requester.CONTROLLER:
            return None
        case Requester.PARENT:
            return Correspondent.REPRESENTATIVE if representative else None
        case Requester.AGENT if representative and (letter in PROCEEDINGS or not person):
            # A code to an agent would confirm the agent's own word.
            return None if letter is LetterKind.CODE else Correspondent.REPRESENTATIVE
        case _:
            return Correspondent.PERSON if person else None


def correspondent_of(
    letter: LetterKind, requester: Requester, request: RequestSubmitted
) -> Correspondent | None:
    """Return the party to *request* that *letter* goes to; None if it may go to neither."""
    person, representative = person_mailbox(request) is not None, representative_mailbox(request) is not None
    return correspondent(letter, requester, person=person, representative=representative)


def mailbox_for(letter: LetterKind, requester: Requester, request: RequestSubmitted) -> str | None:
    """Return the mailbox that *letter* about *request* goes to; None if there is none."""
    match correspondent_of(letter, requester, request):
        case Correspondent.PERSON:
            return person_mailbox(request)
        case Correspondent.REPRESENTATIVE:
            return representative_mailbox(request)
        case None:
            return None


def person_mailbox(request: RequestSubmitted) -> str | None:
    """Return the mailbox of the person that *request* is about."""
    return request.subject.email


def representative_mailbox(request: RequestSubmitted) -> str | None:
    """Return the mailbox of the parent or agent; None if there is none, or it is no mail address."""
    written = request.agent.email.strip() if request.agent else ""
    return written if ADDRESS.fullmatch(written) else None


def parties(requester: Requester, request: RequestSubmitted) -> tuple[str, ...]:
    """
    Return the mailboxes of the people that may decide on *request*.

    For a child's request it is the parent's alone; for a controller's instruction there is none.
    """
    if requester is Requester.CONTROLLER:
        return ()
    person, representative = person_mailbox(request), representative_mailbox(request)
    if requester is Requester.PARENT:
        return tuple(filter(None, (representative,)))
    return tuple(filter(None, (person, representative)))
