"""The origin of a message that comes again is believed under a seal of the same service alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contract.topology import EVENTS, PARKING, REDELIVERY, REQUESTS, RETRY
from shared.errors import PermanentError, StoreUnavailable
from shared.runtime.audit_keys import chain_key
from shared.runtime.broker import Delivery
from shared.runtime.key_rings import KeyRing
from shared.runtime.message_origin import (
    EXCHANGE,
    ROUTING_KEY,
    SEAL,
    USER,
    Origin,
    OriginSeals,
    stated_origin,
)
from shared.runtime.retry_policy import Failure, after_failure
from shared.runtime.seal_store import seal_keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, OLDER, OTHER = (bytes([number]) * 32 for number in range(3))
SEALS = OriginSeals("fulfillment", (KEY,))
ORIGIN = Origin(EVENTS, "habeas.identity.verified.v1", "habeas-verifier")
FRESH = Delivery(
    exchange=ORIGIN.exchange,
    routing_key=ORIGIN.routing_key,
    body=b"body",
    message_id="id-1",
    content_type="application/json",
    headers={"traceparent": "00", "ce-type": "a", "ce-number": 1},
    redelivered=False,
    tag=1,
    channel=None,
    user_id=ORIGIN.user,
)
MOVED = {"queue": "fulfillment", "reason": "delivery_limit", "exchange": EVENTS, "routing-keys": ["x"]}
"""A move of a fresh message, as the broker writes it."""


def failure(delivery: Delivery, seals: OriginSeals = SEALS, error: Exception | None = None) -> Failure:
    raised = error or StoreUnavailable("away")
    return after_failure(delivery, raised, seals, now=NOW, retry_for=timedelta(days=1))


def back(made: Failure, **changes: Any) -> Delivery:
    """Return the message that came of a failure, as the broker delivers it again."""
    message = made.message
    deaths = [{"queue": "habeas.retry.1s", "reason": "expired", "exchange": message.exchange}]
    delivery = Delivery(
        exchange=REDELIVERY,
        routing_key=message.routing_key,
        body=message.body,
        message_id=message.message_id,
        content_type=message.content_type,
        headers={**message.headers, "x-death": deaths},
        redelivered=False,
        tag=2,
        channel=None,
        user_id="habeas-fulfillment",
    )
    return replace(delivery, **changes)


def with_header(name: str, value: object) -> Callable[[Delivery], Delivery]:
    return lambda delivery: replace(delivery, headers={**delivery.headers, name: value})


def test_origin_survives_every_further_try_and_parking() -> None:
    delivery = FRESH
    for error in (StoreUnavailable("away"), StoreUnavailable("away"), PermanentError("no")):
        delivery = back(failure(delivery, error=error))
        assert SEALS.origin_of(delivery, NOW) == ORIGIN
    assert failure(delivery).message.headers[USER] == ORIGIN.user


def test_publisher_without_a_user_stays_without_one() -> None:
    unnamed = replace(FRESH, user_id=None, headers={USER: "habeas-verifier"})
    again = back(failure(unnamed))
    assert SEALS.origin_of(again, NOW) == replace(ORIGIN, user=None)
    assert USER not in again.headers
    assert SEALS.origin_of(with_header(USER, "habeas-verifier")(again), NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one: replace(one, body=b"other"), id="another body"),
        pytest.param(lambda one: replace(one, message_id="id-2"), id="another message"),
        pytest.param(lambda one: replace(one, content_type="text/plain"), id="another content type"),
        pytest.param(with_header("ce-type", "b"), id="another type in binary mode"),
        pytest.param(with_header("ce-number", True), id="another kind of value"),
        pytest.param(with_header("ce-more", "x"), id="one header more"),
        pytest.param(with_header(USER, "habeas-intake"), id="another user"),
        pytest.param(with_header(EXCHANGE, REQUESTS), id="another exchange"),
        pytest.param(with_header(ROUTING_KEY, "habeas.erasure.due.v1"), id="another routing key"),
        pytest.param(with_header(SEAL, ""), id="an empty seal"),
        pytest.param(with_header(SEAL, "\u00e4"), id="a seal of other letters"),
        pytest.param(with_header(SEAL, None), id="no seal"),
    ],
)
def test_seal_breaks_with_all_that_it_covers(change: Callable[[Delivery], Delivery]) -> None:
    sealed = back(failure(FRESH))
    assert SEALS.origin_of(sealed, NOW) == ORIGIN
    assert SEALS.origin_of(change(sealed), NOW) is None


@pytest.mark.parametrize(
    "seals",
    [OriginSeals("fulfillment", (OTHER,)), OriginSeals("scoping", (KEY,)), OriginSeals("fulfillment", ())],
    ids=["another key", "another queue", "no key"],
)
def test_seal_is_of_one_service_and_its_key(seals: OriginSeals) -> None:
    assert seals.origin_of(back(failure(FRESH)), NOW) is None


def test_seal_of_an_older_key_of_the_ring_verifies_and_the_newest_one_seals() -> None:
    renewed = OriginSeals("fulfillment", (OTHER, OLDER))
    again = back(failure(FRESH, OriginSeals("fulfillment", (OLDER,))))
    assert renewed.origin_of(again, NOW) == ORIGIN
    assert OriginSeals("fulfillment", (OTHER,)).origin_of(back(failure(again, renewed)), NOW) == ORIGIN


def test_keys_follow_from_the_chain_keys_of_a_ring_and_from_the_master_key() -> None:
    ring = KeyRing("fulfillment", {"audit chain of fulfillment": (chain_key(KEY, "fulfillment"), OLDER)})
    assert seal_keys(ring, "fulfillment")[0] == seal_keys(KEY, "fulfillment")[0]
    assert len(set(seal_keys(ring, "fulfillment"))) == 2
    assert not {*seal_keys(KEY, "fulfillment")} & {*seal_keys(KEY, "scoping"), chain_key(KEY, "fulfillment")}


@pytest.mark.parametrize("seal", [{}, {SEAL: "0" * 64}])
def test_message_with_an_unbelieved_origin_is_parked_as_it_is_and_never_sealed(seal: dict[str, str]) -> None:
    forged = back(failure(FRESH), headers={**ORIGIN.headers, **seal})
    parked = failure(forged, error=PermanentError("no")).message
    assert (parked.exchange, parked.body) == (PARKING, FRESH.body)
    assert parked.headers[USER] == ORIGIN.user
    assert parked.headers.get(SEAL) == seal.get(SEAL)
    assert SEALS.origin_of(replace(forged, headers=parked.headers), NOW) is None


def test_message_of_an_earlier_release_is_believed_until_the_transition_ends() -> None:
    until = replace(SEALS, unsealed_until=NOW + timedelta(hours=25))
    earlier = back(failure(FRESH), headers=ORIGIN.headers)
    assert until.origin_of(earlier, NOW) == ORIGIN
    assert until.origin_of(earlier, NOW + timedelta(hours=25)) is None
    assert replace(SEALS, unsealed_until=NOW).origin_of(earlier, NOW) is None
    assert until.origin_of(with_header(SEAL, "0" * 64)(earlier), NOW) is None, "a wrong seal is none"
    assert SEALS.origin_of(back(failure(earlier, until)), NOW) == ORIGIN, "it has one from then on"


def test_broker_states_the_origin_of_a_message_that_it_alone_has_moved() -> None:
    """It parks one whose deliveries killed their consumer, and the staff hands that back."""
    handed_back = {"queue": "fulfillment.parking", "reason": "rejected", "exchange": ""}
    headers = {USER: "forged", EXCHANGE: REQUESTS, "x-death": [handed_back, MOVED]}
    replayed = replace(FRESH, exchange=REDELIVERY, routing_key="replay.fulfillment", headers=headers)
    assert SEALS.origin_of(replayed, NOW) == stated_origin(replayed) == replace(ORIGIN, routing_key="x")


@pytest.mark.parametrize("exchange", [RETRY, PARKING])
def test_move_out_of_a_queue_that_an_account_fills_proves_nothing(exchange: str) -> None:
    own = {"queue": "q", "reason": "expired", "exchange": exchange}
    forged = back(failure(FRESH), headers={"x-death": [own, MOVED]})
    assert SEALS.origin_of(forged, NOW) is None


@pytest.mark.parametrize("stated", [None, "x", 7, [7, None], [{}], {"exchange": EVENTS}])
def test_moves_that_are_none_are_passed_over(stated: object) -> None:
    assert SEALS.origin_of(back(failure(FRESH), headers={"x-death": stated}), NOW) is None


@pytest.mark.parametrize("exchange", [REQUESTS, EVENTS])
def test_origin_of_a_first_delivery_is_read_from_no_header(exchange: str) -> None:
    stated = {EXCHANGE: EVENTS, ROUTING_KEY: "habeas.erasure.due.v1", USER: "habeas-verifier"}
    forged = replace(FRESH, exchange=exchange, headers=stated, user_id="shop")
    assert SEALS.origin_of(forged, NOW) == Origin(exchange, FRESH.routing_key, "shop")
    assert failure(forged).message.headers[USER] == "shop"
