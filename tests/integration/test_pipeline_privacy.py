"""After a finished case nothing of ours names the person: no queue, no log line, no collection."""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from habeas.client.requests import cloud_event
from habeas.embedded.company import BRUNO
from habeas.embedded.stack import Stack
from shared.contract.events import (
    AppealSubmitted,
    ProofSubmitted,
    RequestRejected,
    RequestSubmitted,
    WithdrawalSubmitted,
)
from shared.contract.topology import parking_of
from shared.runtime.broker import Message
from tests.integration.pipeline import PORTAL, SHOP, Heard, Pipeline, Somebody, command, running
from tests.integration.traces import everything, traces
from tests.waiting import eventually

PERSON = Somebody(BRUNO.email, BRUNO.name)
TRADE, SHOE = "Zwiebelhändler", "schuhgröße"
"""What the person is by their own account, and what they want corrected that nobody holds."""
NEIGHBOUR, FILE = "Nachbarin", "X-4409-QW"
"""A person who has a mailbox in common with the person, and a customer number that the person claims."""
EARLY: Mapping[str, Mapping[str, Any]] = {
    WithdrawalSubmitted.TYPE: {"reason": f"{PERSON.name} withdraws"},
    ProofSubmitted.TYPE: {"proofs": [{"kind": "data_points", "points": {"customer_no": FILE}}]},
    AppealSubmitted.TYPE: {"statement": f"I, {PERSON.name}, got no answer at {BRUNO.phone}."},
}


@dataclass(frozen=True)
class Finished:
    """A pipeline after a case that had everything, what was heard of it, and what must not be found."""

    pipeline: Pipeline
    heard: Heard
    words: tuple[str, ...]


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def finished(pipeline: Pipeline) -> AsyncIterator[Finished]:
    async with pipeline.listening() as heard:
        codes = await downloaded(pipeline)
        codes += await changed(pipeline)
        codes += await refused(pipeline)
        await early(pipeline, heard)
        await shared(pipeline)
        codes += await erased(pipeline)
        await badly_submitted(pipeline, heard)
        words = (PERSON.email, PERSON.name, BRUNO.last, "1713920042", TRADE, SHOE, NEIGHBOUR, FILE, *codes)
        yield Finished(pipeline, heard, words)


def asks(right: str) -> dict[str, object]:
    asked = PERSON.asks(right, details={"statement": f"Please call me, {PERSON.name}, at {BRUNO.phone}"})
    subject = {"name": PERSON.name, "email": PERSON.email, "phone": BRUNO.phone}
    return {**asked, "subject": subject, "reference": f"{PERSON.email} asks for {right}"}


async def downloaded(pipeline: Pipeline) -> list[str]:
    """Go through an access request with a wrong code first, and open the package; return the codes."""
    asked = asks("access")
    await pipeline.send(asked, source=SHOP)
    case = await pipeline.id_of(asked, source=SHOP)
    code = await pipeline.code_for(PERSON, case)
    await pipeline.prove(case, f"{(int(code) + 1) % 1_000_000:06d}")
    await pipeline.prove(case, code)
    await pipeline.closed(case)
    before = len(pipeline.codes_to(PERSON, case))
    await pipeline.http.post(f"/v1/requests/{case}/package/codes")
    [second] = await eventually(lambda: pipeline.codes_to(PERSON, case)[before:])
    answer = await pipeline.http.get(f"/v1/requests/{case}/package", params={"code": second})
    assert zipfile.is_zipfile(io.BytesIO(answer.content))
    return [code, second]


async def changed(pipeline: Pipeline) -> list[str]:
    """Correct one value and fail to correct another, then opt out; return the code."""
    corrections = [{"field": "contacts.job_title", "value": TRADE}, {"field": SHOE, "value": "44"}]
    details = {"corrections": corrections, "statement": f"I, {PERSON.name}, am a {TRADE}."}
    case = await pipeline.lodge(asks("rectification") | {"details": details}, source=SHOP)
    code = await pipeline.code_for(PERSON, case)
    await pipeline.prove(case, code)
    await pipeline.closed(case)
    await pipeline.closed(await pipeline.lodge(asks("opt_out_of_sale"), source=SHOP))
    return [code]


async def erased(pipeline: Pipeline) -> list[str]:
    """Go through an erasure with a copy; return the code."""
    case = await pipeline.lodge(asks("erasure") | {"details": {"with_copy": True}}, source=SHOP)
    code = await pipeline.code_for(PERSON, case)
    await pipeline.prove(case, code)
    await pipeline.closed(case)
    return [code]


async def refused(pipeline: Pipeline) -> list[str]:
    """Have the staff refuse the identity of a requester; return the code."""
    case = await pipeline.lodge(asks("restriction") | {"details": {"statement": PERSON.name}}, source=SHOP)
    code = await pipeline.code_for(PERSON, case)
    words = ("verify", "refuse", case, "--as", "anna.example", "--reason", "proof_not_convincing")
    exit_code, _, errors = await command(pipeline, *words)
    assert exit_code == 0, errors
    await pipeline.closed(case)
    return [code]


