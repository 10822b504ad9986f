"""Letters are read once each, from a folder and from Mailpit, whatever order they are listed in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.public.letters import FolderLetters, MailpitLetters, letter_of
from habeas.embedded.parts.ports import HOST
from tests.images.mail.mailpit import Api, Caught, Mailbox

LETTER = """\
Delivered-To: Ada@Example.org
To: Ada Example <ada@example.org>
Message-ID: <m{number}@example.com>
X-Habeas-Request: 0123456789abcdef0123456789abcdef
Subject: Your code

    482 913

This was not me: stop the request:
https://privacy.example.com/stop/abc-DEF
"""


def letter(number: int) -> bytes:
    return LETTER.format(number=number).encode()


def test_letter_has_mailbox_request_code_and_the_link_for_people_who_did_not_ask() -> None:
    found = letter_of(letter(1))
    assert found.recipients == ("ada@example.org",)
    assert found.request_id == "0123456789abcdef0123456789abcdef"
    assert found.message_id == "m1@example.com"
    assert found.code == "482 913"
    assert found.stop_path == "/stop/abc-DEF"


async def test_letter_that_is_listed_late_is_read(tmp_path: Path) -> None:
    letters = FolderLetters(tmp_path)
    for name in ("2", "1", "3"):
        (tmp_path / f"{name}.eml").write_bytes(letter(int(name)))
        assert [one.message_id for one in await letters.fetch()] == [f"m{name}@example.com"]
    assert await letters.fetch() == []


async def test_letters_of_other_installations_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(letter(1))
    assert await FolderLetters(tmp_path, link="https://other.example.com").fetch() == []
    assert await FolderLetters(tmp_path, link="https://privacy.example.com").fetch()


@contextmanager
def mailpit() -> Iterator[tuple[str, Mailbox]]:
    """Serve the stand-in for Mailpit; yield its URL and its mailbox."""
    server, mailbox = ThreadingHTTPServer((HOST, 0), Api), Mailbox()
    server.mailbox = mailbox  # type: ignore[attr-defined]  # as its own class sets it
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}", mailbox
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
async def test_letters_in_mailpit_are_read_once_and_in_order() -> None:
    with mailpit() as (url, mailbox):
        letters = MailpitLetters(url, page=2)
        for number in range(5):
            caught = Caught(letter(number), "privacy@example.com", ("ada@example.org",))
            mailbox._messages.insert(0, caught)
        assert [one.message_id for one in await letters.fetch()] == [f"m{n}@example.com" for n in range(5)]
        assert await letters.fetch() == []
    assert await letters.fetch() == []
