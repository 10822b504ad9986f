"""What is acknowledged is exactly what was settled, in as few words as AMQP has for it."""

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.broker.subscriber import acknowledgements

TAGS = st.sets(st.integers(1, 40))


@given(TAGS, TAGS)
def test_settled_deliveries_are_acknowledged_and_held_ones_are_not(settled: set[int], held: set[int]) -> None:
    held -= settled
    upto, singly = acknowledgements(settled, held)
    covered = {tag for tag in settled | held if upto is not None and tag <= upto}
    assert covered | set(singly) == settled
    assert covered.isdisjoint(singly)


@given(TAGS.filter(bool))
def test_one_word_is_enough_when_nothing_older_is_held(settled: set[int]) -> None:
    assert acknowledgements(settled, {max(settled) + 1}) == (max(settled), [])
    assert acknowledgements(settled, set()) == (max(settled), [])


def test_messages_before_a_slow_one_are_acknowledged_together() -> None:
    assert acknowledgements({1, 2, 3, 5, 7}, {4, 6}) == (3, [5, 7])
