"""The client's events are readable by Habeas, and unconfirmed ones are sent again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import orjson
import pytest
from pydantic import ValidationError

from habeas import client
from habeas.client import (
    AppealSubmitted,
    BrokerUnavailable,
    ConfigurationError,
    ProofSubmitted,
    Publisher,
    RequestSubmitted,
    Residence,
    Subject,
    Unroutable,
    WithdrawalSubmitted,
    message_of,
)
from shared.contract.envelope import decode
from shared.contract.events import Submission
from shared.contract.topology import REQUESTS
from shared.runtime.broker import Bus, Message

SOURCE = "shop.example"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
REQUEST = RequestSubmitted(
    reference="t-1",
    right="access",
    subject=Subject(name="Ada Example", email="ada@example.org"),
    residence=Residence(country="DE"),
)
PICTURE = {"kind": "document", "slot": "identity", "media_type": "image/png", "content": "aGVsbG8="}
EVENTS: list[Submission] = [
    REQUEST,
    ProofSubmitted(reference="t-1", proofs=[{"kind": "email_code", "code": "123456"}, PICTURE]),
    WithdrawalSubmitted(reference="t-1"),
    AppealSubmitted(reference="t-1", statement="There is more."),
]


class Broker:
    """A publisher that confirms nothing for a number of tries."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or BrokerUnavailable("the broker did not confirm")
        self.published: list[Message] = []
        self.open = True

    async def publish(self, messages: Sequence[Message]) -> None:
        self.published += messages
        if self.failures:
            self.failures -= 1
            raise self.error

    async def ping(self) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error

    async def close(self) -> None:
        self.open = False


def publisher_on(broker: Broker, **options: bool) -> Publisher:
    publisher = Publisher("amqp://broker.example.com", source=SOURCE, **options)
    publisher._bus = cast("Bus", broker)
    return publisher


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.0)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_sent_submission_equals_the_read_one(event: Submission, binary: bool) -> None:
    sent = message_of(event, source=SOURCE, id="e-1", time=AT, binary=binary)
    read = decode(sent.body, exchange=sent.exchange, content_type=sent.content_type, headers=sent.headers)
    assert read.event == event
    assert (read.id, read.source, read.time) == ("e-1", SOURCE, AT)
    assert (sent.exchange, sent.routing_key, sent.mandatory) == (REQUESTS, event.TYPE, True)


def test_the_structured_form_is_a_cloud_event() -> None:
    plain = orjson.loads(message_of(REQUEST, source=SOURCE).body)
    assert set(plain) == {"specversion", "id", "source", "type", "time", "datacontenttype", "data"}
    assert message_of(REQUEST, source=SOURCE).message_id != message_of(REQUEST, source=SOURCE).message_id


async def test_each_kind_of_submission_has_its_verb() -> None:
    _, proofs, withdrawal, appeal = EVENTS
    broker = Broker()
    async with publisher_on(broker) as publisher:
        ids = [
            await publisher.submit(REQUEST),
            await publisher.prove(ProofSubmitted.model_validate(proofs.model_dump(mode="json"))),
            await publisher.withdraw(WithdrawalSubmitted.model_validate(withdrawal.model_dump())),
            await publisher.appeal(AppealSubmitted.model_validate(appeal.model_dump())),
        ]
    assert [message.message_id for message in broker.published] == ids
    assert [message.routing_key for message in broker.published] == [event.TYPE for event in EVENTS]
    assert not broker.open


async def test_unconfirmed_event_is_sent_again_with_the_same_id() -> None:
    broker = Broker()
    async with publisher_on(broker) as publisher:
        broker.failures = 2
        id_ = await publisher.submit(REQUEST, id="mine")
    assert id_ == "mine"
    assert [message.body for message in broker.published] == [broker.published[0].body] * 3


async def test_error_after_the_last_try_names_the_remedy() -> None:
    broker = Broker()
    async with publisher_on(broker) as publisher:
        broker.failures = 99
        with pytest.raises(BrokerUnavailable, match="send it again with the same id"):
            await publisher.submit(REQUEST)
    assert len(broker.published) == client.TRIES


async def test_unroutable_event_is_not_retried() -> None:
    broker = Broker()
    async with publisher_on(broker) as publisher:
        broker.failures, broker.error = 99, Unroutable("no queue takes it")
        with pytest.raises(Unroutable, match="habeas topology"):
            await publisher.submit(REQUEST)
    assert len(broker.published) == 1


async def test_silent_broker_leaves_no_connection_open() -> None:
    broker = Broker(failures=99)
    with pytest.raises(BrokerUnavailable, match="see that the broker runs"):
        async with publisher_on(broker):
            pytest.fail("it is not connected")
    assert not broker.open


@pytest.mark.parametrize(
    ("url", "source", "named"),
    [
        ("https://broker.example.com", SOURCE, "amqp_url"),
        ("amqp://broker.example.com", "", "source"),
        ("amqp://broker.example.com", "s" * 201, "source"),
    ],
)
def test_invalid_event_is_refused_before_any_is_sent(url: str, source: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Publisher(url, source=source)


def test_unacceptable_event_is_not_sent() -> None:
    large = PICTURE | {"content": "A" * (1 << 20)}
    with pytest.raises(ConfigurationError, match="proofs"):
        message_of(ProofSubmitted(reference="t-1", proofs=[large]), source=SOURCE)
    with pytest.raises(ConfigurationError, match="id: "):
        message_of(REQUEST, source=SOURCE, id="i" * 201)


def test_error_of_an_invalid_request_shows_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Subject(email="ada.secret at example.org")
    assert "secret" not in str(caught.value)
