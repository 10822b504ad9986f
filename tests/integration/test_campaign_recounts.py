"""What comes back after the end of a campaign is counted again, once for many, and never forgotten."""

import uuid
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from services.notifier.breach.campaign.ledgers import LateBounceCounter, LedgerPage, Ledgers, OpenedBatch
from services.notifier.breach.campaign.outcomes import Failed, NoticeOutcome, NoticeSentOutcome
from services.notifier.breach.campaign.states import Standings
from shared.contract.envelope import decode
from shared.contract.events import DeliveryAction
from shared.contract.events.breaches import BreachNoticeReturned, BreachRecounted, Missed
from shared.errors import BrokerUnavailable
from shared.runtime.broker import Message
from shared.runtime.mongo import Client, Database

INCIDENT = uuid.uuid4().hex


@dataclass
class Office:
    """A phase of three letters, all of which were taken; what is published is kept."""

    ledgers: Ledgers
    standings: Standings
    published: list[Message] = field(default_factory=list)
    broken: bool = False

    @property
    def counts(self) -> list[tuple[int, int]]:
        """What was told of how many were reached, and how many were not."""
        return [(one.sent, one.failed) for one in self.told]

    @property
    def told(self) -> list[BreachRecounted]:
        """What was told."""
        told = [decode(one.body, exchange=one.exchange, content_type=one.content_type, headers=one.headers)
                for one in self.published]  # fmt: skip
        return [one.event for one in told if isinstance(one.event, BreachRecounted)]

    async def publish(self, messages: list[Message]) -> None:
        self.published += messages
        if self.broken:
            raise BrokerUnavailable("it did not confirm")

    async def returned(self, number: int, *, phase: int = 1, batch: int = 0) -> None:
        """Have a letter come back, as the handler does."""
        action = DeliveryAction.FAILED
        await self.ledgers.returned(
            BreachNoticeReturned(
                request_id=INCIDENT, phase=phase, chunk=batch, number=number, action=action, status="5.1.1"
            )
        )
        await self.standings.note_late(INCIDENT, phase)

    async def end(self) -> None:
        assert await self.standings.claim_end(INCIDENT, 1, "0.0")

    async def count(self) -> None:
        await LateBounceCounter(self.ledgers, self.standings, self.publish).count()


@pytest_asyncio.fixture
async def office(mongo_client: Client, database_prefix: str) -> Office:
    database: Database = mongo_client[f"{database_prefix}_campaigns"]
    ledgers, standings = Ledgers(database, by="one"), Standings(database)
    await standings.prepare()
    await standings.begin(INCIDENT, "0" * 16)
    await ledgers.open(
        [OpenedBatch(INCIDENT, 1, 0, "people", ("gdpr@2018-05-25",), "en", 3, "declared")],
        domain="example.com",
    )
    batch = await ledgers.take(f"{INCIDENT}.1.0")
    assert batch is not None
    assert await ledgers.turn(
        batch, batch.step, LedgerPage([NoticeSentOutcome(n, "250 ok") for n in range(3)])
    )
    return Office(ledgers, standings)


async def test_what_comes_back_before_the_end_is_part_of_what_the_end_tells(office: Office) -> None:
    await office.returned(0)
    await office.end()
    await office.count()
    assert office.counts == []


async def test_many_that_come_back_are_counted_once_and_later_ones_again(office: Office) -> None:
    await office.end()
    await office.returned(0)
    await office.returned(1)
    for _ in range(2):
        await office.count()
    assert office.counts == [(1, 2)]
    await office.returned(2)
    await office.count()
    assert office.counts == [(1, 2), (0, 3)]
    assert len({one.message_id for one in office.published}) == len(office.published)


async def test_crash_before_the_count_is_recorded_publishes_it_again_under_the_same_id(
    office: Office,
) -> None:
    await office.end()
    await office.returned(0)
    office.broken = True
    with pytest.raises(BrokerUnavailable):
        await office.count()
    office.broken = False
    await office.count()
    first, again = office.published
    assert first.message_id == again.message_id


async def test_what_comes_back_while_it_is_counted_is_counted_too(office: Office) -> None:
    await office.end()
    await office.returned(0)
    [late] = await office.standings.late()
    await office.returned(1)
    await office.standings.counted(late)
    await office.count()
    assert office.counts == [(1, 2)]


async def test_customers_without_a_letter_are_reported(office: Office) -> None:
    """Refused, back, never written, or spared because another phase tells them."""
    some = OpenedBatch(
        INCIDENT, 2, 1, "controllers", ("gdpr@2018-05-25",), "en", 6, "declared", elsewhere=[5]
    )
    none = OpenedBatch(INCIDENT, 2, 0, "controllers", ("gdpr@2018-05-25",), "en", 1, "declared")
    people = OpenedBatch(INCIDENT, 2, 2, "people", ("gdpr@2018-05-25",), "en", 1, "declared")
    await office.ledgers.open([some, none, people], domain="example.com")
    batch, first = [await office.ledgers.take(f"{INCIDENT}.2.{number}") for number in (1, 0)]
    assert batch is not None
    assert first is not None
    await office.ledgers.turn(first, first.step, LedgerPage([NoticeSentOutcome(0, "250 ok")]))
    outcomes: list[NoticeOutcome] = [
        *(NoticeSentOutcome(n, "250 ok") for n in range(3)),
        Failed(3, "mail_refused", "550 no"),
    ]
    await office.ledgers.turn(batch, batch.step, LedgerPage(outcomes))
    await office.returned(1, phase=2, batch=1)
    assert await office.ledgers.missed(INCIDENT, 2) == (Missed(chunk=1, numbers=(1, 3, 4, 5)),)
    assert await office.standings.claim_end(INCIDENT, 2, "0.0")
    await office.returned(0, phase=2, batch=1)
    await office.count()
    assert [one.missed for one in office.told] == [(Missed(chunk=1, numbers=(0, 1, 3, 4, 5)),)]
