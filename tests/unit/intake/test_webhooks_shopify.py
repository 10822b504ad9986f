"""Shopify's mandatory webhooks, as Shopify signs them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from services.intake.channels.webhooks.service import MESSAGE
from services.intake.handlers import SET_ASIDE
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Assurance,
    IdentityChallenged,
    IdentityVerified,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
)
from shared.errors import StoreUnavailable
from shared.law import Right
from tests.unit.fakes import Office
from tests.unit.platforms import (
    CUSTOMER,
    DATA_REQUEST,
    OLD_SHOPIFY,
    REDACT,
    SHOP,
    SHOP_REDACT,
    hmac_of,
    platforms,
)

SOURCE = f"shopify/{SHOP}"


def submitted(office: Office, case: str) -> RequestSubmitted:
    return RequestSubmitted.model_validate_json(office.sealed(case)[SUBMISSION])


async def test_a_customer_to_be_redacted_is_a_request_to_erase() -> None:
    office = Office(trusted={SOURCE})
    async with platforms(office) as calling:
        answer = await calling.shopify("customers/redact", REDACT)
    assert (answer.status_code, answer.json()) == (200, {"status": "taken"})
    received = office.the(RequestReceived)
    assert (received.right, received.source) == (Right.ERASURE, SOURCE)
    person = submitted(office, received.request_id).subject
    assert (person.email, person.phone) == (CUSTOMER["email"], CUSTOMER["phone"])
    assert person.identifiers == {"shopify_customer_id": "191167"}
    assert office.sealed(received.request_id)[MESSAGE] == json.dumps(REDACT).encode()


async def test_a_data_request_is_a_request_for_access() -> None:
    office = Office(trusted={SOURCE})
    async with platforms(office) as calling:
        answer = await calling.shopify("customers/data_request", DATA_REQUEST)
    assert answer.status_code == 200
    assert office.the(RequestReceived).right is Right.ACCESS


async def test_requests_of_a_trusted_shop_need_no_proof() -> None:
    office = Office(trusted={SOURCE})
    async with platforms(office) as calling:
        await calling.shopify("customers/redact", REDACT)
    verified = office.the(IdentityVerified)
    assert verified.assurance is Assurance.VOUCHED
    assert verified.proven is None  # all that the platform names


@pytest.mark.parametrize("trusted", [(), {"shopify"}, {"shopify/another.myshopify.com"}, {"meta"}])
async def test_of_any_other_shop_the_person_is_asked_as_always(trusted: Any) -> None:
    office = Office(trusted=trusted)
    async with platforms(office) as calling:
        await calling.shopify("customers/redact", REDACT)
    assert office.facts(IdentityVerified) == []
    assert office.facts(IdentityChallenged)


async def test_a_customer_without_an_address_is_erased_when_the_shop_is_trusted() -> None:
    office = Office(trusted={SOURCE})
    body = {**REDACT, "customer": {"id": 191167, "email": None, "phone": ""}}
    async with platforms(office) as calling:
        assert (await calling.shopify("customers/redact", body)).status_code == 200
    assert office.the(RequestReceived).reachable is False
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED


async def test_the_same_delivery_is_the_same_request() -> None:
    office = Office()
    async with platforms(office) as calling:
        for _ in range(3):
            assert (await calling.shopify("customers/redact", REDACT)).status_code == 200
    assert len(office.facts(RequestReceived)) == 1


async def test_another_delivery_of_the_same_words_is_another_request() -> None:
    """The same customer may be redacted again next year."""
    office = Office()
    async with platforms(office) as calling:
        await calling.shopify("customers/redact", REDACT)
        await calling.shopify("customers/redact", REDACT, Webhook_Id="c0ffee00-bdd9-4b37-8a5f-bf7d70bcd043")
    assert len(office.facts(RequestReceived)) == 2


async def test_the_id_of_a_delivery_is_not_signed_so_other_words_are_another_request() -> None:
    office = Office()
    other = {**REDACT, "customer": {"id": 7, "email": "emil@example.org", "phone": None}}
    async with platforms(office) as calling:
        await calling.shopify("customers/redact", REDACT)
        await calling.shopify("customers/redact", other)
    assert len(office.facts(RequestReceived)) == 2


@pytest.mark.parametrize("id_", [None, "", "x", "a b c d e f", "1" * 500])
async def test_without_an_id_a_delivery_is_the_same_on_the_same_day(id_: str | None) -> None:
    office = Office()
    async with platforms(office) as calling:
        for _ in range(2):
            answer = await calling.shopify("customers/redact", REDACT, Webhook_Id=id_)
            assert answer.status_code == 200
        office.clock.move(timedelta(days=1))
        await calling.shopify("customers/redact", REDACT, Webhook_Id=id_)
    assert len(office.facts(RequestReceived)) == 2


async def test_while_a_secret_is_exchanged_both_count() -> None:
    office = Office()
    body = json.dumps(REDACT).encode()
    async with platforms(office) as calling:
        answer = await calling.shopify("customers/redact", body, Hmac_Sha256=hmac_of(body, OLD_SHOPIFY))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="an empty one"),
        pytest.param("no base64 at all!", id="no base64"),
        pytest.param(hmac_of(json.dumps(REDACT).encode(), b"another secret"), id="of another secret"),
        pytest.param(hmac_of(json.dumps(REDACT).encode(), b""), id="of no secret"),
        pytest.param(hmac_of(b"{}"), id="of another body"),
        pytest.param(
            hmac_of(json.dumps(REDACT, indent=1).encode()), id="of the same words written otherwise"
        ),
        pytest.param(hmac_of(json.dumps(REDACT).encode())[:-6], id="a part of one"),
        pytest.param(hmac_of(json.dumps(REDACT).encode()).lower(), id="in small letters"),
    ],
)
async def test_a_message_not_signed_by_shopify_is_refused_unread(signature: str | None) -> None:
    office = Office()
    async with platforms(office) as calling:
        answer = await calling.shopify("customers/redact", REDACT, Hmac_Sha256=signature)
    assert answer.status_code == 401
    assert office.vault.items == {}
    assert office.events() == []


@pytest.mark.parametrize("topic", ["orders/create", "", "Customers/Redact", "../redact"])
async def test_an_unsupported_topic_is_refused_and_not_stored(topic: str) -> None:
    office = Office()
    async with platforms(office) as calling:
        assert (await calling.shopify(topic, REDACT)).status_code == 404
    assert office.vault.items == {}


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        pytest.param("customers/redact", DATA_REQUEST, id="who asks to see would be erased"),
        pytest.param("customers/data_request", REDACT, id="who is to be erased would be shown"),
        pytest.param("shop/redact", REDACT, id="a customer as a shop"),
        pytest.param("customers/redact", SHOP_REDACT, id="a shop as a customer"),
    ],
)
async def test_the_topic_is_not_signed_so_a_body_counts_for_its_own_alone(
    topic: str, body: dict[str, Any]
) -> None:
    office = Office(trusted={SOURCE})
    async with platforms(office) as calling:
        answer = await calling.shopify(topic, body)
    assert (answer.status_code, answer.json()["status"]) == (200, "set_aside")
    assert office.facts(RequestReceived) == []
    assert office.the(RequestRejected).errors[0].path == "topic"


async def test_a_whole_shop_is_no_person_so_it_is_set_aside_for_the_staff() -> None:
    office = Office(trusted={SOURCE})
    async with platforms(office) as calling:
        for _ in range(2):
            answer = await calling.shopify("shop/redact", SHOP_REDACT)
            assert (answer.status_code, answer.json()) == (200, {"status": "set_aside"})
    rejected = office.the(RequestRejected)
    assert rejected.publisher_source == SOURCE
    assert "shop/redact" in rejected.errors[0].message
    assert office.sealed(rejected.request_id)[SET_ASIDE] == json.dumps(SHOP_REDACT).encode()
    assert len(office.rows()) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[" * 50_000, id="deep"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(json.dumps({**REDACT, "shop_domain": "../x"}).encode(), id="a shop that is none"),
        pytest.param(json.dumps({**REDACT, "customer": {}}).encode(), id="nobody"),
        pytest.param(json.dumps({**REDACT, "customer": {"email": "no address"}}).encode(), id="no address"),
        pytest.param(json.dumps({**REDACT, "customer": {"id": True}}).encode(), id="no number"),
        pytest.param(json.dumps({**REDACT, "customer": {"id": 10**600}}).encode(), id="a number too large"),
        pytest.param(json.dumps({**REDACT, "customer": {"phone": "\ud800"}}).encode(), id="half a letter"),
    ],
)
async def test_a_signed_unreadable_message_is_set_aside(body: bytes) -> None:
    office = Office(trusted={SOURCE})
    async with platforms(office) as calling:
        answer = await calling.shopify("customers/redact", body)
    assert (answer.status_code, answer.json()["status"]) == (200, "set_aside")
    rejected = office.the(RequestRejected)
    assert office.sealed(rejected.request_id)[SET_ASIDE] == body
    assert "no address" not in answer.text + rejected.model_dump_json()


async def test_while_a_part_is_away_shopify_is_asked_to_send_it_again() -> None:
    office = Office()
    office.journals["intake"].refuses.append(StoreUnavailable("away"))
    async with platforms(office) as calling:
        answer = await calling.shopify("customers/redact", REDACT)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with platforms(Office()) as calling:
        assert (await calling.shopify("customers/redact", b" " * 300_000)).status_code == 413
