"""Wishes about the use of data: opting out exercises a right at once, opting in exercises none."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.intake.channels.fides.bodies import spelt
from services.intake.channels.fides.consents import BEGUN, KEPT_FOR
from services.intake.channels.fides.service import BODY
from services.intake.domain import PUBLIC_SOURCE
from shared.contract.events import RequestReceived
from shared.law import Right
from tests.unit.fakes import Office
from tests.unit.fides_clients import EMAIL, Calling, assert_detail, assert_flaws, calling, hex_of

USE = "marketing.advertising.third_party.targeted"


@pytest.fixture
async def client() -> AsyncIterator[Calling]:
    async with calling(Office()) as client:
        yield client


async def begun(client: Calling, **identity: Any) -> str:
    body = {"identity": identity or {"email": EMAIL}, "source": "Privacy Center"}
    answer = await client.call("POST", "/consent-request", body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"consent_request_id"}
    return str(answer.json()["consent_request_id"])


def out_of(*uses: str, **more: Any) -> dict[str, Any]:
    return {"consent": [{"data_use": use, "opt_in": False} for use in uses], **more}


async def said(client: Calling, name: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.call("PATCH", f"/consent-request/{name}/preferences", body)
    assert answer.status_code == 200, answer.text
    await client.office.work()
    return dict(answer.json())


async def test_the_exchange_of_a_privacy_center(client: Calling) -> None:
    name = await begun(client, email=EMAIL, fides_user_device_id="0f0e6a1c-1111-4111-8111-111111111111")
    assert name.startswith("con_")
    path = f"/consent-request/{name}"
    assert (await client.call("GET", f"{path}/preferences")).json() == {"consent": None}
    verified = await client.call("POST", f"{path}/verify", {"code": "123456"})
    assert (verified.status_code, verified.json()) == (200, {"consent": None})
    kept = await said(client, name, {"code": "123456", **out_of(USE), "policy_key": "default_consent_policy"})
    assert kept["consent"] == [
        {
            "data_use": USE,
            "data_use_description": None,
            "opt_in": False,
            "has_gpc_flag": False,
            "conflicts_with_gpc": False,
        }
    ]
    assert (await client.call("GET", f"{path}/preferences")).json() == kept
    received = client.office.the(RequestReceived)
    assert (received.right, received.source) == (Right.OPT_OUT_OF_SALE, PUBLIC_SOURCE)
    await client.log_in()
    (shown,) = (await client.search(action_type="consent", include_identities=True))["items"]
    assert shown["identity"]["email"] == EMAIL
    assert shown["status"] == "in_processing"


@pytest.mark.parametrize(
    ("uses", "policy", "rights"),
    [
        ([USE], None, {(Right.OPT_OUT_OF_SALE, False)}),
        ([USE], "leave_me", {(Right.CONSENT_WITHDRAWAL, False)}),
        (["marketing.communications.email"], None, {(Right.OBJECTION, True)}),
        (["marketing.communications"], "leave_me", {(Right.OBJECTION, True)}),
        ([USE, "marketing.communications"], None, {(Right.OPT_OUT_OF_SALE, False), (Right.OBJECTION, True)}),
        ([USE, "analytics"], None, {(Right.OPT_OUT_OF_SALE, False)}),
    ],
)
async def test_each_use_that_is_opted_out_of_exercises_its_right(
    client: Calling, uses: list[str], policy: str | None, rights: set[tuple[Right, bool]]
) -> None:
    await said(client, await begun(client), out_of(*uses, policy_key=policy))
    received = client.office.facts(RequestReceived)
    assert {(fact.right, fact.direct_marketing) for fact in received} == rights
    assert len(received) == len(rights)


async def test_opting_in_exercises_no_right_and_is_remembered_for_a_day(client: Calling) -> None:
    name = await begun(client)
    await said(client, name, {"consent": [{"data_use": USE, "opt_in": True}]})
    assert not client.office.facts(RequestReceived)
    again = (await client.call("GET", f"/consent-request/{name}/preferences")).json()
    assert again["consent"][0]["opt_in"] is True


async def test_of_what_was_said_twice_the_last_counts(client: Calling) -> None:
    name = await begun(client)
    await said(client, name, out_of(USE))
    kept = await said(client, name, {"consent": [{"data_use": USE, "opt_in": True}]})
    assert (await client.call("GET", f"/consent-request/{name}/preferences")).json() == kept


async def test_the_same_wish_again_is_the_same_request_and_another_is_another(client: Calling) -> None:
    name = await begun(client)
    for _ in range(2):
        await said(client, name, out_of("analytics", policy_key="leave_me"))
    assert len(client.office.facts(RequestReceived)) == 1
    await said(client, name, out_of("analytics", "personalize", policy_key="leave_me"))
    assert len(client.office.facts(RequestReceived)) == 2


async def test_the_message_is_sealed_as_received_with_its_sender(client: Calling) -> None:
    await said(client, await begun(client), out_of(USE, browser_identity={"ga_client_id": "UA-1"}))
    case = client.office.the(RequestReceived).request_id
    sealed = orjson.loads(client.office.sealed(case)[BODY])
    assert sealed["identity"]["ga_client_id"] == "UA-1"
    assert orjson.loads(sealed["as_sent"]["preferences"])["browser_identity"] == {"ga_client_id": "UA-1"}
    assert orjson.loads(sealed["as_sent"]["consent_request"])["identity"] == {"email": EMAIL}


@pytest.mark.parametrize("opt_in", [True, False])
@pytest.mark.parametrize("policy", ["default_erasure_policy", "default_access_policy"])
async def test_a_policy_of_another_kind_is_refused(client: Calling, policy: str, *, opt_in: bool) -> None:
    path = f"/consent-request/{await begun(client)}/preferences"
    for use in (USE, "marketing.communications"):
        body = {"policy_key": policy, "consent": [{"data_use": use, "opt_in": opt_in}]}
        assert_detail(await client.call("PATCH", path, body), 400)
    await client.office.work()
    assert not client.office.facts(RequestReceived)


async def test_an_open_consent_request_expires_after_a_day(client: Calling) -> None:
    name = await begun(client)
    client.office.clock.move(KEPT_FOR - timedelta(seconds=1))
    await said(client, name, out_of(USE))
    client.office.clock.move(timedelta(seconds=1))
    for method, tail, body in (
        ("GET", "/preferences", None),
        ("POST", "/verify", {"code": "1"}),
        ("PATCH", "/preferences", out_of(USE)),
    ):
        assert_detail(await client.call(method, f"/consent-request/{name}{tail}", body), 404)


@pytest.mark.parametrize("name", ["con_1", spelt("0" * 32, "con"), spelt("0" * 32)])
async def test_an_unknown_consent_request_is_not_found(client: Calling, name: str) -> None:
    assert_detail(await client.call("GET", f"/consent-request/{name}/preferences"), 404)


async def test_a_request_is_no_consent_request(client: Calling) -> None:
    name = await client.made()
    other = spelt(hex_of(name), "con")
    assert_detail(await client.call("PATCH", f"/consent-request/{other}/preferences", out_of(USE)), 404)


async def test_a_consent_request_without_identity_is_refused(client: Calling) -> None:
    answer = await client.call("POST", "/consent-request", {"identity": {}})
    assert_detail(answer, 400)
    assert client.office.vault.items == {}
    flawed = await client.call("POST", "/consent-request", {"identity": {"email": "nowhere"}})
    assert_flaws(flawed, ("body", "identity", "email"))


async def test_identity_alone_begins_a_consent_request_as_earlier_clients_send_it(client: Calling) -> None:
    answer = await client.call("POST", "/consent-request", {"email": EMAIL, "phone_number": ""})
    assert answer.status_code == 200
    await said(client, answer.json()["consent_request_id"], out_of(USE))
    assert client.office.the(RequestReceived).right is Right.OPT_OUT_OF_SALE


async def test_a_policy_that_there_is_not_exercises_nothing(client: Calling) -> None:
    name = await begun(client)
    path = f"/consent-request/{name}/preferences"
    assert_detail(
        await client.call("PATCH", path, out_of(USE, "marketing.communications", policy_key="odd")), 400
    )
    assert not client.office.facts(RequestReceived)


async def test_wishes_use_up_what_one_address_may_ask() -> None:
    office = Office()
    async with calling(office, per_hour=2) as client:
        name = await begun(client)
        await said(client, name, out_of(USE))
        path = f"/consent-request/{name}/preferences"
        assert_detail(await client.call("PATCH", path, out_of("analytics", policy_key="leave_me")), 429)
        answer = await client.call("POST", "/consent-request", {"identity": {"email": EMAIL}})
        assert_detail(answer, 429)
    assert len(office.facts(RequestReceived)) == 1
    assert sum(BEGUN in held for held in office.vault.items.values()) == 1
