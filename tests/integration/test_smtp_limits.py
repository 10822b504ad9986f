"""A domain is sent so many letters a minute, by all replicas together; who must wait holds up nobody."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from habeas.embedded.stack import Stack
from services.notifier.domain import LetterCount
from services.notifier.smtp.letter_limits import DomainLimits, MailboxLimits, MailLane, PutOff
from shared.runtime.mongo import Client
from tests.integration.case_events import Writer
from tests.integration.mail_server import MailHost, running
from tests.integration.pipeline import WITHIN, prepared
from tests.waiting import eventually

MINUTE = datetime(2026, 3, 5, 8, 30, 10, tzinfo=UTC)
KEY = b"domains" * 5


class Clock:
    """Stands still until a test moves it."""

    now = MINUTE

    def __call__(self) -> datetime:
        return self.now


def limits(
    client: Client, prefix: str, clock: Clock, lane: str = MailLane.LETTERS, **per_minute: int
) -> DomainLimits:
    allowed = {name.replace("_", "."): number for name, number in per_minute.items()}
    return DomainLimits(client[f"{prefix}_notifier"], KEY, lane, allowed, clock)


async def admitted(*letters: Awaitable[None]) -> int:
    """Return how many of *letters* may go."""
    outcomes = await asyncio.gather(*letters, return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, PutOff) for outcome in outcomes)
    return outcomes.count(None)


async def test_replicas_share_the_limit_of_a_domain(mongo_client: Client, database_prefix: str) -> None:
    clock = Clock()
    replicas = [limits(mongo_client, database_prefix, clock, example_org=5) for _ in range(3)]
    await replicas[0].prepare()
    letters = (replica.admit(f"ada{n}@Example.ORG") for replica in replicas for n in range(10))
    assert await admitted(*letters) == 5


async def test_the_next_minute_begins_anew(mongo_client: Client, database_prefix: str) -> None:
    clock = Clock()
    one = limits(mongo_client, database_prefix, clock, example_org=1)
    assert await admitted(*(one.admit("ada@example.org") for _ in range(3))) == 1
    clock.now += timedelta(minutes=1)
    assert await admitted(*(one.admit("ada@example.org") for _ in range(3))) == 1


async def test_another_domain_is_not_held_up(mongo_client: Client, database_prefix: str) -> None:
    one = limits(mongo_client, database_prefix, Clock(), example_org=1)
    await admitted(*(one.admit("ada@example.org") for _ in range(3)))
    assert await admitted(*(one.admit("ada@example.net") for _ in range(100))) == 100


async def test_another_lane_is_not_held_up(mongo_client: Client, database_prefix: str) -> None:
    clock = Clock()
    letters = limits(mongo_client, database_prefix, clock, example_org=3)
    codes = limits(mongo_client, database_prefix, clock, MailLane.CODES, example_org=1)
    assert await admitted(*(letters.admit("ada@example.org") for _ in range(10))) == 3
    assert await admitted(*(codes.admit("ada@example.org") for _ in range(10))) == 1


async def test_unnamed_source_has_the_limit_of_the_star_for_itself(
    mongo_client: Client, database_prefix: str
) -> None:
    allowed = {"example.org": 3, "*": 1}
    one = DomainLimits(mongo_client[f"{database_prefix}_notifier"], KEY, MailLane.LETTERS, allowed, Clock())
    for domain, most in (("example.org", 3), ("example.net", 1), ("example.com", 1)):
        assert await admitted(*(one.admit(f"ada@{domain}") for _ in range(5))) == most


async def test_a_domain_is_not_kept_in_clear(mongo_client: Client, database_prefix: str) -> None:
    await limits(mongo_client, database_prefix, Clock(), example_org=3).admit("ada@example.org")
    [kept] = await mongo_client[f"{database_prefix}_notifier"]["minutes"].find().to_list(10)
    assert "example" not in str(kept)
    assert kept["letters"] == 1


async def test_a_letter_that_must_wait_leaves_the_way_to_all_others(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with (
        running(MailHost()) as host,
        prepared(
            parts,
            tmp_path,
            customers=0,
            HABEAS_SMTP_URL=host.url,
            HABEAS_MAIL_CONNECTIONS="2",
            HABEAS_MAIL_LIMITS='{"example.org": 3}',
        ) as pipeline,
    ):
        await pipeline.start("notifier")
        await Writer(pipeline).register(*(f"person{n}@example.org" for n in range(40)), "ada@example.net")
        await eventually(lambda: "ada@example.net" in {recipient for _, recipient, _ in host.taken}, WITHIN)
        await eventually(lambda: "HABEAS_MAIL_LIMITS" in pipeline.log.read_text(), WITHIN)
        await pipeline.stop()
        assert len(host.taken) < 40, "most of them wait in the broker"


async def test_flood_of_unproven_letters_holds_back_no_notice_to_another_mailbox(
    mongo_client: Client, database_prefix: str
) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    counts = MailboxLimits(mongo_client[f"{database_prefix}_notifier"], bytes(32), per_day=3)
    unproven = [await counts.admit(LetterCount.UNPROVEN, "ada@example.org", f"a:{n}", noon) for n in range(5)]
    notices = [await counts.admit(LetterCount.NOTICES, "ada@example.org", f"b:{n}", noon) for n in range(5)]
    assert unproven == notices == [True, True, True, False, False]
