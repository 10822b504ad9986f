"""After a finished case nothing of ours names the person: no queue, no log line, no collection."""

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from habeas.embedded.company import BRUNO
from habeas.embedded.stack import Stack
from shared.contract.topology import parking_of
from shared.runtime.broker import Message
from shared.runtime.mongo import raw_documents
from tests.integration.pipeline import SHOP, Heard, Pipeline, Somebody, running
from tests.waiting import eventually

PERSON = Somebody(BRUNO.email, BRUNO.name)
TRADE, SHOE = "Zwiebelhändler", "schuhgröße"
"""What the person is by their own account, and what they want corrected that nobody holds."""
FRACTION = re.compile(rb"\.\d{3,6}(?=Z|\+)")
"""Of a second. Its digits could be those of a code by chance."""


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
        codes += await erased(pipeline)
        await badly_submitted(pipeline, heard)
        yield Finished(
            pipeline, heard, (PERSON.email, PERSON.name, BRUNO.last, "1713920042", TRADE, SHOE, *codes)
        )


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
    before = len(pipeline.letters_to(PERSON, case))
    await pipeline.http.post(f"/v1/requests/{case}/package/codes")
    await eventually(lambda: len(pipeline.letters_to(PERSON, case)) > before)
    second = await pipeline.code_for(PERSON, case)
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
    await pipeline.publish(json.dumps({**event, "id": "a plain id"}).encode())
    await pipeline.publish(json.dumps({**event, "type": PERSON.email, "id": "another"}).encode())
    await pipeline.publish(PERSON.email.encode(), headers={"x-note": PERSON.email})
    await eventually(lambda: len([e for e in heard.events if e["type"].endswith("rejected.v1")]) >= 3)


async def traces(finished: Finished) -> list[str]:
    """Return where any of the words stands."""
    needle = needle_for(finished.words)
    return sorted({place async for place, content in everything(finished) if needle(content)})


async def everything(finished: Finished) -> AsyncIterator[tuple[str, bytes]]:
    """Yield whatever we keep or say, and where: the vault too, for what lies there is sealed."""
    pipeline = finished.pipeline
    for event in finished.heard.events:
        yield f"event {event['type']}", json.dumps(event, ensure_ascii=False).encode()
    for queue, messages in (await pipeline.messages()).items():
        for message in messages:
            yield f"queue {queue}", message
    for line in pipeline.log.read_bytes().splitlines():
        yield "log", line
    for database in await pipeline.client.list_database_names():
        if database.startswith(f"{pipeline.prefix}_"):
            for name in await pipeline.client[database].list_collection_names():
                async for _, raw in raw_documents(pipeline.client[database][name]):
                    yield f"{database.removeprefix(pipeline.prefix)}.{name}", raw


def needle_for(words: Iterable[str]) -> "Needle":
    spelled = {word.casefold() for word in words}
    spelled |= {json.dumps(word)[1:-1] for word in spelled}
    return Needle(
        {
            word: re.compile(rb"(?<![0-9a-f])" + re.escape(word) + rb"(?![0-9a-f])")
            for word in (one.encode() for one in spelled)
        }
    )


@dataclass(frozen=True)
class Needle:
    """Looks for words in bytes, in any case; digits inside longer numbers and ids do not count."""

    words: Mapping[bytes, re.Pattern[bytes]]
    """The word alone, which is found or missed sooner, → the word by itself."""

    def __call__(self, hay: bytes) -> bool:
        text = FRACTION.sub(b"", hay).lower()
        return any(word in text and pattern.search(text) for word, pattern in self.words.items())


async def test_no_queue_no_log_line_and_no_collection_names_the_person(finished: Finished) -> None:
    assert {event["type"] for event in finished.heard.events} > {
        "habeas.notice.sent.v1",
        "habeas.request.closed.v1",
        "habeas.package.fetched.v1",
        "habeas.subject.rectified.v1",
        "habeas.subject.opted_out.v1",
        "habeas.subject.erased.v1",
        "habeas.request.rejected.v1",
    }
    assert len(finished.pipeline.log.read_bytes().splitlines()) > 20
    assert {place async for place, _ in everything(finished)} >= {
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
    assert await traces(finished) == []


async def test_a_single_trace_anywhere_would_be_found(finished: Finished) -> None:
    pipeline = finished.pipeline
    parking = parking_of("verifier")
    body = f"for {PERSON.email.upper()}".encode()
    await pipeline.bus.publish([Message("", parking, body, "planted")])
    assert await traces(finished) == [f"queue {parking}"]
    journal = pipeline.client[f"{pipeline.prefix}_verifier"]["journal"]
    await journal.insert_one({"_id": "planted", "case": "x", "note": [{"code": finished.words[-1]}]})
    with pipeline.log.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"event": "planted", "reason": PERSON.name.upper()}) + "\n")
    assert await traces(finished) == ["_verifier.journal", "log", f"queue {parking}"]
