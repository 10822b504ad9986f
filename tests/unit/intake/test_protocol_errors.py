"""Errors of every protocol name the field and the remedy, without the text of the validation library."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeAlias, get_args

import pytest
from httpx import Response
from pydantic_core.core_schema import ErrorType

from services.intake.channels.opendsr.messages import EXISTS
from services.intake.channels.webhooks.risc import PURGED
from services.intake.http.problems import NOT_PARSED
from shared.contract.envelope import Unreadable, decode
from shared.contract.events import RequestSubmitted
from shared.contract.field_errors import MOST_ERRORS, message_of
from shared.contract.topology import REQUESTS
from tests.unit import agents, controllers, fides_clients, intake_api, platforms
from tests.unit.fakes import Office, request

FOREIGN = (
    "Input should", "String should", "List should", "Tuple should", "Value error", "Field required",
    "valid string", "valid dictionary", "valid list", "Unable to", "pydantic", "type=", "input_value",
    "dict(",
    "instance of", "ValidationError", "ctx", "should match pattern",
)  # fmt: skip
"""Words of the validation library."""
WRONG: tuple[Any, ...] = (17, "", "x", True, [], {}, [{}], {"x": 1}, "x" * 3_000, [17], None)
Send: TypeAlias = Callable[[Any], Awaitable[Response]]


def mutations(message: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield *message* with each field missing, and with each wrong value, beside the field's name."""
    for name in message:
        yield name, {field: value for field, value in message.items() if field != name}
        for value in WRONG:
            yield name, {**message, name: value}


