"""The evidence of an authorised agent's word with a checked signature, and its limits."""

from functools import reduce
from typing import Any

import pytest

from services.intake.domain import request_id
from services.verifier.assurance.levels import Sensitivity, Situation, provision_of, required
from services.verifier.domain import Assessed, EvidenceGained, Verification, evidence_of_agent, evolve
from shared.contract.events import (
    Assurance,
    DataPoints,
    EmailCode,
    Evidence,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    Requester,
    RequestReceived,
    RequestSubmitted,
)
from shared.contract.sources import ChannelSource, channel_source
from shared.law import PROOFLESS, Regulation, Right
from tests.unit.fakes import NOW, PERSON, REQUEST_KEY, Office, law_of, request
from tests.unit.fakes import SOURCE as SHOP

E = Evidence
SOURCE = channel_source(ChannelSource.DRP, "AGENT_ONE")
CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
AGENT = {"name": "Agency One", "email": "people@one.agency.example", "permission": "Attested by Agency One."}
BOTH = (E.PERMISSION, E.MAILBOX)
RECEIVED = RequestReceived(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.CCPA,
    policy="us-ca-ccpa@2026-01-01",
    source=SOURCE,
    received_at=NOW,
    received_on=NOW.date(),
    due_on=NOW.date(),
    internal_due_on=NOW.date(),
    requester=Requester.AGENT,
)


async def asked(
    *attested: Evidence, trusted: bool = True, sensitivity: Sensitivity = Sensitivity.ORDINARY, **changes: Any
) -> Office:
    """Return an office that an agent has asked who answers for *attested*."""
    office = Office(trusted={SOURCE} if trusted else set(), sensitivity=sensitivity)
    form = request(agent=AGENT, residence={"country": "US", "subdivision": "CA"}, **changes)
    await office.requests.lodge(RequestSubmitted.model_validate(form), SOURCE, attested=attested)
    await office.work()
    return office


def gained(office: Office) -> dict[Evidence, tuple[str, ...]]:
    rows = office.journals["verifier"].rows.values()
    facts = [fact for row in rows for fact in row.facts if isinstance(fact, EvidenceGained)]
    assert all(fact.attested for fact in facts)
    return {fact.evidence: fact.identities for fact in facts}


async def test_trusted_agent_with_verified_mailbox_is_believed() -> None:
    office = await asked(*BOTH, right="erasure")
    verified = office.the(IdentityVerified)
    assert verified.assurance is Assurance.VOUCHED
    assert verified.proven == ("email",)
    assert verified.reasons == ("agent_attests", "mailbox")
    assert not office.facts(IdentityChallenged)


async def test_untrusted_agent_has_shown_the_permission_alone() -> None:
    office = await asked(*BOTH, trusted=False, right="erasure")
    assert not office.facts(IdentityVerified)
    assert gained(office) == {E.PERMISSION: ()}
    challenged = office.the(IdentityChallenged)
    assert challenged.ref == "code_0"
    assert challenged.wanted == ((E.MAILBOX,),)


async def test_the_permission_is_not_asked_for_again() -> None:
    office = await asked(E.PERMISSION, right="erasure", subject={"name": PERSON["name"]})
    wanted = office.the(IdentityChallenged).wanted
    assert wanted
    assert all(E.PERMISSION not in way for way in wanted)


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
async def test_an_agents_word_opens_no_specific_pieces_in_california(right: Right) -> None:
    office = await asked(*BOTH, right=right)
    assert not office.facts(IdentityVerified)
    assert (E.TWO_POINTS, E.DECLARATION) in office.the(IdentityChallenged).wanted


async def test_an_agents_word_is_not_enough_for_sensitive_data() -> None:
    office = await asked(*BOTH, right="erasure", sensitivity=Sensitivity.HIGH)
    assert not office.facts(IdentityVerified)
    assert office.facts(IdentityChallenged)


@pytest.mark.slow
async def test_wrong_claims_beside_an_agents_word_get_the_categories_at_most() -> None:
    """No code is mailed where the mailbox is attested: the last claim decides all the same."""
    office = await asked(*BOTH, right="access")
    for number in range(3):
        claim = DataPoints(kind="data_points", points={"user.name": f"Somebody Else {number}"})
        await office.requests.prove(CASE, [claim])
        await office.work()
        await office.compare(IdentityCompared(request_id=CASE, agreed=0, claimed=1))
    assert len(office.facts(IdentityClaimed)) == 3
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.reasons) == (Assurance.REASONABLE, ("enough_for_categories",))
    assert not office.facts(IdentityRefused)


def test_evidence_proven_by_the_person_is_no_agents_word_any_more() -> None:
    received = RECEIVED.model_copy(update={"attested": BOTH})
    known = reduce(evolve, [received, *evidence_of_agent(received, trusted=True)], Verification())
    assert known.attested == set(BOTH)
    proven = EvidenceGained(request_id=CASE, evidence=E.MAILBOX, identities=("email",))
    assert evolve(known, proven).attested == {E.PERMISSION}


async def test_proof_of_the_mailbox_is_not_vouched_for() -> None:
    office = await asked(E.PERMISSION, right="erasure")
    await office.requests.prove(CASE, [EmailCode(kind="email_code", code=office.code_of(CASE, "code_0"))])
    await office.work()
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.reasons) == (Assurance.MAILBOX, ("mailbox",))


@pytest.mark.parametrize("right", sorted(PROOFLESS))
async def test_less_use_of_data_needs_no_agents_word(right: Right) -> None:
    office = await asked(right=right, trusted=False)
    assert office.the(IdentityVerified).assurance is Assurance.NONE_NEEDED


async def test_no_submission_can_claim_attested_evidence() -> None:
    """What an upstream system publishes says who the agent is, and not that a signature was checked."""
    office = Office(trusted={SHOP})
    await office.submit(request(agent=AGENT, right="erasure", attested=["permission", "mailbox"]))
    assert not office.facts(RequestReceived)
    await office.submit(request(agent=AGENT, right="erasure"), id_="2")
    assert office.the(RequestReceived).attested == ()
    assert not office.facts(IdentityVerified)


@pytest.mark.parametrize("requester", [Requester.PERSON, Requester.PARENT])
def test_word_of_an_agent_alone_counts(requester: Requester) -> None:
    received = RECEIVED.model_copy(update={"requester": requester, "attested": BOTH})
    assert evidence_of_agent(received, trusted=True) == ()


async def test_why_an_agent_is_believed_stays_with_the_case() -> None:
    office = await asked(*BOTH, right="erasure")
    (assessed,) = [
        fact
        for row in office.journals["verifier"].rows.values()
        for fact in row.facts
        if isinstance(fact, Assessed)
    ]
    assert "agent_attests" in assessed.grounds
    assert "7063" in provision_of("agent_attests", law_of(Regulation.CCPA))
    without = required(Situation(Right.ERASURE, law_of(Regulation.CCPA), requester=Requester.AGENT))
    assert "agent_asks" in without.grounds
