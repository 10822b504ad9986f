"""
The raw floor of a campaign: ``python -m bench.campaign_floor WAY URL CONNECTIONS LETTERS``.

Letters that are all made before the clock runs go out over so many connections, one right after the other;
nothing is read, looked up or written down. Ways: ``bare`` takes the steps that ours takes; ``client`` calls
the ``sendmail`` of the client library. Prints seconds, and those of a processor.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr

import aiosmtplib
import uvloop

from bench.breach_fixture import address, batches, declared
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from services.notifier.letters.letter_models import AuthorityContact, Sender
from services.notifier.letters.mime import Wired, wired
from services.notifier.smtp.conversation import Patience
from services.notifier.smtp.server import MailServer, hand_over
from shared.contract.affected_people import MOST_IN_BATCH
from shared.law.library import EXAMPLE, company

FROM = "Example Privacy <privacy@example.com>"
SENDER = parseaddr(FROM)[1]


def house() -> SenderSettings:
    """Return who writes."""
    told = company(EXAMPLE)
    name, mailbox = parseaddr(FROM)
    sender = Sender(name=name, address=mailbox, postal_address=told.postal_address, zone=told.zone)
    return SenderSettings(
        sender, AuthorityContact(told.authority.name, told.authority.url), "http://127.0.0.1:8080"
    )


def letters() -> list[bytes]:
    """Return the letters of two batches, one of each language."""
    made: list[bytes] = []
    for batch in batches(2 * MOST_IN_BATCH):
        circumstances = Circumstances("0" * 32, False, False, datetime.now(UTC))
        notices = Notices.to_batch(declared(), circumstances, batch, house())
        made += [notices.of(one, message_id=f"<{one.key}@example.com>") for one in batch.people]
    return made


async def by_client(server: MailServer, numbers: Iterator[int], made: Sequence[bytes]) -> None:
    """Send one letter after the other as the client library does."""
    async with aiosmtplib.SMTP(hostname=server.host, port=server.port) as client:
        for number in numbers:
            await client.sendmail(SENDER, address(number), made[number % len(made)])


async def as_ours(server: MailServer, numbers: Iterator[int], made: Sequence[Wired]) -> None:
    """Send one letter after the other by our own steps."""
    talk = await server.connect(Patience(), None)
    for number in numbers:
        await hand_over(talk, SENDER, address(number), made[number % len(made)])
    await talk.quit()


async def main(way: str, url: str, connections: int, count: int) -> None:
    """Send *count* letters."""
    server, made, numbers = MailServer.parse(url), letters(), iter(range(count))
    ready = list(map(wired, made))
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(
        *(
            by_client(server, numbers, made) if way == "client" else as_ours(server, numbers, ready)
            for _ in range(connections)
        )
    )
    print(time.perf_counter() - began, time.process_time() - used, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
