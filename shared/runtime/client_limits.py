"""Limits on what one client can hold or begin: networks, allowances per hour, bytes in flight."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

HOUR_S = 3600.0
MOST_NAMES = 100_000
"""Names an allowance remembers; beyond, the oldest is dropped. A name takes about 250 bytes."""
NETWORK_BITS = 64
"""Prefix of an IPv6 network that one customer of a provider has to itself (RFC 6177)."""


def network_of(address: str) -> str:
    """
    Return the network of *address* that limits count as one client.

    An IPv6 address counts as its /64, an IPv4-mapped one as IPv4. Text that is no address counts as itself.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    prefix = int(parsed) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)
    return f"{IPv6Address(prefix)}/{NETWORK_BITS}"


@dataclass(slots=True)
class Allowance:
    """The number of times a client may act within an hour; counted per process."""

    per_hour: int
    clock: Callable[[], float] = time.monotonic
    most_names: int = MOST_NAMES
    _used: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)
    """Name → begin of its hour and number of uses, oldest hour first."""

    def take(self, name: str) -> bool:
        """Use one up; return whether there was one. The cost does not depend on the number of names."""
        now = self.clock()
        self._forget(now)
        since, used = self._used.get(name, (now, 0))
        self._used[name] = since, used + 1
        return used < self.per_hour

    def left(self, name: str) -> bool:
        """Return whether *name* has one left, without using it up."""
        self._forget(self.clock())
        return self._used.get(name, (0.0, 0))[1] < self.per_hour

    def _forget(self, now: float) -> None:
        while self._used and (
            now - next(iter(self._used.values()))[0] >= HOUR_S or len(self._used) > self.most_names
        ):
            self._used.popitem(last=False)


@dataclass(slots=True)
class BytesInFlight:
    """Bytes of unfinished bodies that this process holds: in total, and at most a share for each client."""

    most: int
    most_of_one: int
    _held: Counter[str] = field(default_factory=Counter)
    _total: int = 0

    def take(self, client: str, size: int) -> bool:
        """Hold *size* more bytes for *client*; return False, and hold none, if there is no room."""
        if self._total + size > self.most or self._held[client] + size > self.most_of_one:
            return False
        self._total += size
        self._held[client] += size
        return True

    def give_back(self, client: str, size: int) -> None:
        """Hold *size* fewer bytes for *client*."""
        self._total -= size
        self._held[client] -= size
        if self._held[client] <= 0:
            del self._held[client]

    @property
    def total(self) -> int:
        """Return the bytes that are held."""
        return self._total
