"""When it is told that a claim has not convinced: at a moment that does not depend on what is held."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain import request_id
from services.verifier.handlers import CLAIM_TOLD_AFTER
from shared.events import (
    Fact,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    ProofRefused,
    TimeCame,
)
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}
AGREES: Any = {"agreed": 3, "claimed": 3, "groups": 3, "private": True, "identities": ("customer_no",)}
DIFFERS: Any = {"agreed": 0, "claimed": 3}
WRONG_CODE = {"kind": "email_code", "code": "000000"}


async def claiming(**changes: Any) -> Office:
    """Return an office in which somebody has claimed details, beside the code that they were mailed."""
    office = Office()
    await office.submit(request(**changes))
    await office.offer(CLAIM, id_="c1")
    return office


async def compared(office: Office, **outcome: Any) -> None:
    await office.tell(IdentityCompared(request_id=CASE, **outcome))


async def told(office: Office, name: str) -> None:
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
    assert office.timers.moments[CASE, "claim_told_1_0"] == NOW + CLAIM_TOLD_AFTER
    await told(office, "claim_told_1_0")
    assert office.the(ProofRefused).reason == "details_do_not_match"


async def test_a_code_is_mailed_at_that_moment_where_the_claim_came_with_the_request() -> None:
    office = Office()
    await office.submit(request(proofs=[CLAIM]))
    await compared(office, **DIFFERS)
    assert not office.told(IdentityChallenged)
    await told(office, "claim_told_1_0")
    assert office.told(IdentityChallenged)


async def test_another_proof_meanwhile_does_not_show_that_the_comparison_is_back() -> None:
    heard_of = []
    for back in (True, False):
        office = await claiming()
        if back:
            await compared(office, **DIFFERS)
        await office.offer(WRONG_CODE, id_="p")
        heard_of.append(heard(office))
    assert heard_of[0] == heard_of[1]


async def test_what_agrees_is_not_put_off() -> None:
    office = await claiming(right="restriction")
    await compared(office, **AGREES)
    assert office.told(IdentityVerified)


async def test_a_comparison_that_takes_longer_is_told_of_at_the_next_moment() -> None:
    office = await claiming()
    await told(office, "claim_told_1_0")
    assert not office.told(ProofRefused)
    await compared(office, **DIFFERS)
    assert not office.told(ProofRefused)
    assert office.timers.moments[CASE, "claim_told_1_1"] == NOW + 3 * CLAIM_TOLD_AFTER
    await told(office, "claim_told_1_1")
    assert office.the(ProofRefused).reason == "details_do_not_match"


async def test_a_moment_that_is_told_twice_refuses_once() -> None:
    office = await claiming()
    await compared(office, **DIFFERS)
    await told(office, "claim_told_1_0")
    await told(office, "claim_told_1_0")
    assert len(office.told(ProofRefused)) == 1


@pytest.mark.parametrize("late", [timedelta(), timedelta(hours=1)])
async def test_each_claim_has_its_moment(late: timedelta) -> None:
    office = await claiming()
    office.clock.move(late)
    await office.offer(CLAIM, id_="c2")
    assert len(office.told(IdentityClaimed)) == 2
    await compared(office, **DIFFERS)
    await compared(office, **DIFFERS)
    await told(office, "claim_told_1_0")
    assert len(office.told(ProofRefused)) == 1
    await told(office, "claim_told_2_0")
    assert len(office.told(ProofRefused)) == 2
