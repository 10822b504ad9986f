"""Unauthenticated clients that try to hold the memory, the connections or the mailboxes of the product."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from services.intake.pages.centre.form import OPTIONS
from services.intake.pages.csrf import FORMS_PER_REQUEST
from tests.attacks.test_code_guessing import at
from tests.integration.forked_processes import said
from tests.integration.pipeline import SHOP, Pipeline, Somebody, comes_true, now, prepared
from tests.waiting import LONG

INBOX = "privacy@fernlicht.example"
MIB = 1 << 20
MOST_GROWTH = 300 * MIB
"""Forms and mails in flight are limited to 96 MiB each, and take up to three times as much memory."""
MOST_LETTERS = 6
PUBLIC_REQUESTS = 40
VICTIM = Somebody("ada@example.org", "Ada Example")


@pytest_asyncio.fixture(scope="module")
async def product(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with prepared(
        parts,
        tmp_path_factory.mktemp("product"),
        HABEAS_LETTERS_PER_DAY=str(MOST_LETTERS),
        HABEAS_PUBLIC_REQUESTS_PER_HOUR=str(PUBLIC_REQUESTS),
        HABEAS_INBOX_ADDRESS=INBOX,
        HABEAS_INBOX_PORT=str(free_port()),
    ) as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


def memory_of(product: Pipeline) -> int:
    """Return the bytes of memory that the services hold."""
    assert product.process is not None
    status = Path(f"/proc/{product.process.pid}/status").read_text(encoding="ascii")
    [held] = re.findall(r"VmRSS:\s+(\d+) kB", status)
    return int(held) * 1024


async def upload_unfinished(product: Pipeline, case: str) -> asyncio.StreamWriter:
    """Begin to upload a form of 20 MiB, and leave it at that."""
    _, writer = await asyncio.open_connection(HOST, product.http.base_url.port)
    part = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\n'
    head = (
        f"POST /v1/requests/{case}/proofs HTTP/1.1\r\nHost: intake\r\nContent-Length: {21 * MIB}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    writer.write(head.encode())
    for slot in (b"identity", b"address"):
        writer.write(part % slot + bytes(9 * MIB) + b"\r\n")
    await drained(writer)
    return writer


async def mail_unfinished(product: Pipeline) -> asyncio.StreamWriter:
    """Begin to send a mail of 30 MiB, and leave it at that."""
    reader, writer = await asyncio.open_connection(HOST, int(product.settings["HABEAS_INBOX_PORT"]))
    for line in ("EHLO x", "MAIL FROM:<a@example.org>", f"RCPT TO:<{INBOX}>", "DATA"):
        writer.write(f"{line}\r\n".encode())
        await asyncio.sleep(0.05)
    writer.write((b"a" * 998 + b"\r\n") * (30 * MIB // 1000))
    await drained(writer)
    del reader
    return writer


async def drained(writer: asyncio.StreamWriter) -> None:
    """Send what can be sent: the other side may refuse it, or take no more."""
    try:
        async with asyncio.timeout(10):
            await writer.drain()
    except (ConnectionError, TimeoutError):
        pass


async def test_unfinished_uploads_hold_little_memory_and_others_are_still_served(product: Pipeline) -> None:
    case = await product.lodge(VICTIM.asks("access"))
    before = memory_of(product)
    uploads = await asyncio.gather(*(upload_unfinished(product, case) for _ in range(40)))
    try:
        assert memory_of(product) - before < MOST_GROWTH
        assert (await product.page(case))["id"] == case
    finally:
        for writer in uploads:
            writer.close()


async def test_unfinished_mails_hold_little_memory(product: Pipeline) -> None:
    before = memory_of(product)
    mails = await asyncio.gather(*(mail_unfinished(product) for _ in range(18)))
    try:
        assert memory_of(product) - before < MOST_GROWTH
    finally:
        for writer in mails:
            writer.close()


async def test_half_sent_requests_are_cut(product: Pipeline) -> None:
    connections = [await asyncio.open_connection(HOST, product.http.base_url.port) for _ in range(45)]
    for _, writer in connections:
        writer.write(b"POST /v1/requests HTTP/1.1\r\nHost: intake\r\nContent-")
    try:
        async with asyncio.timeout(LONG.total_seconds()):
            rests = await asyncio.gather(*(reader.read() for reader, _ in connections))
        assert set(rests) == {b""}
    finally:
        for _, writer in connections:
            writer.close()


async def alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the first line of an answer, after which the connection stays open; empty if it was refused."""
    writer.write(b"GET /livez HTTP/1.1\r\nHost: intake\r\n\r\n")
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


