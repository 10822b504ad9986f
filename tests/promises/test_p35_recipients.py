"""P35: the recipients of the data of a person are notified of an erasure, until they acknowledge it."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.integration.pipeline import WITHIN, Pipeline, comes_true, command, running
from tests.promises.people import subscribe
from tests.waiting import eventually

PORTAL_HOST = "Hosting provider of the portal"
KEY = b"a key that is agreed with the recipient"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@dataclass
class Hook:
    """A recipient's server; it answers as it is told, and the last answer again and again."""

    answers: Sequence[int]
    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        lines = [line.split(": ", 1) for line in head[1:] if line]
        given = {name.lower(): value for name, value in lines}
        body = await reader.readexactly(int(given["content-length"]))
        status = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append((given, body))
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    def answer(self, *answers: int) -> None:
        """Answer so from now on, and forget the requests so far."""
        self.answers, self.requests = answers, []


@asynccontextmanager
async def hook(*answers: int) -> AsyncIterator[Hook]:
    found = Hook(answers)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def agreed(server: Hook, **more: object) -> str:
    entry = {"webhook": f"http://127.0.0.1:{server.port}/erasures", "key": SECRET, "inside": True, **more}
    return json.dumps({PORTAL_HOST: entry})


@dataclass(frozen=True)
class Notified:
    """An installation and the servers of two recipients; a third has an address inside."""

    pipeline: Pipeline
    portal_host: Hook
    mailing_provider: Hook


@pytest_asyncio.fixture(scope="module")
async def notified(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Notified]:
    async with hook(200) as portal_host, hook(204) as mailing_provider:
        [way] = json.loads(agreed(mailing_provider)).values()
        bank = {"webhook": "https://localhost/erasures", "key": SECRET}
        ways = {**json.loads(agreed(portal_host)), "Mailing provider": way, "Bank": bank}
        folder = tmp_path_factory.mktemp("recipients")
        async with running(parts, folder, HABEAS_RECIPIENTS=json.dumps(ways)) as pipeline:
            yield Notified(pipeline, portal_host, mailing_provider)


