"""Staff reads the content of a customer's end user only by a recorded permission that ends."""

from datetime import timedelta

import pytest

from services.intake.cases.lifecycle import LONGEST_PERMISSION
from services.intake.domain import request_id
from shared.contract.answer import SUBMISSION
from shared.contract.events import ContentOpened, DecisionRefused, PermissionGranted, PermissionRevoked
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
HOUR = timedelta(hours=1)


async def asked(role: str = "end_user") -> Office:
    office = Office()
    await office.submit(request(role=role))
    return office


async def read(office: Office, account: str = "anna") -> bool:
    """Have *account* read the request; return whether it was allowed."""
    before = len(office.facts(DecisionRefused))
    opened = ContentOpened(request_id=CASE, by=account, item=SUBMISSION, reason="review")
    await office.tell(opened, service="intake")
    refusals = office.facts(DecisionRefused)[before:]
    assert [one.reason for one in refusals] in ([], ["no_permission"])
    assert all(one.account == account for one in refusals)
    return refusals == []


async def grant(office: Office, by: str = "bruno", lasting: timedelta = HOUR) -> None:
    until = office.clock() + lasting
    granted = PermissionGranted(request_id=CASE, by=by, account="anna", until=until, reason="forwarding")
    await office.tell(granted, service="intake")


async def test_content_of_a_customer_is_read_only_with_a_permission() -> None:
    office = await asked()
    assert not await read(office)
    await grant(office)
    assert await read(office)
    assert not await read(office, "carla"), "the permission is for one account"


async def test_content_is_not_read_before_it_is_known_whose_it_is() -> None:
    office = Office()
    opened = ContentOpened(request_id=CASE, by="anna", item=SUBMISSION, reason="review")
    await office.tell(opened, service="intake")
    assert not office.records(ContentOpened), "it is tried again after the registration"
    assert not office.journals["intake"].rows
    assert [row.facts for row in office.rows()] == [()], "the verifier shows nothing"
    assert [message.routing_key for message in office.broker.waiting()] == ["1s.intake"]


async def test_permission_ends_at_its_time() -> None:
    office = await asked()
    await grant(office)
    office.clock.now += HOUR - timedelta(seconds=1)
    assert await read(office)
    office.clock.now += timedelta(seconds=1)
    assert not await read(office)
    await grant(office)
    assert await read(office)


async def test_revoked_permission_opens_nothing() -> None:
    office = await asked()
    await grant(office)
    await office.tell(PermissionRevoked(request_id=CASE, by="bruno", account="anna"), service="intake")
    assert not await read(office)


@pytest.mark.parametrize(
    ("by", "lasting", "reason"),
    [
        pytest.param("anna", HOUR, "own_permission", id="by the account itself"),
        pytest.param("bruno", timedelta(), "permission_time", id="ended already"),
        pytest.param("bruno", LONGEST_PERMISSION + HOUR, "permission_time", id="too long"),
    ],
)
async def test_permission_that_is_no_control_is_refused(by: str, lasting: timedelta, reason: str) -> None:
    office = await asked()
    await grant(office, by, lasting)
    assert [one.reason for one in office.facts(DecisionRefused)] == [reason]
    assert not await read(office)


async def test_other_requests_need_no_permission() -> None:
    office = await asked("consumer")
    assert await read(office)
    await grant(office)
    assert [one.reason for one in office.facts(DecisionRefused)] == ["no_customer_content"]
