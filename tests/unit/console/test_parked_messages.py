"""A repair meets the message that the administrator saw, whatever id its publisher has chosen."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self, cast

import pytest
from fastapi import HTTPException

from habeas.client import dead_letters
from habeas.client.tickets import lines_of
from services.console.api.case_answers import OneCaseAnswer
from services.console.system import parked_messages
from services.console.system.parked_messages import (
    ParkedMessage,
    ParkedMessages,
    RepairAction,
    RepairRefused,
    content_of,
    repair_record,
)
from services.console.system.repairs import named
from shared.contract.envelope import encode
from shared.contract.topology import inboxes
from shared.errors import BrokerUnavailable
from shared.runtime.broker import Delivery, QueueSize
from shared.runtime.retry_policy import ATTEMPT
from tests.unit.console.test_decision_offers import CASE, received, view_of
from tests.unit.console.test_package_page import OneReview, client_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def delivery(tag: int, message_id: str | None, body: bytes) -> Delivery:
    return Delivery("habeas.events", "key", body, message_id, None, {}, False, tag, None)


@dataclass
class OneQueue:
    """A parking queue with *deliveries*, and the database of the record."""

    deliveries: list[Delivery]
    removed: list[int] = field(default_factory=list)

    def __call__(self, *_: object) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        for one in self.deliveries:
            yield one

    async def remove(self, one: Delivery) -> None:
        self.removed.append(one.tag)

    def __getitem__(self, _name: str) -> Self:
        return self

    async def insert_one(self, _document: object) -> None: ...


SAME_ID = [delivery(1, "order-1", b'{"amount": 1}'), delivery(2, "order-1", b'{"amount": 2}')]


def queue(monkeypatch: pytest.MonkeyPatch, deliveries: list[Delivery]) -> tuple[OneQueue, ParkedMessages]:
    known = OneQueue(deliveries)
    monkeypatch.setattr(parked_messages, "Parking", known)
    monkeypatch.setattr(parked_messages, "inboxes", lambda: list(inboxes())[:1])
    return known, ParkedMessages("", cast(Any, known), cast(Any, known))


@pytest.mark.parametrize(
    "deliveries",
    [
        pytest.param(SAME_ID, id="the same id twice"),
        pytest.param([delivery(1, None, b"1"), delivery(2, None, b"2")], id="no id"),
        pytest.param([delivery(1, None, b"1"), delivery(2, "", b"1")], id="no id and an empty one"),
        pytest.param([delivery(1, "one", b"1"), delivery(2, "two", b"1")], id="the same body"),
    ],
)
async def test_message_of_the_form_is_discarded_and_no_other(
    monkeypatch: pytest.MonkeyPatch, deliveries: list[Delivery]
) -> None:
    known, parked = queue(monkeypatch, deliveries)
    shown = await parked.all()
    assert named(shown, shown[1].service, shown[1].digest) == shown[1]
    await parked.repair(shown[1], RepairAction.DISCARD, {})
    assert known.removed == [2]


async def test_message_that_has_taken_the_id_of_the_shown_one_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, parked = queue(monkeypatch, SAME_ID[:1])
    [shown] = await parked.all()
    known.deliveries = SAME_ID[1:]
    with pytest.raises(RepairRefused):
        await parked.repair(shown, RepairAction.DISCARD, {})
    with pytest.raises(HTTPException):
        named(await parked.all(), shown.service, shown.digest)


async def test_signed_digest_names_the_body_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    _known, parked = queue(monkeypatch, SAME_ID)
    records = [
        {**repair_record(one, RepairAction.DISCARD, "uma.muster", "made by hand", NOW), "salt": "00" * 16}
        for one in await parked.all()
    ]
    assert len({content_of(record) for record in records}) == 2


async def test_case_has_no_parked_messages_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    _known, parked = queue(monkeypatch, [delivery(1, "one", f'{{"correlationid": "{CASE}"}}'.encode())])
    monkeypatch.setattr(parked_messages, "READ_EVERY_S", 0)
    monkeypatch.setattr(parked_messages, "sizes_of", full)
    assert len(await parked.of_case(CASE)) == 1
    monkeypatch.setattr(parked_messages, "sizes_of", away)
    assert await parked.of_case(CASE) == []


async def test_page_of_a_case_waits_for_no_other_that_reads_the_queues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _known, parked = queue(monkeypatch, [])
    silent = asyncio.Event()

    async def silently(*_: object) -> list[QueueSize]:
        await silent.wait()
        return []

    monkeypatch.setattr(parked_messages, "sizes_of", silently)
    first = asyncio.create_task(parked.of_case(CASE))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        assert await parked.of_case(CASE) == []
    silent.set()
    assert await first == []


async def full(_url: str, names: Iterable[str]) -> list[QueueSize]:
    return [QueueSize(name, 1, 0) for name in names]


async def away(_url: str, _names: Iterable[str]) -> list[QueueSize]:
    raise BrokerUnavailable("the broker does not answer")


@pytest.mark.parametrize(
    ("type_", "of_incident"),
    [
        ("habeas.breach.scoped.v1", True),
        ("habeas.campaign.paused.v1", True),
        ("habeas.request.closed.v1", False),
        ("", False),
    ],
)
def test_message_about_an_incident_links_to_the_breach_room(type_: str, of_incident: bool) -> None:
    message = ParkedMessage("notifier", "", "", type_, "ab" * 16, "", "", "", 1, "")
    assert message.of_incident is of_incident


@pytest.mark.slow
async def test_page_and_answer_of_a_case_state_its_parked_message_with_the_remedy() -> None:
    error, location = "StoreUnavailable", "services.fulfillment.stores.mongodb:Stores.find:42"
    parked = ParkedMessage("fulfillment", "1", "d", "t", CASE, "away", error, location, 1, "")
    async with client_of(OneReview(parked=[parked])) as http:
        page = (await http.get(f"/requests/{CASE}")).raise_for_status().text
    assert f"fulfillment could not handle it ({error}, {location})" in page
    assert "replay it on the page System" in page
    answer = OneCaseAnswer.of(view_of([received()]), [], [], [parked], [])
    assert [(one.error, one.location) for one in answer.parked] == [(error, location)]
    [line] = lines_of({"parked": [answer.parked[0].model_dump()]})
    assert location in line
    assert "`habeas dead-letters replay fulfillment`" in line


async def test_queues_are_read_once_in_some_seconds_for_the_pages_of_cases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fact = encode(received(), id="1", source="habeas/verifier", time=NOW)
    known, parked = queue(monkeypatch, [delivery(1, "1", fact), *SAME_ID])
    counted: list[object] = []

    async def sizes(_url: str, names: Iterable[str]) -> list[QueueSize]:
        counted.append(names)
        return [QueueSize(name, len(known.deliveries), 0) for name in names]

    monkeypatch.setattr(parked_messages, "sizes_of", sizes)
    for _ in range(2):
        assert [one.id for one in await parked.of_case(CASE)] == ["1"]
    assert len(counted) == 1


@pytest.mark.parametrize("described", [parked_messages._described, dead_letters._described])
def test_parked_message_with_a_header_of_its_publisher_is_shown(described: Any) -> None:
    with_header = replace(delivery(1, "order-1", b"{}"), headers={ATTEMPT: "many"})
    assert described("intake", with_header).attempts == 0
    assert described("intake", replace(with_header, headers={ATTEMPT: 3})).attempts == 3
