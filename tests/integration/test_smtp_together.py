"""What is said together to a mail server, and that an answer is never taken for another's."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.notifier.letters.mime import wired
from services.notifier.smtp import mail_channel
from services.notifier.smtp.server import MailInDoubt, NoSuchMailbox, Unreachable
from shared.errors import MailUnavailable
from tests.integration.mail_server import LETTER, RECIPIENT, SENDER, failure, opened
from tests.waiting import eventually

FINE = {"EHLO": "250-mail.example.com\r\n250 PIPELINING", "DATA": "354 Go on", "QUIT": "221 Bye"}
ONE_BY_ONE = {"EHLO": "250 mail.example.com"}
END = b"\r\n.\r\n"


@dataclass
class Script:
    """A mail server that gives to each verb the answer that is written down, whatever came before it."""

    answers: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    """What came, in the portions it came in, since the greeting."""
    letters: list[bytes] = field(default_factory=list)
    open: list[asyncio.Transport] = field(default_factory=list)
    connections: int = 0
    most: int = 100
    """Connections that it takes at a time."""
    goes_after: int = 1_000
    """Letters after which it closes all connections, and takes none any more."""

    def answer(self, verb: str) -> bytes:
        return ({**FINE, **self.answers}.get(verb, "250 Fine") + "\r\n").encode()

    def go_away(self) -> None:
        if len(self.letters) >= self.goes_after:
            self.most = 0
            for transport in self.open:
                transport.close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class Reader(asyncio.Protocol):
    """One connection to it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.held = b""
        self.in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.script.connections += 1
        self.script.open = [one for one in self.script.open if not one.is_closing()] + [transport]
        if len(self.script.open) > self.script.most:
            transport.write(b"421 4.7.0 Too many connections\r\n")
            transport.close()
        else:
            transport.write(b"220 mail.example.com\r\n")

    def data_received(self, data: bytes) -> None:
        self.script.heard.append(data)
        self.held += data
        while not self.transport.is_closing() and self.read():
            pass

    def read(self) -> bool:
        if self.in_letter:
            content, end, rest = (b"\r\n" + self.held).partition(END)
            if end:
                self.script.letters.append(content.removeprefix(b"\r\n"))
                self.held, self.in_letter = rest, False
                self.transport.write(self.script.answer("."))
                self.script.go_away()
            return bool(end)
        line, end, rest = self.held.partition(b"\r\n")
        if end:
            self.held = rest
            verb = line[:4].decode()
            answer = self.script.answer(verb)
            self.in_letter = verb == "DATA" and answer.startswith(b"354")
            self.transport.write(answer)
        return bool(end)


@asynccontextmanager
async def reading(script: Script) -> AsyncIterator[Script]:
    server = await asyncio.get_running_loop().create_server(lambda: Reader(script), "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        for transport in script.open:
            transport.abort()
        server.close()
        await server.wait_closed()


def portions(script: Script) -> list[list[bytes]]:
    """Return the verbs of each portion that came, a letter as its end."""
    return [[b"."] if one.endswith(END) else [line[:4] for line in one.splitlines()] for one in script.heard]


async def test_the_commands_of_one_letter_are_said_together_and_the_letter_when_it_may_come() -> None:
    async with reading(Script()) as script, opened(script.url) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)
        await channel.send(SENDER, RECIPIENT, LETTER)
    assert portions(script) == [
        [b"EHLO"],
        [b"MAIL", b"RCPT", b"DATA"],
        [b"."],
        [b"MAIL", b"RCPT", b"DATA"],
        [b"."],
        [b"QUIT"],
    ]


async def test_a_server_that_does_not_offer_it_hears_one_command_after_the_other() -> None:
    async with reading(Script(ONE_BY_ONE)) as script, opened(script.url) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)
    assert portions(script) == [[b"EHLO"], [b"MAIL"], [b"RCPT"], [b"DATA"], [b"."], [b"QUIT"]]


