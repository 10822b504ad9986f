"""Whatever comes in: one clear error that names the place, nothing lost, and the consumer goes on."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from shared.contract.correlation import event_name
from shared.contract.envelope import MAX_BODY, encode
from shared.contract.events import ProofSubmitted, RequestSubmitted, RequestWithdrawn, WithdrawalSubmitted
from shared.contract.topology import DELIVERY_LIMIT, EVENTS, parking_of
from shared.runtime import message_origin
from shared.runtime.broker import Message, Parking
from shared.runtime.key_rings import derived_key
from shared.runtime.vault import Vault
from tests.integration.forked_processes import said
from tests.integration.pipeline import Heard, Pipeline, Somebody, comes_true, command, now, prepared, running
from tests.waiting import eventually

SECRET = Somebody("secret.person@example.org", "Sekreta Persono")
SOURCE = "shop"


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


def event(name: str, type_: str, data: Mapping[str, Any], **changes: Any) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": name,
        "source": SOURCE,
        "type": type_,
        "time": "2026-11-25T00:00:00Z",
        "data": data,
        **changes,
    }
    return json.dumps({key: value for key, value in envelope.items() if value is not None}).encode()


@dataclass(frozen=True)
class Bad:
    """A message that cannot be taken, and what its publisher is told."""

    body: bytes
    flaws: dict[str, str]
    """Path → a piece of the message."""
    named: bool = True
    """Whether the publisher's source and id can be read from it."""


def submitted(name: str, **changes: Any) -> bytes:
    return event(name, RequestSubmitted.TYPE, SECRET.asks("access"), **changes)


def wrong_types() -> bytes:
    data = {**SECRET.asks(SECRET.email), "subject": [SECRET.email], SECRET.email: SECRET.name}
    return event("wrong types", RequestSubmitted.TYPE, data)


def too_large() -> bytes:
    return submitted("too large", padding="x" * MAX_BODY)


def unknown_request(name: str, type_: str, **more: Any) -> bytes:
    return event(name, type_, more)


A_CODE = [{"kind": "email_code", "code": "123456"}]
UNREADABLE = {
    "malformed JSON": Bad(submitted("cut")[:-9], {"": "no JSON"}, named=False),
    "no object": Bad(json.dumps([SECRET.email]).encode(), {"": "JSON object"}, named=False),
    "binary garbage": Bad(bytes(range(256)) + SECRET.email.encode(), {"": "no JSON"}, named=False),
    "too large": Bad(too_large(), {"": f"larger than {MAX_BODY} bytes"}, named=False),
    "unknown type": Bad(submitted("unknown type", type=SECRET.email), {"type": "known are habeas."}),
    "wrong types": Bad(
        wrong_types(),
        {"data.right": "must be", "data.subject": "", "data.…": "unknown field"},
    ),
    "missing time": Bad(submitted("missing time", time=None), {"time": "is required"}),
    "another version": Bad(submitted("another version", specversion="0.3"), {"specversion": 'must be "1.0"'}),
}
REFUSED = {
    "proof for an unknown id": Bad(
        event("proof for an unknown id", ProofSubmitted.TYPE, {"request": "f" * 32, "proofs": A_CODE}),
        {"data.request": "no request has this id or reference"},
    ),
    "withdrawal of an unknown id": Bad(
        event("withdrawal of an unknown id", WithdrawalSubmitted.TYPE, {"request": "e" * 32}),
        {"data.request": "no request has this id or reference"},
    ),
}


async def rejected(pipeline: Pipeline, heard: Heard, bad: Bad) -> dict[str, Any]:
    """Publish what is bad and return the one rejection it leads to, once something good has come through."""
    start = len(heard.events)
    await pipeline.publish(bad.body)
    good = SECRET.asks("access")
    await pipeline.send(good)
    await pipeline.closed(await pipeline.id_of(good))
    await eventually(lambda: [e for e in heard.events[start:] if e["type"].endswith("rejected.v1")])
    (rejection,) = [e for e in heard.events[start:] if e["type"].endswith("rejected.v1")]
    return dict(rejection)


