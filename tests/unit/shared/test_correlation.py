"""Every event about a request names the publisher's source, reference and event, and no personal data."""

import ast
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson
import pytest

from habeas.event_samples import least
from services.intake.bootstrap import correlation_of
from shared.contract.catalogue import catalogue
from shared.contract.correlation import KEYED, Correlation, correlation, keyed_reference, reference_key
from shared.contract.envelope import decode, encode
from shared.contract.events import (
    BurstDeclared,
    DropListed,
    DropMatched,
    Fact,
    InquiryLodged,
    InquiryReminded,
    MessageHandled,
    MessageLodged,
    MessageRepaired,
    PurgeApproved,
    PurgeProposed,
    RequestPurged,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    Submission,
    SubmissionHandled,
    UnreadableSubmission,
    breaches,
)
from shared.contract.sources import Bindings
from shared.contract.topology import EVENTS, REQUESTS
from shared.runtime.broker import Message
from shared.runtime.journal import JournalRow, correlation_in
from shared.runtime.service import Moment, Runtime, Service, messages_of, on
from tests.runtime_fakes import MemoryBroker, MemoryJournal

KEY = b"k" * 32
AT = datetime(2026, 11, 29, tzinfo=UTC)
CASE = "0123456789abcdef0123456789abcdef"
UUID = "3f2b8c1e-9d4a-4f6b-8a1c-0e5d7c9b2a31"
NAMES = Correlation("shop.example", "ticket-4711", UUID)
ABOUT_NO_REQUEST = frozenset(
    {
        BurstDeclared, DropListed, DropMatched, InquiryLodged, InquiryReminded, MessageHandled, MessageLodged,
        PurgeApproved, PurgeProposed, SubmissionHandled, MessageRepaired,
    }
)  # fmt: skip
"""Facts about incidents, mails that are no request yet, lists and purges."""


def about_requests() -> Iterator[type[Fact]]:
    for kind in catalogue():
        if issubclass(kind, Fact) and kind.__module__ != breaches.__name__ and kind not in ABOUT_NO_REQUEST:
            yield kind


@pytest.mark.parametrize("name", [UUID, UUID.upper(), "ticket-4711", "DSR_1", "case-1234567", "evt-9"])
def test_opaque_name_of_a_registered_system_is_plain(name: str) -> None:
    found = correlation("shop.example", name, name, key=KEY)
    assert (found.reference, found.event) == (name, name)


@pytest.mark.parametrize(
    "name",
    [
        "ada@example.org",
        "Ada Example",
        "+4930123456",
        "ticket-ada",
        "ticket-49301234567",
        "case-1\n",
        "ticket-١٢٣",
        "1990-02-01",
        "customer-4711",
        "5d41402abc4b2a76b9719d911017c592",
        "5d41402a-bc4b-3a76-b971-9d911017c592",
        "hmac:5d41402abc4b2a76b9719d911017c592",
        "",
    ],
)
def test_name_that_could_be_personal_data_is_keyed(name: str) -> None:
    found = correlation("shop.example", name, name, key=KEY)
    assert found.reference == found.event == keyed_reference(name, key=reference_key("shop.example", key=KEY))
    assert found.reference.startswith(KEYED)
    assert not name or name not in found.reference.removeprefix(KEYED)


@pytest.mark.parametrize("source", ["habeas/public", "habeas/mail", "drp/agent", "HABEAS/command"])
def test_name_of_a_source_that_is_no_registered_system_is_keyed(source: str) -> None:
    assert str(correlation(source, "ticket-4711", key=KEY).reference).startswith(KEYED)


def test_source_and_reference_of_a_publisher_that_was_not_admitted_are_keyed() -> None:
    found = correlation("ada@example.org", "ticket-4711", UUID, key=KEY, admitted=False)
    assert {found.source[:5], str(found.reference)[:5]} == {KEYED}
    assert found.event == UUID, "by it the publisher recognises its rejection"


def test_keyed_name_of_a_publisher_that_was_not_admitted_is_not_that_of_the_source() -> None:
    name = "ada@example.org"
    found = correlation("shop.example", name, name, key=KEY, admitted=False)
    assert found.reference == found.event
    assert found.reference != correlation("shop.example", name, key=KEY).reference


