"""What becomes of a letter that a real mail server is asked to take."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP

import pytest
from aiosmtpd import smtp

from habeas.client.specimens import LETTERS, law_named, letter
from habeas.client.specimens import SENDER as BRANDED
from services.notifier.letters.composer import compose
from services.notifier.smtp.server import (
    Barred,
    MailboxFull,
    MailInDoubt,
    NoSuchMailbox,
    Objected,
    SenderBlamed,
)
from shared.errors import HabeasError, MailRefused, MailUnavailable
from tests.integration.mail_server import (
    IMPATIENT,
    LETTER,
    RECIPIENT,
    SENDER,
    Answer,
    Gate,
    MailHost,
    failure,
    hang_up,
    keep_silent,
    opened,
    running,
    say,
)
from tests.waiting import eventually


@pytest.fixture(params=[True, False], ids=["commands together", "one by one"], autouse=True)
def _pipelining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MailHost, "pipelining", request.param)


async def test_a_letter_arrives_as_it_was_written() -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)
    assert host.taken == [(SENDER, RECIPIENT, LETTER)]


async def test_logo_of_a_letter_arrives_with_the_html_that_names_it() -> None:
    logo = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 200
    sender, written_at = replace(BRANDED, logo=logo), datetime(2026, 3, 5, tzinfo=UTC)
    message = compose(
        letter(LETTERS["code"], (law_named("gdpr"),)),
        sender=sender,
        message_id="<1@example.com>",
        date=written_at,
    ).message
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.send(SENDER, RECIPIENT, message)
    [(_, _, taken)] = host.taken
    parts = {part.get_content_type(): part for part in message_from_bytes(taken, policy=SMTP).walk()}
    assert parts["image/png"].get_payload(decode=True) == logo
    html = parts["text/html"].get_payload(decode=True)
    assert isinstance(html, bytes)
    assert f"cid:{parts['image/png']['Content-ID'].strip('<>')}".encode() in html


async def test_a_lone_line_break_cannot_smuggle_a_second_message() -> None:
    smuggling = b"Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@example.net>\r.\rtwo\r\n"
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.send(SENDER, RECIPIENT, smuggling)
    assert [content.replace(b"\r\n", b"") for _, _, content in host.taken] == [
        b"Subject: xone.MAIL FROM:<evil@example.net>.two"
    ]


# --- what an answer means -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param("450 4.2.1 amelia.ferreira@example.org is busy", MailUnavailable, id="4yz: later"),
        pytest.param("452 4.2.2 amelia.ferreira@example.org is full", MailboxFull, id="4.2.2: full"),
        pytest.param("421 4.3.2 amelia.ferreira@example.org closes", MailUnavailable, id="421: closing"),
    ],
)
async def test_an_answer_that_is_no_consent_says_what_becomes_of_the_letter(
    step: str, answer: str, expected: type[HabeasError]
) -> None:
    async with running(MailHost({step: say(answer)})) as host, opened(host.url) as channel:
        error = await failure(channel)
        assert type(error) is expected
        assert host.taken == []


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param("550 5.1.1 amelia.ferreira@example.org is unknown", NoSuchMailbox, id="nobody"),
        pytest.param("552 5.2.2 amelia.ferreira@example.org is full", MailboxFull, id="full, for good"),
        pytest.param("550 5.7.1 amelia.ferreira@example.org blocks you", Barred, id="policy, of theirs"),
        pytest.param("530 5.7.0 Authenticate first", Objected, id="530: our log-in, not the letter"),
        pytest.param("550 5.7.26 amelia.ferreira@example.org: not signed", Objected, id="5.7: policy"),
        pytest.param("550 5.5.0 amelia.ferreira@example.org: no mailbox", MailRefused, id="5.5: never"),
        pytest.param("554 amelia.ferreira@example.org does not like it", MailRefused, id="5yz: never"),
    ],
)
async def test_once_the_recipient_is_named_an_answer_may_be_about_them(
    step: str, answer: str, expected: type[HabeasError]
) -> None:
    async with running(MailHost({step: say(answer)})) as host, opened(host.url) as channel:
        assert type(await failure(channel)) is expected


@pytest.mark.parametrize("answer", ["550 5.1.1 No", "550 5.5.0 No", "550 5.7.1 No", "530 5.7.0 No"])
async def test_what_is_refused_before_the_recipient_is_named_is_ours(answer: str) -> None:
    async with running(MailHost({"MAIL": say(answer)})) as host, opened(host.url) as channel:
        assert type(await failure(channel)) is SenderBlamed


async def test_error_of_a_refused_letter_holds_only_its_numbers() -> None:
    async with (
        running(MailHost({"RCPT": say("550 5.1.1 No amelia here")})) as host,
        opened(host.url) as channel,
    ):
        assert str(await failure(channel)).endswith(": 550 5.1.1")


async def test_a_connection_serves_the_next_letter_after_a_refusal() -> None:
    async with running(MailHost({"RCPT": say("550 5.1.1 Unknown")})) as host, opened(host.url) as channel:
        await failure(channel)
        host.steps.clear()
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert host.connections == 1
        assert host.taken == [(SENDER, RECIPIENT, LETTER)]


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
@pytest.mark.parametrize("trouble", [hang_up, keep_silent])
async def test_a_connection_lost_before_the_letter_leaves_no_doubt(step: str, trouble: Answer) -> None:
    reached = asyncio.Event()

    async def noted(server: smtp.SMTP) -> str:
        reached.set()
        return await trouble(server)

    async with (
        running(MailHost({step: noted})) as host,
        opened(host.url, patience=IMPATIENT) as channel,
    ):
        while not reached.is_set():  # a machine that stands still does not even greet in time
            error = await failure(channel)
        assert type(error) is MailUnavailable


@pytest.mark.parametrize("trouble", [hang_up, keep_silent])
async def test_a_connection_lost_after_the_letter_leaves_doubt(trouble: Answer) -> None:
    patience = replace(IMPATIENT, answer=timedelta(seconds=30))  # else a slow start is no doubt
    async with running(MailHost({"DATA": trouble})) as host, opened(host.url, patience=patience) as channel:
        assert type(await failure(channel)) is MailInDoubt


async def test_noise_instead_of_an_answer_to_the_letter_leaves_doubt() -> None:
    async with running(MailHost({"DATA": say("amelia?")})) as host, opened(host.url) as channel:
        assert type(await failure(channel)) is MailInDoubt


async def test_an_answer_that_comes_late_is_not_taken_for_the_next_ones() -> None:
    late = Gate()
    async with running(MailHost({"DATA": late})) as host, opened(host.url) as channel:
        first = asyncio.create_task(channel.send(SENDER, RECIPIENT, LETTER))
        await eventually(lambda: host.busy == 1)
        first.cancel()
        await asyncio.wait([first])
        host.steps.clear()
        second = asyncio.create_task(channel.send(SENDER, RECIPIENT, LETTER))
        await eventually(lambda: host.connections == 2)
        late.open.set()
        await second


# --- addresses ---


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("amelia@example.org>\r\nRCPT TO:<evil@example.net", id="a second command"),
        pytest.param("amelia@example.org,evil@example.net", id="two addresses"),
        pytest.param("Amelia <amelia@example.org>", id="a name"),
        pytest.param("amelia", id="no domain"),
        pytest.param("@example.org", id="no mailbox"),
        pytest.param("amelia@" + "x" * 250 + ".example", id="too long"),
        pytest.param("amelia@xn\u2014\ufffd..example", id="no domain name"),
    ],
)
async def test_invalid_address_is_refused_before_the_server_is_asked(address: str) -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        assert type(await failure(channel, address)) is MailRefused
        assert host.connections == 0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("amelia@b\u00fccher.example", "amelia@xn--bcher-kva.example", id="domain: in ASCII"),
        pytest.param("am\u00e9lia@example.org", "am\u00e9lia@example.org", id="mailbox: SMTPUTF8"),
        pytest.param("o'hara+dsar@example.org", "o'hara+dsar@example.org", id="unusual characters"),
        pytest.param("a..b@example.org", "a..b@example.org", id="two dots: the server's business"),
    ],
)
async def test_an_address_reaches_the_server_as_it_can_be_looked_up(address: str, expected: str) -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.send(SENDER, address, LETTER)
    assert [recipient for _, recipient, _ in host.taken] == [expected]