async def dead_letters(pipeline: Pipeline) -> dict[str, Any]:
    code, output, errors = await command(pipeline, "dead-letters", "--json")
    assert (code, errors) == (0, "")
    return dict(json.loads(output))


@pytest.mark.parametrize("name", UNREADABLE | REFUSED)
async def test_unreadable_submission_is_rejected_once_with_errors_and_no_values(
    pipeline: Pipeline, heard: Heard, name: str
) -> None:
    bad = (UNREADABLE | REFUSED)[name]
    rejection = await rejected(pipeline, heard, bad)
    data, key = rejection["data"], derived_key(master_key(pipeline), "request ids")
    expected = (SOURCE, event_name(name, SOURCE, key=key)) if bad.named else (None, None)
    assert (data["publisher_source"], data["publisher_id"]) == expected
    flaws = {flaw["path"]: flaw["message"] for flaw in data["errors"]}
    assert flaws.keys() == bad.flaws.keys()
    assert all(piece in flaws[path] for path, piece in bad.flaws.items())
    assert SECRET.email not in json.dumps(rejection, ensure_ascii=False)
    assert SECRET.name not in json.dumps(rejection, ensure_ascii=False)
    if name in UNREADABLE:
        assert await sealed(pipeline, data["request_id"]) == bad.body


def master_key(pipeline: Pipeline) -> bytes:
    return base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"])


async def sealed(pipeline: Pipeline, case: str) -> bytes:
    """Return what was set aside, as somebody who has the master key can."""
    vault = Vault(pipeline.client, prefix=pipeline.prefix, master_key=master_key(pipeline))
    return b"".join([piece async for piece in vault.open_stream(case, "set_aside")])


async def test_everything_that_was_rejected_is_listed_for_the_operator(
    pipeline: Pipeline, heard: Heard
) -> None:
    await rejected(pipeline, heard, Bad(submitted("evt-77", time=None), {}))
    listed = await dead_letters(pipeline)
    (entry,) = [one for one in listed["set_aside"] if one["id"] == "evt-77"]
    assert (entry["source"], entry["flaws"]) == (SOURCE, ["time: is required: it dates the request"])
    assert listed["parked"] == []


