"""Requests of children go first, their data is not sold meanwhile, and need more proof."""

from datetime import date

import pytest

from services.intake.cases.clock import CHILDREN_FIRST
from services.intake.domain import request_id
from shared.contract.events import IdentityChallenged, RequestFulfilled, RequestReceived
from shared.law import Right, is_child
from shared.law.library import policies
from tests.unit.fakes import PERSON, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
TODAY = date(2026, 3, 5)


@pytest.mark.parametrize(
    ("law", "born_on", "expected"),
    [
        pytest.param("gdpr@2018-05-25", date(2010, 3, 6), True, id="the GDPR: 16 tomorrow"),
        pytest.param("gdpr@2018-05-25", date(2010, 3, 5), False, id="the GDPR: 16 today"),
        pytest.param("uk-gdpr@2026-02-05", date(2013, 3, 5), False, id="the United Kingdom: 13 today"),
        pytest.param("us-ca-ccpa@2026-01-01", date(2010, 12, 1), True, id="California: 15"),
        pytest.param("us-va@2023-01-01", date(2012, 3, 1), False, id="Virginia: 14"),
        pytest.param("in-dpdp@2027-05-13", date(2009, 1, 1), True, id="India: 17"),
        pytest.param("gdpr@2018-05-25", date(2028, 2, 29), True, id="not born yet"),
    ],
)
def test_the_law_sets_the_age_of_a_child(law: str, born_on: date, expected: bool) -> None:
    assert is_child([policies().named(law)], born_on, TODAY) is expected


def test_of_several_laws_the_oldest_age_counts() -> None:
    both = [policies().named(law) for law in ("uk-gdpr@2026-02-05", "gdpr@2018-05-25")]
    assert is_child(both, date(2011, 1, 1), TODAY)


def subject(born_on: str | None) -> dict[str, object]:
    return {**PERSON, "date_of_birth": born_on} if born_on else dict(PERSON)


@pytest.mark.parametrize(
    "child", [{"subject": subject("2014-05-01")}, {"child": True}], ids=["by age", "as told"]
)
async def test_the_request_of_a_child_goes_first_and_stops_the_sale_at_once(child: dict[str, object]) -> None:
    """GDPR Art. 17(1)(f); Cal. Civ. Code § 1798.120(c)."""
    office = Office()
    await office.submit(request(right="erasure", **child))
    first, opt_out = office.facts(RequestReceived)
    assert first.child
    assert (first.internal_due_on - first.received_on) == CHILDREN_FIRST
    assert (opt_out.right, opt_out.follows) == (Right.OPT_OUT_OF_SALE, CASE)
    assert {fact.request_id for fact in office.facts(IdentityChallenged)} == {CASE}
    assert office.facts(RequestFulfilled) == []


async def test_an_adults_request_is_one_request() -> None:
    office = Office()
    await office.submit(request(right="erasure", subject=subject("1990-05-01")))
    assert [fact.child for fact in office.facts(RequestReceived)] == [False]


async def test_an_opt_out_of_a_child_is_one_request() -> None:
    office = Office()
    await office.submit(request(right="opt_out_of_sale", child=True))
    assert len(office.facts(RequestReceived)) == 1


async def test_values_wanted_in_full_need_more_proof_than_a_mailbox() -> None:
    office = Office()
    await office.submit(request(right="access", details={"full_values": True}))
    assert office.the(RequestReceived).full_values
    ways = office.the(IdentityChallenged).wanted
    assert all(len(way) > 1 or way == ("account",) for way in ways)


async def test_a_childs_data_counts_as_sensitive() -> None:
    """11 CCR as amended for 2026: data of consumers under 16."""
    office = Office()
    await office.submit(request(child=True))
    ways = office.the(IdentityChallenged).wanted
    assert all(len(way) > 1 or way == ("account",) for way in ways)
