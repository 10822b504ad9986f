"""Requests about data held for a customer go to that customer alone."""

from datetime import timedelta

import httpx
import pytest

from services.intake.cases.deadlines import UNACKNOWLEDGED
from services.intake.domain import CaseStatus, request_id
from shared.contract.events import (
    Controller,
    DecisionRefused,
    ForwardingDecided,
    ForwardingFetched,
    IdentityChallenged,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    RequestClosed,
    RequestForwarded,
)
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import PERSON, REQUEST_KEY, SOURCE, Office, request
from tests.unit.intake_api import client_of

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
EMAIL = str(PERSON["email"])
TO_THEM = LetterKind.FORWARDED_TO_CONTROLLER
CUSTOMER = {"name": "Example Shop", "email": "privacy@shop.example.com"}


NAMED = salted(Controller(**CUSTOMER).model_dump_json().encode(), bytes(TEXT_SALT_BYTES))
WRITTEN = written_item(NAMED)


async def forwarded(**changes: object) -> Office:
    office = Office()
    await office.submit(request(role="end_user", **{"controller": CUSTOMER, **changes}))
    return office


async def test_an_end_user_needs_no_proof() -> None:
    """GDPR Art. 28(3)(e)."""
    office = await forwarded()
    assert office.facts(IdentityChallenged) == []
    assert office.the(RequestForwarded).controller == "controller"
    sealed = await office.vault.open(CASE, "controller")
    assert Controller.model_validate_json(sealed).name == CUSTOMER["name"]
    assert not any(CUSTOMER["email"].encode() in message.body for message in office.broker.published[1:])


async def test_an_unnamed_customer_is_named_by_the_staff_once() -> None:
    office = await forwarded(controller=None)
    assert office.facts(RequestForwarded) == []
    await office.vault.seal(CASE, WRITTEN, NAMED)
    decided = ForwardingDecided(request_id=CASE, by="anna", controller=WRITTEN)
    await office.tell(decided, service="intake")
    await office.tell(NoticeSent(request_id=CASE, letter=TO_THEM), service="notifier")
    await office.tell(decided, service="intake")
    assert office.the(RequestForwarded).controller == WRITTEN


@pytest.mark.parametrize("reason", ["mailbox_unknown", "bounced"])
async def test_a_customer_not_reached_is_named_again_with_a_new_link(reason: str) -> None:
    office = await forwarded()
    if reason == "bounced":
        await office.tell(NoticeSent(request_id=CASE, letter=TO_THEM), service="notifier")
    await office.tell(NoticeFailed(request_id=CASE, letter=TO_THEM, reason=reason), service="notifier")
    assert (await office.requests.case(CASE)).unanswered
    await office.vault.seal(CASE, WRITTEN, NAMED)
    await office.tell(ForwardingDecided(request_id=CASE, by="anna", controller=WRITTEN), service="intake")
    first, second = office.facts(RequestForwarded)
    assert first.digest != second.digest


@pytest.mark.parametrize("item", [WRITTEN, "controller"], ids=["replaced", "not signed"])
async def test_customer_that_differs_from_the_signed_one_gets_nothing(item: str) -> None:
    office = await forwarded(controller=None)
    other = Controller(name="Mallory", email="mallory@example.net").model_dump_json().encode()
    await office.vault.seal(CASE, item, salted(other, bytes(TEXT_SALT_BYTES)))
    await office.tell(ForwardingDecided(request_id=CASE, by="anna", controller=item), service="intake")
    assert office.facts(RequestForwarded) == []
    assert office.the(DecisionRefused).reason == "text_differs"


async def test_a_stranger_names_no_customer() -> None:
    """Otherwise a caller could have us write to any address."""
    office = Office()
    async with browser(office, public=1) as client:
        asked = await client.post("/v1/requests", json=request(role="end_user", controller=CUSTOMER))
    assert asked.status_code == 202
    await office.work()
    assert office.facts(RequestForwarded) == []


async def test_a_request_about_our_own_data_is_not_forwarded() -> None:
    office = Office()
    await office.submit(request(controller=CUSTOMER))
    decided = ForwardingDecided(request_id=CASE, by="anna", controller="controller")
    await office.tell(decided, service="intake")
    assert office.facts(RequestForwarded) == []


async def test_the_duty_ends_when_the_person_is_notified() -> None:
    office = await forwarded()
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.FORWARDED), service="notifier")
    assert office.the(RequestClosed).outcome is None
    assert (await office.requests.case(CASE)).status is CaseStatus.CLOSED


async def test_a_missing_acknowledgement_is_not_awaited() -> None:
    office = await forwarded(residence={"country": "US", "subdivision": "CA"})
    assert not any(name.startswith(UNACKNOWLEDGED) for _, name in office.deadlines.moments)


# --- the page of the customer ------------------------------------------------------------------------------


@pytest.fixture
async def office() -> Office:
    return await forwarded()


def browser(office: Office, *, public: int = 0) -> httpx.AsyncClient:
    return client_of(office.requests, public=Allowance(public))


async def link(office: Office) -> str:
    secret = await office.vault.open(CASE, office.the(RequestForwarded).link)
    return f"/forwarded/{CASE}/{secret.decode()}"


async def test_following_the_link_shows_nothing_and_opening_it_is_recorded(office: Office) -> None:
    async with browser(office) as client:
        page = await client.get(await link(office))
        assert EMAIL not in page.text
        assert office.facts(ForwardingFetched) == []
        page = await client.post(await link(office))
    assert EMAIL in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert len(office.facts(ForwardingFetched)) == 1


@pytest.mark.parametrize("secret", ["", "x", "forwarding_link"])
async def test_a_guessed_link_shows_nothing(office: Office, secret: str) -> None:
    async with browser(office) as client:
        page = await client.post(f"/forwarded/{CASE}/{secret}")
    assert page.status_code == 404
    assert EMAIL not in page.text


async def test_forwarding_link_expires_after_30_days(office: Office) -> None:
    office.clock.move(timedelta(days=30))
    async with browser(office) as client:
        page = await client.post(await link(office))
    assert (page.status_code, EMAIL in page.text) == (404, False)
