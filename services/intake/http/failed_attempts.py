"""
Failed attempts to present a secret: API keys, client secrets, bearer tokens. Counted per process and hour.

A network with too many failures is refused. A client with too many failures is accepted only from networks
where it presented its secret before: an attacker cannot lock it out.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from starlette.requests import HTTPConnection

from services.intake.cases.errors import TooManyAttempts
from shared.runtime.client_limits import Allowance, network_of
from shared.runtime.console_credential import client_of

T = TypeVar("T")
MOST_OF_NETWORK: Final = 20
MOST_OF_CLIENT: Final = 100
MOST_PROVEN: Final = 10_000
BEHIND_CONSOLE: Final = "console "
"""Begin of the name of a network that calls over the console."""


@dataclass(slots=True)
class FailedAttempts:
    """Counts failed attempts by network and by client."""

    of_networks: Allowance = field(default_factory=lambda: Allowance(MOST_OF_NETWORK))
    of_sessions: Allowance = field(default_factory=lambda: Allowance(MOST_OF_NETWORK))
    """Ended sessions of staff, each with the network that shows it over the console."""
    of_clients: Allowance = field(default_factory=lambda: Allowance(MOST_OF_CLIENT))
    _proven: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)
    """Client and network of each success, the latest last."""

    def shown(self, client: str, network: str, proven: Callable[[], T | None]) -> T | None:
        """
        Return the result of *proven*, which checks the secret of *client*; count a failure if it is None.

        Raises:
            TooManyAttempts: Too many wrong secrets, and it never showed its secret from *network*.
        """
        known = (client, network) in self._proven
        if not known and not self.of_clients.left(client):
            raise TooManyAttempts("this client has shown too many wrong secrets; try again in an hour")
        found = proven()
        if found is not None:
            self._proven[client, network] = None
            self._proven.move_to_end((client, network))
            while len(self._proven) > MOST_PROVEN:
                self._proven.popitem(last=False)
        elif not known:
            self.of_clients.take(client)
        return found


def network_of_client(connection: HTTPConnection) -> str:
    """Return the network of the client of *connection*, as limits count it."""
    return network_of(connection.client.host if connection.client else "")


def network_behind(connection: HTTPConnection, console: str) -> str:
    """
    Return the network that limits count a call for: with the credential of the *console*, that of its client.

    So people behind one console, which has one address, do not use up one another's calls. The network is
    empty, and nothing is counted, for a call of the console for no client.
    """
    behind = client_of(connection.headers, console)
    if behind is None:
        return network_of_client(connection)
    return f"{BEHIND_CONSOLE}{behind}" if behind else ""
