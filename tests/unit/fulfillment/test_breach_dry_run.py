"""A dry run keeps people outside of its own memory."""

import tracemalloc
from contextlib import closing

import pytest

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.dry_run import _People


def at(number: int, place: str, *known: str) -> AffectedPerson:
    """Return person with an address at *place*, and what else they are *known* by."""
    address = f"person{number}@{place}.example"
    aliases = frozenset(("known", name, number) for name in known)
    return AffectedPerson(identity=("email", address), said={"email": (1, address)}, aliases=aliases)


def memory_to_unite(several: int) -> int:
    """Return how much memory it takes, at most, to find out that so many people have two addresses each."""
    with closing(_People()) as people:
        for number in range(several):
            people.add([at(number, "work", "customer"), at(number, "home", "customer")])
        tracemalloc.start()
        people.unite()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sum(1 for _ in people.everyone()) == several
    return most


@pytest.mark.slow
def test_people_of_two_addresses_take_no_memory_however_many_they_are() -> None:
    assert memory_to_unite(2_000) < 2 * memory_to_unite(200)


@pytest.mark.parametrize("order", [1, -1])
def test_same_person_relation_is_transitive(order: int) -> None:
    several = [at(1, "a", "x"), at(1, "b", "x", "y"), at(1, "c", "y", "z"), at(1, "d", "z"), at(2, "e", "x")]
    with closing(_People()) as people:
        people.add(several[::order])
        people.unite()
        found = sorted((one.email or "", *one.others) for one in people.everyone())
    one, other = (
        tuple(f"person{n}@{place}.example" for place in places) for n, places in ((1, "abcd"), (2, "e"))
    )
    assert found == [one, other]
