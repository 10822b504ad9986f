"""A claim that has not convinced is reported at a moment that does not depend on the records."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain import request_id
from services.verifier.handlers import CLAIM_NOTICE_AFTER
from shared.contract.events import (
    Fact,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    ProofReceived,
    ProofRefused,
    RequestReleased,
    RequestStopped,
    StopReason,
    TimeCame,
)
from tests.unit.fakes import NOW, PERSON, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}
AGREES: Any = {"agreed": 3, "claimed": 3, "groups": 3, "private": True, "identities": ("customer_no",)}
DIFFERS: Any = {"agreed": 0, "claimed": 3}
WRONG_CODE = {"kind": "email_code", "code": "000000"}
UNREACHABLE = {"name": PERSON["name"], "identifiers": PERSON["identifiers"]}
CALIFORNIA = {"country": "US", "subdivision": "CA"}


async def claiming(**changes: Any) -> Office:
    """Return an office in which a person without a mailbox has claimed details."""
    office = Office()
    await office.submit(request(subject=UNREACHABLE, **changes))
    await office.offer(CLAIM, id_="c1")
    return office


async def compared(office: Office, **outcome: Any) -> None:
    await office.tell(IdentityCompared(request_id=CASE, **outcome))


async def fire_timer(office: Office, name: str) -> None:
    office.clock.now = max(office.clock.now, office.timers.moments[CASE, name])
    await office.tell(TimeCame(request_id=CASE, name=name), service="verifier")


def heard(office: Office) -> Sequence[Fact]:
    """Return what a person notices, by letter or page."""
    noticed = (ProofRefused, IdentityChallenged, IdentityRefused, IdentityVerified)
    return [fact for fact in office.events() if isinstance(fact, noticed)]


async def test_nothing_is_heard_of_a_claim_in_vain_before_its_moment() -> None:
    office = await claiming()
    before = heard(office)
    await compared(office, **DIFFERS)
    assert heard(office) == before
    assert office.timers.moments[CASE, "claim_notice_1_0"] == NOW + CLAIM_NOTICE_AFTER
    await fire_timer(office, "claim_notice_1_0")
    assert office.the(ProofRefused).reason == "details_do_not_match"


@pytest.mark.parametrize("right", ["access", "restriction", "objection", "know_categories"])
@pytest.mark.parametrize("residence", [{"country": "DE"}, CALIFORNIA], ids=["Germany", "California"])
async def test_no_record_is_looked_at_for_data_points_before_the_mailbox_is_proven(
    residence: dict[str, str], right: str
) -> None:
    office = Office()
    await office.submit(request(right=right, residence=residence, proofs=[CLAIM]))
    await office.offer(CLAIM, id_="c1")
    await office.offer(WRONG_CODE, id_="p")
    assert not office.facts(IdentityClaimed)
    assert not office.facts(IdentityVerified)
    assert len(office.facts(IdentityChallenged)) == 1
    assert office.the(ProofRefused).reason == "wrong_code"


async def test_newest_data_points_are_compared_once_the_mailbox_is_proven() -> None:
    office = Office()
    await office.submit(request(residence=CALIFORNIA, proofs=[CLAIM]))
    await office.offer(CLAIM, id_="c1")
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="p")
    newest = office.facts(ProofReceived)[0].proofs
    assert office.the(IdentityClaimed).proofs == newest
    await compared(office, **DIFFERS)
    await fire_timer(office, "claim_notice_1_0")
    assert office.the(ProofRefused).reason == "details_do_not_match"
    assert len(office.facts(IdentityClaimed)) == 1, "a claim is compared once"


@pytest.mark.parametrize("before", [True, False])
async def test_data_points_from_before_or_during_a_stop_are_not_compared_after_it(before: bool) -> None:
    office = Office()
    await office.submit(request(residence=CALIFORNIA, proofs=[CLAIM] if before else []))
    await office.tell(RequestStopped(request_id=CASE, reason=StopReason.NOT_ME), service="intake")
    if not before:
        await office.offer(CLAIM, id_="c1")
    await office.tell(RequestReleased(request_id=CASE), service="intake")
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_1")}, id_="p")
    assert not office.facts(IdentityClaimed)


async def test_another_proof_meanwhile_does_not_show_that_the_comparison_is_back() -> None:
    heard_of = []
    for back in (True, False):
        office = await claiming()
        if back:
            await compared(office, **DIFFERS)
        await office.offer(WRONG_CODE, id_="p")
        heard_of.append(heard(office))
    assert heard_of[0] == heard_of[1]


async def test_agreeing_claims_are_not_delayed() -> None:
    office = await claiming(right="restriction")
    await compared(office, **AGREES)
    assert office.facts(IdentityVerified)


async def test_longer_comparison_is_reported_at_the_next_timer() -> None:
    office = await claiming()
    await fire_timer(office, "claim_notice_1_0")
    assert not office.facts(ProofRefused)
    await compared(office, **DIFFERS)
    assert not office.facts(ProofRefused)
    assert office.timers.moments[CASE, "claim_notice_1_1"] == NOW + 3 * CLAIM_NOTICE_AFTER
    await fire_timer(office, "claim_notice_1_1")
    assert office.the(ProofRefused).reason == "details_do_not_match"


async def test_repeated_timer_refuses_once() -> None:
    office = await claiming()
    await compared(office, **DIFFERS)
    await fire_timer(office, "claim_notice_1_0")
    await fire_timer(office, "claim_notice_1_0")
    assert len(office.facts(ProofRefused)) == 1


@pytest.mark.parametrize("late", [timedelta(), timedelta(hours=1)])
async def test_each_claim_has_its_moment(late: timedelta) -> None:
    office = await claiming()
    office.clock.move(late)
    await office.offer(CLAIM, id_="c2")
    assert len(office.facts(IdentityClaimed)) == 2
    await compared(office, **DIFFERS)
    await compared(office, **DIFFERS)
    await fire_timer(office, "claim_notice_1_0")
    assert len(office.facts(ProofRefused)) == 1
    await fire_timer(office, "claim_notice_2_0")
    assert len(office.facts(ProofRefused)) == 2