def verified(headers: dict[str, str], body: bytes) -> bool:
    """Check as any implementation of Standard Webhooks does."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    return f"v1,{made}" in headers["webhook-signature"].split(" ")


async def once(pipeline: Pipeline, case: str, what: str, recipient: str = PORTAL_HOST) -> dict[str, object]:
    """Return the one fact of that kind about *recipient*, once it is there."""

    async def there() -> list[dict[str, object]]:
        return await told(pipeline, case, what, recipient)

    found: list[dict[str, object]] = await eventually(there, WITHIN)
    [only] = found
    return only


async def untold(pipeline: Pipeline, case: str, name: str) -> bool:
    """Tell whether the page of *case* says that *name* could not be told."""
    return name in (await pipeline.page(case))["untold"]


async def told_by_now(pipeline: Pipeline, case: str, name: str) -> bool:
    """Tell whether the page of *case* does not say so any more."""
    return not await untold(pipeline, case, name)


async def failed_for(pipeline: Pipeline, reason: str) -> set[str]:
    """Return whom ``habeas recipients --failed`` lists for *reason*."""
    code, output, _ = await command(pipeline, "recipients", "--failed", "--as", "dana.muster", "--json")
    assert code == 1
    return {row["recipient"] for row in json.loads(output) if row["reason"] == reason}


async def fails_for(pipeline: Pipeline, reason: str, *names: str) -> bool:
    """Return whether ``habeas recipients --failed`` lists *names* alone for *reason*."""
    return await failed_for(pipeline, reason) == set(names)


async def states_of(pipeline: Pipeline, case: str) -> dict[str, str]:
    """Return the states of the notices about *case*, as ``habeas recipients`` lists them."""
    code, output, _ = await command(pipeline, "recipients", "--as", "dana.muster", "--json")
    assert code == 0
    return {row["recipient"]: row["state"] for row in json.loads(output) if row["case"] == case}


async def told(
    pipeline: Pipeline, case: str, what: str, recipient: str = PORTAL_HOST
) -> list[dict[str, object]]:
    """Return the facts of that kind about *recipient*."""
    rows = await pipeline.rows("fulfillment", case=case)
    facts = [fact for row in rows for fact in row["facts"] if fact["type"] == f"habeas.recipient.{what}.v1"]
    return [fact["data"] for fact in facts if fact["data"]["recipient"] == recipient]


async def test_recipient_is_notified_until_it_has_acknowledged(notified: Notified) -> None:
    pipeline, server = notified.pipeline, notified.portal_host
    server.answer(500, 200)
    _, free = await pipeline.people_by_contract()
    person = free[0]
    case = await pipeline.verified("erasure", person)
    await once(pipeline, case, "acknowledged")

    assert len(server.requests) == 2
    first, second = server.requests
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert all(verified(headers, body) for headers, body in server.requests)
    message = json.loads(second[1])
    assert message["type"] == "habeas.subject.erased.v1"
    hashed = hmac.new(KEY, person.email.casefold().encode(), hashlib.sha256).hexdigest()
    assert message["data"]["identifiers"] == {"email": hashed}
    assert person.email.encode() not in second[1]
    assert await told(pipeline, case, "failed") == []

    # A recipient without an agreed way is left to the staff.
    failed = await once(pipeline, case, "failed", "Tax adviser")
    assert failed["reason"] == "no_way_agreed"
    await comes_true(lambda: untold(pipeline, case, "Tax adviser"))

    def outcomes() -> list[str]:
        return [one.body() for one in pipeline.letters_to(person, case) if "We erased" in one.body()]

    [letter] = await eventually(outcomes)
    telling, by_hand = letter.split("Our staff will also ask these recipients to erase it:")
    asked, named = telling.split("We will also ask these recipients to erase it:")
    assert f"- {PORTAL_HOST}" in named
    assert PORTAL_HOST not in asked + by_hand
    assert "Tax adviser" in by_hand
    assert "We told" not in letter
    rows = await pipeline.rows("fulfillment", case=case)
    names = {f["data"]["recipient"] for r in rows for f in r["facts"] if "concerned" in f["type"]}
    assert len(names) > 1

    async def listed() -> bool:
        states = await states_of(pipeline, case)
        known = (states.get(PORTAL_HOST), states.get("Tax adviser")) == ("acknowledged", "failed")
        return known and set(states) == names

    await comes_true(listed)
    assert "Tax adviser" in await failed_for(pipeline, "no_way_agreed")


async def test_a_recipient_hears_of_an_objection_as_well(notified: Notified) -> None:
    pipeline, server = notified.pipeline, notified.mailing_provider
    person = (await pipeline.people())[0]
    await subscribe(pipeline, person)
    server.answer(204)
    case = await pipeline.lodge(person.asks("objection", details={"scope": ["direct_marketing"]}))
    fact = await once(pipeline, case, "acknowledged", "Mailing provider")
    assert fact["about"] == "habeas.subject.objected.v1"
    assert json.loads(server.requests[0][1])["type"] == "habeas.subject.objected.v1"


async def test_a_recipient_that_never_answers_well_is_left_to_the_staff(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with (
        hook(500) as server,
        running(parts, tmp_path, HABEAS_RECIPIENTS=agreed(server), HABEAS_RETRY_FOR="PT4S") as pipeline,
    ):
        for person in (await pipeline.people())[2:]:
            server.answer(500)
            case = await pipeline.verified("erasure", person)
            failed = await once(pipeline, case, "failed")
            assert failed["reason"] == "unreachable"
            if len(server.requests) > 1:
                break  # else the first try was so late that it was the last
        assert len(server.requests) > 1
        [id_] = {headers["webhook-id"] for headers, _ in server.requests}
        assert (await pipeline.parked())["fulfillment"] == []
        await comes_true(lambda: untold(pipeline, case, PORTAL_HOST))
        await comes_true(lambda: fails_for(pipeline, "unreachable", PORTAL_HOST))

        server.answers, tried = (200,), len(server.requests)
        retry = ("recipients", "retry", "--recipient", PORTAL_HOST, "--as", "dana.muster")
        code, output, _ = await command(pipeline, *retry)
        assert code == 0
        assert f"{case}: sent again" in output.splitlines()
        await once(pipeline, case, "acknowledged")
        again = [headers["webhook-id"] for headers, _ in server.requests[tried:]]
        assert again.count(id_) == 1, "known again by its id"
        await comes_true(lambda: told_by_now(pipeline, case, PORTAL_HOST))
        await comes_true(lambda: fails_for(pipeline, "unreachable"))


async def test_redirects_and_internal_addresses_of_recipients_are_refused(notified: Notified) -> None:
    pipeline, server = notified.pipeline, notified.portal_host
    server.answer(302)
    _, free = await pipeline.people_by_contract()
    case = await pipeline.verified("erasure", free[-1])
    failed = await once(pipeline, case, "failed")
    assert failed["reason"] == "refused"
    assert len(server.requests) == 1
    failed = await once(pipeline, case, "failed", "Bank")
    assert failed["reason"] == "not_allowed"
