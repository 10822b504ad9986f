"""The reason why a record is the person's is computed when it is read, in bounded memory."""

import pytest

from services.fulfillment.datamap.graph import graph_of
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.holdings import MOST_REMEMBERED, Holdings, key

MAP = """
dataset:
  - fides_key: shop
    collections:
      - name: orders
        fields:
          - name: _id
          - { name: customer, fides_meta: { identity: customer_no } }
"""


@pytest.mark.slow
def test_memory_for_many_values_is_bounded() -> None:
    data_map = parse({"map.yml": MAP})
    graph = graph_of(data_map)
    [lookup] = graph.lookups
    questions = Holdings(data_map, graph).questions["shop.orders"]
    for number in range(3 * MOST_REMEMBERED):
        questions.ask(lookup, key(lookup, (number,)))
    for _ in range(2):
        for number in range(3 * MOST_REMEMBERED):
            [match] = questions.matches({"_id": number, "customer": number})
            assert match.values == (number,)
            assert len(questions._known) <= MOST_REMEMBERED
    assert questions.matches({"_id": 0, "customer": 3 * MOST_REMEMBERED}) == ()


def test_document_becomes_the_persons_with_a_later_look_up() -> None:
    data_map = parse({"map.yml": MAP})
    graph = graph_of(data_map)
    [lookup] = graph.lookups
    questions = Holdings(data_map, graph).questions["shop.orders"]
    questions.ask(lookup, key(lookup, (1,)))
    assert questions.matches({"_id": 1, "customer": 2}) == ()
    questions.ask(lookup, key(lookup, (2,)))
    assert questions.matches({"_id": 1, "customer": 2})