async def early(pipeline: Pipeline, heard: Heard) -> None:
    """Send proof, withdrawal and appeal before their requests, one of each without; then refuse others."""
    for type_, data in EARLY.items():
        asked = asks("objection") | {"reference": f"{PERSON.email} before {type_}"}
        await submit(pipeline, type_, {"reference": asked["reference"], **data})
        await submit(pipeline, type_, {"reference": f"{PERSON.email} without a request", **data})
        await submit(pipeline, RequestSubmitted.TYPE, asked)
        case = await pipeline.id_of(asked, source=SHOP)
        await submit(pipeline, type_, {"request": "f" * 32, **data})
        await pipeline.http.delete(f"/v1/requests/{case}")
        await submit(pipeline, type_, {"reference": asked["reference"], **data})
    await eventually(lambda: len(rejections(heard)) >= len(EARLY) + 2)


async def submit(pipeline: Pipeline, type_: str, data: Mapping[str, Any]) -> None:
    """Publish an event with an id that names the person."""
    body = json.loads(cloud_event(data, type_=type_, source=SHOP))
    await pipeline.publish(json.dumps({**body, "id": f"{PERSON.email} {body['id']}"}).encode(), type_=type_)


def rejections(heard: Heard) -> list[dict[str, Any]]:
    return [event for event in heard.events if event["type"] == RequestRejected.TYPE]


async def shared(pipeline: Pipeline) -> None:
    """Ask for records that a person of another name has a share in."""
    contacts = pipeline.business("portal", "contacts")
    [own] = await contacts.find({"email": PERSON.email}).to_list(None)
    other = {"_id": f"{own['_id']}-2", "name": {"first": "Frieda", "last": NEIGHBOUR}}
    await contacts.insert_one({**own, **other})
    asked = asks("access") | {"reference": f"{PERSON.email} and {NEIGHBOUR}"}
    await pipeline.send(asked, source=PORTAL)
    await pipeline.closed(await pipeline.id_of(asked, source=PORTAL))
    await contacts.delete_one({"_id": other["_id"]})


async def badly_submitted(pipeline: Pipeline, heard: Heard) -> None:
    """Send what cannot be read, with the person's address wherever a publisher could put one."""
    event = {
        "specversion": "1.0",
        "id": PERSON.email,
        "source": "shop",
        "type": "habeas.request.submitted.v1",
        "time": "2026-11-25T00:00:00Z",
        "data": {**asks("access"), "right": PERSON.email, PERSON.email: PERSON.name},
    }
    before = len(rejections(heard))
    await pipeline.publish(json.dumps(event).encode())
    await pipeline.publish(json.dumps({**event, "type": PERSON.email}).encode())
    await pipeline.publish(json.dumps({**event, "source": PERSON.email}).encode())
    await pipeline.publish(json.dumps({**event, "source": f"//shop/{PERSON.email}"}).encode())
    await pipeline.publish(PERSON.email.encode(), headers={"x-note": PERSON.email})
    await eventually(lambda: len(rejections(heard)) >= before + 5)


async def traces_of(finished: Finished) -> list[str]:
    """Return where any of the words stands."""
    return await traces(finished.pipeline, finished.words, finished.heard.events)


async def test_no_queue_no_log_line_and_no_collection_names_the_person(finished: Finished) -> None:
    assert {event["type"] for event in finished.heard.events} > {
        "habeas.notice.sent.v1",
        "habeas.request.closed.v1",
        "habeas.package.fetched.v1",
        "habeas.subject.rectified.v1",
        "habeas.subject.opted_out.v1",
        "habeas.subject.erased.v1",
        "habeas.request.rejected.v1",
        "habeas.request.withdrawn.v1",
        "habeas.proof.received.v1",
        "habeas.appeal.received.v1",
        "habeas.identity.refused.v1",
    }
    assert len(finished.pipeline.log.read_bytes().splitlines()) > 20
    assert {place async for place, _ in everything(finished.pipeline, finished.heard.events)} >= {
        "_intake.journal",
        "_verifier.journal",
        "_fulfillment.journal",
        "_fulfillment.suppressions",
        "_fulfillment.disagreements",
        "_notifier.journal",
        "_notifier.claims",
        "_vault.items",
        "_vault.chunks",
    }
    assert await traces_of(finished) == []


async def test_a_single_trace_anywhere_would_be_found(finished: Finished) -> None:
    pipeline = finished.pipeline
    parking = parking_of("verifier")
    body = f"for {PERSON.email.upper()}".encode()
    await pipeline.bus.publish([Message("", parking, body, "planted")])
    assert await traces_of(finished) == [f"queue {parking}"]
    journal = pipeline.client[f"{pipeline.prefix}_verifier"]["journal"]
    await journal.insert_one({"_id": "planted", "case": "x", "note": [{"code": finished.words[-1]}]})
    with pipeline.log.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"event": "planted", "reason": PERSON.name.upper()}) + "\n")
    assert await traces_of(finished) == ["_verifier.journal", "log", f"queue {parking}"]