async def test_one_network_gets_so_many_connections_and_no_more(product: Pipeline) -> None:
    connections = [await asyncio.open_connection(HOST, product.http.base_url.port) for _ in range(80)]
    try:
        answers = [await alive(reader, writer) for reader, writer in connections]
        assert answers.count(b"") >= 30
    finally:
        for _, writer in connections:
            writer.close()


def most_letters(begun: datetime) -> int:
    """Return how many letters one mailbox may get from *begun* until now: the limit is of a day in UTC."""
    return MOST_LETTERS * ((now().date() - begun.date()).days + 1)


async def test_requests_in_a_strangers_name_cause_few_letters(product: Pipeline) -> None:
    begun, victim = now(), Somebody("cleo@example.org", "Cleo Example")
    cases = [await product.lodge(victim.asks("access")) for _ in range(20)]

    async def all_decided() -> bool:
        sent = [
            row
            for service in ("notifier", "codes")
            for row in await product.rows(service, case={"$in": cases})
            if any(fact["type"].startswith("habeas.notice.") for fact in row["facts"])
        ]
        return len(sent) >= 20

    await comes_true(all_decided, LONG)
    assert len(product.letters_to(victim)) <= most_letters(begun)

    async def undelivered() -> bool:
        return any([(await product.page(case))["undelivered"] for case in cases])

    await comes_true(undelivered)


async def test_requests_without_proof_cause_few_letters_and_are_carried_out(product: Pipeline) -> None:
    """Before, 36 requests that need no proof sent 42 letters to one mailbox."""
    begun, victim = now(), (await product.people())[5]
    async with at(product, "127.0.0.9") as stranger:
        answers = [
            await stranger.post("/v1/requests", json=victim.asks(right))
            for right in ("opt_out_of_sale", "consent_withdrawal", "limit_sensitive_use")
            for _ in range(12)
        ]
    cases = [answer.raise_for_status().json()["id"] for answer in answers]

    async def all_answered() -> bool:
        return all([(await product.page(case))["outcome"] for case in cases])

    await comes_true(all_answered, LONG)

    async def all_decided() -> bool:
        rows = await product.rows("notifier", case={"$in": cases})
        facts = [fact for row in rows for fact in row["facts"]]
        notices = [fact for fact in facts if fact["type"].startswith("habeas.notice.")]
        return sum("'letter': 'outcome'" in str(notice) for notice in notices) >= len(cases)

    await comes_true(all_decided, LONG)
    assert len(product.letters_to(victim)) <= most_letters(begun)


async def head_alone(product: Pipeline, path: str) -> str:
    """Send the head of a form from 127.0.0.8 and none of its body; return the status line."""
    address = ("127.0.0.8", 0)
    reader, writer = await asyncio.open_connection(HOST, product.http.base_url.port, local_addr=address)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {product.http.base_url.host}\r\nContent-Length: 100000\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    writer.write(head.encode())
    try:
        async with asyncio.timeout(LONG.total_seconds()):
            return (await reader.readline()).decode()
    finally:
        writer.close()


async def test_forms_are_counted_before_their_bodies_are_read(product: Pipeline) -> None:
    """Before, forms of the privacy centre were parsed first, and invalid ones were not counted."""
    case = await product.lodge(Somebody("gil@example.org", "Gil Example").asks("access"), source=SHOP)
    form = next(iter(OPTIONS.values())).where
    async with at(product, "127.0.0.8") as stranger:
        typed = {"name": "Gil Example", "step": "change"}
        first = [(await stranger.post(form, data=typed)).status_code for _ in range(20)]
        for _ in range(FORMS_PER_REQUEST * PUBLIC_REQUESTS - len(first)):
            last = await stranger.post("/find", data={"reference": "0" * 32})
    assert set(first) <= {200, 422}
    assert last.status_code == 404
    paths = (form, "/find", *(f"/requests/{case}/{part}" for part in ("code", "alias", "details", "appeal")))
    for path in paths:
        assert " 429 " in await head_alone(product, path), path


async def test_forwarded_address_of_a_client_is_not_believed(product: Pipeline) -> None:
    """A client that names another address for each request would have an allowance for each."""
    body = Somebody("dora@example.org", "Dora Example").asks("access")
    answers = [
        await product.http.post(
            "/v1/requests", json=body, headers={"X-Forwarded-For": f"198.51.100.{number}"}
        )
        for number in range(PUBLIC_REQUESTS + 1)
    ]
    assert answers[-1].status_code == 429


async def test_missing_proxy_setting_behind_tls_is_a_startup_error(product: Pipeline) -> None:
    environment = {**product.environment, "HABEAS_PUBLIC_URL": "https://privacy.example.com"}
    code, _, complaint = await said("habeas", ("serve", "intake"), environment)
    assert code == 2
    assert "HABEAS_TRUSTED_PROXIES" in complaint
