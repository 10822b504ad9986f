"""The account for trials of the client reads events into its own queues, and nothing else."""

import re

import pytest

from shared.runtime.accounts import NOTHING, definitions

ALLOWED = {
    "configure": {"habeas-client.closed"},
    "write": {"habeas-client.closed", "habeas.requests"},
    "read": {"habeas-client.closed", "habeas.events"},
}
NAMES = {"habeas-client.closed", "habeas.requests", "habeas.events", "habeas.intake", "habeas-clients.closed"}


@pytest.mark.parametrize("kind", ALLOWED)
def test_client_reaches_its_own_queues_and_the_two_exchanges(kind: str) -> None:
    defined = definitions({"client": ("habeas-client", "sesame")}, "/", clients={"client"})
    [permission] = defined["permissions"]
    assert {name for name in NAMES if re.search(permission[kind], name)} == ALLOWED[kind]


def test_account_of_this_name_is_a_publisher_elsewhere() -> None:
    [permission] = definitions({"client": ("habeas-client", "sesame")}, "/")["permissions"]
    assert (permission["configure"], permission["read"]) == (NOTHING, NOTHING)