async def refusals(send: Send, message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the texts of the errors that mutations of *message* lead to, by field."""
    found = []
    for name, wrong in mutations(message):
        answer = await send(wrong)
        if answer.status_code >= 400:
            assert answer.status_code < 500, (name, wrong)
            found.append((name, answer.text))
    return found


def assert_own_words(found: list[tuple[str, str]], *, least: int, unnamed: int = 0) -> None:
    """Check that there are *least* errors, of which all but *unnamed* name their field."""
    assert len(found) >= least
    for _, text in found:
        assert not [word for word in FOREIGN if word in text], text
    missing = [(name, text) for name, text in found if name not in text]
    assert len(missing) <= unnamed, missing


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1", "2", "3"])
async def test_opendsr_errors_are_in_words_of_this_product(version: str) -> None:
    async with controllers.calling(Office()) as shop:
        every = await refusals(lambda wrong: shop.post(wrong, version), controllers.example(version))
    found = [(name, text) for name, text in every if EXISTS not in text]
    assert_own_words(found, least=40)


@pytest.mark.slow
async def test_drp_errors_are_in_words_of_this_product() -> None:
    async with agents.calling(Office()) as agent:
        await agent.set_up()
        said = agent.exercise_message(
            status_callback="https://agent.example.com/", **{"agent-request-id": "7"}
        )
        found = await refusals(lambda wrong: agent.exercise(agent.signed(wrong)), said)
    assert_own_words(found, least=60)


@pytest.mark.slow
async def test_fides_errors_are_in_words_of_this_product() -> None:
    said = fides_clients.item(requested_at="2026-03-01T12:00:00Z", location="US-CA", source="Fides.js")
    async with fides_clients.calling(Office(), per_hour=10_000) as client:
        await client.log_in()
        created = await refusals(lambda wrong: client.call("POST", "/privacy-request", [wrong]), said)
        search = {"sort_field": "created_at", "status": ["pending"]}
        created += await refusals(lambda wrong: client.call("POST", "/privacy-request/search", wrong), search)
    assert_own_words(created, least=30)


@pytest.mark.slow
async def test_api_errors_are_in_words_of_this_product() -> None:
    said = {"right": "access", "subject": {"email": "ada@example.org"}, "residence": {"country": "DE"}}
    async with intake_api.client_of(Office().requests) as http:
        found = await refusals(lambda wrong: http.post("/v1/requests", json=wrong), said)
    assert_own_words(found, least=10)


@pytest.mark.slow
async def test_webhook_errors_are_in_words_of_this_product() -> None:
    async def as_shopify(wrong: Any) -> Response:
        body = json.dumps(wrong).encode()
        headers = platforms.shopify_headers("customers/redact", body)
        return await calling.http.post("/webhooks/shopify", content=body, headers=headers)

    async def as_risc(wrong: Any) -> Response:
        return await calling.risc(platforms.SIGNER.event(sub_id=wrong["sub_id"], events={PURGED: {}}))

    async with platforms.platforms(Office()) as calling:
        texts = [(await as_shopify(wrong)).text for _, wrong in mutations(platforms.REDACT)]
        said = {"sub_id": {"format": "email", "email": "ada@example.org"}}
        texts += [(await as_risc(wrong)).text for _, wrong in mutations(said) if "sub_id" in wrong]
    assert len([text for text in texts if "flaws" in text or "err" in text]) > 10
    assert_own_words([("", text) for text in texts], least=10)


def test_errors_about_events_are_in_words_of_this_product() -> None:
    said = {"reference": "r", "right": "access", "subject": {"email": "ada@example.org"}, "locale": "de"}
    found = []
    for name, wrong in mutations(said):
        event = {
            "specversion": "1.0",
            "id": "1",
            "source": "portal",
            "type": RequestSubmitted.TYPE,
            "data": wrong,
        }
        body = json.dumps({**event, "time": "2026-03-01T12:00:00Z"}).encode()
        try:
            decode(body, exchange=REQUESTS, content_type=None, headers={})
        except Unreadable as error:
            found.append((name, str(error)))
    assert_own_words(found, least=20)


def test_every_kind_of_error_has_words_of_this_product() -> None:
    for kind in get_args(ErrorType):
        error = {
            "type": kind,
            "msg": "Input should be something",
            "loc": ("field",),
            "ctx": {"expected": "a"},
        }
        message = message_of(error)
        assert message
        assert not [word for word in FOREIGN if word in message], kind


def test_message_of_a_validator_of_this_product_is_kept() -> None:
    own = {"type": "contradiction", "msg": "must not differ from the field name", "loc": ()}
    assert message_of(own) == "must not differ from the field name"
    value = {"type": "value_error", "msg": "Value error, must be a UUID of version 4", "loc": ()}
    assert message_of(value, own=True) == "must be a UUID of version 4"
    assert message_of(value) == "has a wrong value", "it may name a value of the publisher"


BROKEN = b'{"a":\n x}'
PLACE = "line 2, column 2"


@pytest.mark.slow
async def test_error_of_json_states_line_and_column_in_every_protocol() -> None:
    typed = {"Content-Type": "application/json"}
    async with agents.calling(Office()) as agent:
        await agent.set_up()
        answers = [await agent.exercise(agent.signed(BROKEN))]
    async with controllers.calling(Office()) as shop:
        answers.append(await shop.post(BROKEN, "3"))
    async with fides_clients.calling(Office()) as client:
        answers.append(await client.http.post("/fides/api/v1/privacy-request", content=BROKEN, headers=typed))
    async with platforms.platforms(Office()) as calling:
        headers = platforms.shopify_headers("customers/redact", BROKEN)
        answers.append(await calling.http.post("/webhooks/shopify", content=BROKEN, headers=headers))
    office = Office()
    await office.submit(request())
    async with intake_api.client_of(office.requests) as http:
        answers.append(await http.post("/v1/requests", content=BROKEN, headers=typed))
        proofs = f"/v1/requests/{intake_api.CASE}/proofs"
        answers.append(await http.post(proofs, content=BROKEN, headers=typed))
    for answer in answers:
        assert PLACE in answer.text
    assert [error["path"] for error in answers[-2].json()["errors"]] == ["body"]


def test_error_of_json_states_line_and_column_to_publishers() -> None:
    with pytest.raises(Unreadable, match=PLACE):
        decode(BROKEN, exchange=REQUESTS, content_type=None, headers={})


async def test_body_without_its_type_is_answered_with_the_missing_header() -> None:
    async with intake_api.client_of(Office().requests) as http:
        answer = await http.post("/v1/requests", content=json.dumps({"right": "access"}).encode())
    assert "Content-Type: application/json" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"\xff\xfe{", b"[" * 100_000, b'{"right":' + b"9" * 5_000 + b"}"])
async def test_body_that_cannot_be_parsed_is_answered_in_words_of_this_product(body: bytes) -> None:
    async with intake_api.client_of(Office().requests) as http:
        answer = await http.post("/v1/requests", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == NOT_PARSED


@pytest.mark.slow
async def test_answer_states_the_first_errors_of_many() -> None:
    many = {f"key_{number}": 5 for number in range(2_000)}
    async with intake_api.client_of(Office().requests) as http:
        answers = [(await http.post("/v1/requests", json=many)).json()["errors"]]
    async with fides_clients.calling(Office()) as client:
        answers.append((await client.call("POST", "/consent-request", {"identity": many})).json()["detail"])
    async with controllers.calling(Office()) as shop:
        said = {**controllers.example("3"), "subject_identities": many}
        answers.append((await shop.post(said, "3")).json()["errors"])
    assert [len(errors) for errors in answers] == [MOST_ERRORS] * 3


@pytest.mark.slow
async def test_error_of_a_webhook_names_the_field() -> None:
    body = json.dumps({"shop_id": 1, "customer": 7}).encode()
    async with platforms.platforms(Office()) as calling:
        headers = platforms.shopify_headers("customers/redact", body)
        answer = await calling.http.post("/webhooks/shopify", content=body, headers=headers)
    assert answer.json()["flaws"] == ["shop_domain: is required", "customer: must be an object"]
