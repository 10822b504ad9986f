"""The ground of an erasure, by the legal basis of the map, and records without one."""

from dataclasses import replace

import pytest

from services.fulfillment.datamap.model import Erasure, Facts
from services.fulfillment.domain import Retain, decide_disposition, erasure_ground
from services.fulfillment.erasure.planner import grounds_of, per_ground
from services.fulfillment.handlers import answer
from shared.contract.events import ErasurePlanned
from shared.law import Regulation, Right
from tests.unit.fakes import law_of
from tests.unit.fulfillment.handler_fakes import stage
from tests.unit.fulfillment.test_contracts import PEOPLE, found, planned
from tests.unit.fulfillment.test_disclosure import findings
from tests.unit.fulfillment.test_domain import PLAIN, TODAY


@pytest.mark.parametrize(
    ("basis", "ground"),
    [
        pytest.param("Art. 6(1)(a) GDPR", "consent_withdrawn", id="request withdraws the consent"),
        pytest.param("Art. 6(1)(b) GDPR", "purpose_ended", id="contract has ended"),
        pytest.param("Art. 6(1)(c) GDPR", "purpose_ended", id="duty has ended"),
        pytest.param("Art. 6(1)(e) GDPR", "objection", id="public task"),
        pytest.param("legitimate interests", "objection", id="interests"),
        pytest.param("Art. 6(1)(a), Art. 6(1)(f) GDPR", "objection", id="consent is not the only basis"),
        pytest.param(None, "purpose_ended", id="no basis is stated"),
    ],
)
def test_ground_follows_from_the_legal_basis(basis: str | None, ground: str) -> None:
    assert erasure_ground(basis, law_of(Regulation.GDPR)[0], child=False) == ground


def test_consent_given_for_a_child_is_a_ground_of_its_own() -> None:
    assert erasure_ground("consent", law_of(Regulation.UK_GDPR)[0], child=True) == "collected_from_child"


@pytest.mark.parametrize("regulation", [Regulation.CCPA, Regulation.LGPD])
def test_other_laws_need_no_ground(regulation: Regulation) -> None:
    law, *_ = law_of(regulation)
    assert erasure_ground("consent", law, child=False) is None
    assert not grounds_of(planned(found("visits")), PEOPLE, law, child=False)


@pytest.mark.parametrize(
    ("basis", "reason"),
    [
        ("Art. 6(1)(c) GDPR", "retention_duty"),
        ("a law", "retention_duty"),
        ("Art. 6(1)(e) GDPR", "public_interest"),
        ("Art. 6(1)(f) GDPR", "still_needed"),
    ],
)
def test_records_that_the_map_keeps_name_no_duty_that_there_is_not(basis: str, reason: str) -> None:
    kept = replace(PLAIN, erasure=Erasure.KEEP, facts=Facts(legal_basis=basis))
    assert decide_disposition(kept, {}, today=TODAY) == Retain(reason, basis, until=None, reduced=True)


def test_only_erased_records_have_a_ground() -> None:
    decided = planned(found("rentals", status="running"), found("customers"), found("visits"))
    counts = grounds_of(decided, PEOPLE, law_of(Regulation.GDPR)[0], child=False)
    assert counts == {("shop.visits", "objection"): 1}
    assert per_ground(counts) == {"objection": 1}


async def test_grounds_are_recorded_before_the_erasure_begins() -> None:
    ended = findings(found("rentals", status="ended"), found("customers"), found("visits"), data_map=PEOPLE)
    *_, plan = await answer(*await stage(PEOPLE, ended, Right.ERASURE))
    assert isinstance(plan, ErasurePlanned)
    assert plan.grounds == {"purpose_ended": 2, "objection": 1}
