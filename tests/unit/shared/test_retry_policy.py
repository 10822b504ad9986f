"""What becomes of a message that was not handled."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.contract.envelope import encode
from shared.contract.events import IdentityReminded
from shared.contract.topology import DELAYS, EVENTS, PARKING, REDELIVERY, REQUESTS, RETRY, STRUCTURED
from shared.errors import (
    BrokerUnavailable,
    ConfigurationError,
    ContentMissing,
    MalformedEvent,
    StoreUnavailable,
)
from shared.runtime import mongo, retry_policy
from shared.runtime.broker import Delivery, translated
from shared.runtime.message_origin import EXCHANGE, ROUTING_KEY, OriginSeals
from shared.runtime.retry_policy import after_failure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FRESH = Delivery(
    exchange=EVENTS,
    routing_key="habeas.x.v1",
    body=b"body",
    message_id="id-1",
    content_type="application/json",
    headers={"traceparent": "00"},
    redelivered=False,
    tag=1,
    channel=None,
)


SEALS = OriginSeals("intake", (bytes(32),))


def retried(attempts: int, *, since: datetime = NOW) -> Delivery:
    first = failure(FRESH).message
    ours = {
        **first.headers, retry_policy.ATTEMPT: attempts, retry_policy.FIRST_FAILURE: since.isoformat(),
        "x-death": [{"queue": "q", "exchange": RETRY}],
    }  # fmt: skip
    return replace(FRESH, exchange=REDELIVERY, routing_key="1s.intake", headers=ours)


def failure(delivery: Delivery, error: Exception | None = None) -> retry_policy.Failure:
    return after_failure(delivery, error or StoreUnavailable("away"), SEALS, now=NOW, retry_for=DAY)


@pytest.mark.parametrize(("attempts", "delay"), [*enumerate(DELAYS), (5, "10m"), (100, "10m")])
def test_each_try_waits_longer_than_the_one_before(attempts: int, delay: str) -> None:
    message = failure(retried(attempts)).message
    assert (message.exchange, message.routing_key) == (RETRY, f"{delay}.intake")
    assert message.mandatory


@pytest.mark.parametrize("stated", ["many", "7", None, b"7", [1], {"a": 1}])
def test_number_of_tries_that_a_publisher_wrote_is_none(stated: object) -> None:
    assert retry_policy.attempts_in({retry_policy.ATTEMPT: stated}) == 0


def test_the_time_for_retries_counts_from_the_first_failure() -> None:
    started = NOW - DAY
    assert not failure(retried(9, since=started + timedelta(seconds=1))).parked
    assert failure(retried(9, since=started)).parked


def test_missing_content_is_looked_for_twice_more() -> None:
    """A decision that another replica handles discards proofs; the next try sees that decision."""
    missing, tries = ContentMissing("nothing is kept as case/proof_0"), []
    headers = retried(5).headers  # tries for other reasons do not count
    for _ in range(3):
        tries.append(failure(replace(retried(5), headers=headers), missing))
        headers = tries[-1].message.headers
    assert [one.parked for one in tries] == [False, False, True]
    assert headers[retry_policy.REASON] == str(missing)


@pytest.mark.parametrize("error", [MalformedEvent("data.right: required"), ValueError("ada@example.org")])
def test_permanent_and_unknown_errors_are_parked_at_once(error: Exception) -> None:
    parked = failure(FRESH, error)
    assert parked.parked
    assert (parked.message.exchange, parked.message.routing_key) == (PARKING, "intake")


def test_another_libraries_message_is_kept_from_headers_and_log() -> None:
    parked = failure(FRESH, ValueError("ada@example.org"))
    assert "ada" not in f"{parked.message.headers}{parked.fields}"
    assert parked.message.headers[retry_policy.REASON] == "ValueError"


def fact_of(request_id: str) -> Delivery:
    body = encode(
        IdentityReminded(request_id=request_id, expires_at=NOW, wanted=()), id="1", source="s", time=NOW
    )
    return replace(FRESH, body=body, content_type=STRUCTURED)


def test_parked_message_names_request_class_and_location() -> None:
    with pytest.raises(ConfigurationError) as raised:
        mongo.connect("mongodb://[", app_name="test")
    parked = failure(fact_of("a" * 32), raised.value)
    headers, fields = parked.message.headers, parked.fields
    assert headers[retry_policy.ERROR] == fields["error"] == "ConfigurationError"
    assert headers[retry_policy.REQUEST] == fields["request_id"] == "a" * 32
    assert re.fullmatch(r"shared\.runtime\.mongo:connect:\d+", headers[retry_policy.LOCATION])
    assert headers[retry_policy.LOCATION] == fields["location"]


def test_location_passes_over_the_translation_of_a_drivers_error() -> None:
    def fail() -> None:
        with translated("read"):
            raise OSError

    with pytest.raises(BrokerUnavailable) as raised:
        exec(compile("read()", "x", "exec"), {"__name__": "services.x", "read": fail})  # noqa: S102
    assert retry_policy.location_of(raised.value) == "services.x:<module>:1"


def test_message_that_is_no_fact_names_no_request_and_an_error_without_trace_no_location() -> None:
    parked = failure(FRESH, ValueError("x"))
    assert retry_policy.REQUEST not in parked.message.headers
    assert parked.message.headers[retry_policy.LOCATION] == ""


def test_publisher_of_a_message_survives_retries_and_broker_headers_do_not() -> None:
    headers = failure(retried(3)).message.headers
    assert (headers[EXCHANGE], headers[ROUTING_KEY]) == (EVENTS, "habeas.x.v1")
    assert "x-death" not in headers


def test_values_of_upstream_systems_are_not_logged() -> None:
    fields = failure(
        replace(FRESH, exchange=REQUESTS, routing_key="ada@example.org", message_id="ada")
    ).fields
    assert "ada" not in str(fields)