async def test_reference_that_comes_again_with_other_content_is_set_aside(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await pipeline.people())[0]
    asked = person.asks("access")
    await pipeline.send(asked, source=SOURCE)
    case = await pipeline.id_of(asked, source=SOURCE)
    await eventually(lambda: heard.of(case, "request.received"))
    body = event("other content", RequestSubmitted.TYPE, {**asked, "right": "erasure"})
    rejection = await rejected(pipeline, heard, Bad(body, {}))
    assert [flaw["path"] for flaw in rejection["data"]["errors"]] == ["data.reference"]
    assert await sealed(pipeline, rejection["data"]["request_id"]) == body
    assert len(heard.of(case, "request.received")) == 1
    assert await pipeline.mentions(person.email)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        pytest.param("POST", "/v1/requests", b"{", 422, id="malformed JSON"),
        pytest.param("POST", "/v1/requests", b'{"right": "everything"}', 422, id="wrong types"),
        pytest.param("POST", "/v1/requests", b'"' + b"x" * MAX_BODY + b'"', 413, id="too large"),
        pytest.param("GET", f"/v1/requests/{'f' * 32}", b"", 404, id="unknown request"),
        pytest.param("GET", "/v1/requests/not-an-id", b"", 404, id="no id at all"),
        pytest.param("DELETE", f"/v1/requests/{'f' * 32}", b"", 404, id="unknown request withdrawn"),
    ],
)
async def test_bad_input_over_http_is_a_problem_that_names_the_place(
    pipeline: Pipeline, method: str, path: str, content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await pipeline.http.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_message_that_killed_its_consumers_is_parked_and_replayed_unchanged(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with prepared(parts, tmp_path, customers=0) as pipeline:
        case = "0" * 32
        fact = RequestWithdrawn(request_id=case)
        body = encode(fact, id="withdrawn", source="habeas/intake", time=now())
        forged = {message_origin.EXCHANGE: "habeas.requests", message_origin.ROUTING_KEY: "forged"}
        await pipeline.announce(Message(EVENTS, fact.TYPE, body, "withdrawn", headers=forged))
        await refused_for_ever(pipeline, "fulfillment")

        async def parked() -> bool:  # the broker passes it on by itself
            return bool((await pipeline.parked())["fulfillment"])

        await comes_true(parked)
        (letter,) = (await dead_letters(pipeline))["parked"]
        assert (letter["service"], letter["type"]) == ("fulfillment", fact.TYPE)
        assert letter["reason"] == "its consumer died too often"
        assert (await command(pipeline, "dead-letters", "replay", "fulfillment"))[0] == 0
        await pipeline.start("fulfillment")

        async def handled() -> bool:
            return bool(await pipeline.rows("fulfillment", case=case, cause="withdrawn"))

        await comes_true(handled)
        async with Parking(pipeline.amqp_url, parking_of("fulfillment")) as parking:
            assert [delivery async for delivery in parking] == []


async def refused_for_ever(pipeline: Pipeline, name: str) -> None:
    """Give the message in a queue back until the broker gives up on it."""
    connection = await aio_pika.connect(pipeline.amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue(name)

        async def given_back() -> bool:
            message = await queue.get(fail=False)
            if message is not None:
                await message.nack(requeue=True)
            return message is not None

        for _ in range(DELIVERY_LIMIT + 1):
            await comes_true(given_back)


# --- settings -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A process that did not start."""

    code: int
    errors: str


async def started(pipeline: Pipeline, service: str, changes: Mapping[str, str | None]) -> Ended:
    """Run a service with the settings *changes*; those that are None are missing."""
    environment = {k: v for k, v in {**pipeline.environment, **changes}.items() if v is not None}
    async with asyncio.timeout(120):
        code, _, errors = await said(f"services.{service}", (), environment)
    return Ended(code, errors)


@pytest.mark.parametrize("service", ["intake", "verifier", "fulfillment", "notifier"])
async def test_a_setting_that_is_missing_or_wrong_ends_the_service_with_one_line_that_names_it(
    pipeline: Pipeline, service: str
) -> None:
    everywhere: list[tuple[str, str | None]] = [
        ("HABEAS_AMQP_URL", "http://broker.example/"),
        ("HABEAS_MONGO_URL", "http://database.example/"),
        ("HABEAS_MASTER_KEY", "c2hvcnQ="),
    ]
    own: dict[str, list[tuple[str, str | None]]] = {
        "intake": [("HABEAS_COMPANY", "/nonexistent/company.yaml"), ("HABEAS_API_KEYS", "no")],
        "verifier": [("HABEAS_TRUSTED_SOURCES", "{"), ("HABEAS_HTTP_PORT", "many")],
        "fulfillment": [
            ("HABEAS_DATAMAP", None),
            ("HABEAS_DATAMAP", "/nonexistent/map"),
            ("HABEAS_STORES", '{"default": "here"}'),
        ],
        "notifier": [
            ("HABEAS_SMTP_URL", "http://mail.example"),
            ("HABEAS_SMTP_URL", None),
            ("HABEAS_MAIL_FROM", "nobody"),
        ],
    }
    free = {"HABEAS_HTTP_PORT": "0"}
    for name, value in everywhere + own[service]:
        ended = await started(pipeline, service, {**free, name: value})
        assert ended.code == 2, (name, ended.errors)
        lines = ended.errors.strip().splitlines()
        assert len(lines) == 1, lines
        assert name in lines[0]
        assert pipeline.settings["HABEAS_MASTER_KEY"] not in ended.errors


async def test_a_data_map_that_does_not_parse_ends_fulfillment_and_names_file_and_line(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    (tmp_path / "map.yml").write_text("dataset:\n  - fides_key: desk\n    collection: [\n", encoding="utf-8")
    ended = await started(pipeline, "fulfillment", {"HABEAS_DATAMAP": str(tmp_path), "HABEAS_HTTP_PORT": "0"})
    assert ended.code == 2
    assert "map.yml:4: no valid YAML" in ended.errors
    assert "Traceback" not in ended.errors
