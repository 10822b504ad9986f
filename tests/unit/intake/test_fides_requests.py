"""Requests as clients of Fides send them become requests like any other; what does not fit is said."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.intake.channels.fides.bodies import case_of, spelt
from services.intake.channels.fides.service import AWAY, BODY, TOO_MANY
from services.intake.domain import PUBLIC_SOURCE
from shared.contract.answer import SUBMISSION
from shared.contract.events import RequestReceived, RequestSubmitted
from shared.errors import Destroyed
from shared.law import Right
from tests.unit.fakes import Office, UnwritableJournal
from tests.unit.fides_clients import (
    BASE,
    EMAIL,
    ORIGIN,
    Calling,
    assert_detail,
    assert_flaws,
    calling,
    hex_of,
    item,
)


def submitted(office: Office, name: str) -> RequestSubmitted:
    return RequestSubmitted.model_validate_json(office.sealed(hex_of(name))[SUBMISSION])


async def taken(**changes: Any) -> tuple[Office, RequestSubmitted]:
    office = Office()
    async with calling(office) as client:
        name = await client.made(**changes)
    return office, submitted(office, name)


async def refused(**changes: Any) -> str:
    """Return why a request is not taken; nothing is kept of it."""
    office = Office()
    async with calling(office) as client:
        found = await client.create(item(**changes))
        assert client.ledger.entries == {}
    assert found["succeeded"] == []
    assert office.vault.items == {}
    (failed,) = found["failed"]
    assert failed["data"] == {"index": 0, "policy_key": changes.get("policy_key", "default_access_policy")}
    return str(failed["message"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "right"),
    [
        ("default_access_policy", Right.ACCESS),
        ("default_erasure_policy", Right.ERASURE),
        ("default_consent_policy", Right.OPT_OUT_OF_SALE),
        ("leave_me", Right.CONSENT_WITHDRAWAL),
    ],
)
async def test_a_policy_says_which_right_is_exercised(policy: str, right: Right) -> None:
    _, request = await taken(policy_key=policy)
    assert request.right is right


@pytest.mark.slow
async def test_a_policy_can_stand_for_an_objection_to_direct_marketing() -> None:
    office, request = await taken(policy_key="no_mail")
    assert request.direct_marketing
    assert office.the(RequestReceived).direct_marketing


@pytest.mark.slow
async def test_identities_become_those_of_the_subject() -> None:
    device = str(uuid4())
    identity = {
        "email": EMAIL,
        "phone_number": "+14155550147",
        "external_id": "K-7741-Q",
        "fides_user_device_id": device,
        "ga_client_id": "UA-1",
        "ljt_readerID": "reader",
        "loyalty_id": {"label": "Loyalty ID", "value": 417},
        "shop_no": {"label": "Shop", "value": ["S-1"]},
        "not_given": {"label": "Left blank", "value": " "},
    }
    _, request = await taken(identity=identity)
    assert (request.subject.email, request.subject.phone) == (EMAIL, "+14155550147")
    assert request.subject.identifiers == {
        "external_id": "K-7741-Q",
        "fides_user_device_id": device,
        "ga_client_id": "UA-1",
        "ljt_readerid": "reader",
        "loyalty_id": "417",
        "shop_no": "S-1",
    }


async def test_other_form_answers_are_kept_as_text() -> None:
    fields = {
        "first_name": {"label": "First name", "value": "Ottilie"},
        "last_name": {"label": "Last name", "value": "Quastenflosser"},
        "topics": {"label": "About", "value": ["orders", "letters"]},
        "blank": {"label": "Anything else", "value": ""},
    }
    _, request = await taken(custom_privacy_request_fields=fields)
    assert request.subject.name == "Ottilie Quastenflosser"
    assert request.details.statement is not None
    assert request.details.statement.splitlines()[-1] == "About: orders, letters"
    assert "Anything else" not in request.details.statement


@pytest.mark.parametrize(
    ("location", "country", "subdivision"),
    [("us_ca", "US", "CA"), ("US-CA", "US", "CA"), ("de", "DE", None), ("GB-ENG", "GB", "ENG")],
)
async def test_a_location_is_where_the_person_lives(
    location: str, country: str, subdivision: str | None
) -> None:
    _, request = await taken(location=location)
    assert request.residence is not None
    assert (request.residence.country, request.residence.subdivision) == (country, subdivision)


async def test_a_public_caller_chooses_neither_reference_nor_time() -> None:
    office = Office()
    async with calling(office) as client:
        early = "2021-08-30T16:09:37.359Z"
        first = await client.made(external_id="r-1", requested_at=early)
        second = await client.made(external_id="r-1", requested_at=early)
    assert first != second
    received = office.facts(RequestReceived)
    assert {fact.source for fact in received} == {PUBLIC_SOURCE}
    assert {fact.received_at for fact in received} == {office.clock()}


async def test_of_a_client_with_a_token_the_word_counts_for_when_the_person_asked() -> None:
    office = Office(trusted={"fides/scripts"})
    async with calling(office) as client:
        await client.log_in()
        name = await client.made(authenticated=True, requested_at="2026-03-01T08:00:00", external_id="o-1")
        shown = await client.shown(name)
    received = office.the(RequestReceived)
    assert received.source == "fides/scripts"
    assert received.received_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert shown["external_id"] == "o-1"
    # Its word that it knows the person counts where the operator trusts it.
    assert shown["status"] == "in_processing"


async def test_a_client_that_is_not_trusted_does_not_skip_the_proof() -> None:
    office = Office()
    async with calling(office) as client:
        await client.log_in()
        name = await client.made(authenticated=True)
        assert (await client.shown(name))["status"] == "identity_unverified"


async def test_two_requests_of_a_client_with_one_external_id_are_two() -> None:
    async with calling(Office()) as client:
        await client.log_in()
        access = await client.made(authenticated=True, external_id="person 7")
        erasure = await client.made(
            authenticated=True, external_id="person 7", policy_key="default_erasure_policy"
        )
        assert access != erasure
        assert (await client.shown(erasure))["policy"]["rules"][0]["action_type"] == "erasure"


async def test_each_body_is_sealed_as_received_with_its_case() -> None:
    office = Office()
    bodies = [
        '{"identity" : {"email":"one@example.org"},  "policy_key":"default_access_policy", "odd":1e400}',
        '{"policy_key":"default_erasure_policy","identity":{"email":"two@example.org"},"more":["[,]","\\"]"]}',
    ]
    async with calling(office) as client:
        body = f" [ {bodies[0]} ,\n{bodies[1]}]\n".encode()
        answer = (await client.call("POST", "/privacy-request", body)).json()
    sealed = [office.sealed(hex_of(one["id"]))[BODY].decode() for one in answer["succeeded"]]
    assert sealed == bodies


async def test_one_that_is_not_taken_holds_up_no_other() -> None:
    async with calling(Office()) as client:
        found = await client.create(
            item(), item(policy_key="unknown"), item(identity={"email": "b@example.org"})
        )
    assert len(found["succeeded"]) == 2
    assert [one["data"]["index"] for one in found["failed"]] == [1]


async def test_an_outage_fails_single_requests_and_loses_no_other() -> None:
    office = Office()

    office = Office(journal=UnwritableJournal(refused=2))
    async with calling(office) as client:
        found = await client.create(*(item(identity={"email": f"{n}@example.org"}) for n in range(3)))
    assert len(found["succeeded"]) == 2
    assert [(one["message"], one["data"]["index"]) for one in found["failed"]] == [(AWAY, 1)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"policy_key": "my_policy"}, "my_policy does not exist", id="no such policy"),
        pytest.param({"identity": {}}, "at least one identity", id="nobody"),
        pytest.param({"identity": {"email": " ", "phone_number": None}}, "at least one", id="nobody, blank"),
        pytest.param({"identity": {"name": "Ottilie"}}, "at least one identity", id="a name is nobody"),
        pytest.param({"encryption_key": "0123456789abcdef"}, "encryption_key", id="a key of the caller"),
        pytest.param(
            {"identity": {"Loyalty ID": {"label": "L", "value": "7"}}},
            "identifiers",
            id="no name of an identity",
        ),
        pytest.param(
            {"identity": {"loyalty": {"label": "L", "value": ["7", "8"]}}}, "one value", id="several values"
        ),
        pytest.param(
            {"consent_preferences": [{"data_use": "marketing", "opt_in": True}]}, "opting in", id="opting in"
        ),
        pytest.param(
            {"custom_privacy_request_fields": {"f": {"label": "F", "value": ["x" * 9_999] * 2}}},
            "statement",
            id="too many words",
        ),
    ],
)
async def test_an_unsupported_request_fails_with_the_reason(changes: dict[str, Any], said: str) -> None:
    message = await refused(**changes)
    assert said in message
    assert "Ottilie" not in message


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param({"identity": {"email": "no address"}}, ("identity", "email"), id="no address"),
        pytest.param(
            {"identity": {"phone_number": "0301234567"}}, ("identity", "phone_number"), id="no E.164"
        ),
        pytest.param(
            {"identity": {"fides_user_device_id": "0f0e6a1c-1111-1111-8111-111111111111"}},
            ("identity", "fides_user_device_id"),
            id="a UUID of another version",
        ),
        pytest.param({"identity": {"shop": "7"}}, ("identity", "shop"), id="an identity without a label"),
        pytest.param({"policy_key": "a policy"}, ("policy_key",), id="no key"),
        pytest.param({"policy_key": None}, ("policy_key",), id="no policy"),
        pytest.param({"identity": None}, ("identity",), id="no identity"),
        pytest.param({"location": "Bavaria"}, ("location",), id="no place"),
        pytest.param({"source": "Elsewhere"}, ("source",), id="no source"),
        pytest.param({"requested_at": "yesterday"}, ("requested_at",), id="no time"),
        pytest.param({"requested_at": "0001-01-01T00:00:00Z"}, ("requested_at",), id="a time before time"),
    ],
)
async def test_invalid_fields_are_refused_by_path_without_value(
    changes: dict[str, Any], where: tuple[str, ...]
) -> None:
    office = Office()
    async with calling(office) as client:
        answer = await client.call("POST", "/privacy-request", [item(), item(**changes)])
    assert_flaws(answer, ("body", 1, *where))
    assert "no address" not in answer.text
    assert office.vault.items == {}


@pytest.mark.parametrize(
    "body", [b"{}", b"", b"[", b"null", b'[{"identity": {"email": "\\ud800"}}]', b"\xff"]
)
async def test_a_body_that_is_no_list_of_requests_is_refused(body: bytes) -> None:
    async with calling(Office()) as client:
        answer = await client.call("POST", "/privacy-request", body)
    assert answer.status_code == 422


@pytest.mark.slow
async def test_fifty_at_once_are_taken_and_one_more_is_not() -> None:
    async with calling(Office()) as client:
        found = await client.create(*(item(identity={"email": f"{n}@example.org"}) for n in range(50)))
        assert len(found["succeeded"]) == 50
        assert_flaws(await client.call("POST", "/privacy-request", [item()] * 51), ("body",))
        assert (await client.create())["succeeded"] == []


async def test_form_and_api_share_the_limit_of_an_address() -> None:
    office = Office()
    async with calling(office, per_hour=3) as client:
        form = {"right": "access", "subject": {"email": EMAIL}}
        assert (await client.http.post("/v1/requests", json=form)).status_code == 202
        found = await client.create(*(item(identity={"email": f"{n}@example.org"}) for n in range(3)))
        assert len(found["succeeded"]) == 2
        assert [one["message"] for one in found["failed"]] == [TOO_MANY]
        answer = await client.call("POST", "/privacy-request", [item()])
        assert assert_detail(answer, 429) == TOO_MANY
        assert answer.headers["retry-after"]
        await client.log_in()
        assert len((await client.create(item(), authenticated=True))["succeeded"]) == 1


async def test_a_privacy_center_may_call_from_its_own_site_and_no_other() -> None:
    async with calling(Office()) as client:
        ask = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "access-control-allow-origin,content-type,x-fides-source",
        }
        for origin, allowed in ((ORIGIN, True), ("https://elsewhere.example", False)):
            answer = await client.http.options(f"{BASE}/privacy-request", headers={"Origin": origin, **ask})
            assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
            assert answer.is_success is allowed


async def test_the_config_states_that_identities_are_verified() -> None:
    async with calling(Office()) as client:
        for path in ("/id-verification/config", "/id-verification/config/"):
            assert (await client.call("GET", path)).json() == {
                "identity_verification_required": True,
                "disable_consent_identity_verification": True,
                "valid_email_config_exists": True,
            }


@pytest.mark.parametrize("call", ["resume", "pre-approve/eligible", "pre-approve/not-eligible"])
async def test_webhooks_are_not_awaited(call: str) -> None:
    async with calling(Office()) as client:
        name = await client.made()
        answer = await client.call("POST", f"/privacy-request/{name}/{call}", {})
    assert "webhooks" in assert_detail(answer, 400)


async def test_a_call_that_there_is_not_is_not_found() -> None:
    async with calling(Office()) as client:
        assert assert_detail(await client.call("GET", "/system"), 404) == "Not Found"


def test_each_request_has_one_name_and_each_name_one_request() -> None:
    case = "0123456789abcdef0123456789abcdef"
    name = spelt(case)
    assert name == "pri_01234567-89ab-cdef-0123-456789abcdef"
    assert case_of(name) == case
    others = (name.upper(), name.replace("-", ""), f"{name} ", spelt(case, "con"), "pri_", case, f"{name}\n")
    assert [case_of(other) for other in others] == [None] * len(others)


async def test_no_answer_without_a_token_holds_the_identity() -> None:
    office = Office()
    async with calling(office) as client:
        found = await client.create(item(external_id="person 7"))
        name = found["succeeded"][0]["id"]
        await office.work()
        right = await client.call("POST", f"/privacy-request/{name}/verify", {"code": client.code_of(name)})
        assert right.status_code == 200
    for text in (json.dumps(found), right.text):
        assert EMAIL not in text
        assert "person 7" not in text


async def test_nothing_of_the_person_is_kept_beside_the_vault() -> None:
    office = Office()
    async with calling(office) as client:
        await client.made(external_id="person 7", identity={"email": EMAIL, "external_id": "K-7"})
        kept = f"{client.ledger.entries} {office.broker.published}"
    assert EMAIL not in kept
    assert "person 7" not in kept
    assert "K-7" not in kept


async def test_a_request_that_was_never_lodged_is_not_shown(client_office: tuple[Office, Calling]) -> None:
    _, client = client_office
    name = await client.made()
    entry = client.ledger.entries[hex_of(name)]
    orphan = "f" * 32
    client.ledger.entries[orphan] = type(entry)(orphan, entry.at, entry.policy, entry.wish, None)
    await client.log_in()
    assert [one["id"] for one in (await client.search())["items"]] == [name]
    answer = await client.call("POST", f"/privacy-request/{spelt(orphan)}/verify", {"code": "123456"})
    assert_detail(answer, 404)


async def test_of_a_case_that_is_destroyed_the_person_is_not_known_any_more(
    client_office: tuple[Office, Calling],
) -> None:
    office, client = client_office
    name = await client.made(identity={"email": EMAIL})
    await office.vault.destroy(hex_of(name))
    with pytest.raises(Destroyed):
        await office.vault.open(hex_of(name), BODY)
    await client.log_in()
    shown = await client.shown(name, include_identities=True)
    assert shown["identity"] is None
    assert (await client.search(identities={"email": EMAIL}))["items"] == []


@pytest.fixture
async def client_office() -> Any:
    office = Office()
    async with calling(office) as client:
        yield office, client
