"""The client: its events are readable by Habeas, unanswered ones are sent again, literals are accepted."""

import inspect
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import assert_type, cast

import httpx
import orjson
import pytest
from pydantic import ValidationError

from shared.client import (
    AmqpClient,
    ApiError,
    ApiUnavailable,
    AppealSubmitted,
    AsyncAmqpClient,
    AsyncHttpClient,
    BrokerUnavailable,
    ConfigurationError,
    Correction,
    Details,
    HttpClient,
    Outcome,
    ProofSubmitted,
    Publisher,
    ReceivedEvent,
    RequestClosed,
    RequestFields,
    RequestSubmitted,
    Residence,
    Right,
    Subject,
    Unroutable,
    WithdrawalSubmitted,
    amqp,
    http,
    message_of,
)
from shared.client import publisher as publishing
from shared.client.submissions import submission_of
from shared.contract.correlation import Correlation
from shared.contract.envelope import decode
from shared.contract.events import Submission
from shared.contract.topology import REQUESTS
from shared.runtime.broker import Bus, Message
from tests import request_fields

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
    for module, name in ((publishing, "PAUSE_S"), (http, "PAUSE_S"), (http, "FIRST_POLL_S")):
        monkeypatch.setattr(module, name, 0.0)


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
            await publisher.publish_request(REQUEST),
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
        id_ = await publisher.publish_request(REQUEST, id="mine")
    assert id_ == "mine"
    assert [message.body for message in broker.published] == [broker.published[0].body] * 3


async def test_error_after_the_last_try_names_the_remedy() -> None:
    broker = Broker()
    async with publisher_on(broker) as publisher:
        broker.failures = 99
        with pytest.raises(BrokerUnavailable, match="send it again with the same id"):
            await publisher.publish_request(REQUEST)
    assert len(broker.published) == publishing.TRIES


async def test_unroutable_event_is_not_retried() -> None:
    broker = Broker()
    async with publisher_on(broker) as publisher:
        broker.failures, broker.error = 99, Unroutable("no queue takes it")
        with pytest.raises(Unroutable, match="habeas topology"):
            await publisher.publish_request(REQUEST)
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


# --- literals -------------------------------------------------------------------------------------------


def test_typed_dictionaries_are_generated_from_the_models() -> None:
    assert request_fields.PATH.read_text(encoding="utf-8") == request_fields.module()


def test_literals_make_the_same_request_as_models() -> None:
    literal: RequestFields = {
        "reference": "t-1",
        "right": "erasure",
        "subject": {"email": "ada@example.org", "date_of_birth": "1990-02-01"},
        "residence": Residence(country="DE"),
        "received_at": "2026-03-02T09:30:00+00:00",
        "details": {"corrections": [{"field": "city", "value": "Ulm"}]},
    }
    assert submission_of(RequestSubmitted, literal) == RequestSubmitted(
        reference="t-1",
        right=Right.ERASURE,
        subject=Subject(email="ada@example.org", date_of_birth=date(1990, 2, 1)),
        residence=Residence(country="DE"),
        received_at=AT,
        details=Details(corrections=(Correction(field="city", value="Ulm"),)),
    )


@pytest.mark.parametrize(
    ("synchronous", "asynchronous"), [(AmqpClient, AsyncAmqpClient), (HttpClient, AsyncHttpClient)]
)
def test_synchronous_client_has_the_methods_of_the_asynchronous_one(
    synchronous: type, asynchronous: type
) -> None:
    def parameters(kind: type) -> dict[str, list[tuple[str, object]]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        public = {name: method for name, method in methods if name == "__init__" or name[0] != "_"}
        public.pop("publish_one", None)
        return {
            name: [(one.name, one.default) for one in inspect.signature(method).parameters.values()]
            for name, method in public.items()
        }

    assert parameters(synchronous) == parameters(asynchronous)


# --- by HTTP --------------------------------------------------------------------------------------------


Answer = httpx.Response | httpx.TransportError
ID = "0" * 32
LODGED = httpx.Response(202, json={"id": ID, "status_url": f"https://privacy.example.com/v1/requests/{ID}"})


def http_client(*answers: Answer, key: str | None = "k") -> tuple[AsyncHttpClient, list[httpx.Request]]:
    """Return a client of a server with *answers*, and the requests that it gets."""
    waiting, seen = list(answers), list[httpx.Request]()

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = waiting.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        raise answer

    client = AsyncHttpClient("https://privacy.example.com", key=key)
    client._http._transport = httpx.MockTransport(handle)
    return client, seen


def state(status: str) -> httpx.Response:
    return httpx.Response(200, json={"id": ID, "status": status})


async def test_unanswered_request_is_sent_again_with_a_key() -> None:
    client, seen = http_client(httpx.ConnectError("no"), httpx.Response(503), LODGED)
    async with client:
        assert await client.submit(REQUEST) == ID
    assert [request.read() for request in seen] == [seen[0].read()] * 3
    assert seen[0].headers["authorization"] == "Bearer k"


async def test_error_of_a_client_by_http_repeats_no_password_of_the_url() -> None:
    async with AsyncHttpClient("http://shop:secret@127.0.0.1:1", tries=1) as client:
        with pytest.raises(ApiUnavailable, match=r"127\.0\.0\.1:1") as caught:
            await client.status("0" * 32)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://intake:8080",
        "http://127.0.0.1@privacy.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[2001:db8::1]:8080",
        "http://0.0.0.0:8080",
    ],
)
def test_unencrypted_url_of_another_machine_is_refused_unless_it_is_allowed(url: str) -> None:
    for client in (AsyncHttpClient, HttpClient):
        with pytest.raises(ConfigurationError, match=r"https://, .* allow_http=True"):
            client(url, key="k")
        client(url, key="k", allow_http=True)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "localhost:8080"])
