import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.assurance.levels import Requirement, Sensitivity, Situation, provision_of, required
from shared.contract.events import Assurance, Evidence, Requester
from shared.law import PROOFLESS, Regulation, Right
from tests.unit.fakes import law_of

E = Evidence
SITUATIONS = st.builds(
    Situation,
    right=st.sampled_from(Right),
    laws=st.sampled_from([law_of(regulation) for regulation in Regulation]),
    sensitivity=st.sampled_from(Sensitivity),
    requester=st.sampled_from(Requester),
    vouched=st.booleans(),
    reachable=st.booleans(),
    direct_marketing=st.booleans(),
)
GDPR = [Regulation.GDPR, Regulation.UK_GDPR]
EXPENSIVE = {E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT}


def ways(requirement: Requirement) -> list[set[Evidence]]:
    return [set(way.evidence) for way in requirement.ways]


@pytest.mark.parametrize("right", sorted(PROOFLESS))
@pytest.mark.parametrize("regulation", Regulation)
def test_less_use_of_data_needs_no_proof_from_any_requester(right: Right, regulation: Regulation) -> None:
    needed = required(
        Situation(right, law_of(regulation), Sensitivity.HIGH, Requester.AGENT, reachable=False)
    )
    assert needed.level is Assurance.NONE_NEEDED
    assert needed.reached(frozenset()) is not None


@pytest.mark.parametrize("right", sorted(set(Right) - PROOFLESS))
def test_upstream_log_in_needs_no_further_proof(right: Right) -> None:
    needed = required(Situation(right, law_of(Regulation.GDPR), Sensitivity.HIGH, vouched=True))
    assert needed.level is Assurance.VOUCHED
    assert needed.reached(frozenset()) is not None


@pytest.mark.parametrize("regulation", GDPR)
@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE, Right.PORTABILITY])
def test_a_mailbox_is_enough_for_ordinary_data(regulation: Regulation, right: Right) -> None:
    needed = required(Situation(right, law_of(regulation)))
    reached = needed.reached({E.MAILBOX})
    assert reached is not None
    assert reached.level is Assurance.MAILBOX


@pytest.mark.slow
@pytest.mark.parametrize("sensitivity", Sensitivity)
@pytest.mark.parametrize("requester", Requester)
@pytest.mark.parametrize("right", sorted(set(Right) - PROOFLESS))
@pytest.mark.parametrize("regulation", Regulation)
def test_mailbox_that_can_be_asked_is_part_of_every_way_but_a_log_in(
    regulation: Regulation, right: Right, requester: Requester, sensitivity: Sensitivity
) -> None:
    if requester is not Requester.CONTROLLER:
        needed = required(Situation(right, law_of(regulation), sensitivity, requester))
        assert needed.reached(set(E) - {E.MAILBOX, E.ACCOUNT}) is None


@pytest.mark.parametrize("right", [Right.RESTRICTION, Right.OBJECTION, Right.KNOW_CATEGORIES])
@pytest.mark.parametrize("regulation", [one for one in Regulation if one is not Regulation.CCPA])
def test_without_a_mailbox_restriction_needs_as_much_as_access(regulation: Regulation, right: Right) -> None:
    needed, access = (
        required(Situation(one, law_of(regulation), reachable=False)) for one in (right, Right.ACCESS)
    )
    assert ways(needed) == ways(access)
    assert needed.reached({E.TWO_POINTS}) is None


@pytest.mark.parametrize("right", [Right.RESTRICTION, Right.OBJECTION, Right.KNOW_CATEGORIES])
@pytest.mark.parametrize("regulation", Regulation)
def test_restriction_of_an_honest_person_needs_one_code(regulation: Regulation, right: Right) -> None:
    assert required(Situation(right, law_of(regulation))).reached({E.MAILBOX}) is not None


@pytest.mark.parametrize("regulation", Regulation)
def test_where_a_mailbox_is_enough_no_papers_may_be_requested(regulation: Regulation) -> None:
    for right in set(Right) - PROOFLESS:
        needed = required(Situation(right, law_of(regulation), Sensitivity.ORDINARY))
        papers = [way for way in needed.ways if way.evidence & EXPENSIVE]
        assert not papers or needed.level is Assurance.REASONABLY_HIGH


def test_system_with_agents_log_in_vouches_for_the_agent_alone() -> None:
    agent = Situation(Right.ACCESS, law_of(Regulation.GDPR), requester=Requester.AGENT, vouched=True)
    assert required(agent).reached(frozenset()) is None


