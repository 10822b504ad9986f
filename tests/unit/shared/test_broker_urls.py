"""URLs of a cluster name several nodes, and each may be connected to."""

import pytest

from shared.runtime.broker import user_of
from shared.runtime.broker.connection import urls_of

CLUSTER = (
    "amqps://habeas:p%2C%40@one.example.com:5671,two.example.com:5672,three.example.com/habeas?heartbeat=5"
)


def test_each_node_has_a_url_with_the_same_account_and_virtual_host() -> None:
    assert sorted(urls_of(CLUSTER)) == [
        "amqps://habeas:p%2C%40@one.example.com:5671/habeas?heartbeat=5",
        "amqps://habeas:p%2C%40@three.example.com/habeas?heartbeat=5",
        "amqps://habeas:p%2C%40@two.example.com:5672/habeas?heartbeat=5",
    ]
    assert user_of(CLUSTER) == "habeas"


def test_nodes_are_tried_in_a_random_order() -> None:
    assert len({urls_of(CLUSTER)[0] for _ in range(100)}) == 3


@pytest.mark.parametrize("url", ["amqp://broker.example.com", "amqp://habeas:secret@127.0.0.1:5672/%2F"])
def test_url_of_one_node_stays_as_it_is(url: str) -> None:
    assert urls_of(url) == [url]
