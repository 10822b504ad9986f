"""CloudEvents in and out: what reads, what does not, and that no answer repeats what was sent."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.contract_version import CONTRACT_NUMBER
from shared.contract.envelope import (
    MAX_BODY,
    MAX_ID,
    STRUCTURED,
    Envelope,
    Unreadable,
    decode,
    derived_id,
    encode,
)
from shared.contract.events import (
    Event,
    IdentityVerified,
    RequestSubmitted,
    RequestWithdrawn,
    WithdrawalSubmitted,
)
from shared.contract.topology import EVENTS, REQUESTS

CASE = "a" * 32
TIME = "2026-03-01T12:00:00+01:00"
EMAIL = "ada.lovelace@example.org"


def attributes(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": "e-1", "source": "portal", "type": RequestSubmitted.TYPE, "time": TIME,
        "data": {"reference": "r-1", "right": "access", "subject": {"email": EMAIL}},
    } | changes  # fmt: skip


def read(message: object, *, exchange: str = REQUESTS, **headers: Any) -> Envelope[Event]:
    body = message if isinstance(message, bytes) else orjson.dumps(message)
    return decode(body, exchange=exchange, content_type=None if headers else STRUCTURED, headers=headers)


def refused(message: object, *, exchange: str = REQUESTS) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(message, exchange=exchange)
    return caught.value


def test_a_structured_event_reads() -> None:
    envelope = read(attributes())
    assert isinstance(envelope.event, RequestSubmitted)
    assert envelope.event.subject.email == EMAIL
    assert (envelope.id, envelope.source) == ("e-1", "portal")
    assert envelope.time == datetime(2026, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize("prefix", ["ce-", "ce_", "cloudEvents:", "cloudEvents_"])
def test_a_binary_event_reads_too(prefix: str) -> None:
    event = attributes()
    body = orjson.dumps(event.pop("data"))
    headers = {f"{prefix}{name}": value for name, value in event.items()}
    envelope = decode(body, exchange=REQUESTS, content_type="application/json", headers=headers)
    assert isinstance(envelope.event, RequestSubmitted)
    assert envelope.id == "e-1"


def test_a_fact_reads_as_it_was_written() -> None:
    fact = IdentityVerified(
        request_id=CASE,
        right="erasure",
        regulation="gdpr",
        received_on=date(2026, 3, 1),
        assurance="mailbox",
        reasons=("code",),
    )
    now = datetime(2026, 3, 1, tzinfo=UTC)
    body = encode(fact, id="1", source="habeas/verifier", time=now, cause="0")
    assert read(body, exchange=EVENTS) == Envelope(
        fact, "1", "habeas/verifier", now, contract=CONTRACT_NUMBER
    )
    assert orjson.loads(body)["correlationid"] == CASE
    assert orjson.loads(body)["causationid"] == "0"


def test_one_type_on_two_exchanges_is_two_events() -> None:
    withdrawal = attributes(type=WithdrawalSubmitted.TYPE, data={"reference": "r-1"})
    assert isinstance(read(withdrawal).event, WithdrawalSubmitted)
    fact = attributes(type=RequestWithdrawn.TYPE, data={"request_id": CASE})
    assert isinstance(read(fact, exchange=EVENTS).event, RequestWithdrawn)


def test_an_upstream_system_cannot_publish_a_fact() -> None:
    fact = attributes(
        type=IdentityVerified.TYPE,
        data={"request_id": CASE, "right": "erasure", "assurance": "mailbox", "reasons": []},
    )
    [flaw] = refused(fact).flaws
    assert flaw.path == "type"


@pytest.mark.parametrize(
    ("message", "path", "about"),
    [
        pytest.param(b"{", "", "no JSON", id="malformed JSON"),
        pytest.param(b"\x00\xff\xfe", "", "no JSON", id="binary garbage"),
        pytest.param(b"", "", "no JSON", id="nothing at all"),
        pytest.param(b'"\\ud800"', "", "no JSON", id="half a character"),
        pytest.param([1], "", "JSON object", id="a list"),
        pytest.param(b"x" * (MAX_BODY + 1), "", "larger than", id="more than 1 MiB"),
        pytest.param(attributes(specversion="0.3"), "specversion", "1.0", id="another specification"),
        pytest.param(attributes(type="habeas.no.such.v1"), "type", "submitted", id="unknown type"),
        pytest.param(attributes(type=7), "type", "known are", id="type of a wrong type"),
        pytest.param(attributes(id=""), "id", "characters", id="empty id"),
        pytest.param(attributes(id=None), "id", "characters", id="no id"),
        pytest.param(attributes(id="x" * (MAX_ID + 1)), "id", "characters", id="id too long"),
        pytest.param(attributes(source=["portal"]), "source", "characters", id="source of a wrong type"),
        pytest.param(attributes(time=None), "time", "required", id="missing time"),
        pytest.param(attributes(time="yesterday"), "time", "RFC 3339", id="time in words"),
        pytest.param(attributes(time="2026-03-01T12:00:00"), "time", "offset", id="time without its offset"),
        pytest.param(attributes(data=None), "data", "an object", id="no data"),
        pytest.param(attributes(data={}), "data.reference", "required", id="empty data"),
        pytest.param(
            attributes(data={"reference": 5, "right": "access", "subject": {}}), "data.reference", "be text",
            id="wrong type",
        ),
        pytest.param(
            attributes(data={"reference": "r", "right": "access", "subject": {EMAIL: 1}}),
            "data.subject.…", "unknown field", id="a key that may be a name",
        ),
    ],
)  # fmt: skip
def test_unreadable_value_is_reported_with_place_and_remedy(message: object, path: str, about: str) -> None:
    [flaw, *_] = refused(message).flaws
    assert flaw.path == path
    assert about in flaw.message


def test_unreadable_message_still_names_its_publisher() -> None:
    error = refused(attributes(data={}))
    assert (error.source, error.id) == ("portal", "e-1")


KEYS = st.text("xyzq@", min_size=8)
values = st.recursive(
    KEYS | st.integers(10**8, 10**12) | st.floats(allow_nan=False)
    | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
fields = st.sampled_from(
    ["reference", "right", "subject", "residence", "locale", "details", "agent", "proofs"]
)


def texts(value: object) -> list[str]:
    """Every text in *value*, keys too."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [str(value)] if isinstance(value, str) else []


@pytest.mark.slow
@given(st.dictionaries(fields | KEYS, values), values)
def test_no_value_and_no_key_of_the_publisher_is_ever_repeated(data: dict[str, Any], other: object) -> None:
    message = attributes(data=data, type=RequestSubmitted.TYPE) | {"time": other}
    sent = [text for text in texts(data) + texts(other) if len(text) >= 8 and set(text) <= set("xyzq@")]
    error = refused(message)
    answer = "".join(flaw.path + flaw.message for flaw in error.flaws) + str(error)
    assert not [text for text in sent if text in answer]


@given(
    st.binary(max_size=200) | values.map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
)
def test_any_message_is_refused_or_read_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(body, exchange=REQUESTS, content_type=None, headers={})


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=offsets))
def test_any_time_with_its_offset_reads(time: datetime) -> None:
    assert read(attributes(time=time.isoformat())).time == time


def test_ids_of_facts_repeat_with_their_cause_and_differ_otherwise() -> None:
    assert derived_id("cause", 0) == derived_id("cause", 0)
    assert len({derived_id("cause", 0), derived_id("cause", 1), derived_id("other", 0)}) == 3