def test_a_childs_mailbox_is_not_a_parents_right() -> None:
    needed = required(Situation(Right.ERASURE, law_of(Regulation.CCPA), requester=Requester.PARENT))
    assert needed.reached({E.MAILBOX}) is None
    assert needed.reached({E.MAILBOX, E.PERMISSION}) is not None


@pytest.mark.parametrize("regulation", GDPR)
def test_sensitive_data_need_more_than_a_mailbox(regulation: Regulation) -> None:
    needed = required(Situation(Right.ACCESS, law_of(regulation), Sensitivity.HIGH))
    assert needed.reached({E.MAILBOX}) is None
    assert needed.reached({E.MAILBOX, E.TWO_POINTS}) is not None
    assert needed.reached({E.MAILBOX, E.IDENTITY_DOCUMENT}) is not None
    assert needed.reached({E.ACCOUNT}) is not None


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_in_california_specific_pieces_need_three_points_and_a_declaration(right: Right) -> None:
    """11 CCR § 7062(c)."""
    needed = required(Situation(right, law_of(Regulation.CCPA)))
    assert needed.level is Assurance.REASONABLY_HIGH
    assert needed.reached({E.MAILBOX, E.TWO_POINTS}) is None
    assert needed.reached({E.MAILBOX, E.TWO_POINTS, E.DECLARATION}) is not None
    assert needed.reached({E.MAILBOX}) is None


def test_in_california_categories_need_two_points() -> None:
    """11 CCR § 7062(b)."""
    needed = required(Situation(Right.KNOW_CATEGORIES, law_of(Regulation.CCPA), reachable=False))
    assert needed.level is Assurance.REASONABLE
    assert needed.reached({E.TWO_POINTS}) is not None


@given(situation=SITUATIONS)
def test_no_document_is_requested_where_less_is_enough(situation: Situation) -> None:
    """A blanket demand for identity cards was fined: less intrusive ways come first."""
    asked = ways(required(situation))
    with_papers = [number for number, evidence in enumerate(asked) if evidence & EXPENSIVE]
    without = [number for number, evidence in enumerate(asked) if not evidence & EXPENSIVE]
    assert without
    assert not with_papers or min(without) < min(with_papers)


@given(situation=SITUATIONS)
def test_every_level_has_a_reason_with_its_provision(situation: Situation) -> None:
    needed = required(situation)
    assert needed.grounds
    assert all(provision_of(ground, situation.laws) for ground in needed.grounds)


@given(situation=SITUATIONS)
def test_a_mailbox_is_not_asked_for_where_there_is_none(situation: Situation) -> None:
    needed = required(situation)
    assert needed.ways
    if not situation.reachable:
        assert all(E.MAILBOX not in way.evidence for way in needed.ways)


@given(situation=SITUATIONS)
def test_a_declaration_is_asked_for_in_california_alone(situation: Situation) -> None:
    asked = {evidence for way in required(situation).ways for evidence in way.evidence}
    assert situation.laws == law_of(Regulation.CCPA) or E.DECLARATION not in asked


@pytest.mark.parametrize("requester", [Requester.AGENT, Requester.PARENT])
def test_agent_needs_the_persons_mailbox_or_permission(requester: Requester) -> None:
    """11 CCR § 7063(a): the person confirms it directly, or has signed."""
    needed = required(Situation(Right.ACCESS, law_of(Regulation.GDPR), requester=requester))
    assert all(way.evidence & {E.MAILBOX, E.PERMISSION} for way in needed.ways)
    assert all(E.ACCOUNT not in way.evidence for way in needed.ways)
    assert needed.reached({E.PERMISSION}) is None


@given(situation=SITUATIONS, gained=st.frozensets(st.sampled_from(Evidence)))
def test_more_evidence_never_makes_less_sure(situation: Situation, gained: frozenset[Evidence]) -> None:
    needed = required(situation)
    if needed.reached(gained) is not None:
        assert all(needed.reached(gained | {one}) is not None for one in Evidence)


@given(situation=SITUATIONS)
def test_a_more_sensitive_situation_never_needs_less(situation: Situation) -> None:
    order = list(Sensitivity)
    harder = [s for s in order if order.index(s) >= order.index(situation.sensitivity)]
    for gained in ({E.MAILBOX}, {E.TWO_POINTS}, {E.THREE_POINTS}):
        for sensitivity in harder:
            changed = Situation(
                situation.right,
                situation.laws,
                sensitivity,
                situation.requester,
                situation.vouched,
                situation.reachable,
                situation.direct_marketing,
            )
            if required(changed).reached(gained) is not None:
                assert required(situation).reached(gained) is not None
