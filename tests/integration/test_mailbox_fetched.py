"""Mail is fetched from a real IMAP server, once, and put away when it is durable."""

import asyncio
import imaplib
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process
from services.intake.channels.email import inbox
from services.intake.channels.email.inbox import ImapAccount, ImapSession, MailboxUnavailable, MailboxWatcher
from services.intake.channels.email.service import MailDeferred, MailEnvelope
from shared.errors import PermanentError, StoreUnavailable
from tests.conftest import missing
from tests.waiting import eventually

PASSWORD = "correct horse"
ACCENTED = "Straße né 京"
NOBODY = 65534
CONFIGURATION = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
auth_allow_cleartext = yes
auth_username_chars =
mail_driver = maildir
mail_path = {folder}/mail/%{{user}}
mail_uid = 65534
mail_gid = 65534
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb static {{
  password = {password}
}}
passdb accented {{
  driver = static
  passdb_static_password = {accented}
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
  }}
}}
"""


class Desk:
    """Takes everything, unless a test says otherwise."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.trouble: dict[bytes, Exception] = {}
        self.tried = 0

    async def take(self, content: bytes, envelope: MailEnvelope) -> str:
        assert envelope.sender is None, "nobody knows it"
        self.tried += 1
        for words, error in self.trouble.items():
            if words in content:
                raise error
        self.taken.append(content)
        return "opened"


class Server:
    """A mailbox of a test's own, seen by somebody else as well."""

    def __init__(self, port: int) -> None:
        self.port, self.user = port, f"{uuid.uuid4().hex}@example.com"
        self.desk = Desk()

    @property
    def account(self) -> ImapAccount:
        return ImapAccount(HOST, self.port, tls=False, user=self.user, password=PASSWORD, folder="INBOX")

    async def put(self, *bodies: str) -> None:
        async with ImapSession.opened(self.account, None) as session:
            for body in bodies:
                mail = EmailMessage()
                mail["From"], mail["To"], mail["Subject"] = "ada@example.org", self.user, "Hello"
                mail.set_content(body)
                await asyncio.to_thread(session.client.append, "INBOX", "", "", bytes(mail))

    def mailbox(self, *, done: str = "Habeas", look_every_s: float = 20) -> MailboxWatcher:
        return MailboxWatcher(self.account, self.desk, done, look_every_s)  # type: ignore[arg-type]

    async def seen(self, folder: str) -> list[bytes]:
        """Return what lies in *folder*."""
        async with ImapSession.opened(self.account, None) as session:
            await session.ask("SELECT", folder)
            [found] = await session.done("search", "UID", "SEARCH", "ALL")
            parts = [
                (await session.ask("UID", "FETCH", uid, "(BODY.PEEK[])"))[1] for uid in found.decode().split()
            ]
        return [part[1] for each in parts for part in each if isinstance(part, tuple)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dovecot() -> AsyncIterator[int]:
    """Port of an IMAP server on which everybody has a mailbox."""
    if shutil.which("dovecot") is None or os.geteuid():
        missing("dovecot is not installed (scripts/setup-tests), or this is not root")
    with tempfile.TemporaryDirectory(prefix="imap") as name:  # its sockets want a short path
        folder, port = Path(name), free_port()
        words = ("dovecot", "-F", "-c", str(configured(folder, port)))
        command = Command(words, folder, folder / "out", dict(os.environ))
        process = await Process.start(command)
        up: bool = await eventually(partial(_answers, port))
        assert up
        yield port
        await process.kill()


def configured(folder: Path, port: int) -> Path:
    """Return the configuration of a server that keeps its mail in *folder*."""
    folder.chmod(0o755)
    (folder / "mail").mkdir()
    os.chown(folder / "mail", NOBODY, NOBODY)
    file = folder / "dovecot.conf"
    values = {"folder": folder, "port": port, "password": PASSWORD, "accented": ACCENTED}
    file.write_text(CONFIGURATION.format(**values), encoding="utf-8")
    return file


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
def server(dovecot: int) -> Server:
    return Server(dovecot)


async def test_mail_is_taken_in_and_moved(server: Server) -> None:
    await server.put("first", "second")
    await server.mailbox().work()
    assert [b"first" in server.desk.taken[0], b"second" in server.desk.taken[1]] == [True, True]
    assert await server.seen("INBOX") == []
    assert len(await server.seen("Habeas")) == 2
    await server.mailbox().work()
    assert len(server.desk.taken) == 2


async def test_mail_that_cannot_be_taken_in_now_stays(server: Server) -> None:
    await server.put("first", "second")
    server.desk.trouble[b"first"] = StoreUnavailable("the database does not answer")
    with pytest.raises(StoreUnavailable):
        await server.mailbox().work()
    assert len(await server.seen("INBOX")) == 2
    server.desk.trouble.clear()
    await server.mailbox().work()
    assert len(server.desk.taken) == 2
    assert await server.seen("INBOX") == []


async def test_a_sender_who_has_to_wait_keeps_no_other_waiting(server: Server) -> None:
    await server.put("flood", "second")
    server.desk.trouble[b"flood"] = MailDeferred("too much")
    await server.mailbox().work()
    assert len(server.desk.taken) == 1
    assert len(await server.seen("INBOX")) == 1


async def test_a_mail_that_can_never_be_taken_in_is_flagged_and_no_bar_to_others(server: Server) -> None:
    await server.put("damaged", "second")
    server.desk.trouble[b"damaged"] = PermanentError("sealed data does not open")
    await server.mailbox().work()
    assert len(server.desk.taken) == 1
    [left] = await server.seen("INBOX")
    assert b"damaged" in left
    server.desk.trouble.clear()
    await server.mailbox().work()
    assert len(server.desk.taken) == 1, "people look at it"


async def test_a_mailbox_that_does_not_answer_is_tried_again(server: Server) -> None:
    server.port = free_port()
    with pytest.raises(MailboxUnavailable) as error:
        await server.mailbox().work()
    assert server.user not in str(error.value)


async def test_a_mailbox_that_does_not_let_us_in_is_tried_again(server: Server) -> None:
    account = replace(server.account, password="wrong")
    with pytest.raises(MailboxUnavailable, match="refused to log in"):
        await MailboxWatcher(account, server.desk, "").work()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("user", "password", "folder"),
    [
        pytest.param("zoë@example.com", PASSWORD, "INBOX", id="user"),
        pytest.param("ada@example.com", ACCENTED, "INBOX", id="password"),
        pytest.param("eva@example.com", PASSWORD, "Anträge & 依頼", id="folder"),
        pytest.param("eva@example.com", PASSWORD, "R&D", id="sign of modified UTF-7"),
    ],
)
async def test_accounts_and_folders_may_have_any_letters(
    server: Server, user: str, password: str, folder: str
) -> None:
    account = replace(server.account, user=user, password=password, folder=folder)
    async with ImapSession.opened(account, None) as session:
        await session.ask("CREATE", inbox._folder(folder))
        mail = b"Subject: Hello\r\n\r\nany letters"
        await asyncio.to_thread(session.client.append, inbox._folder(folder), "", "", mail)
    await MailboxWatcher(account, server.desk, f"{folder} erledigt").work()  # type: ignore[arg-type]
    assert len(server.desk.taken) == 1


