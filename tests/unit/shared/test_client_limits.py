"""Limits that one client is held to."""

import pytest

from shared.runtime.client_limits import Allowance, BytesInFlight, network_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", True, id="IPv4 mapped into IPv6"),
        pytest.param("192.0.2.1", "192.0.2.2", False, id="two IPv4 addresses"),
        pytest.param("2001:db8::1", "2001:db8::ffff:1", True, id="one /64"),
        pytest.param("2001:db8::1", "2001:0DB8:0::2", True, id="one /64, spelled differently"),
        pytest.param("2001:db8:0:1::1", "2001:db8:0:2::1", False, id="two /64"),
        pytest.param("fe80::1%eth0", "fe80::2%eth1", True, id="with zones"),
        pytest.param("unix", "unix", True, id="not an address"),
    ],
)
def test_addresses_of_one_network_count_as_one_client(one: str, other: str, *, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_allowance_is_refilled_after_an_hour() -> None:
    clock = Clock()
    allowance = Allowance(2, clock)
    assert [allowance.take("a") for _ in range(3)] == [True, True, False]
    assert not allowance.left("a")
    clock.now = 3600.0
    assert allowance.left("a")
    assert allowance.take("a")


def test_allowance_forgets_the_oldest_name_when_it_remembers_too_many() -> None:
    allowance = Allowance(1, Clock(), most_names=2)
    for name in "abc":
        allowance.take(name)
    allowance.take("d")
    assert allowance.left("a")
    assert not allowance.left("c")


def test_taking_does_not_look_at_other_names() -> None:
    """With 100,000 names a copy of the table took 187 ms of the event loop for each request."""
    allowance = Allowance(1, Clock())
    for number in range(1000):
        allowance.take(str(number))
    table = allowance._used
    allowance.take("one more")
    assert allowance._used is table


def test_bytes_in_flight_are_limited_in_total_and_for_each_client() -> None:
    held = BytesInFlight(100, 60)
    assert held.take("a", 60)
    assert not held.take("a", 1)
    assert not held.take("b", 41)
    assert held.take("b", 40)
    held.give_back("a", 60)
    assert held.total == 40
    assert held.take("c", 60)