async def test_letter_without_recipient_ends_before_it_begins() -> None:
    unknown = {"RCPT": "550 5.1.1 Unknown", ".": "554 5.5.1 To nobody"}
    async with reading(Script(unknown)) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is NoSuchMailbox
        assert script.letters == [b""]
        script.answers = {}
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert (script.connections, len(script.letters)) == (1, 2)


async def test_the_first_answer_that_is_no_consent_counts() -> None:
    refused = {"RCPT": "550 5.1.1 Unknown", "DATA": "503 5.5.1 To whom?"}
    async with reading(Script(refused)) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is NoSuchMailbox
        assert script.letters == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_says_that_it_closes_is_not_waited_for(verb: str) -> None:
    closing = {verb: "421 4.3.2 Closing"}
    async with reading(Script(closing)) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is MailUnavailable
        assert script.letters == []


async def test_a_server_that_takes_its_leave_back_at_once_leaves_no_doubt() -> None:
    regrets = {"DATA": "354 Go on\r\n421 4.3.2 Closing"}
    async with reading(Script(regrets)) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is MailUnavailable
        assert script.letters == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
async def test_an_answer_too_many_hands_over_nothing(verb: str) -> None:
    async with reading(Script({verb: "250 Fine\r\n250 Fine"})) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is MailUnavailable
        assert script.letters == []


@pytest.mark.parametrize("said", ["25 Fine", "Fine"])
async def test_what_has_no_code_of_three_digits_is_no_answer(said: str) -> None:
    async with reading(Script({"RCPT": said})) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is MailUnavailable
        assert script.letters == []


async def test_an_answer_too_many_is_not_taken_for_the_next_letters() -> None:
    refusing = {".": "250 Fine\r\n550 5.1.1 Not this one"}
    async with reading(Script(refusing)) as script, opened(script.url) as channel:
        assert await channel.send(SENDER, RECIPIENT, LETTER) == "250"
        assert await channel.send(SENDER, RECIPIENT, LETTER) == "250"
        assert script.connections == 2


async def test_mail_server_that_speaks_unasked_gets_a_new_connection() -> None:
    async with reading(Script()) as script, opened(script.url) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)
        script.open[0].write(b"250 Fine\r\n")
        await eventually(script.open[0].is_closing)
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert script.connections == 2


async def test_an_answer_of_several_lines_is_one() -> None:
    lines = {".": "250-2.0.0 Thank you\r\n250 2.0.0 queued as 4F2A1B"}
    async with reading(Script(lines)) as script, opened(script.url) as channel:
        assert await channel.send(SENDER, RECIPIENT, LETTER) == "250 2.0.0 4F2A1B"


async def test_an_answer_without_end_leaves_the_letter_in_doubt() -> None:
    endless = {".": "250-Fine\r\n" * 10_000 + "250 Fine"}
    async with reading(Script(endless)) as script, opened(script.url) as channel:
        assert type(await failure(channel)) is MailInDoubt


async def test_a_server_that_takes_fewer_connections_than_we_want_takes_all_letters_over_them() -> None:
    async with reading(Script(most=2)) as script, opened(script.url, connections=6) as channel:
        await asyncio.gather(*(channel.send(SENDER, RECIPIENT, LETTER) for _ in range(20)))
        assert len(script.letters) == 20


async def test_a_server_that_takes_no_connection_is_waited_for_by_nobody() -> None:
    async with reading(Script(most=0)) as script, opened(script.url, connections=6) as channel:
        sending = [channel.send(SENDER, RECIPIENT, LETTER) for _ in range(6)]
        failures = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(one) for one in failures] == [Unreachable] * 6
        assert script.connections == 6


async def test_waiting_letter_takes_the_next_free_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_channel, "ASK_AGAIN_S", 0.01)
    async with reading(Script(most=1)) as script, opened(script.url, connections=2) as channel:
        async with channel.line() as line:
            await line.send(SENDER, RECIPIENT, wired(LETTER))
            waiting = asyncio.create_task(channel.send(SENDER, RECIPIENT, LETTER))
            await eventually(lambda: script.connections > 2)
            assert len(script.letters) == 1
            script.most = 2
            await waiting
        assert len(script.letters) == 2