def test_folder_in_modified_utf_7_is_taken_as_it_is() -> None:
    assert inbox._folder("Entw&APw-rfe") == inbox._folder("Entwürfe") == '"Entw&APw-rfe"'


async def test_without_a_folder_mail_stays_and_is_marked(server: Server) -> None:
    await server.put("first")
    await server.mailbox(done="").work()
    await server.mailbox(done="").work()
    assert len(server.desk.taken) == 1
    assert len(await server.seen("INBOX")) == 1


async def test_two_replicas_do_not_fail_over_one_mail(server: Server) -> None:
    await server.put(*map(str, range(5)))
    await asyncio.gather(server.mailbox().work(), server.mailbox().work())
    assert len(set(server.desk.taken)) == 5
    assert await server.seen("INBOX") == []


async def test_looking_goes_on_after_an_outage(server: Server) -> None:
    await server.put("first")
    server.desk.trouble[b"first"] = StoreUnavailable("the database does not answer")
    looking = asyncio.create_task(server.mailbox(look_every_s=0.01).run())
    await eventually(lambda: server.desk.tried)
    server.desk.trouble.clear()
    await eventually(lambda: server.desk.taken)
    looking.cancel()
    await asyncio.wait([looking])


async def test_connection_that_is_made_after_a_cancellation_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect, made = inbox._connected, list[imaplib.IMAP4]()
    begun, held = threading.Event(), threading.Event()

    def slowly(*arguments: Any) -> imaplib.IMAP4:
        begun.set()
        held.wait()
        made.append(connect(*arguments))
        return made[0]

    monkeypatch.setattr(inbox, "_connected", slowly)
    async with await asyncio.start_server(SilentServer().serve, HOST, 0) as listening:
        mailbox = Server(listening.sockets[0].getsockname()[1]).mailbox()
        looking = asyncio.create_task(mailbox.run())
        await asyncio.to_thread(begun.wait)
        looking.cancel()
        await asyncio.wait([looking])
        held.set()
        await eventually(lambda: made and made[0].sock.fileno() == -1)


class SilentServer:
    """Greets, lets everybody in, and then answers no command."""

    def __init__(self) -> None:
        self.silent = threading.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := await reader.readline():
            tag, command, *_ = line.decode("ascii").split()
            if command == "CAPABILITY":
                writer.write(b"* CAPABILITY IMAP4rev1\r\n")
            if command in {"CAPABILITY", "LOGIN"}:
                writer.write(f"{tag} OK done\r\n".encode())
            else:
                self.silent.set()
        writer.close()

    async def cancelled(self, mailbox: MailboxWatcher) -> None:
        looking = asyncio.create_task(mailbox.run())
        await asyncio.to_thread(self.silent.wait)
        looking.cancel()
        await asyncio.wait([looking])


async def test_silent_server_holds_up_no_end_of_the_process() -> None:
    silent = SilentServer()
    async with await asyncio.start_server(silent.serve, HOST, 0) as listening:
        mailbox = Server(listening.sockets[0].getsockname()[1]).mailbox()
        async with asyncio.timeout(45):  # a loop of its own: one that is blocked does not block the bound
            await asyncio.to_thread(asyncio.run, silent.cancelled(mailbox))


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("imaps://ada:secret@mail.example.com", ("mail.example.com", 993, True, "ada", "secret", "INBOX")),
        (
            "imap://a%40b:s%3Ap@127.0.0.1:1143/Privacy%20mail",
            ("127.0.0.1", 1143, False, "a@b", "s:p", "Privacy mail"),
        ),
    ],
)
def test_a_mailbox_is_named_by_its_url(url: str, account: tuple[Any, ...]) -> None:
    found = ImapAccount.parse(url)
    assert (found.host, found.port, found.tls, found.user, found.password, found.folder) == account
    assert account[4] not in repr(found)


@pytest.mark.parametrize(
    "url", ["", "pop3://a:b@c", "imaps://mail.example.com", "imaps://a@b", "imaps://a:b@"]
)
def test_what_names_no_mailbox_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must look like imaps://user:password@host/INBOX$"):
        ImapAccount.parse(url)
