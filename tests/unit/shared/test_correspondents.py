"""Which mailbox gets each letter: a table of all letters, requesters and mailboxes."""

from itertools import product

import pytest

from shared.contract.correspondents import (
    Correspondent,
    correspondent,
    mailbox_for,
    parties,
    representative_mailbox,
)
from shared.contract.events import LetterKind, Requester, RequestSubmitted

L, R = LetterKind, Requester
PERSON, AGENT = Correspondent.PERSON, Correspondent.REPRESENTATIVE
CHILD, MOTHER = "mia@example.org", "mother@example.org"
TO_AGENT = {
    L.ACKNOWLEDGEMENT, L.DUPLICATE, L.EXTENSION, L.FORWARDED, L.LATE, L.REFUSAL, L.SCOPE_ASKED, L.WITHDRAWN,
}  # fmt: skip
"""Letters that an agent gets beside a person who has a mailbox."""
TO_PERSON = {
    L.APPEAL_DECIDED,
    L.APPEAL_RECEIVED,
    L.CLARIFICATION,
    L.CODE,
    L.COMPLAINT_DECIDED,
    L.COMPLAINT_RECEIVED,
    L.CONSENT_SCHEDULED,
    L.ERASURE_SCHEDULED,
    L.FEE_QUOTED,
    L.FORWARDED_TO_CONTROLLER,
    L.IN_REVIEW,
    L.LIFTING,
    L.MESSAGE,
    L.ALIAS_CODE,
    L.NAMED_MAILBOX,
    L.OUTCOME,
    L.PACKAGE_EXPIRING,
    L.PROOF_WANTED,
    L.REMINDER,
    L.WEIGHING,
}
"""Letters that the person gets when an agent asks."""


def expected(letter: LetterKind, requester: Requester, *, person: bool, agent: bool) -> Correspondent | None:
    """Return what the table says: one row for each requester and the mailboxes that are named."""
    row = {
        (R.PERSON, True): PERSON,
        (R.PERSON, False): None,
        (R.CONTROLLER, True): None,
        (R.CONTROLLER, False): None,
    }
    if (requester, person) in row:
        return row[requester, person]
    if requester is R.PARENT:
        return AGENT if agent else None
    if letter is L.CODE or not agent:
        return PERSON if person else None
    return AGENT if letter in TO_AGENT or not person else PERSON


def test_table_names_every_letter_once() -> None:
    assert set(LetterKind) == TO_AGENT | TO_PERSON
    assert not TO_AGENT & TO_PERSON


@pytest.mark.parametrize("letter", LetterKind)
@pytest.mark.parametrize("requester", Requester)
def test_each_letter_goes_to_the_party_that_the_table_says(letter: LetterKind, requester: Requester) -> None:
    for person, agent in product((True, False), repeat=2):
        to = correspondent(letter, requester, person=person, representative=agent)
        assert to is expected(letter, requester, person=person, agent=agent), (person, agent)


@pytest.mark.parametrize("letter", LetterKind)
def test_no_letter_goes_to_a_child_of_a_requesting_parent(letter: LetterKind) -> None:
    asked = submitted(agent=MOTHER)
    assert mailbox_for(letter, R.PARENT, asked) == MOTHER
    assert mailbox_for(letter, R.PARENT, submitted(agent="no address")) is None


def test_code_of_an_agents_request_goes_to_the_person_alone() -> None:
    assert mailbox_for(L.CODE, R.AGENT, submitted(agent=MOTHER)) == CHILD
    assert mailbox_for(L.CODE, R.AGENT, submitted(agent=MOTHER, email=None)) is None
    assert mailbox_for(L.OUTCOME, R.AGENT, submitted(agent=MOTHER, email=None)) == MOTHER


@pytest.mark.parametrize("text", ["", "mother", "a@b@c", "mother@example.org, eve@example.net", "<x@y.z>"])
def test_text_that_is_no_single_address_is_no_mailbox(text: str) -> None:
    assert representative_mailbox(submitted(agent=text or "-")) is None


def test_of_a_childs_request_the_parent_alone_decides() -> None:
    asked = submitted(agent=MOTHER)
    assert parties(R.PARENT, asked) == (MOTHER,)
    assert parties(R.AGENT, asked) == (CHILD, MOTHER)
    assert parties(R.PERSON, submitted()) == (CHILD,)


def submitted(*, email: str | None = CHILD, agent: str = "") -> RequestSubmitted:
    named = {"name": "Mother Example", "email": agent, "permission": "I am her mother."}
    return RequestSubmitted.model_validate(
        {
            "reference": "r",
            "right": "access",
            "subject": {"name": "Mia Example", "email": email},
            "agent": named if agent else None,
        }
    )
