"""The topology keeps every message on disk until it is settled."""

import pytest

from shared.contract import topology
from shared.contract.catalogue import catalogue
from shared.contract.events import Record
from shared.contract.topology import Queue

QUEUES = topology.queues()


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_every_queue_is_a_quorum_queue(queue: Queue) -> None:
    assert queue.arguments["x-queue-type"] == "quorum"


@pytest.mark.parametrize(
    "queue", [queue for queue in QUEUES if "x-dead-letter-exchange" in queue.arguments], ids=lambda q: q.name
)
def test_message_that_leaves_a_queue_unsettled_is_handed_on_at_least_once(queue: Queue) -> None:
    assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
    assert queue.arguments["x-overflow"] == "reject-publish", "or the broker falls back to at most once"


def test_no_queue_dead_letters_into_one_that_is_declared_later() -> None:
    declared: set[str] = set()
    for queue in QUEUES:
        if queue.arguments.get("x-dead-letter-exchange") == "":
            assert queue.arguments["x-dead-letter-routing-key"] in declared
        declared.add(queue.name)


def test_every_service_has_an_inbox_and_a_parking_queue_that_only_a_person_empties() -> None:
    names = {queue.name: queue for queue in QUEUES}
    for service in topology.LISTENS:
        assert service in names
        parking = names[topology.parking_of(service)]
        assert parking.arguments["x-delivery-limit"] == -1
        assert "x-message-ttl" not in parking.arguments
        assert parking.bindings == ((topology.PARKING, service),)


def test_rejected_message_of_a_parking_queue_returns_to_its_service_alone() -> None:
    names = {queue.name: queue for queue in QUEUES}
    for service in topology.LISTENS:
        arguments = names[topology.parking_of(service)].arguments
        assert arguments["x-dead-letter-exchange"] == topology.REDELIVERY
        assert arguments["x-dead-letter-routing-key"] == f"replay.{service}"
        assert (topology.REDELIVERY, f"*.{service}") in names[service].bindings


def test_every_fact_that_is_no_terminal_one_is_listened_to() -> None:
    heard = {type_ for types in topology.LISTENS.values() for type_ in types}
    facts = {
        kind for kind in catalogue() if kind.EXCHANGE == topology.EVENTS and not issubclass(kind, Record)
    }
    unheard = {kind.TYPE for kind in facts if kind.TYPE not in heard and not getattr(kind, "TERMINAL", False)}
    assert not unheard


def test_every_delay_is_longer_than_the_one_before() -> None:
    delays = list(topology.DELAYS.values())
    assert delays == sorted(delays)