def test_unencrypted_url_of_this_machine_is_accepted(host: str) -> None:
    AsyncHttpClient(f"http://{host}", key="k")


@pytest.mark.parametrize("url", ["privacy.example.com", "ftp://privacy.example.com", "https://[::1"])
def test_wrong_url_of_http_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^url: .*https://"):
        AsyncHttpClient(url, key="k")


async def test_request_of_the_public_is_sent_once() -> None:
    client, seen = http_client(httpx.ReadTimeout("slow"), key=None)
    async with client:
        with pytest.raises(ApiUnavailable, match="ReadTimeout"):
            await client.submit(REQUEST)
    assert len(seen) == 1


async def test_refusal_names_the_fields_and_is_not_repeated() -> None:
    errors = [{"path": "body.right", "message": "is unknown"}]
    client, seen = http_client(httpx.Response(422, json={"detail": "It does not fit.", "errors": errors}))
    async with client:
        with pytest.raises(ApiError, match=r"422: It does not fit\.; body\.right: is unknown") as caught:
            await client.submit(REQUEST)
    assert ([error.path for error in caught.value.errors], len(seen)) == (["body.right"], 1)


async def test_limit_names_the_seconds_to_wait() -> None:
    client, _ = http_client(httpx.Response(429, json={"detail": "Too many."}, headers={"Retry-After": "60"}))
    async with client:
        with pytest.raises(ApiError) as caught:
            await client.submit(REQUEST)
    assert (caught.value.status, caught.value.retry_after) == (429, 60)


async def test_request_is_followed_until_it_has_ended() -> None:
    client, _ = http_client(state("received"), state("answered"), state("closed"))
    async with client:
        assert (await client.follow(ID)).status == "closed"


def test_synchronous_program_submits_by_http() -> None:
    client = HttpClient("https://privacy.example.com", key="k")
    client._client, _ = http_client(LODGED)
    with client:
        answer = client.submit({"reference": "t-1", "right": "access", "subject": {"name": "Ada"}})
    assert assert_type(answer, str) == ID


def test_synchronous_clients_have_the_types_of_the_asynchronous_ones() -> None:
    """The type checker reads this test: types that are lost, or too wide, are its errors."""
    with pytest.raises(TypeError, match="kex"):
        HttpClient("https://privacy.example.com", kex="k")  # type: ignore[call-arg]
    client = AmqpClient("amqp://broker.example.com", source=SOURCE)
    assert_type(client, AmqpClient)
    with pytest.raises(ConfigurationError, match="`with` statement"):
        assert_type(client.follow(ID, within=1.0), ReceivedEvent)
    with pytest.raises(TypeError, match="positional"):
        client.publish_request(REQUEST, "id")  # type: ignore[call-arg]
    assert_type(client.events("closed", RequestClosed), Iterator[ReceivedEvent])


# --- events ---------------------------------------------------------------------------------------------


def event(type_: str, data: dict[str, object], **attributes: str) -> bytes:
    head = {"specversion": "1.0", "id": "e", "source": "habeas/intake", "time": AT.isoformat(), "type": type_}
    return orjson.dumps({**head, "correlationid": ID, **attributes, "data": data})


def test_synchronous_client_out_of_a_with_statement_names_it() -> None:
    client = HttpClient("https://privacy.example.com", key="k")
    with pytest.raises(ConfigurationError, match="`with` statement"):
        client.status(ID)


def test_event_is_read_as_its_model() -> None:
    read = amqp.event_of(
        event(RequestClosed.TYPE, {"request_id": ID, "outcome": "granted"}, publishersource=SOURCE)
    )
    assert read.data == RequestClosed(request_id=ID, outcome=Outcome.GRANTED)
    assert (read.request_id, read.correlation, read.time) == (ID, Correlation(SOURCE), AT)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("habeas.request.painted.v1", {"color": "red"}),
        (RequestClosed.TYPE, {"request_id": ID, "outcome": "new"}),
    ],
)
def test_event_of_a_later_version_keeps_its_content(type_: str, data: dict[str, object]) -> None:
    read = amqp.event_of(event(type_, data))
    assert (read.data, read.content) == (None, data)