@pytest.mark.parametrize("right", ["access", "no right"])
async def test_stranger_does_not_learn_the_keyed_reference_of_another_system(right: str) -> None:
    """Publish as shop.example, from its broker user and from another one."""
    data = {"reference": "ada@example.org", "right": right, "subject": {"email": "ada@example.org"}}
    attributes = {"specversion": "1.0", "id": "1", "source": "shop.example", "time": AT}
    body = orjson.dumps({**attributes, "type": RequestSubmitted.TYPE, "data": data})

    async def set_aside(_event: Fact | Submission, moment: Moment[int]) -> Sequence[Fact]:
        return [least(RequestRejected, request_id=moment.case)]

    broker = MemoryBroker()
    service = Service(
        "intake",
        (on(UnreadableSubmission, set_aside), on(RequestSubmitted, set_aside)),
        0,
        lambda state, _fact: state,
        lambda moment: moment,
        case_of=lambda _envelope: CASE,
        correlation_of=partial(correlation_of, key=KEY),
        refusal=Bindings().refusal,
    )
    names = []
    for user in ("shop.example", "desk.example"):
        runtime = Runtime(service, MemoryJournal(), broker.inbox("intake"), broker)
        await broker.publish([Message(REQUESTS, RequestSubmitted.TYPE, body, "1", user_id=user)])
        await broker.drain(runtime)
        names.append(orjson.loads(broker.published[-1].body)["publisherreference"])
    own = keyed_reference("ada@example.org", key=reference_key("shop.example", key=KEY))
    assert names[0] == own
    assert names[1] != own


def test_keys_of_two_sources_differ() -> None:
    assert reference_key("shop.example", key=KEY) != reference_key("desk.example", key=KEY)


def test_correlation_of_an_event_of_ours_is_read_back() -> None:
    body = encode(least(RequestReceived), id="1", source="habeas/intake", time=AT, correlation=NAMES)
    assert decode(body, exchange=EVENTS, content_type=None, headers={}).correlation == NAMES


def test_publisher_cannot_state_a_correlation() -> None:
    attributes = {"specversion": "1.0", "id": "1", "source": "shop.example", "time": AT, **NAMES.attributes}
    data = {"reference": "r", "right": "access", "subject": {"email": "ada@example.org"}}
    body = orjson.dumps({**attributes, "type": "habeas.request.submitted.v1", "data": data})
    assert decode(body, exchange=REQUESTS, content_type=None, headers={}).correlation is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    sorted({*about_requests()} - {RequestPurged, RequestRejected}, key=str),
    ids=lambda kind: kind.__name__,
)
async def test_event_that_follows_carries_the_names_of_its_cause(kind: type[Fact]) -> None:
    async def follow(_event: RequestReceived, moment: Moment[int]) -> Sequence[Fact]:
        return [] if moment.state else [least(kind, request_id=moment.case)]

    broker = MemoryBroker()
    subscribed = (on(RequestReceived, follow),)
    service = Service("verifier", subscribed, 0, lambda state, _fact: state + 1, lambda moment: moment)
    runtime = Runtime(service, MemoryJournal(), broker.inbox("verifier"), broker)
    cause = least(RequestReceived, request_id=CASE)
    body = encode(cause, id="1", source="habeas/intake", time=AT, correlation=NAMES)
    await broker.publish([Message(EVENTS, cause.TYPE, body, "1")])
    before = len(broker.published)
    await broker.drain(runtime)
    published, *_ = broker.published[before:]
    assert NAMES.attributes.items() <= orjson.loads(published.body).items()


def test_rejection_names_the_rejected_event_and_not_the_one_of_the_request() -> None:
    rejected = least(RequestRejected, request_id=CASE, publisher_source="shop.example", publisher_id="evt-2")
    [message] = messages_of(row(1, rejected, NAMES), "intake")
    found = Correlation.of(orjson.loads(message.body))
    assert found == Correlation("shop.example", "ticket-4711", "evt-2")


def row(n: int, fact: Fact, names: Correlation | None) -> JournalRow:
    return JournalRow(CASE, n, f"cause-{n}", None, (fact,), AT, correlation=names)


def test_newest_correlation_of_a_history_counts() -> None:
    other = Correlation("shop.example", "ticket-4711", "evt-1")
    history = [row(0, least(RequestRejected), other), row(1, least(RequestReceived), NAMES)]
    assert correlation_in(history) == NAMES


@pytest.mark.slow
def test_every_publisher_of_a_single_event_states_its_correlation() -> None:
    found = {
        path.as_posix()
        for folder in ("services", "shared", "habeas")
        for path in Path(folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "encode"
        and "correlation" not in {word.arg for word in call.keywords}
        and {"id", "source"} <= {word.arg for word in call.keywords}
    }
    assert found == {
        "services/fulfillment/breach/scope_job.py",
        "services/fulfillment/drop/lookup.py",
        "services/notifier/breach/campaign/ledgers.py",
    }, "these are about incidents and lists; an event about a request needs its correlation"
